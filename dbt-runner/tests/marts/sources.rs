//! dbt's sources: how fresh they are, and what unit tests may state of them.

use serde_json::Value;
use shared::contract::{ColumnType, Contract};
use shared::testing::JobOutcome;

use crate::{Fixture, REQUESTS};

#[test]
fn a_portal_without_new_content_for_long_is_reported_by_every_run() {
    let fixture = Fixture::with(REQUESTS);
    let after = |days: u32| {
        fixture.alter(&format!(
            "UPDATE load_history SET observed_at = now() - INTERVAL {days} DAY"
        ));
        fixture.job().run()
    };
    let warnings = |outcome: &JobOutcome| {
        outcome.finished();
        let warnings = outcome
            .log
            .iter()
            .filter(|event| event["message"] == "no new content observed on the portal");
        let days = warnings.map(|warning| warning["days"].as_u64().unwrap());
        days.collect::<Vec<_>>()
    };
    assert_eq!(warnings(&after(39)), Vec::<u64>::new());
    assert_eq!(warnings(&after(41)), [41]);
    assert_eq!(warnings(&after(400)), [400]);
}

/// dbt would cast the text to JSON, which BigQuery refuses and the emulators accept.
#[test]
fn no_unit_test_gives_json_as_text() {
    let tables = Contract::all_tables();
    let columns = tables.flat_map(|table| &table.columns);
    let json: Vec<&str> = columns
        .filter(|column| column.kind == ColumnType::Json)
        .map(|column| column.name.as_str())
        .collect();
    assert!(!json.is_empty());

    let marts = concat!(env!("CARGO_MANIFEST_DIR"), "/project/models/marts");
    let files = std::fs::read_dir(marts)
        .unwrap()
        .map(|entry| entry.unwrap());
    let files = files.map(|file| file.path());
    for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "yml")) {
        let yaml: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let tests = yaml["unit_tests"].as_array().into_iter().flatten();
        for input in tests.flat_map(|test| test["given"].as_array().unwrap()) {
            let rows = input["rows"].as_array().into_iter().flatten();
            for name in rows.flat_map(|row| row.as_object().unwrap().keys()) {
                assert!(!json.contains(&name.as_str()), "{name} in {input}");
            }
        }
    }
}
