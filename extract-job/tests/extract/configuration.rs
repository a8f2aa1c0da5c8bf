//! Tests of the settings in the environment.

use shared::testing::Job;

use crate::scripted::{Answer, FILE, Scripted, YEARS};
use crate::zips::zip;

#[test]
fn every_problem_of_the_environment_is_reported_at_once() {
    let job = Job::new(env!("CARGO_BIN_EXE_extract-job"))
        .env("PORTAL_URL", "http://portal.example")
        .env("PORTAL_HOSTS", "files.example,https://x")
        .env("FSA_URL", "not an address")
        .env("MAX_DOWNLOAD_BYTES", "0")
        .env("MAX_CSV_BYTES", "4 GiB")
        .env("DOWNLOAD_TIMEOUT_SECONDS", "86401");
    let outcome = job.run();
    insta::assert_snapshot!(outcome.failed(10).replace("; ", "\n"));
}

#[test]
fn a_year_that_is_not_published_is_reported() {
    let portal = Scripted::start(|_| None);
    let outcome = portal.job().env("YEARS", "1999-2001").run();
    let cause = outcome.failed(10);
    assert!(cause.contains("YEARS"), "{cause}");
    let published = zip(&[("SR2023.csv", b"Creation Date,Status\n2023-01-01,New\n")]);
    let portal =
        Scripted::start(move |request| (request.path == FILE).then(|| Answer::ok(&[], &published)));
    let outcome = portal.job_on(&portal.lake).env("YEARS", "2023,2188").run();
    let cause = outcome.failed(10);
    assert!(
        cause.contains("YEARS names 2188, but the portal publishes {2023}"),
        "{cause}"
    );
    assert_eq!(portal.lake.manifests("raw/service-requests/2023/").len(), 1);
}

#[test]
fn files_come_from_allowed_hosts_only() {
    let portal = Scripted::start(|_| None);
    let outcome = portal.job().env("PORTAL_HOSTS", "files.example").run();
    let cause = outcome.failed(20);
    assert!(
        cause.contains("is not on an allowed host (files.example)"),
        "{cause}"
    );
    assert_eq!(portal.requests(), [YEARS]);
    assert!(portal.lake.objects("raw/").is_empty());
}
