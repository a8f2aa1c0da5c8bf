//! Both paths end in the same bytes and the same rows.

use std::collections::BTreeMap;

use sample_portal::{Portal, PortalConfig};
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
