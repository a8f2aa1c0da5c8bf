//! The columns that each column of the models is computed from.
//!
//! dbt's artifacts do not have them. A Python program of a few lines finds them in the compiled SQL, with sqlglot. They
//! depend on the project alone, so that the lake keeps them under the project's fingerprint, and the program runs once
//! per version of the project.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::key::Key;
use shared::lake::{Content, Lake};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tracing::warn;

use crate::artifacts::Graph;

/// The program, which the Python interpreter beside the dbt command runs.
const PROGRAM: &str = include_str!("column_lineage.py");

/// The sources of columns, by model and column: the unique id of a node or source, and the name of its column.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ColumnSources {
    models: BTreeMap<String, BTreeMap<String, Vec<(String, String)>>>,
    /// The models whose SQL cannot be read, and why.
    failed: BTreeMap<String, String>,
}

impl ColumnSources {
    /// Returns the sources of the columns of a model, if they are known.
    pub(crate) fn of(&self, unique_id: &str) -> Option<&BTreeMap<String, Vec<(String, String)>>> {
        self.models.get(unique_id)
    }

    /// Returns the sources of the columns of all models of a project, or of none, with a warning, if they cannot be
    /// found: they are not worth a failure.
    ///
    /// `parsed` is the project's graph, and `built` the same after a build, with the compiled SQL and the candidate's
    /// names.
    pub(crate) async fn of_project(
        lake: &Lake,
        python: &Path,
        project: &Fingerprint,
        dialect: &str,
        (parsed, built): (&Graph, &Graph),
    ) -> Self {
        let found = async {
            let name = Fingerprint::of(&[project.as_str(), dialect, PROGRAM]);
            let key = Key::new(format!("lineage/columns/{name}.json"));
            let key = key.map_err(anyhow::Error::msg).or_fail(Exit::Bug)?;
            if let Some(json) = lake.read(&key).await? {
                return serde_json::from_slice(&json).or_fail(Exit::Contract);
            }
            let request = request(dialect, parsed, built);
            let sources: Self = run(python, &request).await?;
            let json = Bytes::from(shared::manifest::to_json(&sources));
            lake.create(&key, Content::Bytes(json)).await?;
            Ok::<_, Failure>(sources)
        };
        let sources = found.await.unwrap_or_else(|failure| {
            warn!(cause = %failure, "columns not traced");
            Self::default()
        });
        for (model, cause) in &sources.failed {
            warn!(model, cause, "columns not traced");
        }
        sources
    }
}

/// Returns what the program reads.
fn request(dialect: &str, parsed: &Graph, built: &Graph) -> Value {
    let mut tables = Map::new();
    // A partial build also reads what is published, under the names of the project.
    for graph in [parsed, built] {
        for id in graph.selectable() {
            let Some((table, columns)) = graph.table(id) else {
                continue;
            };
            let kind = |kind: &Option<String>| json!(kind.as_deref().unwrap_or("varchar"));
            let columns = columns
                .iter()
                .map(|column| (column.name.to_lowercase(), kind(&column.data_type)));
            let columns: Map<String, Value> = columns.collect();
            tables.insert(
                table.to_string().to_lowercase(),
                json!({"id": id, "columns": columns}),
            );
        }
    }
    let models: Map<String, Value> = built
        .models()
        .map(|(id, sql)| (id.to_owned(), json!(sql)))
        .collect();
    json!({"dialect": dialect, "tables": tables, "models": models})
}

async fn run(python: &Path, request: &Value) -> Result<ColumnSources, Failure> {
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .or_fail(Exit::Configuration)?;
    let request = request.to_string();
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // If the program has ended, its output says why.
            stdin.write_all(request.as_bytes()).await.ok();
        }
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), write);
    let output = output.or_fail(Exit::Upstream)?;
    if !output.status.success() {
        let complaints = String::from_utf8_lossy(&output.stderr);
        let last = complaints.lines().last().unwrap_or_default();
        let problem = anyhow::anyhow!("the program ended with {}: {last}", output.status);
        return Err(Failure::new(Exit::Configuration, problem));
    }
    serde_json::from_slice(&output.stdout).or_fail(Exit::Contract)
}
