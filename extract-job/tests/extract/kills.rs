//! `kill -9` at any point does not change the result of the next execution.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use shared::testing::TestLake;

use crate::publisher::Publisher;
use crate::scripted::{Answer, FILE, FSA_FILE, YEARS};

/// Kills `job` once `strikes` returns true, if it has not ended by then.
fn kill_when(mut job: Child, strikes: impl Fn() -> bool) {
    let started = Instant::now();
    while !strikes() && job.try_wait().unwrap().is_none() {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "never happened"
        );
        thread::sleep(Duration::from_micros(200));
    }
    job.kill().unwrap();
    job.wait().unwrap();
}

fn undisturbed(publisher: &Publisher) -> TestLake {
    let lake = TestLake::default();
    publisher.job_on(&lake).run().finished();
    lake
}

#[test]
fn a_job_killed_while_it_waits_for_an_answer_leaves_nothing_behind() {
    for path in [YEARS, FILE, FSA_FILE] {
        let publisher = Publisher::start_with(move |request| {
            let slow = request.path == path && request.earlier == 0;
            slow.then(|| Answer::ok(&[], &vec![0; 100_000]).stalled(50_000))
        });
        let lake = TestLake::default();
        let requested = || {
            publisher
                .requests()
                .iter()
                .any(|requested| requested == path)
        };
        kill_when(publisher.job_on(&lake).spawn(), requested);
        assert!(lake.objects("runs/").is_empty(), "{path}");

        publisher.job_on(&lake).run().finished();
        assert_eq!(
            lake.objects("raw/"),
            undisturbed(&publisher).objects("raw/"),
            "{path}"
        );
    }
}

#[test]
fn a_job_killed_at_any_object_is_completed_by_the_next() {
    let publisher = Publisher::start();
    let undisturbed = undisturbed(&publisher).objects("raw/");
    // One more object each time would take too long; the exact point between two of them is random anyway.
    for count in (0..undisturbed.len()).step_by(3) {
        let lake = TestLake::default();
        let struck = || lake.objects("raw/").len() > count;
        kill_when(publisher.job_on(&lake).spawn(), struck);
        for (key, digest) in lake.objects("raw/") {
            assert_eq!(undisturbed.get(&key), Some(&digest), "{key}");
        }
        for (key, manifest) in lake.manifests("raw/") {
            let object = lake
                .path()
                .join(manifest["object"]["key"].as_str().unwrap());
            assert!(object.exists(), "{key} refers to a missing object");
        }

        publisher.job_on(&lake).run().finished();
        assert_eq!(lake.objects("raw/"), undisturbed, "after {count} objects");
    }
}
