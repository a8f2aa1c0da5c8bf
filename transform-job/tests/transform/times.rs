//! Tests of the layout of times, and of requests dated after their publication.

use std::fs;

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::hand_over::{HandOver, Handed, Request};
use shared::key::Key;
use shared::manifest::{self, ManifestRef, RawManifest, Version};
use shared::partition::Partition;
use shared::run::{RunId, Stage};
use shared::testing::{Job, JobOutcome, TestLake, fixtures};

use crate::parquet::{quarantine, rows};
use crate::{csv, transform};

fn day_first_in_january() -> Vec<u8> {
    fs::read(fixtures().join("publication-cases/11-day-first-in-january/SR2026.csv")).unwrap()
}

/// Stores `csv` as the file of 2026, published at that time or at an unknown one.
fn put(lake: &TestLake, published: Option<&str>, csv: &[u8]) -> Key {
    let day = published.unwrap_or("2026-01-01T00:00:00");
    let key = lake.put_raw(Partition::Year(2026), "SR2026.csv", day, csv);
    if published.is_none() {
        let path = lake.path().join(key.as_str());
        let mut raw: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        raw["source"]
            .as_object_mut()
            .unwrap()
            .remove("last_modified");
        lake.put(&key, &manifest::to_json(&raw));
    }
    key
}

/// Runs the job on the hand-over of a run's extract stage, observed at that time.
fn observed(lake: &TestLake, run: &str, key: &Key, observed_at: &str) -> JobOutcome {
    let bytes = fs::read(lake.path().join(key.as_str())).unwrap();
    let raw: RawManifest = serde_json::from_slice(&bytes).unwrap();
    published(lake, run, key, raw.source.published_at(), observed_at)
}

/// The same, of a file that was published at that time as far as the run knows.
fn published(
    lake: &TestLake,
    run: &str,
    key: &Key,
    published_at: Option<Timestamp>,
    observed_at: &str,
) -> JobOutcome {
    let bytes = fs::read(lake.path().join(key.as_str())).unwrap();
    let handed = Handed {
        observed_at: Some(observed_at.parse().unwrap()),
        published_at,
        ..Handed::of(ManifestRef::of(key.clone(), &bytes))
    };
    let hand_over = HandOver {
        manifest: Version::V1,
        stage: Stage::Extract,
        task: 0,
        tasks: 1,
        execution: None,
        request: Request::default(),
        handed_over_at: Timestamp::UNIX_EPOCH,
        partitions: [(Partition::Year(2026), handed)].into(),
        refused: [].into(),
        not_listed: None,
        spent: None,
    };
    let run_id: RunId = run.parse().unwrap();
    let hand_over_key = HandOver::key(&run_id, Stage::Extract, 0, 0).unwrap();
    lake.put(&hand_over_key, &manifest::to_json(&hand_over));
    Job::new(env!("CARGO_BIN_EXE_transform-job"))
        .env("LAKE_URL", lake.url())
        .env("RUN_ID", run)
        .env("MAX_QUARANTINE_RATIO", "1")
        .run()
}

/// Returns the clean manifest that `run` handed over.
fn handed_over(lake: &TestLake, run: &str) -> Value {
    let path = lake.path().join(format!("runs/{run}/transform-0-0.json"));
    let hand_over: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let key = hand_over["partitions"]["2026"]["key"].as_str().unwrap();
    serde_json::from_slice(&fs::read(lake.path().join(key)).unwrap()).unwrap()
}

fn row(time: &str) -> String {
    format!("{time},Completed,M4A,,,Davenport (09),Noise,311,Ops")
}

fn file(times: &[&str]) -> String {
    let rows: Vec<String> = times.iter().map(|time| row(time)).collect();
    csv(&rows.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn case_11_the_date_of_publication_identifies_day_first() {
    let lake = TestLake::default();
    let key = put(&lake, Some("2026-02-01T12:00:00"), &day_first_in_january());
    transform(&lake, &key).finished();
    let manifest = lake.manifests("clean/").into_values().next().unwrap();
    assert_eq!(manifest["rows"]["kept"], 120);
    assert_eq!(
        manifest["files"].as_array().unwrap().len(),
        1,
        "all of January"
    );
    assert_eq!(manifest["min_created_at"], "2026-01-01T05:00:00Z");
    assert_eq!(manifest["max_created_at"], "2026-01-13T03:59:00Z");
}

#[test]
fn case_11_an_undecided_layout_is_refused_with_an_explanation() {
    let unknown = "the date of publication is not known";
    let too_late = "the file was published at 2027-01-10T00:00:00Z, which excludes neither or both";
    for (published, why) in [(None, unknown), (Some("2027-01-10T00:00:00"), too_late)] {
        let lake = TestLake::default();
        let key = put(&lake, published, &day_first_in_january());
        let outcome = transform(&lake, &key);
        let cause = outcome.failed(20);
        for part in [
            "day first and month first both fit",
            "both are in the order of time",
            why,
            "\"02/01/2026 ",
            "in line 12: day first it is 2026-01-02T",
            "month first 2026-02-01T",
        ] {
            assert!(cause.contains(part), "{cause:?} does not contain {part:?}");
        }
        assert_eq!(lake.objects("clean/").len(), 0);
    }
}

#[test]
fn a_time_that_only_one_layout_fits_decides_for_all() {
    for (times, expected) in [
        (
            ["02/01/2026 10:00", "03/01/2026 10:00", "13/01/2026 10:00"],
            "2026-01-02T15:00:00Z",
        ),
        (
            ["01/02/2026 10:00", "01/03/2026 10:00", "01/13/2026 10:00"],
            "2026-01-02T15:00:00Z",
        ),
        (
            [
                "2026/01/02 10:00",
                "2026-01-03T10:00:00",
                "2026-01-13 10:00:00 AM",
            ],
            "2026-01-02T15:00:00Z",
        ),
        // The order of time decides.
        (
            ["05/01/2026 10:00", "06/01/2026 10:00", "01/02/2026 10:00"],
            "2026-01-05T15:00:00Z",
        ),
    ] {
        for quote in ["", "\""] {
            let lake = TestLake::default();
            let text = file(&times).replace(',', &format!("{quote},{quote}"));
            let text = text.replace("\r\n", &format!("{quote}\r\n{quote}"));
            let text = format!("{quote}{}", text.strip_suffix(quote).unwrap());
            let key = put(&lake, None, text.as_bytes());
            transform(&lake, &key).finished();
            let manifest = lake.manifests("clean/").into_values().next().unwrap();
            assert_eq!(manifest["min_created_at"], expected, "{times:?}");
            assert_eq!(manifest["rows"]["kept"], 3);
        }
    }
}

#[test]
fn several_layouts_in_one_file_are_refused_with_the_first_of_each() {
    let lake = TestLake::default();
    let key = put(
        &lake,
        None,
        file(&["2026-01-02 10:00", "2026-01-03 10:00", "01/13/2026 10:00"]).as_bytes(),
    );
    let outcome = transform(&lake, &key);
    let cause = outcome.failed(20);
    assert!(
        cause.contains("\"01/13/2026 10:00\" in line 4 is not year first"),
        "{cause}"
    );
    assert!(
        cause.contains("\"2026-01-02 10:00\" in line 2 is not month first"),
        "{cause}"
    );
}

#[test]
fn garbage_among_the_times_decides_nothing() {
    let lake = TestLake::default();
    let times = [
        "13/01/2026 10:00",
        "31/02/2026 10:00",
        "99/99/2026",
        "2026",
        "01/02/2026 10:00",
    ];
    let key = put(&lake, None, file(&times).as_bytes());
    crate::job(&lake, &key)
        .env("MAX_QUARANTINE_RATIO", "1")
        .run()
        .finished();
    let manifest = lake.manifests("clean/").into_values().next().unwrap();
    assert_eq!(
        manifest["rows"]["quarantined_by_reason"],
        json!({"invalid_created_at": 3})
    );
    assert_eq!(manifest["max_created_at"], "2026-02-01T15:00:00Z");
}

#[test]
fn requests_after_the_publication_are_quarantined() {
    let lake = TestLake::default();
    let times = [
        "2026-01-30 10:00:00",
        "2026-02-01 23:00:00",
        "2026-02-03 10:00:00",
    ];
    let key = put(&lake, Some("2026-02-01T12:00:00"), file(&times).as_bytes());
    crate::job(&lake, &key)
        .env("MAX_QUARANTINE_RATIO", "1")
        .run()
        .finished();
    let manifest = lake.manifests("clean/").into_values().next().unwrap();
    assert_eq!(rows(&lake, &manifest).len(), 2, "a day is allowed");
    let refused = quarantine(&lake, &manifest);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["reason"], "created_after_publication");
    assert_eq!(refused[0]["source_row"], 4);
    assert_eq!(refused[0]["detail"], "2026-02-03 10:00:00");
}

#[test]
fn an_undated_file_that_is_observed_again_has_the_same_result() {
    let lake = TestLake::default();
    let key = put(
        &lake,
        None,
        file(&["2026-01-30 10:00:00", "2026-01-31 10:00:00"]).as_bytes(),
    );
    assert_eq!(
        observed(&lake, "r1", &key, "2026-02-01T00:00:00Z").finished()["produced"],
        1
    );
    assert_eq!(
        observed(&lake, "r2", &key, "2026-02-02T00:00:00Z").finished()["found"],
        1
    );
    assert_eq!(
        transform(&lake, &key).finished()["found"],
        1,
        "nor is there a horizon in a replay"
    );
    assert_eq!(lake.manifests("clean/").len(), 1);
    assert_eq!(handed_over(&lake, "r1"), handed_over(&lake, "r2"));
}

#[test]
fn a_later_observation_is_another_result_only_if_it_changes_something() {
    let lake = TestLake::default();
    let times = ["2026-01-30 10:00:00", "2026-03-01 10:00:00"];
    let key = put(&lake, None, file(&times).as_bytes());
    let kept = |run: &str| handed_over(&lake, run)["rows"]["kept"].clone();

    assert_eq!(
        observed(&lake, "r1", &key, "2026-02-01T00:00:00Z").finished()["produced"],
        1
    );
    assert_eq!(kept("r1"), 1);
    for (run, later) in [
        ("r2", "2026-02-01T00:00:00Z"),
        ("r2b", "2026-02-20T00:00:00Z"),
    ] {
        assert_eq!(observed(&lake, run, &key, later).finished()["found"], 1);
        assert_eq!(handed_over(&lake, run), handed_over(&lake, "r1"));
    }
    assert_eq!(
        observed(&lake, "r3", &key, "2026-04-01T00:00:00Z").finished()["produced"],
        1
    );
    assert_eq!(kept("r3"), 2);
    assert_eq!(
        observed(&lake, "r4", &key, "2026-05-01T00:00:00Z").finished()["found"],
        1
    );
    assert_eq!(kept("r4"), 2);
    // A result accepted under a later observation is not valid for an earlier one.
    assert_eq!(
        observed(&lake, "r5", &key, "2026-02-01T00:00:00Z").finished()["found"],
        1
    );
    assert_eq!(kept("r5"), 1);
}

/// What was once seen under a later date cannot be younger.
#[test]
fn the_same_bytes_under_an_earlier_date_have_the_same_result() {
    let csv = file(&["2026-02-01 00:00:00", "2026-02-18 00:00:00"]);
    let lake = TestLake::default();
    let key = put(&lake, Some("2026-02-20T10:00:00"), csv.as_bytes());
    let later = "2026-11-20T00:00:00Z";
    observed(&lake, "first", &key, later).finished();
    let earlier = Some("2026-02-08T10:00:00Z".parse().unwrap());
    let again = published(&lake, "again", &key, earlier, later);
    assert_eq!(again.finished()["found"], 1);
    assert_eq!(handed_over(&lake, "again"), handed_over(&lake, "first"));
    assert_eq!(handed_over(&lake, "again")["rows"]["kept"], 2);
}

#[test]
fn an_observation_decides_between_day_and_month_first() {
    let lake = TestLake::default();
    let key = put(&lake, None, &day_first_in_january());
    observed(&lake, "r1", &key, "2026-02-01T00:00:00Z").finished();
    assert_eq!(
        handed_over(&lake, "r1")["max_created_at"],
        "2026-01-13T03:59:00Z"
    );
    let later = observed(&lake, "r2", &key, "2027-02-01T00:00:00Z");
    assert!(
        later
            .failed(20)
            .contains("the file was observed at 2027-02-01T00:00:00Z")
    );
}

#[test]
fn a_result_with_more_refused_rows_than_allowed_is_not_reused() {
    let lake = TestLake::default();
    let key = put(
        &lake,
        None,
        file(&["2026-01-30 10:00:00", "garbage"]).as_bytes(),
    );
    crate::job(&lake, &key)
        .env("MAX_QUARANTINE_RATIO", "0.5")
        .run()
        .finished();
    let outcome = transform(&lake, &key);
    let cause = outcome.failed(20);
    assert!(cause.contains("1 of the 2 rows"), "{cause}");
    assert!(cause.contains("MAX_QUARANTINE_RATIO (0.05)"), "{cause}");
}
