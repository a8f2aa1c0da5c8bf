//! dbt as a child process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use serde::Deserialize;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::warehouse::WarehouseSettings;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStdout, Command};
use tokio::task::block_in_place;
use tracing::{debug, error, info, warn};

use crate::artifacts::{FailedNode, Graph, RunResults, SourceFreshness};
use crate::profile;
use crate::warehouse::Warehouse;

/// What warehouses say where a later build may succeed: DuckDB of a file that another process has, BigQuery of what it is
/// short of and of its own errors. dbt-bigquery passes on its messages without their reasons.
/// <https://cloud.google.com/bigquery/docs/error-messages>
const PASSING: [&str; 11] = [
    "Could not set lock on file",
    "Exceeded rate limits",
    "Quota exceeded",
    "Retrying may solve the problem",
    "Retrying the job may solve the problem",
    "internal error",
    "concurrent update",
    "Connection aborted",
    "Max retries exceeded",
    "Read timed out",
    "Timeout of ",
];
/// Statuses with which google-api-core begins its messages, before the request's method.
const PASSING_STATUSES: [&str; 5] = ["429", "500", "502", "503", "504"];

/// dbt, and what it works on.
pub(crate) struct Dbt<'a> {
    pub(crate) executable: &'a Path,
    pub(crate) project: &'a Path,
    pub(crate) target: &'a Path,
    pub(crate) warehouse: &'a WarehouseSettings,
}

/// How much is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The years that changed; of the marts that are not kept by year, everything.
    Changed,
    /// Everything.
    Whole,
}

/// A line of dbt's log, `--log-format json`.
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

impl Dbt<'_> {
    /// Runs `dbt build`, logs what becomes of its nodes, and gives its artifacts. `variables` are those of the project,
    /// as YAML.
    ///
    /// # Errors
    /// What failed: nodes by name, or what dbt said before it came to any.
    pub(crate) async fn build(
        &self,
        variables: &str,
        extent: Extent,
    ) -> Result<(RunResults, Graph), Failure> {
        let results = self.forget(RunResults::FILE)?;
        let mut arguments = vec!["build", "--vars", variables];
        if extent == Extent::Whole {
            arguments.push("--full-refresh");
        }
        let (status, errors) = self.execute(&arguments).await?;
        if !results.is_file() {
            return Err(without_results(status, &errors));
        }
        let (results, graph) = (RunResults::read(self.target)?, Graph::read(self.target)?);
        let failed = results.failed(&graph);
        if status.success() && failed.is_empty() {
            return Ok((results, graph));
        }
        Err(self.failure(status, &errors, &failed))
    }

    /// Runs `dbt source freshness`: what is old is a warning in the log. `variables` are those of the build, so that the
    /// project need not be parsed again.
    ///
    /// # Errors
    /// Which sources could not be asked.
    pub(crate) async fn check_freshness(&self, variables: &str) -> Result<(), Failure> {
        let results = self.forget(SourceFreshness::FILE)?;
        let arguments = ["source", "freshness", "--vars", variables];
        let (status, errors) = self.execute(&arguments).await?;
        if status.success() {
            return Ok(());
        }
        if !results.is_file() {
            return Err(without_results(status, &errors));
        }
        let failed = SourceFreshness::read(self.target)?.failed();
        Err(self.failure(status, &errors, &failed))
    }

    /// Why dbt failed: the nodes that did, or else what it said.
    fn failure(&self, status: ExitStatus, errors: &[String], failed: &[FailedNode]) -> Failure {
        if failed.is_empty() {
            without_results(status, errors)
        } else {
            of_nodes(failed, &self.rows_that_fail(failed))
        }
    }

    /// Removes what an earlier dbt left in the target directory; gives where it was.
    fn forget(&self, artifact: &str) -> Result<PathBuf, Failure> {
        let path = self.target.join(artifact);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::new(Exit::Configuration, error)
                    .context(format!("remove {} of an earlier dbt", path.display())))
            }
            _ => Ok(path),
        }
    }

    /// The first rows that each failed test found, by the place of the test in `failed`: which years, which names. Empty
    /// where they cannot be read; the failure is told all the same.
    fn rows_that_fail(&self, failed: &[FailedNode]) -> Vec<Vec<String>> {
        let rows_of = |warehouse: &mut Warehouse, node: &FailedNode| {
            let statement = fs::read_to_string(node.failing_rows()?).ok()?;
            warehouse.first_rows(&statement).ok()
        };
        block_in_place(|| {
            let mut warehouse = Warehouse::open(self.warehouse).ok();
            let rows = failed.iter().map(|node| {
                let rows = warehouse.as_mut().and_then(|open| rows_of(open, node));
                rows.unwrap_or_default()
            });
            rows.collect()
        })
    }

    /// Runs `dbt docs generate`: the docs as one page, which is in the target directory then, and the graph.
    pub(crate) async fn document(&self) -> Result<(PathBuf, Graph), Failure> {
        // What is compiled is not shown to the public, and is what was built.
        let mut arguments = vec!["docs", "generate", "--static", "--no-compile"];
        if profile::target(self.warehouse).0 == profile::EMULATOR_TARGET {
            // dbt asks for the catalog by a query that the emulator refuses; the docs then lack what the warehouse says
            // of its tables, and have all that the project says.
            arguments.push("--empty-catalog");
        }
        let (status, errors) = self.execute(&arguments).await?;
        let page = self.target.join("static_index.html");
        if !status.success() || !page.is_file() {
            return Err(without_results(status, &errors));
        }
        Ok((page, Graph::read(self.target)?))
    }

    /// Gives dbt's exit status and the errors it logged outside of nodes.
    async fn execute(&self, arguments: &[&str]) -> Result<(ExitStatus, Vec<String>), Failure> {
        let (target_name, variables) = profile::target(self.warehouse);
        let mut child = Command::new(self.executable)
            .args(arguments)
            .arg("--project-dir")
            .arg(self.project)
            .arg("--profiles-dir")
            .arg(self.project)
            .args(["--target", target_name])
            .arg("--target-path")
            .arg(self.target)
            .arg("--log-path")
            .arg(self.target.join("logs"))
            .args(["--log-format", "json", "--no-use-colors"])
            .envs(variables)
            .env("DO_NOT_TRACK", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .or_fail(Exit::Configuration)
            .while_doing(|| {
                format!(
                    "start {}; DBT_EXECUTABLE names it",
                    self.executable.display()
                )
            })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let log = async {
            match stdout {
                Some(stdout) => relay(stdout).await,
                None => Ok(Vec::new()),
            }
        };
        let complaints = async {
            let mut text = Vec::new();
            if let Some(mut stderr) = stderr {
                stderr.read_to_end(&mut text).await?;
            }
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        let (mut errors, complaints) = tokio::try_join!(log, complaints)
            .map_err(|error: io::Error| Failure::upstream(error).context("read dbt's output"))?;
        let status = child.wait().await.or_fail(Exit::Upstream)?;
        // A crash of Python ends with the line that says what it was.
        errors.extend(complaints.lines().last().map(str::to_owned));
        Ok((status, errors))
    }
}

/// Logs the nodes that dbt finishes; gives the errors that are of none.
async fn relay(stdout: ChildStdout) -> io::Result<Vec<String>> {
    let mut errors = Vec::new();
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        let Ok(Event { info, data }) = serde_json::from_str(&line) else {
            debug!(line, "dbt");
            continue;
        };
        match (data.node_info, data.execution_time, info.level.as_str()) {
            (Some(node), Some(seconds), level) => {
                let unique_id = node.unique_id;
                // dbt gives a unit test no node status.
                let status = match data.status {
                    Some(status) if node.node_status == "None" => status,
                    _ => node.node_status,
                };
                match level {
                    "error" => error!(unique_id, status, seconds, "dbt node finished"),
                    "warn" => warn!(unique_id, status, seconds, "dbt node finished"),
                    _ => info!(unique_id, status, seconds, "dbt node finished"),
                }
            }
            (None, _, "error") if !info.msg.trim().is_empty() => errors.push(info.msg),
            _ => debug!(message_of_dbt = info.msg, "dbt"),
        }
    }
    Ok(errors)
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
    // What is broken is not mended by what may pass.
    let exit = if failed.iter().all(|node| may_pass(&node.message)) {
        Exit::Upstream
    } else {
        Exit::Contract
    };
    Failure::new(
        exit,
        anyhow::anyhow!("{} dbt nodes failed: {nodes}", failed.len()),
    )
}

fn without_results(status: ExitStatus, errors: &[String]) -> Failure {
    let errors = errors.join("; ");
    let errors = errors.split_whitespace().collect::<Vec<_>>().join(" ");
    let exit = if status.code().is_none() || may_pass(&errors) {
        Exit::Upstream
    } else {
        Exit::Configuration
    };
    Failure::new(exit, anyhow::anyhow!("dbt ended with {status}: {errors}"))
}

/// Whether a later build may not meet what dbt tells of.
fn may_pass(message: &str) -> bool {
    let has_status = |status: &str| {
        ["GET", "POST"]
            .iter()
            .any(|method| message.contains(&format!("{status} {method} ")))
    };
    PASSING.iter().any(|words| message.contains(words))
        || PASSING_STATUSES.iter().any(|status| has_status(status))
}

#[cfg(test)]
mod tests {
    use super::may_pass;

    /// As dbt's run results have them, on one line.
    #[test]
    fn what_may_pass_is_told_from_what_is_broken() {
        for message in [
            "IO Error: Could not set lock on file \"w.duckdb\": Conflicting lock is held in python",
            "Database Error in model m (m.sql) Exceeded rate limits: too many table update operations for this table.",
            "Database Error in model m (m.sql) Quota exceeded: Your project exceeded quota for concurrent queries.",
            "Database Error in model m (m.sql) Transaction is aborted due to concurrent update against table p:d.t.",
            "Database Error in model m (m.sql) 503 POST http://127.0.0.1/jobs?prettyPrint=false: Service unavailable",
            "Database Error Timeout of 1800.0s exceeded, last exception: 502 GET http://127.0.0.1/queries/j: bad gateway",
            "Database Error in test t ('Connection aborted.', RemoteDisconnected('closed without response'))",
        ] {
            assert!(may_pass(message), "{message}");
        }
        for message in [
            "Got 503 results, configured to fail if != 0",
            "Database Error in model m (m.sql) Unrecognized name: ward at [7:3]",
            "Database Error in model m (m.sql) Access Denied: Table p:d.t: User does not have permission",
            "Compilation Error 'ref' takes at least one argument",
        ] {
            assert!(!may_pass(message), "{message}");
        }
    }
}
