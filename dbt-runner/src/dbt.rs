//! dbt as a child process: a Python program of a few lines that runs one dbt command after another, so that dbt is
//! started and the project is parsed once.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::process::children::OwnChild;
use shared::telemetry::milliseconds;
use shared::warehouse::WarehouseSettings;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::task::{JoinHandle, block_in_place};
use tracing::{debug, error, info, warn};

use crate::artifacts::{BuiltNode, FailedNode, Graph, RunResults};
use crate::candidate::{Candidate, Scope};
use crate::profile;
use crate::warehouse::Warehouse;

/// The program, which the Python interpreter beside the dbt command runs.
const DRIVER: &str = include_str!("driver.py");

/// Messages of transient errors. DuckDB's is about a locked file. BigQuery's are about limits and its own errors;
/// dbt-bigquery passes them on without their reasons: <https://cloud.google.com/bigquery/docs/error-messages>. The
/// others are of dbt-bigquery (`connections.py`: a job or an upload that took too long) and of the libraries below it:
/// google-api-core, google-auth, requests and urllib3.
const TRANSIENT: [&str; 18] = [
    "Could not set lock on file",
    "Exceeded rate limits",
    "Quota exceeded",
    "Retrying may solve the problem",
    "Retrying the job may solve the problem",
    "internal error",
    "concurrent update",
    "Operation did not complete within the designated timeout",
    "BigQuery Timeout Exceeded",
    "Job timed out",
    "Compute Engine Metadata server",
    "Connection aborted",
    "Connection broken",
    "Connection reset by peer",
    "Max retries exceeded",
    "Read timed out",
    "Response ended prematurely",
    "Timeout of ",
];
/// HTTP statuses at the start of google-api-core's messages, before the request's method.
const TRANSIENT_STATUSES: [&str; 5] = ["429", "500", "502", "503", "504"];

/// dbt and its inputs.
pub(crate) struct Dbt<'a> {
    pub(crate) executable: &'a Path,
    pub(crate) project: &'a Path,
    pub(crate) target: &'a Path,
    pub(crate) warehouse: &'a WarehouseSettings,
    /// Where dbt builds.
    pub(crate) candidate: &'a Candidate,
    /// The latest year that is loaded.
    pub(crate) latest_year: Option<i16>,
}

/// A line of dbt's log, written with `--log-format json`, or an answer of the driver.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Event(Event),
    Answer(Answer),
}

#[derive(Debug, Deserialize)]
struct Event {
    info: EventInfo,
    #[serde(default)]
    data: EventData,
}

#[derive(Debug, Deserialize)]
struct EventInfo {
    level: String,
    msg: String,
}

#[derive(Debug, Default, Deserialize)]
struct EventData {
    node_info: Option<NodeInfo>,
    execution_time: Option<f64>,
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NodeInfo {
    unique_id: String,
    node_status: String,
}

/// How a command ended.
#[derive(Debug, Deserialize)]
struct Answer {
    success: bool,
    error: Option<String>,
}

/// dbt, running, with the project parsed. It ends when it is dropped, or when this process dies.
pub(crate) struct RunningDbt<'a> {
    dbt: &'a Dbt<'a>,
    child: OwnChild,
    commands: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: JoinHandle<io::Result<String>>,
}

impl Dbt<'_> {
    /// Starts dbt and parses the project. Returns the project's graph as well.
    pub(crate) async fn start(&self) -> Result<(RunningDbt<'_>, Graph), Failure> {
        let failed = || {
            format!(
                "cannot start {}, check DBT_EXECUTABLE",
                self.executable.display()
            )
        };
        let python = interpreter(self.executable)
            .or_fail(Exit::Configuration)
            .while_doing(failed)?;
        let mut spawned = Command::new(python)
            .args(["-c", DRIVER])
            .env("DO_NOT_TRACK", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .or_fail(Exit::Configuration)
            .while_doing(failed)?;
        let pipes = (
            spawned.stdin.take(),
            spawned.stdout.take(),
            spawned.stderr.take(),
        );
        let child = OwnChild::new(spawned);
        let (Some(commands), Some(stdout), Some(stderr)) = pipes else {
            return Err(Failure::new(Exit::Bug, anyhow::anyhow!("dbt has no pipes")));
        };
        let commands = ChildStdin::from_std(commands).or_fail(Exit::Upstream)?;
        let stdout = ChildStdout::from_std(stdout).or_fail(Exit::Upstream)?;
        let mut stderr = ChildStderr::from_std(stderr).or_fail(Exit::Upstream)?;
        let complaints = tokio::spawn(async move {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).await?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        });
        let mut running = RunningDbt {
            dbt: self,
            child,
            commands,
            lines: BufReader::new(stdout).lines(),
            complaints,
        };
        let (success, errors) = running.execute(&["parse"], None).await?;
        if !success {
            return Err(without_results("dbt parse failed", &errors));
        }
        Ok((running, Graph::read(self.target)?))
    }

    /// Returns dbt's record of an earlier parse, with which it only parses what changed: of the target directory, or of
    /// the project, in which `dbt parse --target-path target/TARGET` left it. It counts for every warehouse, because
    /// dbt parses without a connection: <https://docs.getdbt.com/reference/parsing>.
    fn parsed_before(&self, target_name: &str) -> Option<PathBuf> {
        let of_project = self.project.join("target").join(target_name);
        let folders = [self.target, &of_project].into_iter();
        let mut files = folders.map(|folder| folder.join("partial_parse.msgpack"));
        files.find(|file| file.is_file())
    }

    /// Removes an artifact of an earlier dbt run from the target directory and returns its path.
    fn remove_stale(&self, artifact: &str) -> Result<PathBuf, Failure> {
        let path = self.target.join(artifact);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::new(Exit::Configuration, error).context(format!(
                    "cannot remove {} of an earlier dbt run",
                    path.display()
                )))
            }
            _ => Ok(path),
        }
    }

    /// Returns the first rows that each failed test found, in the order of `failed`. Empty for a test whose rows cannot
    /// be read; the failure is reported anyway.
    fn rows_that_fail(&self, failed: &[FailedNode]) -> Vec<Vec<String>> {
        let rows_of = |warehouse: &mut Warehouse, node: &FailedNode| {
            let statement = fs::read_to_string(node.failing_rows()?).ok()?;
            warehouse.first_rows(&statement).ok()
        };
        block_in_place(|| {
            let mut warehouse = Warehouse::open_candidate(self.warehouse, self.candidate).ok();
            let rows = failed.iter().map(|node| {
                let rows = warehouse.as_mut().and_then(|open| rows_of(open, node));
                rows.unwrap_or_default()
            });
            rows.collect()
        })
    }
}

impl RunningDbt<'_> {
    /// Runs `dbt build` on the candidate, logs the result of each node and returns their results. The unit tests of
    /// models are left out: they test the code, not the data.
    ///
    /// # Errors
    /// Lists the nodes that failed, or returns dbt's messages if it did not run any.
    pub(crate) async fn build(
        &mut self,
        graph: &Graph,
        scope: &Scope,
    ) -> Result<RunResults, Failure> {
        let results = self.dbt.remove_stale(RunResults::FILE)?;
        let mut variables = self.dbt.candidate.variables(graph, scope);
        variables["latest_year"] = json!(self.dbt.latest_year);
        let variables = variables.to_string();
        let mut arguments = vec!["build", "--vars", &variables];
        arguments.extend(["--exclude-resource-type", "unit_test"]);
        if *scope != Scope::Whole {
            arguments.extend(["--exclude", "resource_type:seed"]);
        }
        let moves = self.dbt.candidate.moves(graph, scope);
        let (success, errors) = self.execute(&arguments, Some(moves)).await?;
        if !results.is_file() {
            return Err(without_results("dbt build failed", &errors));
        }
        let results = RunResults::read(self.dbt.target)?;
        let failed = results.failed(&Graph::read(self.dbt.target)?);
        if success && failed.is_empty() {
            return Ok(results);
        }
        // Closed, so that the candidate can be read.
        self.close();
        if failed.is_empty() {
            return Err(without_results("dbt build failed", &errors));
        }
        Err(of_nodes(&failed, &self.dbt.rows_that_fail(&failed)))
    }

    /// Returns what the last build left: the results of its nodes, and the graph with their compiled SQL.
    pub(crate) fn artifacts(&self) -> Result<(RunResults, Graph), Failure> {
        let target = self.dbt.target;
        Ok((RunResults::read(target)?, Graph::read(target)?))
    }

    /// Ends dbt, and so closes its tables.
    pub(crate) fn close(&self) {
        block_in_place(|| self.child.kill()).ok();
    }

    /// Runs `dbt docs generate` and returns the docs, a single page. Must come before the build, whose compiled SQL is
    /// not published.
    ///
    /// The page describes tables as the project does, which enforces contracts. dbt is not asked to query the warehouse's
    /// catalog, which would need rights and can fail, and repeats the same.
    pub(crate) async fn document(&mut self, graph: &Graph) -> Result<Vec<u8>, Failure> {
        let page = self.dbt.remove_stale("static_index.html")?;
        let (success, errors) = self
            .execute(
                &[
                    "docs",
                    "generate",
                    "--static",
                    "--no-compile",
                    "--empty-catalog",
                ],
                Some(self.dbt.candidate.addresses(graph).into()),
            )
            .await?;
        if !success {
            return Err(without_results("dbt docs generate failed", &errors));
        }
        fs::read(&page)
            .or_fail(Exit::Upstream)
            .while_doing(|| format!("cannot read dbt's {}", page.display()))
    }

    /// Runs `dbt compile`, in which views are part of what selects from them, and returns the graph with the queries.
    pub(crate) async fn compile(&mut self, graph: &Graph, scope: &Scope) -> Result<Graph, Failure> {
        let latest_year = self.dbt.latest_year;
        let variables = match scope {
            Scope::Whole => json!({"latest_year": latest_year}),
            Scope::Years(years) => json!({"latest_year": latest_year, "changed_years": years}),
        };
        let mut moves = self.dbt.candidate.addresses(graph);
        for view in graph.built().filter(BuiltNode::is_view) {
            let attributes = moves.entry(view.id).or_insert_with(|| json!({}));
            attributes["materialized"] = json!("ephemeral");
        }
        let variables = variables.to_string();
        let arguments = [
            "compile",
            "--vars",
            &variables,
            "--exclude",
            "test_type:unit",
        ];
        let (success, errors) = self.execute(&arguments, Some(moves.into())).await?;
        if !success {
            return Err(without_results("dbt compile failed", &errors));
        }
        Graph::read(self.dbt.target)
    }

    /// Runs a command, with the attributes `moves` of nodes and a connection to the warehouse, or without one. Returns
    /// whether it succeeded, and the errors it logged outside of nodes.
    async fn execute(
        &mut self,
        command: &[&str],
        moves: Option<Value>,
    ) -> Result<(bool, Vec<String>), Failure> {
        let (target_name, variables) = profile::target(self.dbt.warehouse, self.dbt.candidate);
        let paths = [
            ("--project-dir", self.dbt.project),
            ("--profiles-dir", self.dbt.project),
            ("--target-path", self.dbt.target),
            ("--log-path", self.dbt.target),
        ];
        let mut arguments: Vec<String> = command.iter().map(ToString::to_string).collect();
        for (option, path) in paths {
            arguments.extend([option.to_owned(), path.to_string_lossy().into_owned()]);
        }
        let options = [
            "--target",
            target_name,
            "--log-format",
            "json",
            "--log-level-file",
            "none",
            "--no-use-colors",
        ];
        arguments.extend(options.map(str::to_owned));
        if let Some(parsed) = self.dbt.parsed_before(target_name) {
            let option = "--partial-parse-file-path".to_owned();
            arguments.extend([option, parsed.to_string_lossy().into_owned()]);
        }
        let environment: BTreeMap<_, _> = match moves {
            Some(_) => variables.into_iter().collect(),
            None => BTreeMap::new(),
        };
        let moves = moves.unwrap_or_else(|| json!({}));
        let command = json!({"arguments": arguments, "environment": environment, "moves": moves});
        let line = format!("{command}\n");
        // If dbt has ended, its output says why.
        self.commands.write_all(line.as_bytes()).await.ok();
        let mut errors = Vec::new();
        let answer = self
            .relay(&mut errors)
            .await
            .map_err(|error| Failure::upstream(error).context("cannot read dbt's output"))?;
        let Some(answer) = answer else {
            return Err(self.ended(errors).await);
        };
        if errors.is_empty() {
            errors.extend(answer.error);
        }
        Ok((answer.success, errors))
    }

    /// Returns the failure of a dbt that ended during a command.
    async fn ended(&mut self, mut errors: Vec<String>) -> Failure {
        let status = match block_in_place(|| self.child.wait()) {
            Ok(status) => status,
            Err(error) => return Failure::upstream(error),
        };
        // A Python traceback ends with the line that describes the error.
        if let Ok(Ok(complaints)) = (&mut self.complaints).await {
            errors.extend(complaints.lines().last().map(str::to_owned));
        }
        let what = format!("dbt ended with {status}");
        let was_killed = status.code().is_none();
        if was_killed {
            Failure::upstream(anyhow::anyhow!(described(&what, &errors)))
        } else {
            without_results(&what, &errors)
        }
    }

    /// Logs the nodes that dbt finishes, adds the errors that belong to no node to `errors`, and returns the answer;
    /// `None` if dbt ended instead.
    async fn relay(&mut self, errors: &mut Vec<String>) -> io::Result<Option<Answer>> {
        while let Some(line) = self.lines.next_line().await? {
            let Event { info, data } = match serde_json::from_str(&line) {
                Ok(Line::Event(event)) => event,
                Ok(Line::Answer(answer)) => return Ok(Some(answer)),
                Err(_) => {
                    debug!(line, "dbt");
                    continue;
                }
            };
            match (data.node_info, data.execution_time, info.level.as_str()) {
                (Some(node), Some(seconds), level) => log_node(node, data.status, seconds, level),
                (None, _, "error") if !info.msg.trim().is_empty() => errors.push(info.msg),
                _ => debug!(message_of_dbt = info.msg, "dbt"),
            }
        }
        Ok(None)
    }
}

/// Returns the Python interpreter of a dbt command: the one beside it, as in every virtual environment.
pub(crate) fn interpreter(executable: &Path) -> io::Result<PathBuf> {
    let is_bare = executable.components().count() == 1;
    let folders = env::var_os("PATH").filter(|_| is_bare);
    let in_path = folders.and_then(|folders| {
        let mut candidates = env::split_paths(&folders).map(|folder| folder.join(executable));
        candidates.find(|candidate| candidate.is_file())
    });
    // The command may be a link to that of the environment.
    let script = fs::canonicalize(in_path.as_deref().unwrap_or(executable))?;
    Ok(script.with_file_name("python"))
}

fn log_node(node: NodeInfo, status: Option<String>, seconds: f64, level: &str) {
    let unique_id = node.unique_id;
    // dbt does not set the node status of a unit test.
    let status = match status {
        Some(status) if node.node_status == "None" => status,
        _ => node.node_status,
    };
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let milliseconds = milliseconds(duration);
    match level {
        "error" => error!(unique_id, status, milliseconds, "dbt node finished"),
        "warn" => warn!(unique_id, status, milliseconds, "dbt node finished"),
        _ => info!(unique_id, status, milliseconds, "dbt node finished"),
    }
}

fn of_nodes(failed: &[FailedNode], rows: &[Vec<String>]) -> Failure {
    let nodes = failed.iter().zip(rows).map(|(node, rows)| {
        if rows.is_empty() {
            node.to_string()
        } else {
            format!("{node}: {}", rows.join(", "))
        }
    });
    let nodes = nodes.collect::<Vec<_>>().join("; ");
    // One permanent failure makes the whole build permanent.
    let exit = if failed.iter().all(|node| is_transient(&node.message)) {
        Exit::Upstream
    } else {
        Exit::Contract
    };
    Failure::new(
        exit,
        anyhow::anyhow!("{} dbt nodes failed: {nodes}", failed.len()),
    )
}

fn without_results(what: &str, errors: &[String]) -> Failure {
    let described = described(what, errors);
    let exit = if is_transient(&described) {
        Exit::Upstream
    } else {
        Exit::Configuration
    };
    Failure::new(exit, anyhow::anyhow!(described))
}

/// Joins the lines of dbt's messages.
fn described(what: &str, errors: &[String]) -> String {
    let errors = errors.join("; ");
    let errors = errors.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{what}: {errors}")
}

/// Whether dbt's message reports a transient error.
fn is_transient(message: &str) -> bool {
    let has_status = |status: &str| {
        ["GET", "POST"]
            .iter()
            .any(|method| message.contains(&format!("{status} {method} ")))
    };
    TRANSIENT.iter().any(|words| message.contains(words))
        || TRANSIENT_STATUSES.iter().any(|status| has_status(status))
}

#[cfg(test)]
mod tests {
    use super::is_transient;

    /// Messages from dbt's run results, each on one line.
    #[test]
    fn transient_errors_are_distinguished_from_permanent_ones() {
        for message in [
            "IO Error: Could not set lock on file \"w.duckdb\": Conflicting lock is held in python",
            "Database Error in model m (m.sql) Exceeded rate limits: too many table update operations for this table.",
            "Database Error in model m (m.sql) Quota exceeded: Your project exceeded quota for concurrent queries.",
            "Database Error in model m (m.sql) Transaction is aborted due to concurrent update against table p:d.t.",
            "Database Error in model m (m.sql) 503 POST http://127.0.0.1/jobs?prettyPrint=false: Service unavailable",
            "Database Error Timeout of 1800.0s exceeded, last exception: 502 GET http://127.0.0.1/queries/j: bad gateway",
            "Database Error in test t ('Connection aborted.', RemoteDisconnected('closed without response'))",
            "Runtime Error in model m (m.sql) Operation did not complete within the designated timeout of 900 seconds.",
            "Database Error in model m (m.sql) BigQuery Timeout Exceeded",
            "Database Error in model m (m.sql) Job timed out after 900s, and was cancelled",
            "Database Error in model m (m.sql) An internal error occurred and the request could not be completed.",
            "Database Error in model m (m.sql) Error encountered during execution. Retrying may solve the problem.",
            "Database Error in model m (m.sql) The job encountered an error. Retrying the job may solve the problem.",
            "Database Error Compute Engine Metadata server unavailable on http://metadata.google.internal/token",
            "Database Error HTTPSConnectionPool(host='bigquery', port=443): Max retries exceeded with url: /jobs",
            "Database Error HTTPSConnectionPool(host='bigquery', port=443): Read timed out. (read timeout=60)",
            "Database Error ('Connection broken: IncompleteRead(0 bytes read)', IncompleteRead(0 bytes read))",
            "Database Error ConnectionResetError(104, 'Connection reset by peer')",
            "Database Error Response ended prematurely",
        ] {
            assert!(is_transient(message), "{message}");
        }
        for message in [
            "Got 503 results, configured to fail if != 0",
            "Database Error in model m (m.sql) Unrecognized name: ward at [7:3]",
            "Database Error in model m (m.sql) Access Denied: Table p:d.t: User does not have permission",
            "Compilation Error 'ref' takes at least one argument",
        ] {
            assert!(!is_transient(message), "{message}");
        }
    }
}
