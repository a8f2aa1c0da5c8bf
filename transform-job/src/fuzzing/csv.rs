//! Any bytes as the CSV of a year.

use std::collections::{BTreeSet, HashSet};

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use shared::contract::Contract;
use shared::partition::Partition;

use super::parquet_rows::{Cells, rows_of};
use super::published::{Published, plain_text, squeezed, year_of};
use super::{RUNTIME, Raw, check_counts, check_refusal};
use crate::clean::Clean;
use crate::service_requests::{self, Horizon};

/// Transforms `csv` as the file of the first year that it mentions, with any ratio of refused rows.
///
/// - A file that is refused as a whole is refused for its content.
/// - Otherwise every line is the header, blank, or once in a clean file or in the quarantine.
/// - The Parquet files are readable, and are what the result states. Ids are unique, and rows sorted.
/// - In a file with the contract's columns, the text of a quarantined line is the line, and the cells of a kept line without
///   quotes rebuild it.
pub fn csv(csv: &[u8]) {
    let year = year_of(csv);
    let raw = Raw::new(Partition::Year(year), csv);
    let horizon = Horizon::of(&raw.manifest.source, None, None);
    let clean = service_requests::transform(&raw.lake, &raw.manifest, horizon, 1.0);
    match RUNTIME.block_on(clean) {
        Ok(clean) => check(&Published::read(csv), year, &clean),
        Err(failure) => check_refusal(&failure),
    }
}

fn check(published: &Published, year: i16, clean: &Clean) {
    check_counts(&clean.rows);
    assert_eq!(clean.rows.read, published.rows.len() as u64);
    assert_eq!(clean.rows.blank_lines, published.blank);

    let mut lines = BTreeSet::new();
    let mut ids = HashSet::new();
    let mut line_of = |row: &Cells| {
        let number = row.number("source_row").expect("a line");
        assert!(lines.insert(number), "line {number} occurs twice");
        assert_eq!(row.number("source_year"), Some(year.into()));
        number
    };
    for file in &clean.files {
        let rows = rows_of(file);
        let is_in_order = rows.is_sorted_by_key(|row| {
            let ward = row.number("ward_id");
            let kind = row.text("service_request_type").map(str::to_owned);
            (kind, ward.is_none(), ward, row.number("created_at"))
        });
        assert!(is_in_order, "{} is not sorted", file.name);
        for row in &rows {
            let number = line_of(row);
            let id = row.bytes("request_id").to_vec();
            assert!(ids.insert(id), "the id of line {number} is not unique");
            let local = wall_clock(row);
            let name = format!("{year}-{:02}.parquet", local.month());
            assert_eq!((local.year(), &name), (year, &file.name), "line {number}");
            let line = published.rows.get(&number).copied();
            let line = line.unwrap_or_else(|| panic!("line {number} is not a row"));
            if published.has_usual_columns
                && let Some(line) = plain_text(line)
                && !line.contains('"')
            {
                check_cells(row, line, local);
            }
        }
    }
    let quarantine = clean.quarantine.as_ref().expect("a quarantine");
    let max_bytes = Contract::rules().max_line_bytes;
    for row in &rows_of(quarantine) {
        let number = line_of(row);
        let line = published.rows[&number];
        if published.has_usual_columns
            && line.len() <= max_bytes
            && let Some(line) = plain_text(line)
        {
            assert_eq!(row.text("raw_line"), Some(line), "line {number}");
        }
    }
    assert!(lines.iter().eq(published.rows.keys()), "a line is missing");
}

/// Returns the wall-clock time of a clean row.
fn wall_clock(row: &Cells) -> DateTime {
    let utc = row
        .number("created_at")
        .and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let offset = row.number("utc_offset_hours").expect("an offset");
    assert!([-4, -5].contains(&offset), "{offset}");
    let local = utc.expect("a time") + SignedDuration::from_hours(offset);
    jiff::tz::TimeZone::UTC.to_datetime(local)
}

/// Checks the cells of a kept `line`, which has no quotes.
fn check_cells(row: &Cells, line: &str, local: DateTime) {
    let fields: Vec<&str> = line.splitn(7, ',').collect();
    let [time, status, area, street_1, street_2, ward, subject] = fields[..] else {
        panic!("a row with too few fields was kept: {line}");
    };
    if let Some(published) = usual_time(time) {
        assert_eq!(published, local, "{line}");
    }
    assert_eq!(row.text("source_status"), Some(status.trim()), "{line}");
    let fsa = row.text("fsa").map(str::to_owned);
    assert!(
        fsa.is_none_or(|fsa| fsa == area.trim().to_uppercase()),
        "{line}"
    );
    for (column, published) in [
        ("intersection_street_1", street_1),
        ("intersection_street_2", street_2),
    ] {
        let published = Some(published.trim()).filter(|text| !text.is_empty());
        assert_eq!(row.text(column), published, "{line}");
    }
    check_ward(row, ward.trim());
    let kind = row
        .text("service_request_type")
        .expect("a type")
        .replace(',', "||");
    let parts = ["division", "section"].map(|column| row.text(column).unwrap_or_default());
    let rebuilt = squeezed(&format!("{kind},{}", parts.join(",")));
    let without_empty_fields = |text: &str| text.trim_end_matches(',').to_owned();
    let published = without_empty_fields(&squeezed(subject));
    assert_eq!(without_empty_fields(&rebuilt), published, "{line}");
    let commas = parts.concat().matches(',').count();
    assert_eq!(row.is_true("repaired"), commas > 0, "{line}");
}

/// Checks the ward in `text`: `Name (NN)`, the word for none, or a text that is kept.
fn check_ward(row: &Cells, text: &str) {
    let name = row.text("ward_name");
    match (row.number("ward_id"), text.rsplit_once('(')) {
        (Some(id), Some((published, number))) => {
            let number = number.trim_end_matches(')').trim();
            assert_eq!(number.parse(), Ok(id), "{text}");
            assert_eq!(name.map(squeezed), Some(squeezed(published)), "{text}");
        }
        (Some(_), None) => panic!("a ward without a number: {text}"),
        (None, _) => assert!(name.is_none_or(|name| name == text), "{text}"),
    }
}

/// Returns the time in the layout of most files: `2024-01-31 12:34:56.0000000`.
fn usual_time(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let is_usual = text.len() == 27 && text.ends_with(".0000000") && text.as_bytes()[10] == b' ';
    is_usual.then(|| text.parse().ok()).flatten()
}
