//! A job that a signal ends reports so in one line, leaves no temporary file and ends with an exit code that is retried.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::publisher::Publisher;
use crate::scripted::{Answer, FSA_FILE};

fn send(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Returns a publisher that never finishes one file.
fn slow() -> Publisher {
    Publisher::start_with(|request| {
        let is_slow = request.path == FSA_FILE;
        is_slow.then(|| Answer::ok(&[], &vec![0; 100_000]).stalled(50_000))
    })
}

/// Waits until all other partitions are extracted: every year and the wards.
fn wait_for_work(publisher: &Publisher, events: &mut impl Iterator<Item = Value>) {
    let extracted = events.filter(|event| event["message"] == "partition extracted");
    let others = publisher.years().len() + 1;
    assert_eq!(extracted.take(others).count(), others);
}

fn events(child: &mut Child) -> impl Iterator<Item = Value> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

fn assert_ended_in_order(publisher: &Publisher, rest: &[Value], signal: &str) {
    let failed: Vec<&Value> = rest
        .iter()
        .filter(|event| event["message"] == "stage failed")
        .collect();
    let [failed] = failed[..] else {
        panic!("not one line: {rest:?}");
    };
    assert_eq!(failed["exit"], 30);
    let cause = failed["cause"].as_str().unwrap();
    assert!(cause.starts_with(signal), "{cause}");
    let spool = publisher.lake.path().join(".spool");
    assert_eq!(fs::read_dir(spool).unwrap().count(), 0);
    assert!(publisher.lake.objects("runs/").is_empty());
}

#[test]
fn a_signal_ends_the_job_in_order() {
    for signal in ["SIGTERM", "SIGINT"] {
        let publisher = slow();
        let mut job = publisher.job_on(&publisher.lake).spawn_logging();
        let mut events = events(&mut job);
        wait_for_work(&publisher, &mut events);
        send(&format!("-{}", &signal[3..]), job.id());
        let rest: Vec<Value> = events.collect();
        assert_eq!(job.wait().unwrap().code(), Some(30), "{signal}");
        assert_ended_in_order(&publisher, &rest, signal);
    }
}

/// As in a container, whose first process ignores signals that it does not handle. The test needs the right to create a
/// namespace of processes.
#[test]
fn the_first_process_of_a_container_ends_in_order() {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--pid", "--fork"]);
        command
    };
    let allowed = unshare().arg("true").stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return;
    }
    let publisher = slow();
    let mut job = publisher
        .job_on(&publisher.lake)
        .inside(unshare())
        .spawn_logging();
    let mut events = events(&mut job);
    wait_for_work(&publisher, &mut events);
    let id = job.id();
    let first = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    send("-TERM", first.trim().parse().unwrap());
    let rest: Vec<Value> = events.collect();
    assert_eq!(job.wait().unwrap().code(), Some(30));
    assert_ended_in_order(&publisher, &rest, "SIGTERM");
}
