//! What each stage spends is recorded once, and a dry run says beforehand what BigQuery would bill.

use std::fs;

use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};
use shared::run::Stage;
use shared::testing::JobOutcome;

use crate::pipeline::{Path, Pipeline, on_both_paths};

fn portal() -> Portal {
    Portal::start(PortalConfig {
        generated_years: vec![2024, 2025],
        rows_per_year: Some(500),
        ..PortalConfig::default()
    })
    .unwrap()
}

/// Returns the stages that are recorded of a run, with task and attempt, and whether each spent what it must have.
fn recorded(pipeline: &Pipeline, run: &str) -> Value {
    pipeline.query(&format!(
        "select stage, task, attempt, milliseconds > 0, row_count > 0, execution is not null from stage_runs \
         where run_id = '{run}' order by handed_over_at, stage, task, attempt"
    ))
}

/// Executes every stage as Cloud Run does, the first two with two tasks.
fn execute_all(pipeline: &Pipeline, run: &str) {
    for (stage, tasks) in [
        (Stage::Extract, 2),
        (Stage::Transform, 2),
        (Stage::Load, 1),
        (Stage::Dbt, 1),
    ] {
        for outcome in pipeline.execute(stage, run, tasks, None) {
            outcome.finished();
        }
    }
}

fn each_stage_is_recorded_once(path: Path) {
    let portal = portal();
    let mut pipeline = Pipeline::new(&portal, path);
    pipeline.build_few_marts(&["pipeline_runs"]);
    execute_all(&pipeline, "first");
    let stage = |stage: &str, task: u32, attempt: u32, rows: bool, in_cloud_run: bool| {
        json!([stage, task, attempt, true, rows, in_cloud_run])
    };
    let mut stages = vec![
        stage("extract", 0, 0, true, true),
        stage("extract", 1, 0, true, true),
        stage("transform", 0, 0, true, true),
        stage("transform", 1, 0, true, true),
        stage("load", 0, 0, true, true),
        stage("dbt", 0, 0, true, true),
    ];
    assert_eq!(recorded(&pipeline, "first"), json!(stages));

    // A replay is another attempt, of nothing new, and dbt is not started for it.
    for stage in [Stage::Load, Stage::Dbt] {
        let outcome = pipeline.run(stage, "first");
        outcome.finished();
        assert!(!has(&outcome, "build started"), "{outcome}");
        assert!(!has(&outcome, "costs not recorded"), "{outcome}");
    }
    stages.push(stage("load", 0, 1, false, false));
    stages.push(stage("dbt", 0, 1, false, false));
    assert_eq!(recorded(&pipeline, "first"), json!(stages));

    // The next build shows what the one before it spent.
    portal.correct(2025);
    pipeline.run_to_warehouse("second");
    let build = pipeline.run(Stage::Dbt, "second");
    build.finished();
    let billed = path == Path::Cloud;
    let logged = build.event("marts built")["bytesBilled"].as_u64();
    assert_eq!(logged > Some(0), billed, "{build}");
    let runs = pipeline.query(
        "select run_id, extract_rows > 1000, transform_rows, load_rows, dbt_rows > 0, dbt_seconds > 0, \
         extract_bytes_written > 0, transform_bytes_written > 0, load_bytes_written > 0, \
         extract_bytes_billed, load_bytes_billed > 0, dbt_bytes_billed > 0 \
         from marts.pipeline_runs order by run_id",
    );
    let areas = pipeline.query(
        "select (select count(*) from city_wards) + (select count(*) from forward_sortation_areas)",
    );
    let areas = areas[0][0].as_u64().unwrap();
    let quarantined = pipeline.query("select count(*) from quarantined_requests")[0][0].as_u64();
    let rows = runs.as_array().unwrap();
    assert_eq!(rows.len(), 2, "{runs}");
    let [first, second] = [&rows[0], &rows[1]];
    assert_eq!(first[0], "first");
    assert_eq!(first[2], 1_000 + areas);
    assert!(first[3].as_u64() <= Some(1_000 + areas) && quarantined.is_some());
    assert_eq!(
        first.as_array().unwrap()[4..],
        json!([true, true, true, true, true, 0.0, billed, billed])
            .as_array()
            .unwrap()[..]
    );
    assert_eq!(second[5], Value::Null, "{runs}");

    // Two tasks of less than a minute each, at the prices of two vCPUs with 4 GiB.
    let dollars = pipeline.query(
        "select extract_dollars, transform_dollars, load_dollars, dbt_dollars, dollars from marts.pipeline_runs order by run_id",
    );
    let dollars = |row: usize, column: usize| dollars[row][column].as_f64().unwrap();
    let is =
        |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    let two_tasks = 2.0 * 60.0 * (2.0 * 0.000_018 + 4.0 * 0.000_002);
    is(dollars(0, 0), two_tasks);
    is(dollars(0, 1), two_tasks);
    // Two attempts, and the queries of the first.
    let queries = dollars(0, 2) - 2.0 * 60.0 * (0.000_018 + 0.5 * 0.000_002);
    assert_eq!(queries > 1e-9, billed, "{queries}");
    is(dollars(0, 4), (0..4).map(|column| dollars(0, column)).sum());
}

on_both_paths!(each_stage_is_recorded_once);

fn has(outcome: &JobOutcome, message: &str) -> bool {
    outcome.log.iter().any(|event| event["message"] == message)
}

/// The jobs may be of a newer version than those that started the run.
#[test]
fn hand_overs_that_do_not_say_what_was_spent_are_read() {
    let portal = portal();
    let pipeline = Pipeline::new(&portal, Path::Local);
    for stage in [Stage::Extract, Stage::Transform] {
        pipeline.run(stage, "run").finished();
    }
    for stage in ["extract", "transform"] {
        let file = pipeline
            .lake()
            .path()
            .join(format!("runs/run/{stage}-0-0.json"));
        let mut hand_over: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert!(hand_over.as_object_mut().unwrap().remove("spent").is_some());
        fs::write(&file, hand_over.to_string()).unwrap();
    }
    pipeline.run(Stage::Load, "run").finished();
    assert_eq!(
        recorded(&pipeline, "run"),
        json!([["load", 0, 0, true, true, false]])
    );
}

fn a_dry_run_changes_nothing(path: Path) {
    let portal = portal();
    let mut pipeline = Pipeline::new(&portal, path);
    pipeline.build_few_marts(&[]);
    execute_all(&pipeline, "run");
    let state = || {
        (
            pipeline.objects(),
            pipeline.tables(),
            recorded(&pipeline, "run"),
        )
    };
    let before = state();
    let dry = |stage: Stage, years: &str, force: &str| {
        let job = pipeline.job(stage, "dry").env("DRY_RUN", "1");
        let outcome = job
            .env("YEARS", years)
            .env("FORCE", force)
            .env("SITE_URL", pipeline.site_url())
            .run();
        assert_eq!(outcome.finished()["produced"], 0);
        let total = outcome.event("dry run finished");
        assert_eq!(total["notEstimated"], 0, "{outcome}");
        let estimated = outcome
            .log
            .iter()
            .filter(|event| event["message"] == "work estimated");
        let sum: u64 = estimated
            .map(|event| event["bytesBilled"].as_u64().unwrap())
            .sum();
        assert_eq!(total["bytesBilled"], sum);
        (outcome, sum)
    };
    for stage in [Stage::Extract, Stage::Transform] {
        assert_eq!(dry(stage, "2024", "1").1, 0);
    }
    let (_, one_year) = dry(Stage::Load, "2024", "0");
    let (_, all_years) = dry(Stage::Load, "all", "0");
    assert_eq!(all_years, 2 * one_year);
    let (of_one, partial) = dry(Stage::Dbt, "2024", "0");
    let (_, whole) = dry(Stage::Dbt, "all", "1");
    assert_eq!(state(), before);
    if path == Path::Local {
        assert_eq!((one_year, partial, whole), (0, 0, 0));
        return;
    }
    assert!(
        one_year > 0 && partial > 0 && whole > partial,
        "{one_year} {partial} {whole}"
    );
    let works = |work: &str| of_one.log.iter().any(|event| event["work"] == work);
    for work in [
        "model.toronto_311.requests_by_ward",
        "publish marts.requests_by_ward",
        "write marts.requests_by_ward to the site",
    ] {
        assert!(works(work), "{of_one}");
    }
    // A view reads nothing, and the requests are read where they are selected.
    assert!(!works("model.toronto_311.stg_service_requests"));

    // A year that was never loaded has no size.
    let job = pipeline
        .job(Stage::Load, "dry")
        .env("DRY_RUN", "1")
        .env("YEARS", "2010");
    let outcome = job.run();
    outcome.finished();
    assert_eq!(outcome.event("dry run finished")["notEstimated"], 1);
}

on_both_paths!(a_dry_run_changes_nothing);
