//! Converts the fields of a line to a row.

use std::borrow::Cow;

use shared::contract::Rules;
use shared::manifest::DriftKind;
use xxhash_rust::xxh3::xxh3_128;

use super::commas::{Commas, Surplus};
use super::fields::Fields;
use super::header::{Between, Witness};
use super::interner::Interner;
use super::layout::Layout;
use super::location::{Fsa, area_of};
use super::reading::{ParseError, Reading, Rejected};
use super::refusal::{MAX_SHOWN_BYTES, Reason, Refusal};
use super::row::{Row, RowClock, Street, StreetCode, Values};
use super::status::Status;
use super::subject::Subject;
use super::text::{decode, readable, trim};
use super::timestamp::{Anomaly, Clock, TimeError, WallClock};
use super::unknown_values::UnknownValues;
use super::ward_codes::{WardCode, WardCodes};

/// Converts fields to rows and resolves each distinct text once.
pub(super) struct RowReader<'a> {
    commas: &'a Commas<'a>,
    rules: &'a Rules,
    clock: Clock,
    /// The latest moment that is not after the horizon.
    latest_micros: i64,
    statuses: Interner<Result<Status, Refusal>>,
    wards: WardCodes<'a>,
    subjects: Interner<Result<Subject, Refusal>>,
    streets: Interner<Street>,
    /// Reused for each row.
    identity: Vec<u8>,
    pub(super) unknown: UnknownValues,
    pub(super) counts: Counts,
}

/// The totals of a file's rows.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) kept: u64,
    pub(super) repaired: u64,
    pub(super) with_empty_fields: u64,
    pub(super) in_fold: u64,
    pub(super) in_gap: u64,
}

/// The values of a row. Values that rows share are stored as codes.
struct Resolved<'f> {
    time: WallClock,
    subject: u32,
    ward: WardCode,
    /// As published, decoded.
    area: Cow<'f, [u8]>,
    fsa: Result<Fsa, ()>,
    status: u32,
    street_1: StreetCode,
    street_2: StreetCode,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(reading: &Reading<'a>) -> Self {
        Self {
            commas: reading.commas,
            rules: reading.rules,
            clock: Clock::new(
                reading.rules.time_zone.clone(),
                reading.year,
                reading.layout,
            ),
            latest_micros: reading
                .horizon
                .map_or(i64::MAX, |horizon| horizon.latest_micros()),
            statuses: Interner::new(),
            wards: WardCodes::new(reading.rules),
            subjects: Interner::new(),
            streets: Interner::new(),
            identity: Vec::new(),
            unknown: UnknownValues::default(),
            counts: Counts::default(),
        }
    }

    /// Returns the month of a row, from 1, and the row.
    pub(super) fn read(&mut self, line: u32, fields: &Fields) -> Result<(u8, Row), Rejected> {
        let resolved = self.resolve(line, fields)?;
        let identity = self.identify(&resolved);
        let is_repaired = self.count(&resolved, fields.surplus);
        let row = Row {
            identity,
            created_local: resolved.time.micros,
            line,
            subject: resolved.subject,
            street_1: resolved.street_1,
            street_2: resolved.street_2,
            status: code16(resolved.status, "Status")?,
            ward: resolved.ward.code,
            fsa: resolved.fsa.unwrap_or(Fsa::NONE),
            clock: RowClock::new(resolved.time.hour),
            is_repaired,
        };
        Ok((resolved.time.hour.month, row))
    }

    /// Resolves every field, or refuses the row for the first invalid one.
    #[expect(
        clippy::inline_always,
        reason = "copying the result to memory and back took 4 % of the job's time"
    )]
    #[inline(always)]
    fn resolve<'f>(&mut self, line: u32, fields: &Fields<'f>) -> Result<Resolved<'f>, Rejected> {
        let time = self.time(line, fields.creation_date)?;
        let ward = self.wards.resolve(fields.ward, time.micros)?;
        let (subject, _) = self
            .subjects
            .resolve(fields.subject, |text| Subject::read(text, self.commas))?;
        let code = trim(fields.fsa);
        let area = area_of(code);
        if area.len() < code.len() && decode(code).is_none() {
            return Err(Reason::UndecodableText.into());
        }
        let district = self.rules.postal_district;
        // An area, or the file's word for none, is ASCII, unless it is padded with no-break spaces.
        let (area, fsa) = if let Ok(fsa) = Fsa::read(area, district) {
            (Cow::Borrowed(area), Ok(fsa))
        } else {
            let area = match decode(area).ok_or(Reason::UndecodableText)? {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim().as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.trim().as_bytes().to_vec()),
            };
            let fsa = Fsa::read(&area, district);
            (area, fsa)
        };
        self.refuse_without_location(ward, &area, fsa)?;
        let (status, _) = self
            .statuses
            .resolve(fields.status, |text| Ok(Status::read(text, self.rules)?))?;
        Ok(Resolved {
            time,
            subject,
            ward,
            area,
            fsa,
            status,
            street_1: street(&mut self.streets, fields.street_1)?,
            street_2: street(&mut self.streets, fields.street_2)?,
        })
    }

    /// Parses the time of a row.
    fn time(&mut self, line: u32, text: &[u8]) -> Result<WallClock, Rejected> {
        let shown = || readable(trim(text), MAX_SHOWN_BYTES);
        let time = self.clock.read(text).map_err(|error| match error {
            TimeError::Refused(reason) => Rejected::Row(reason.with(shown())),
            TimeError::OtherLayout => Rejected::File(ParseError::OtherLayout { line: line.into() }),
        })?;
        if time.created_at() > self.latest_micros {
            return Err(Reason::CreatedAfterPublication.with(shown()).into());
        }
        Ok(time)
    }

    fn refuse_without_location(
        &self,
        ward: WardCode,
        area: &[u8],
        fsa: Result<Fsa, ()>,
    ) -> Result<(), Refusal> {
        let ward = self.wards.ward(ward);
        if ward.id.is_some() || fsa.unwrap_or(Fsa::NONE) != Fsa::NONE {
            return Ok(());
        }
        Err(Reason::NoWardAndNoFsa.with(format!(
            "ward {:?}, area {:?}",
            ward.identity,
            readable(area, MAX_SHOWN_BYTES)
        )))
    }

    /// Returns the hash of what identifies a request: the wall-clock time, the location and the type, as in the clean
    /// row, except for the area, whose published text is more specific. Details that later publications correct, such
    /// as spelling, encoding and padding, are left out, as are division and section, which the City relabels in old
    /// years.
    fn identify(&mut self, resolved: &Resolved) -> u128 {
        let street = |code: StreetCode| match code.index() {
            Some(index) => self.streets.value(index).as_deref().unwrap_or_default(),
            None => "",
        };
        let subject = self.subjects.resolved(resolved.subject);
        let texts: [&[u8]; 5] = [
            &resolved.area,
            street(resolved.street_1).as_bytes(),
            street(resolved.street_2).as_bytes(),
            self.wards.ward(resolved.ward).identity.as_bytes(),
            subject.service_request_type.as_bytes(),
        ];
        let buffer = &mut self.identity;
        buffer.clear();
        buffer.extend_from_slice(&resolved.time.micros.to_le_bytes());
        for text in texts {
            // Each text is preceded by its length, so that different lists of texts never have the same bytes.
            buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
            buffer.extend_from_slice(text);
        }
        xxh3_128(buffer)
    }

    /// Counts a row and its values that are not in the contract. Returns whether a comma was repaired.
    fn count(&mut self, resolved: &Resolved, surplus: Surplus) -> bool {
        if resolved.fsa.is_err() {
            let area = readable(&resolved.area, MAX_SHOWN_BYTES);
            self.unknown.see(DriftKind::InvalidFsa, &area);
        }
        if !resolved.ward.is_known {
            let ward = &self.wards.ward(resolved.ward).identity;
            self.unknown.see(DriftKind::UnknownWard, ward);
        }
        let subject = self.subjects.resolved(resolved.subject);
        if !subject.is_known {
            let division = subject.division.as_deref().unwrap_or_default();
            self.unknown.see(DriftKind::UnknownDivision, division);
        }
        let status = self.statuses.resolved(resolved.status);
        if !status.is_known {
            self.unknown
                .see(DriftKind::UnknownStatus, &status.published);
        }
        let surplus = if surplus == Surplus::NONE {
            subject.surplus
        } else {
            surplus
        };
        let counts = &mut self.counts;
        counts.kept += 1;
        counts.repaired += u64::from(surplus.is_repaired());
        counts.with_empty_fields += u64::from(surplus.empty > 0);
        match resolved.time.hour.anomaly {
            Anomaly::None => {}
            Anomaly::Fold => counts.in_fold += 1,
            Anomaly::Gap => counts.in_gap += 1,
        }
        surplus.is_repaired()
    }

    /// Whether no comma in an unknown column has shifted `fields`: behind each, two of the witnesses have a value of
    /// their own column, or the only one has. One of several may be there by chance. `Unknown` may be that of any
    /// column; beside a known ward or division, which a comma would have to bring along, it is that of the other one.
    pub(super) fn recognises(&self, fields: &Fields) -> bool {
        fields.between.iter().all(|Between { witnesses, .. }| {
            let own = witnesses
                .iter()
                .filter(|&&witness| self.has_own(fields, witness));
            let own = own.take(2).count();
            own == witnesses.len().min(2)
                || own == 1
                    && witnesses[..] == [Witness::Division, Witness::Ward]
                    && self.lacks_ward_or_division(fields)
        })
    }

    /// Whether the status and the division are in the contract, so that no field before the division is missing.
    pub(super) fn has_known_labels(&self, fields: &Fields) -> bool {
        let mut labels = [Witness::Status, Witness::Division].into_iter();
        labels.all(|witness| self.has_own(fields, witness))
    }

    /// Whether the ward or the division is `Unknown`.
    fn lacks_ward_or_division(&self, fields: &Fields) -> bool {
        let is_unknown = |text: &[u8]| trim(text).eq_ignore_ascii_case(b"Unknown");
        is_unknown(fields.ward)
            || Subject::read(fields.subject, self.commas).is_ok_and(|subject| {
                let division = subject.division.as_deref().unwrap_or_default();
                is_unknown(division.as_bytes())
            })
    }

    /// Whether the column of `witness` has one of its own values.
    fn has_own(&self, fields: &Fields, witness: Witness) -> bool {
        match witness {
            Witness::CreationDate => Layout::any_fits(fields.creation_date),
            Witness::Status => Status::read(fields.status, self.rules)
                .is_ok_and(|status| status.is_known && &*status.unified != "Unknown"),
            Witness::Fsa => {
                let area = area_of(trim(fields.fsa));
                let is_word = area.eq_ignore_ascii_case(b"Intersection");
                let area = Fsa::read(area, self.rules.postal_district);
                is_word || area.is_ok_and(|fsa| fsa != Fsa::NONE)
            }
            Witness::Ward => self.wards.recognises(fields.ward),
            Witness::Division => {
                let subject = Subject::read(fields.subject, self.commas);
                subject.is_ok_and(|subject| {
                    let division = subject.division.filter(|division| &**division != "Unknown");
                    subject.is_known && division.is_some()
                })
            }
        }
    }

    /// Returns the memory of the distinct values so far, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        self.statuses.text_bytes()
            + self.wards.text_bytes()
            + self.subjects.text_bytes()
            + self.streets.text_bytes()
    }

    pub(super) fn values(&self) -> Values {
        Values {
            statuses: self.statuses.values(),
            wards: self.wards.wards(),
            subjects: self.subjects.values(),
            streets: self.streets.values(),
        }
    }
}

fn code16(code: u32, column: &'static str) -> Result<u16, Rejected> {
    let max = usize::from(u16::MAX) + 1;
    u16::try_from(code).map_err(|_| Rejected::File(ParseError::TooManyValues { column, max }))
}

fn street(streets: &mut Interner<Street>, text: &[u8]) -> Result<StreetCode, Rejected> {
    let text = trim(text);
    if text.is_empty() {
        return Ok(StreetCode::NONE);
    }
    let code = streets.code(text, |text| decode(text).map(|text| text.trim().into()));
    match streets.value(code).as_deref() {
        Some("") => Ok(StreetCode::NONE),
        Some(_) => Ok(StreetCode::some(code)),
        None => Err(Reason::UndecodableText.into()),
    }
}
