//! Failing builds and their error messages.

use std::fs;

use serde_json::{Value, json};

use crate::{Fixture, REQUESTS, copy_of_project};

#[test]
fn a_failing_test_is_reported_with_its_sql_and_leaves_no_manifest() {
    let bad = [(2024, Some(3), "Noise", "Mislaid")];
    let fixture = Fixture::with(&bad);
    let target = tempfile::tempdir().unwrap();
    let failed = fixture
        .job()
        .env("DBT_TARGET_DIR", target.path().to_string_lossy())
        .run();
    let cause = failed.failed(20);
    let test = "test.toronto_311.accepted_values_stg_service_requests_status__Cancelled__Closed__Completed";
    assert!(cause.contains(test), "{cause}");
    assert!(cause.contains("Got 1 result"), "{cause}");
    let path = cause.split("compiled SQL: ").nth(1).unwrap();
    let path = path.split(')').next().unwrap();
    assert!(
        fs::read_to_string(path).unwrap().contains("not in ("),
        "{path}"
    );
    assert!(fixture.lake.objects("marts/").is_empty());
    assert!(fixture.lake.objects("runs/test/dbt").is_empty());
    assert!(failed.log.iter().any(|event| {
        event["severity"] == "ERROR"
            && event["status"] == "fail"
            && event["message"] == "dbt node finished"
    }));
    // Nobody reads what the models wrote.
    let events = lineage(&fixture);
    assert!(events.iter().all(|event| event["outputs"] == json!([])));
    let failed = events.iter().filter(|event| event["eventType"] == "FAIL");
    let failed: Vec<&Value> = failed.collect();
    let jobs: Vec<&Value> = failed.iter().map(|event| &event["job"]["name"]).collect();
    assert_eq!(jobs, ["dbt.stg_service_requests.test", "dbt"]);
    let error = failed[0]["run"]["facets"]["errorMessage"]["message"].as_str();
    assert!(error.unwrap().contains(test), "{error:?}");
    let tested = &failed[0]["inputs"][0]["inputFacets"]["dataQualityAssertions"];
    let found = tested["assertions"].as_array().unwrap().iter();
    let found: Vec<&Value> = found.filter(|test| test["success"] == false).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["column"], "status");
    assert_eq!(found[0]["actual"], "1");

    fixture.alter("UPDATE service_requests SET status = 'New'");
    fixture.job().run().finished();
}

/// Returns the events of lineage, in order.
fn lineage(fixture: &Fixture) -> Vec<Value> {
    let lake = &fixture.lake;
    let objects = lake.objects("lineage/test/dbt-").into_keys();
    let texts = objects.map(|key| fs::read_to_string(lake.path().join(key)).unwrap());
    let texts: Vec<String> = texts.collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_step_that_lost_rows_is_reported() {
    let project = copy_of_project();
    let model = project
        .path()
        .join("models/marts/requests_by_month_type_fsa.sql");
    let text = fs::read_to_string(&model).unwrap();
    let (all, grouped) = text.split_once("group by").unwrap();
    let losing = format!("{all}where type_name != 'Litter' group by{grouped}");
    fs::write(&model, losing).unwrap();
    let fixture = Fixture::with(REQUESTS);
    let by_model = fixture
        .job()
        .env("DBT_PROJECT_DIR", project.path().to_string_lossy())
        .run();
    let by_lines = {
        let fixture = Fixture::with(REQUESTS);
        fixture.alter("UPDATE load_history SET raw_lines = raw_lines + 1 WHERE partition = '2024'");
        fixture.job().run()
    };
    fixture.alter("DELETE FROM service_requests WHERE source_year = 2023");
    let by_load = fixture.job().run();
    for (failed, gap) in [
        (
            by_model,
            "(2024, fct_service_requests to requests_by_month_type_fsa)",
        ),
        (by_load, "(2023, rows_kept to service_requests)"),
        (by_lines, "(2024, raw_lines to rows_read)"),
    ] {
        let cause = failed.failed(20);
        assert!(cause.contains("rows_are_accounted_for"), "{cause}");
        assert!(cause.contains(gap), "{cause}");
    }
    assert!(fixture.lake.objects("marts/").is_empty());
}

/// More than one request in a thousand of a year, even if the year has few.
#[test]
fn a_year_with_new_type_mappings_is_refused() {
    let fixture = Fixture::with(&[(2017, Some(3), "Noise", "Closed")]);
    fixture.load("2017", "first");
    let failed = fixture.job().run();
    let cause = failed.failed(20);
    assert!(
        cause.contains("new_wards_come_with_the_new_model"),
        "{cause}"
    );
    assert!(cause.contains("(2017, 1, 1000000)"), "{cause}");
}

#[test]
fn a_failing_model_is_reported() {
    let fixture = Fixture::with(REQUESTS);
    fixture.alter("ALTER TABLE service_requests DROP COLUMN season");
    let failed = fixture.job().run();
    let cause = failed.failed(20);
    assert!(
        cause.contains("model.toronto_311.stg_service_requests: "),
        "{cause}"
    );
    assert!(cause.contains("season"), "{cause}");
}

#[test]
fn a_locked_warehouse_is_worth_a_retry() {
    let fixture = Fixture::with(REQUESTS);
    // dbt starts after the job has read the inputs; by then another process has locked the file.
    let project = copy_of_project();
    let profiles = project.path().join("profiles.yml");
    let text = fs::read_to_string(&profiles).unwrap();
    let held = tempfile::tempdir().unwrap();
    let other = held.path().join("other.duckdb");
    let candidate = "{{ env_var('DUCKDB_FILE', 'target/warehouse.duckdb') }}";
    assert!(text.contains(candidate));
    let text = text.replace(candidate, &other.to_string_lossy());
    fs::write(&profiles, text).unwrap();
    let library = std::path::PathBuf::from(shared::testing::variable("DUCKDB_LIBRARY"));
    let _writer = shared::warehouse::duckdb::Connection::open(
        &library,
        &other,
        shared::warehouse::duckdb::Access::ReadWrite,
    )
    .unwrap();
    let failed = fixture
        .job()
        .env("DBT_PROJECT_DIR", project.path().to_string_lossy())
        .run();
    assert!(
        failed.failed(30).contains("Could not set lock on file"),
        "{failed}"
    );
}

#[test]
fn a_broken_project_is_a_configuration_error() {
    let fixture = Fixture::with(REQUESTS);
    let project = copy_of_project();
    let model = project.path().join("models/marts/requests_by_day.sql");
    fs::write(&model, "select * from {{ ref('nothing') }}").unwrap();
    let failed = fixture
        .job()
        .env("DBT_PROJECT_DIR", project.path().to_string_lossy())
        .run();
    let cause = failed.failed(10);
    assert!(cause.contains("requests_by_day"), "{cause}");
    assert!(cause.contains("nothing"), "{cause}");
}

#[test]
fn what_cannot_be_started_or_read_is_reported() {
    let fixture = Fixture::with(REQUESTS);
    let failed = fixture.job().env("DBT_EXECUTABLE", "/nowhere/dbt").run();
    assert!(failed.failed(10).contains("start /nowhere/dbt"), "{failed}");

    let nothing_loaded = fixture.job().env("RUN_ID", "other").run();
    assert!(
        nothing_loaded
            .failed(10)
            .contains("run other has no hand-over of the load stage"),
        "{nothing_loaded}"
    );

    fs::remove_file(fixture.file()).unwrap();
    let no_warehouse = fixture.job().run();
    assert!(
        no_warehouse.failed(30).contains("does not exist"),
        "{no_warehouse}"
    );

    let wrong = fixture
        .job()
        .env("DUCKDB_LIBRARY", "/nowhere/libduckdb.so")
        .env("DBT_PROJECT_DIR", "/nowhere/project")
        .env("WAREHOUSE_URL", "sqlite:///x")
        .run();
    for name in ["DUCKDB_LIBRARY", "DBT_PROJECT_DIR", "WAREHOUSE_URL"] {
        assert!(wrong.failed(10).contains(name), "{wrong}");
    }
}
