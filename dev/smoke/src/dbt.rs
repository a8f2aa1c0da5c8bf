//! The dbt project on the tables that were loaded.

use std::path::PathBuf;
use std::time::Duration;

use dbt_runner::rehearsal::{Rehearsal, rehearse};
use shared::exit::{Exit, Failure};
use shared::warehouse::WarehouseSettings;
use tokio::time::timeout;

use crate::lake::warehouse_url;
use crate::report::{Answer, Asked, NotAsked, Report, silent};
use crate::settings::Settings;
use crate::throwaway::Names;

const LIMIT: Duration = Duration::from_mins(20);

/// Generates the docs of the project, and builds and tests its marts in the dataset of the checks.
pub(crate) async fn check(
    settings: &Settings,
    names: &Names,
    is_loaded: bool,
    report: &mut Report,
) {
    let limit = settings.limit(LIMIT);
    let rehearsed = timeout(limit, Box::pin(rehearsed(settings, names, is_loaded))).await;
    let (docs, nodes) = match rehearsed.unwrap_or_else(|_| Err(silent(limit))) {
        Ok(Rehearsal { docs, nodes }) => (answer(docs, "marts"), answer(nodes, "nodes")),
        Err(not_asked) => (Err(not_asked.clone()), Err(not_asked)),
    };
    report.add("dbt docs generate", "a page that has every mart", docs);
    report.add(
        "dbt build of a candidate",
        "every seed, model and test succeeds",
        nodes,
    );
}

async fn rehearsed(
    settings: &Settings,
    names: &Names,
    is_loaded: bool,
) -> Result<Rehearsal, NotAsked> {
    if !is_loaded {
        return Err(NotAsked::because("needs the loaded tables"));
    }
    let url = warehouse_url(settings, &names.dataset).parse();
    let warehouse = WarehouseSettings {
        url: url.map_err(|problem: String| NotAsked::because(problem))?,
        duckdb_library: PathBuf::new(),
        bigquery_emulator: settings.endpoints.bigquery.clone(),
    };
    let rehearsal = rehearse(&warehouse, &settings.dbt_executable, &settings.dbt_project).await;
    rehearsal.map_err(|failure| NotAsked::because(failure.to_string()))
}

fn answer(result: Result<usize, Failure>, unit: &str) -> Asked {
    match result {
        Ok(number) => Ok(Answer::AsExpected(format!("{number} {unit}"))),
        Err(failure) if failure.exit() == Exit::Upstream => {
            Err(NotAsked::because(failure.to_string()))
        }
        Err(failure) => Ok(Answer::Other(failure.to_string())),
    }
}
