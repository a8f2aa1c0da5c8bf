//! Both paths end in the same bytes and the same rows.

use std::collections::BTreeMap;

use sample_portal::{Portal, PortalConfig};
use serde_json::Value;
use shared::run::Stage;

use crate::pipeline::{Path, Pipeline};

#[test]
fn the_cloud_holds_what_one_machine_holds() {
    let portal = Portal::start(PortalConfig {
        generated_years: vec![2012, 2025],
        rows_per_year: Some(3_000),
        ..PortalConfig::default()
    })
    .unwrap();
    let paths = [Path::Local, Path::Cloud].map(|path| Pipeline::new(&portal, path));
    for pipeline in &paths {
        pipeline.run_to_warehouse("run");
        // A correction, so that statuses have changed.
        pipeline.run(Stage::Dbt, "run").finished();
    }
    portal.correct(2025);
    for pipeline in &paths {
        pipeline.run_to_warehouse("again");
        pipeline.run(Stage::Dbt, "again").finished();
    }
    let [local, cloud] = &paths;
    assert_eq!(objects(local), objects(cloud));
    assert_eq!(
        polygons(local, "geometry"),
        polygons(cloud, "st_asgeojson(geometry)")
    );

    let [local, cloud] = [local, cloud].map(|pipeline| {
        let mut tables = pipeline.tables();
        // It names what it was built from, and so the warehouse's own project.
        tables.as_object_mut().unwrap().remove("main.dbt_build");
        tables
    });
    assert_eq!(local, cloud);
    assert!(
        local["main.status_changes"][0].as_u64().unwrap() > 0,
        "{local}"
    );
    assert!(
        local["marts.requests_by_ward"][0].as_u64().unwrap() > 0,
        "{local}"
    );
}

/// The coordinates of every ward and area by name: GeoJSON text in DuckDB, `GEOGRAPHY` in BigQuery.
fn polygons(pipeline: &Pipeline, geojson: &str) -> BTreeMap<String, Value> {
    let rows = pipeline.query(&format!(
        "select ward_name, {geojson} from city_wards union all select fsa, {geojson} from forward_sortation_areas"
    ));
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        let [name, geometry] = [&row[0], &row[1]].map(|cell| cell.as_str().unwrap());
        let geometry: Value = serde_json::from_str(geometry).unwrap();
        (name.to_owned(), geometry["coordinates"].clone())
    })
    .collect()
}

/// The lake's objects, but for those that name the warehouse, which each path has its own of.
fn objects(pipeline: &Pipeline) -> BTreeMap<String, String> {
    let mut objects = pipeline.objects();
    objects.retain(|key, _| {
        let names_the_warehouse = ["loaded/", "marts/"]
            .iter()
            .any(|part| key.starts_with(part));
        !names_the_warehouse && !key.contains("/load-") && !key.contains("/dbt-")
    });
    objects
}
