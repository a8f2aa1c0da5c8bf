//! Tests of the forward sortation areas, from shapefile to GeoJSON.

use serde_json::Value;
use shared::testing::{JobOutcome, TestLake};

use crate::scripted::{Answer, FSA_FILE, Scripted};
use crate::shapefiles::{
    Area, LAND_AREA, PRJ, Ring, areas, areas_in, dbf, dbf_of, ids_only, published_areas, shp,
    zipped, zipped_as,
};
use crate::zips::zip;

/// Extracts only the areas from `published`.
fn extract(published: Vec<u8>) -> (TestLake, JobOutcome) {
    let portal = Scripted::start(move |request| {
        (request.path == FSA_FILE).then(|| Answer::ok(&[], &published))
    });
    let lake = TestLake::default();
    let outcome = portal
        .job_on(&lake)
        .env("CLOUD_RUN_TASK_COUNT", "3")
        .env("CLOUD_RUN_TASK_INDEX", "2")
        .run();
    (lake, outcome)
}

/// Returns the stored GeoJSON.
fn stored(lake: &TestLake) -> Vec<u8> {
    let manifests = lake.manifests("raw/forward-sortation-areas/");
    let manifest: &Value = manifests.values().next().unwrap();
    let key = manifest["object"]["key"].as_str().unwrap();
    assert!(key.ends_with("/forward-sortation-areas.geojson"));
    std::fs::read(lake.path().join(key)).unwrap()
}

/// Returns twice the area within `ring`, positive if it is counter-clockwise.
fn area(ring: &Ring) -> f64 {
    let cross = |pair: &[[f64; 2]]| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1];
    ring.windows(2).map(cross).sum()
}

fn rounded(ring: &Ring) -> Vec<[i64; 2]> {
    #[expect(clippy::cast_possible_truncation, reason = "degrees times a million")]
    let micro = |degrees: f64| (degrees * 1e6).round() as i64;
    ring.iter().map(|point| point.map(micro)).collect()
}

/// Whether the corners of `ring` differ from those of `other` by less than a ten-thousandth of a second, for any first
/// corner and direction.
fn same_ring(ring: &Ring, other: &Ring) -> bool {
    let close = |a: &[f64; 2], b: &[f64; 2]| (0..2).all(|axis| (a[axis] - b[axis]).abs() < 1e-6);
    let other: Ring = if (area(ring) > 0.0) == (area(other) > 0.0) {
        other.clone()
    } else {
        other.iter().rev().copied().collect()
    };
    ring.len() == other.len() && ring.iter().zip(&other).all(|(a, b)| close(a, b))
}

#[test]
fn the_areas_of_toronto_are_the_published_ones() {
    let expected = published_areas();
    let (lake, outcome) = extract(zipped(&areas()));
    assert_eq!(outcome.finished()["produced"], 1);
    let found = areas_in(&stored(&lake));

    assert!(found.is_sorted_by(|(one, _), (next, _)| one < next));
    assert_eq!(found.len(), expected.len());
    for (id, polygons) in &found {
        let (_, expected) = expected.iter().find(|(other, _)| other == id).unwrap();
        assert_eq!(polygons.len(), expected.len(), "{id}");
        for polygon in polygons {
            assert!(area(&polygon[0]) > 0.0, "{id}: the outer ring is clockwise");
            assert!(polygon[1..].iter().all(|hole| area(hole) < 0.0), "{id}");
            let same = |other: &&Vec<Ring>| {
                other.len() == polygon.len()
                    && polygon
                        .iter()
                        .all(|ring| other.iter().any(|other| same_ring(ring, other)))
            };
            assert!(expected.iter().any(|other| same(&other)), "{id}");
        }
    }
}

#[test]
fn holes_and_islands_are_preserved() {
    let square = |x: f64, y: f64, side: f64| -> Ring {
        vec![
            [x, y],
            [x + side, y],
            [x + side, y + side],
            [x, y + side],
            [x, y],
        ]
    };
    let hole =
        |x: f64, y: f64, side: f64| -> Ring { square(x, y, side).into_iter().rev().collect() };
    let land = vec![square(-79.5, 43.6, 0.1), hole(-79.48, 43.62, 0.05)];
    let island = vec![square(-79.46, 43.64, 0.01)];
    let elsewhere = vec![square(-79.3, 43.7, 0.05)];
    let area: Area = ("M5J".to_owned(), vec![land, island, elsewhere]);
    let (lake, outcome) = extract(zipped(std::slice::from_ref(&area)));
    let finished = outcome.finished();
    assert_eq!(finished["rows"], 3);

    let (_, found) = areas_in(&stored(&lake)).remove(0);
    let sorted = |polygons: &[Vec<Ring>]| {
        let mut polygons: Vec<Vec<Vec<[i64; 2]>>> = polygons
            .iter()
            .map(|polygon| polygon.iter().map(rounded).collect())
            .collect();
        for ring in polygons.iter_mut().flatten() {
            // A ring has no first corner.
            ring.pop();
            let first = (0..ring.len()).min_by_key(|&index| ring[index]).unwrap();
            ring.rotate_left(first);
        }
        polygons.sort();
        polygons
    };
    assert_eq!(sorted(&found), sorted(&area.1));
}

#[test]
fn the_land_area_is_kept() {
    let (lake, outcome) = extract(zipped(&areas()));
    outcome.finished();
    let geojson: Value = serde_json::from_slice(&stored(&lake)).unwrap();
    let properties = &geojson["features"][0]["properties"];
    assert_eq!(
        properties,
        &serde_json::json!({"CFSAUID": "M1B", "PRUID": "35", "PRNAME": "Ontario", "LANDAREA": LAND_AREA})
    );
}

/// The file of the 2016 census has no land areas.
#[test]
fn an_area_needs_only_its_id() {
    let triangle = vec![vec![vec![
        [-79.4, 43.6],
        [-79.4, 43.7],
        [-79.3, 43.7],
        [-79.4, 43.6],
    ]]];
    let published = zipped_as(
        &shp(&[("M5V".to_owned(), triangle)]),
        &ids_only(&["M5V"]),
        PRJ,
    );
    let (lake, outcome) = extract(published);
    outcome.finished();
    let geojson: Value = serde_json::from_slice(&stored(&lake)).unwrap();
    let properties = &geojson["features"][0]["properties"];
    assert_eq!(properties, &serde_json::json!({"CFSAUID": "M5V"}));
}

#[test]
fn a_bad_shapefile_is_refused_with_a_clear_error() {
    let square = |x: f64| vec![vec![vec![[x, 43.6], [x, 43.7], [x + 0.1, 43.7], [x, 43.6]]]];
    let one: Vec<Area> = vec![("M5V".to_owned(), square(-79.4))];
    let whole = |ids: &[&str], prj: &str| {
        let areas: Vec<Area> = ids
            .iter()
            .map(|id| ((*id).to_owned(), square(-79.4)))
            .collect();
        zipped_as(&shp(&areas), &dbf(ids), prj)
    };
    let table: Vec<(i32, &str, Vec<u8>)> = vec![
        (
            30,
            "is not a ZIP but an HTML page",
            b"<html>moved</html>".to_vec(),
        ),
        (
            20,
            "contains no SHP file, only readme.txt",
            zip(&[("readme.txt", b"a")]),
        ),
        (
            20,
            "contains several SHP files",
            zip(&[("a.shp", b"a"), ("b.shp", b"b")]),
        ),
        (
            20,
            "contains no PRJ file",
            zip(&[("a.shp", b"a"), ("a.dbf", b"b")]),
        ),
        (
            20,
            "cannot be read as a shapefile",
            zipped_as(b"no shapes", &dbf(&["M5V"]), PRJ),
        ),
        (
            20,
            "cannot be read as a shapefile",
            zipped_as(&shp(&one), b"no records", PRJ),
        ),
        (20, "where EPSG:3347", whole(&["M5V"], "GEOGCS[\"WGS 84\"]")),
        (
            20,
            "where EPSG:3347",
            whole(&["M5V"], &PRJ.replace("77.0", "76.0")),
        ),
        (
            20,
            "has no area that starts with M",
            whole(&["K1A", "H2X"], PRJ),
        ),
        (20, "M5V occurs twice", whole(&["M5V", "M5V"], PRJ)),
        (
            20,
            "record 2 has the invalid CFSAUID \"MXX\"",
            whole(&["M5V", "MXX"], PRJ),
        ),
        (
            20,
            "record 1 has the invalid LANDAREA -1",
            zipped_as(&shp(&one), &dbf_of(&[("M5V", -1.0)]), PRJ),
        ),
        (
            20,
            "the .shp has 1 shapes, the .dbf 2 records",
            zipped_as(&shp(&one), &dbf(&["M5V", "H2X"]), PRJ),
        ),
        (
            20,
            "M5V has a corner at [-73.",
            zipped(&[("M5V".to_owned(), square(-73.6))]),
        ),
    ];
    for (exit, expected, published) in table {
        let (lake, outcome) = extract(published);
        let cause = outcome.failed(exit);
        assert!(cause.contains(expected), "{expected}: {cause}");
        assert!(lake.objects("raw/").is_empty(), "{expected}");
    }
}
