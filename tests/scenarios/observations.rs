//! The latest observation of the portal counts, and refusals are recorded.

use std::fs;

use sample_portal::{Portal, PortalConfig};
use serde_json::json;
use shared::run::Stage;
use shared::testing::fixtures;

use crate::pipeline::{Path, Pipeline, on_both_paths};

const YEAR: i16 = 2025;

fn portal(year: i16) -> Portal {
    Portal::start(PortalConfig {
        generated_years: vec![year],
        rows_per_year: Some(1_000),
        ..PortalConfig::default()
    })
    .unwrap()
}

on_both_paths!(an_older_file_that_the_city_puts_back_is_loaded_and_a_slow_run_is_not);

fn an_older_file_that_the_city_puts_back_is_loaded_and_a_slow_run_is_not(path: Path) {
    let portal = portal(YEAR);
    let mut pipeline = Pipeline::new(&portal, path);
    pipeline.build_few_marts(&["status_history"]);
    let latest = portal.publications(YEAR);
    let loaded = |run: &str| {
        let outcomes = pipeline.run_to_warehouse(run);
        outcomes[2].finished()["produced"].as_u64().unwrap()
    };
    portal.publish(YEAR, latest - 1).unwrap();
    assert_eq!(loaded("april"), 3);
    // During the City's upload, the portal briefly reports the time of the upload, then the date of the file.
    portal.upload(YEAR, latest).unwrap();
    assert_eq!(loaded("uploading"), 1);
    portal.set_source_date(YEAR).unwrap();
    assert_eq!(loaded("dated"), 0);
    for stage in [Stage::Extract, Stage::Transform] {
        pipeline.run(stage, "slow").finished();
    }
    portal.roll_back(YEAR).unwrap();
    assert_eq!(loaded("put-back"), 1);
    assert_eq!(loaded("found"), 0);
    let slow = pipeline.run(Stage::Load, "slow");
    let cause = slow.failed(20);
    assert!(cause.contains("the load of 2025 is stale"), "{cause}");
    assert_eq!(
        pipeline.query(
            "select load_number, run_id, last_observed_at > observed_at, generated
             from load_history where load_history.partition = '2025' order by 1"
        ),
        json!([
            [1, "april", false, true],
            [2, "uploading", true, true],
            [3, "put-back", true, true]
        ])
    );
    assert_eq!(
        pipeline.query(
            "select count(*) = count(distinct request_id), count(*) = max(rows_kept)
             from service_requests cross join load_history where run_id = 'put-back'"
        ),
        json!([[true, true]])
    );

    // Statuses go back with the file.
    pipeline.run(Stage::Dbt, "put-back").finished();
    let of_each = pipeline.query(
        "select periods, count(*) > 0 from (
            select history.request_id, count(distinct status) as statuses, count(*) as periods
            from marts.status_history as history group by history.request_id
         ) as counted where statuses = 2 group by periods",
    );
    assert_eq!(of_each, json!([[3, true]]));
}

on_both_paths!(a_year_that_is_listed_twice_after_it_was_loaded_has_drift);

fn a_year_that_is_listed_twice_after_it_was_loaded_has_drift(path: Path) {
    let portal = portal(YEAR);
    let pipeline = Pipeline::new(&portal, path);
    let first_kind = match path {
        Path::Local => "drift->>'$[0].kind'",
        Path::Cloud => "json_value(drift, '$[0].kind')",
    };
    let kinds = || {
        pipeline.query(&format!(
            "select load_number, {first_kind} from load_history where load_history.partition = '2025'"
        ))
    };
    pipeline.run_to_warehouse("first");
    assert_eq!(kinds(), json!([[1, null]]));
    portal.rename(YEAR, "SR2025, again").unwrap();
    portal.publish(YEAR, portal.publications(YEAR)).unwrap();
    let outcomes = pipeline.run_to_warehouse("renamed");
    assert_eq!(outcomes[2].finished()["produced"], 0);
    assert_eq!(kinds(), json!([[1, "duplicate_resource"]]));
}

on_both_paths!(a_refused_year_is_shown_until_it_is_good_again);

fn a_refused_year_is_shown_until_it_is_good_again(path: Path) {
    let portal = portal(YEAR);
    let mut pipeline = Pipeline::new(&portal, path);
    pipeline.build_few_marts(&["refused_publications"]);
    let latest = portal.publications(YEAR);
    pipeline.run_to_warehouse("good");
    let refused = || {
        pipeline.query(
            "select source_year, stage, exit_code, held_published_at < held_observed_at, held_observed_at < observed_at
             from marts.refused_publications",
        )
    };
    pipeline.run(Stage::Dbt, "good").finished();
    assert_eq!(refused(), json!([]));

    portal.replace_csv(YEAR, b"Creation Date,Mood\r\n2025-01-01,glad\r\n");
    let run_to_load = |run: &str| {
        pipeline.run(Stage::Extract, run).finished();
        pipeline.run(Stage::Transform, run).failed(20);
        pipeline.run(Stage::Load, run).finished();
    };
    run_to_load("broken");
    pipeline.run(Stage::Dbt, "broken").finished();
    assert_eq!(refused(), json!([[YEAR, "transform", 20, true, true]]));

    // A repeated refusal causes no build.
    run_to_load("still-broken");
    let built = pipeline.run(Stage::Dbt, "still-broken");
    assert_eq!(built.finished()["produced"], 0);

    portal.publish(YEAR, latest).unwrap();
    pipeline.run_to_warehouse("repaired");
    // An older run again neither restores its refusal nor ends a newer one.
    pipeline.run(Stage::Load, "broken").finished();
    pipeline.run(Stage::Dbt, "repaired").finished();
    assert_eq!(refused(), json!([]));
    assert_eq!(
        pipeline.query(
            "select load_history.partition, count(*) from load_history group by 1 order by 1"
        ),
        json!([
            ["2025", 1],
            ["city-wards", 1],
            ["forward-sortation-areas", 1]
        ])
    );
}

on_both_paths!(a_year_whose_labels_changed_has_the_same_requests);

/// Of the 80 requests of `18-relabelled-division`, 20 are published again under a renamed type, which is part of what
/// identifies a request; of the other 60, 20 have another division and 12 another status.
fn a_year_whose_labels_changed_has_the_same_requests(path: Path) {
    let year = 2024;
    let portal = portal(year);
    let pipeline = Pipeline::new(&portal, path);
    let case = fixtures().join("publication-cases/18-relabelled-division");
    for (run, file) in [
        ("first", "SR2024.first.csv"),
        ("again", "SR2024.republished.csv"),
    ] {
        portal.replace_csv(year, &fs::read(case.join(file)).unwrap());
        pipeline.run_to_warehouse(run);
    }
    assert_eq!(
        pipeline.query(
            "select load_number, content_changed, rows_before, rows_after, rows_added, rows_gone, rows_restatused,
                    rows_relabelled
             from publication_changes where source_year = 2024 order by 1"
        ),
        json!([
            [1, true, 0, 80, 80, 0, 0, 0],
            [2, true, 80, 80, 20, 20, 12, 20]
        ])
    );
    let changed = "select count(*) from status_changes where source_year = 2024";
    assert_eq!(pipeline.query(changed), json!([[12]]));
}
