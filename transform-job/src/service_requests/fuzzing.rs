//! Any bytes as a line, and as each of its parts.

use jiff::tz::TimeZone;
use shared::contract::Contract;

use super::commas::Commas;
use super::csv_line::{CsvFields, push_csv};
use super::layout::Layout;
use super::location::{Fsa, WardReading, Wards};
use super::status::Status;
use super::subject::Subject;
use super::text;
use super::timestamp::Clock;

/// Years that the names of files may have.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2199;

/// Reads `line` with the parser of a line and of each of its columns. What one of them accepts, it reads the same again
/// from its own spelling.
pub fn line(line: &[u8]) {
    check_fields(line);
    check_text(line);
    for layout in Layout::ALL {
        check_time(line, layout);
    }
    check_place(line);
    check_status(line);
    check_subject(line);
}

fn check_fields(line: &[u8]) {
    let mut fields = CsvFields::default();
    if fields.split(line).is_err() {
        fields.split_unquoted(line);
    }
    let fields: Vec<&[u8]> = (0..fields.len()).map(|index| fields.get(index)).collect();
    let mut joined = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            joined.push(b',');
        }
        push_csv(&mut joined, field);
    }
    let mut again = CsvFields::default();
    again.split(&joined).expect("a line that was just joined");
    assert!((0..again.len()).map(|index| again.get(index)).eq(fields));
}

fn check_text(line: &[u8]) {
    const MAX_BYTES: usize = 40;
    let is_control = |c: char| c.is_control() && c != '\t';
    let readable = text::readable(line, MAX_BYTES);
    assert!(readable.len() <= MAX_BYTES + '…'.len_utf8(), "{readable}");
    assert!(!readable.contains(is_control), "{readable:?}");
    let decoded = text::decode(line);
    assert!(decoded.is_none_or(|text| !text.contains(is_control)));
}

/// Both ways to read a time agree, and it is in the file's year.
fn check_time(text: &[u8], layout: Layout) {
    let Some(time) = layout
        .parse(text)
        .filter(|time| YEARS.contains(&time.year()))
    else {
        return;
    };
    let rules = Contract::rules();
    let mut clock = Clock::new(rules.time_zone.clone(), time.year(), layout);
    let read = clock.read(text).expect("a time in this layout and year");
    let shown = TimeZone::UTC.to_timestamp(time).expect("a time in range");
    assert_eq!(read.micros, shown.as_microsecond());
    assert_eq!(i16::from(read.hour.month), i16::from(time.month()));
    let hours = (read.created_at() - read.micros) / 3_600_000_000;
    assert!((4..=5).contains(&hours), "{hours} hours behind UTC");
    assert_eq!(clock.read(text), Ok(read), "the hour that was remembered");
}

fn check_place(text: &[u8]) {
    let rules = Contract::rules();
    if let Ok(fsa) = Fsa::read(text, rules.postal_district)
        && fsa != Fsa::NONE
    {
        let area = Fsa::all(rules.postal_district).nth(usize::from(fsa.code()) - 1);
        assert_eq!(
            area.map(String::into_bytes),
            Some(text.to_ascii_uppercase())
        );
    }
    let wards = Wards::new(rules);
    if let Ok(WardReading::Plain(ward)) = wards.read(text) {
        match wards.read(ward.identity.as_bytes()) {
            Ok(WardReading::Plain(again)) => assert_eq!(again, ward),
            other => panic!("{} is {other:?}", ward.identity),
        }
    }
}

fn check_status(text: &[u8]) {
    let rules = Contract::rules();
    if let Ok(status) = Status::read(text, rules) {
        assert!(
            rules
                .statuses
                .iter()
                .any(|known| **known == *status.unified)
        );
        let again = Status::read(status.unified.as_bytes(), rules).expect("text");
        assert_eq!(again.unified, status.unified);
    }
}

fn check_subject(text: &[u8]) {
    let commas = Commas::new(Contract::rules());
    let Ok(subject) = Subject::read(text, &commas) else {
        return;
    };
    let parts = [
        Some(&subject.service_request_type),
        subject.division.as_ref(),
        subject.section.as_ref(),
    ];
    let mut joined = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            joined.push(b',');
        }
        push_csv(&mut joined, part.map_or(b"", |text| text.as_bytes()));
    }
    let again = Subject::read(&joined, &commas);
    let again = again.unwrap_or_else(|refusal| panic!("{subject:?}: {refusal:?}"));
    assert_eq!(again.service_request_type, subject.service_request_type);
    assert_eq!(
        (&again.division, &again.section),
        (&subject.division, &subject.section)
    );
}
