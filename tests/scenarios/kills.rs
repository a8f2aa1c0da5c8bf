//! Each job is killed at several points, then run again: the final bytes and rows are those of an undisturbed run.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use sample_portal::{Portal, PortalConfig};
use shared::exit::Exit;
use shared::run::Stage;
use shared::testing::JobOutcome;

use crate::pipeline::{Path, Pipeline, on_both_paths};

/// The number of rows of a year.
const ROWS: u64 = 20_000;

/// The points at which a job is killed, as fractions of its undisturbed duration.
const POINTS: [f64; 4] = [0.15, 0.4, 0.65, 0.9];

/// The number of reruns of dbt-runner. Each waits for the warehouse for half a minute.
const RETRIES: usize = 8;

on_both_paths!(killed_jobs_leave_nothing_that_a_rerun_does_not_fix);

fn killed_jobs_leave_nothing_that_a_rerun_does_not_fix(path: Path) {
    let portal = Portal::start(PortalConfig {
        generated_years: vec![2013, 2025],
        rows_per_year: Some(ROWS),
        ..PortalConfig::default()
    })
    .unwrap();
    let undisturbed = Pipeline::new(&portal, path);
    let disturbed = Pipeline::new(&portal, path);
    for stage in [Stage::Extract, Stage::Transform, Stage::Load] {
        let start = Instant::now();
        undisturbed.run(stage, "run").finished();
        let took = start.elapsed();
        let mut killed = 0;
        for point in POINTS {
            killed += u32::from(kill_after(&disturbed, stage, took.mul_f64(point)));
            if stage == Stage::Load && point < 0.5 {
                // The killed history has not partially loaded what the undisturbed one has not loaded yet.
                whole_partitions_or_none(&disturbed);
            }
        }
        assert!(killed > 0, "{stage} was never killed while running");
        disturbed.run(stage, "run").finished();
        assert_eq!(objects(&disturbed), objects(&undisturbed), "after {stage}");
    }
    assert_eq!(disturbed.tables(), undisturbed.tables());

    let start = Instant::now();
    undisturbed.run(Stage::Dbt, "run").finished();
    let took = start.elapsed();
    assert!(
        kill_after(&disturbed, Stage::Dbt, took.mul_f64(0.5)),
        "dbt was killed while running"
    );
    rerun(&disturbed, Stage::Dbt).finished();
    assert_eq!(disturbed.tables(), undisturbed.tables());
}

/// Returns every object of the lake except receipts, which contain the warehouse, and hand-overs and lineage, which
/// contain times.
fn objects(pipeline: &Pipeline) -> BTreeMap<String, String> {
    let mut objects = pipeline.objects();
    objects.retain(|key, _| {
        let own = ["runs/", "lineage/", "loaded/"];
        !own.iter().any(|part| key.starts_with(part))
    });
    objects
}

/// Starts the job and kills it after `delay`. Returns whether it was still running.
fn kill_after(pipeline: &Pipeline, stage: Stage, delay: Duration) -> bool {
    let mut child = pipeline.spawn(stage, "run");
    thread::sleep(delay);
    let at_work = child.try_wait().unwrap().is_none();
    // SIGKILL: the job has no chance to clean up. A job that has ended cannot be killed, which is fine.
    child.kill().ok();
    child.wait().unwrap();
    at_work
}

/// Runs the job until its exit code does not request a retry, like the workflow. On one machine dbt outlives the runner
/// that started it, and locks the warehouse until it is done; in the cloud it ends with its container.
fn rerun(pipeline: &Pipeline, stage: Stage) -> JobOutcome {
    let mut outcome = pipeline.run(stage, "run");
    for _ in 0..RETRIES {
        if outcome.exit != i32::from(Exit::Upstream.code()) {
            break;
        }
        outcome = pipeline.run(stage, "run");
    }
    outcome
}

fn whole_partitions_or_none(pipeline: &Pipeline) {
    if !pipeline.has_warehouse() {
        return;
    }
    let rows = pipeline.query(
        "select (select count(*) from service_requests) + (select count(*) from quarantined_requests)",
    );
    let loaded = rows[0][0].as_u64().unwrap();
    assert_eq!(loaded % ROWS, 0, "years are loaded completely: {loaded}");
}
