//! Three publications of one year: their statuses, and the same statuses from a replay of the lake's runs.

use std::fs;

use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};
use shared::run::Stage;
use shared::testing::TestLake;

use crate::pipeline::{Path, Pipeline, on_both_paths};
use crate::readers::query_files;

const YEAR: i16 = 2025;
const OTHER_YEAR: i16 = 2024;
const RUNS: [&str; 3] = ["november", "december", "january"];

on_both_paths!(three_versions_show_how_statuses_changed_and_show_it_again_from_the_lake);
fn three_versions_show_how_statuses_changed_and_show_it_again_from_the_lake(path: Path) {
    let portal = Portal::start(PortalConfig {
        generated_years: vec![OTHER_YEAR, YEAR],
        rows_per_year: Some(3_000),
        ..PortalConfig::default()
    })
    .unwrap();
    let mut pipeline = Pipeline::new(&portal, path);
    pipeline.build_few_marts(&["status_history"]);
    pipeline.run_to_warehouse(RUNS[0]);
    pipeline.run(Stage::Dbt, RUNS[0]).finished();
    // BigQuery does not expose row positions.
    let before = (path == Path::Local).then(|| rows_in_the_fact(&pipeline));
    for run in &RUNS[1..] {
        portal.correct(YEAR);
        pipeline.run_to_warehouse(run);
    }
    let dbt = pipeline.job(Stage::Dbt, RUNS[2]);
    // The emulator's row count of a table, which is in the manifest, ignores deletes. To give the same runs the same
    // manifest below, this build is a full one there.
    let force = if path == Path::Cloud { "1" } else { "0" };
    dbt.env("FORCE", force).run().finished();

    if let Some(before) = before {
        only_the_corrected_year_was_touched(&before, &rows_in_the_fact(&pipeline));
    }
    let lake = pipeline.copy_of_lake();
    let versions = versions_in_order(&lake);
    changes_are_those_of_the_files(&pipeline, &versions);
    history_is_that_of_the_files(&pipeline, &versions);

    let before = history(&pipeline);
    assert_ne!(before, json!([]));

    // Starting from an empty warehouse: the runs again, in order.
    pipeline.remove_warehouse();
    for run in RUNS {
        pipeline.run(Stage::Load, run).finished();
    }
    pipeline.run(Stage::Dbt, RUNS[2]).finished();
    changes_are_those_of_the_files(&pipeline, &versions);
    assert_eq!(history(&pipeline), before);
}

/// A version of the year: its publication and observation times, and its Parquet files as a list in SQL.
struct Version {
    published: String,
    observed: String,
    files: String,
}

/// Returns each run's hand-over of the year.
fn versions_in_order(lake: &TestLake) -> Vec<Version> {
    let read = |key: &str| -> Value {
        serde_json::from_slice(&fs::read(lake.path().join(key)).unwrap()).unwrap()
    };
    let version = |run| {
        let hand_over = read(&format!("runs/{run}/transform-0-0.json"));
        let handed = &hand_over["partitions"][YEAR.to_string()];
        let manifest = read(handed["key"].as_str().unwrap());
        let files = manifest["files"].as_array().unwrap().iter().map(|file| {
            let path = lake.path().join(file["key"].as_str().unwrap());
            format!("'{}'", path.display())
        });
        Version {
            published: manifest["source"]["last_modified"]
                .as_str()
                .unwrap()
                .to_owned(),
            observed: in_microseconds(handed["observed_at"].as_str().unwrap()),
            files: files.collect::<Vec<_>>().join(", "),
        }
    };
    RUNS.map(version).into()
}

/// Returns an ISO 8601 time with the precision of the warehouses.
fn in_microseconds(time: &str) -> String {
    let (seconds, fraction) = time.trim_end_matches('Z').split_once('.').unwrap();
    format!("{seconds}.{fraction:.6}Z")
}

/// Returns `seen`: for each request, its status in each version and in the previous version, in order.
fn seen(versions: &[Version]) -> String {
    let each = versions.iter().map(|Version { published, observed, files }| {
        format!(
            "select request_id, status, created_at, ward_id, service_request_type, '{published}'::timestamp as published,
                    '{observed}'::timestamptz as observed
             from read_parquet([{files}])"
        )
    });
    let each = each.collect::<Vec<_>>().join(" union all ");
    format!(
        "with seen as (
            select *, lag(status) over w as status_before, lag(published) over w as published_before,
                   lag(observed) over w as observed_before
            from ({each}) window w as (partition by request_id order by observed)
        )"
    )
}

fn changes_are_those_of_the_files(pipeline: &Pipeline, versions: &[Version]) {
    let expected = query_files(&format!(
        "{} select request_id, status_before, status, published_before, published, observed_before, observed
         from seen where status <> status_before",
        seen(versions)
    ));
    let found = pipeline.query(
        "select request_id, old_status, new_status, old_last_modified, new_last_modified, old_observed_at, new_observed_at
         from status_changes",
    );
    assert!(expected.as_array().unwrap().len() > 10, "{expected}");
    assert_eq!(in_order(found), in_order(expected));
}

/// A changed request has one period for each sequence of versions with one status, from the first version known to have
/// it to the last.
fn history_is_that_of_the_files(pipeline: &Pipeline, versions: &[Version]) {
    let expected = query_files(&format!(
        "{},
         numbered as (
             select *, sum((status is distinct from status_before)::int) over (partition by request_id order by observed) as period
             from seen
         ),
         periods as (
             select request_id, period, any_value(status) as status, min(observed) as first_seen, max(observed) as last_seen,
                    min(published) as first_as_of, max(published) as last_as_of,
                    max(period) over (partition by request_id) as periods
             from numbered group by request_id, period
         )
         select request_id, period::bigint, status,
                case when period > 1 then first_seen end,
                case when period < periods then last_seen end,
                case when period > 1 then timezone('UTC', first_as_of) end,
                case when period < periods then timezone('UTC', last_as_of) end
         from periods where periods > 1",
        seen(versions)
    ));
    // The start of the first status is unknown, because no earlier version has another status.
    let found = pipeline.query(
        "select request_id, period_number, status, first_seen_at, last_seen_at, first_as_of, last_as_of
         from marts.status_history",
    );
    assert_eq!(in_order(found), in_order(expected));
}

fn history(pipeline: &Pipeline) -> Value {
    in_order(pipeline.query("select * from marts.status_history"))
}

/// Returns rows in an order that does not depend on the warehouse.
fn in_order(mut rows: Value) -> Value {
    let all = rows.as_array_mut().unwrap();
    all.sort_by_cached_key(Value::to_string);
    rows
}

/// Returns the positions of each year's rows in the fact table.
fn rows_in_the_fact(pipeline: &Pipeline) -> Value {
    pipeline.query(
        "select source_year, count(*), min(rowid), max(rowid) from marts.fct_service_requests group by 1 order by 1",
    )
}

fn only_the_corrected_year_was_touched(before: &Value, after: &Value) {
    assert_eq!(before[0][0], OTHER_YEAR);
    assert_eq!(before[0], after[0], "{OTHER_YEAR} has not moved");
    assert!(
        after[1][2].as_u64() > before[1][3].as_u64(),
        "{YEAR} was written again, after all existing rows: {after}"
    );
}
