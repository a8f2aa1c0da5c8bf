//! Marts are built, found and rebuilt.

use std::fs;

use serde_json::Value;
use shared::testing::JobOutcome;

use crate::{Fixture, REQUESTS};

fn manifest(fixture: &Fixture) -> Value {
    let mut manifests = fixture.lake.manifests("marts/").into_values();
    let manifest = manifests.next().unwrap();
    assert!(manifests.next().is_none(), "one manifest");
    manifest
}

/// Returns the number of rows of a mart in the manifest.
fn rows_of(manifest: &Value, mart: &str) -> u64 {
    let marts = manifest["marts"].as_array().unwrap();
    let table = format!("marts.{mart}");
    let found = marts.iter().find(|found| found["table"] == table.as_str());
    found.unwrap()["rows"].as_u64().unwrap()
}

#[test]
fn marts_are_built_once_from_the_loaded_data() {
    let fixture = Fixture::with(REQUESTS);
    let first = fixture.job().run();
    let finished = first.finished();
    assert_eq!(finished["produced"].as_u64(), Some(1), "{finished}");
    assert_eq!(
        fixture.rows(
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
        fixture
            .rows("SELECT created_on, type_name, requests FROM marts.requests_by_day ORDER BY ALL"),
        [
            "2023-01-02|Noise|1",
            "2024-01-02|Litter|1",
            "2024-01-02|Noise|3"
        ]
    );

    let manifest = manifest(&fixture);
    let nodes = first.event("marts built")["nodes"].as_u64().unwrap();
    assert_eq!(built(&first) as u64, nodes, "each is a log line");
    assert!(nodes > 20);
    assert_eq!(rows_of(&manifest, "requests_by_day"), 3);
    assert_eq!(rows_of(&manifest, "requests_by_ward"), 4);
    assert_eq!(manifest["receipts"].as_object().unwrap().len(), 2);

    let objects = fixture.lake.objects("marts/");
    let second = fixture.job().run();
    assert_eq!(second.finished()["found"].as_u64(), Some(1));
    assert_eq!(fixture.lake.objects("marts/"), objects);
    assert_eq!(built(&second), 0);

    fixture.alter("DROP TABLE marts.requests_by_day");
    let third = fixture.job().run();
    assert_eq!(
        third.finished()["produced"].as_u64(),
        Some(1),
        "a lost mart is rebuilt"
    );
    assert_eq!(fixture.lake.objects("marts/"), objects, "the same manifest");

    fixture.load("2024", "second");
    fixture.job().env("RUN_ID", "test").run().finished();
    assert_eq!(
        fixture.lake.manifests("marts/").len(),
        2,
        "another load causes another build"
    );
}

/// A new refusal causes a build. A repeated refusal or an observation of the same content does not.
#[test]
fn marts_are_built_again_when_a_refusal_changes() {
    let fixture = Fixture::with(REQUESTS);
    let produced = || fixture.job().run().finished()["produced"].as_u64().unwrap();
    let refused = || {
        fixture.rows(
            "SELECT partition, source_year, stage, exit_code, cause, held_published_at IS NOT NULL, \
             held_observed_at IS NOT NULL, held_loaded_at IS NOT NULL FROM marts.refused_publications ORDER BY 1",
        )
    };
    assert_eq!(produced(), 1);
    assert!(refused().is_empty());
    fixture.refuse("2024", 1, "no header");
    assert_eq!(produced(), 1);
    assert_eq!(
        refused(),
        ["2024|2024|transform|20|no header|true|true|true"]
    );

    fixture.refuse("2024", 2, "no header");
    fixture.alter("UPDATE load_history SET last_observed_at = '2026-12-03 06:00:00+00' WHERE partition = '2023'");
    assert_eq!(produced(), 0);

    fixture.refuse("2024", 3, "no rows");
    fixture.refuse("city-wards", 3, "no polygons");
    assert_eq!(produced(), 1);
    assert_eq!(
        refused(),
        [
            "2024|2024|transform|20|no rows|true|true|true",
            "city-wards||transform|20|no polygons|false|false|false"
        ]
    );
    fixture.alter("DELETE FROM refusals");
    assert_eq!(produced(), 1);
    assert!(refused().is_empty());
}

/// A later run may add drift to a version that is loaded.
#[test]
fn marts_are_built_again_when_a_loaded_version_gains_drift() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let produced = || fixture.job().run().finished()["produced"].as_u64().unwrap();
    assert_eq!(produced(), 1);
    let drift = r#"[{"kind": "republished_without_notice", "subject": "2024", "rows": 0}]"#;
    fixture.alter(&format!(
        "UPDATE load_history SET drift = '{drift}' WHERE partition = '2024'"
    ));
    assert_eq!(produced(), 1);
    assert_eq!(produced(), 0);
}

#[test]
fn an_empty_warehouse_has_empty_marts() {
    let fixture = Fixture::with(&[]);
    fixture.job().run().finished();
    assert_eq!(rows_of(&manifest(&fixture), "requests_by_ward"), 0);
}

/// An execution may be killed after any of its effects. The next one finds them.
#[test]
fn lineage_is_recorded_before_the_next_execution_finds_what_it_describes() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let completed = || ["dbt.requests_by_ward", "dbt"].map(|job| fixture.completed(job));
    fixture.job().run().finished();
    assert_eq!(completed(), [1, 1]);
    assert_eq!(fixture.job().run().finished()["found"], 1);
    assert_eq!(completed(), [1, 2]);

    let (manifest, _) = fixture.lake.objects("marts/").pop_first().unwrap();
    fs::write(fixture.lake.path().join(&manifest), "altered").unwrap();
    let failed = fixture.job().env("FORCE", "1").run();
    let cause = failed.failed(70);
    assert!(cause.contains(&manifest), "{cause}");
    assert_eq!(completed(), [2, 2]);
}

/// Returns how many nodes were built or tested.
fn built(outcome: &JobOutcome) -> usize {
    let events = outcome.log.iter();
    events
        .filter(|event| event["message"] == "dbt node finished")
        .count()
}
