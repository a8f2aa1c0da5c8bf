//! The City's own rows, and synthetic rows of the same shapes, through all four jobs.

use std::fs;
use std::path::Path;

use sample_portal::{Portal, PortalConfig};
use serde_json::json;
use shared::run::Stage;
use shared::testing::city_files;

use crate::pipeline::{self, Pipeline, on_both_paths};

on_both_paths!(every_row_arrives_in_the_marts);

fn every_row_arrives_in_the_marts(path: pipeline::Path) {
    let hand_made = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/hand_made");
    all_rows_arrive(path, &hand_made, 2);
    let rows = all_rows_arrive(path, &city_files(), 5);
    assert_eq!(rows, 81);
}

/// Runs the pipeline on the files in `data`, which contain `duplicates` rows equal to the preceding one; returns its
/// rows.
fn all_rows_arrive(path: pipeline::Path, data: &Path, duplicates: u64) -> u64 {
    let portal = Portal::start(PortalConfig {
        files: Some(data.to_owned()),
        ..PortalConfig::default()
    })
    .unwrap();
    let mut pipeline = Pipeline::new(&portal, path);
    // All marts, with all their tests, are built of these rows on one machine.
    if path == pipeline::Path::Cloud {
        pipeline.build_few_marts(&[]);
    }
    pipeline.run_to_warehouse("first");
    pipeline.run(Stage::Dbt, "first").finished();

    let published: u64 = fs::read_dir(data.join("service-requests"))
        .unwrap()
        .map(|entry| {
            fs::read_to_string(entry.unwrap().path())
                .unwrap()
                .lines()
                .count() as u64
                - 1
        })
        .sum();
    assert_eq!(
        pipeline.query("select count(*), count(distinct request_id) from service_requests"),
        json!([[published, published]])
    );
    assert_eq!(
        pipeline.query("select count(*) from quarantined_requests"),
        json!([[0]])
    );
    let equal_rows = "select cast(sum(n - 1) as bigint) from (
        select count(*) as n from service_requests
        group by created_at, fsa, intersection_street_1, intersection_street_2, ward_name, service_request_type, division, section
    ) as equal";
    assert_eq!(pipeline.query(equal_rows), json!([[duplicates]]));
    for mart in ["requests_by_ward", "requests_by_day"] {
        let total = pipeline.query(&format!(
            "select cast(sum(requests) as bigint) from marts.{mart}"
        ));
        assert_eq!(total, json!([[published]]), "{mart}");
    }
    assert_eq!(
        pipeline.query("select count(*), count(distinct ward_id) from city_wards"),
        json!([[25, 25]])
    );
    let areas = pipeline.query("select count(*) > 90 and min(fsa) like 'M__' and max(fsa) like 'M__' from forward_sortation_areas",
    );
    assert_eq!(areas, json!([[true]]));
    published
}
