//! Every column of random rows against a program that knows the contract and no code of the pipeline.

use std::fs;

use serde_json::{Value, json};
use shared::contract::Contract;
use shared::partition::{Dataset, Partition};
use shared::testing::{Job, TestLake};

use crate::pipeline::executable;
use crate::readers::oracle;

/// Rows that each layout keeps at least.
const THOUSANDS: u64 = 2000;

#[test]
fn every_column_of_random_rows_is_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let files = oracle(&["write", folder.path().to_str().unwrap()]);
    let files = files.as_array().unwrap();
    let transformed: Vec<(TestLake, String)> = files.iter().map(transform).collect();
    let mut arguments = vec!["compare"];
    for ((_, manifest), file) in transformed.iter().zip(files) {
        arguments.extend([manifest.as_str(), file["path"].as_str().unwrap()]);
    }
    let compared = oracle(&arguments);
    let compared = compared.as_object().unwrap();
    assert_eq!(compared.len(), files.len());

    let columns = Contract::clean_table(Dataset::ServiceRequests).column_names();
    let mut columns: Vec<&str> = columns.collect();
    columns.sort_unstable();
    for (layout, found) in compared {
        assert_eq!(found["differences"], json!([]), "{layout}: {found:#}");
        assert_eq!(found["columns"], json!(columns), "{layout}");
        assert!(
            found["kept"].as_u64() >= Some(THOUSANDS),
            "{layout}: {found}"
        );
        for rule in ["duplicates", "in_fold", "in_gap"] {
            assert!(found[rule].as_u64() > Some(0), "{layout} has no row {rule}");
        }
    }
    let repaired = compared.values().filter(|found| found["repaired"] != 0);
    assert!(repaired.count() >= files.len() / 2, "{compared:#?}");
    for reason in &Contract::rules().quarantine_reasons {
        let has_reason =
            |found: &Value| found["quarantined_by_reason"][&reason.name] != Value::Null;
        // A quote that does not end is a matter of lines, which tests of the job have.
        let expected = reason.name != "unbalanced_quote";
        assert_eq!(
            compared.values().any(has_reason),
            expected,
            "{}",
            reason.name
        );
    }
}

/// Transforms a file as that of its year, published in its last month. Returns the lake, and the path of the clean manifest.
fn transform(file: &Value) -> (TestLake, String) {
    let year = i16::try_from(file["year"].as_i64().unwrap()).unwrap();
    let csv = fs::read(file["path"].as_str().unwrap()).unwrap();
    let lake = TestLake::default();
    let published = format!("{year}-12-15T00:00:00");
    let raw = lake.put_raw(
        Partition::Year(year),
        &format!("SR{year}.csv"),
        &published,
        &csv,
    );
    Job::new(executable("transform-job"))
        .env("LAKE_URL", lake.url())
        .env("RUN_ID", "oracle")
        .env("MANIFESTS", raw.as_str())
        .env("MAX_QUARANTINE_RATIO", "0.3")
        .run()
        .finished();
    let manifests = lake.manifests("clean/");
    let key = manifests.keys().next().unwrap();
    let path = lake.path().join(key).to_str().unwrap().to_owned();
    (lake, path)
}
