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

#[test]
fn a_killed_job_leaves_start_and_its_retry_is_the_same_run() {
    let publisher = Publisher::start_with(|request| {
        let held = request.path == FILE && request.earlier == 0;
        held.then(|| Answer::ok(&[], &vec![0; 100_000]).stalled(50_000))
    });
    let lake = TestLake::default();
    let year = "extract.service-requests.2023";
    let states = || {
        let mut states = lake.lineage_states("test");
        states.retain(|[job, ..]| job == year);
        states
    };
    kill_when(publisher.job_on(&lake).spawn(), || !states().is_empty());
    let [_, _, run] = &states()[0];
    let state = |state: &str| [year, state, run].map(str::to_owned);
    assert_eq!(states(), [state("START")]);

    publisher.job_on(&lake).run().finished();
    assert_eq!(states(), ["START", "START", "COMPLETE"].map(state));
}
