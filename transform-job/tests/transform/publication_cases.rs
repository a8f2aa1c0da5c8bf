//! Faults of publications, from `tests/fixtures/publication-cases`, and variations of them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use shared::testing::{TestLake, fixtures};

use crate::parquet::{quarantine, rows};
use crate::{
    HEADER, clean_2024, clean_manifest, csv, logged_2024, put_year, sound_row, sound_row_about,
    transform,
};

fn case(path: &str) -> Vec<u8> {
    fs::read(fixtures().join("publication-cases").join(path)).unwrap()
}

/// Transforms `csv` as the file of `year`, which must be accepted.
fn clean(year: i16, csv: &[u8]) -> (TestLake, Value) {
    let lake = TestLake::default();
    let key = put_year(&lake, year, csv);
    transform(&lake, &key).finished();
    let manifest = clean_manifest(&lake);
    (lake, manifest)
}

fn clean_rows(year: i16, csv: &[u8]) -> Vec<Value> {
    let (lake, manifest) = clean(year, csv);
    rows(&lake, &manifest)
}

fn columns<'a>(rows: &'a [Value], names: &'a [&str]) -> Vec<Vec<&'a Value>> {
    let row = |row: &'a Value| names.iter().map(|name| &row[*name]).collect();
    rows.iter().map(row).collect()
}

/// Returns all output for a file as text: objects and their contents, and the log.
fn all_text(lake: &TestLake, manifest: &Value, logged: &str) -> String {
    let mut text = logged.to_owned();
    for key in lake
        .objects("")
        .into_keys()
        .filter(|key| !key.starts_with("raw/"))
    {
        text.push_str(&key);
        text.push_str(&String::from_utf8_lossy(
            &fs::read(lake.path().join(&key)).unwrap(),
        ));
    }
    // Parquet compresses.
    for row in rows(lake, manifest)
        .iter()
        .chain(&quarantine(lake, manifest))
    {
        text.push_str(&row.to_string());
    }
    text
}

#[test]
fn case_01_a_section_with_a_comma() {
    let quoted = clean_rows(2010, &case("01-section-with-a-comma/SR2010.quoted.csv"));
    let names = ["division", "section", "repaired"];
    let transfer = [
        "Solid Waste Management Services",
        "Transfer, Disposal & Operations",
    ];
    assert!(columns(&quoted, &names).contains(&vec![
        &json!(transfer[0]),
        &json!(transfer[1]),
        &json!(false)
    ]));

    let (lake, manifest) = clean(2023, &case("01-section-with-a-comma/SR2023.csv"));
    assert_eq!(manifest["rows"]["kept"], 43);
    assert_eq!(manifest["rows"]["repaired"], 3);
    assert_eq!(manifest["drift"], json!([]));
    let unquoted = rows(&lake, &manifest);
    let repaired: BTreeSet<String> = unquoted
        .iter()
        .filter(|row| row["repaired"] == true)
        .map(|row| {
            format!(
                "{} | {}",
                row["division"].as_str().unwrap(),
                row["section"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        repaired.into_iter().collect::<Vec<_>>(),
        [
            "Parks, Forestry & Recreation | Forestry Operations",
            "Solid Waste Management Services | Transfer, Disposal & Operations"
        ]
    );
}

#[test]
fn commas_are_repaired_in_any_order_of_the_columns() {
    let (parks, transfer) = (
        "Parks, Forestry & Recreation",
        "Transfer, Disposal & Operations",
    );
    for (division, section, is_repaired) in [
        (parks, "Ops", true),
        ("Solid Waste Management Services", transfer, true),
        (parks, transfer, true),
        ("311", "Ops", false),
    ] {
        let values = [
            "2024-01-02 03:04:05.0000000",
            "New",
            "M4A",
            "",
            "",
            "Davenport (09)",
            "Tree",
            division,
            section,
        ];
        let names: Vec<&str> = HEADER.split(',').collect();
        for order in [
            [0, 1, 2, 3, 4, 5, 6, 7, 8],
            [8, 7, 6, 5, 4, 3, 2, 1, 0],
            [7, 0, 1, 2, 3, 4, 5, 6, 8],
            [8, 0, 1, 2, 7, 3, 4, 5, 6],
        ] {
            let line = |texts: &[&str]| {
                let texts = order.iter().map(|&column| texts[column]);
                texts.collect::<Vec<_>>().join(",")
            };
            let read = clean_rows(
                2024,
                format!("{}\r\n{}\r\n", line(&names), line(&values)).as_bytes(),
            );
            assert_eq!(
                columns(
                    &read,
                    &[
                        "division",
                        "section",
                        "repaired",
                        "ward_id",
                        "service_request_type"
                    ]
                ),
                [[
                    &json!(division),
                    &json!(section),
                    &json!(is_repaired),
                    &json!(9),
                    &json!("Tree")
                ]],
                "{order:?}"
            );
        }
    }
}

#[test]
fn case_03_padding_is_not_part_of_a_value() {
    let (lake, manifest) = clean(2021, &case("03-padded-with-spaces/SR2021.csv"));
    assert_eq!(manifest["rows"]["kept"], 64);
    assert_eq!(
        manifest["rows"]["quarantined_by_reason"],
        json!({"no_ward_and_no_fsa": 1})
    );
    assert_eq!(manifest["rows"]["repaired"], 1);
    assert_eq!(manifest["drift"], json!([]));
    let padded = rows(&lake, &manifest);
    assert_eq!(
        padded,
        clean_rows(2021, &case("03-padded-with-spaces/SR2021.tight.csv"))
    );
}

#[test]
fn no_break_spaces_are_padding_in_either_encoding() {
    let tight = case("03-padded-with-spaces/SR2021.tight.csv");
    let tight = String::from_utf8(tight).unwrap();
    let lines = tight
        .split_inclusive('\n')
        .filter(|line| !line.contains(", "));
    let tight: String = lines.collect();
    let padded = tight
        .replace(',', "\u{a0},\u{a0}")
        .replace("\r\n", "\u{a0}\r\n");
    let expected = clean_rows(2021, tight.as_bytes());
    assert_eq!(clean_rows(2021, padded.as_bytes()), expected);
    let (windows_1252, _, _) = encoding_rs::WINDOWS_1252.encode(&padded);
    assert_eq!(clean_rows(2021, &windows_1252), expected);
}

#[test]
fn case_07_a_dump_of_the_datastore() {
    let (lake, manifest) = clean(2026, &case("07-datastore-dump/SR2026.csv"));
    assert_eq!(manifest["rows"]["kept"], 40);
    assert_eq!(manifest["rows"]["repaired"], 0);
    assert_eq!(manifest["drift"], json!([]));
    let rows = rows(&lake, &manifest);
    let forestry = rows
        .iter()
        .filter(|row| row["division"] == "Environment, Climate & Forestry");
    assert!(forestry.count() > 0);
    let first = rows.iter().find(|row| row["source_row"] == 2).unwrap();
    assert_eq!(
        first["created_at"], 1_767_243_600_000_000_i64,
        "midnight in Toronto"
    );
}

#[test]
fn case_09_lines_in_two_encodings() {
    let (lake, manifest) = clean(2026, &case("09-mixed-encodings/SR2026.csv"));
    assert_eq!(manifest["rows"]["kept"], 30);
    assert_eq!(
        manifest["drift"],
        json!([{"kind": "mixed_encodings", "subject": "lines in Windows-1252 in a file in UTF-8", "rows": 1}])
    );
    let rows = rows(&lake, &manifest);
    assert!(
        rows.iter().all(|row| row["ward_id"].is_number()),
        "no ward is lost"
    );
    let montreal = rows.iter().find(|row| row["source_row"] == 18).unwrap();
    assert_eq!(montreal["intersection_street_1"], "Montréal Ave");
    assert_eq!(
        montreal["intersection_street_2"],
        "Rue de l\u{2019}Esplanade"
    );
}

#[test]
fn a_line_in_both_encodings_loses_no_ward() {
    let mut text = csv(&[]).into_bytes();
    text.extend_from_slice(
        b"2024-01-02 00:00:00.0000000,New,Intersection,Montr\xe9al Ave,B,Toronto-St. Paul\xe2\x80\x99s (12),Noise,311,Caf\xe9\r\n",
    );
    let (lake, manifest) = clean_2024(&text);
    let rows = rows(&lake, &manifest);
    assert_eq!(
        columns(&rows, &["ward_id", "intersection_street_1", "section"]),
        [[&json!(12), &json!("Montréal Ave"), &json!("Café")]]
    );
    assert_eq!(manifest["drift"][0]["kind"], "mixed_encodings");
}

#[test]
fn a_line_in_windows_1252_below_a_byte_order_mark_is_drift() {
    let row = sound_row(1).replace("M4A,,", "M4A,Montr\u{e9}al Ave,");
    let text: Vec<u8> = csv(&[&sound_row(0), &row])
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    for (mark, drift) in [
        ("", json!([])),
        (
            "\u{feff}",
            json!([{"kind": "mixed_encodings", "subject": "lines in Windows-1252 in a file in UTF-8", "rows": 1}]),
        ),
    ] {
        let (_, manifest) = clean(2024, &[mark.as_bytes(), &text].concat());
        assert_eq!(manifest["drift"], drift);
    }
}

/// A conversion that takes Windows-1252 for Latin-1 writes a curly apostrophe as a control character.
#[test]
fn characters_that_were_converted_as_latin_1_lose_no_ward() {
    let row = |ward: &str| sound_row(1).replace("Davenport (09)", ward);
    let converted = row("Toronto-St. Paul\u{92}s (12)");
    let text = csv(&[&row("Toronto-St. Paul\u{2019}s (12)"), &converted]);
    let (lake, manifest) = clean(2024, text.as_bytes());
    let expected = json!([json!(12), json!("Toronto-St. Paul's")]);
    for row in rows(&lake, &manifest) {
        assert_eq!(json!([row["ward_id"], row["ward_name"]]), expected);
    }
    assert_eq!(manifest["rows"]["duplicates"], 1, "{manifest}");
    assert_eq!(manifest["drift"][0]["kind"], "mixed_encodings");
    assert_eq!(manifest["drift"][0]["rows"], 1);
    // Windows-1252 has no character there.
    let (lake, manifest) = clean_2024(csv(&[&row("St. Paul\u{9d}s (12)")]).as_bytes());
    assert_eq!(
        quarantine(&lake, &manifest)[0]["reason"],
        "undecodable_text"
    );
}

#[test]
fn an_id_does_not_depend_on_the_encoding() {
    let text = csv(&[
        "2024-01-02 00:00:00.0000000,New,Intersection,Montréal Ave,B,Davenport (09),Café,311,Ops",
    ]);
    let windows: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    assert_eq!(
        clean_rows(2024, text.as_bytes()),
        clean_rows(2024, &windows)
    );
}

#[test]
fn case_13_a_nul_byte_in_a_field() {
    let (lake, manifest) = clean(2026, &case("13-nul-bytes/SR2026.in-a-field.csv"));
    assert_eq!(manifest["rows"]["kept"], 58);
    let refused = quarantine(&lake, &manifest);
    assert_eq!(
        columns(&refused, &["source_row", "reason", "detail"]),
        [
            [
                &json!(2),
                &json!("undecodable_text"),
                &json!("a NUL byte: the file is damaged at this line")
            ],
            [
                &json!(3),
                &json!("undecodable_text"),
                &json!("a run of 3 NUL bytes: the file is damaged at this line")
            ],
        ]
    );
    assert!(
        refused[0]["raw_line"]
            .as_str()
            .unwrap()
            .contains(",M5V\\u{0},,,")
    );
    assert!(
        refused[1]["raw_line"]
            .as_str()
            .unwrap()
            .ends_with(",Collections[3 NUL bytes]")
    );
}

#[test]
fn case_13_zeroes_at_the_end() {
    let (lake, manifest) = clean(2026, &case("13-nul-bytes/SR2026.zeroes-at-the-end.csv"));
    assert_eq!(manifest["rows"]["kept"], 60);
    assert_eq!(
        columns(
            &quarantine(&lake, &manifest),
            &["source_row", "reason", "detail", "raw_line"]
        ),
        [[
            &json!(62),
            &json!("undecodable_text"),
            &json!("a run of 4096 NUL bytes: the file is damaged at this line"),
            &json!("[4096 NUL bytes]")
        ]]
    );
}

#[test]
fn case_13_zeroes_in_the_middle() {
    let (lake, manifest) = clean(2026, &case("13-nul-bytes/SR2026.zeroes-in-the-middle.csv"));
    assert_eq!(manifest["rows"]["kept"], 59);
    let refused = quarantine(&lake, &manifest);
    assert_eq!(
        columns(&refused, &["reason", "detail"]),
        [[
            &json!("undecodable_text"),
            &json!("a run of 70000 NUL bytes: the file is damaged at this line")
        ]]
    );
    let line = refused[0]["raw_line"].as_str().unwrap();
    assert!(line.contains("Violat[70000 NUL bytes]ions,"), "{line}");
}

/// Lost blocks are megabytes long, sometimes more than the memory.
#[test]
fn a_run_of_nul_bytes_of_any_length_affects_only_its_line() {
    for (before, after) in [
        ("", ""),
        (
            "2024-01-02 00:00:00.0000000,New,M4A,,,Daven",
            "port (09),Noise,311,Ops",
        ),
        (
            "\"2024-01-02 00:00:00.0000000\",\"New",
            "\",\"M4A\",\"\",\"\",\"Davenport (09)\",\"Noise\",\"311\",\"Ops\"",
        ),
    ] {
        for (at, rows) in [(0, 30), (29, 30), (30, 30)] {
            let mut text = csv(&[]).into_bytes();
            for row in 0..=rows {
                if row == at {
                    text.extend_from_slice(before.as_bytes());
                    text.resize(text.len() + (3 << 20), 0);
                    text.extend_from_slice(after.as_bytes());
                } else {
                    text.extend_from_slice(sound_row(row).as_bytes());
                }
                if row < rows {
                    text.extend_from_slice(b"\r\n");
                }
            }
            let (lake, manifest) = clean(2024, &text);
            assert_eq!(manifest["rows"]["kept"], 30);
            assert_eq!(
                columns(
                    &quarantine(&lake, &manifest),
                    &["source_row", "detail", "raw_line"]
                ),
                [[
                    &json!(at + 2),
                    &json!("a run of 3145728 NUL bytes: the file is damaged at this line"),
                    &json!(format!("{before}[3145728 NUL bytes]{after}"))
                ]]
            );
        }
    }
}

#[test]
fn control_characters_are_refused_in_every_column_quoted_or_not() {
    for quote in ["", "\""] {
        for column in 0..9 {
            for control in ["\0", "\x01", "\x1e", "\x1f", "\x7f", "\u{9d}"] {
                let mut values: Vec<String> = sound_row(0).split(',').map(str::to_owned).collect();
                values[column].push_str(control);
                let values: Vec<String> = values
                    .iter()
                    .map(|value| format!("{quote}{value}{quote}"))
                    .collect();
                let (lake, manifest) =
                    clean_2024(csv(&[&values.join(","), &sound_row(1)]).as_bytes());
                let refused = quarantine(&lake, &manifest);
                assert_eq!(
                    columns(&refused, &["source_row", "reason"]),
                    [[&json!(2), &json!("undecodable_text")]],
                    "{control:?} in column {column}, quoted with {quote:?}"
                );
                assert_eq!(manifest["rows"]["kept"], 1);
            }
        }
    }
}

/// Of a postal code only the start is used, and of a date only the day if the time has its own column.
#[test]
fn control_characters_are_refused_in_the_unused_part_of_a_field() {
    let timed = HEADER.replacen("Date", "Date,Creation Time", 1);
    let sound = sound_row(0);
    let timed_row = sound.replacen(' ', " 00:00:00,", 1);
    for (header, row, part) in [
        (HEADER, &sound.replace("M4A", "M4A 1B2"), "1B2"),
        (timed.as_str(), &timed_row, "02 00:00:00"),
    ] {
        let damaged = row.replacen(part, &format!("{part}\0"), 1);
        let text = format!("{header}\r\n{row}\r\n{damaged}\r\n");
        let (lake, manifest) = clean_2024(text.as_bytes());
        let refused = quarantine(&lake, &manifest);
        assert_eq!(
            columns(&refused, &["source_row", "reason"]),
            [[&json!(3), &json!("undecodable_text")]],
            "{row}"
        );
    }
}

#[test]
fn case_18_a_division_that_is_relabelled() {
    let ids = |file: &str| {
        let mut rows = clean_rows(2024, &case(file));
        rows.sort_by_key(|row| row["source_row"].as_i64());
        rows
    };
    let first = ids("18-relabelled-division/SR2024.first.csv");
    let later = ids("18-relabelled-division/SR2024.republished.csv");
    let mut relabelled = 0;
    for (first, later) in first.iter().zip(&later) {
        let same_type = first["service_request_type"] == later["service_request_type"];
        assert_eq!(
            first["request_id"] == later["request_id"],
            same_type,
            "{first:#} {later:#}"
        );
        relabelled += u32::from(first["division"] != later["division"] && same_type);
    }
    assert_eq!((first.len(), relabelled), (80, 20));
}

#[test]
fn rows_that_differ_only_in_relabelled_columns_are_duplicates() {
    let row = |division: &str| {
        format!("2024-01-02 00:00:00.0000000,New,M4A,,,Davenport (09),Noise,{division},Ops")
    };
    let (lake, manifest) = clean_2024(csv(&[&row("311"), &row("Toronto Water")]).as_bytes());
    assert_eq!(manifest["rows"]["duplicates"], 1);
    let rows = rows(&lake, &manifest);
    assert_ne!(rows[0]["request_id"], rows[1]["request_id"]);
}

const PERSONAL: [&str; 5] = ["Case 0000", "Jordan", "Example", "416-555", "Example St"];

fn assert_not_personal(text: &str) {
    for value in PERSONAL {
        assert!(!text.contains(value), "{value} is in {text}");
    }
}

#[test]
fn case_19_values_outside_the_contract_are_not_in_the_output() {
    let lake = TestLake::default();
    let key = put_year(&lake, 2026, &case("19-personal-columns/SR2026.csv"));
    let outcome = transform(&lake, &key);
    outcome.finished();
    let manifest = clean_manifest(&lake);
    let all = all_text(&lake, &manifest, &outcome.to_string());
    assert_not_personal(&all.replace("Example Rd", ""));
    let names: Vec<&Value> = manifest["drift"]
        .as_array()
        .unwrap()
        .iter()
        .map(|drift| &drift["subject"])
        .collect();
    assert_eq!(
        names,
        [
            "Case Note",
            "Requester Name",
            "Requester Phone",
            "Requester Address"
        ]
    );
    assert_eq!(manifest["drift"][0]["rows"], 60);
}

#[test]
fn refused_rows_keep_only_the_columns_of_the_contract() {
    let personal = "Case 00001,Jordan Example,416-555-0000,1 Example St";
    let sound = |row: usize| format!("{},{personal}", sound_row(row));
    let bad_date = sound(1).replace("2024-01-02 00:00:01", "2024-02-30 00:00:01");
    let other_year = sound(2).replace("2024-01-02", "2023-01-02");
    let without_location = sound(3).replace("M4A,,,Davenport (09)", "Unknown,,,Unknown");
    let with_comma = sound(4).replace("Jordan Example", "Example, Jordan");
    let short = sound_row(5);
    let damaged = sound(6).replace("Jordan", "Jor\0dan");
    let damaged_type = sound(7).replace("Noise", "No\x01ise");
    let parks = sound(8).replace(
        "Municipal Licensing & Standards",
        "Parks, Forestry & Recreation",
    );
    let unterminated = sound(9).replace("Jordan Example", "\"Jordan Example");
    let lines = [
        &sound(0),
        &bad_date,
        &other_year,
        &without_location,
        &with_comma,
        &short,
        &damaged,
        &damaged_type,
        &parks,
        &unterminated,
    ];
    let text = lines.map(String::as_str).join("\r\n");
    let text = format!(
        "{HEADER},Case Note,Requester Name,Requester Phone,Requester Address\r\n{text}\r\n"
    );
    let (lake, manifest, outcome) = logged_2024(text.as_bytes());
    assert_not_personal(&all_text(&lake, &manifest, &outcome.to_string()));
    assert_eq!(manifest["rows"]["repaired"], 1);
    let refused = quarantine(&lake, &manifest);
    let withheld = "(withheld: the file has columns outside the contract, and this line's fields cannot be told apart)";
    let of_contract = |row: usize, date: &str| sound_row(row).replacen("2024-01-02", date, 1);
    assert_eq!(
        columns(&refused, &["source_row", "reason", "raw_line"]),
        [
            [
                &json!(3),
                &json!("invalid_created_at"),
                &json!(of_contract(1, "2024-02-30"))
            ],
            [
                &json!(4),
                &json!("created_in_other_year"),
                &json!(of_contract(2, "2023-01-02"))
            ],
            [
                &json!(5),
                &json!("no_ward_and_no_fsa"),
                &json!(sound_row(3).replace("M4A,,,Davenport (09)", "Unknown,,,Unknown"))
            ],
            [&json!(6), &json!("field_count"), &json!(withheld)],
            [&json!(7), &json!("field_count"), &json!(withheld)],
            [
                &json!(8),
                &json!("undecodable_text"),
                &json!(of_contract(6, "2024-01-02"))
            ],
            [
                &json!(9),
                &json!("undecodable_text"),
                &json!(sound_row(7).replace("Noise", "No\\u{1}ise"))
            ],
        ]
    );
}

/// Its ward or its division is often unknown.
#[test]
fn a_row_behind_an_unknown_column_needs_a_ward_or_a_division() {
    let header = HEADER.replace("Intersection Street 1", "Address,Intersection Street 1");
    let row = |second: usize, address: &str, end: &str| {
        format!("2024-01-02 00:00:0{second},New,M4A,{address},,,{end}")
    };
    let kept = [
        row(0, "SECRET", "Davenport (09),Noise,Toronto Water,Ops"),
        row(1, "SECRET", "Unknown,Noise,Toronto Water,Ops"),
        row(2, "SECRET", "Davenport (09),Noise,Unknown,Unknown"),
    ];
    let refused = [
        row(3, "SECRET", "Unknown,Noise,Unknown,Ops"),
        row(4, "SECRET", "Davenport (09),Noise,Housing,Ops"),
        // A field is missing as well.
        row(5, "SECRET, SECRET", "Unknown,Noise,Toronto Water"),
        row(6, "SECRET, SECRET", "Davenport (09),Unknown,Toronto Water"),
        row(7, "SECRET, Unknown", "Davenport (09),Noise,Toronto Water"),
    ];
    let lines = [kept.join("\r\n"), refused.join("\r\n")].join("\r\n");
    let (lake, manifest, outcome) = logged_2024(format!("{header}\r\n{lines}\r\n").as_bytes());
    let numbers = |rows: &[Value]| {
        let number = |row: &Value| row["source_row"].as_u64().unwrap();
        rows.iter().map(number).collect::<BTreeSet<_>>()
    };
    assert_eq!(numbers(&rows(&lake, &manifest)), [2, 3, 4].into());
    assert_eq!(
        numbers(&quarantine(&lake, &manifest)),
        [5, 6, 7, 8, 9].into()
    );
    let text = all_text(&lake, &manifest, &outcome.to_string());
    assert!(!text.contains("SECRET"), "{text}");
}

/// A comma in a column outside the contract shifts its value into the contract's columns if something else makes up for
/// the count.
#[test]
fn shifted_lines_are_refused_without_their_values() {
    let header = format!("Requester Name,{HEADER},Case Note");
    let rows = [
        format!("Jordan,{},note", sound_row(0)),
        format!("Example, Jordan,{},", sound_row(1)),
        format!("Example, Jordan,{}", sound_row(2)),
        format!("\"Example, Jordan\",{},note", sound_row(3)),
        format!(
            "Jordan,{},note",
            sound_row(4).replace("2024-01-02", "2024-01-32")
        ),
    ];
    let text = format!("{header}\r\n{}\r\n", rows.join("\r\n"));
    let (lake, manifest, outcome) = logged_2024(text.as_bytes());
    assert_not_personal(&all_text(&lake, &manifest, &outcome.to_string()));
    let withheld = "(withheld: the file has columns outside the contract, and this line's fields cannot be told apart)";
    assert_eq!(
        columns(
            &quarantine(&lake, &manifest),
            &["source_row", "reason", "raw_line"]
        ),
        [
            [&json!(3), &json!("field_count"), &json!(withheld)],
            [&json!(4), &json!("field_count"), &json!(withheld)],
            [
                &json!(6),
                &json!("invalid_created_at"),
                &json!(sound_row(4).replace("2024-01-02", "2024-01-32"))
            ],
        ]
    );
}

/// The rest of a value with a line feed begins where other lines have the date.
#[test]
fn the_rest_of_a_value_with_a_line_feed_is_not_shown() {
    for column in 0..=9 {
        let with = |row: &str, value: &str| {
            let mut fields: Vec<&str> = row.split(',').collect();
            fields.insert(column, value);
            fields.join(",")
        };
        for rest in ["Jordan", "416-555-0119"] {
            let rest = [rest; 10].join(",");
            let rows = (0..10).map(|commas| {
                let rest: Vec<&str> = rest.split(',').take(commas + 1).collect();
                with(&sound_row(1), &format!("\"Example\n{}\"", rest.join(",")))
            });
            let rows: Vec<String> = rows.collect();
            let text = format!("{}\n{}\n", with(HEADER, "Case Note"), rows.join("\n"));
            let (lake, manifest, outcome) = logged_2024(text.as_bytes());
            assert_not_personal(&all_text(&lake, &manifest, &outcome.to_string()));
        }
    }
}

/// The same for lines that lack a field as well, in layouts in which no column behind the unknown one shows its place, or
/// whose first field alone is quoted.
#[test]
fn shifted_lines_that_lack_a_field_are_refused_without_their_values() {
    let lines = [
        (
            "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
             Service Request Type,Division,Officer,Section",
            "2024-01-02 08:00:00,New,M5V,,,Davenport (09),Noise,Transportation Services,OFFICER,Roads",
            "2024-01-02 08:00:00,New,M5V,,,Davenport (09),Noise,Transportation Services,Example, Jordan",
        ),
        (
            "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
             Service Request Type,Division,Officer,Section",
            "2024-01-02 08:00:00,New,M5V,,,Davenport (09),Noise,Transportation Services,OFFICER,Roads",
            "2024-01-02 08:00:00,New,M5V,,,Davenport (09),Noise,Parks, Forestry & Recreation,Jordan",
        ),
        (
            "Creation Date,Status,First 3 Chars of Postal Code,Ward,Service Request Type,Division,Section,Officer,\
             Intersection Street 1,Intersection Street 2",
            "2024-01-02 08:00:00,New,M5V,Davenport (09),Noise,Transportation Services,Roads,OFFICER,Bay St,",
            "2024-01-02 08:00:00,New,M5V,Davenport (09),Noise,Transportation Services,Roads,Example, Jordan,",
        ),
        (
            "Creation Date,Officer,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
             Service Request Type,Division,Section",
            "2024-01-02 08:00:00,OFFICER,New,M5V,,,Davenport (09),Noise,Transportation Services,Roads",
            "\"2024-01-02 08:00:00\",Example, Jordan,New,M5V,,,Davenport (09),Noise,Transportation Services",
        ),
        (
            "Officer,Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
             Service Request Type,Division,Notes,Section",
            "OFFICER,2024-01-02 08:00:00,New,M5V,,,Davenport (09),Noise,Transportation Services,NOTE,Roads",
            "\"Example\", Jordan,2024-01-02 08:00:00,New,M5V,,,Davenport (09),Noise,Transportation Services,Roads",
        ),
    ];
    for (header, sound, shifted) in lines {
        let text = format!("{header}\r\n{sound}\r\n{shifted}\r\n");
        let (lake, manifest, outcome) = logged_2024(text.as_bytes());
        let text = all_text(&lake, &manifest, &outcome.to_string());
        for secret in ["Jordan", "Example", "OFFICER", "NOTE"] {
            assert!(!text.contains(secret), "{secret} of {shifted}");
        }
        assert_eq!(manifest["rows"]["kept"], 1, "{shifted}");
        assert_eq!(
            manifest["rows"]["quarantined_by_reason"]["field_count"], 1,
            "{shifted}"
        );
    }
}

/// The comma makes up for a missing field before the unknown column, and the columns behind it have their own values.
#[test]
fn text_behind_a_comma_is_not_a_value_beside_an_unknown_column() {
    let with = |row: &str, column: usize, missing: usize, values: &[&str]| {
        let mut fields: Vec<&str> = row.split(',').collect();
        fields.splice(column - missing..column, values.iter().copied());
        fields.join(",")
    };
    for column in 1..=9 {
        let header = with(HEADER, column, 0, &["Officer"]);
        let sound = with(&sound_row(0), column, 0, &["OFFICER"]);
        let shifted = with(&sound_row(1), column, 1, &["Example", " Jordan"]);
        let text = format!("{header}\r\n{sound}\r\n{shifted}\r\n");
        let (lake, manifest, outcome) = logged_2024(text.as_bytes());
        assert_eq!(manifest["rows"]["kept"], 1, "{shifted}");
        assert_not_personal(&all_text(&lake, &manifest, &outcome.to_string()));

        let padded = [header, sound].map(|line| line.replace(',', " , "));
        let (_, manifest) = clean(2024, padded.join("\r\n").as_bytes());
        assert_eq!(manifest["rows"]["kept"], 1, "{}", padded[1]);
    }
}

/// A spreadsheet fills a row up with an empty field if one of its cells is removed.
#[test]
fn a_refused_row_that_may_lack_a_field_is_not_shown_beside_an_unknown_column() {
    let without_area = sound_row(1).replacen("M4A,", "", 1);
    let without_section = sound_row(2).replacen(",Ops", "", 1);
    let of_other_year = without_section.replacen("2024", "2023", 1);
    for row in [without_area, of_other_year] {
        let unquoted = format!("{HEADER},Officer\r\n{row},Jordan Example,\r\n");
        for text in [quoted(&unquoted), unquoted] {
            let (lake, manifest, outcome) = logged_2024(text.as_bytes());
            assert_eq!(manifest["rows"]["quarantined"], 1, "{text}");
            assert_not_personal(&all_text(&lake, &manifest, &outcome.to_string()));
        }
    }
}

/// The last field may be empty because a comma in the section has moved the value of the unknown column.
#[test]
fn no_empty_field_is_dropped_behind_a_value_of_an_unknown_column() {
    let of = |tail: &str| {
        sound_row(1).replace(
            "Municipal Licensing & Standards,Ops",
            &format!("Transportation Services,{tail}"),
        )
    };
    let lines = [of("Roads, Rails,"), of("Roads,,"), of("Roads,note")];
    let text =
        csv(&lines.each_ref().map(String::as_str)).replacen("Section", "Section,Comments", 1);
    let (lake, manifest) = clean_2024(text.as_bytes());
    let kept: Vec<Value> = rows(&lake, &manifest);
    assert_eq!(kept.len(), 2, "{kept:#?}");
    assert!(kept.iter().all(|row| row["section"] == "Roads"));
    let refused = quarantine(&lake, &manifest);
    assert_eq!(refused[0]["reason"], "field_count");
    assert_eq!(refused[0]["source_row"], 2);
}

#[test]
fn lines_of_commas_are_blank() {
    let commas = ",".repeat(8);
    let text = csv(&[&commas, &sound_row(1), " , ,", &commas]);
    let (_, manifest) = clean(2024, text.as_bytes());
    assert_eq!(manifest["rows"]["blank_lines"], 3);
    assert_eq!(manifest["rows"]["quarantined"], 0);
}

#[test]
fn a_byte_order_mark_may_have_a_line_of_its_own() {
    let text = format!("\u{feff}\r\n{}", csv(&[&sound_row(1)]));
    let (_, manifest) = clean(2024, text.as_bytes());
    assert_eq!(manifest["rows"]["blank_lines"], 1);
    assert_eq!(manifest["rows"]["kept"], 1);
}

/// A postal code may identify a house.
#[test]
fn only_the_area_of_a_postal_code_is_used() {
    let with = |code: &str| sound_row(1).replace("M4A", code);
    let lines = ["M4A 1B2", "m4a-1b2", "M4A1B2", "L5B 3C1", "L5B3C2"].map(with);
    let text = csv(&lines.each_ref().map(String::as_str)).replacen(
        "First 3 Chars of Postal Code",
        "Postal Code",
        1,
    );
    let (lake, manifest) = clean(2024, text.as_bytes());
    let kept = rows(&lake, &manifest);
    assert_eq!(kept.iter().filter(|row| row["fsa"] == "M4A").count(), 3);
    let drift = manifest["drift"].as_array().unwrap();
    let areas: Vec<&Value> = drift
        .iter()
        .filter(|drift| drift["kind"] == "invalid_fsa")
        .collect();
    assert_eq!(areas.len(), 1, "{drift:?}");
    assert_eq!(
        (&areas[0]["subject"], &areas[0]["rows"]),
        (&json!("L5B"), &json!(2))
    );
}

/// A column without a name at the end takes no part of a value with a comma.
#[test]
fn commas_are_repaired_before_columns_without_a_name() {
    let ends = [
        "Solid Waste Management Services,Transfer, Disposal & Operations",
        "Parks, Forestry & Recreation,Forestry Operations",
        "Parks, Forestry & Recreation,Transfer, Disposal & Operations",
        "Transportation Services,Roads",
    ];
    for after in ["", ","] {
        let rows = ends
            .map(|end| format!("2024-01-02 08:00:00,New,M5V,,,Davenport (09),Noise,{end}{after}"));
        let text = format!("{HEADER},\r\n{}\r\n", rows.join("\r\n"));
        let rows = clean_rows(2024, text.as_bytes());
        let (parks, transfer) = (
            "Parks, Forestry & Recreation",
            "Transfer, Disposal & Operations",
        );
        let mut subjects = columns(&rows, &["source_row", "division", "section", "repaired"]);
        subjects.sort_by_key(|row| row[0].as_u64());
        assert_eq!(
            subjects,
            [
                [
                    &json!(2),
                    &json!("Solid Waste Management Services"),
                    &json!(transfer),
                    &json!(true)
                ],
                [
                    &json!(3),
                    &json!(parks),
                    &json!("Forestry Operations"),
                    &json!(true)
                ],
                [&json!(4), &json!(parks), &json!(transfer), &json!(true)],
                [
                    &json!(5),
                    &json!("Transportation Services"),
                    &json!("Roads"),
                    &json!(false)
                ],
            ]
        );
    }
}

/// Lines may leave out such a column, so that it may as well hold the rest of a value with a comma.
#[test]
fn text_behind_a_comma_is_not_the_value_of_a_column_without_a_name() {
    let lines = [
        sound_row_about(0, "Noise,Toronto Water,Pipes"),
        sound_row_about(1, "Noise,Toronto Water,Pipes, Valves"),
        sound_row_about(2, "Tent,Housing, Shelter & Support,Outreach"),
        sound_row_about(3, "Tent,Housing, Shelter & Support,"),
        sound_row_about(4, "Tent,Housing,Outreach,"),
        sound_row_about(5, "Tent,Housing,Outreach,note"),
        sound_row_about(6, "Noise,Toronto Water, Pipes, "),
    ];
    let text = csv(&lines.each_ref().map(String::as_str)).replacen("Section", "Section,", 1);
    let (lake, manifest) = clean_2024(text.as_bytes());
    let refused = quarantine(&lake, &manifest);
    let refused: Vec<&Value> = refused.iter().map(|row| &row["source_row"]).collect();
    assert_eq!(refused, [3, 4, 5]);
    assert_eq!(
        manifest["rows"]["quarantined_by_reason"],
        json!({"field_count": 3})
    );
    assert_eq!(manifest["rows"]["kept"], 4);
}

/// A known value in several columns, although no field is surplus, means that a field before it is missing.
#[test]
fn a_known_value_over_several_columns_lacks_a_field() {
    let lines = [
        (
            HEADER.to_owned(),
            "Solid Waste Management Services,Transfer, Disposal & Operations",
        ),
        (HEADER.to_owned(), "Noise,Transfer, Disposal & Operations"),
        (HEADER.to_owned(), "Parks, Forestry & Recreation,Roads"),
        (
            format!("{HEADER},Notes"),
            "Noise,Transportation Services,Transfer, Disposal & Operations",
        ),
    ];
    for (header, end) in lines {
        let text = format!("{header}\r\n2024-01-02 08:00:00,New,M5V,,,Davenport (09),{end}\r\n");
        let (_, manifest) = clean_2024(text.as_bytes());
        assert_eq!(
            manifest["rows"]["quarantined_by_reason"]["field_count"], 1,
            "{end}"
        );
    }
}

#[test]
fn a_file_without_a_header_shows_no_row() {
    let lake = TestLake::default();
    let key = put_year(
        &lake,
        2024,
        format!("{},Jordan Example\r\n", sound_row(0)).as_bytes(),
    );
    let outcome = transform(&lake, &key);
    outcome.failed(20);
    assert_not_personal(&outcome.to_string());
}

#[test]
fn empty_fields_after_the_last_column_are_dropped() {
    let transfer = sound_row(2).replace("Ops", "Transfer, Disposal & Operations");
    let plain = [sound_row(0), sound_row(1), transfer];
    let file = |header: &str, ends: [&str; 3]| {
        let rows: Vec<String> = plain
            .iter()
            .zip(ends)
            .map(|(row, end)| format!("{row}{end}"))
            .collect();
        format!("{HEADER}{header}\r\n{}\r\n", rows.join("\r\n"))
    };
    let without = file("", ["", "", ""]);
    for (with, rows_with, without) in [
        (file("", [",,,", "", ", , "]), 2, without.clone()),
        (quoted(&file("", [",,,", "", ",,"])), 2, quoted(&without)),
        // Excel pads the header and every row.
        (file(",,,", [",,,", ",,,", ", , ,"]), 3, without),
    ] {
        let (lake, manifest) = clean_2024(with.as_bytes());
        assert_eq!(
            manifest["drift"],
            json!([{"kind": "surplus_empty_fields", "subject": "after the last column", "rows": rows_with}])
        );
        assert_eq!(rows(&lake, &manifest), clean_rows(2024, without.as_bytes()));
    }
}

/// Without quotes, nobody knows whether the first comma separates a division from a section, or is part of one of them.
#[test]
fn an_empty_field_behind_an_unknown_division_is_dropped_only_if_commas_are_certain() {
    let housing = |end: &str| {
        let row = "2024-01-02 00:00:00,New,M4A,,,Davenport (09),Tent";
        format!("{HEADER}\r\n{row},Housing,{end}\r\n")
    };
    let kept = |text: &str| {
        let (_, manifest) = clean_2024(text.as_bytes());
        let reasons = manifest["rows"]["quarantined_by_reason"].clone();
        (manifest["rows"]["kept"].clone(), reasons)
    };
    let (read, refused) = ((json!(1), json!({})), (json!(0), json!({"field_count": 1})));
    assert_eq!(kept(&housing(" Shelter & Support")), read);
    assert_eq!(kept(&housing(" Shelter & Support,")), refused);
    assert_eq!(kept(&quoted(&housing("Shelter & Support,"))), read);
}

/// Then it is a column that the header lacks, also behind values that the contract does not know.
#[test]
fn empty_fields_in_which_every_line_ends_cost_no_row() {
    let ends = [
        "Tent,Housing Secretariat,Outreach",
        "Noise,Municipal Licensing & Standards,Ops",
        "Tree,Parks, Forestry & Recreation,Forestry Operations",
        "Bin,Solid Waste Management Services,Transfer, Disposal & Operations",
        "Tent,Housing Secretariat,",
        "Tree,Parks, Forestry & Recreation,",
    ];
    let file = |header: &str, order: [usize; 6], day: &str, after: &str| {
        let rows = order.map(|row| {
            let end = ends[row];
            format!("{day} 0{row}:00:00,New,M4A,,,Davenport (09),{end}{after}\r\n")
        });
        format!("{header}\r\n{}", rows.concat())
    };
    for order in [[0, 1, 2, 3, 4, 5], [1, 0, 3, 2, 5, 4]] {
        for (header, after, expected) in [
            ("", ",", ""),
            ("", ",, ,", ""),
            (",", ",,", ""),
            (",Case Note", ",note,", ",note"),
        ] {
            let named = format!("{HEADER}{header}");
            for day in ["2024-01-02", "13/01/2024"] {
                let (lake, manifest) = clean(2024, file(&named, order, day, after).as_bytes());
                let expected = file(named.trim_end_matches(','), order, day, expected);
                assert_eq!(
                    rows(&lake, &manifest),
                    clean_rows(2024, expected.as_bytes())
                );
                let drift = manifest["drift"].as_array().unwrap().iter();
                let mut kinds: Vec<Value> = drift
                    .filter(|drift| drift["kind"] != "extra_column")
                    .map(|drift| json!([drift["kind"], drift["rows"]]))
                    .collect();
                kinds.sort_by_key(Value::to_string);
                let expected = [
                    json!(["surplus_empty_fields", 6]),
                    json!(["unknown_division", 2]),
                ];
                assert_eq!(kinds, expected);
            }
        }
    }
}

/// Neither is a comma in an unknown value, nor an empty field that other lines do not have.
#[test]
fn a_comma_that_may_be_in_an_unknown_value_is_not_dropped() {
    let housing = [
        sound_row_about(1, "Tent,Housing, Shelter & Support,Outreach,"),
        sound_row_about(1, "Tent,Housing, Shelter & Support,,"),
        sound_row_about(1, "Noise,Toronto Water,Pipes, Valves,"),
    ];
    let with = sound_row(0) + ",";
    for housing in &housing {
        for lines in [[housing, &with], [&with, housing]] {
            let (lake, manifest) = clean_2024(csv(&lines.map(String::as_str)).as_bytes());
            assert_eq!(manifest["rows"]["kept"], 1, "{housing}");
            let refused = quarantine(&lake, &manifest);
            assert_eq!(refused[0]["reason"], "field_count", "{housing}");
        }
    }
    let (without, housing) = (
        sound_row(0),
        sound_row_about(1, "Tent,Housing, Shelter & Support,"),
    );
    for lines in [[&housing, &without, &with], [&with, &housing, &without]] {
        let (_, manifest) = clean_2024(csv(&lines.map(String::as_str)).as_bytes());
        assert_eq!(manifest["rows"]["kept"], 2);
    }
}

/// Returns `text` with each field in quotes. The fields contain no quotes, and only division and section contain
/// commas, each followed by a space.
fn quoted(text: &str) -> String {
    let quoted = text.lines().map(|line| {
        let line = line.replace(", ", "\u{0}");
        let line = format!("\"{}\"", line.replace(',', "\",\""));
        line.replace('\u{0}', ", ")
    });
    quoted.collect::<Vec<_>>().join("\r\n") + "\r\n"
}
