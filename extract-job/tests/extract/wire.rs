//! Faults between the portal and the job lead to the whole file, or to a clear error and nothing half done.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use shared::fingerprint::Digest;

use crate::runs::{handed_over, publications};
use crate::scripted::{Answer, FILE, Request, Scripted};
use crate::zips::stored;

const ETAG: &[(&str, &str)] = &[("ETag", "\"one\"")];

/// Returns the file of a year, some hundred kilobytes.
fn published() -> Vec<u8> {
    published_with("Completed")
}

fn published_with(status: &str) -> Vec<u8> {
    let csv = format!("2023-01-01 00:10:38.0000000,{status},M4C\r\n").repeat(5000);
    stored(&[("SR2023.csv", csv.as_bytes())])
}

/// An exit code, a part of the cause, and the answer that leads to them.
pub(crate) type Refusal = (i32, &'static str, fn() -> Answer);

/// Starts a portal that answers requests for the file with `script`.
fn portal(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |request| (request.path == FILE).then(|| script(request)))
}

fn manifest(portal: &Scripted) -> Value {
    let manifests = portal.lake.manifests("raw/");
    assert_eq!(manifests.len(), 1, "{manifests:#?}");
    manifests.into_values().next().unwrap()
}

fn publication(portal: &Scripted) -> Value {
    let publications = publications(&portal.lake);
    assert_eq!(publications.len(), 1, "{publications:#?}");
    publications.into_values().next().unwrap()
}

#[track_caller]
fn assert_whole(portal: &Scripted, file: &[u8]) {
    assert_eq!(
        manifest(portal)["download_sha256"],
        Digest::of(file).as_str()
    );
}

#[track_caller]
pub(crate) fn assert_nothing_stored(portal: &Scripted) {
    assert!(portal.lake.objects("raw/").is_empty());
}

#[test]
fn a_broken_download_is_resumed() {
    let file = published();
    let half = file.len() / 2;
    let portal = portal(move |request| match request.earlier {
        0 => Answer::ok(ETAG, &published()).broken(half),
        1 => Answer::rest(ETAG, &published(), published().len() - half).broken(half / 2),
        _ => {
            let range = request.header("range").unwrap();
            let start = range.strip_prefix("bytes=").unwrap().strip_suffix('-');
            Answer::rest(ETAG, &published(), start.unwrap().parse().unwrap())
        }
    });
    let outcome = portal.job().run();
    assert_eq!(outcome.finished()["produced"], 1);
    assert_whole(&portal, &file);
    assert_eq!(publication(&portal)["etag"], "\"one\"");

    let downloads = portal.downloads();
    assert_eq!(downloads.len(), 3);
    assert_eq!(downloads[0].header("range"), None);
    assert_eq!(downloads[0].header("accept-encoding"), Some("identity"));
    let range = format!("bytes={}-", file.len() - half);
    assert_eq!(downloads[1].header("range"), Some(range.as_str()));
    assert_eq!(downloads[1].header("if-range"), Some("\"one\""));
}

#[test]
fn parts_that_are_smaller_than_requested_add_up() {
    let portal = portal(|request| {
        let file = published();
        let Some(range) = request.header("range") else {
            return Answer::ok(ETAG, &file).broken(file.len() / 2);
        };
        let start = range.strip_prefix("bytes=").unwrap().strip_suffix('-');
        let start: usize = start.unwrap().parse().unwrap();
        let end = file.len().min(start + 14_000);
        let range = format!("bytes {start}-{}/{}", end - 1, file.len());
        let headers = [ETAG, &[("Content-Range", &range)]].concat();
        Answer::new(206, &headers, &file[start..end])
    });
    portal.job().run().finished();
    assert_whole(&portal, &published());
    // More often than attempts without progress may fail.
    assert!(portal.downloads().len() > 7);
}

#[test]
fn a_date_proves_that_a_file_is_the_same_if_there_is_no_strong_tag() {
    const DATE: &[(&str, &str)] = &[
        ("ETag", "W/\"one\""),
        ("Last-Modified", "Fri, 05 Jan 2024 15:04:05 GMT"),
    ];
    let file = published();
    let portal = portal(|request| match request.earlier {
        0 => Answer::ok(DATE, &published()).broken(1000),
        _ => Answer::rest(DATE, &published(), published().len() - 1000),
    });
    portal.job().run().finished();
    assert_whole(&portal, &file);
    assert_eq!(publication(&portal)["etag"], Value::Null);
    assert_eq!(
        portal.downloads()[1].header("if-range"),
        Some("Fri, 05 Jan 2024 15:04:05 GMT")
    );
}

/// After a first answer that breaks, the second one does not continue the same file. In every variant the result is one
/// complete file.
#[test]
fn a_download_restarts_if_the_file_is_not_provably_the_same() {
    const OTHER: &[(&str, &str)] = &[("ETag", "\"two\"")];
    type Second = fn() -> Answer;
    let new = || published_with("Cancelled");
    let seconds: [(&str, Second); 6] = [
        ("another file", || {
            Answer::ok(OTHER, &published_with("Cancelled"))
        }),
        ("a part of another file", || {
            Answer::rest(
                OTHER,
                &published_with("Cancelled"),
                published().len() - 1000,
            )
        }),
        ("a part of a file of another length", || {
            Answer::rest(
                ETAG,
                &published()[..published().len() - 1],
                published().len() - 1000,
            )
        }),
        ("another part", || Answer::rest(ETAG, &published(), 17)),
        ("a part without a range", || Answer::new(206, ETAG, b"abc")),
        ("no part", || Answer::new(416, ETAG, b"")),
    ];
    let try_second = |what: &str, second: Second| {
        let portal = portal(move |request| match request.earlier {
            0 => Answer::ok(ETAG, &published()).broken(1000),
            1 => second(),
            _ => Answer::ok(OTHER, &published_with("Cancelled")),
        });
        portal.job().run().finished();
        assert_whole(&portal, &new());
        assert!(portal.downloads()[1].header("range").is_some(), "{what}");
        if let Some(third) = portal.downloads().get(2) {
            assert_eq!(third.header("range"), None, "{what}");
        }
    };
    thread::scope(|scope| {
        for (what, second) in seconds {
            scope.spawn(move || try_second(what, second));
        }
    });
    // Without a validator no part can be requested.
    let portal = portal(|request| match request.earlier {
        0 => Answer::ok(&[], &published()).broken(1000),
        _ => Answer::ok(&[], &published_with("Cancelled")),
    });
    portal.job().run().finished();
    assert_whole(&portal, &new());
    assert_eq!(portal.downloads()[1].header("range"), None);
}

#[test]
fn nothing_remains_of_a_longer_file() {
    let short = || stored(&[("SR2023.csv", b"Status\r\nNew\r\n")]);
    let portal = portal(move |request| match request.earlier {
        0 => Answer::ok(ETAG, &published()).broken(1000),
        _ => Answer::ok(&[("ETag", "\"two\"")], &short()),
    });
    assert_eq!(portal.job().run().finished()["rows"], 2);
    assert_whole(&portal, &short());
}

#[test]
fn a_busy_portal_is_given_the_pause_it_requests() {
    let file = published();
    let portal = portal(|request| match request.earlier {
        0 => Answer::new(503, &[("Retry-After", "2")], b""),
        1 => Answer::new(429, &[("Retry-After", "0")], b""),
        2 => Answer::new(408, &[], b""),
        _ => Answer::ok(ETAG, &published()),
    });
    let started = Instant::now();
    portal.job().run().finished();
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_whole(&portal, &file);
}

#[test]
fn an_answer_that_breaks_off_in_its_headers_is_requested_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let location = format!("http://{}/a.zip", listener.local_addr().unwrap());
    let portal = portal(move |_| Answer::new(302, &[("Location", &location)], b""));
    thread::scope(|scope| {
        scope.spawn(|| {
            let answer = |bytes: &[u8]| {
                let (mut stream, _) = listener.accept().unwrap();
                // A connection that is closed with unread bytes is reset.
                assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
                stream.write_all(bytes).unwrap();
            };
            let file = published();
            let length = file.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            answer(&head.as_bytes()[..30]);
            answer(&[head.as_bytes(), &file].concat());
        });
        portal.job().run().finished();
    });
    assert_whole(&portal, &published());
}

#[test]
fn a_pause_beyond_the_deadline_ends_the_job_immediately() {
    let portal = portal(|_| Answer::new(503, &[("Retry-After", "18446744073709551615")], b""));
    let started = Instant::now();
    let outcome = portal.job().run();
    let cause = outcome.failed(30);
    assert!(cause.contains("was not downloaded within 900 s"), "{cause}");
    assert!(
        cause.contains("answered 503 Service Unavailable"),
        "{cause}"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_nothing_stored(&portal);
}

#[test]
fn the_deadline_ends_a_download_that_does_not() {
    let silent = portal(|_| Answer::ok(ETAG, &published()).stalled(1000));
    let refusing = portal(|_| Answer::new(500, &[], b""));
    for portal in [silent, refusing] {
        let job = portal.job().env("DOWNLOAD_TIMEOUT_SECONDS", "2");
        let started = Instant::now();
        let outcome = job.run();
        let cause = outcome.failed(30);
        assert!(
            cause.contains("sr2023.zip was not downloaded within 2 s"),
            "{cause}"
        );
        assert!(started.elapsed() < Duration::from_secs(4));
        assert_nothing_stored(&portal);
    }
}

/// The portal dates it, and nothing that the portal states of it has changed.
#[test]
fn a_dated_file_in_the_lake_needs_no_answer_of_its_server() {
    let table: [(i32, fn() -> Answer); 4] = [
        (0, || Answer::new(503, &[], b"")),
        (0, Answer::lost),
        (30, || Answer::new(404, &[], b"")),
        // It is another file.
        (30, || {
            Answer::ok(&[("ETag", "\"two\"")], &published_with("New")).broken(1000)
        }),
    ];
    for (exit, answer) in table {
        let portal = portal(move |request| match request.earlier {
            0 => Answer::ok(ETAG, &published()),
            _ => answer(),
        });
        let run = |run: &str, force: &str| {
            let job = portal.job().env("RUN_ID", run).env("FORCE", force);
            job.env("DOWNLOAD_TIMEOUT_SECONDS", "1").run()
        };
        run("first", "0").finished();
        let outcome = run("second", "0");
        assert_eq!(outcome.exit, exit, "{outcome}");
        if exit == 0 {
            assert_eq!(outcome.finished()["found"], 1);
            let found = outcome.event("partition found, its server not reached");
            assert_eq!(found["partition"], "2023");
            let handed_over = |run| handed_over(&portal.lake, run, 0);
            assert_eq!(handed_over("second"), handed_over("first"));
        }
        run("forced", "1").failed(30);
    }
}

#[test]
fn permanent_errors_are_not_retried() {
    let table: [Refusal; 4] = [
        (30, "sr2023.zip answered 404 Not Found", || {
            Answer::new(404, &[], b"")
        }),
        (30, "sr2023.zip answered 403 Forbidden", || {
            Answer::new(403, &[("Retry-After", "1")], b"")
        }),
        (
            20,
            "but 50000 are allowed: if this is expected, raise MAX_DOWNLOAD_BYTES",
            || Answer::ok(ETAG, &published()).broken(published().len()),
        ),
        (20, "but 50000 are allowed", || {
            Answer::ok(&[], &published()).without_length()
        }),
    ];
    for (exit, expected, answer) in table {
        let portal = portal(move |_| answer());
        let outcome = portal.job().env("MAX_DOWNLOAD_BYTES", "50000").run();
        let cause = outcome.failed(exit);
        assert!(cause.contains(expected), "{cause}");
        assert_eq!(portal.downloads().len(), 1);
        assert_nothing_stored(&portal);
    }
}

#[test]
fn an_encoded_answer_is_not_accepted_as_the_file() {
    let portal = portal(|request| match request.earlier {
        0 => Answer::ok(&[("Content-Encoding", "gzip")], &published()),
        _ => Answer::ok(&[("Content-Encoding", "identity")], &published()),
    });
    portal.job().run().finished();
    assert_whole(&portal, &published());
}

#[test]
fn redirects_lead_to_allowed_hosts_only() {
    fn to(location: &str) -> Answer {
        Answer::new(302, &[("Location", location)], b"")
    }
    let file = published();
    let portal = Scripted::start(|request| match request.path.as_str() {
        FILE => Some(to("/elsewhere.zip")),
        "/elsewhere.zip" => Some(Answer::ok(ETAG, &published())),
        _ => None,
    });
    portal.job().run().finished();
    assert_whole(&portal, &file);

    for (exit, location, expected) in [
        (
            20,
            "https://evil.example/a.zip",
            "https://evil.example/a.zip is not on an allowed host (127.0.0.1, www.toronto.ca, any loopback address)",
        ),
        (20, "http://localhost:1/a.zip", "is not on an allowed host"),
        (20, "ftp://127.0.0.1/a.zip", "is not an https address"),
        (30, FILE, "sr2023.zip redirects in a loop"),
    ] {
        let portal = self::portal(move |_| to(location));
        let outcome = portal.job().run();
        let cause = outcome.failed(exit);
        assert!(cause.contains(expected), "{location}: {cause}");
        assert_nothing_stored(&portal);
    }
}

#[test]
fn a_silent_connection_is_closed_and_resumed() {
    let portal = portal(|request| match request.earlier {
        0 => Answer::ok(ETAG, &published()).stalled(1000),
        _ => Answer::rest(ETAG, &published(), published().len() - 1000),
    });
    let job = portal.job().env("DOWNLOAD_TIMEOUT_SECONDS", "6");
    let started = Instant::now();
    let outcome = job.run();
    assert_eq!(outcome.finished()["produced"], 1);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_whole(&portal, &published());
}

#[test]
fn a_server_without_ranges_tags_and_lengths_sends_the_whole_file_again() {
    let portal = portal(|request| match request.earlier {
        0 => Answer::ok(&[], &published()).broken(100),
        1 => Answer::ok(ETAG, &published()).broken(100),
        // It answers a request for a part with the whole file.
        2 => Answer::ok(&[], &published()).broken(10),
        _ => Answer::ok(&[], &published()).without_length(),
    });
    portal.job().run().finished();
    assert_whole(&portal, &published());
    let ranges: Vec<bool> = portal
        .downloads()
        .iter()
        .map(|request| request.header("range").is_some())
        .collect();
    assert_eq!(ranges, [false, false, true, false]);
}
