//! Tests of the job as a process, on files in its own lake.

#![allow(clippy::unwrap_used, reason = "tests panic on errors")]

mod altered;
mod bad_input;
mod clean;
mod layouts;
mod lineage;
mod parquet;
mod publication_cases;
mod real_rows;
mod times;
mod torture;

use serde_json::Value;
use shared::key::Key;
use shared::partition::Partition;
use shared::testing::{Job, JobOutcome, TestLake};

pub(crate) const HEADER: &str = "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
                      Service Request Type,Division,Section";

/// A day on which the files of a test were last modified.
pub(crate) const DAY: &str = "2026-11-01T00:00:00";

/// Returns an unquoted CSV of `rows` below the published header, with the publisher's line ends.
pub(crate) fn csv(rows: &[&str]) -> String {
    let mut csv = String::from(HEADER);
    for row in rows {
        csv.push_str("\r\n");
        csv.push_str(row);
    }
    csv + "\r\n"
}

/// Returns a valid row of 2024, `second` seconds after midnight of its second day.
pub(crate) fn sound_row(second: usize) -> String {
    sound_row_about(second, "Noise,Municipal Licensing & Standards,Ops")
}

/// The same, with another type, division and section.
pub(crate) fn sound_row_about(second: usize, subject: &str) -> String {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "2024-01-02 {hour:02}:{minute:02}:{second:02}.0000000,Completed,M4A,,,Davenport (09),{subject}"
    )
}

pub(crate) fn put_year(lake: &TestLake, year: i16, csv: &[u8]) -> Key {
    lake.put_raw(Partition::Year(year), &format!("SR{year}.csv"), DAY, csv)
}

pub(crate) fn job(lake: &TestLake, manifest: &Key) -> Job {
    Job::new(env!("CARGO_BIN_EXE_transform-job"))
        .env("LAKE_URL", lake.url())
        .env("RUN_ID", "test")
        .env("MANIFESTS", manifest.as_str())
}

pub(crate) fn transform(lake: &TestLake, manifest: &Key) -> JobOutcome {
    job(lake, manifest).run()
}

/// Returns the hand-over of the job's first attempt.
pub(crate) fn hand_over(lake: &TestLake) -> Value {
    let path = lake.path().join("runs/test/transform-0-0.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Returns the only clean manifest in the lake.
pub(crate) fn clean_manifest(lake: &TestLake) -> Value {
    let manifests: Vec<Value> = lake.manifests("clean/").into_values().collect();
    assert_eq!(manifests.len(), 1, "{manifests:#?}");
    manifests.into_iter().next().expect("one")
}

/// Transforms `csv` as the file of 2024, and allows any ratio of refused rows.
pub(crate) fn clean_2024(csv: &[u8]) -> (TestLake, Value) {
    let (lake, manifest, _) = logged_2024(csv);
    (lake, manifest)
}

/// The same, with what the job logged.
pub(crate) fn logged_2024(csv: &[u8]) -> (TestLake, Value, JobOutcome) {
    let lake = TestLake::default();
    let key = put_year(&lake, 2024, csv);
    let outcome = job(&lake, &key).env("MAX_QUARANTINE_RATIO", "1").run();
    outcome.finished();
    let manifest = clean_manifest(&lake);
    (lake, manifest, outcome)
}
