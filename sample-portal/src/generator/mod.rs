//! A year's CSV that comes out as its plan says, the same for the same seed.

mod deck;
mod moments;

use std::borrow::Cow;
use std::io::Write as _;

use fastrand::Rng;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use shared::contract::{Contract, WardModel};

use crate::published::kinds::{KINDS, Kind};
use crate::published::places::{FORWARD_SORTATION_AREAS, STREETS};
use crate::published::{Plan, division_name};
use deck::Deck;

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

/// The first day of the 25-ward model.
const NEW_WARDS: Date = jiff::civil::date(2018, 12, 1);

/// What kind of place a row is at.
const VOID: usize = 0;
const INTERSECTION: usize = 1;

/// Where a row is.
#[derive(Clone, PartialEq)]
struct Place {
    fsa: &'static str,
    streets: Option<(&'static str, &'static str)>,
    ward: String,
}

/// One row before it is written.
struct Row {
    /// Its place in the file; of a duplicate, that of the first.
    number: usize,
    moment: DateTime,
    status: &'static str,
    place: Place,
    kind: &'static Kind,
}

/// Which state of a year is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edition {
    /// Publication `k` holds the rows up to the end of month `k`, as of the first of the month after.
    pub(crate) publication: u32,
    /// Later corrections of the same rows.
    pub(crate) corrections: u32,
}

impl Edition {
    /// The date of the statuses.
    pub(crate) fn as_of(self, year: i16) -> Date {
        let months = i32::try_from(self.publication).unwrap_or(i32::MAX);
        jiff::civil::date(year, 1, 1).saturating_add(months.months())
    }
}

/// The CSV of `plan`. Each `correction` after the zeroth is a later publication of the same year: some open requests are
/// completed and some rows withdrawn.
pub(crate) fn csv(plan: &Plan, seed: u64, edition: Edition) -> Vec<u8> {
    let mut rng = Rng::with_seed(
        seed.wrapping_mul(10_000)
            .wrapping_add(plan.year.unsigned_abs().into()),
    );
    let moments = moments::of_year(plan.year, &plan.months, &mut rng);
    let rows = moments.len();
    let mut divisions = Deck::shuffled(&plan.divisions, &mut rng);
    let status_counts: Vec<u64> = plan.statuses.iter().map(|(_, rows)| *rows).collect();
    let mut statuses = Deck::shuffled(&status_counts, &mut rng);
    let at_addresses = plan.rows() - plan.void_rows() - plan.intersection_rows();
    let mut places = Deck::shuffled(
        &[plan.void_rows(), plan.intersection_rows(), at_addresses],
        &mut rng,
    );
    let mut decks = [&mut divisions, &mut statuses, &mut places];
    let same_month = |index: usize| moments[index].month() == moments[index - 1].month();
    let repeats = deck::repeat(&mut decks, plan.duplicates, same_month);

    let kinds = Kinds::new();
    let wards = Wards::new();
    let mut writer = CsvWriter::new(plan, rows);
    let mut at_this_second: Vec<Place> = Vec::new();
    let mut previous: Option<Row> = None;
    for index in 0..rows {
        if !repeats[index] || previous.is_none() {
            let moment = moments[index];
            if previous.as_ref().is_none_or(|row| row.moment != moment) {
                at_this_second.clear();
            }
            // Rows of one second are at different places, so that none is a duplicate by chance.
            let mut place = wards.place(places.at(index), moment, &mut rng);
            for _ in 0..100 {
                if !at_this_second.contains(&place) {
                    break;
                }
                place = wards.place(places.at(index), moment, &mut rng);
            }
            at_this_second.push(place.clone());
            previous = Some(Row {
                number: index,
                moment,
                status: plan.statuses[statuses.at(index)].0,
                place,
                kind: kinds.draw(divisions.at(index), &mut rng),
            });
        }
        if u32::from(moments[index].month().unsigned_abs()) > edition.publication {
            break;
        }
        if let Some(row) = &previous {
            writer.write(row, index, edition.corrections);
        }
    }
    writer.finish()
}

/// The kinds by division, each drawn by its weight.
struct Kinds {
    by_division: Vec<Vec<&'static Kind>>,
}

impl Kinds {
    fn new() -> Self {
        let of_division = |index| {
            let name = division_name(index);
            KINDS.iter().filter(|kind| kind.division == name).collect()
        };
        Self {
            by_division: (0..12).map(of_division).collect(),
        }
    }

    fn draw(&self, division: usize, rng: &mut Rng) -> &'static Kind {
        let kinds = &self.by_division[division];
        let weights: u32 = kinds.iter().map(|kind| kind.weight).sum();
        let mut left = rng.u32(..weights);
        for kind in kinds {
            if left < kind.weight {
                return kind;
            }
            left -= kind.weight;
        }
        unreachable!("the weights add up")
    }
}

/// The wards of both models, as the files write them.
struct Wards {
    models: [Vec<String>; 2],
}

impl Wards {
    fn new() -> Self {
        let written = |model: &WardModel| {
            let name = |ward: &shared::contract::Ward| format!("{} ({:02})", ward.name, ward.id);
            model.wards.iter().map(name).collect::<Vec<_>>()
        };
        let models = &Contract::rules().ward_models;
        Self {
            models: [written(&models[0]), written(&models[1])],
        }
    }

    fn place(&self, kind: usize, moment: DateTime, rng: &mut Rng) -> Place {
        let area = rng.usize(..FORWARD_SORTATION_AREAS.len());
        let model = &self.models[usize::from(moment.date() >= NEW_WARDS)];
        // An area lies in one ward or two neighbouring ones.
        let ward =
            (area * model.len() / FORWARD_SORTATION_AREAS.len() + rng.usize(..2)) % model.len();
        let mut place = Place {
            fsa: FORWARD_SORTATION_AREAS[area],
            streets: None,
            ward: model[ward].clone(),
        };
        match kind {
            VOID => {
                place.fsa = "Intersection";
                place.streets = Some(corner(rng));
                "Unknown".clone_into(&mut place.ward);
            }
            INTERSECTION => {
                place.fsa = "Intersection";
                place.streets = Some(corner(rng));
            }
            // A few rows at addresses lack the one or the other.
            _ => match rng.u32(..400) {
                0 => place.fsa = "Unknown",
                1 => "Unknown".clone_into(&mut place.ward),
                _ => {}
            },
        }
        place
    }
}

/// Two streets.
fn corner(rng: &mut Rng) -> (&'static str, &'static str) {
    let first = rng.usize(..STREETS.len());
    let second = (first + 1 + rng.usize(..STREETS.len() - 1)) % STREETS.len();
    (STREETS[first], STREETS[second])
}

struct CsvWriter<'a> {
    plan: &'a Plan,
    csv: Vec<u8>,
}

impl<'a> CsvWriter<'a> {
    fn new(plan: &'a Plan, rows: usize) -> Self {
        let mut writer = Self {
            plan,
            csv: Vec::with_capacity(rows * 160 + 200),
        };
        writer.fields(&HEADER.map(Cow::Borrowed));
        writer
    }

    fn write(&mut self, row: &Row, index: usize, correction: u32) {
        let correction = correction as usize;
        if index % 1_000 < correction {
            return;
        }
        let open = matches!(row.status, "New" | "In Progress" | "Initiated");
        let completed = open && row.number % 10 < correction;
        let status = if completed { "Completed" } else { row.status };
        let moment = row.moment;
        let created = if self.plan.format.twelve_hour_clock {
            moment.strftime("%Y-%m-%d %I:%M:%S %p").to_string()
        } else {
            format!(
                "{} {:02}:{:02}:{:02}.0000000",
                moment.date(),
                moment.hour(),
                moment.minute(),
                moment.second()
            )
        };
        let (street_1, street_2) = row.place.streets.unwrap_or_default();
        let ward = &row.place.ward;
        let ward = if row.number.is_multiple_of(2) && (2014..).contains(&self.plan.year) {
            Cow::Owned(ward.replace('\'', "\u{2019}"))
        } else {
            Cow::Borrowed(ward.as_str())
        };
        let kind = if self.plan.format.renamed_types {
            row.kind.renamed
        } else {
            row.kind.name
        };
        self.fields(&[
            created.into(),
            status.into(),
            row.place.fsa.into(),
            street_1.into(),
            street_2.into(),
            ward,
            kind.into(),
            row.kind.division.into(),
            row.kind.section.into(),
        ]);
    }

    fn fields(&mut self, fields: &[Cow<'_, str>; 9]) {
        for (index, field) in fields.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let quote = if self.plan.format.quoted { "\"" } else { "" };
            let field = if self.plan.format.windows_1252 {
                encoding_rs::WINDOWS_1252.encode(field).0
            } else {
                Cow::Borrowed(field.as_bytes())
            };
            // Writing to a Vec cannot fail.
            let _ = write!(self.csv, "{comma}{quote}");
            self.csv.extend_from_slice(&field);
            self.csv.extend_from_slice(quote.as_bytes());
        }
        self.csv.extend_from_slice(b"\r\n");
    }

    fn finish(self) -> Vec<u8> {
        self.csv
    }
}

#[cfg(test)]
mod tests;
