//! Refusals are recorded until a run accepts the partition.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::hand_over::{HandOver, Refused};
use shared::partition::Partition;
use shared::run::Stage;

use crate::{Fixture, Publication};

const FIRST_RUN: &str = "2026-12-02T06:00:00Z";
const SECOND_RUN: &str = "2026-12-03T06:00:00Z";
const THIRD_RUN: &str = "2026-12-04T06:00:00Z";
const REFUSALS: &str = "SELECT partition, stage, exit_code, cause, run_id FROM refusals ORDER BY 1";

fn version(status: &'static str) -> Publication {
    Publication::of_year(2024, "2026-11-01T06:00:00", &[("Noise", status)])
}

/// A run that refuses 2024 in transform, and nothing else.
fn refusing(fixture: &Fixture, run: &str, observed_at: &str, cause: &str) {
    let refused = [(Partition::Year(2024), Stage::Transform, 20, cause)];
    fixture.hand_over(run, observed_at, &[], &[], &refused);
    fixture.of_run(run).run().finished();
}

#[test]
fn a_run_that_refuses_every_partition_records_it() {
    let fixture = Fixture::default();
    fixture.hand_over(
        "run",
        FIRST_RUN,
        &[],
        &[],
        &[
            (Partition::Year(2024), Stage::Transform, 20, "no header"),
            (Partition::CityWards, Stage::Extract, 30, "503"),
        ],
    );
    fixture.of_run("run").run().finished();
    assert_eq!(
        fixture.rows(REFUSALS),
        [
            "2024|transform|20|no header|run",
            "city-wards|extract|30|503|run"
        ]
    );
}

#[test]
fn a_partition_that_is_good_again_is_no_longer_refused() {
    let fixture = Fixture::default();
    refusing(&fixture, "first", FIRST_RUN, "no header");
    assert_eq!(fixture.rows(REFUSALS).len(), 1);
    fixture
        .observing(SECOND_RUN, &[&version("New")])
        .run()
        .finished();
    assert!(fixture.rows(REFUSALS).is_empty());
    refusing(&fixture, "third", THIRD_RUN, "no header again");
    assert_eq!(
        fixture.rows(REFUSALS),
        ["2024|transform|20|no header again|third"]
    );
    assert_eq!(fixture.requests(), ["2024|Noise|New"]);
    // An existing load also ends the refusal.
    fixture
        .observing("2026-12-05T06:00:00Z", &[&version("New")])
        .run()
        .finished();
    assert!(fixture.rows(REFUSALS).is_empty());
}

#[test]
fn a_refusal_by_load_itself_is_recorded() {
    let fixture = Fixture::default();
    let miscounted = Publication {
        claimed: Some(7),
        ..version("New")
    };
    fixture
        .observing(FIRST_RUN, &[&miscounted])
        .run()
        .failed(20);
    let refusals = fixture.rows("SELECT partition, stage, exit_code FROM refusals");
    assert_eq!(refusals, ["2024|load|20"]);
}

#[test]
fn an_older_run_neither_restores_a_refusal_nor_ends_a_newer_one() {
    let fixture = Fixture::default();
    // The second run was good: a replay of the first, which refused, changes nothing.
    fixture
        .observing(SECOND_RUN, &[&version("New")])
        .run()
        .finished();
    refusing(&fixture, "first", FIRST_RUN, "no header");
    assert!(fixture.rows(REFUSALS).is_empty());
    // The third refused: a replay of the second, which was good, changes nothing.
    refusing(&fixture, "third", THIRD_RUN, "no header");
    fixture
        .observing(SECOND_RUN, &[&version("New")])
        .run()
        .finished();
    refusing(&fixture, "first", FIRST_RUN, "an old cause");
    assert_eq!(
        fixture.rows(REFUSALS),
        ["2024|transform|20|no header|third"]
    );
    // A slow run that is stale is not a verdict on what the portal shows now.
    fixture
        .observing(THIRD_RUN, &[&version("New")])
        .run()
        .finished();
    fixture
        .observing(FIRST_RUN, &[&version("Completed")])
        .run()
        .failed(20);
    assert!(fixture.rows(REFUSALS).is_empty());
}

/// A task of extract to which the portal does not list the years does not know which ones it refuses.
#[test]
fn loaded_years_that_a_task_could_not_list_are_refused() {
    let fixture = Fixture::default();
    let of_2023 = Publication::of_year(2023, "2026-11-01T06:00:00", &[("Noise", "New")]);
    let loaded = fixture.observing(FIRST_RUN, &[&of_2023, &version("New")]);
    loaded.run().finished();
    let not_listed = Refused {
        stage: Stage::Extract,
        exit: 30,
        cause: "503".to_owned(),
        observed_at: Some(SECOND_RUN.parse().unwrap()),
    };
    fixture.hand_over("second", SECOND_RUN, &[&of_2023], &[], &[]);
    fixture.extract("second", "changed", Some(not_listed.clone()));
    let job = || fixture.of_run("second");
    // A replay of another year says nothing about this one.
    job().env("YEARS", "2023").run().finished();
    assert!(fixture.rows(REFUSALS).is_empty());

    let outcome = job().run();
    outcome.finished();
    let warning = outcome.event("loaded years not extracted");
    assert_eq!(
        (&warning["years"], &warning["cause"]),
        (&json!("2024"), &json!("503"))
    );
    assert_eq!(fixture.rows(REFUSALS), ["2024|extract|30|503|second"]);
    let handed_over = fixture.lake.path().join("runs/second/load-0-1.json");
    let handed_over: HandOver =
        serde_json::from_slice(&std::fs::read(handed_over).unwrap()).unwrap();
    assert_eq!(
        handed_over.refused,
        BTreeMap::from([(Partition::Year(2024), not_listed)])
    );

    // As soon as the portal lists it, it is up to date.
    fixture
        .observing(THIRD_RUN, &[&version("New")])
        .run()
        .finished();
    assert!(fixture.rows(REFUSALS).is_empty());
}

/// The City may withdraw a year, which must not make every later run fail.
#[test]
fn a_loaded_year_that_the_portal_no_longer_lists_is_logged() {
    let fixture = Fixture::default();
    let of_2023 = Publication::of_year(2023, "2026-11-01T06:00:00", &[("Noise", "New")]);
    let loaded = fixture.observing(FIRST_RUN, &[&of_2023, &version("New")]);
    loaded.run().finished();
    for (run, years, expected) in [
        ("all", "all", Some("2024")),
        ("changed", "changed", Some("2024")),
        ("latest", "latest", None),
        ("listed", "2023", None),
    ] {
        fixture.hand_over(run, SECOND_RUN, &[&of_2023], &[], &[]);
        fixture.extract(run, years, None);
        let outcome = fixture.of_run(run).run();
        outcome.finished();
        let mut events = outcome.log.iter();
        let warning = events.find(|event| event["message"] == "loaded years not extracted");
        assert_eq!(
            warning.map(|warning| &warning["years"]),
            expected.map(Value::from).as_ref(),
            "{run}"
        );
        assert!(fixture.rows(REFUSALS).is_empty());
    }
    assert_eq!(fixture.requests().len(), 2);
}

#[test]
fn a_listed_manifest_says_nothing_about_the_portal() {
    let fixture = Fixture::default();
    refusing(&fixture, "first", FIRST_RUN, "no header");
    fixture.job(&[&version("New")]).run().finished();
    assert_eq!(fixture.rows(REFUSALS).len(), 1);
}
