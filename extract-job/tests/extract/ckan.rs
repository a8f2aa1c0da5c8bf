//! What the portal says of its files, or does not.

use std::net::{SocketAddr, TcpListener};

use serde_json::json;
use shared::testing::{Job, TestLake};

use crate::scripted::{Answer, CITY_WARDS, PACKAGES, SERVICE_REQUESTS, Scripted, packages};
use crate::wire::{Refusal, assert_nothing_stored};

#[test]
fn a_portal_that_does_not_answer_as_ckan_does_is_told_apart() {
    let table: [Refusal; 8] = [
        (
            20,
            "https://evil.example/api is not on an allowed host (127.0.0.1)",
            || {
                let elsewhere = [("Location", "https://evil.example/api")];
                Answer::new("301 Moved Permanently", &elsewhere, b"")
            },
        ),
        (
            30,
            "answered 200 with an HTML page, which no CKAN portal does",
            || Answer::ok(&[], b"<!doctype html><title>Sign in</title>"),
        ),
        (30, "answered 404 with an HTML page", || {
            Answer::new("404 Not Found", &[], b"<html>")
        }),
        (30, "answered 200 with nothing", || Answer::ok(&[], b"")),
        (30, "packages that cannot be read", || {
            packages(&[(SERVICE_REQUESTS, json!(7))])
        }),
        (
            20,
            "has no package \"311-service-requests-customer-initiated\"",
            || packages(&[(CITY_WARDS, json!([]))]),
        ),
        (30, "403): Access denied", || {
            let error = br#"{"success": false, "error": {"__type": "Authorization Error", "message": "Access denied"}}"#;
            Answer::new("403 Forbidden", &[], error)
        }),
        (
            20,
            "has no resource of format ZIP with a year in its name",
            || packages(&[(SERVICE_REQUESTS, json!([]))]),
        ),
    ];
    for (exit, expected, answer) in table {
        let portal = Scripted::start(move |request| (request.path == PACKAGES).then(answer));
        let outcome = portal.job().run();
        let cause = outcome.failed(exit);
        assert!(cause.contains(expected), "{cause}");
        assert_eq!(portal.requests(), [PACKAGES]);
        assert_nothing_stored(&portal);
    }
}

#[test]
fn a_year_published_twice_is_a_question_to_the_publisher() {
    let portal = Scripted::start(|request| {
        let resources = json!([
            {"id": "one", "name": "2023", "format": "ZIP", "url": "http://127.0.0.1/a.zip"},
            {"id": "two", "name": "2023", "format": "ZIP", "url": "http://127.0.0.1/b.zip"},
        ]);
        (request.path == PACKAGES).then(|| packages(&[(SERVICE_REQUESTS, resources)]))
    });
    let outcome = portal.job().run();
    let cause = outcome.failed(20);
    assert!(
        cause.contains("the year 2023 as resources one and two"),
        "{cause}"
    );
}

#[test]
fn an_address_that_is_not_to_be_asked_is_refused_before_any_connection() {
    for (url, expected) in [
        ("http://files.example/a.zip", "is not an https address"),
        ("https://other.example/a.zip", "is not on an allowed host"),
        ("file:///etc/passwd", "is not on an allowed host"),
        ("/download/a.zip", "the published address, is none"),
    ] {
        let portal = Scripted::start(move |request| {
            let resources = json!([{"id": "one", "name": "2023", "format": "ZIP", "url": url}]);
            (request.path == PACKAGES).then(|| packages(&[(SERVICE_REQUESTS, resources)]))
        });
        let outcome = portal.job().env("PORTAL_HOSTS", "files.example").run();
        let cause = outcome.failed(20);
        assert!(cause.contains(url) && cause.contains(expected), "{cause}");
        assert_nothing_stored(&portal);
    }
}

#[test]
fn a_portal_that_is_not_there_is_named() {
    let outcome = Job::new(env!("CARGO_BIN_EXE_extract-job"))
        .env("LAKE_URL", TestLake::default().url())
        .env("PORTAL_URL", format!("http://{}", unused_address()))
        .env("DOWNLOAD_TIMEOUT_SECONDS", "1")
        .run();
    let cause = outcome.failed(30);
    assert!(cause.contains("package_search?fq=name"), "{cause}");
    assert!(cause.contains("Connection refused"), "{cause}");
}

/// An address where nobody listens, unless somebody begins to just now.
fn unused_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
