//! The files with which others test their readers of CSV: `tests/fixtures/csv-torture`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde::Deserialize;
use serde_json::Value;
use shared::key::Key;
use shared::testing::{TestLake, fixtures};

use crate::parquet::{quarantine, rows};
use crate::{HEADER, clean_2024, hand_over, job, put_year};

/// Free text, in the order of the file.
const COLUMNS: [&str; 6] = [
    "intersection_street_1",
    "intersection_street_2",
    "ward_name",
    "service_request_type",
    "division",
    "section",
];

/// A record of the City is one line: a quote that does not end must not take the lines behind it.
const ONE_LINE: &str = "its records extend over several lines";

const TYPE: &str = "a request has a type, which is the fourth of these fields";

/// Valid cases that are not read as their set expects in a quoted file, and why that is right.
const READ_OTHERWISE: &[(&str, &str)] = &[
    (
        "location_coordinates",
        "the set has another telephone number in its record",
    ),
    ("newlines", ONE_LINE),
    ("newlines_crlf", ONE_LINE),
    ("quotes_and_newlines", ONE_LINE),
    ("Quoted field with line break", ONE_LINE),
    ("Quoted fields with line breaks", ONE_LINE),
    (
        "Quoted fields at end of row with delimiter and line break",
        ONE_LINE,
    ),
    (
        "Quoted field with whitespace around quotes",
        "a padded file has spaces outside its quotes",
    ),
    (
        "Quoted field contains delimiters and \\n with valid trailing quote",
        ONE_LINE,
    ),
    ("Multiple consecutive empty fields", TYPE),
    ("Input is just empty fields", TYPE),
    (
        "One column input with empty fields",
        "the end of the last line is not the start of another",
    ),
];

/// A text, and the records that its set expects of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    input: String,
    records: Vec<Vec<String>>,
    /// Whether the set expects it to be read without an error.
    is_valid: bool,
}

fn cases() -> Vec<Case> {
    let sets = ["csv-spectrum.json", "papaparse.json"].map(|name| {
        let text = fs::read(fixtures().join("csv-torture").join(name)).unwrap();
        serde_json::from_slice::<Vec<Case>>(&text).unwrap()
    });
    sets.into_iter().flatten().collect()
}

/// None of the files is one of the City's: each is refused as a whole, with what is wrong with it.
#[test]
fn a_file_of_something_else_is_refused_with_its_problem() {
    let csvkit = fs::read_dir(fixtures().join("csv-torture/csvkit")).unwrap();
    let files: BTreeMap<String, Vec<u8>> = csvkit
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            (name.to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    // Each is the file of a year of its own, so that one process reads them all.
    let lake = TestLake::default();
    let years: BTreeMap<i16, &String> = (1900..).zip(files.keys()).collect();
    let manifests: Vec<Key> = years
        .iter()
        .map(|(year, name)| put_year(&lake, *year, &files[*name]))
        .collect();
    let all: Vec<&str> = manifests.iter().map(Key::as_str).collect();
    let outcome = job(&lake, &manifests[0])
        .env("MANIFESTS", all.join(","))
        .run();
    assert_eq!(outcome.exit, 20, "{outcome}");
    let refused = &hand_over(&lake)["refused"];
    let mut snapshot = String::new();
    for (year, name) in years {
        let refused = &refused[year.to_string()];
        assert_eq!(refused["exit"], 20, "{name}");
        let cause = refused["cause"].as_str().unwrap();
        let (_, problem) = cause.split_once(".csv: ").unwrap();
        writeln!(snapshot, "{name}: {problem}").unwrap();
    }
    insta::assert_snapshot!(snapshot);
}

/// Each line of each case takes the place of the first of a row's last six fields.
#[test]
fn a_line_is_read_as_its_set_expects() {
    let plain = outcomes(HEADER, str::to_owned);
    let quoted = outcomes(&quoted_line(HEADER), quoted_line);
    let mut snapshot = String::new();
    let mut read_otherwise = Vec::new();
    let cases = cases();
    for (case, (plain, quoted)) in cases.iter().zip(plain.iter().zip(&quoted)) {
        writeln!(snapshot, "{}", case.name).unwrap();
        for (line, (plain, quoted)) in case.input.lines().zip(plain.iter().zip(quoted)) {
            writeln!(snapshot, "  {line:?}").unwrap();
            writeln!(snapshot, "    in an unquoted file: {plain}").unwrap();
            if plain != quoted {
                writeln!(snapshot, "    in a quoted file:    {quoted}").unwrap();
            }
        }
        let expected: Vec<String> = case.records.iter().map(|record| shown(record)).collect();
        if case.is_valid && expected != *quoted {
            read_otherwise.push(case.name.as_str());
        }
    }
    let known: Vec<&str> = READ_OTHERWISE.iter().map(|(name, _)| *name).collect();
    assert_eq!(read_otherwise, known, "{snapshot}");
    insta::assert_snapshot!(snapshot);
}

fn shown(record: &[String]) -> String {
    let fields: Vec<&str> = record.iter().map(|field| field.trim()).collect();
    format!("{fields:?}")
}

fn quoted_line(text: &str) -> String {
    format!("\"{}\"", text.replace(',', "\",\""))
}

/// Returns what became a row's fields, or the reason of its quarantine, by case and line.
fn outcomes(header: &str, written: impl Fn(&str) -> String) -> Vec<Vec<String>> {
    let mut csv = header.to_owned();
    let mut widths = BTreeMap::new();
    let mut numbers = Vec::new();
    for case in cases() {
        let mut of_case = Vec::new();
        for (index, line) in case.input.lines().enumerate() {
            let number = 2 + widths.len();
            let expected = case.records.get(index).map(Vec::len);
            let width = expected.unwrap_or_else(|| line.split(',').count());
            let rest = [",rest"]
                .repeat(COLUMNS.len().saturating_sub(width))
                .concat();
            let start = written(&format!(
                "2024-01-02 00:{:02}:{:02},Completed,M4A",
                number / 60,
                number % 60
            ));
            write!(csv, "\n{start},{line}{rest}").unwrap();
            widths.insert(number, width);
            of_case.push(number);
        }
        numbers.push(of_case);
    }
    let (lake, manifest) = clean_2024(csv.as_bytes());
    let mut by_line = BTreeMap::new();
    for row in rows(&lake, &manifest) {
        let number = usize::try_from(row["source_row"].as_u64().unwrap()).unwrap();
        let text = |column: &&str| row[*column].as_str().unwrap_or_default().to_owned();
        let fields: Vec<String> = COLUMNS.iter().map(text).take(widths[&number]).collect();
        by_line.insert(number, format!("{fields:?}"));
    }
    for row in quarantine(&lake, &manifest) {
        let number = usize::try_from(row["source_row"].as_u64().unwrap()).unwrap();
        let detail = match &row["detail"] {
            Value::Null => String::new(),
            detail => format!(", {}", detail.as_str().unwrap()),
        };
        by_line.insert(
            number,
            format!("{}{detail}", row["reason"].as_str().unwrap()),
        );
    }
    let of_case = |numbers: Vec<usize>| {
        numbers
            .into_iter()
            .map(|number| by_line[&number].clone())
            .collect()
    };
    numbers.into_iter().map(of_case).collect()
}
