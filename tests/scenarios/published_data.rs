//! What is published of the requests: every row that the City's file has and a skipping reader loses, nothing of a column
//! that the contract does not know, parts of files over HTTP, and releases that the raw files lead to again.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};
use shared::run::Stage;
use shared::testing::{JobOutcome, city_files, copy_folder};

use crate::pipeline::{self, Pipeline};
use crate::readers::{query_files, run_consumer, run_node_reader, run_reader, wrong_in_release};

const HEADER: &str = "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
                      Service Request Type,Division,Section";
/// A telephone number of an officer, which the City once published.
const PLANTED: &str = "416-555-0119";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// The rows of the second file, of which few may be refused: some pages per month.
const ROWS: usize = 36_000;
const WARDS: [&str; 10] = [
    "Etobicoke North (01)",
    "Etobicoke Centre (02)",
    "Etobicoke-Lakeshore (03)",
    "Parkdale-High Park (04)",
    "York South-Weston (05)",
    "York Centre (06)",
    "Humber River-Black Creek (07)",
    "Eglinton-Lawrence (08)",
    "Davenport (09)",
    "Spadina-Fort York (10)",
];

#[test]
fn the_published_requests_are_whole_private_and_reproducible() {
    let files = tempfile::tempdir().unwrap();
    copy_folder(
        &city_files().join("boundaries"),
        &files.path().join("boundaries"),
    );
    let folder = files.path().join("service-requests");
    fs::create_dir_all(&folder).unwrap();
    // A column of its own in one year, and fields of no column in the other.
    let with_column = file(2024, &format!("{HEADER},Officer Phone"), 600, &|row| {
        format!("{row},{PLANTED}")
    });
    fs::write(folder.join("SR2024.csv"), with_column).unwrap();
    fs::write(
        folder.join("SR2025.csv"),
        file(2025, HEADER, ROWS, &str::to_owned),
    )
    .unwrap();
    let portal = Portal::start(PortalConfig {
        files: Some(files.path().to_owned()),
        ..PortalConfig::default()
    })
    .unwrap();
    let pipeline = Pipeline::new(&portal, pipeline::Path::Local);
    pipeline.run_to_warehouse("run");
    let missing = publish(&pipeline, &[("RELEASE", "2025Q4")]);
    assert!(missing.failed(10).contains("COMMIT"), "{missing}");
    let release = [("RELEASE", "2025Q4"), ("COMMIT", COMMIT)];
    let published = publish(&pipeline, &release);
    published.finished();
    assert_eq!(published.event("release frozen")["release"], "2025Q4");
    let site = pipeline.site();

    nothing_planted_is_published(&site);
    a_skipping_reader_lacks_the_repaired_rows(&pipeline, &folder.join("SR2025.csv"));
    a_part_of_a_file_answers_a_question(&site);
    releases_never_change(&pipeline, &release);
    the_raw_files_lead_to_the_release_again(&portal, &pipeline, &release);
}

fn publish(pipeline: &Pipeline, variables: &[(&str, &str)]) -> JobOutcome {
    let job = pipeline
        .job(Stage::Dbt, "run")
        .env("SITE_URL", pipeline.site_url());
    let set = |job: shared::testing::Job, (name, value): &(&str, &str)| job.env(name, value);
    variables.iter().fold(job, set).run()
}

/// Returns the file of a year: good rows, some of them with commas to repair, and a few that are too short, have a field of
/// no column, or both. `complete` adds the fields behind the last column of the contract.
fn file(year: i16, header: &str, rows: usize, complete: &dyn Fn(&str) -> String) -> String {
    let mut text = format!("{header}\r\n");
    for number in 0..rows {
        let (month, day, second) = (number % 12 + 1, number % 28 + 1, number % 60);
        let ward = WARDS[number / 12 % WARDS.len()];
        let begin =
            format!("{year}-{month:02}-{day:02} 10:20:{second:02}.0000000,New,M5V,,,{ward},");
        let row = match number {
            7 => complete(&format!("{begin}Noise")),
            8 => complete(&format!(
                "{begin}Noise,Toronto Water,Water,{PLANTED},{PLANTED}"
            )),
            9 => format!("{begin}{PLANTED}"),
            10 => complete(&format!(
                "not a date,New,M5V,,,{ward},Noise,Toronto Water,Water,{PLANTED}"
            )),
            11 => complete(&format!(
                "1999-01-01 00:00:00,New,M5V,,,{ward},Noise,Toronto Water,Water"
            )),
            12 => format!("{begin}\"Noise,Toronto Water,Water,{PLANTED}"),
            number if number % 4 == 0 => complete(&format!(
                "{begin}Tree,Parks, Forestry & Recreation,Urban Forestry"
            )),
            number if number % 4 == 1 => complete(&format!(
                "{begin}Bin,Solid Waste Management Services,Transfer, Disposal & Operations"
            )),
            _ => complete(&format!("{begin}Noise,Toronto Water,Water")),
        };
        write!(text, "{row}\r\n").unwrap();
    }
    text
}

/// Every byte of the site is searched, compressed or not.
fn nothing_planted_is_published(site: &Path) {
    let texts = |pattern: &str| {
        let found = run_reader(&["search", site.to_str().unwrap(), pattern]);
        let found = found["files"].as_array().unwrap().iter();
        found
            .map(|file| file.as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    // The search finds what is there.
    let noise = texts("Toronto Water");
    for file in [
        "data/v1/requests/2024.parquet",
        "data/v1/requests/2025.csv.gz",
    ] {
        assert!(noise.contains(file), "{noise:?}");
    }
    assert!(texts("1999-01-01").contains("data/v1/quarantined_requests/2025.parquet"));
    assert_eq!(texts("555.?0119"), BTreeSet::new());

    let quarantined = |year: i16| {
        let file = site.join(format!("data/v1/quarantined_requests/{year}.parquet"));
        query_files(&format!(
            "select source_row, reason, raw_line is null from read_parquet('{}') order by 1",
            file.display()
        ))
    };
    // The lines that may have a field of no column are withheld, in a file with another column all.
    let lines = quarantined(2025);
    let withheld: Vec<bool> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line[2] == true)
        .collect();
    assert!(
        withheld.contains(&true) && withheld.contains(&false),
        "{lines}"
    );
    let lines = quarantined(2024);
    let lines = lines.as_array().unwrap();
    assert!(
        lines.len() >= 4 && lines.iter().all(|line| line[2] == true),
        "{lines:?}"
    );
}

/// The difference between the rows of `csv` that Python's reader can use and the published ones is what was repaired.
fn a_skipping_reader_lacks_the_repaired_rows(pipeline: &Pipeline, csv: &Path) {
    let parquet = pipeline.site().join("data/v1/requests/2025.parquet");
    let difference = run_reader(&["skipped", csv.to_str().unwrap(), parquet.to_str().unwrap()]);
    assert_eq!(difference["lost"], difference["repaired"]);
    assert!(difference["repaired"].as_array().unwrap().len() > ROWS / 3);
    let refused =
        pipeline.query("select source_row from quarantined_requests where source_year = 2025");
    let refused = refused.as_array().unwrap().iter().map(|row| row[0].clone());
    let refused: Vec<Value> = refused.collect();
    let only_theirs = difference["only_theirs"].as_array().unwrap();
    assert!(
        only_theirs.iter().all(|line| refused.contains(line)),
        "{only_theirs:?}"
    );
    let kept = pipeline.query("select partition, rows_kept, rows_quarantined from load_history where partition like '20%' order by 1");
    for years in kept.as_array().unwrap() {
        let rows = |dataset: &str| {
            let file = pipeline.site().join(format!(
                "data/v1/{dataset}/{}.parquet",
                years[0].as_str().unwrap()
            ));
            query_files(&format!(
                "select count(*) from read_parquet('{}')",
                file.display()
            ))
        };
        assert_eq!(rows("requests"), json!([[years[1]]]));
        assert_eq!(rows("quarantined_requests"), json!([[years[2]]]));
    }
}

/// Readers over HTTP fetch what they need for a ward's month, and not the file: hyparquet by pages, DuckDB by row groups.
#[allow(
    clippy::print_stdout,
    reason = "shown by `--no-capture`: how much was fetched"
)]
fn a_part_of_a_file_answers_a_question(site: &Path) {
    let file = site.join("data/v1/requests/2025.parquet");
    let path = file.to_str().unwrap();
    let arguments = [path, "10", "2025-04-01", "2025-05-01"];
    let expected = query_files(&format!(
        "select count(*) from read_parquet('{path}') where ward_id = 10 and created_at >= '2025-04-01' and created_at < '2025-05-01'"
    ));
    for answer in [
        run_node_reader("range_reader.mjs", &arguments),
        run_consumer("range_reader.py", &arguments),
    ] {
        println!("{answer}");
        assert_eq!(json!([[answer["rows"]]]), expected);
        let [rows, fetched, bytes] =
            ["rows", "fetched", "bytes"].map(|field| answer[field].as_u64().unwrap());
        assert!(rows > 0 && fetched * 4 < bytes, "{answer}");
    }
}

/// Releasing again succeeds, with other content it is refused, and so is a release of another commit.
fn releases_never_change(pipeline: &Pipeline, release: &[(&str, &str)]) {
    let folder = pipeline.site().join("releases/2025Q4");
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let checked = run_reader(&["checksums", folder.to_str().unwrap()]);
    assert_eq!(checked["wrong"], json!([]));
    for file in [
        "CITATION.cff",
        "ro-crate-metadata.json",
        "requests/2025.csv.gz",
        "marts/requests_by_ward.parquet",
    ] {
        assert!(sums.contains(&format!("  {file}\n")), "{sums}");
    }
    assert_eq!(wrong_in_release(&folder), json!([]));
    publish(pipeline, release).finished();
    let refused = publish(
        pipeline,
        &[
            release[0],
            ("COMMIT", "fedcba9876543210fedcba9876543210fedcba98"),
        ],
    );
    let cause = refused.failed(10);
    assert!(
        cause.contains("release 2025Q4 exists with other content"),
        "{cause}"
    );
    assert!(cause.contains("CITATION.cff differs"), "{cause}");
    assert_eq!(fs::read_to_string(folder.join("SHA256SUMS")).unwrap(), sums);

    // The data end on 28 December, so that the latest whole quarter is the one before.
    let latest = publish(pipeline, &[("RELEASE", "latest"), release[1]]);
    latest.finished();
    assert_eq!(latest.event("release frozen")["release"], "2025Q3");
}

/// Another run, which no portal answers, rebuilds everything on a new lake and a new warehouse.
fn the_raw_files_lead_to_the_release_again(
    portal: &Portal,
    pipeline: &Pipeline,
    release: &[(&str, &str)],
) {
    const RUN: &str = "rebuilt";
    let rebuilt = pipeline.with_raw_files_only(portal);
    let manifests = rebuilt.lake().manifests("raw/").into_keys();
    let manifests: Vec<String> = manifests.collect();
    let transform = rebuilt.job(Stage::Transform, RUN);
    let transform = transform.env("MANIFESTS", manifests.join(","));
    transform.run().finished();
    rebuilt.run(Stage::Load, RUN).finished();
    publish(&rebuilt, &[release, &[("RUN_ID", RUN)]].concat()).finished();
    let frozen = |pipeline: &Pipeline| {
        let mut published = pipeline.published();
        published.retain(|path, _| path.starts_with("releases/2025Q4/"));
        published
    };
    let (first, second) = (frozen(pipeline), frozen(&rebuilt));
    let catalog = fs::read(pipeline.site().join("data/catalog.json")).unwrap();
    let catalog: Value = serde_json::from_slice(&catalog).unwrap();
    for mart in catalog["marts"].as_array().unwrap() {
        let name = mart["name"].as_str().unwrap();
        let frozen = first.contains_key(&format!("releases/2025Q4/marts/{name}.parquet"));
        assert_eq!(frozen, mart["operational"] != true, "{name}");
    }
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        second.keys().collect::<Vec<_>>()
    );
    for (path, content) in &first {
        assert!(second[path] == *content, "{path}");
    }
}
