//! Both paths result in the same bytes and rows, and publish the same files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};
use shared::fingerprint::Digest;
use shared::run::Stage;
use shared::testing::validated_descriptions;
use tempfile::TempDir;

use crate::described::{entries, entries_stay, without_times};
use crate::googlesql::Record;
use crate::lineage::{Collector, Graph};
use crate::pipeline::{Path, Pipeline};
use crate::readers::{query_files, run_google_tools, run_java_readers, run_node_reader};

#[test]
fn the_cloud_has_the_same_data_as_one_machine() {
    let januaries = januaries();
    let portal = Portal::start(PortalConfig {
        files: Some(januaries.path().to_owned()),
        generated_years: vec![2012, 2025],
        rows_per_year: Some(3_000),
        ..PortalConfig::default()
    })
    .unwrap();
    let mut paths = [Path::Local, Path::Cloud].map(|path| Pipeline::new(&portal, path));
    let record = Record::of(&mut paths[1]);
    let collectors = [(); 2].map(|()| Collector::start());
    let run = |run: &str, transformed: i32| {
        let artifacts = ["dbt-local", "dbt"];
        for ((pipeline, collector), artifacts) in paths.iter().zip(&collectors).zip(artifacts) {
            let job = |stage| collector.collects(pipeline.job(stage, run));
            job(Stage::Extract).run().finished();
            assert_eq!(job(Stage::Transform).run().exit, transformed);
            job(Stage::Load).run().finished();
            let dbt = job(Stage::Dbt);
            let dbt = dbt.env("SITE_URL", pipeline.site_url());
            let dbt = dbt.env("DBT_TARGET_DIR", record.path(artifacts));
            let dbt = dbt.env("COMMIT", "0".repeat(40));
            let dbt = dbt.env("RELEASE", if run == "again" { "2025Q4" } else { "" });
            let outcome = dbt.run();
            outcome.finished();
            assert_eq!(outcome.event("site published")["removed"], 0);
        }
    };
    run("run", 0);
    let feeds_before = entries(&paths[0].published());
    // A correction, so that statuses have changed, and a refused publication, so that no mart is empty.
    portal.correct(2025);
    portal.replace_csv(2012, b"Creation Date,Mood\r\n2012-01-01,glad\r\n");
    run("again", 20);
    let [local, cloud] = &paths;
    assert_eq!(objects(local), objects(cloud));
    assert_eq!(
        polygons(local, "geometry"),
        polygons(cloud, "st_asgeojson(geometry)")
    );
    both_publish_the_same(local, cloud);
    let graphs = [0, 1].map(|path| collectors[path].graph(&paths[path]));
    lineage_is_one_graph(&paths, &graphs);
    let found = validated_descriptions(&local.site());
    assert_eq!(
        found["feeds"], 26,
        "one per ward, and that of the publications"
    );
    entries_stay(&feeds_before, &entries(&local.published()));
    published_requests_are_reconciled(local);
    published_areas_have_the_polygons(local);
    the_bucket_serves_files_as_what_they_are(cloud);

    let [local, cloud] = [local, cloud].map(|pipeline| {
        let mut tables = pipeline.tables();
        // It contains the fingerprint of its inputs, which include the warehouse's own project.
        tables.as_object_mut().unwrap().remove("main.published_marts");
        // Each path observed the portal at its own time.
        let history = tables.as_object_mut().unwrap().remove("marts.status_history");
        assert!(history.unwrap()[0].as_u64().unwrap() > 0);
        let history = pipeline.digest(
            "select source_year, period_number, status, status_group, first_as_of, last_as_of from marts.status_history",
        );
        (tables, history)
    });
    assert_eq!(local, cloud);
    // Two empty tables would be equal whatever the models are.
    for (name, table) in local.0.as_object().unwrap() {
        assert!(table[0].as_u64().unwrap() > 0, "{name} is empty");
    }
    let unusual = "select distinct area_type from marts.unusual_months order by 1";
    assert_eq!(paths[0].query(unusual), json!([["fsa"], ["ward"]]));
    read_by_java(&paths[0]);
    read_by_googles_tools(&paths[1]);
    // Both equal what Google's own evaluator computes.
    record.check(&paths[0].warehouse());
}

/// Returns a folder of files for the portal: two Januaries, of which the later one has an unusual number of requests in a
/// ward and a forward sortation area. The year between them is generated.
fn januaries() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("service-requests");
    fs::create_dir(&files).unwrap();
    for (year, requests) in [(2024, 3), (2026, 60)] {
        let mut csv = "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
                       Service Request Type,Division,Section\r\n"
            .to_owned();
        for minute in 0..requests {
            // On the last day, so that the month is whole.
            write!(
                csv,
                "{year}-01-31 12:{minute:02}:00.0000000,Completed,M4C,,,Beaches-East York (19),Road - Pot hole,\
                 Transportation Services,Road Operations\r\n"
            )
            .unwrap();
        }
        fs::write(files.join(format!("SR{year}.csv")), csv).unwrap();
    }
    folder
}

/// Java's readers, where a machine has them, read every row of every file.
fn read_by_java(local: &Pipeline) {
    let lake = local.lake();
    let mut expected = BTreeMap::new();
    for manifest in lake.manifests("clean/").values() {
        let months = manifest["files"].as_array().unwrap().iter();
        for file in months
            .chain(manifest.get("quarantine"))
            .filter(|file| file.is_object())
        {
            let path = lake.path().join(file["key"].as_str().unwrap());
            expected.insert(path, file["rows"].clone());
        }
    }
    assert!(expected.len() > 20, "{expected:?}");
    let Some(read) = run_java_readers(expected.keys().map(PathBuf::as_path)) else {
        return;
    };
    for (path, rows) in &expected {
        assert_eq!(
            read[path.to_str().unwrap()],
            json!([rows, rows]),
            "{}",
            path.display()
        );
    }
}

/// `gcloud`, `gsutil` and `bq`, where the machine has them, list and read the same as the clients.
#[expect(
    clippy::print_stderr,
    reason = "who runs the test sees what was not tried"
)]
fn read_by_googles_tools(cloud: &Pipeline) {
    let project = cloud.project();
    let site = cloud.site_url();
    let site = site.strip_prefix("gs://").unwrap();
    let found = run_google_tools(&[project, site, project, "main", "service_requests"]);
    for tool in found["missing"].as_array().unwrap() {
        eprintln!("{tool} is not installed, so that it has read nothing");
    }
    let objects = json!(cloud.objects());
    for tool in ["gcloud", "gsutil"] {
        let read = found.get(tool);
        assert!(read.is_none_or(|read| *read == objects), "{tool}: {found}");
    }
    if let Some(read) = found.get("site") {
        let published = cloud.published().into_iter();
        let published = published.map(|(path, content)| (path, Digest::of(&content).to_string()));
        assert_eq!(*read, json!(published.collect::<BTreeMap<_, _>>()));
    }
    if let Some(read) = found.get("bq") {
        let listed = read["tables"].as_array().unwrap();
        let tables = cloud.tables();
        let mut loaded = tables
            .as_object()
            .unwrap()
            .keys()
            .filter_map(|name| name.strip_prefix("main."));
        assert!(loaded.all(|table| listed.contains(&json!(table))), "{read}");
        let rows = cloud.query("select count(*) from service_requests");
        assert_eq!(read["rows"], rows[0][0]);
    }
}

/// Returns the coordinates of every ward and area by name: GeoJSON text in DuckDB, `GEOGRAPHY` in BigQuery.
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

/// Returns the lake's objects without hand-overs and lineage, which contain times, and without those named after the
/// warehouse, which differs between the paths.
fn objects(pipeline: &Pipeline) -> BTreeMap<String, String> {
    let mut objects = pipeline.objects();
    objects.retain(|key, _| {
        let own = ["runs/", "lineage/", "loaded/", "marts/"];
        !own.iter().any(|part| key.starts_with(part))
    });
    objects
}

/// Lineage leads from the portal's files to those of the site, by dataset and by column, in the same way on both paths.
fn lineage_is_one_graph(paths: &[Pipeline; 2], graphs: &[Graph; 2]) {
    let stores = paths.each_ref().map(Pipeline::lineage_stores);
    let [local, cloud] = [0, 1].map(|path| graphs[path].without_stores(&stores[path]));
    assert_eq!(local, cloud);
    for (graph, stores) in graphs.iter().zip(&stores) {
        let store = |name| &stores.iter().find(|(_, store)| *store == name).unwrap().0;
        let site = store("site ");
        // A seed that only the site has.
        let (seed, file) = (
            format!("{}reference.type_groups", store("warehouse ")),
            format!("{site}data/v1/marts/type_groups.parquet"),
        );
        let apart: BTreeSet<&str> = graph.apart().into_iter().collect();
        assert_eq!(apart, [seed.as_str(), &file].into());
        let origins = graph.origins(&format!(
            "{site}data/v1/marts/requests_by_ward.parquet ward_model"
        ));
        let published: BTreeSet<&str> = origins
            .iter()
            .map(|column| {
                assert!(column.starts_with("http://127.0.0.1:"), "{column}");
                column.rsplit(' ').next().unwrap()
            })
            .collect();
        assert_eq!(published, ["creation_date", "ward"].into());
        for (file, column, origin) in [
            ("requests/2025.parquet", "ward_id", " ward"),
            ("requests/2025.csv.gz", "section", " section"),
            ("quarantined_requests/2025.parquet", "reason", " reason"),
            ("boundaries/wards.parquet", "ward_id", " ward_id"),
            ("boundaries/wards.parquet", "homes", " homes"),
        ] {
            let origins = graph.origins(&format!("{site}data/v1/{file} {column}"));
            assert!(
                origins
                    .iter()
                    .any(|found| !found.contains("data/v1/") && found.ends_with(origin)),
                "{file} {column}: {origins:?}"
            );
        }

        let done = ["START", "COMPLETE"];
        for job in [
            "extract",
            "extract.service-requests.2025",
            "extract.city-wards",
            "load",
            "load.service-requests.2025",
            "dbt",
            "dbt.requests_by_ward",
            "dbt.requests_by_ward.test",
            "dbt.requests_by_ward.publish",
            "dbt.requests.2025.publish",
            "dbt.wards_boundaries.publish",
        ] {
            let states = graph.states(job);
            assert!(!states.is_empty(), "{job}: {:?}", graph.jobs());
            assert!(states.iter().all(|run| *run == done), "{job}: {states:?}");
        }
        assert_eq!(graph.unended(), BTreeMap::new());
        // The boundaries have not changed, and 2012 was refused.
        assert_eq!(graph.states("extract.city-wards").len(), 1);
        let failed = graph.states("transform.service-requests.2012");
        assert_eq!(
            failed
                .iter()
                .flatten()
                .filter(|state| **state == "FAIL")
                .count(),
            1
        );
        let text = Value::from(graph.events.clone()).to_string();
        assert!(
            !text.contains("glad"),
            "a value of a column outside the contract"
        );
    }
}

/// The same bytes in the same files, except for operational marts, which have the time of loading or observation.
fn both_publish_the_same(local: &Pipeline, cloud: &Pipeline) {
    let [(local, of_local), (cloud, of_cloud)] = [local, cloud].map(|pipeline| {
        let mut published = pipeline.published();
        let page = published.remove("docs/index.html").unwrap();
        assert!(String::from_utf8_lossy(&page).contains("requests_by_ward"));
        let catalog = published.remove("data/catalog.json").unwrap();
        let mut catalog: Value = serde_json::from_slice(&catalog).unwrap();
        let mut operational = Vec::new();
        for mart in catalog["marts"].as_array_mut().unwrap() {
            if mart["operational"] == true {
                operational.push(mart["name"].as_str().unwrap().to_owned());
                mart["bytes"].take();
                for file in mart["files"].as_array_mut().unwrap() {
                    assert!(file["rows"].as_u64().unwrap() > 0);
                    file.take();
                }
            }
        }
        assert_eq!(operational.len(), 4);
        let is_operational = |path: &str| {
            let name = path
                .trim_start_matches("data/")
                .trim_start_matches("contracts/")
                .trim_start_matches("v1/marts/");
            operational
                .iter()
                .any(|mart| name.starts_with(mart.as_str()))
        };
        published.retain(|path, _| !is_operational(path));
        let published: BTreeMap<String, Vec<u8>> = published
            .into_iter()
            .map(|(path, content)| {
                let content = without_times(&path, content, &operational);
                (path, content)
            })
            .collect();
        let superseded = catalog["superseded"].as_array_mut().unwrap();
        assert_eq!(superseded.len(), 1);
        let files = superseded[0]["files"].as_array_mut().unwrap();
        files.retain(|path| !is_operational(path.as_str().unwrap()));
        assert!(!files.is_empty());
        (published, catalog)
    });
    assert_eq!(of_local, of_cloud);
    readers_of_this_version_find_what_they_rely_on(&of_local);
    let digests = |published: &BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Digest> {
        let files = published.iter();
        files
            .map(|(path, content)| (path.clone(), Digest::of(content)))
            .collect()
    };
    assert_eq!(digests(&local), digests(&cloud));
    assert!(local.contains_key("releases/2025Q4/SHA256SUMS"));
    let is_frozen =
        |mart: &str| local.contains_key(&format!("releases/2025Q4/marts/{mart}.parquet"));
    assert!(is_frozen("requests_by_ward") && !is_frozen("pipeline_runs"));
    for address in [
        "requests/2025.parquet",
        "requests/2012.csv.gz",
        "boundaries/wards.parquet",
        "marts/requests_by_ward.parquet",
    ] {
        assert!(
            local.contains_key(&format!("data/v1/{address}")),
            "{address}"
        );
    }
}

/// A file that is named by its digest is cached forever, a stable address for minutes, and what leads to them not at all.
fn the_bucket_serves_files_as_what_they_are(cloud: &Pipeline) {
    for (path, [kind, caching, encoding]) in cloud.served() {
        let ends = |end: &str| path.ends_with(end);
        let is_data = ends(".parquet") || ends(".csv.gz");
        // A release has the bytes that SHA256SUMS states.
        let is_encoded = !is_data && !path.starts_with("releases/");
        assert_eq!(encoding.is_some(), is_encoded, "{path}");
        if path.starts_with("releases/") {
            continue;
        }
        let expected = if path.starts_with("data/v1/") {
            // The emulator does not keep the type of an object that is not copied.
            let expected = if ends(".parquet") {
                "application/vnd.apache.parquet"
            } else {
                "application/gzip"
            };
            assert_eq!(kind.as_deref(), Some(expected), "{path}");
            "public, max-age=300"
        } else if is_data {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        assert_eq!(caching.as_deref(), Some(expected), "{path}");
    }
}

/// A column that is removed, renamed, retyped or may be null from now on breaks readers of the addresses, and so does an
/// address that is gone: raise `VERSION` in dbt-runner's `publish/address.rs`. What is added is added to the list.
fn readers_of_this_version_find_what_they_rely_on(catalog: &Value) {
    let mut found = BTreeSet::new();
    for list in ["marts", "datasets"] {
        for table in catalog[list].as_array().unwrap() {
            let of_table = table.get("address").into_iter();
            let files = table["files"].as_array().unwrap().iter();
            for address in of_table.chain(files.filter_map(|file| file.get("address"))) {
                let address = address.as_str().unwrap();
                let address = ["2012", "2024", "2025", "2026"]
                    .iter()
                    .fold(address.to_owned(), |address, year| {
                        address.replace(year, "YEAR")
                    });
                for column in table["columns"].as_array().unwrap() {
                    let [name, kind] = ["name", "type"].map(|key| column[key].as_str().unwrap());
                    let null = if column["nullable"] == true {
                        "null"
                    } else {
                        "not null"
                    };
                    found.insert(format!("{address} {name} {kind} {null}"));
                }
            }
        }
    }
    let version = found.first().unwrap().split('/').next().unwrap();
    let list = format!(
        "{}/scenarios/addresses-{version}.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    let promised = fs::read_to_string(&list).unwrap_or_default();
    let promised: BTreeSet<String> = promised.lines().map(str::to_owned).collect();
    let gone: Vec<_> = promised.difference(&found).collect();
    assert!(
        gone.is_empty(),
        "{version} is broken for its readers: {gone:#?}"
    );
    let added: Vec<_> = found.difference(&promised).cloned().collect();
    assert!(added.is_empty(), "add to {list}:\n{}", added.join("\n"));
}

/// As many rows are published as every other step has.
fn published_requests_are_reconciled(local: &Pipeline) {
    let reconciled = local.query(
        "select source_year, rows_kept, rows_repaired, rows_quarantined from marts.reconciliation order by 1",
    );
    let files = |dataset: &str| format!("'{}/data/v1/{dataset}/*.parquet'", local.site().display());
    let published = query_files(&format!(
        "select source_year, count(*), count(*) filter (repaired), (select count(*) from read_parquet({}) as refused \
         where refused.source_year = kept.source_year) from read_parquet({}) as kept group by 1 order by 1",
        files("quarantined_requests"),
        files("requests"),
    ));
    assert_eq!(published, reconciled);
    assert_eq!(reconciled.as_array().unwrap().len(), 4);
}

/// An independent reader of GeoParquet finds the polygons of the boundaries.
fn published_areas_have_the_polygons(local: &Pipeline) {
    let mut found = BTreeMap::new();
    for (file, name) in [("wards", "ward_name"), ("postal_areas", "fsa")] {
        let path = local
            .site()
            .join(format!("data/v1/boundaries/{file}.parquet"));
        let mut read = run_node_reader("areas.mjs", &[path.to_str().unwrap(), name]);
        let geometry = &read["geo"]["columns"]["geometry"];
        assert_eq!(read["geo"]["version"], "1.1.0");
        assert_eq!(geometry["geometry_types"], read["types"]);
        assert_eq!(geometry["bbox"], read["box"]);
        assert!(read["people"].as_u64().unwrap() > 2_700_000, "{file}");
        found.extend(std::mem::take(read["areas"].as_object_mut().unwrap()));
    }
    assert_eq!(found, polygons(local, "geometry"));
}
