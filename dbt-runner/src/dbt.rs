//! dbt as a child process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::telemetry::milliseconds;
use shared::warehouse::WarehouseSettings;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStdout, Command};
use tokio::task::block_in_place;
use tracing::{debug, error, info, warn};

use crate::artifacts::{FailedNode, Graph, RunResults, SourceFreshness};
use crate::profile;
use crate::warehouse::Warehouse;

/// Messages of transient errors: DuckDB's about a locked file, BigQuery's about limits and its own errors. dbt-bigquery
/// passes BigQuery's messages on without their reasons. <https://cloud.google.com/bigquery/docs/error-messages>
const TRANSIENT: [&str; 11] = [
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
/// HTTP statuses at the start of google-api-core's messages, before the request's method.
const TRANSIENT_STATUSES: [&str; 5] = ["429", "500", "502", "503", "504"];

/// dbt and its inputs.
pub(crate) struct Dbt<'a> {
    pub(crate) executable: &'a Path,
    pub(crate) project: &'a Path,
    pub(crate) target: &'a Path,
    pub(crate) warehouse: &'a WarehouseSettings,
}

/// How much dbt builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuildMode {
    /// Only the changed years of marts that are stored by year, and all of the others.
    Incremental,
    /// Everything.
    FullRefresh,
}

/// A line of dbt's log, written with `--log-format json`.
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
    /// Runs `dbt build`, logs the result of each node and returns the artifacts. `variables` are the project's, as
    /// YAML.
    ///
    /// # Errors
    /// Lists the nodes that failed, or returns dbt's messages if it did not run any.
    pub(crate) async fn build(
        &self,
        variables: &str,
        mode: BuildMode,
    ) -> Result<(RunResults, Graph), Failure> {
        let results = self.remove_stale(RunResults::FILE)?;
        let mut arguments = vec!["build", "--vars", variables];
        if mode == BuildMode::FullRefresh {
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

    /// Runs `dbt source freshness`, which logs a warning for a stale source. `variables` are those of the build, so
    /// that dbt need not parse the project again.
    ///
    /// # Errors
    /// Lists the sources that could not be checked.
    pub(crate) async fn check_freshness(&self, variables: &str) -> Result<(), Failure> {
        let results = self.remove_stale(SourceFreshness::FILE)?;
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

    /// Returns the failure of dbt: the failed nodes, or else its messages.
    fn failure(&self, status: ExitStatus, errors: &[String], failed: &[FailedNode]) -> Failure {
        if failed.is_empty() {
            without_results(status, errors)
        } else {
            of_nodes(failed, &self.rows_that_fail(failed))
        }
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
            let mut warehouse = Warehouse::open(self.warehouse).ok();
            let rows = failed.iter().map(|node| {
                let rows = warehouse.as_mut().and_then(|open| rows_of(open, node));
                rows.unwrap_or_default()
            });
            rows.collect()
        })
    }

    /// Runs `dbt docs generate`. Returns the path of the docs, a single page in the target directory, and the graph.
    pub(crate) async fn document(&self) -> Result<(PathBuf, Graph), Failure> {
        // Skip compilation: compiled SQL is not published, and it is unchanged since the build.
        let mut arguments = vec!["docs", "generate", "--static", "--no-compile"];
        if profile::target(self.warehouse).0 == profile::EMULATOR_TARGET {
            // The emulator refuses dbt's catalog query. Without it the docs lack the warehouse's description of its
            // tables, but have all of the project's.
            arguments.push("--empty-catalog");
        }
        let (status, errors) = self.execute(&arguments).await?;
        let page = self.target.join("static_index.html");
        if !status.success() || !page.is_file() {
            return Err(without_results(status, &errors));
        }
        Ok((page, Graph::read(self.target)?))
    }

    /// Returns dbt's exit status and the errors it logged outside of nodes.
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
                    "cannot start {}, check DBT_EXECUTABLE",
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
        let (mut errors, complaints) =
            tokio::try_join!(log, complaints).map_err(|error: io::Error| {
                Failure::upstream(error).context("cannot read dbt's output")
            })?;
        let status = child.wait().await.or_fail(Exit::Upstream)?;
        // A Python traceback ends with the line that describes the error.
        errors.extend(complaints.lines().last().map(str::to_owned));
        Ok((status, errors))
    }
}

/// Logs the nodes that dbt finishes, and returns the errors that belong to no node.
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
                // dbt does not set the node status of a unit test.
                let status = match data.status {
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

fn without_results(status: ExitStatus, errors: &[String]) -> Failure {
    let errors = errors.join("; ");
    let errors = errors.split_whitespace().collect::<Vec<_>>().join(" ");
    let exit = if status.code().is_none() || is_transient(&errors) {
        Exit::Upstream
    } else {
        Exit::Configuration
    };
    Failure::new(exit, anyhow::anyhow!("dbt ended with {status}: {errors}"))
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
