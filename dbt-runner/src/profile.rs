//! dbt's profile, `profiles.yml` of the project.

use shared::warehouse::{WarehouseSettings, WarehouseUrl};

use crate::candidate::Candidate;

/// Returns the name of the target for a build in a warehouse, and the variables that a connection needs.
pub(crate) fn target(
    settings: &WarehouseSettings,
    candidate: &Candidate,
) -> (&'static str, Vec<(&'static str, String)>) {
    let dataset = match &settings.url {
        WarehouseUrl::DuckDb(file) => {
            let variables = vec![
                ("DUCKDB_FILE", candidate.to_string()),
                ("DUCKDB_PUBLISHED", file.to_string_lossy().into_owned()),
            ];
            return ("duckdb", variables);
        }
        WarehouseUrl::BigQuery(dataset) => dataset,
    };
    let mut variables = vec![
        ("BIGQUERY_PROJECT", dataset.project.clone()),
        ("BIGQUERY_DATASET", dataset.id.clone()),
        ("BIGQUERY_LOCATION", dataset.location.clone()),
    ];
    let Some(emulator) = &settings.bigquery_emulator else {
        return ("bigquery", variables);
    };
    variables.push(("BIGQUERY_EMULATOR_HOST", emulator.to_string()));
    ("bigquery_emulator", variables)
}
