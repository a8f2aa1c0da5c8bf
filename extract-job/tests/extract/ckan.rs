//! Tests of the portal's descriptions of its files.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::testing::{Job, TestLake};

use crate::publisher::Publisher;
use crate::runs::{hand_over, handed_over};
use crate::scripted::{Answer, Scripted, WARDS, YEARS, declined, shown};
use crate::wire::{Refusal, assert_nothing_stored};

/// Returns every way in which the portal can fail to describe a package, with the expected error.
fn refusals() -> [Refusal; 9] {
    [
        (
            20,
            "https://evil.example/api is not on an allowed host (127.0.0.1)",
            || {
                let elsewhere = [("Location", "https://evil.example/api")];
                Answer::new(301, &elsewhere, b"")
            },
        ),
        (
            30,
            "answered 200 with an HTML page, unlike a CKAN portal",
            || Answer::ok(&[], b"<!doctype html><title>Sign in</title>"),
        ),
        (30, "answered 404 with an HTML page", || {
            Answer::new(404, &[], b"<html>")
        }),
        (30, "answered 200 with nothing", || Answer::ok(&[], b"")),
        (30, "without resources", || shown(&json!(7))),
        (30, "without resources", || shown(&json!(null))),
        (
            30,
            "404): check whether it was renamed or withdrawn",
            || declined(404, "Not Found Error", "Not found"),
        ),
        (30, "403): Access denied", || {
            declined(403, "Authorization Error", "Access denied")
        }),
        (30, "409): odd [2Jwords", || {
            declined(409, "Validation Error", "odd\u{1b}[2Jwords")
        }),
    ]
}

#[test]
fn a_portal_that_does_not_list_the_years_does_not_keep_boundaries_from_being_handed_over() {
    for (exit, expected, answer) in refusals() {
        let publisher = Publisher::start_with(move |request| (request.path == YEARS).then(answer));
        let outcome = publisher.job_on(&publisher.lake).run();
        let cause = outcome.failed(exit);
        assert!(cause.contains(expected), "{cause}");
        assert!(cause.contains("no year was extracted"), "{cause}");
        let handed_over: Vec<String> = handed_over(&publisher.lake, "test", 0)
            .into_keys()
            .collect();
        assert_eq!(handed_over, ["city-wards", "forward-sortation-areas"]);
        let not_listed = &hand_over(&publisher.lake, "test", 0)["not_listed"];
        assert_eq!(not_listed["exit"], exit);
        assert!(not_listed["cause"].as_str().unwrap().contains(expected));
    }
}

#[test]
fn a_portal_that_does_not_list_the_wards_does_not_keep_years_from_being_handed_over() {
    for (exit, expected, answer) in refusals() {
        let publisher = Publisher::start_with(move |request| (request.path == WARDS).then(answer));
        let outcome = publisher.job_on(&publisher.lake).run();
        let cause = outcome.failed(exit);
        assert!(cause.contains("city-wards: "), "{cause}");
        assert!(cause.contains(expected), "{cause}");
        let hand_over = hand_over(&publisher.lake, "test", 0);
        let partitions = hand_over["partitions"].as_object().unwrap();
        assert_eq!(partitions.len(), publisher.years().len() + 1);
        let refused = &hand_over["refused"]["city-wards"];
        assert_eq!(
            (&refused["stage"], &refused["exit"]),
            (&json!("extract"), &json!(exit))
        );
        assert!(refused["cause"].as_str().unwrap().contains(expected));
        let year = &hand_over["partitions"]["2023"];
        assert!(moment(&refused["observed_at"]) > moment(&year["observed_at"]));
    }
}

#[test]
fn a_package_without_a_year_violates_the_contract() {
    for resources in [
        json!([]),
        json!([{"id": "a", "name": "SR2023.xml", "format": "XML", "url": "https://x/a.xml"}]),
        json!([{"id": "a", "name": "SR2023", "format": "ZIP", "url": "https://x/a.zip", "state": "deleted"}]),
    ] {
        let portal =
            Scripted::start(move |request| (request.path == YEARS).then(|| shown(&resources)));
        let outcome = portal.job().run();
        let cause = outcome.failed(20);
        assert!(
            cause.contains("has no resource of format ZIP or CSV with a year in its name"),
            "{cause}"
        );
        assert_nothing_stored(&portal);
    }
}

fn moment(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// The first attempt may be minutes earlier.
#[test]
fn what_the_portal_lists_is_observed_when_it_answers() {
    let answered: Arc<Mutex<BTreeMap<String, Timestamp>>> = Arc::default();
    let now = answered.clone();
    let publisher = Publisher::start_with(move |request| {
        let is_list = [YEARS, WARDS].contains(&request.path.as_str());
        if is_list && request.earlier == 0 {
            return Some(declined(500, "Search Error", "Solr is away"));
        }
        let mut answered = now.lock().unwrap();
        answered.insert(request.path.clone(), Timestamp::now());
        None
    });
    publisher.job_on(&publisher.lake).run().finished();
    let hand_over = hand_over(&publisher.lake, "test", 0);
    let answered = answered.lock().unwrap();
    for (partition, path) in [("2023", YEARS), ("city-wards", WARDS)] {
        let handed = &hand_over["partitions"][partition];
        assert!(
            moment(&handed["observed_at"]) >= answered[path],
            "{partition}"
        );
    }
}

#[test]
fn a_request_that_fails_briefly_is_retried() {
    let publisher = Publisher::start_with(|request| {
        let fails = request.path.starts_with("/api/") && request.earlier == 0;
        fails.then(|| declined(500, "Search Error", "Solr is away"))
    });
    publisher.job_on(&publisher.lake).run().finished();
    let requested = publisher.requests();
    assert_eq!(requested.iter().filter(|path| *path == YEARS).count(), 2);
    assert_eq!(requested.iter().filter(|path| *path == WARDS).count(), 2);
}

#[test]
fn a_bad_description_affects_only_its_own_year() {
    let publisher = Publisher::start_with(|request| {
        let base = format!("http://{}", request.header("host")?);
        let resources = json!([
            null,
            "SR2013",
            {},
            {"id": 1, "name": "311 readme", "format": "XLSX"},
            {"id": {"a": 1}, "name": ["SR2012"], "format": 7, "url": false, "last_modified": {}},
            {"id": 2023, "name": "SR2023", "format": "ZIP", "url": format!("{base}/sr2023.zip")},
            {"name": "SR2024", "format": "ZIP", "url": format!("{base}/sr2024.zip"), "size": "much"},
            {"id": "without", "name": "SR2025", "format": "ZIP"},
            {"id": "relative", "name": "SR2026", "format": "ZIP", "url": "/download/sr2026.zip?token=secret"},
        ]);
        (request.path == YEARS).then(|| shown(&resources))
    });
    let outcome = publisher.job_on(&publisher.lake).run();
    let cause = outcome.failed(20);
    let expected = [
        "2 of 6 partitions were refused",
        "2025: the portal publishes the year 2025 as resource without, whose address \"\" is not a URL",
        "2026: the portal publishes the year 2026 as resource relative, whose address \"/download/sr2026.zip\" is not a URL",
    ];
    for expected in expected {
        assert!(cause.contains(expected), "{cause}");
    }
    let handed_over: Vec<String> = handed_over(&publisher.lake, "test", 0)
        .into_keys()
        .collect();
    assert_eq!(
        handed_over,
        ["2023", "2024", "city-wards", "forward-sortation-areas"]
    );
    let manifests = publisher.lake.manifests("raw/service-requests/");
    let ids = manifests
        .values()
        .map(|manifest| &manifest["source"]["resource_id"]);
    let ids: Vec<_> = ids.collect();
    assert_eq!(ids, [&json!("2023"), &json!(null)]);
}

#[test]
fn a_forbidden_address_is_refused_before_any_connection() {
    for (url, expected) in [
        ("http://files.example/a.zip", "is not an https address"),
        ("https://other.example/a.zip", "is not on an allowed host"),
        ("file:///etc/passwd", "is not on an allowed host"),
        ("/download/a.zip", "is not a URL"),
    ] {
        let portal = Scripted::start(move |request| {
            let resources = json!([{"id": "one", "name": "2023", "format": "ZIP", "url": url}]);
            (request.path == YEARS).then(|| shown(&resources))
        });
        let outcome = portal.job().env("PORTAL_HOSTS", "files.example").run();
        let cause = outcome.failed(20);
        assert!(cause.contains(url) && cause.contains(expected), "{cause}");
        assert_nothing_stored(&portal);
    }
}

#[test]
fn an_unreachable_portal_is_reported() {
    let outcome = Job::new(env!("CARGO_BIN_EXE_extract-job"))
        .env("LAKE_URL", TestLake::default().url())
        .env("PORTAL_URL", format!("http://{}", unused_address()))
        .env("DOWNLOAD_TIMEOUT_SECONDS", "1")
        .run();
    let cause = outcome.failed(30);
    assert!(cause.contains("/api/3/action/package_show: "), "{cause}");
    assert!(cause.contains("Connection refused"), "{cause}");
}

/// Returns an address on which nothing listens, unless another process starts to just now.
fn unused_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

#[test]
fn a_number_that_json_does_not_have_affects_only_its_field() {
    for number in ["1e999", "-1e999", "Infinity", "-Infinity", "NaN"] {
        let publisher = Publisher::start_with(move |request| {
            let host = request.header("host")?;
            let body = format!(
                r#"{{"success": true, "result": {{"resources": [{{"id": "NaN, \\\"Infinity", "name": "SR2023",
                "format": "ZIP", "url": "http://{host}/sr2023.zip", "url_type": "upload",
                "last_modified": {number}, "size": {number}}}]}}}}"#
            );
            (request.path == YEARS).then(|| Answer::ok(&[], body.as_bytes()))
        });
        publisher.job_on(&publisher.lake).run().finished();
        let hand_over = hand_over(&publisher.lake, "test", 0);
        let drift = &hand_over["partitions"]["2023"]["drift"];
        assert_eq!(drift[0]["kind"], "invalid_publication_date", "{number}");
        assert_eq!(drift[0]["subject"], number);
        let raw = publisher.lake.manifests("raw/");
        let key = &handed_over(&publisher.lake, "test", 0)["2023"];
        assert_eq!(raw[key]["source"]["resource_id"], "NaN, \\\"Infinity");
    }
}
