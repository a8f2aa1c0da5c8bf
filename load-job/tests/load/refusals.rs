//! Refused loads, and the warehouse's content afterwards.

use shared::contract::Contract;
use shared::key::Key;
use shared::partition::Dataset;
use shared::testing::Job;

use crate::{Fixture, Publication};

fn version(last_modified: &'static str, status: &'static str) -> Publication {
    Publication::of_year(2024, last_modified, &[("Noise", status)])
}

#[test]
fn an_older_observation_is_stale_unless_forced() {
    let fixture = Fixture::default();
    let run = |observed_at, status| {
        fixture.observing(observed_at, &[&version("2026-11-01T06:00:00.5", status)])
    };
    let (old, new) = ("2026-11-02T06:00:00.5Z", "2026-11-02T06:00:00.500001Z");
    run(new, "Completed").run().finished();

    let refused = run(old, "New").run();
    let cause = refused.failed(20);
    assert!(cause.contains("2024: the load of 2024 is stale"), "{cause}");
    assert!(cause.contains("FORCE=1"), "{cause}");
    assert_eq!(fixture.requests(), ["2024|Noise|Completed"]);
    assert_eq!(
        fixture.lake.objects("loaded/").len(),
        1,
        "no second receipt"
    );

    run(old, "New").env("FORCE", "1").run().finished();
    assert_eq!(fixture.requests(), ["2024|Noise|New"]);
}

#[test]
fn older_rules_are_stale() {
    let fixture = Fixture::default();
    let newer = Publication {
        logic_version: 2,
        ..version("2026-11-01T06:00:00", "Lost=Completed")
    };
    fixture.job(&[&newer]).run().finished();
    let refused = fixture
        .job(&[&version("2026-11-01T06:00:00", "Lost=New")])
        .run();
    assert!(refused.failed(20).contains("rules 2"));
    assert_eq!(fixture.requests(), ["2024|Noise|Completed"]);
}

#[test]
fn a_count_that_differs_from_the_manifest_loads_nothing() {
    let fixture = Fixture::default();
    fixture
        .job(&[&version("2026-11-01T06:00:00", "New")])
        .run()
        .finished();
    let miscounted = Publication {
        claimed: Some(7),
        ..version("2026-12-01T06:00:00", "Completed")
    };
    let refused = fixture.job(&[&miscounted]).run();
    let cause = refused.failed(20);
    assert!(
        cause.contains("cannot load 2024: service_requests would contain 1 rows"),
        "{cause}"
    );
    assert!(cause.contains("instead of the 7"), "{cause}");
    assert_eq!(fixture.requests(), ["2024|Noise|New"]);
    assert_eq!(fixture.loads(), ["2024|1"]);
    assert!(fixture.rows("SELECT * FROM status_changes").is_empty());
}

#[test]
fn a_table_of_another_contract_is_left_alone() {
    let fixture = Fixture::default();
    fixture.alter("CREATE TABLE service_requests (request_id INTEGER)");
    let refused = fixture.job(&[&version("2026-11-01T06:00:00", "New")]).run();
    let cause = refused.failed(10);
    let version = &Contract::of(Dataset::ServiceRequests).version;
    let expected = format!(
        "cannot load into service_requests: the column request_id is INTEGER, but BLOB in the contract {version}"
    );
    assert!(cause.contains(&expected), "{cause}");
}

#[test]
fn a_missing_parquet_file_loads_nothing() {
    let fixture = Fixture::default();
    let job = fixture.job(&[&version("2026-11-01T06:00:00", "New")]);
    for key in fixture
        .lake
        .objects("clean/")
        .into_keys()
        .filter(|key| key.ends_with("02.parquet"))
    {
        std::fs::remove_file(fixture.lake.path().join(key)).unwrap();
    }
    let refused = job.run();
    assert!(refused.failed(30).contains("2024-02.parquet"));
    assert!(fixture.requests().is_empty());
    assert!(fixture.loads().is_empty());
}

/// A single bit, in any file, also in one that DuckDB would read without an error.
#[test]
fn an_altered_parquet_file_loads_nothing() {
    let fixture = Fixture::default();
    let publication = version("2026-11-01T06:00:00", "New");
    let job = || fixture.job(&[&publication]);
    let whole = job();
    let keys = fixture.lake.objects("clean/").into_keys();
    for key in keys.filter(|key| key.ends_with(".parquet")) {
        let path = fixture.lake.path().join(&key);
        let intact = std::fs::read(&path).unwrap();
        for altered in [
            [&intact[..40], &[intact[40] ^ 1], &intact[41..]].concat(),
            intact[1..].to_vec(),
        ] {
            std::fs::write(&path, altered).unwrap();
            // The fixture would write the file again.
            let manifest = key.rsplit_once('/').unwrap().0.to_owned() + "/manifest.json";
            let refused = fixture.of_run("test").env("MANIFESTS", manifest).run();
            let cause = refused.failed(70);
            assert!(cause.contains(&format!("{key} has ")), "{cause}");
            assert!(fixture.requests().is_empty());
            assert!(fixture.loads().is_empty());
        }
        std::fs::write(&path, intact).unwrap();
    }
    whole.run().finished();
    assert_eq!(fixture.requests(), ["2024|Noise|New"]);
}

/// What a manifest says of itself is checked before anything is loaded from it.
#[test]
fn a_manifest_in_the_place_of_another_loads_nothing() {
    let fixture = Fixture::default();
    let job = fixture.job(&[&version("2026-11-01T06:00:00", "New")]);
    let (key, manifest) = fixture.lake.manifests("clean/").pop_first().unwrap();
    let key = Key::new(key).unwrap();
    for (field, value, exit) in [
        ("fingerprint", "../../up", 20),
        ("fingerprint", "0123456789abcdef0123456789abcdef", 70),
        ("partition", "2023", 70),
        ("partition", "-1", 20),
    ] {
        let mut altered = manifest.clone();
        altered[field] = value.into();
        fixture.lake.put(&key, altered.to_string().as_bytes());
        let refused = fixture.of_run("test").env("MANIFESTS", key.as_str()).run();
        assert!(refused.failed(exit).contains(key.as_str()), "{refused}");
        assert!(fixture.requests().is_empty());
        assert!(fixture.loads().is_empty());
    }
    fixture.lake.put(&key, manifest.to_string().as_bytes());
    job.run().finished();
}

#[test]
fn a_warehouse_that_is_no_database_is_a_configuration_error() {
    let fixture = Fixture::default();
    let run = |url: String| {
        let job = fixture.job(&[&version("2026-11-01T06:00:00", "New")]);
        job.env("WAREHOUSE_URL", url).run()
    };
    let folder = fixture.lake.url().replace("file://", "duckdb://");
    let text = format!("{folder}/text");
    std::fs::write(fixture.lake.path().join("text"), "not a database").unwrap();
    for (url, cause) in [
        (folder.clone(), "this is a directory"),
        (text, "/text is not a DuckDB database"),
        (
            format!("{folder}/a?b.duckdb"),
            "must not contain a question mark",
        ),
        (
            "bigquery://user:secret@project/dataset?secret".to_owned(),
            "use bigquery://",
        ),
    ] {
        let refused = run(url);
        assert!(refused.failed(10).contains(cause), "{refused}");
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
}

#[test]
fn every_invalid_setting_is_reported() {
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
fn an_invalid_library_is_a_configuration_error() {
    let fixture = Fixture::default();
    let refused = fixture
        .job(&[&version("2026-11-01T06:00:00", "New")])
        .env("DUCKDB_LIBRARY", "/bin/sh")
        .run();
    assert!(
        refused
            .failed(10)
            .contains("cannot load the DuckDB library /bin/sh")
    );
}
