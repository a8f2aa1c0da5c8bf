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

use crate::artifacts::{FailedNode, Graph, RunResults};
use crate::warehouse::{self, Warehouse};

/// How DuckDB says that another process has the file.
const IN_USE: &str = "Could not set lock on file";

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
        let results = self.target.join(RunResults::FILE);
        match fs::remove_file(&results) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::new(Exit::Configuration, error)
                    .context(format!("remove {} of an earlier build", results.display())));
            }
            _ => {}
        }
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
        if failed.is_empty() {
            return Err(without_results(status, &errors));
        }
        Err(of_nodes(&failed, &self.rows_that_fail(&failed)))
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
        if warehouse::profile(self.warehouse).0 == warehouse::EMULATOR_TARGET {
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
        let (target_name, variables) = warehouse::profile(self.warehouse);
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
    let exit = if nodes.contains(IN_USE) {
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
    let exit = if status.code().is_none() || errors.contains(IN_USE) {
        Exit::Upstream
    } else {
        Exit::Configuration
    };
    Failure::new(exit, anyhow::anyhow!("dbt ended with {status}: {errors}"))
}
