//! Tests of the ward polygons, as published by the City and with faults.

use serde_json::{Value, json};
use shared::fingerprint::Digest;
use shared::testing::{JobOutcome, TestLake};

use crate::publisher::city_wards;
use crate::scripted::{Answer, Scripted, WARDS, shown};

const FILE: &str = "/wards.geojson";

/// Extracts only the wards, from a portal that publishes `file` as resources with these names.
fn extract(names: &[&str], file: Vec<u8>) -> (TestLake, JobOutcome) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let portal = Scripted::start(move |request| match request.path.as_str() {
        WARDS => {
            let base = format!("http://{}", request.header("host")?);
            let url = format!("{base}{FILE}");
            let resource =
                |name: &String| json!({"id": name, "name": name, "format": "GeoJSON", "url": url});
            let resources: Vec<Value> = names.iter().map(resource).collect();
            Some(shown(&json!(resources)))
        }
        FILE => Some(Answer::ok(&[], &file)),
        _ => None,
    });
    let lake = TestLake::default();
    let outcome = portal
        .job_on(&lake)
        .env("CLOUD_RUN_TASK_COUNT", "3")
        .env("CLOUD_RUN_TASK_INDEX", "1")
        .run();
    (lake, outcome)
}

#[test]
fn the_wards_in_longitude_and_latitude_are_stored_as_they_are() {
    let names = ["City Wards - 2952.geojson", "City Wards - 4326.geojson"];
    let (lake, outcome) = extract(&names, city_wards());
    assert_eq!(outcome.finished()["produced"], 1);
    let (_, manifest) = lake.manifests("raw/city-wards/").pop_first().unwrap();
    assert_eq!(manifest["source"]["resource_id"], names[1]);
    let digest = Digest::of(&city_wards());
    assert_eq!(manifest["object"]["sha256"], digest.as_str());
    assert_eq!(manifest["download_sha256"], digest.as_str());
    assert_eq!(manifest["encoding"], "utf-8");
}

/// An exit code, the published file and the expected error.
type Case<'a> = (i32, &'a [&'a str], Vec<u8>, &'a str);

#[test]
fn ambiguous_or_incomplete_wards_are_refused_with_a_clear_error() {
    let wards = || serde_json::from_slice::<Value>(&city_wards()).unwrap();
    let mut incomplete = wards();
    incomplete["features"].as_array_mut().unwrap().truncate(24);
    let cut_off = city_wards()[..city_wards().len() / 2].to_vec();
    let one: &[&str] = &["wards - 4326"];
    let table: [Case<'_>; 6] = [
        (
            20,
            &[],
            city_wards(),
            "cannot extract the package city-wards: the portal does not publish GeoJSON in WGS84 (EPSG:4326)",
        ),
        (
            20,
            &["wards - 2952"],
            city_wards(),
            "GeoJSON in WGS84 (EPSG:4326); available: wards - 2952",
        ),
        (
            30,
            one,
            b"<!doctype html>".to_vec(),
            "wards.geojson is not GeoJSON but an HTML page",
        ),
        (30, one, cut_off, "wards.geojson is truncated"),
        (
            20,
            one,
            b"[]".to_vec(),
            "wards.geojson is not a GeoJSON FeatureCollection",
        ),
        (
            20,
            one,
            incomplete.to_string().into_bytes(),
            "lacks wards [",
        ),
    ];
    for (exit, names, file, expected) in table {
        let (lake, outcome) = extract(names, file);
        let cause = outcome.failed(exit);
        assert!(cause.contains(expected), "{expected}: {cause}");
        assert!(lake.objects("raw/").is_empty(), "{expected}");
    }
}
