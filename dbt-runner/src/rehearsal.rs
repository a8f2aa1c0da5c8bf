//! A build that is not published, in a dataset of its own: `dev/smoke` asks BigQuery by it whether it accepts the project.

use std::path::Path;

use shared::exit::{Exit, Failure, OrFail as _};
use shared::process::scratch::Scratch;
use shared::warehouse::{WarehouseSettings, WarehouseUrl};

use crate::artifacts::Graph;
use crate::candidate::{Candidate, Scope};
use crate::dbt::Dbt;

/// The result of a rehearsal.
#[derive(Debug)]
pub struct Rehearsal {
    /// The number of marts in dbt's docs, or why the docs could not be generated.
    pub docs: Result<usize, Failure>,
    /// The number of nodes that were built and tested, or which failed.
    pub nodes: Result<usize, Failure>,
}

/// Parses the project, generates its docs, and builds and tests a whole candidate in the dataset of the warehouse, as the
/// stage does in its own.
///
/// # Errors
/// Fails if dbt cannot be started or does not parse the project.
pub async fn rehearse(
    warehouse: &WarehouseSettings,
    executable: &Path,
    project: &Path,
) -> Result<Rehearsal, Failure> {
    let WarehouseUrl::BigQuery(dataset) = &warehouse.url else {
        let problem = anyhow::anyhow!("{} is not a dataset of BigQuery", warehouse.url);
        return Err(Failure::new(Exit::Configuration, problem));
    };
    let target = Scratch::default();
    let candidate = Candidate::BigQuery {
        project: dataset.project.clone(),
        loaded: dataset.id.clone(),
        dataset: dataset.id.clone(),
        prefix: "candidate_".to_owned(),
    };
    let dbt = Dbt {
        executable,
        project,
        target: target.path().or_fail(Exit::Upstream)?,
        warehouse,
        candidate: &candidate,
        latest_year: None,
    };
    let (mut running, graph) = dbt.start().await?;
    let docs = running.document(&graph).await;
    let nodes = running.build(&graph, &Scope::Whole).await;
    running.close();
    Ok(Rehearsal {
        docs: docs.and_then(|page| documented(&page, &graph)),
        nodes: nodes.map(|results| results.len()),
    })
}

/// Returns the number of marts, which the docs all have.
fn documented(page: &[u8], graph: &Graph) -> Result<usize, Failure> {
    let page = String::from_utf8_lossy(page);
    let marts = graph.marts();
    for mart in &marts {
        if !page.contains(&format!(".{}\"", mart.table.name)) {
            let problem = anyhow::anyhow!("dbt's docs do not contain {}", mart.table);
            return Err(Failure::contract(problem));
        }
    }
    Ok(marts.len())
}
