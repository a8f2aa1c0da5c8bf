//! Tests of the published site.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use shared::fingerprint::{Digest, Fingerprint};
use shared::manifest::CleanManifest;
use shared::partition::Partition;
use shared::testing::{JobOutcome, project_of_few_marts, validated_descriptions};

use crate::{Fixture, REQUESTS};

fn catalog(site: &Path) -> Value {
    serde_json::from_slice(&fs::read(site.join("data/catalog.json")).unwrap()).unwrap()
}

fn mart<'a>(catalog: &'a Value, name: &str) -> &'a Value {
    let marts = catalog["marts"].as_array().unwrap();
    marts.iter().find(|mart| mart["name"] == name).unwrap()
}

fn tables(catalog: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["marts", "datasets"].map(|list| catalog[list].as_array().unwrap());
    lists.into_iter().flatten()
}

/// Returns the files listed in a catalog.
fn listed(catalog: &Value) -> BTreeSet<String> {
    let files = tables(catalog).flat_map(|table| {
        let files = table["files"].as_array().unwrap();
        files.iter().chain(table.get("whole"))
    });
    files
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns the stable addresses of a catalog, with the digest of what each holds.
fn addresses(catalog: &Value) -> BTreeMap<String, String> {
    let of_table = |table: &Value| {
        let files = table["files"].as_array().unwrap();
        let whole = table.get("whole").or(files.first()).cloned();
        let whole = whole.filter(|_| table.get("address").is_some());
        let addressed = whole.map(|file| (table["address"].clone(), file));
        let files = files.clone().into_iter();
        let files = files.map(|file| (file["address"].clone(), file));
        addressed.into_iter().chain(files)
    };
    let all = tables(catalog).flat_map(of_table);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.filter(|(address, _)| address.is_string())
        .map(|(address, file)| (text(&address), text(&file["sha256"])))
        .collect()
}

/// Returns the existing data files that are named by digest.
fn there(site: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(site.join("data")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| {
            [".parquet", ".csv.gz"]
                .iter()
                .any(|end| name.ends_with(end))
        })
        .collect()
}

/// Returns what describes the data of a site, by its path.
fn descriptions(site: &Path) -> BTreeMap<String, String> {
    let mut paths = vec!["llms.txt".to_owned()];
    for folder in ["data", "data/contracts", "feeds"] {
        let entries = fs::read_dir(site.join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let described = |name: &String| {
            let extensions = [".atom", ".json", ".jsonld"];
            name != "catalog.json" && extensions.iter().any(|end| name.ends_with(end))
        };
        paths.extend(
            names
                .filter(described)
                .map(|name| format!("{folder}/{name}")),
        );
    }
    let read = |path: String| {
        let text = fs::read_to_string(site.join(&path)).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn a_publication_is_complete_and_keeps_its_predecessor_until_the_next() {
    let fixture = Fixture::with(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let site = home.path().join("site");
    let publish = || fixture.job_with_site(&site).run();
    let first = publish();
    first.finished();
    assert_eq!(first.event("site published")["removed"], 0);
    let catalog_of_first = catalog(&site);
    the_site_is_as_the_catalog_says(&site, &catalog_of_first);
    assert_eq!(there(&site), listed(&catalog_of_first));
    the_catalog_tells_what_it_is(&catalog_of_first);
    files_hold_the_marts(&fixture, &site, &catalog_of_first);
    files_hold_the_requests(&fixture, &site);
    the_tables_of_a_year_have_keys(&site);
    let docs = fs::read_to_string(site.join("docs/index.html")).unwrap();
    assert!(docs.contains("requests_by_month_type_ward"));
    let found = validated_descriptions(&site);
    assert_eq!(found["contracts"], tables(&catalog_of_first).count());
    assert_eq!(
        found["feeds"], 26,
        "one per ward, and that of the publications"
    );
    for (path, text) in descriptions(&site) {
        assert!(!text.contains("Generated"), "{path}");
        assert!(!text.contains("https://site.test"), "{path}");
    }

    let again = publish();
    assert_eq!(again.finished()["found"].as_u64(), Some(1));
    assert!(
        !again
            .log
            .iter()
            .any(|event| event["message"] == "site published")
    );

    // A year is corrected: its files are new, those of the other year are unchanged, and the old ones still exist.
    fixture.alter("DELETE FROM service_requests WHERE source_year = 2024 AND ward_id = 10");
    fixture.load("2024", "second");
    let untouched = modified(&site.join("data/v1/requests/2023.parquet"));
    let second = while_readers_look(&site, publish);
    second.finished();
    let catalog_of_second = catalog(&site);
    the_site_is_as_the_catalog_says(&site, &catalog_of_second);
    let (first_files, second_files) = (listed(&catalog_of_first), listed(&catalog_of_second));
    let of_2023 = |file: &&String| file.contains("-2023-");
    assert_eq!(
        first_files.iter().filter(of_2023).collect::<Vec<_>>(),
        second_files.iter().filter(of_2023).collect::<Vec<_>>()
    );
    assert_eq!(
        modified(&site.join("data/v1/requests/2023.parquet")),
        untouched
    );
    let superseded: BTreeSet<String> = first_files.difference(&second_files).cloned().collect();
    for of_2024 in ["requests_by_day-2024-", "requests-2024-"] {
        assert!(superseded.iter().any(|file| file.starts_with(of_2024)));
    }
    assert_eq!(there(&site), &second_files | &superseded);
    let changed = addresses(&catalog_of_first);
    let changed = changed
        .iter()
        .filter(|(address, digest)| addresses(&catalog_of_second).get(*address) != Some(digest));
    assert_eq!(second.event("site published")["replaced"], changed.count());

    // A publication that was killed while it replaced addresses is repeated, although the data are those of the catalog.
    let address = site.join("data/v1/marts/requests_by_ward.parquet");
    fs::remove_file(&address).unwrap();
    fs::write(&address, "of another publication").unwrap();
    fs::write(site.join("data/replacing.txt"), "it began").unwrap();
    let repeated = publish();
    repeated.finished();
    assert_eq!(repeated.event("site published")["replaced"], 1);
    assert!(!site.join("data/replacing.txt").exists());
    the_site_is_as_the_catalog_says(&site, &catalog(&site));
    assert_eq!(
        there(&site),
        &second_files | &superseded,
        "none is superseded"
    );
}

/// Publishes while readers begin with the catalog, and others with the Data Package or the addresses. Each finds whole files
/// at every moment.
fn while_readers_look(site: &Path, publish: impl FnOnce() -> JobOutcome) -> JobOutcome {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers = scope.spawn(|| {
            let mut looks = 0;
            while !is_done.load(Ordering::Relaxed) {
                let seen = catalog(site);
                every_file_is_as_the_catalog_says(site, &seen);
                every_file_is_as_the_data_package_says(site);
                for address in addresses(&seen).keys() {
                    let content = fs::read(site.join("data").join(address)).unwrap();
                    let digest = Digest::of(&content);
                    let named = format!("-{:.16}.", digest.as_str());
                    assert!(
                        there(site).iter().any(|file| file.contains(&named)),
                        "{address}"
                    );
                }
                looks += 1;
            }
            looks
        });
        let outcome = publish();
        is_done.store(true, Ordering::Relaxed);
        assert!(readers.join().unwrap() > 0);
        outcome
    })
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

fn the_site_is_as_the_catalog_says(site: &Path, catalog: &Value) {
    every_file_is_as_the_catalog_says(site, catalog);
    let addresses = addresses(catalog);
    for (address, digest) in &addresses {
        let content = fs::read(site.join("data").join(address)).unwrap();
        assert_eq!(Digest::of(&content).as_str(), digest, "{address}");
    }
    for address in [
        "v1/marts/requests_by_ward.parquet",
        "v1/marts/type_trends.parquet",
        "v1/requests/2023.parquet",
        "v1/requests/2024.csv.gz",
        "v1/quarantined_requests/2024.parquet",
    ] {
        assert!(addresses.contains_key(address), "{address}");
    }
}

fn every_file_is_as_the_catalog_says(site: &Path, catalog: &Value) {
    for table in tables(catalog) {
        let (mut rows, mut bytes) = (0, 0);
        let files = table["files"].as_array().unwrap();
        for file in files.iter().chain(table.get("whole")) {
            let path = file["path"].as_str().unwrap();
            let content = fs::read(site.join("data").join(path)).unwrap();
            assert_eq!(file["bytes"].as_u64(), Some(content.len() as u64), "{path}");
            assert_eq!(file["sha256"], Digest::of(&content).as_str(), "{path}");
            assert!(
                path.contains(&file["sha256"].as_str().unwrap()[..16]),
                "{path}"
            );
        }
        for file in files {
            if file["format"] == "parquet" {
                rows += file["rows"].as_u64().unwrap();
            }
            bytes += file["bytes"].as_u64().unwrap();
        }
        assert_eq!(table["rows"].as_u64(), Some(rows), "{}", table["name"]);
        assert_eq!(table["bytes"].as_u64(), Some(bytes), "{}", table["name"]);
        if let Some(whole) = table.get("whole") {
            assert_eq!(whole["rows"], table["rows"], "{}", table["name"]);
        }
        for column in table["columns"].as_array().unwrap() {
            assert_ne!(column["description"], "", "{} {column}", table["name"]);
        }
    }
}

fn every_file_is_as_the_data_package_says(site: &Path) {
    let package = fs::read(site.join("data/datapackage.json")).unwrap();
    let package: Value = serde_json::from_slice(&package).unwrap();
    for resource in package["resources"].as_array().unwrap() {
        let path = resource["path"].as_str().unwrap();
        let content = fs::read(site.join("data").join(path)).unwrap();
        let hash = format!("sha256:{}", Digest::of(&content));
        assert_eq!(resource["hash"], hash, "{path}");
    }
}

fn the_catalog_tells_what_it_is(catalog: &Value) {
    assert_eq!(catalog["catalog"], "v1");
    assert_eq!(catalog["run"], "test");
    assert_eq!(catalog["as_of"], "2026-11-01T06:00:00Z");
    assert_eq!(catalog["data_through"], "2024-01-02");
    assert_eq!(catalog["generated"], false);
    assert_eq!(
        catalog["licence"]["name"],
        "Open Government Licence - Toronto"
    );
    assert!(
        catalog["attribution"]
            .as_str()
            .unwrap()
            .starts_with("Contains information")
    );
    let citation = format!(
        "Toronto 311 service requests. {} Data to 2024-01-02.",
        catalog["attribution"].as_str().unwrap()
    );
    assert_eq!(catalog["citation"], citation);
    let columns = mart(catalog, "requests_by_ward")["columns"]
        .as_array()
        .unwrap();
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("{} {}", column["name"], column["type"]).replace('"', ""))
        .collect();
    assert_eq!(
        columns,
        [
            "source_year integer",
            "ward_model integer",
            "ward_id integer",
            "ward_name string",
            "type_group string",
            "type_name string",
            "requests integer",
            "rank_among_wards integer",
            "share_of_ward double"
        ]
    );
    let years: Vec<u64> = mart(catalog, "requests_by_ward")["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|file| file["year"].as_u64())
        .collect();
    assert_eq!(years, [2023, 2024]);
    assert!(
        mart(catalog, "type_trends")["files"][0]
            .get("year")
            .is_none()
    );
}

/// Read by another program, the files are equal to the tables.
fn files_hold_the_marts(fixture: &Fixture, site: &Path, catalog: &Value) {
    for mart in catalog["marts"].as_array().unwrap() {
        let name = mart["name"].as_str().unwrap();
        let schema = match name {
            "wards" | "statuses" | "type_groups" => "reference",
            _ => "marts",
        };
        let files = mart["files"].as_array().unwrap().iter();
        let files: Vec<&Value> = files.map(|file| &file["path"]).collect();
        for paths in [files, vec![&mart["address"]]] {
            let paths = paths.iter().map(|path| path.as_str().unwrap());
            let paths = paths.map(|path| format!("'{}/data/{path}'", site.display()));
            let paths = paths.collect::<Vec<_>>().join(", ");
            let differing = format!(
                "(FROM {schema}.{name} EXCEPT ALL FROM read_parquet([{paths}])) UNION ALL \
                 (FROM read_parquet([{paths}]) EXCEPT ALL FROM {schema}.{name})"
            );
            assert_eq!(fixture.rows(&differing), Vec::<String>::new(), "{name}");
        }
    }
}

/// As in the contract of the source. What is described is the published file, and not that of the lake.
fn the_tables_of_a_year_have_keys(site: &Path) {
    let read = |path: &str| -> Value {
        serde_json::from_slice(&fs::read(site.join("data").join(path)).unwrap()).unwrap()
    };
    let package = read("datapackage.json");
    for (table, key, description) in [
        (
            "requests",
            &["request_id"][..],
            "sorted by ward_id, created_at, source_row",
        ),
        (
            "quarantined_requests",
            &["source_year", "source_row"],
            "with the reason",
        ),
    ] {
        let contract = &read(&format!("contracts/{table}.odcs.json"))["schema"][0];
        let properties = contract["properties"].as_array().unwrap().iter();
        let mut of_key: Vec<&Value> = properties.filter(|one| one["primaryKey"] == true).collect();
        of_key.sort_by_key(|column| column["primaryKeyPosition"].as_u64());
        let names: Vec<&Value> = of_key.iter().map(|column| &column["name"]).collect();
        assert_eq!(names, key);
        assert!(
            of_key
                .iter()
                .all(|column| column["unique"] == (key.len() == 1))
        );
        assert_eq!(contract["quality"][0]["metric"], "duplicateValues");
        assert_eq!(
            contract["quality"][0]["arguments"]["properties"],
            json!(key)
        );
        let resources = package["resources"].as_array().unwrap().iter();
        let described = resources.filter(|one| one["name"] == format!("{table}-2024"));
        let described: Vec<&Value> = described.collect();
        assert_eq!(described.len(), 1);
        assert_eq!(described[0]["schema"]["primaryKey"], json!(key));
        for text in [&described[0]["description"], &contract["description"]] {
            assert!(text.as_str().unwrap().contains(description), "{text}");
        }
    }
}

/// Both formats are equal to the table, whose ids are bytes.
fn files_hold_the_requests(fixture: &Fixture, site: &Path) {
    let table = "(SELECT * REPLACE (lower(hex(request_id)) AS request_id) FROM service_requests)";
    let folder = site.join("data/v1/requests");
    let parquet = format!("read_parquet('{}/*.parquet')", folder.display());
    let csv = format!(
        "(SELECT * REPLACE (CAST(created_at AS TIMESTAMP WITH TIME ZONE) AS created_at) \
         FROM read_csv('{}/*.csv.gz', all_varchar = true))",
        folder.display()
    );
    for (table, files) in [
        (table.to_owned(), parquet),
        (
            format!(
                "(SELECT CAST(COLUMNS(* EXCLUDE created_at) AS VARCHAR), created_at FROM {table})"
            ),
            format!("(SELECT * EXCLUDE created_at, created_at FROM {csv})"),
        ),
    ] {
        let differing = format!(
            "(FROM {table} EXCEPT ALL FROM {files}) UNION ALL (FROM {files} EXCEPT ALL FROM {table})"
        );
        assert_eq!(fixture.rows(&differing), Vec::<String>::new(), "{files}");
    }
}

/// The licence and the attribution apply only to what the City published.
#[test]
fn synthetic_data_have_neither_licence_nor_attribution_of_the_city() {
    let fixture = Fixture::with(REQUESTS);
    fixture.load("2023", "second");
    // Earlier loads do not count, nor do files without a date.
    fixture.alter("UPDATE load_history SET generated = (partition = '2023' AND load_number = 1)");
    fixture.alter("UPDATE load_history SET source_last_modified = NULL");
    let home = tempfile::tempdir().unwrap();
    let publish = || {
        let job = fixture.job_with_site(home.path()).env("FORCE", "1");
        let job = job.env("SITE_ADDRESS", "https://site.test/some/folder");
        job.run().finished();
        let manifests = fixture.lake.manifests("marts/").into_values();
        let generated: Vec<Value> = manifests.map(|marts| marts["generated"].clone()).collect();
        (catalog(home.path()), generated)
    };
    let (of_the_city, marts) = publish();
    assert_eq!(of_the_city["generated"], false);
    assert_eq!(of_the_city["as_of"], "2026-11-02T06:00:00Z");
    assert!(of_the_city["licence"].is_object());
    for (path, text) in descriptions(home.path()) {
        let has_licence = ["datapackage", "croissant", "dcat", "odcs", "llms"];
        if has_licence.iter().any(|name| path.contains(name)) {
            let licence = of_the_city["licence"]["url"].as_str().unwrap();
            assert!(text.contains(licence), "{path}");
        }
        let is_absolute = text.contains("https://site.test/some/folder/");
        assert!(is_absolute || path.ends_with("changes.json"), "{path}");
    }
    assert_eq!(marts, [false]);

    fixture.load("2024", "generated");
    fixture.alter(
        "UPDATE load_history SET generated = true WHERE partition = '2024' AND load_number = 2",
    );
    let (generated, mut marts) = publish();
    assert_eq!(generated["generated"], true);
    assert!(generated["licence"].is_null() && generated["attribution"].is_null());
    for (path, text) in descriptions(home.path()) {
        assert!(
            text.contains("Generated") || text.contains("\"generated\": true"),
            "{path}"
        );
        for term in [
            "Open Government",
            "open-data-license",
            "Contains information",
        ] {
            assert!(!text.contains(term), "{path}: {term}");
        }
    }
    marts.sort_by_key(Value::to_string);
    assert_eq!(marts, [false, true]);
    let measured = "SELECT load_number, row_count FROM marts.data_quality WHERE measure = 'rows_generated' \
                    AND source_year = 2024";
    assert_eq!(fixture.rows(measured), ["2|4"]);
}

/// Another run replaces the catalog when this one has checked that no other build was published.
#[test]
fn the_catalog_of_another_publication_is_not_replaced() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let publish = || fixture.job_with_site(home.path()).run();
    publish().finished();
    let first = catalog(home.path())["fingerprint"].clone();
    let data = home.path().join("data");
    // Exists from when addresses are replaced, and after a publication that was refused.
    let replacing = data.join("replacing.txt");
    let overtaken_by = |fingerprint: &Value| {
        let mut theirs = catalog(home.path());
        theirs["fingerprint"] = fingerprint.clone();
        theirs["run"] = "theirs".into();
        // Anyone who replaces the catalog waits for this lock.
        let lock = File::open(&data).unwrap();
        lock.lock().unwrap();
        if replacing.exists() {
            fs::remove_file(&replacing).unwrap();
        }
        let outcome = thread::scope(|scope| {
            let ours = scope.spawn(publish);
            while !replacing.exists() && !ours.is_finished() {
                thread::sleep(Duration::from_millis(10));
            }
            fs::write(data.join("catalog.json"), theirs.to_string()).unwrap();
            lock.unlock().unwrap();
            ours.join().unwrap()
        });
        assert_eq!(catalog(home.path()), theirs);
        outcome
    };

    fixture.load("2024", "second");
    let of_another = Fingerprint::of(&["another"]).to_string();
    let refused = overtaken_by(&of_another.into());
    let cause = refused.failed(30);
    assert!(cause.contains("another build was published"), "{cause}");

    // The same publication by another run is as good.
    let manifests = fixture.lake.manifests("marts/").into_values();
    let fingerprints = manifests.map(|marts| marts["fingerprint"].clone());
    let mut ours = fingerprints.filter(|fingerprint| *fingerprint != first);
    overtaken_by(&ours.next().unwrap()).finished();
    publish().finished();
    assert_eq!(catalog(home.path())["run"], "theirs");
}

/// The data files come first, then the addresses, then the catalog; expired files are removed last.
#[test]
fn an_interrupted_publication_is_in_order_and_completed_by_the_next_run() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let publish = || fixture.job_with_site(home.path()).run();
    publish().finished();
    let data = home.path().join("data");
    let mut published = catalog(home.path());
    let superseded = ["third.parquet", "second.parquet", "first.parquet"];
    let superseded =
        superseded.map(|file| json!({"fingerprint": Fingerprint::of(&[file]), "files": [file]}));
    published["superseded"] = superseded.to_vec().into();
    fs::write(data.join("catalog.json"), published.to_string()).unwrap();
    // As a folder, it cannot be removed like a file.
    let expired = data.join("first.parquet");
    fs::create_dir(&expired).unwrap();

    // Nor can an address be replaced.
    let address = data.join("v1/marts/requests_by_ward.parquet");
    fs::remove_file(&address).unwrap();
    fs::create_dir(&address).unwrap();

    fixture.alter("DELETE FROM service_requests WHERE source_year = 2024 AND ward_id = 10");
    fixture.load("2024", "second");
    let before = there(home.path());
    let interrupted = publish();
    let cause = interrupted.failed(30);
    assert!(
        cause.contains("to data/v1/marts/requests_by_ward.parquet"),
        "{cause}"
    );
    assert_eq!(catalog(home.path()), published);
    let written = &there(home.path()) - &before;
    assert!(
        written
            .iter()
            .any(|file| file.starts_with("requests_by_ward-2024-")),
        "{written:?}"
    );

    // The execution that writes the files fails before it records what they were written from.
    let recorded = || {
        let jobs = ["requests_by_ward", "requests.2024", "requests.2023"];
        jobs.map(|job| fixture.completed(&format!("dbt.{job}.publish")))
    };
    assert_eq!(recorded(), [1, 1, 1]);
    fs::remove_dir(&address).unwrap();
    let interrupted = publish();
    let cause = interrupted.failed(30);
    assert_ne!(catalog(home.path()), published);
    assert!(
        cause.contains("cannot remove data/first.parquet"),
        "{cause}"
    );
    assert_eq!(recorded(), [2, 2, 1]);

    fs::remove_dir(&expired).unwrap();
    fs::write(&expired, "of four publications ago").unwrap();
    let repeated = publish();
    assert_eq!(
        repeated.finished()["found"],
        1,
        "the marts are already built"
    );
    assert_eq!(repeated.event("site published")["removed"], 1);
    assert_eq!(recorded(), [2, 2, 1]);
    assert!(!expired.exists());
    assert_eq!(publish().finished()["bytes"], 0, "the site already has it");
}

/// The file of 2024 ends on 1 December, although that of 2025 has days of January.
#[test]
fn a_month_is_complete_if_the_file_of_its_own_year_has_its_last_day() {
    let fixture = Fixture::with(&[
        (2023, Some(3), "Noise", "Closed"),
        (2023, Some(3), "Noise", "Closed"),
        (2024, Some(3), "Noise", "Closed"),
        (2024, Some(3), "Noise", "New"),
        (2025, Some(3), "Noise", "New"),
    ]);
    fixture.load("2025", "first");
    let days = [
        "2023-11-20",
        "2023-12-31",
        "2024-11-20",
        "2024-12-01",
        "2025-01-05",
    ];
    for (number, day) in days.iter().enumerate() {
        fixture.alter(&format!(
            "UPDATE service_requests SET created_at = '{day} 17:00:00' WHERE request_id = encode('{number:016}')"
        ));
    }
    let home = tempfile::tempdir().unwrap();
    let job = fixture.job_with_site(home.path());
    let job = job.env("RELEASE", "latest").env("COMMIT", "0".repeat(40));
    let published = job.run();
    published.finished();
    assert_eq!(published.event("release frozen")["release"], "2024Q3");

    let feed = fs::read_to_string(home.path().join("feeds/ward-03.atom")).unwrap();
    let titles = feed.lines().filter_map(|line| {
        let (month, requests) = line.trim().strip_prefix("<title>")?.split_once(": ")?;
        Some((month, requests.split_once(' ')?.0))
    });
    let titles: Vec<(&str, &str)> = titles.collect();
    let months = ["November 2024", "December 2023", "November 2023"];
    assert_eq!(titles, months.map(|month| (month, "1")));
}

/// Ages in a file without a date are measured to when a run observed it.
#[test]
fn a_release_has_ages_only_if_every_file_is_dated() {
    let aged = [
        "open_by_age_group_ward",
        "open_by_age_type",
        "time_to_close",
        "time_to_close_curve",
    ];
    let mut fixture = Fixture::with(REQUESTS);
    fixture.project = Some(project_of_few_marts("duckdb", &aged));
    let home = tempfile::tempdir().unwrap();
    let freeze = |release: &str| {
        let job = fixture
            .job_with_site(home.path())
            .env("RELEASE", release)
            .env("COMMIT", "0".repeat(40));
        job.run().finished();
        let read = |file: &str| {
            let path = home.path().join("releases").join(release).join(file);
            fs::read_to_string(path).unwrap()
        };
        let sums = read("SHA256SUMS");
        let has = |mart: &str| sums.contains(&format!("  marts/{mart}.parquet\n"));
        assert!(has("requests_by_ward"), "{sums}");
        let is_explained = read("ro-crate-metadata.json").contains("the file of 2023 has no date");
        (aged.map(has), is_explained)
    };
    assert_eq!(freeze("2023Q4"), ([true; 4], false));

    let version = Fingerprint::of(&["first"]);
    let key = CleanManifest::key(Partition::Year(2023), &version, "manifest.json").unwrap();
    let manifest = fixture.lake.path().join(key.as_str());
    let mut undated: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    undated["source"]["last_modified"] = Value::Null;
    fs::write(&manifest, undated.to_string()).unwrap();
    assert_eq!(freeze("2024Q1"), ([false; 4], true));
}

/// Changes one bit of a file, of which the stable address is another name.
fn damage(file: &Path) {
    let mut content = fs::read(file).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(file, content).unwrap();
}

/// Returns the data file of `table`, of `year` if it has one per year.
fn data_file(site: &Path, table: &str, year: Option<u16>) -> PathBuf {
    let catalog = catalog(site);
    let table = tables(&catalog).find(|one| one["name"] == table).unwrap();
    let mut files = table["files"].as_array().unwrap().iter();
    let file = files.find(|file| file["year"].as_u64() == year.map(u64::from));
    site.join("data")
        .join(file.unwrap()["path"].as_str().unwrap())
}

/// A release has each file as the catalog states it, or is not made. The next run writes the damaged file again.
#[test]
fn a_damaged_file_is_not_released() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let site = home.path();
    let publish = || fixture.job_with_site(site);
    publish().run().finished();
    let of_first = catalog(site);
    let release = || {
        let job = publish().env("RELEASE", "2023Q4");
        job.env("COMMIT", "0".repeat(40)).run()
    };
    for damaged in [
        data_file(site, "type_trends", None),
        data_file(site, "requests", Some(2024)),
    ] {
        damage(&damaged);
        let cause = release().failed(30).to_owned();
        let name = damaged.file_name().unwrap().to_str().unwrap();
        assert!(
            cause.contains(&format!("data/{name} of the site was damaged")),
            "{cause}"
        );
        assert!(!site.join("releases/2023Q4/SHA256SUMS").exists());
        publish().run().finished();
        the_site_is_as_the_catalog_says(site, &of_first);
    }
    release().finished();
    let sums = fs::read_to_string(site.join("releases/2023Q4/SHA256SUMS")).unwrap();
    for line in sums.lines() {
        let (digest, path) = line.split_once("  ").unwrap();
        let content = fs::read(site.join("releases/2023Q4").join(path)).unwrap();
        assert_eq!(Digest::of(&content).as_str(), digest, "{path}");
    }
}

/// No quarter of the data has every day.
#[test]
fn a_refused_release_stops_neither_the_dashboard_nor_the_hand_over() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let (site, dashboard) = (home.path().join("site"), home.path().join("dist"));
    fs::create_dir(&dashboard).unwrap();
    fs::write(dashboard.join("index.html"), "a page").unwrap();
    let job = fixture
        .job_with_site(&site)
        .env("DASHBOARD_DIR", dashboard.display().to_string())
        .env("RELEASE", "latest")
        .env("COMMIT", "0".repeat(40));
    let refused = job.run();
    let cause = refused.failed(10);
    assert!(cause.contains("cannot name a release"), "{cause}");
    assert_eq!(
        fs::read_to_string(site.join("index.html")).unwrap(),
        "a page"
    );
    let handed_over = fixture.lake.objects("runs/test/dbt-");
    assert_eq!(handed_over.len(), 1, "{handed_over:?}");
}

/// What is derived from a file is derived from the rows that were published, or not at all.
#[test]
fn rows_of_a_damaged_file_are_not_published_again() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let site = home.path();
    let publish = || fixture.job_with_site(site);
    publish().run().finished();
    let is_found = |outcome: &JobOutcome, damaged: &Path| {
        let name = damaged.file_name().unwrap().to_str().unwrap();
        let cause = outcome.failed(30);
        assert!(
            cause.contains(&format!("data/{name} of the site was damaged")),
            "{cause}"
        );
        publish().run().finished();
        the_site_is_as_the_catalog_says(site, &catalog(site));
    };

    // The file of all years is written from those of each.
    let of_2023 = data_file(site, "requests_by_ward", Some(2023));
    damage(&of_2023);
    fixture.alter("DELETE FROM service_requests WHERE source_year = 2024 AND ward_id = 10");
    fixture.load("2024", "second");
    is_found(&publish().run(), &of_2023);
    files_hold_the_marts(&fixture, site, &catalog(site));

    // The name of a release is that of the last whole quarter.
    let of_2024 = data_file(site, "requests_by_day", Some(2024));
    damage(&of_2024);
    let release = publish().env("RELEASE", "latest");
    is_found(&release.env("COMMIT", "0".repeat(40)).run(), &of_2024);
}

#[test]
fn the_dashboard_is_published_beside_the_marts() {
    let fixture = Fixture::with(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let (site, dashboard) = (home.path().join("site"), home.path().join("dist"));
    fs::create_dir_all(dashboard.join("assets")).unwrap();
    let publish = || {
        let job = fixture
            .job_with_site(&site)
            .env("SITE_ADDRESS", "https://site.test/311/")
            .env(
                "SOURCE_CODE_URL",
                "https://code.test/owner/311/tree/0123abc",
            )
            .env("DASHBOARD_DIR", dashboard.display().to_string());
        job.run()
    };
    let refused = publish();
    assert!(refused.failed(10).contains("npm run build"), "{refused}");

    fs::write(dashboard.join("assets/index-1.js"), "first").unwrap();
    let hidden = |name: &str, content: &str| format!("<!-- published: {name}\n{content}\n-->");
    let not_shown = [
        hidden("generated", "{notice}"),
        hidden("whole year", "in {year}"),
    ]
    .concat();
    let built = [
        "a page of index-1.js",
        &hidden("address", "{address}card.png"),
        &not_shown,
        &hidden("part of a year", "{requests} in {year} so far (to {day})"),
        "<!-- published: description -->",
    ];
    let built = built.concat();
    for page in ["index.html", "use.html"] {
        fs::write(dashboard.join(page), &built).unwrap();
    }
    let first = publish();
    assert_eq!(first.finished()["found"], 1, "the marts are already built");
    assert!(first.event("dashboard published")["bytes"].as_u64() > Some(1_000));
    let page = || fs::read_to_string(site.join("index.html")).unwrap();
    assert_eq!(page(), fs::read_to_string(site.join("use.html")).unwrap());
    // Shown where it holds.
    let address = "a page of index-1.jshttps://site.test/311/card.png";
    let answer = "4 requests in 2024 so far (to January 2)";
    let published = page();
    let description = published.strip_prefix(&[address, &not_shown, answer].concat());
    it_describes_the_data(description.unwrap_or_else(|| panic!("{published}")));
    it_lists_the_files_of_the_marts(&site);
    let again = publish();
    let finished = again.finished();
    assert_eq!(finished["bytes"], 0, "the site already has it");

    // Another version: its page replaces the first, whose assets stay for readers who have it open.
    fs::remove_file(dashboard.join("assets/index-1.js")).unwrap();
    fs::write(dashboard.join("assets/index-2.js"), "second").unwrap();
    fs::write(dashboard.join("index.html"), "a page of index-2.js").unwrap();
    publish().finished();
    assert_eq!(page(), "a page of index-2.js");
    for (asset, content) in [("index-1.js", "first"), ("index-2.js", "second")] {
        let held = fs::read_to_string(site.join("assets").join(asset)).unwrap();
        assert_eq!(held, content);
    }
}

/// What the dashboard reads is a part of the catalog.
fn it_lists_the_files_of_the_marts(site: &Path) {
    let listing: Value =
        serde_json::from_slice(&fs::read(site.join("data/files.json")).unwrap()).unwrap();
    let catalog = catalog(site);
    for name in [
        "catalog",
        "as_of",
        "data_through",
        "generated",
        "licence",
        "attribution",
        "source_code",
    ] {
        assert_eq!(listing[name], catalog[name], "{name}");
    }
    assert_eq!(listing["source_code"], "https://code.test/owner/311");
    let marts = listing["marts"].as_array().unwrap();
    assert_eq!(marts.len(), catalog["marts"].as_array().unwrap().len());
    for listed in marts {
        let mart = mart(&catalog, listed["name"].as_str().unwrap());
        assert_eq!(listed["rows"], mart["rows"]);
        let files = mart["files"].as_array().unwrap();
        assert_eq!(listed["files"].as_array().unwrap().len(), files.len());
        for (listed, file) in listed["files"].as_array().unwrap().iter().zip(files) {
            for name in ["path", "year", "bytes", "sha256"] {
                assert_eq!(listed.get(name), file.get(name), "{name} of {file}");
            }
        }
    }
}

/// What Google requires of a data set: a name, and a description of 50 to 5,000 characters
/// (<https://developers.google.com/search/docs/appearance/structured-data/dataset>).
fn it_describes_the_data(block: &str) {
    let json = block.strip_prefix("<script type=\"application/ld+json\">");
    let json = json
        .and_then(|rest| rest.strip_suffix("</script>"))
        .unwrap();
    let described: Value = serde_json::from_str(json).unwrap();
    assert_eq!(described["@type"], "Dataset");
    assert_eq!(described["name"], "Toronto 311 service requests");
    let description = described["description"].as_str().unwrap();
    assert!(
        (50..5_000).contains(&description.chars().count()),
        "{description}"
    );
    assert_eq!(described["temporalCoverage"], "2023-01-01/2024-01-02");
    assert_eq!(
        described["distribution"][0]["contentUrl"],
        "https://site.test/311/data/datapackage.json"
    );
}

#[test]
fn a_site_is_an_absolute_directory_or_a_bucket() {
    let fixture = Fixture::with(&[]);
    let refused = fixture.job().env("SITE_URL", "https://site.test/311").run();
    let expected = "SITE_URL is \"https://site.test/311\": use file:///absolute/directory or gs://BUCKET[/PREFIX]";
    assert!(refused.failed(10).contains(expected), "{refused}");
    for (address, shown) in [
        ("site.test", "site.test"),
        ("ftp://site.test/", "ftp://site.test/"),
        ("https://site.test/?page=1", "https://site.test/"),
        ("https://user:password@site.test/", "https://site.test/"),
    ] {
        let refused = fixture.job().env("SITE_ADDRESS", address).run();
        let expected = format!(
            "SITE_ADDRESS is {shown:?}: use https://HOST/PATH/ without user, password or query"
        );
        assert!(refused.failed(10).contains(&expected), "{refused}");
    }
}
