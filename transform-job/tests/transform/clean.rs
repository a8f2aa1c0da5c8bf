//! Tests of valid and unusual rows.

use serde_json::{Value, json};
use shared::testing::TestLake;

use crate::parquet::{quarantine, rows};
use crate::{HEADER, clean_2024, clean_manifest, csv, job, put_year, sound_row, transform};

fn column(rows: &[Value], name: &str) -> Vec<Value> {
    rows.iter().map(|row| row[name].clone()).collect()
}

/// Returns `line` with every field in quotes; its fields must not contain commas.
fn quoted_line(line: &str) -> String {
    format!("\"{}\"", line.replace(',', "\",\""))
}

#[test]
fn a_row_has_every_column_of_the_contract() {
    let (lake, manifest) = clean_2024(
        csv(&[
            "2024-07-02 13:04:05.0000000,In-progress ,Intersection,Leslie St,Finch Ave E,Don Valley North (17),Sidewalk Icy|| Needs Sand/Salt,Parks, Forestry & Recreation,Road Operations",
        ])
        .as_bytes(),
    );
    let rows = rows(&lake, &manifest);
    assert_eq!(
        rows,
        [json!({
            "request_id": rows[0]["request_id"],
            "created_at": 1_719_939_845_000_000_i64,
            "utc_offset_hours": -4,
            "local_time_anomaly": null,
            "status": "In Progress",
            "source_status": "In-progress",
            "fsa": null,
            "intersection_street_1": "Leslie St",
            "intersection_street_2": "Finch Ave E",
            "ward_id": 17,
            "ward_name": "Don Valley North",
            "ward_model": 25,
            "service_request_type": "Sidewalk Icy, Needs Sand/Salt",
            "division": "Parks, Forestry & Recreation",
            "section": "Road Operations",
            "season": "summer",
            "repaired": true,
            "source_year": 2024,
            "source_row": 2,
        })]
    );
    assert_eq!(manifest["rows"]["repaired"], 1);
    assert_eq!(manifest["files"][0]["rows"], 1);
    assert!(
        manifest["files"][0]["key"]
            .as_str()
            .unwrap()
            .ends_with("/2024-07.parquet")
    );
}

#[test]
fn ids_depend_on_what_identifies_a_request() {
    let row = |status: &str, ward: &str| {
        format!("2024-01-02 03:04:05.0000000,{status},M4A,,,{ward},Noise,311,Ops")
    };
    let id = |text: &str| {
        let (lake, manifest) = clean_2024(text.as_bytes());
        column(&rows(&lake, &manifest), "request_id")
    };
    let unquoted = id(&csv(&[&row("New", "Toronto-St. Paul's (12)")]));
    let later = id(&csv(&[&row("Closed", "Toronto-St. Paul\u{2019}s (12)")]));
    let quoted = csv(&[&row("Closed", "Toronto-St. Paul's (12)")])
        .lines()
        .map(quoted_line)
        .collect::<Vec<_>>()
        .join("\n");
    let elsewhere = id(&csv(&[&row("New", "Davenport (09)")]));
    assert_eq!(
        unquoted, later,
        "a status and a curly apostrophe do not make another request"
    );
    assert_eq!(unquoted, id(&quoted), "nor do quotes");
    assert_ne!(unquoted, elsewhere);
}

#[test]
fn exact_duplicates_stay_separate_and_keep_their_ids() {
    let row = sound_row(0);
    let (lake, manifest) = clean_2024(csv(&[&row, &row, &sound_row(1), &row]).as_bytes());
    let three = rows(&lake, &manifest);
    assert_eq!(manifest["rows"]["duplicates"], 2);
    assert_eq!(
        column(&three, "source_row"),
        [json!(2), json!(3), json!(5), json!(4)]
    );
    let mut ids = column(&three, "request_id");
    ids.dedup();
    assert_eq!(ids.len(), 4);

    let (lake, manifest) = clean_2024(csv(&[&row, &row]).as_bytes());
    let two = column(&rows(&lake, &manifest), "request_id");
    assert_eq!(
        two,
        ids[..2],
        "a further duplicate leaves the ids of the others"
    );
}

#[test]
fn both_ward_models_are_distinguished() {
    let row = |day: &str, ward: &str| {
        format!("2018-{day} 00:00:00.0000000,Closed,M9A,,,{ward},Noise,311,Ops")
    };
    let lake = TestLake::default();
    let key = put_year(
        &lake,
        2018,
        csv(&[
            &row("01-01", "Etobicoke Centre (03)"),
            &row("11-30", "Etobicoke North (01)"),
            &row("12-01", "Etobicoke North (01)"),
            &row("12-02", "Etobicoke-Lakeshore (03)"),
            &row("12-03", "Unknown"),
        ])
        .as_bytes(),
    );
    transform(&lake, &key).finished();
    let rows = rows(&lake, &clean_manifest(&lake));
    let wards: Vec<Value> = rows
        .iter()
        .map(|row| json!([row["source_row"], row["ward_model"], row["ward_id"]]))
        .collect();
    assert_eq!(
        wards,
        [
            json!([2, 44, 3]),
            json!([3, 44, 1]),
            json!([4, 25, 1]),
            json!([5, 25, 3]),
            json!([6, null, null])
        ]
    );
}

#[test]
fn windows_1252_is_decoded_and_recorded() {
    let mut text = csv(&["2024-01-02 00:00:00.0000000,New,Intersection,Montr?al St,B,Toronto-St. Paul!s (12),Noise,311,Ops"]).into_bytes();
    for byte in &mut text {
        match *byte {
            b'?' => *byte = 0xe9,
            b'!' => *byte = 0x92,
            _ => {}
        }
    }
    let (lake, manifest) = clean_2024(&text);
    assert_eq!(manifest["encoding"], "windows-1252");
    let rows = rows(&lake, &manifest);
    assert_eq!(rows[0]["intersection_street_1"], "Montréal St");
    assert_eq!(rows[0]["ward_id"], 12);
}

#[test]
fn refused_rows_are_kept_unchanged_with_line_and_reason() {
    let (lake, manifest) = clean_2024(
        csv(&[
            &sound_row(0),
            "2024-01-02 00:00:00,New,M4A,,,Davenport (09),Noise,Roads, Rails & Rivers,Ops",
            "2024-01-02 00:00:00,New,M4A",
            "2024-02-30 00:00:00,New,M4A,,,Davenport (09),Noise,311,Ops",
            "2023-12-31 00:00:00,New,M4A,,,Davenport (09),Noise,311,Ops",
            "2024-01-02 00:00:00,New,M4A,,,Davenport (09), ,311,Ops",
            "2024-01-02 00:00:00,New,Unknown,,,Unknown,Noise,311,Ops",
            "",
            &sound_row(1),
        ])
        .as_bytes(),
    );
    let refused: Vec<Value> = quarantine(&lake, &manifest)
        .iter()
        .map(|row| {
            json!([
                row["source_year"],
                row["source_row"],
                row["reason"],
                row["detail"]
            ])
        })
        .collect();
    assert_eq!(
        refused,
        [
            json!([
                2024,
                3,
                "field_count",
                "10 of 9 fields, and no known division or section explains the comma"
            ]),
            json!([2024, 4, "field_count", "3 of 9 fields"]),
            json!([2024, 5, "invalid_created_at", "2024-02-30 00:00:00"]),
            json!([2024, 6, "created_in_other_year", "2023-12-31 00:00:00"]),
            json!([2024, 7, "missing_service_request_type", null]),
            json!([
                2024,
                8,
                "no_ward_and_no_fsa",
                "ward \"Unknown\", area \"Unknown\""
            ]),
        ]
    );
    assert_eq!(
        quarantine(&lake, &manifest)[0]["raw_line"],
        "2024-01-02 00:00:00,New,M4A,,,Davenport (09),Noise,Roads, Rails & Rivers,Ops"
    );
    assert_eq!(manifest["rows"]["read"], 8, "a blank line is not a row");
    assert_eq!(manifest["rows"]["kept"], 2);
    assert_eq!(
        manifest["rows"]["quarantined_by_reason"],
        json!({
            "created_in_other_year": 1, "field_count": 2, "invalid_created_at": 1,
            "missing_service_request_type": 1, "no_ward_and_no_fsa": 1,
        })
    );
}

#[test]
fn an_unterminated_quote_affects_only_its_row() {
    let mut lines: Vec<String> = vec![HEADER.to_owned()];
    lines.extend((0..300).map(sound_row));
    let quoted: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let fields = quoted_line(line);
            if index == 1 {
                fields.replacen("0000000\"", "0000000", 1)
            } else {
                fields
            }
        })
        .collect();
    let lake = TestLake::default();
    let key = put_year(&lake, 2024, quoted.join("\r\n").as_bytes());
    transform(&lake, &key).finished();
    let manifest = clean_manifest(&lake);
    assert_eq!(manifest["rows"]["kept"], 299);
    assert_eq!(
        manifest["rows"]["quarantined_by_reason"],
        json!({"unbalanced_quote": 1})
    );
    assert_eq!(quarantine(&lake, &manifest)[0]["source_row"], 2);
}

#[test]
fn drift_is_reported_and_tolerated() {
    let header = HEADER
        .replace("Status,", "Closed Date,Status,")
        .replace("Ward,", "Ward Name,");
    let (lake, manifest) = clean_2024(
        format!(
            "{header}\n\
             2024-01-02 00:00:00,2024-02-01,Paused,M4A,,,Davenport (09),Tree,Parks, Forestry & Recreation,Ops\n\
             2024-01-02 00:00:00,,New,L4J,,,Davenport (09),Noise,Department of Silence,Ops\n\
             2024-01-02 00:00:00,,New,M4A,,,Downtown (99),Noise,311,Ops\n"
        )
        .as_bytes(),
    );
    assert_eq!(
        manifest["drift"],
        json!([
            {"kind": "aliased_column", "subject": "Ward Name", "rows": 0},
            {"kind": "extra_column", "subject": "Closed Date", "rows": 1},
            {"kind": "unknown_status", "subject": "Paused", "rows": 1},
            {"kind": "unknown_ward", "subject": "Downtown (99)", "rows": 1},
            {"kind": "unknown_division", "subject": "Department of Silence", "rows": 1},
            {"kind": "invalid_fsa", "subject": "L4J", "rows": 1},
        ])
    );
    let rows = rows(&lake, &manifest);
    assert_eq!(manifest["rows"]["kept"], 3);
    assert_eq!(manifest["rows"]["repaired"], 1);
    assert_eq!(rows[2]["status"], "Unknown");
    assert_eq!(rows[2]["source_status"], "Paused");
    assert_eq!(
        (&rows[1]["ward_id"], &rows[1]["ward_name"]),
        (&Value::Null, &json!("Downtown (99)"))
    );
}

#[test]
fn separate_times_and_other_layouts_are_read() {
    let header = HEADER.replace("Status,", "Creation Time,Status,");
    let (lake, manifest) = clean_2024(
        format!("{header}\n2024-01-13 00:00:00.0000000,12:20:47 AM,New,M4A,,,Davenport (09),Noise,311,Ops\n").as_bytes(),
    );
    let apart = rows(&lake, &manifest);
    let (lake, manifest) = clean_2024(
        csv(&["01/13/2024 12:20:47 AM,New,M4A,,,Davenport (09),Noise,311,Ops"]).as_bytes(),
    );
    let in_one_column = rows(&lake, &manifest);
    assert_eq!(apart[0]["created_at"], 1_705_123_247_000_000_i64);
    assert_eq!(apart[0]["utc_offset_hours"], -5);
    assert_eq!(apart[0]["request_id"], in_one_column[0]["request_id"]);
}

#[test]
fn a_file_out_of_order_has_the_same_rows() {
    let row = |month: usize, day: usize| {
        sound_row(0).replacen("01-02", &format!("{month:02}-{day:02}"), 1)
    };
    let in_order: Vec<String> = (1..=4)
        .flat_map(|month| (1..=20).map(move |day| row(month, day)))
        .collect();
    let mut shuffled = in_order.clone();
    shuffled.rotate_left(33);
    let read = |rows_in: &[String]| {
        let texts: Vec<&str> = rows_in.iter().map(String::as_str).collect();
        let (lake, manifest) = clean_2024(csv(&texts).as_bytes());
        let mut rows = rows(&lake, &manifest);
        for row in &mut rows {
            row.as_object_mut().unwrap().remove("source_row");
        }
        rows
    };
    assert_eq!(read(&in_order), read(&shuffled));
}

#[test]
fn a_second_run_writes_nothing_and_a_forced_one_the_same() {
    let lake = TestLake::default();
    let key = put_year(&lake, 2024, csv(&[&sound_row(0), &sound_row(1)]).as_bytes());
    let first = transform(&lake, &key);
    assert_eq!(first.finished()["produced"], 1);
    let objects = lake.objects("clean/");
    let second = transform(&lake, &key);
    assert_eq!(second.finished()["produced"], 0);
    assert_eq!(second.finished()["found"], 1);
    let forced = job(&lake, &key).env("FORCE", "1").run();
    assert_eq!(forced.finished()["produced"], 1);
    assert_eq!(lake.objects("clean/"), objects);
}

#[test]
fn replays_in_a_run_append_to_its_hand_overs() {
    let lake = TestLake::default();
    let one = put_year(
        &lake,
        2023,
        csv(&[&sound_row(0).replace("2024", "2023")]).as_bytes(),
    );
    let two = put_year(&lake, 2024, csv(&[&sound_row(0)]).as_bytes());
    let both = format!("{one},{two}");
    job(&lake, &one).env("MANIFESTS", &both).run().finished();
    job(&lake, &one)
        .env("MANIFESTS", &both)
        .env("YEARS", "2024")
        .run()
        .finished();
    job(&lake, &one)
        .env("MANIFESTS", &both)
        .env("YEARS", "2024")
        .run()
        .finished();
    let hand_overs: Vec<String> = lake.objects("runs/").into_keys().collect();
    assert_eq!(
        hand_overs,
        [
            "runs/test/transform-0-0.json",
            "runs/test/transform-0-1.json",
            "runs/test/transform-0-2.json"
        ]
    );
}
