//! Writes rows.

use std::io::Write as _;

use super::Row;
use super::places::Places;
use crate::published::kinds::Kind;
use crate::published::{Encoding, Format, Header, Layout, Plan};

const HEADER: [&str; 9] = [
    "Creation Date",
    "Status",
    "First 3 Chars of Postal Code",
    "Intersection Street 1",
    "Intersection Street 2",
    "Ward",
    "Service Request Type",
    "Division",
    "Section",
];

/// The number of characters of each field but the last in the padded layout, without the space before it.
const WIDTHS: [usize; 8] = [27, 11, 28, 32, 35, 29, 62, 31];

pub(super) struct Writer<'a> {
    plan: &'a Plan,
    format: Format,
    /// The names and sections of the types in this year.
    types: Vec<[&'a [u8]; 2]>,
    csv: Vec<u8>,
    /// The fields of the line so far.
    fields: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(plan: &'a Plan, kinds: &[&'a Kind], rows: usize) -> Self {
        let types = kinds.iter().map(|kind| {
            let name = kind.name(plan.year).as_bytes();
            [name, kind.section(plan.year).as_bytes()]
        });
        let width = if plan.format.layout == Layout::Padded {
            300
        } else {
            160
        };
        let mut writer = Self {
            plan,
            format: plan.format,
            types: types.collect(),
            csv: Vec::with_capacity(rows * width + 300),
            fields: 0,
        };
        for name in HEADER {
            let name = match plan.format.header {
                Header::Spaces => name.to_owned(),
                Header::Underscores => name.replace(' ', "_"),
            };
            writer.field(name.as_bytes());
        }
        writer.end_line();
        writer
    }

    pub(super) fn write(&mut self, row: &Row, status: &str, places: &Places) {
        let moment = row.moment;
        self.start_field();
        // Writing to a Vec cannot fail.
        let _ = write!(
            self.csv,
            "{}-{:02}-{:02} {:02}:{:02}:{:02}.0000000",
            moment.year(),
            moment.month(),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second()
        );
        self.end_field(27);
        self.field(status.as_bytes());
        self.field(row.place.fsa.as_bytes());
        let streets = row.place.streets.unwrap_or_default();
        for street in streets {
            self.field(street.as_bytes());
        }
        let ward = row
            .place
            .ward
            .map(|ward| places.ward_names()[ward].as_str());
        self.ward(ward.unwrap_or("Unknown"), row.number);
        let [name, section] = self.types[row.kind];
        self.field(name);
        self.field(self.plan.divisions[row.division].0.name.as_bytes());
        self.field(section);
        self.end_line();
    }

    /// Writes a ward, whose apostrophe is curly in every other row of some years.
    fn ward(&mut self, ward: &str, number: usize) {
        let is_curly = self.format.curly_apostrophes && number.is_multiple_of(2);
        match ward.split_once('\'').filter(|_| is_curly) {
            Some((before, after)) => {
                let apostrophe: &[u8] = match self.format.encoding {
                    Encoding::Utf8 => "\u{2019}".as_bytes(),
                    Encoding::Windows1252 => b"\x92",
                };
                self.field(&[before.as_bytes(), apostrophe, after.as_bytes()].concat());
            }
            None => self.field(ward.as_bytes()),
        }
    }

    fn field(&mut self, text: &[u8]) {
        self.start_field();
        self.csv.extend_from_slice(text);
        self.end_field(text.len());
    }

    fn start_field(&mut self) {
        let separator: &[u8] = match self.format.layout {
            Layout::Quoted if self.fields == 0 => b"\"",
            Layout::Quoted => b",\"",
            Layout::Plain | Layout::Padded if self.fields == 0 => b"",
            Layout::Plain => b",",
            Layout::Padded => b", ",
        };
        self.csv.extend_from_slice(separator);
    }

    fn end_field(&mut self, length: usize) {
        match self.format.layout {
            Layout::Quoted => self.csv.push(b'"'),
            Layout::Plain => {}
            Layout::Padded => {
                let width = WIDTHS.get(self.fields).copied().unwrap_or(0);
                let spaces = width.saturating_sub(length);
                self.csv.resize(self.csv.len() + spaces, b' ');
            }
        }
        self.fields += 1;
    }

    fn end_line(&mut self) {
        self.csv.extend_from_slice(b"\r\n");
        self.fields = 0;
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.csv
    }
}
