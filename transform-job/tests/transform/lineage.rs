//! What the job records of its work as events of OpenLineage, and what it does if a collector does not take them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};
use shared::contract::Contract;
use shared::key::Key;
use shared::partition::Dataset;
use shared::testing::{JobOutcome, TestLake};

use crate::{clean_manifest, csv, job, parquet, put_year, sound_row};

const KEY: &str = "a-secret-key";

fn run(lake: &TestLake, manifest: &Key, run: &str) -> JobOutcome {
    job(lake, manifest).env("RUN_ID", run).run()
}

#[test]
fn a_repeated_stage_records_the_same_run() {
    let lake = TestLake::default();
    let manifest = put_year(&lake, 2024, csv(&[&sound_row(0)]).as_bytes());
    run(&lake, &manifest, "run").finished();
    let once = lake.lineage_states("run");
    let all: Vec<[&str; 2]> = once
        .iter()
        .map(|[job, state, _]| [job.as_str(), state.as_str()])
        .collect();
    let year = "transform.service-requests.2024";
    let expected = [
        ["transform", "START"],
        [year, "START"],
        [year, "COMPLETE"],
        ["transform", "COMPLETE"],
    ];
    assert_eq!(all, expected);

    // It may have been killed after its result, and before it recorded that.
    run(&lake, &manifest, "run").finished();
    assert_eq!(lake.lineage_states("run"), [&once[..], &once[..]].concat());

    // Another run has nothing to do, and so nothing to record.
    assert_eq!(run(&lake, &manifest, "other").finished()["found"], 1);
    assert_eq!(lake.lineage("other"), BTreeMap::new());

    // A run with some news records that alone.
    let row = sound_row(0).replace("2024", "2023");
    let new = put_year(&lake, 2023, csv(&[&row]).as_bytes());
    let both = format!("{manifest},{new}");
    let job = job(&lake, &new)
        .env("RUN_ID", "next")
        .env("MANIFESTS", both);
    assert_eq!(job.run().finished()["found"], 1);
    let states = lake.lineage_states("next");
    let jobs: Vec<&str> = states.iter().map(|[job, ..]| job.as_str()).collect();
    let year = "transform.service-requests.2023";
    assert_eq!(jobs, ["transform", year, year, "transform"]);
}

#[test]
fn a_refused_year_fails_with_its_cause_and_writes_nothing() {
    let lake = TestLake::default();
    let manifest = put_year(&lake, 2024, b"Creation Date,Mood\r\n2024-01-01,glad\r\n");
    let cause = run(&lake, &manifest, "run").failed(20).to_owned();
    let events: Vec<Value> = lake.lineage("run").into_values().flatten().collect();
    let [_, _, refused, stage] = &events[..] else {
        panic!("{events:#?}");
    };
    assert_eq!(
        [&refused["eventType"], &stage["eventType"]],
        ["FAIL", "FAIL"]
    );
    assert_eq!(refused["outputs"], json!([]));
    let message = |event: &Value| event["run"]["facets"]["errorMessage"]["message"].clone();
    assert_eq!(message(stage), cause);
    assert!(
        cause.contains(message(refused).as_str().unwrap()),
        "{cause}"
    );
}

#[test]
fn the_quarantine_is_in_the_event_by_reason() {
    let lake = TestLake::default();
    let undated = sound_row(0).replace("2024-01-02", "soon");
    let rows = [sound_row(0), undated.clone(), undated, sound_row(1)];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let manifest = put_year(&lake, 2024, csv(&rows).as_bytes());
    let job = job(&lake, &manifest).env("MAX_QUARANTINE_RATIO", "1");
    job.run().finished();
    let events: Vec<Value> = lake.lineage("test").into_values().flatten().collect();
    let ended = &events[2];
    let input = &ended["inputs"][0]["inputFacets"];
    assert_eq!(input["inputStatistics"]["rowCount"], 4);
    let assertions = input["dataQualityAssertions"]["assertions"]
        .as_array()
        .unwrap();
    let failed: Vec<(&str, &str)> = assertions
        .iter()
        .filter(|assertion| assertion["success"] == false)
        .map(|assertion| {
            let text = |name: &str| assertion[name].as_str().unwrap();
            (text("name"), text("actual"))
        })
        .collect();
    assert_eq!(failed, [("invalid_created_at", "2")]);
    assert_eq!(assertions.len(), Contract::rules().quarantine_reasons.len());
    let rows =
        |index: usize| &ended["outputs"][index]["outputFacets"]["outputStatistics"]["rowCount"];
    assert_eq!([rows(0), rows(1)], [2, 2]);
}

/// A row of the published file, by column.
type Published = BTreeMap<&'static str, String>;

/// Returns the clean rows of a file of 2018 by line.
fn clean_rows(rows: &[Published]) -> BTreeMap<i64, Value> {
    let columns = &Contract::rules().published;
    let headers: Vec<&str> = columns.iter().map(|column| &*column.header).collect();
    let mut lines = vec![headers.join(",")];
    lines.extend(rows.iter().map(|row| {
        let values = columns.iter().map(|column| &*row[&*column.name]);
        values.collect::<Vec<_>>().join(",")
    }));
    let lake = TestLake::default();
    let text = lines.join("\r\n") + "\r\n";
    let manifest = put_year(&lake, 2018, text.as_bytes());
    job(&lake, &manifest).run().finished();
    let clean = parquet::rows(&lake, &clean_manifest(&lake)).into_iter();
    clean
        .map(|row| (row["source_row"].as_i64().unwrap(), row))
        .collect()
}

/// A column, its value before and after, and the other columns that differ from the usual row.
type Change = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// The usual row.
const SAME: [(&str, &str); 9] = [
    ("creation_date", "2018-01-02"),
    ("status", "New"),
    ("first_3_chars_of_postal_code", "M4A"),
    ("intersection_street_1", "First St"),
    ("intersection_street_2", "Second St"),
    ("ward", "Davenport (18)"),
    ("service_request_type", "Noise"),
    ("division", "Toronto Water"),
    ("section", "Ops"),
];

/// In the night of 4 November, the clocks were set back; in that of 1 December, the wards changed.
const CHANGES: [Change; 18] = [
    ("creation_date", "2018-01-02", "2018-07-02", &[]),
    (
        "creation_date",
        "2018-01-02",
        "2018-11-04",
        &[("hour", "01")],
    ),
    (
        "creation_date",
        "2018-11-30",
        "2018-12-01",
        &[("ward", "Etobicoke North (01)")],
    ),
    (
        "creation_time",
        "12",
        "01",
        &[("creation_date", "2018-11-04")],
    ),
    (
        "creation_time",
        "12",
        "06",
        &[("creation_date", "2018-11-04")],
    ),
    ("status", "New", "Complete", &[]),
    ("first_3_chars_of_postal_code", "M4A", "M5V", &[]),
    ("first_3_chars_of_postal_code", "M4A", "Intersection", &[]),
    ("intersection_street_1", "First St", "Third St", &[]),
    ("intersection_street_2", "Second St", "", &[]),
    ("ward", "Davenport (18)", "York West (07)", &[]),
    ("ward", "Davenport (18)", "Davenport (09)", &[]),
    ("ward", "Davenport (18)", "Nowhere (99)", &[]),
    ("service_request_type", "Noise", "Graffiti", &[]),
    ("division", "Toronto Water", "Transportation Services", &[]),
    (
        "division",
        "Toronto Water",
        "Parks, Forestry & Recreation",
        &[],
    ),
    ("section", "Ops", "", &[]),
    ("section", "Ops", "Transfer, Disposal & Operations", &[]),
];

/// Returns the row of a change, whose column has `value`. No two rows of a file are the same request, which would be counted
/// in their ids.
fn changed_row(index: usize, value: &str) -> Published {
    let (column, _, _, others) = &CHANGES[index];
    let mut row: Published = SAME.map(|(name, value)| (name, value.to_owned())).into();
    row.extend(
        others
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    let hour = row.remove("hour").unwrap_or_else(|| "12".to_owned());
    row.insert("creation_time", format!("{hour}:{index:02}:00 AM"));
    let value = match *column {
        "creation_time" => format!("{value}:{index:02}:00 AM"),
        _ => value.to_owned(),
    };
    row.insert(column, value);
    row
}

/// The contract's `transformSourceObjects` are what the code does: a column changes with its sources alone.
#[test]
fn each_column_is_computed_from_the_columns_that_the_contract_states() {
    let before: Vec<_> = (0..CHANGES.len())
        .map(|index| changed_row(index, CHANGES[index].1))
        .collect();
    let after: Vec<_> = (0..CHANGES.len())
        .map(|index| changed_row(index, CHANGES[index].2))
        .collect();
    let [before, after] = [clean_rows(&before), clean_rows(&after)];
    assert_eq!([before.len(), after.len()], [CHANGES.len(); 2]);

    let table = Contract::clean_table(Dataset::ServiceRequests);
    for column in &table.columns {
        let stated: BTreeSet<&str> = column.sources.iter().map(String::as_str).collect();
        let changed = (2..).zip(CHANGES).filter(|(line, _)| {
            let value = |rows: &BTreeMap<i64, Value>| rows[line][&column.name].clone();
            value(&before) != value(&after)
        });
        let seen: BTreeSet<&str> = changed.map(|(_, (source, ..))| source).collect();
        assert_eq!(seen, stated, "{}", column.name);
    }
}

/// Serves one answer to every request, and returns its address and, in the end, what was sent.
fn collector(answer: Option<&'static str>) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let sent = request(&mut stream);
        match answer {
            Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
            // Silence, until the job gives up.
            None => drop(stream.read(&mut [0; 1])),
        }
        drop(stream);
        sent
    });
    (url, served)
}

/// Reads a request with a body.
fn request(stream: &mut TcpStream) -> String {
    let mut sent = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&sent);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if body.len() >= length {
                return text.into_owned();
            }
        }
        let mut buffer = [0; 8_192];
        let read = stream.read(&mut buffer).unwrap();
        sent.extend_from_slice(&buffer[..read]);
    }
}

#[test]
fn a_collector_that_does_not_take_events_costs_a_warning() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let moved = "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://other.test/?key=x\r\nContent-Length: 0\r\n\r\n";
    let refused = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    let failing =
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let cases = [
        (None, "it cannot be reached"),
        (Some(None), "it did not answer within 5 s"),
        (Some(Some(moved)), "it redirected to https://other.test,"),
        (Some(Some(refused)), "it answered 401 Unauthorized"),
        (
            Some(Some(failing)),
            "it answered 500 Internal Server Error|it cannot be reached",
        ),
    ];
    thread::scope(|scope| {
        for (answer, expected) in cases {
            let gone = &gone;
            scope.spawn(move || {
                let (url, served) = match answer {
                    None => (format!("http://{gone}"), None),
                    Some(answer) => {
                        let (url, served) = collector(answer);
                        (url, Some(served))
                    }
                };
                let lake = TestLake::default();
                let manifest = put_year(&lake, 2024, csv(&[&sound_row(0)]).as_bytes());
                let job = job(&lake, &manifest).env("OPENLINEAGE_URL", &url);
                let outcome = job.env("OPENLINEAGE_API_KEY", KEY).run();
                outcome.finished();
                assert!(!outcome.to_string().contains(KEY), "{outcome}");
                let warning = outcome.event("lineage not posted");
                let cause = warning["cause"].as_str().unwrap();
                assert!(
                    expected.split('|').any(|words| cause.contains(words)),
                    "{cause}"
                );
                if let Some(served) = served {
                    let sent = served.join().unwrap();
                    assert!(sent.starts_with("POST /base/api/v1/lineage "), "{sent}");
                    assert!(
                        sent.contains(&format!("authorization: Bearer {KEY}")),
                        "{sent}"
                    );
                }
                // The lake has all events.
                let states = lake.lineage_states("test");
                assert_eq!(states.len(), 4, "{states:?}");
            });
        }
    });
}
