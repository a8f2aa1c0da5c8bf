//! Runs of the whole stage: the first, the next, after corrections, concurrent, and shared by tasks.

use std::collections::BTreeMap;
use std::thread;

use serde_json::Value;
use shared::fingerprint::Digest;
use shared::testing::{Job, TestLake};

use crate::publisher::{Publisher, city_wards};
use crate::scripted::{Answer, FILE, Scripted, WARDS, YEARS};
use crate::zips::zip;

/// Returns the latest hand-over of task `number` of a run.
pub(crate) fn hand_over(lake: &TestLake, run: &str, number: usize) -> Value {
    let path = |attempt| {
        lake.path()
            .join(format!("runs/{run}/extract-{number}-{attempt}.json"))
    };
    let attempts = (0..).take_while(|attempt| path(*attempt).exists());
    let json = std::fs::read(path(attempts.last().unwrap())).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// Returns the manifests in the latest hand-over of task `number` of a run, by partition.
pub(crate) fn handed_over(lake: &TestLake, run: &str, number: usize) -> BTreeMap<String, String> {
    let hand_over = hand_over(lake, run, number);
    let manifests = hand_over["partitions"].as_object().unwrap().iter();
    let key = |(partition, manifest): (&String, &Value)| {
        let key = manifest["key"].as_str().unwrap().to_owned();
        let content = std::fs::read(lake.path().join(&key)).unwrap();
        assert_eq!(manifest["sha256"], Digest::of(&content).as_str());
        (partition.clone(), key)
    };
    manifests.map(key).collect()
}

/// Returns the drift that a run recorded for the publication of a partition.
pub(crate) fn drift(lake: &TestLake, run: &str, partition: &str) -> Vec<(String, String)> {
    let hand_over = hand_over(lake, run, 0);
    let drift = hand_over["partitions"][partition]["drift"].as_array();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    drift
        .into_iter()
        .flatten()
        .map(|drift| (text(&drift["kind"]), text(&drift["subject"])))
        .collect()
}

/// Returns the publications under `raw/`, by key.
pub(crate) fn publications(lake: &TestLake) -> BTreeMap<String, Value> {
    let keys = lake.objects("raw/").into_keys();
    keys.filter(|key| key.ends_with("/publication.json"))
        .map(|key| {
            let json = std::fs::read(lake.path().join(&key)).unwrap();
            (key, serde_json::from_slice(&json).unwrap())
        })
        .collect()
}

fn partitions(publisher: &Publisher) -> Vec<String> {
    let years = publisher.years().into_iter().map(|year| year.to_string());
    let boundaries = ["city-wards", "forward-sortation-areas"];
    years.chain(boundaries.map(str::to_owned)).collect()
}

#[test]
fn every_partition_is_stored_as_published_and_handed_over() {
    let publisher = Publisher::start();
    let outcome = publisher.job_on(&publisher.lake).run();
    let finished = outcome.finished();
    let expected = partitions(&publisher);
    assert_eq!(finished["produced"], expected.len());
    assert_eq!(finished["found"], 0);

    let manifests = publisher.lake.manifests("raw/");
    let handed_over = handed_over(&publisher.lake, "test", 0);
    assert_eq!(handed_over.keys().cloned().collect::<Vec<_>>(), expected);
    let objects = publisher.lake.objects("raw/");
    // The object, its manifest and its publication.
    assert_eq!(objects.len(), 3 * expected.len());

    let mut lines = 0;
    for (partition, key) in &handed_over {
        let manifest = &manifests[key];
        assert_eq!(manifest["partition"], partition.as_str());
        let object = &manifest["object"];
        let digest = &objects[object["key"].as_str().unwrap()];
        assert_eq!(object["sha256"], digest.as_str());
        lines += manifest["lines"].as_u64().unwrap();
    }
    assert_eq!(finished["rows"], lines);
    for year in publisher.years() {
        let manifest = &manifests[&handed_over[&year.to_string()]];
        let csv = publisher.csv(year);
        let name = format!(
            "raw/service-requests/{year}/{}/SR{year}.csv",
            Digest::of(&csv)
        );
        assert_eq!(manifest["object"]["key"], name);
        assert_eq!(manifest["object"]["size_bytes"], csv.len());
        assert_eq!(manifest["source"]["resource_id"], format!("id-of-{year}"));
    }
    let wards = &manifests[&handed_over["city-wards"]];
    assert_eq!(wards["source"]["resource_id"], "wards-4326");
    assert_eq!(
        wards["object"]["sha256"],
        Digest::of(&city_wards()).as_str()
    );
}

#[test]
fn a_manifest_reads_like_this() {
    let csv = b"Creation Date,Status\r\n2023-01-01 00:10:38.0000000,Completed\r\n";
    let file = zip(&[("SR2023.csv", csv)]);
    let (download, size) = (Digest::of(&file), file.len());
    let portal = Scripted::start(move |request| {
        (request.path == FILE).then(|| Answer::ok(&[("ETag", "\"one\"")], &file))
    });
    let outcome = portal.job().run();
    let extracted = outcome.event("partition extracted");
    assert_eq!(extracted["partition"], "2023");
    assert_eq!(extracted["rows"], 2);
    let manifests = portal.lake.manifests("raw/");
    let (key, manifest) = manifests.first_key_value().unwrap();
    let json = std::fs::read_to_string(portal.lake.path().join(key)).unwrap();
    let url = manifest["source"]["url"].as_str().unwrap();
    // A later version of the library may produce another ZIP.
    let json = json
        .replace(url, "URL")
        .replace(&download.to_string(), "DOWNLOAD")
        .replace(&size.to_string(), "SIZE");
    insta::assert_snapshot!(format!("{key}\n{json}"));
}

#[test]
fn stored_content_is_neither_downloaded_nor_written_again() {
    let publisher = Publisher::start();
    publisher.job_on(&publisher.lake).run().finished();
    let objects = publisher.lake.objects("raw/");
    let earlier = publisher.requests().len();

    let again = publisher
        .job_on(&publisher.lake)
        .env("RUN_ID", "second")
        .run();
    assert_eq!(again.finished()["found"], partitions(&publisher).len());
    assert_eq!(again.finished()["produced"], 0);
    assert_eq!(publisher.lake.objects("raw/"), objects);
    let mut requested = publisher.requests().split_off(earlier);
    let files = requested.split_off(2);
    assert_eq!(requested, [YEARS, WARDS]);
    // Each file of the portal, on the condition of its tag.
    assert_eq!(files.len(), publisher.years().len() + 1);
    for file in files {
        assert!(is_conditional(&publisher, &file), "{file}");
    }
    assert_eq!(
        handed_over(&publisher.lake, "second", 0),
        handed_over(&publisher.lake, "test", 0)
    );
}

/// Whether the latest request for a file had a condition.
fn is_conditional(publisher: &Publisher, path: &str) -> bool {
    let latest = publisher.requests_for(path).pop().unwrap();
    latest.header("if-none-match").is_some()
}

#[test]
fn only_republished_content_is_extracted() {
    let publisher = Publisher::start();
    let years = publisher.years();
    let (touched, corrected) = (years[1], years[2]);
    publisher.job_on(&publisher.lake).run().finished();
    let before = publisher.lake.objects("raw/");
    let earlier = publisher.requests().len();

    publisher.touch(touched);
    publisher.correct(corrected);
    let outcome = publisher
        .job_on(&publisher.lake)
        .env("RUN_ID", "second")
        .run();
    assert_eq!(outcome.finished()["produced"], 1);
    assert_eq!(
        outcome.finished()["found"],
        partitions(&publisher).len() - 1
    );
    assert_eq!(outcome.finished()["drift"], 0);
    let mut downloads = publisher.requests().split_off(earlier);
    downloads.retain(|path| !path.starts_with("/api/") && !is_conditional(&publisher, path));
    downloads.sort();
    assert_eq!(
        downloads,
        [format!("/sr{touched}.zip"), format!("/sr{corrected}.zip")]
    );

    let after = publisher.lake.objects("raw/");
    let new: Vec<&String> = after
        .keys()
        .filter(|key| !before.contains_key(*key))
        .collect();
    let of = |year: i16| {
        new.iter()
            .filter(|key| key.contains(&format!("/{year}/")))
            .count()
    };
    // The same CSV has the same raw manifest; the correction adds one of each.
    assert_eq!((of(touched), of(corrected), new.len()), (1, 3, 4));
    let (first, second) = (
        handed_over(&publisher.lake, "test", 0),
        handed_over(&publisher.lake, "second", 0),
    );
    let changed = first.keys().filter(|key| first[*key] != second[*key]);
    assert_eq!(changed.collect::<Vec<_>>(), [&corrected.to_string()]);
    for (key, digest) in &before {
        assert_eq!(after.get(key), Some(digest), "{key}");
    }
}

#[test]
fn tasks_share_the_work() {
    let publisher = Publisher::start();
    let (alone, shared) = (TestLake::default(), TestLake::default());
    publisher.job_on(&alone).run().finished();
    let mut union = BTreeMap::new();
    for task in 0..3 {
        let outcome = publisher
            .job_on(&shared)
            .env("CLOUD_RUN_TASK_COUNT", "3")
            .env("CLOUD_RUN_TASK_INDEX", task.to_string())
            .run();
        outcome.finished();
        union.extend(handed_over(&shared, "test", task));
    }
    assert_eq!(shared.objects("raw/"), alone.objects("raw/"));
    assert_eq!(union, handed_over(&alone, "test", 0));
    let idle = publisher
        .job_on(&shared)
        .env("CLOUD_RUN_TASK_COUNT", "30")
        .env("CLOUD_RUN_TASK_INDEX", "29")
        .run();
    assert_eq!(idle.finished()["produced"], 0);
    assert!(handed_over(&shared, "test", 29).is_empty());

    let requested = publisher.requests();
    let requested = |address| requested.iter().filter(|path| *path == address).count();
    assert_eq!(requested(YEARS), 1 + 3 + 1, "each job requests once");
    assert_eq!(
        requested(WARDS),
        1 + 1,
        "for the wards, only the job that extracts them"
    );
}

#[test]
fn one_bad_year_does_not_keep_others_from_being_handed_over_and_recovers() {
    let publisher = Publisher::start_with(|request| {
        let down = request.path == FILE && request.earlier == 0;
        down.then(|| Answer::new(404, &[], b"gone"))
    });
    let outcome = publisher.job_on(&publisher.lake).run();
    let cause = outcome.failed(30);
    let count = partitions(&publisher).len();
    let expected =
        format!("1 of {count} partitions were refused, the others are handed over: 2023: http://");
    assert!(cause.starts_with(&expected), "{cause}");
    assert_eq!(outcome.event("partition refused")["partition"], "2023");
    let first = hand_over(&publisher.lake, "test", 0);
    assert_eq!(first["partitions"].as_object().unwrap().len(), count - 1);
    let refused = &first["refused"];
    assert_eq!(refused.as_object().unwrap().len(), 1);
    assert_eq!(refused["2023"]["stage"], "extract");
    assert_eq!(refused["2023"]["exit"], 30);
    let cause = refused["2023"]["cause"].as_str().unwrap();
    assert!(
        cause.contains("/sr2023.zip answered 404 Not Found"),
        "{cause}"
    );
    assert_eq!(
        refused["2023"]["observed_at"],
        first["partitions"]["2024"]["observed_at"]
    );

    let outcome = publisher.job_on(&publisher.lake).run();
    assert_eq!(outcome.finished()["produced"], 1);
    let second = hand_over(&publisher.lake, "test", 0);
    assert_eq!(second["partitions"].as_object().unwrap().len(), count);
    assert_eq!(second["refused"], serde_json::json!({}));
}

#[test]
fn a_refusal_by_the_lake_is_a_configuration_error() {
    let publisher = Publisher::start();
    let store = Scripted::start(|_| {
        let error = br#"{"error": {"code": 403, "message": "no permission"}}"#;
        let json = [("Content-Type", "application/json")];
        Some(Answer::new(403, &json, error))
    });
    let job = through_nowhere(publisher.job_on(&publisher.lake))
        .env("LAKE_URL", "gs://bucket")
        .env("STORAGE_EMULATOR_HOST", store.address());
    let outcome = job.run();
    let cause = outcome.failed(10);
    assert!(cause.contains("not allowed to"), "{cause}");
}

#[test]
fn a_proxy_is_not_used_for_loopback() {
    let publisher = Publisher::start();
    let job = through_nowhere(publisher.job_on(&publisher.lake));
    job.run().finished();
    // Other hosts are still requested through it.
    let job = through_nowhere(publisher.job_on(&TestLake::default()))
        .env("NO_PROXY", "elsewhere.example")
        .env("PORTAL_URL", "https://portal.example")
        .env("DOWNLOAD_TIMEOUT_SECONDS", "2");
    let outcome = job.run();
    let cause = outcome.failed(30);
    assert!(cause.contains("Connection refused"), "{cause}");
}

/// Returns `job` with proxies at which nothing listens: port 9 is discard.
fn through_nowhere(mut job: Job) -> Job {
    for name in [
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ] {
        job = job.env(name, "http://127.0.0.1:9");
    }
    job
}

#[test]
fn two_concurrent_jobs_have_one_result() {
    let publisher = Publisher::start();
    let (raced, alone) = (TestLake::default(), TestLake::default());
    thread::scope(|scope| {
        let race = || {
            publisher.job_on(&raced).run().finished();
        };
        scope.spawn(race);
        scope.spawn(race);
    });
    publisher.job_on(&alone).run().finished();
    assert_eq!(raced.objects("raw/"), alone.objects("raw/"));
}
