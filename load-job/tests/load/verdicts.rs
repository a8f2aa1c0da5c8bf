//! What was refused is recorded, until a run finds it good.

use shared::partition::Partition;
use shared::run::Stage;

use crate::{Place, Publication};

const FIRST_RUN: &str = "2026-12-02T06:00:00Z";
const SECOND_RUN: &str = "2026-12-03T06:00:00Z";
const THIRD_RUN: &str = "2026-12-04T06:00:00Z";
const REFUSALS: &str = "SELECT partition, stage, exit_code, cause, run_id FROM refusals ORDER BY 1";

fn version(status: &'static str) -> Publication {
    Publication::of_year(2024, "2026-11-01T06:00:00", &[("Noise", status)])
}

/// A run that refuses 2024 in transform, and nothing else.
fn refusing(place: &Place, run: &str, observed_at: &str, cause: &str) {
    let refused = [(Partition::Year(2024), Stage::Transform, 20, cause)];
    place.hand_over(run, observed_at, &[], &[], &refused);
    place.of_run(run).run().finished();
}

#[test]
fn a_run_that_refuses_every_partition_says_so() {
    let place = Place::default();
    let long = "a header that nobody knows ".repeat(200);
    place.hand_over(
        "run",
        FIRST_RUN,
        &[],
        &[],
        &[
            (Partition::Year(2024), Stage::Transform, 20, &long),
            (Partition::CityWards, Stage::Extract, 30, "503"),
        ],
    );
    place.of_run("run").run().finished();
    assert_eq!(
        place.rows(REFUSALS),
        [
            format!("2024|transform|20|{}|run", &long[..2000]),
            "city-wards|extract|30|503|run".to_owned()
        ]
    );
}

#[test]
fn a_partition_that_is_good_again_is_refused_no_more() {
    let place = Place::default();
    refusing(&place, "first", FIRST_RUN, "no header");
    assert_eq!(place.rows(REFUSALS).len(), 1);
    place
        .observing(SECOND_RUN, &[&version("New")])
        .run()
        .finished();
    assert!(place.rows(REFUSALS).is_empty());
    refusing(&place, "third", THIRD_RUN, "no header again");
    assert_eq!(
        place.rows(REFUSALS),
        ["2024|transform|20|no header again|third"]
    );
    assert_eq!(place.requests(), ["2024|Noise|New"]);
    // Found is good as well.
    place
        .observing("2026-12-05T06:00:00Z", &[&version("New")])
        .run()
        .finished();
    assert!(place.rows(REFUSALS).is_empty());
}

#[test]
fn what_load_itself_refuses_is_recorded() {
    let place = Place::default();
    let miscounted = Publication {
        claimed: Some(7),
        ..version("New")
    };
    place.observing(FIRST_RUN, &[&miscounted]).run().failed(20);
    let refusals = place.rows("SELECT partition, stage, exit_code FROM refusals");
    assert_eq!(refusals, ["2024|load|20"]);
}

#[test]
fn an_older_run_neither_brings_a_refusal_back_nor_ends_a_newer_one() {
    let place = Place::default();
    // The second run was good: a replay of the first, which refused, changes nothing.
    place
        .observing(SECOND_RUN, &[&version("New")])
        .run()
        .finished();
    refusing(&place, "first", FIRST_RUN, "no header");
    assert!(place.rows(REFUSALS).is_empty());
    // The third refused: a replay of the second, which was good, changes nothing.
    refusing(&place, "third", THIRD_RUN, "no header");
    place
        .observing(SECOND_RUN, &[&version("New")])
        .run()
        .finished();
    refusing(&place, "first", FIRST_RUN, "an old cause");
    assert_eq!(place.rows(REFUSALS), ["2024|transform|20|no header|third"]);
    // A slow run that is stale is not a verdict on what the portal shows now.
    place
        .observing(THIRD_RUN, &[&version("New")])
        .run()
        .finished();
    place
        .observing(FIRST_RUN, &[&version("Completed")])
        .run()
        .failed(20);
    assert!(place.rows(REFUSALS).is_empty());
}

#[test]
fn what_an_operator_names_says_nothing_about_the_portal() {
    let place = Place::default();
    refusing(&place, "first", FIRST_RUN, "no header");
    place.job(&[&version("New")]).run().finished();
    assert_eq!(place.rows(REFUSALS).len(), 1);
}
