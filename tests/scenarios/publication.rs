//! A few marts in BigQuery are published at once, whatever happens to the builds. The tests of dbt-runner have the same of DuckDB.

use std::fs;
use std::thread;
use std::time::Duration;

use emulators::{Fault, FaultKind, Proxy, Service};
use sample_portal::{Portal, PortalConfig};
use serde_json::Value;
use shared::fingerprint::Fingerprint;
use shared::run::Stage;
use shared::testing::{copy_folder, rounds};

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

/// What a job of the runner itself is requested by, with a parameter that dbt's do not have. The second one publishes.
const OWN: &str = "/jobs?%24alt=json";
const FOREVER: FaultKind = FaultKind::Delay(Duration::from_mins(30));
/// The answer to the publication is lost, and a process that repeats the request waits.
const AFTER_PUBLICATION: [(&str, u32, FaultKind); 2] =
    [(OWN, 1, FaultKind::LoseAnswer), (OWN, 0, FOREVER)];

/// Starts a build, and kills it when the requests that contain a text, after so many others, have met these faults.
fn kill_at<const N: usize>(
    pipeline: &Pipeline,
    proxy: &Proxy,
    faults: [(&str, u32, FaultKind); N],
) {
    for (target, after, kind) in faults {
        proxy.fault(Fault::new(target, kind).method("POST").after(after));
    }
    let mut killed = pipeline.spawn(Stage::Dbt, "second");
    let patience = Duration::from_mins(10);
    wait_until(patience, "the build does not get there", || {
        proxy.is_through()
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    proxy.clear_faults();
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
    // While dbt builds.
    kill_at(&pipeline, &proxy, [("/jobs", 9, FOREVER)]);
    assert_eq!(marts(&pipeline), before);
    kill_at(&pipeline, &proxy, [(OWN, 1, FOREVER)]);
    assert_eq!(marts(&pipeline), before);
    kill_at(&pipeline, &proxy, AFTER_PUBLICATION);
    let seen = marts(&pipeline);
    assert_ne!(seen, before);

    pipeline.run(Stage::Dbt, "second").finished();
    assert_eq!(marts(&pipeline), seen);
}

/// Neither a year that is doubled nor one that is missing, whether both builds start from the same loads or, every other
/// round, one of them from the loads before a correction.
#[test]
fn two_builds_at_once_are_one() {
    let portal = portal();
    let (pipeline, before) = corrected(&portal);
    let correct = |run: &str| {
        portal.correct(2025);
        pipeline.run_to_warehouse(run);
    };
    let mut latest = "second".to_owned();
    for round in 1..=rounds() {
        if round > 1 {
            latest = format!("round-{round}");
            correct(&latest);
        }
        if round % 2 == 1 {
            pipeline.run_twice_at_once(Stage::Dbt, &latest);
        } else {
            let corrected = format!("corrected-{round}");
            let exits = thread::scope(|scope| {
                let older = scope.spawn(|| pipeline.run(Stage::Dbt, &latest).exit);
                correct(&corrected);
                let newer = pipeline.run(Stage::Dbt, &corrected).exit;
                [newer, older.join().unwrap()]
            });
            let are_honest = exits.iter().all(|exit| [0, 30].contains(exit));
            assert!(are_honest, "{exits:?}");
            pipeline.run(Stage::Dbt, &corrected).finished();
        }
        let counted = "select count(*), count(distinct request_id) from ";
        assert_eq!(
            pipeline.query(&format!("{counted} marts.fct_service_requests")),
            pipeline.query(&format!("{counted} service_requests")),
        );
    }
    assert_ne!(marts(&pipeline), before);
}

/// A transaction of BigQuery cannot create tables. So marts that are new or have other columns or clusters are published after
/// it, and only if no other build came first, however long the process lives.
#[test]
fn marts_with_another_layout_are_replaced_by_the_build_that_is_published() {
    let portal = portal();
    let (mut pipeline, before) = corrected(&portal);
    pipeline.build_few_marts(&["requests_by_season"]);
    let models = pipeline.dbt_project().join("models/marts");
    let edit = |file: &str, from: &str, to: &str| {
        let file = models.join(file);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{}", file.display());
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
    };
    let (fact, day) = ("fct_service_requests.sql", "requests_by_day.sql");
    edit(
        fact,
        "['type_group', 'type_name', 'ward_id']",
        "['ward_id']",
    );
    let column = "requests_since_new_year";
    edit(
        day,
        &format!("as {column}"),
        &format!("as {column}, requests as planted"),
    );
    let named = format!("      - name: {column}\n");
    let planted = "      - {name: planted, data_type: bigint, description: Planted.}\n";
    edit(
        "_requests_by_time.yml",
        &named,
        &format!("{planted}{named}"),
    );

    // Another build is published while dbt builds.
    let another = Fingerprint::of(&["another"]);
    let record = format!("{}.main.published_marts", pipeline.project());
    let hook = format!(
        "{{{{ config(post_hook=\"update `{record}` set fingerprint = '{another}' where true\") }}}}\n"
    );
    edit(day, "with counted", &format!("{hook}with counted"));
    let overtaken = pipeline.run(Stage::Dbt, "second");
    let cause = overtaken.failed(30);
    assert!(cause.contains("another build was published"), "{cause}");
    assert_eq!(marts(&pipeline), before);
    edit(day, &hook, "");

    let proxy = Proxy::start(Service::Proxy, pipeline.bigquery()).unwrap();
    pipeline.reach_bigquery_at(proxy.url());
    kill_at(&pipeline, &proxy, [(OWN, 1, FOREVER)]);
    assert_eq!(marts(&pipeline), before);
    kill_at(&pipeline, &proxy, AFTER_PUBLICATION);
    let seen = marts(&pipeline);
    for mart in [
        "fct_service_requests",
        "requests_by_day",
        "requests_by_season",
    ] {
        let mart = format!("marts.{mart}");
        assert_ne!(seen.get(&mart), before.get(&mart), "{mart}");
    }

    // BigQuery ended a job between the transaction and the replacements.
    pipeline.query("drop table marts.fct_service_requests");
    pipeline.query(&format!(
        "update published_marts set fingerprint = '{another}', project = '', \
         layouts = '{{\"marts.fct_service_requests\": \"unknown\"}}' where true"
    ));
    pipeline.run(Stage::Dbt, "second").finished();
    assert_eq!(marts(&pipeline), seen);
}
