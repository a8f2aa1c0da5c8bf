//! dbt's sources are the contract's tables.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use shared::contract::{Contract, Table};
use shared::partition::Dataset;
use shared::testing::variable;

use crate::{Place, REQUESTS};

#[derive(Deserialize)]
struct Sources {
    sources: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    tables: Vec<SourceTable>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct SourceTable {
    name: String,
    description: String,
    columns: Vec<SourceColumn>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct SourceColumn {
    name: String,
    data_type: String,
    description: String,
}

#[test]
fn the_sources_have_the_contracts_columns_types_and_descriptions() {
    let yaml = include_str!("../../project/models/staging/_sources.yml");
    let sources: Sources = serde_saphyr::from_str(yaml).unwrap();
    let tables = &sources.sources[0].tables;
    let contract = [
        Contract::clean_table(Dataset::ServiceRequests),
        Contract::quarantine_table(),
        Contract::clean_table(Dataset::CityWards),
        Contract::clean_table(Dataset::ForwardSortationAreas),
    ];
    for (found, table) in tables.iter().zip(contract) {
        assert_eq!(found, &source_table(table));
    }

    // The records that load-job keeps, in the words of its own definitions.
    let records = [
        include_str!("../../../load-job/src/warehouse/duckdb/load_history.sql"),
        include_str!("../../../load-job/src/warehouse/duckdb/status_changes.sql"),
    ];
    assert_eq!(tables.len(), contract.len() + records.len());
    for (found, ddl) in tables.iter().skip(contract.len()).zip(records) {
        let names: Vec<&str> = found
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        assert_eq!(names, columns_of(ddl), "{}", found.name);
    }
}

#[test]
fn the_latest_load_tells_how_fresh_the_source_is() {
    let place = Place::with(REQUESTS);
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/project");
    for (days, status) in [(39, "pass"), (101, "error")] {
        place.alter(&format!(
            "UPDATE load_history SET loaded_at = now() - INTERVAL {days} DAY"
        ));
        let target = tempfile::tempdir().unwrap();
        let output = Command::new(variable("DBT_EXECUTABLE"))
            .args(["source", "freshness", "--project-dir", project])
            .args(["--profiles-dir", project])
            .arg("--target-path")
            .arg(target.path())
            .arg("--log-path")
            .arg(target.path())
            .env("DUCKDB_FILE", place.file())
            .output()
            .unwrap();
        let found = fs::read(target.path().join("sources.json"));
        let found: Value = serde_json::from_slice(&found.unwrap_or_default())
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stdout)));
        assert_eq!(found["results"][0]["status"], status, "{days} days");
    }
}

/// The columns' names in a `CREATE TABLE`, one a line.
fn columns_of(ddl: &str) -> Vec<&str> {
    let lines = ddl.lines().skip(1).map(str::trim);
    lines
        .take_while(|line| !line.starts_with("PRIMARY KEY") && *line != ")")
        .filter_map(|line| line.split(' ').next())
        .collect()
}

#[test]
fn the_seeded_wards_are_the_contracts() {
    let mut wards = String::from("ward_model,ward_id,ward_name\n");
    for model in &Contract::rules().ward_models {
        for ward in &model.wards {
            writeln!(wards, "{},{},{}", model.size, ward.id, ward.name).unwrap();
        }
    }
    assert_eq!(include_str!("../../project/seeds/wards.csv"), wards);
}

#[test]
fn the_listed_reasons_and_statuses_are_the_contracts() {
    let project: Value =
        serde_saphyr::from_str(include_str!("../../project/dbt_project.yml")).unwrap();
    let contract: Value = serde_saphyr::from_str(Contract::text(Dataset::ServiceRequests)).unwrap();
    let named = |list: &Value, key: &str, name: &str| {
        let items = list.as_array().unwrap();
        items.iter().find(|item| item[key] == name).unwrap().clone()
    };
    let quarantine = named(&contract["schema"], "name", "quarantined_requests");
    let reason = named(&quarantine["properties"], "name", "reason");
    let allowed = named(&reason["customProperties"], "property", "allowedValues");
    assert_eq!(project["vars"]["quarantine_reasons"], allowed["value"]);

    let statuses = include_str!("../../project/seeds/statuses.csv");
    let statuses = statuses.lines().skip(1);
    let mut statuses: Vec<&str> = statuses.filter_map(|line| line.split(',').next()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, Contract::rules().statuses);
}

fn source_table(table: &Table) -> SourceTable {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let columns = table.columns.iter().map(|column| SourceColumn {
        name: column.name.clone(),
        data_type: column.kind.bigquery().to_lowercase(),
        description: one_line(&column.description),
    });
    SourceTable {
        name: table.name.clone(),
        description: one_line(&table.description),
        columns: columns.collect(),
    }
}
