//! What is refused, and what the warehouse holds then.

use shared::contract::Contract;
use shared::partition::Dataset;
use shared::testing::Job;

use crate::{Place, Publication};

fn version(last_modified: &'static str, status: &'static str) -> Publication {
    Publication::of_year(2024, last_modified, &[("Noise", status)])
}

#[test]
fn an_older_observation_is_stale_unless_forced() {
    let place = Place::default();
    let run = |observed_at, status| {
        place.observing(observed_at, &[&version("2026-11-01T06:00:00.5", status)])
    };
    let (old, new) = ("2026-11-02T06:00:00.5Z", "2026-11-02T06:00:00.500001Z");
    run(new, "Completed").run().finished();

    let refused = run(old, "New").run();
    let cause = refused.failed(20);
    assert!(cause.contains("2024: the load of 2024 is stale"), "{cause}");
    assert!(cause.contains("FORCE=1"), "{cause}");
    assert_eq!(place.requests(), ["2024|Noise|Completed"]);
    assert_eq!(place.lake.objects("loaded/").len(), 1, "no receipt");

    run(old, "New").env("FORCE", "1").run().finished();
    assert_eq!(place.requests(), ["2024|Noise|New"]);
}

#[test]
fn older_rules_are_stale() {
    let place = Place::default();
    let newer = Publication {
        logic_version: 2,
        ..version("2026-11-01T06:00:00", "Lost=Completed")
    };
    place.job(&[&newer]).run().finished();
    let refused = place
        .job(&[&version("2026-11-01T06:00:00", "Lost=New")])
        .run();
    assert!(refused.failed(20).contains("rules 2"));
    assert_eq!(place.requests(), ["2024|Noise|Completed"]);
}

#[test]
fn counts_other_than_the_manifests_load_nothing() {
    let place = Place::default();
    place
        .job(&[&version("2026-11-01T06:00:00", "New")])
        .run()
        .finished();
    let miscounted = Publication {
        claimed: Some(7),
        ..version("2026-12-01T06:00:00", "Completed")
    };
    let refused = place.job(&[&miscounted]).run();
    let cause = refused.failed(20);
    assert!(
        cause.contains("service_requests would hold 1 rows of 2024"),
        "{cause}"
    );
    assert!(cause.contains("says 7"), "{cause}");
    assert_eq!(place.requests(), ["2024|Noise|New"]);
    assert_eq!(place.loads(), ["2024|1"]);
    assert!(place.rows("SELECT * FROM status_changes").is_empty());
}

#[test]
fn a_table_of_another_contract_is_left_alone() {
    let place = Place::default();
    place.alter("CREATE TABLE service_requests (request_id INTEGER)");
    let refused = place.job(&[&version("2026-11-01T06:00:00", "New")]).run();
    let cause = refused.failed(10);
    let version = &Contract::of(Dataset::ServiceRequests).version;
    let expected = format!(
        "service_requests has the column request_id as INTEGER, the contract {version} has it as BLOB"
    );
    assert!(cause.contains(&expected), "{cause}");
}

#[test]
fn a_missing_parquet_file_loads_nothing() {
    let place = Place::default();
    let job = place.job(&[&version("2026-11-01T06:00:00", "New")]);
    for key in place
        .lake
        .objects("clean/")
        .into_keys()
        .filter(|key| key.ends_with("02.parquet"))
    {
        std::fs::remove_file(place.lake.path().join(key)).unwrap();
    }
    let refused = job.run();
    assert!(refused.failed(30).contains("2024-02.parquet"));
    assert!(place.requests().is_empty());
    assert!(place.loads().is_empty());
}

#[test]
fn every_wrong_setting_is_named() {
    let refused = Job::new(env!("CARGO_BIN_EXE_load-job"))
        .env("LAKE_URL", "nowhere")
        .env("WAREHOUSE_URL", "duckdb://relative")
        .env("DUCKDB_LIBRARY", "/nowhere/libduckdb.so")
        .run();
    let cause = refused.failed(10);
    for name in ["LAKE_URL", "WAREHOUSE_URL", "DUCKDB_LIBRARY"] {
        assert!(cause.contains(name), "{cause}");
    }
}

#[test]
fn what_is_no_library_is_a_wrong_setting() {
    let place = Place::default();
    let refused = place
        .job(&[&version("2026-11-01T06:00:00", "New")])
        .env("DUCKDB_LIBRARY", "/bin/sh")
        .run();
    assert!(
        refused
            .failed(10)
            .contains("cannot load the DuckDB library /bin/sh")
    );
}
