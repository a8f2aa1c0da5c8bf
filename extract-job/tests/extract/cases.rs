//! Faults of the City's publications, from `tests/fixtures/publication-cases`, and similar ones.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::testing::{TestLake, city_files};

use crate::published::{File, Published, case_file};
use crate::runs::{drift, hand_over, handed_over, publications};
use crate::zips::{stored, zip};

const CITY_2021: &str = "/data/311/opendata/servicerequest/SR2021.zip";
const UPLOADED_2026: &str = "/dataset/2e54bc0e-4399-4076-b717-351df5918ae7/resource/\
    99b7f283-7345-4f5a-a126-d078ed4f3419/download/sr2026.zip";
const DUMP_2026: &str = "/datastore/dump/99b7f283-7345-4f5a-a126-d078ed4f3419";

fn row(year: i16, status: &str) -> Vec<u8> {
    format!("Creation Date,Status\r\n{year}-01-01 00:10:38.0000000,{status}\r\n").into_bytes()
}

fn year_zip(year: i16, status: &str) -> File {
    File::new(zip(&[(&format!("SR{year}.csv"), &row(year, status))]))
}

/// Returns a resource for 2023 that CKAN stores, at `/files/<id>`, with the other `fields`.
fn resource(id: &str, fields: &Value) -> Value {
    let mut resource = json!({
        "id": id, "name": "SR2023", "format": "ZIP", "url": format!("PORTAL/files/{id}"), "url_type": "upload",
        "last_modified": "2024-01-05T15:04:05", "created": "2023-02-08T15:15:00", "size": null, "state": "active",
    });
    let fields = fields.as_object().unwrap().clone();
    resource.as_object_mut().unwrap().extend(fields);
    resource
}

#[test]
fn years_on_another_host_are_extracted_and_one_that_is_down_affects_no_other() {
    let portal = Published::start();
    portal.list_case("02-file-on-another-host/package_search.json");
    portal.serve(UPLOADED_2026, year_zip(2026, "New"));
    for year in [2019, 2020] {
        let path = format!("/data/311/opendata/servicerequest/SR{year}.zip");
        portal.serve(&path, year_zip(year, "Closed"));
    }
    let run = |run: &str| portal.job_on(&portal.lake).env("RUN_ID", run).run();
    let outcome = run("first");
    let cause = outcome.failed(30);
    let expected = format!("2021: {}{CITY_2021} answered 404 Not Found", portal.city());
    assert!(cause.contains(&expected), "{cause}");
    let first = hand_over(&portal.lake, "first", 0);
    let years: Vec<&String> = first["partitions"].as_object().unwrap().keys().collect();
    assert_eq!(
        years,
        [
            "2019",
            "2020",
            "2026",
            "city-wards",
            "forward-sortation-areas"
        ]
    );
    assert_eq!(first["refused"]["2021"]["exit"], 30);

    portal.serve(CITY_2021, year_zip(2021, "Closed"));
    let outcome = run("second");
    assert_eq!(outcome.finished()["produced"], 1);
    assert_eq!(portal.csv("second", 2021).1, row(2021, "Closed"));
}

#[test]
fn a_redirect_of_the_portal_to_the_other_host_is_followed() {
    let redirect = String::from_utf8(case_file("02-file-on-another-host/redirect.http")).unwrap();
    let path = redirect.split_whitespace().nth(1).unwrap();
    let portal = Published::start();
    let link = json!({
        "id": "95145825-04b4-40d8-b883-9d114b5853c4", "name": "311 Service Requests 2021", "format": "ZIP",
        "url": format!("PORTAL{path}"), "url_type": null, "last_modified": null, "state": "active",
    });
    portal.list(&json!([link]));
    portal.serve(
        path,
        File::redirect(&format!("{}{CITY_2021}", portal.city())),
    );
    portal.serve(CITY_2021, year_zip(2021, "Closed"));
    portal.run("first").finished();
    assert_eq!(portal.csv("first", 2021).1, row(2021, "Closed"));

    portal.serve(path, File::redirect("https://elsewhere.example/SR2021.zip"));
    let outcome = portal.run("second");
    let cause = outcome.failed(20);
    let expected =
        "https://elsewhere.example/SR2021.zip is not on an allowed host (127.0.0.1, www.toronto.ca";
    assert!(cause.contains(expected), "{cause}");
}

#[test]
fn the_current_publication_counts_even_if_its_date_goes_back() {
    let portal = Published::start();
    let publish = |answer: &str, file: &str| {
        portal.list_case(&format!(
            "04-last-modified-goes-back/{answer}.package_search.json"
        ));
        portal.serve(
            UPLOADED_2026,
            File::new(case_file(&format!("04-last-modified-goes-back/{file}"))),
        );
    };
    publish("a-during-the-upload", "may.zip");
    assert_eq!(portal.run("a").finished()["produced"], 1);
    publish("b-after-the-upload", "may.zip");
    assert_eq!(portal.run("b").finished()["produced"], 0);
    publish("c-rolled-back", "april.zip");
    assert_eq!(portal.run("c").finished()["produced"], 1);

    let [a, b, c] = ["a", "b", "c"].map(|run| portal.csv(run, 2026));
    assert_eq!(a, b, "the same bytes with another date");
    assert_ne!(a.0, c.0);
    assert!(c.1.len() < a.1.len());
    for run in ["a", "b", "c"] {
        assert_eq!(portal.drift(run, 2026), Vec::<String>::new(), "{run}");
    }
    let observed = |run: &str| {
        let hand_over = hand_over(&portal.lake, run, 0);
        hand_over["partitions"]["2026"]["observed_at"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(observed("a") < observed("b") && observed("b") < observed("c"));

    // And forward again, without a download.
    publish("b-after-the-upload", "may.zip");
    let downloads = portal.requests_for(UPLOADED_2026).len();
    assert_eq!(portal.run("d").finished()["found"], 1);
    assert_eq!(portal.csv("d", 2026), a);
    assert_eq!(portal.requests_for(UPLOADED_2026).len(), downloads);
}

/// The validators of a linked file, before and after its content changes.
const VALIDATORS: [&[(&str, [&str; 2])]; 5] = [
    &[("ETag", ["\"one\"", "\"two\""])],
    &[(
        "Last-Modified",
        [
            "Thu, 03 Feb 2022 19:22:01 GMT",
            "Fri, 04 Feb 2022 19:22:01 GMT",
        ],
    )],
    // Replaced within the second of the date.
    &[
        ("ETag", ["W/\"one\"", "W/\"one\""]),
        (
            "Last-Modified",
            [
                "Thu, 03 Feb 2022 19:22:01 GMT",
                "Thu, 03 Feb 2022 19:22:01 GMT",
            ],
        ),
    ],
    // Back to an earlier file.
    &[
        ("ETag", ["W/\"one\"", "W/\"one\""]),
        (
            "Last-Modified",
            [
                "Thu, 03 Feb 2022 19:22:01 GMT",
                "Wed, 02 Feb 2022 19:22:01 GMT",
            ],
        ),
    ],
    &[],
];

#[test]
fn a_link_that_changes_without_a_date_is_extracted() {
    for validators in VALIDATORS {
        let portal = Published::start();
        portal.list_case("05-linked-file-without-a-date/package_search.json");
        let publish = |file: &str, index: usize| {
            let bytes = case_file(&format!("05-linked-file-without-a-date/{file}.zip"));
            let file = validators
                .iter()
                .fold(File::new(bytes), |file, (name, values)| {
                    file.with(name, values[index])
                });
            portal.serve(CITY_2021, file);
        };
        publish("first", 0);
        assert_eq!(portal.run("first").finished()["produced"], 1);
        let first = portal.csv("first", 2021);
        let objects = portal.lake.objects("raw/");

        let again = portal.run("again");
        assert_eq!(
            (&again.finished()["produced"], &again.finished()["found"]),
            (&json!(0), &json!(1))
        );
        assert_eq!(portal.csv("again", 2021), first);
        assert_eq!(portal.lake.objects("raw/"), objects);
        assert_eq!(portal.lake.objects("lineage/again/"), BTreeMap::new());
        let requests = portal.requests_for(CITY_2021);
        assert_eq!(requests.len(), 2, "a link is requested in each run");
        let condition = match validators {
            [("ETag", [first, _])] => Some(*first),
            _ => None,
        };
        assert_eq!(requests[1].header("if-none-match"), condition);
        assert_eq!(requests[1].header("if-modified-since"), None);

        publish("republished", 1);
        assert_eq!(portal.run("changed").finished()["produced"], 1);
        let changed = portal.csv("changed", 2021);
        assert_ne!(changed, first);
        // Another date of the server counts as notice.
        let has_another_date = validators
            .iter()
            .any(|(name, [first, second])| *name == "Last-Modified" && first != second);
        let expected: &[&str] = if has_another_date {
            &[]
        } else {
            &["republished_without_notice"]
        };
        assert_eq!(portal.drift("changed", 2021), expected);
        let unchanged = portal.run("unchanged");
        assert_eq!(
            (
                &unchanged.finished()["found"],
                &unchanged.finished()["drift"]
            ),
            (&json!(1), &json!(0))
        );
        assert_eq!(portal.csv("unchanged", 2021), changed);
        // The run that found the change may not have loaded it.
        assert_eq!(portal.drift("unchanged", 2021), expected);

        publish("first", 0);
        assert_eq!(
            portal.run("back").finished()["found"],
            1,
            "its content is known"
        );
        assert_eq!(portal.csv("back", 2021), first);
    }
}

#[test]
fn a_server_that_reports_another_tag_as_unchanged_is_not_trusted() {
    let portal = Published::start();
    portal.list(&json!([resource("a", &json!({"url_type": null}))]));
    let tagged = |status: &str, tag: &str| year_zip(2023, status).with("ETag", tag);
    portal.serve("/files/a", tagged("New", "\"one\""));
    portal.run("first").finished();
    // It answers 304 to any condition, with the tag of its current file.
    portal.serve("/files/a", tagged("Closed", "\"two\"").unmodified());
    let outcome = portal.run("second");
    assert_eq!(outcome.finished()["produced"], 1);
    assert_eq!(portal.csv("second", 2023).1, row(2023, "Closed"));
}

#[test]
fn a_new_tag_for_the_same_bytes_is_used_from_then_on() {
    let portal = Published::start();
    portal.list(&json!([resource("a", &json!({"last_modified": null}))]));
    for (run, tag) in [
        ("first", "\"1\""),
        ("second", "\"2\""),
        ("third", "\"2\""),
        ("fourth", "\"3\""),
    ] {
        portal.serve("/files/a", year_zip(2023, "New").with("ETag", tag));
        portal.run(run).finished();
        assert_eq!(portal.drift(run, 2023), Vec::<String>::new());
    }
    let requested: Vec<Option<String>> = portal
        .requests_for("/files/a")
        .iter()
        .map(|request| request.header("if-none-match").map(str::to_owned))
        .collect();
    let expected = [None, Some("\"1\""), Some("\"2\""), Some("\"2\"")];
    assert_eq!(requested, expected.map(|tag| tag.map(str::to_owned)));
    assert_eq!(portal.lake.manifests("raw/").len(), 1);
    assert_eq!(publications(&portal.lake).len(), 3);
}

/// The City replaces a file before it states the new date and size. So a run in between has the next file under the earlier
/// statement, which the portal may state again.
#[test]
fn a_download_that_has_not_the_stated_size_is_requested_again() {
    let portal = Published::start();
    let (earlier, later) = (row(2023, "New"), row(2023, "Completed"));
    let list = |date: &str, csv: &[u8]| {
        let fields = json!({"last_modified": date, "size": csv.len()});
        portal.list(&json!([resource("a", &fields)]));
    };
    let serve = |csv: &[u8], tag: &str| {
        portal.serve("/files/a", File::new(csv.to_vec()).with("ETag", tag));
    };
    list("2024-01-05", &earlier);
    serve(&later, "\"later\"");
    assert_eq!(portal.run("between").finished()["produced"], 1);
    // The file is put back.
    serve(&earlier, "\"earlier\"");
    assert_eq!(portal.run("back").finished()["produced"], 1);
    assert_eq!(portal.csv("back", 2023).1, earlier);
    assert_eq!(portal.drift("back", 2023), Vec::<String>::new());
    assert_eq!(portal.run("found").finished()["found"], 1);
    assert_eq!(portal.requests_for("/files/a").len(), 3);

    // A portal that always states a wrong size costs one conditional request per run.
    list("2024-02-05", &later);
    for run in ["wrong", "again", "and-again"] {
        portal.run(run).finished();
        assert_eq!(portal.csv(run, 2023).1, earlier);
    }
    let requested: Vec<Option<String>> = portal.requests_for("/files/a")[3..]
        .iter()
        .map(|request| request.header("if-none-match").map(str::to_owned))
        .collect();
    let tag = Some("\"earlier\"".to_owned());
    assert_eq!(requested, [None, tag.clone(), tag]);
    assert_eq!(portal.lake.manifests("raw/").len(), 2);
}

/// As the City does: bytes first, date after, and then a file that is put back with its date.
#[test]
fn a_file_whose_date_returns_is_requested_on_the_condition_of_its_tag() {
    let portal = Published::start();
    let run = |run: &str, date: &str, status: &str| {
        portal.list(&json!([resource("a", &json!({"last_modified": date}))]));
        let tag = format!("\"{status}\"");
        portal.serve("/files/a", year_zip(2023, status).with("ETag", &tag));
        portal.run(run).finished();
        assert_eq!(portal.csv(run, 2023).1, row(2023, status), "{run}");
    };
    run("uploaded", "2024-01-05", "Completed");
    run("dated", "2024-02-05", "Completed");
    run("back", "2024-01-05", "New");
    assert_eq!(portal.drift("back", 2023), ["republished_without_notice"]);
    let objects = portal.lake.objects("raw/");
    run("again", "2024-01-05", "New");
    assert_eq!(portal.lake.objects("raw/"), objects);
    let conditions: Vec<Option<String>> = portal
        .requests_for("/files/a")
        .iter()
        .map(|request| request.header("if-none-match").map(str::to_owned))
        .collect();
    let expected = [None, None, Some("\"Completed\""), Some("\"New\"")];
    assert_eq!(conditions, expected.map(|tag| tag.map(str::to_owned)));
}

/// It would refuse every request of the year.
#[test]
fn a_date_before_the_year_of_a_file_counts_as_missing() {
    let before = "Sat, 31 Dec 2022 23:59:59 GMT";
    for (stated, of_server, expected) in [
        (json!("2000-01-01T00:00:00"), None, None),
        (json!("2022-12-31T23:59:59"), Some(before), None),
        (json!(null), Some(before), None),
        (
            json!("2022-12-31"),
            Some("Sun, 01 Jan 2023 00:00:00 GMT"),
            Some("2023-01-01T00:00:00Z"),
        ),
    ] {
        let portal = Published::start();
        portal.list(&json!([resource("a", &json!({"last_modified": stated}))]));
        let file = year_zip(2023, "New");
        portal.serve(
            "/files/a",
            match of_server {
                Some(date) => file.with("Last-Modified", date),
                None => file,
            },
        );
        portal.run("test").finished();
        let handed = &hand_over(&portal.lake, "test", 0)["partitions"]["2023"];
        assert_eq!(handed["published_at"].as_str(), expected, "{stated}");
        let drift = portal.drift("test", 2023);
        assert!(!drift.is_empty(), "{stated}");
        assert!(
            drift.iter().all(|kind| kind == "invalid_publication_date"),
            "{drift:?}"
        );
    }
}

#[test]
fn another_address_is_another_file_whatever_the_portal_states() {
    let portal = Published::start();
    for (run, path, status) in [
        ("first", "/files/a", "New"),
        ("second", "/moved/a", "Closed"),
    ] {
        portal.list(&json!([resource(
            "a",
            &json!({"url": format!("PORTAL{path}")})
        )]));
        portal.serve(path, year_zip(2023, status).with("ETag", "\"same\""));
        assert_eq!(portal.run(run).finished()["produced"], 1);
        assert_eq!(portal.csv(run, 2023).1, row(2023, status));
        assert_eq!(portal.requests_for(path)[0].header("if-none-match"), None);
    }
    assert_eq!(portal.run("third").finished()["found"], 1);
    assert_eq!(portal.requests_for("/moved/a").len(), 2);
}

#[test]
fn two_resources_with_equal_dates_and_bytes_are_one() {
    let portal = Published::start();
    portal.list_case("06-resource-renamed/package_search.json");
    let renamed = UPLOADED_2026.replace(
        "99b7f283-7345-4f5a-a126-d078ed4f3419",
        "0c1f0b52-6a0e-4f8e-9d4b-2f5c7a7d9e10",
    );
    for path in [UPLOADED_2026, &renamed] {
        portal.serve(path, File::new(case_file("06-resource-renamed/sr2026.zip")));
    }
    assert_eq!(portal.run("first").finished()["drift"], 1);
    let ids = "0c1f0b52-6a0e-4f8e-9d4b-2f5c7a7d9e10, 99b7f283-7345-4f5a-a126-d078ed4f3419";
    let expected = [("duplicate_resource".to_owned(), ids.to_owned())];
    assert_eq!(drift(&portal.lake, "first", "2026"), expected);
    let (key, _) = portal.csv("first", 2026);
    assert_eq!(
        portal.manifest(&key)["source"]["resource_id"],
        "0c1f0b52-6a0e-4f8e-9d4b-2f5c7a7d9e10",
        "the one created last"
    );
    assert_eq!(portal.lake.manifests("raw/").len(), 1);

    // The portal still shows two, and both are in the lake.
    let outcome = portal.run("second");
    assert_eq!(
        (&outcome.finished()["found"], &outcome.finished()["drift"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(portal.requests_for(&renamed).len(), 1);
}

/// The date at its own server is that of a file whose date the portal does not state.
#[test]
fn of_two_resources_without_dates_the_one_with_the_later_file_counts() {
    let of = |created: &str| json!({"created": created, "last_modified": null});
    let portal = Published::start();
    portal.list(&json!([
        resource("a", &of("2023-05-09")),
        resource("b", &of("2023-05-01"))
    ]));
    for (id, date) in [
        ("a", "Sat, 01 Apr 2023 00:00:00 GMT"),
        ("b", "Wed, 05 Apr 2023 00:00:00 GMT"),
    ] {
        let file = year_zip(2023, id).with("Last-Modified", date);
        portal.serve(&format!("/files/{id}"), file);
    }
    for run in ["first", "second"] {
        portal.run(run).finished();
        assert_eq!(portal.csv(run, 2023).1, row(2023, "b"));
        assert_eq!(portal.drift(run, 2023), ["conflicting_resources"]);
    }
}

#[test]
fn of_two_resources_with_equal_dates_and_different_bytes_the_newer_one_counts() {
    let created = |date: &str| json!({"created": date});
    for (a, b, expected) in [
        (created("2023-01-01"), created("2024-01-01"), "b"),
        (created("2024-01-01"), created("2023-01-01"), "a"),
        (created(""), created(""), "b"),
    ] {
        let portal = Published::start();
        portal.list(&json!([resource("a", &a), resource("b", &b)]));
        for id in ["a", "b"] {
            portal.serve(&format!("/files/{id}"), year_zip(2023, id));
        }
        portal.run("test").finished();
        assert_eq!(portal.csv("test", 2023).1, row(2023, expected));
        assert_eq!(portal.drift("test", 2023), ["conflicting_resources"]);
    }
}

#[test]
fn a_failing_resource_that_is_not_chosen_does_not_matter() {
    let portal = Published::start();
    portal.list(&json!([
        resource("a", &json!({"created": "2024-01-01"})),
        resource("gone", &json!({})),
        resource(
            "old",
            &json!({"last_modified": "2023-06-01", "created": "2025-01-01"})
        ),
        resource(
            "undated",
            &json!({"last_modified": null, "created": "2025-01-01"})
        ),
    ]));
    portal.serve("/files/a", year_zip(2023, "New"));
    let outcome = portal.run("test");
    assert_eq!(outcome.finished()["drift"], 0);
    assert_eq!(outcome.event("resource not compared")["resource"], "gone");
    assert_eq!(
        portal.requests_for("/files/old").len() + portal.requests_for("/files/undated").len(),
        0
    );
}

/// It may be a year that the publisher renamed, which the warehouse then no longer follows.
#[test]
fn a_file_without_a_year_is_reported() {
    let portal = Published::start();
    portal.list(&json!([
        resource("a", &json!({})),
        resource(
            "renamed",
            &json!({"name": "Requests from January to April"})
        ),
    ]));
    portal.serve("/files/a", year_zip(2023, "New"));
    let outcome = portal.run("test");
    outcome.finished();
    let ignored = outcome.event("resource without a year ignored");
    assert_eq!(ignored["resource"], "renamed");
    assert_eq!(ignored["name"], "Requests from January to April");
}

/// The format is chosen by hand. Copies of the DataStore are of the years that are listed as a ZIP or a CSV as well.
#[test]
fn a_year_in_another_format_is_reported() {
    let of = |name: &str, format: &str| json!({"name": name, "format": format});
    let portal = Published::start();
    portal.list(&json!([
        resource("a", &json!({})),
        resource("copy", &of("SR2023.xml", "XML")),
        resource("zipped", &of("SR2023, corrected", "ZIP (CSV)")),
        resource("table", &of("SR2024", "XLSX")),
        resource("readme", &of("Readme", "XLSX")),
    ]));
    portal.serve("/files/a", year_zip(2023, "New"));
    let outcome = portal.run("test");
    outcome.finished();
    let ignored: Vec<Value> = outcome
        .log
        .iter()
        .filter(|event| event["message"] == "resource of a year in another format ignored")
        .map(|event| json!([event["resource"], event["format"], event["year"]]))
        .collect();
    let expected = [
        json!(["zipped", "zip (csv)", 2023]),
        json!(["table", "xlsx", 2024]),
    ];
    assert_eq!(ignored, expected);
}

#[test]
fn equal_contents_in_different_archives_are_one_raw_manifest() {
    let portal = Published::start();
    let csv = row(2023, "New");
    let archives = [
        File::new(zip(&[("SR2023.csv", &csv)])),
        File::new(stored(&[
            ("requests/2023.CSV", &csv),
            ("readme.txt", b"new"),
        ])),
        File::new(csv.clone()),
    ];
    let mut keys = Vec::new();
    for (number, archive) in archives.into_iter().enumerate() {
        let run = format!("run-{number}");
        let date = format!("2024-01-0{}T00:00:00", number + 1);
        portal.list(&json!([resource("a", &json!({"last_modified": date}))]));
        portal.serve("/files/a", archive);
        let expected = u64::from(number == 0);
        assert_eq!(portal.run(&run).finished()["produced"], expected);
        keys.push(portal.csv(&run, 2023));
    }
    assert!(keys.iter().all(|key| *key == keys[0] && key.1 == csv));
    assert_eq!(portal.lake.manifests("raw/").len(), 1);
    assert_eq!(publications(&portal.lake).len(), 3);
}

#[test]
fn a_datastore_dump_is_the_years_file_and_copies_of_it_are_not() {
    let portal = Published::start();
    portal.list_case("07-datastore-dump/package_search.json");
    let csv = case_file("07-datastore-dump/SR2026.csv");
    portal.serve(DUMP_2026, File::new(csv.clone()));
    assert_eq!(portal.run("first").finished()["produced"], 1);
    let (key, stored) = portal.csv("first", 2026);
    assert_eq!(stored, csv);
    let manifest = portal.manifest(&key);
    assert!(
        manifest["object"]["key"]
            .as_str()
            .unwrap()
            .ends_with("/SR2026.csv")
    );
    assert_eq!(manifest["source"]["last_modified"], "2026-05-01T13:02:11");
    assert_eq!(manifest["lines"], 41);
    assert_eq!(portal.drift("first", 2026), Vec::<String>::new());
    let first = hand_over(&portal.lake, "first", 0);
    assert_eq!(first["partitions"]["2026"]["published_at"], Value::Null);

    // The table of a dump can change without its date.
    assert_eq!(portal.run("second").finished()["found"], 1);

    let longer = [csv, b"42,2026-04-30T10:00:00,New\n".to_vec()].concat();
    portal.serve(DUMP_2026, File::new(longer.clone()));
    assert_eq!(portal.run("third").finished()["produced"], 1);
    assert_eq!(portal.csv("third", 2026).1, longer);
    assert_eq!(portal.requests_for(DUMP_2026).len(), 3);
}

#[test]
fn a_file_without_a_stated_format_is_judged_by_its_content() {
    let csv = row(2023, "New");
    for file in [zip(&[("SR2023.csv", &csv)]), csv.clone()] {
        let portal = Published::start();
        portal.list(&json!([resource("a", &json!({"format": ""}))]));
        portal.serve("/files/a", File::new(file));
        portal.run("test").finished();
        assert_eq!(portal.csv("test", 2023).1, csv);
    }
}

#[test]
fn content_not_the_stated_format_determines_the_kind_of_file() {
    let csv = row(2023, "New");
    for (format, file) in [
        ("CSV", zip(&[("SR2023.csv", &csv)])),
        ("ZIP", csv.clone()),
        (" csv ", csv.clone()),
        ("Zip", zip(&[("SR2023.csv", &csv)])),
    ] {
        let portal = Published::start();
        portal.list(&json!([resource("a", &json!({"format": format}))]));
        portal.serve("/files/a", File::new(file));
        portal.run("test").finished();
        assert_eq!(portal.csv("test", 2023).1, csv, "{format}");
    }
    for (format, file, expected) in [
        (
            "CSV",
            b"<!doctype html><title>Sorry, try later</title>".as_slice(),
            "an HTML page",
        ),
        ("ZIP", b"<html>", "an HTML page"),
        ("CSV", b"{\"success\": false, \"a\": 1}", "a JSON document"),
        ("CSV", b"<?xml version=\"1.0\"?><a/>", "an XML document"),
        (
            "CSV",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0,",
            "binary data",
        ),
        ("CSV", b"", "nothing"),
    ] {
        let portal = Published::start();
        portal.list(&json!([resource("a", &json!({"format": format}))]));
        portal.serve("/files/a", File::new(file));
        let outcome = portal.run("test");
        let cause = outcome.failed(30);
        let expected = format!("/files/a is neither a ZIP nor a CSV but {expected}");
        assert!(cause.contains(&expected), "{cause}");
        assert!(portal.lake.objects("raw/").is_empty());
    }
}

#[test]
fn limits_also_apply_to_a_csv() {
    let portal = Published::start();
    portal.list(&json!([resource("a", &json!({"format": "CSV"}))]));
    portal.serve("/files/a", File::new(row(2023, "New").repeat(100)));
    for (variable, expected) in [
        (
            "MAX_CSV_BYTES",
            "but 1000 are allowed: if this is expected, raise MAX_CSV_BYTES",
        ),
        (
            "MAX_DOWNLOAD_BYTES",
            "but 1000 are allowed: if this is expected, raise MAX_DOWNLOAD_BYTES",
        ),
    ] {
        let outcome = portal.job().env(variable, "1000").run();
        let cause = outcome.failed(20);
        assert!(cause.contains(expected), "{cause}");
        assert!(portal.lake.objects("raw/").is_empty());
    }
}

#[test]
fn an_impossible_date_is_ignored_and_reported_as_drift() {
    let long = "later ".repeat(100);
    for stated in [
        json!(""),
        json!("yesterday"),
        json!("2026-13-45T99:00:00"),
        json!("infinity"),
        json!("99999-01-01T00:00:00"),
        json!("2199-01-01T00:00:00"),
        json!(1_704_467_045),
        json!(long),
    ] {
        let portal = Published::start();
        portal.list(&json!([resource("a", &json!({"last_modified": stated}))]));
        portal.serve("/files/a", year_zip(2023, "New"));
        let outcome = portal.run("first");
        assert_eq!(outcome.finished()["drift"], 1, "{stated}");
        let found = drift(&portal.lake, "first", "2023");
        let (kind, subject) = &found[0];
        assert_eq!(kind, "invalid_publication_date");
        let text = stated
            .as_str()
            .map_or_else(|| stated.to_string(), str::to_owned);
        assert_eq!(*subject, text[..text.len().min(200)]);
        let (key, _) = portal.csv("first", 2023);
        assert_eq!(
            portal.manifest(&key)["source"]["last_modified"],
            Value::Null
        );

        // As long as the portal states it, it is reported and the file is requested.
        assert_eq!(portal.run("second").finished()["found"], 1);
        assert_eq!(portal.drift("second", 2023), ["invalid_publication_date"]);
        assert_eq!(portal.requests_for("/files/a").len(), 2);
    }
}

#[test]
fn the_servers_date_replaces_one_that_the_portal_does_not_state() {
    let server = "Fri, 05 Jan 2024 15:04:05 GMT";
    for (stated, header, expected) in [
        (json!(null), server, json!("2024-01-05T15:04:05")),
        (
            json!("2024-02-01T10:00:00.5+00:00"),
            server,
            json!("2024-02-01T10:00:00.5"),
        ),
        (json!(null), "Fri, 31 Dec 2100 15:04:05 GMT", json!(null)),
        (json!(null), "Thu, 01 Jan 1970 00:00:00 GMT", json!(null)),
    ] {
        let portal = Published::start();
        let fields = json!({"last_modified": stated, "metadata_modified": "2025-01-01T00:00:00"});
        portal.list(&json!([resource("a", &fields)]));
        portal.serve(
            "/files/a",
            year_zip(2023, "New").with("Last-Modified", header),
        );
        portal.run("first").finished();
        let (key, _) = portal.csv("first", 2023);
        assert_eq!(
            portal.manifest(&key)["source"]["last_modified"],
            expected,
            "{header}"
        );
        let publication = publications(&portal.lake).pop_first().unwrap().1;
        assert_eq!(publication["source"]["last_modified"], expected);
        assert_eq!(publication["http_last_modified"], header);
        let kinds: &[&str] = if expected.is_null() {
            &["invalid_publication_date"]
        } else {
            &[]
        };
        assert_eq!(portal.drift("first", 2023), kinds);
        // The version is based on the portal's statement, so that the publication is found.
        assert_eq!(portal.run("second").finished()["found"], 1);
    }
}

#[test]
fn the_portal_or_the_server_declares_synthetic_data() {
    for (fields, header, expected) in [
        (json!({"generated": true}), None, json!(true)),
        (json!({"generated": "true"}), None, json!(true)),
        (json!({}), Some("true"), json!(true)),
        (json!({"generated": false}), Some("false"), json!(null)),
        (json!({}), None, json!(null)),
    ] {
        let portal = Published::start();
        portal.list(&json!([resource("a", &fields)]));
        let file = year_zip(2023, "New");
        let file = match header {
            Some(value) => file.with("X-Generated-Data", value),
            None => file,
        };
        portal.serve("/files/a", file);
        portal.run("test").finished();
        let (key, _) = portal.csv("test", 2023);
        assert_eq!(
            portal.manifest(&key)["source"]["generated"],
            expected,
            "{fields} {header:?}"
        );
    }
}

#[test]
fn synthetic_boundaries_are_declared() {
    let portal = Published::start();
    portal.list(&json!([resource("a", &json!({}))]));
    portal.serve("/files/a", year_zip(2023, "New"));
    let wards = std::fs::read(city_files().join("boundaries/city-wards.geojson")).unwrap();
    let areas = crate::shapefiles::zipped(&crate::shapefiles::areas());
    for (path, bytes) in [
        ("/city-wards-4326.geojson", wards),
        (crate::scripted::FSA_FILE, areas),
    ] {
        portal.serve(path, File::new(bytes).with("X-Generated-Data", "true"));
    }
    let lake = TestLake::default();
    portal.job_on(&lake).run().finished();
    for partition in ["city-wards", "forward-sortation-areas"] {
        let key = &handed_over(&lake, "test", 0)[partition];
        assert_eq!(
            lake.manifests("raw/")[key]["source"]["generated"],
            true,
            "{partition}"
        );
    }
}

#[test]
fn no_password_or_token_is_logged_or_kept() {
    let portal = Published::start();
    let with = |address: &str| address.replace("http://", "http://someone:secret@");
    let url = format!("{}/files/a?signature=secret", with(portal.address()));
    let link = |url: &str| json!([resource("a", &json!({"url": url, "url_type": null}))]);
    portal.list(&link(&url));
    let run = || {
        portal
            .job_on(&portal.lake)
            .env("PORTAL_URL", with(portal.address()))
            .env("RUST_LOG", "trace")
            .env(
                "FSA_URL",
                format!("{}/missing.zip?signature=secret", with(portal.address())),
            )
            .run()
    };
    portal.serve("/files/a?signature=secret", year_zip(2023, "New"));
    let outcome = run();
    assert!(
        outcome.failed(30).contains("/missing.zip answered 404"),
        "{outcome}"
    );
    assert!(!outcome.to_string().contains("secret"), "{outcome}");
    for key in portal.lake.objects("").keys() {
        let bytes = std::fs::read(portal.lake.path().join(key)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("secret"), "{key}");
    }
    for bad in [
        "https://someone:secret@elsewhere.example/a.zip?secret",
        "//someone:secret@elsewhere:port/?secret",
    ] {
        portal.list(&link(bad));
        let outcome = run();
        assert_eq!(outcome.exit, 20, "{outcome}");
        assert!(!outcome.to_string().contains("secret"), "{outcome}");
    }
    portal.list(&link(&url));
    portal.serve(
        "/files/a?signature=secret",
        File::redirect("https://x:secret@elsewhere.example/?secret"),
    );
    let outcome = run();
    assert_eq!(outcome.exit, 20, "{outcome}");
    assert!(!outcome.to_string().contains("secret"), "{outcome}");
}
