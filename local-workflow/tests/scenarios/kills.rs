//! Each job killed at several points, then run again: the final bytes and rows are those of an undisturbed run.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use sample_portal::{Portal, PortalConfig};
use shared::fingerprint::Digest;
use shared::run::Stage;

use crate::pipeline::Pipeline;
use crate::readers::tables;

/// Points at which a job is killed, as parts of the time that it takes undisturbed.
const POINTS: [f64; 4] = [0.15, 0.4, 0.65, 0.9];

#[test]
fn killed_jobs_leave_nothing_that_a_rerun_does_not_mend() {
    let portal = Portal::start(PortalConfig {
        generated_years: vec![2013, 2025],
        rows_per_year: Some(60_000),
        ..PortalConfig::default()
    })
    .unwrap();
    let undisturbed = Pipeline::new(&portal);
    let disturbed = Pipeline::new(&portal);
    for stage in [Stage::Extract, Stage::Transform, Stage::Load] {
        let start = Instant::now();
        undisturbed.run(stage, "run").finished();
        let took = start.elapsed();
        let mut killed = 0;
        for point in POINTS {
            killed += u32::from(kill_after(&disturbed, stage, took.mul_f64(point)));
            if stage == Stage::Load && point < 0.5 {
                // What an undisturbed history has not loaded yet, the killed one has not loaded in part either.
                whole_partitions_or_none(&disturbed);
            }
        }
        assert!(killed > 0, "{stage} was never caught at work");
        disturbed.run(stage, "run").finished();
        assert_eq!(objects(&disturbed), objects(&undisturbed), "after {stage}");
    }
    assert_eq!(
        tables(&disturbed.warehouse()),
        tables(&undisturbed.warehouse())
    );

    let start = Instant::now();
    undisturbed.run(Stage::Dbt, "run").finished();
    let took = start.elapsed();
    assert!(
        kill_after(&disturbed, Stage::Dbt, took.mul_f64(0.8)),
        "dbt was caught at work"
    );
    disturbed.run(Stage::Dbt, "run").finished();
    assert_eq!(
        tables(&disturbed.warehouse()),
        tables(&undisturbed.warehouse())
    );
}

/// What is in the lake, but for what names the warehouse, of which each pipeline has its own.
fn objects(pipeline: &Pipeline) -> BTreeMap<String, Digest> {
    let mut objects = pipeline.lake.objects("");
    objects.retain(|key, _| !key.starts_with("loaded/") && key != "runs/run/load-0.json");
    objects
}

/// Starts the job and kills it after `delay`; tells whether it was still at work.
fn kill_after(pipeline: &Pipeline, stage: Stage, delay: Duration) -> bool {
    let mut child = pipeline.spawn(stage, "run");
    thread::sleep(delay);
    let at_work = child.try_wait().unwrap().is_none();
    // SIGKILL: the job has no chance to tidy up. One that has ended cannot be killed, which is as good.
    child.kill().ok();
    child.wait().unwrap();
    at_work
}

fn whole_partitions_or_none(pipeline: &Pipeline) {
    if !pipeline.warehouse().exists() {
        return;
    }
    let tables = tables(&pipeline.warehouse());
    let rows = |table: &str| {
        tables[format!("main.{table}")][0]
            .as_u64()
            .unwrap_or_default()
    };
    let held = rows("service_requests") + rows("quarantined_requests");
    assert_eq!(held % 60_000, 0, "years are loaded whole: {tables}");
}
