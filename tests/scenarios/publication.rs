//! A few marts in BigQuery are published at once, whatever happens to the builds. The tests of dbt-runner have the same of DuckDB.

use std::fs;
use std::time::Duration;

use emulators::{Fault, FaultKind, Proxy, Service};
use sample_portal::{Portal, PortalConfig};
use serde_json::Value;
use shared::run::Stage;
use shared::testing::copy_folder;

use crate::pipeline::{Path, Pipeline, wait_until};

fn portal() -> Portal {
    Portal::start(PortalConfig {
        generated_years: vec![2012, 2025],
        rows_per_year: Some(300),
        ..PortalConfig::default()
    })
    .unwrap()
}

/// Returns a pipeline with published marts and a correction of 2025 that is loaded, and the marts.
fn corrected(portal: &Portal) -> (Pipeline, Value) {
    let mut pipeline = Pipeline::new(portal, Path::Cloud);
    pipeline.build_few_marts(&[]);
    pipeline.run_to_warehouse("first");
    pipeline.run(Stage::Dbt, "first").finished();
    let before = marts(&pipeline);
    portal.correct(2025);
    pipeline.run_to_warehouse("second");
    (pipeline, before)
}

/// Returns the row count and digest of every mart.
fn marts(pipeline: &Pipeline) -> Value {
    let mut tables = pipeline.tables();
    let marts = tables.as_object_mut().unwrap();
    marts.retain(|name, _| name.starts_with("marts."));
    assert!(marts.len() > 5, "{marts:?}");
    tables
}

/// A build with a failing test publishes nothing and names its tables. Builds that are killed before and during the
/// publication leave one whole set.
#[test]
fn readers_see_one_whole_set_when_builds_fail_or_die() {
    let portal = portal();
    let (mut pipeline, before) = corrected(&portal);

    let project = tempfile::tempdir().unwrap();
    copy_folder(&pipeline.dbt_project(), project.path());
    fs::write(
        project.path().join("tests/planted.sql"),
        "{{ config(enabled=true) }} select 1 as planted",
    )
    .unwrap();
    let failed = pipeline
        .job(Stage::Dbt, "second")
        .env("DBT_PROJECT_DIR", project.path().to_string_lossy())
        .run();
    let cause = failed.failed(20);
    let candidate = format!("{}.staging.c", pipeline.project());
    for part in ["planted", "(1)", "nothing was published", &candidate] {
        assert!(cause.contains(part), "{cause}");
    }
    assert_eq!(marts(&pipeline), before);

    let proxy = Proxy::start(Service::Proxy, pipeline.bigquery()).unwrap();
    pipeline.reach_bigquery_at(proxy.url());
    let fault = |target: &str, after, kind| {
        proxy.fault(Fault::new(target, kind).method("POST").after(after));
    };
    let is_killed = || {
        let mut killed = pipeline.spawn(Stage::Dbt, "second");
        let patience = Duration::from_mins(10);
        wait_until(patience, "the build does not get there", || {
            proxy.is_through()
        });
        killed.kill().unwrap();
        killed.wait().unwrap();
        proxy.clear_faults();
    };
    let forever = FaultKind::Delay(Duration::from_mins(30));
    // While dbt builds.
    fault("/jobs", 9, forever.clone());
    is_killed();
    assert_eq!(marts(&pipeline), before);
    // Before the transaction: the second job that the runner itself starts, with a parameter that dbt's do not have.
    fault("/jobs?%24alt=json", 1, forever.clone());
    is_killed();
    assert_eq!(marts(&pipeline), before);
    // After the transaction, whose answer is lost.
    fault("/jobs?%24alt=json", 1, FaultKind::LoseAnswer);
    fault("/jobs?%24alt=json", 0, forever);
    is_killed();
    let seen = marts(&pipeline);
    assert_ne!(seen, before);

    pipeline.run(Stage::Dbt, "second").finished();
    assert_eq!(marts(&pipeline), seen);
}

/// Neither a year that is doubled nor one that is missing, and neither build needs the other.
#[test]
fn two_builds_at_once_are_one() {
    let portal = portal();
    let (pipeline, before) = corrected(&portal);
    for round in ["second", "third"] {
        if round == "third" {
            portal.correct(2025);
            pipeline.run_to_warehouse(round);
        }
        pipeline.run_twice_at_once(Stage::Dbt, round);
        let counted = "select count(*), count(distinct request_id) from ";
        assert_eq!(
            pipeline.query(&format!("{counted} marts.fct_service_requests")),
            pipeline.query(&format!("{counted} service_requests")),
        );
    }
    assert_ne!(marts(&pipeline), before);
    let partial = marts(&pipeline);

    // A project that stores a mart otherwise: BigQuery does not replace the table, and everything is rebuilt.
    let project = pipeline.dbt_project();
    let fact = project.join("models/marts/fct_service_requests.sql");
    let (stored, otherwise) = ("['type_group', 'type_name', 'ward_id']", "['ward_id']");
    let text = fs::read_to_string(&fact).unwrap();
    assert!(text.contains(stored));
    fs::write(&fact, text.replace(stored, otherwise)).unwrap();
    pipeline.run(Stage::Dbt, "third").finished();
    assert_eq!(marts(&pipeline), partial, "as a whole build makes them");
}
