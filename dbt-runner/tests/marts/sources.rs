//! dbt's sources are the contract's tables.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;
use shared::contract::{Contract, Table};
use shared::partition::Dataset;
use shared::testing::JobOutcome;

use crate::{Place, RECORDS, REQUESTS};

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
    assert_eq!(tables.len(), contract.len() + RECORDS.len());
    for (found, ddl) in tables.iter().skip(contract.len()).zip(RECORDS) {
        let names: Vec<&str> = found
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        assert_eq!(names, columns_of(ddl), "{}", found.name);
    }
}

#[test]
fn the_latest_content_that_was_observed_is_how_fresh_the_source_is() {
    const SOURCE: &str = "source.toronto_311.warehouse.service_requests";
    let place = Place::with(REQUESTS);
    let observed_before = |days: u32| {
        place.alter(&format!(
            "UPDATE load_history SET observed_at = now() - INTERVAL {days} DAY"
        ));
        place.job().env("FORCE", "1").run()
    };
    let severity_of_source = |outcome: &JobOutcome| {
        let mut events = outcome.log.iter();
        let of_source = events.find(|event| event["uniqueId"] == SOURCE).unwrap();
        of_source["severity"].clone()
    };
    for (days, severity) in [(39, "INFO"), (41, "WARNING"), (400, "WARNING")] {
        let outcome = observed_before(days);
        outcome.finished();
        assert_eq!(severity_of_source(&outcome), severity, "{days} days");
    }
}

/// BigQuery casts no text to JSON, as dbt would have it do; the emulators do.
#[test]
fn no_unit_test_gives_json_as_text() {
    let sources: Sources =
        serde_saphyr::from_str(include_str!("../../project/models/staging/_sources.yml")).unwrap();
    let tables = sources.sources.into_iter().flat_map(|source| source.tables);
    let columns = tables.flat_map(|table| table.columns);
    let json: Vec<String> = columns
        .filter(|column| column.data_type == "json")
        .map(|column| column.name)
        .collect();
    assert!(!json.is_empty());

    let yaml = include_str!("../../project/models/marts/_unit_tests.yml");
    let tests: Value = serde_saphyr::from_str(yaml).unwrap();
    let tests = tests["unit_tests"].as_array().unwrap().iter();
    for input in tests.flat_map(|test| test["given"].as_array().unwrap()) {
        let rows = input["rows"].as_array().into_iter().flatten();
        for name in rows.flat_map(|row| row.as_object().unwrap().keys()) {
            assert!(!json.contains(name), "{name} in {input}");
        }
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
