//! `FORCE` requests content again that is already stored, and keeps what it finds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use serde_json::Value;
use shared::testing::{JobOutcome, TestLake};

use crate::runs::{drift, handed_over, publications};
use crate::scripted::{Answer, FILE, FSA_FILE, Scripted};
use crate::shapefiles;
use crate::zips::zip;

/// A portal whose file has the content and the entity tag with this number, under the same `last_modified`.
struct Quiet {
    portal: Scripted,
    content: Arc<AtomicU8>,
}

impl Quiet {
    fn start() -> Self {
        Self::start_with(true)
    }

    /// Returns a portal whose server states the tags only if it `has_tags`; then every run notices a change.
    fn start_with(has_tags: bool) -> Self {
        let content = Arc::new(AtomicU8::new(1));
        let published = content.clone();
        let areas = shapefiles::zipped(&shapefiles::areas());
        let portal = Scripted::start(move |request| {
            let (etag, file) = match request.path.as_str() {
                FILE => {
                    let number = published.load(Ordering::SeqCst);
                    let csv = format!("Status\r\n{number}\r\n");
                    (
                        format!("\"{number}\""),
                        zip(&[("SR2023.csv", csv.as_bytes())]),
                    )
                }
                FSA_FILE => ("\"areas\"".to_owned(), areas.clone()),
                _ => return None,
            };
            let headers = [("ETag", etag.as_str())];
            let headers = if has_tags { &headers[..] } else { &[] };
            if request.header("if-none-match") == Some(&etag) {
                return Some(Answer::new(304, headers, b""));
            }
            Some(Answer::ok(headers, &file))
        });
        Self { portal, content }
    }

    fn publish(&self, content: u8) {
        self.content.store(content, Ordering::SeqCst);
    }

    fn forced(&self, run: &str) -> JobOutcome {
        let job = self.portal.job().env("FORCE", "1").env("RUN_ID", run);
        job.run()
    }

    fn run(&self, run: &str) -> JobOutcome {
        self.portal.job().env("RUN_ID", run).run()
    }

    /// Returns the key and the content that `run` handed over.
    fn handed_over(&self, run: &str) -> (String, String) {
        let lake = &self.portal.lake;
        let key = handed_over(lake, run, 0).remove("2023").unwrap();
        let read = |key: &str| std::fs::read_to_string(lake.path().join(key)).unwrap();
        let manifest: Value = serde_json::from_str(&read(&key)).unwrap();
        let csv = read(manifest["object"]["key"].as_str().unwrap());
        (key, csv)
    }
}

#[test]
fn unchanged_content_is_requested_and_not_downloaded() {
    let portal = Quiet::start();
    portal.run("first").finished();
    let objects = portal.portal.lake.objects("raw/");

    let outcome = portal.forced("forced");
    assert_eq!(outcome.finished()["found"], 1);
    assert_eq!(outcome.finished()["produced"], 0);
    let downloads = portal.portal.downloads();
    assert_eq!(downloads.len(), 2);
    assert_eq!(downloads[1].header("if-none-match"), Some("\"1\""));
    assert_eq!(portal.portal.lake.objects("raw/"), objects);
    assert_eq!(portal.handed_over("forced"), portal.handed_over("first"));
}

#[test]
fn content_that_changed_without_notice_is_kept_beside_the_former_and_is_current() {
    let portal = Quiet::start_with(false);
    portal.run("first").finished();
    let before = portal.portal.lake.objects("raw/");

    portal.publish(2);
    assert_eq!(portal.run("unforced").finished()["found"], 1);
    assert_eq!(portal.handed_over("unforced"), portal.handed_over("first"));

    let outcome = portal.forced("forced");
    assert_eq!(outcome.finished()["produced"], 1);
    assert_eq!(outcome.finished()["drift"], 1);
    let warning = outcome.event("republished without notice");
    assert_eq!(warning["severity"], "WARNING");
    assert_eq!(warning["partition"], "2023");
    let expected = [("republished_without_notice".to_owned(), "2023".to_owned())];
    assert_eq!(drift(&portal.portal.lake, "forced", "2023"), expected);
    let (key, csv) = portal.handed_over("forced");
    assert_eq!(csv, "Status\r\n2\r\n");
    assert!(!before.contains_key(&key));
    let after = portal.portal.lake.objects("raw/");
    for (key, digest) in &before {
        assert_eq!(after.get(key), Some(digest), "{key}");
    }

    // The next run does not return to the first content.
    let downloads = portal.portal.downloads().len();
    let next = portal.run("next");
    assert_eq!(next.finished()["found"], 1);
    assert_eq!(portal.handed_over("next"), (key.clone(), csv.clone()));
    assert_eq!(portal.portal.downloads().len(), downloads);
    assert_eq!(portal.forced("again").finished()["drift"], 0);
    assert_eq!(portal.handed_over("again"), (key, csv));

    // Unless the publisher does.
    portal.publish(1);
    assert_eq!(portal.forced("back").finished()["drift"], 1);
    let (back, csv) = portal.handed_over("back");
    assert_eq!(csv, "Status\r\n1\r\n");
    assert_eq!(portal.run("last").finished()["found"], 1);
    assert_eq!(portal.handed_over("last"), (back.clone(), csv));
    assert_eq!(
        back,
        portal.handed_over("first").0,
        "the same bytes are the same manifest"
    );
    assert_eq!(portal.portal.lake.manifests("raw/").len(), 2);
}

#[test]
fn two_concurrent_forced_jobs_have_one_result() {
    let portal = Quiet::start();
    portal.run("first").finished();
    portal.publish(2);
    thread::scope(|scope| {
        for run in ["one", "other"] {
            let portal = &portal;
            scope.spawn(move || portal.forced(run).finished()["produced"] == 1);
        }
    });
    assert_eq!(portal.handed_over("one"), portal.handed_over("other"));
    assert_eq!(portal.handed_over("one").1, "Status\r\n2\r\n");
    assert_eq!(portal.portal.lake.manifests("raw/").len(), 2);
}

#[test]
fn a_lost_object_is_restored() {
    let portal = Quiet::start();
    portal.run("first").finished();
    let objects = portal.portal.lake.objects("raw/");
    let csv = objects
        .keys()
        .find(|key| key.ends_with("/SR2023.csv"))
        .unwrap();
    let manifest = portal.handed_over("first").0;
    let path = |key: &str| portal.portal.lake.path().join(key);
    for (run, lost) in [("forced", csv), ("unforced", csv), ("manifest", &manifest)] {
        std::fs::remove_file(path(lost)).unwrap();
        let outcome = if run == "forced" {
            portal.forced(run)
        } else {
            portal.run(run)
        };
        assert_eq!(outcome.finished()["produced"], 1, "{run}");
        assert_eq!(portal.portal.lake.objects("raw/"), objects, "{run}");
        assert_eq!(
            portal.handed_over(run),
            portal.handed_over("first"),
            "{run}"
        );
    }
    // An object with another length is not that of its manifest either.
    std::fs::write(path(csv), "Status").unwrap();
    let outcome = portal.run("altered");
    let cause = outcome.failed(70);
    assert!(cause.contains(&format!("cannot create {csv}")), "{cause}");
}

/// The areas are computed, so the same file of the publisher does not imply the same result.
#[test]
fn the_areas_are_computed_again_even_from_the_same_file() {
    let portal = Quiet::start();
    let lake = TestLake::default();
    let job = || {
        let job = portal.portal.job_on(&lake);
        job.env("CLOUD_RUN_TASK_COUNT", "3")
            .env("CLOUD_RUN_TASK_INDEX", "2")
    };
    job().run().finished();
    let objects = lake.objects("raw/");

    assert_eq!(job().env("FORCE", "1").run().finished()["produced"], 1);
    assert_eq!(lake.objects("raw/"), objects);

    // As if an earlier version of this program had computed another result.
    let (key, mut publication) = publications(&lake).pop_first().unwrap();
    publication["raw_manifest"]["sha256"] = "0".repeat(64).into();
    std::fs::write(lake.path().join(&key), publication.to_string()).unwrap();
    let outcome = job().env("FORCE", "1").run();
    assert_eq!(outcome.finished()["produced"], 1);
    assert_eq!(handed_over(&lake, "test", 2).len(), 1);
    assert_eq!(publications(&lake).len(), 2);
}

#[test]
fn an_altered_object_is_reported_and_left_alone() {
    let portal = Quiet::start();
    portal.run("first").finished();
    let objects = portal.portal.lake.objects("raw/");
    let mut keys = objects.keys();
    let csv = keys.find(|key| key.ends_with("/SR2023.csv")).unwrap();
    let path = portal.portal.lake.path().join(csv);
    std::fs::write(&path, "Status\r\n7\r\n").unwrap();

    let outcome = portal.forced("forced");
    let cause = outcome.failed(70);
    let expected = format!("cannot create {csv}: it exists with other content");
    assert!(cause.contains(&expected), "{cause}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "Status\r\n7\r\n");
}
