//! Marts that are built, found, and built again.

use std::time::Duration;

use serde_json::{Value, json};
use shared::testing::JobOutcome;

use crate::{Place, REQUESTS};

fn manifest(place: &Place) -> Value {
    let mut manifests = place.lake.manifests("marts/").into_values();
    let manifest = manifests.next().unwrap();
    assert!(manifests.next().is_none(), "one manifest");
    manifest
}

/// The rows of a mart, as the manifest says.
fn rows_of(manifest: &Value, mart: &str) -> u64 {
    let marts = manifest["marts"].as_array().unwrap();
    let table = format!("marts.{mart}");
    let found = marts.iter().find(|found| found["table"] == table.as_str());
    found.unwrap()["rows"].as_u64().unwrap()
}

#[test]
fn marts_are_built_once_from_what_the_warehouse_holds() {
    let place = Place::with(REQUESTS);
    let first = place.job().run();
    let finished = first.finished();
    assert_eq!(finished["produced"].as_u64(), Some(1), "{finished}");
    assert_eq!(
        place.rows(
            "SELECT source_year, ward_model, ward_id, type_name, requests, rank_among_wards, \
             round(share_of_ward, 3) FROM marts.requests_by_ward ORDER BY ALL"
        ),
        [
            "2023|||Noise|1||1.0",
            "2024|25|3|Litter|1|1|0.333",
            "2024|25|3|Noise|2|1|0.667",
            "2024|25|10|Noise|1|2|1.0"
        ]
    );
    assert_eq!(
        place
            .rows("SELECT created_on, type_name, requests FROM marts.requests_by_day ORDER BY ALL"),
        [
            "2023-01-02|Noise|1",
            "2024-01-02|Litter|1",
            "2024-01-02|Noise|3"
        ]
    );

    let manifest = manifest(&place);
    let nodes = manifest["nodes"].as_array().unwrap();
    assert_eq!(built(&first), nodes.len(), "each is a log line");
    assert!(nodes.len() > 20);
    assert!(nodes.contains(
        &json!({"unique_id": "model.toronto_311.requests_by_ward", "status": "success"})
    ));
    assert_eq!(rows_of(&manifest, "requests_by_day"), 3);
    assert_eq!(rows_of(&manifest, "requests_by_ward"), 4);
    assert_eq!(manifest["receipts"].as_object().unwrap().len(), 2);

    let objects = place.lake.objects("marts/");
    let second = place.job().run();
    assert_eq!(second.finished()["found"].as_u64(), Some(1));
    assert_eq!(place.lake.objects("marts/"), objects);
    assert_eq!(built(&second), 0);

    place.alter("DROP TABLE marts.requests_by_day");
    let third = place.job().run();
    assert_eq!(
        third.finished()["produced"].as_u64(),
        Some(1),
        "a lost mart is built anew"
    );
    assert_eq!(place.lake.objects("marts/"), objects, "the same manifest");

    place.load("2024", "second");
    place.job().env("RUN_ID", "test").run().finished();
    assert_eq!(
        place.lake.manifests("marts/").len(),
        2,
        "another load is another build"
    );
}

/// A refusal is news; that another run repeats it, or sees what is loaded again, is none.
#[test]
fn marts_are_built_again_when_a_refusal_changes() {
    let place = Place::with(REQUESTS);
    let produced = || place.job().run().finished()["produced"].as_u64().unwrap();
    let refused = || {
        place.rows(
            "SELECT partition, source_year, stage, exit_code, cause, held_published_at IS NOT NULL, \
             held_observed_at IS NOT NULL, held_loaded_at IS NOT NULL FROM marts.refused_publications ORDER BY 1",
        )
    };
    assert_eq!(produced(), 1);
    assert!(refused().is_empty());
    place.refuse("2024", 1, "no header");
    assert_eq!(produced(), 1);
    assert_eq!(
        refused(),
        ["2024|2024|transform|20|no header|true|true|true"]
    );

    place.refuse("2024", 2, "no header");
    place.alter("UPDATE load_history SET last_observed_at = '2026-12-03 06:00:00+00' WHERE partition = '2023'");
    assert_eq!(produced(), 0);

    place.refuse("2024", 3, "no rows");
    place.refuse("city-wards", 3, "no polygons");
    assert_eq!(produced(), 1);
    assert_eq!(
        refused(),
        [
            "2024|2024|transform|20|no rows|true|true|true",
            "city-wards||transform|20|no polygons|false|false|false"
        ]
    );
    place.alter("DELETE FROM refusals");
    assert_eq!(produced(), 1);
    assert!(refused().is_empty());
}

#[test]
fn an_empty_warehouse_has_empty_marts() {
    let place = Place::with(&[]);
    place.job().run().finished();
    assert_eq!(rows_of(&manifest(&place), "requests_by_ward"), 0);
}

#[test]
fn a_killed_build_is_made_good_by_the_next() {
    let place = Place::with(REQUESTS);
    let mut running = place.job().spawn();
    std::thread::sleep(Duration::from_secs(4));
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(place.lake.objects("marts/").is_empty(), "killed at work");
    // The dbt that was left behind may have the file for a while: exit 30 asks for a retry.
    let mut tries = (0..5).map(|_| place.job().run());
    let outcome = tries.find(|outcome| outcome.exit != 30);
    outcome.unwrap().finished();
    assert_eq!(rows_of(&manifest(&place), "requests_by_ward"), 4);
}

/// How many nodes were built or tested: hooks are not, nor is a source that was asked how fresh it is.
fn built(outcome: &JobOutcome) -> usize {
    let is_built = |id: &str| !id.starts_with("operation.") && !id.starts_with("source.");
    let events = outcome.log.iter();
    let finished = events.filter(|event| event["message"] == "dbt node finished");
    finished
        .filter(|event| event["uniqueId"].as_str().is_some_and(is_built))
        .count()
}
