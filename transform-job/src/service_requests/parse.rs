//! From lines to rows, months and refusals.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use shared::contract::Rules;
use shared::exit::Failure;
use shared::manifest::{Drift, DriftKind};
use shared::telemetry::Progress;
use xxhash_rust::xxh3::xxh3_128;

use super::commas::{Commas, Surplus};
use super::fields::{Fields, LineReader};
use super::header::{Header, HeaderError, Witness};
use super::horizon::Horizon;
use super::interner::Interner;
use super::layout::{Choice, Layout, LayoutError, Survey};
use super::lines::{Block, Blocks, LinesError, without_line_end};
use super::place::{Fsa, Ward, WardReading, Wards};
use super::quarantine::Quarantine;
use super::refusal::{MAX_SHOWN_BYTES, Reason, Refusal};
use super::row::{MonthRows, Row, RowClock, Street, StreetCode, Values};
use super::status::Status;
use super::subject::Subject;
use super::text::{self, BlockEncoding, Encodings, decode, readable, trim};
use super::timestamp::{Anomaly, Clock, TimeError, WallClock};

const DAY_MICROS: i64 = 86_400_000_000;

/// The detail of a line that a comma in a column outside the contract may have shifted.
const SHIFTED: &str = "no value is recognised behind a column outside the contract: a comma in it may have shifted the fields";

/// The most text that is held of a file at once: its different values, and its refused rows. Sound years have a tenth.
const MAX_TEXT_BYTES: usize = 128 << 20;

/// Lines between two looks at how much text is held.
const LINES_PER_CHECK: u32 = 256;

/// Why a file gives no clean partition.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParseError {
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("the file has more than {most} lines")]
    TooManyLines { most: u32 },
    #[error(
        "the file has more than 65536 different values of {column}: the columns are not what the header says"
    )]
    TooManyValues { column: &'static str },
    #[error("{0}")]
    TooManyRefused(String),
    #[error(
        "the file has more than {} MiB of different values, or of refused rows: the columns are not what the header says, or \
         the file is not one of this contract. {summary}",
        MAX_TEXT_BYTES >> 20
    )]
    TooMuchText { summary: String },
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A time that the layout does not fit, and another does.
    #[error("line {line} is in another layout than the file")]
    OtherLayout { line: u64 },
    /// A row of a month that was given out already: the file is not in the order of time.
    #[error("line {line} is of a month that was finished")]
    Disorder { line: u64 },
    #[error("cannot write a month")]
    Month(Failure),
}

/// What a file is read with.
pub(super) struct Reading<'a> {
    pub(super) year: i16,
    pub(super) rules: &'a Rules,
    pub(super) commas: &'a Commas<'a>,
    /// How the times are written.
    pub(super) layout: Layout,
    /// After which no request can have been created.
    pub(super) horizon: Option<&'a Horizon>,
    /// Refused rows that the file may have before it is refused as a whole.
    pub(super) max_refused: u64,
    /// Whether months are given out as soon as the file seems done with them, so that they leave memory.
    pub(super) give_out_finished_months: bool,
    pub(super) progress: &'a Progress,
}

/// What became of a file, but for the rows of its months.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Line feeds, and one more if the last line has none.
    pub(super) lines: u64,
    /// Lines of spaces, or of nothing.
    pub(super) blank: u64,
    /// Lines but for the header and blank ones.
    pub(super) rows: u64,
    pub(super) kept: u64,
    pub(super) repaired: u64,
    pub(super) in_fold: u64,
    pub(super) in_gap: u64,
    pub(super) quarantine: Quarantine,
    pub(super) drift: Vec<Drift>,
}

/// Reads a file whole; gives each month to `give_out`, in order of completion.
pub(super) fn parse(
    source: impl Read,
    reading: &Reading,
    give_out: &mut dyn FnMut(MonthRows) -> Result<(), Failure>,
) -> Result<Parsed, ParseError> {
    let mut parser: Option<Parser> = None;
    let lines = each_line(source, reading, &mut |number, line, traits| {
        match &mut parser {
            None => parser = Some(Parser::new(reading, line)?),
            Some(parser) => parser.line(number, line, traits, give_out)?,
        }
        Ok(())
    })?;
    match parser {
        None => Err(HeaderError::Empty.into()),
        Some(parser) => parser.finish(lines, give_out),
    }
}

/// Reads the times of a file, and nothing else, to choose its layout.
pub(super) fn survey(source: impl Read, reading: &Reading) -> Result<Choice, ParseError> {
    let mut survey = Survey::new(toronto(), reading.year, reading.horizon);
    let mut lines: Option<LineReader> = None;
    each_line(source, reading, &mut |number, line, traits| {
        match &mut lines {
            None => {
                let header = Header::read(line, reading.rules)?;
                lines = Some(LineReader::new(header, reading.commas));
            }
            Some(lines) => {
                if let Ok(fields) = lines.read(line, traits.has_quotes) {
                    survey.see(number, fields.creation_date);
                }
            }
        }
        Ok(())
    })?;
    Ok(survey.choose()?)
}

fn toronto() -> TimeZone {
    TimeZone::get("America/Toronto").expect("the time zones are in the binary")
}

/// Calls `see` with each line, the header first, and its number. Returns the number of lines.
fn each_line(
    source: impl Read,
    reading: &Reading,
    see: &mut impl FnMut(u64, &[u8], Traits) -> Result<(), ParseError>,
) -> Result<u64, ParseError> {
    let max_line_bytes = reading.rules.max_line_bytes;
    let mut blocks = Blocks::new(source, max_line_bytes);
    let mut lines = 0;
    while let Some(Block {
        lines: block,
        mut cut_nul_run,
    }) = blocks.next(lines)?
    {
        let has_quotes = memchr::memchr(b'"', block).is_some();
        let encoding = BlockEncoding::of(block);
        let mut start = 0;
        while start < block.len() {
            let end =
                memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |at| start + at + 1);
            let line = without_line_end(&block[start..end]);
            start = end;
            lines += 1;
            if line.len() > max_line_bytes {
                check_length(lines, line, max_line_bytes, cut_nul_run)?;
            }
            let traits = Traits {
                has_quotes,
                encoding,
                cut_nul_run,
            };
            cut_nul_run = 0;
            see(lines, line, traits)?;
        }
        reading.progress.advance(block.len() as u64);
    }
    Ok(lines)
}

/// Refuses a line for its length; NUL bytes, which are damage, do not count.
fn check_length(
    line: u64,
    text: &[u8],
    max_bytes: usize,
    cut_nul_run: u64,
) -> Result<(), LinesError> {
    let nul_bytes = memchr::memchr_iter(0, text).count();
    if text.len() - nul_bytes <= max_bytes {
        return Ok(());
    }
    let longest_run = cut_nul_run.max(text::longest_nul_run(text));
    Err(LinesError::too_long(line, max_bytes, longest_run))
}

/// What is known of a line before it is read.
#[derive(Debug, Clone, Copy)]
struct Traits {
    /// Whether its block has quotes.
    has_quotes: bool,
    /// The encoding of its block.
    encoding: BlockEncoding,
    /// See [`Block::cut_nul_run`].
    cut_nul_run: u64,
}

struct Parser<'a> {
    reading: &'a Reading<'a>,
    lines: LineReader<'a>,
    /// See [`Header::witnesses`].
    witnesses: Option<Vec<Witness>>,
    encodings: Encodings,
    rows: RowReader<'a>,
    blank_count: u64,
    row_count: u64,
    quarantine: Quarantine,
    months: Months,
}

impl<'a> Parser<'a> {
    fn new(reading: &'a Reading<'a>, header: &[u8]) -> Result<Self, ParseError> {
        let header = Header::read(header, reading.rules)?;
        Ok(Self {
            reading,
            witnesses: header.witnesses.clone(),
            lines: LineReader::new(header, reading.commas),
            encodings: Encodings::default(),
            rows: RowReader::new(reading),
            blank_count: 0,
            row_count: 0,
            quarantine: Quarantine::default(),
            months: Months::new(reading.give_out_finished_months),
        })
    }

    fn line(
        &mut self,
        number: u64,
        line: &[u8],
        traits: Traits,
        give_out: &mut dyn FnMut(MonthRows) -> Result<(), Failure>,
    ) -> Result<(), ParseError> {
        if line.trim_ascii().is_empty() {
            self.blank_count += 1;
            return Ok(());
        }
        self.row_count += 1;
        self.encodings.see(line, traits.encoding);
        // `source_row` is a signed number of 32 bits.
        let most = i32::MAX.unsigned_abs();
        let number = u32::try_from(number)
            .ok()
            .filter(|number| *number <= most)
            .ok_or(ParseError::TooManyLines { most })?;
        if number % LINES_PER_CHECK == 0 {
            let text_bytes = self.rows.text_bytes().max(self.quarantine.text_bytes());
            if text_bytes > MAX_TEXT_BYTES {
                let summary = self.quarantine.summary(self.row_count);
                return Err(ParseError::TooMuchText { summary });
            }
        }
        match self.read(number, line, traits.has_quotes) {
            Ok((month, row)) => {
                if self.months.add(month, row)? {
                    self.months.give_out_finished(&self.rows, give_out)?;
                }
            }
            Err(NoRow::Fatal(error)) => return Err(error),
            Err(NoRow::Refused(refusal)) => {
                self.set_aside(number, line, traits.cut_nul_run, refusal);
                if self.quarantine.len() > self.reading.max_refused {
                    let summary = self.quarantine.summary(self.row_count);
                    return Err(ParseError::TooManyRefused(summary));
                }
            }
        }
        Ok(())
    }

    fn read(
        &mut self,
        number: u32,
        line: &[u8],
        may_have_quotes: bool,
    ) -> Result<(u8, Row), NoRow> {
        let fields = self.lines.read(line, may_have_quotes)?;
        if let Some(witnesses) = &self.witnesses
            && !witnesses.is_empty()
            && !self.rows.recognises(&fields, witnesses)
        {
            return Err(Reason::FieldCount.with(SHIFTED).into());
        }
        self.rows.read(number, &fields)
    }

    fn set_aside(&mut self, number: u32, line: &[u8], cut_nul_run: u64, mut refusal: Refusal) {
        let are_fields_certain = !self.lines.has_unknown_columns()
            || self.lines.read_again(line).is_ok_and(|fields| {
                let witnesses = self.witnesses.as_deref();
                witnesses.is_none_or(|witnesses| self.rows.recognises(&fields, witnesses))
            });
        if !are_fields_certain && refusal.reason != Reason::FieldCount {
            refusal.detail = None;
        }
        if let Some(defect) = text::defect(line, cut_nul_run) {
            refusal = Reason::UndecodableText.with(defect);
        }
        let most_bytes = self.reading.rules.max_line_bytes;
        let mut record = self.lines.record(line, are_fields_certain, most_bytes);
        if cut_nul_run > 0 && memchr::memchr_iter(0, line).count() == 1 {
            // One byte stands for the run.
            record = record.replacen("\\u{0}", &text::nul_run(cut_nul_run), 1);
        }
        self.quarantine.add(number, refusal, record);
    }

    fn finish(
        mut self,
        lines: u64,
        give_out: &mut dyn FnMut(MonthRows) -> Result<(), Failure>,
    ) -> Result<Parsed, ParseError> {
        self.months.give_out_all(&self.rows, give_out)?;
        let (mut drift, rows_with_empty_fields) = self.lines.into_drift();
        let rows_with_empty_fields = rows_with_empty_fields + self.rows.with_empty_fields;
        if rows_with_empty_fields > 0 {
            drift.push(Drift {
                kind: DriftKind::SurplusEmptyFields,
                subject: "after the last column".to_owned(),
                rows: rows_with_empty_fields,
            });
        }
        drift.extend(self.encodings.into_drift());
        drift.extend(self.rows.unknown.into_drift());
        Ok(Parsed {
            lines,
            blank: self.blank_count,
            rows: self.row_count,
            kept: self.rows.kept,
            repaired: self.rows.repaired,
            in_fold: self.rows.in_fold,
            in_gap: self.rows.in_gap,
            quarantine: self.quarantine,
            drift,
        })
    }
}

/// Why a line gives no row.
enum NoRow {
    Refused(Refusal),
    Fatal(ParseError),
}

impl From<Refusal> for NoRow {
    fn from(refusal: Refusal) -> Self {
        NoRow::Refused(refusal)
    }
}

impl From<Reason> for NoRow {
    fn from(reason: Reason) -> Self {
        NoRow::Refused(reason.into())
    }
}

/// A published ward's codes: one before a day, another from then on; mostly the same.
#[derive(Debug, Clone, Copy)]
struct WardCodes {
    before: u16,
    since: u16,
    /// The day's start, microseconds since 1970 on the wall clock.
    switch: i64,
    is_known: bool,
}

/// Makes rows of fields, resolving each distinct text once.
struct RowReader<'a> {
    commas: &'a Commas<'a>,
    rules: &'a Rules,
    clock: Clock,
    horizon: Option<&'a Horizon>,
    /// The latest moment that is not after the horizon.
    latest_micros: i64,
    ward_reader: Wards<'a>,
    statuses: Interner<Result<Status, Refusal>>,
    ward_texts: Interner<Result<WardCodes, Refusal>>,
    wards: Arc<Vec<Ward>>,
    ward_codes: HashMap<(Arc<str>, Option<i32>), u16>,
    subjects: Interner<Result<Subject, Refusal>>,
    streets: Interner<Street>,
    identity: Vec<u8>,
    unknown: UnknownValues,
    kept: u64,
    repaired: u64,
    with_empty_fields: u64,
    in_fold: u64,
    in_gap: u64,
}

impl<'a> RowReader<'a> {
    fn new(reading: &Reading<'a>) -> Self {
        Self {
            commas: reading.commas,
            rules: reading.rules,
            clock: Clock::new(toronto(), reading.year, reading.layout),
            horizon: reading.horizon,
            latest_micros: reading
                .horizon
                .map_or(i64::MAX, |horizon| horizon.latest_micros()),
            ward_reader: Wards::new(reading.rules),
            statuses: Interner::new(),
            ward_texts: Interner::new(),
            wards: Arc::new(Vec::new()),
            ward_codes: HashMap::new(),
            subjects: Interner::new(),
            streets: Interner::new(),
            identity: Vec::new(),
            unknown: UnknownValues::default(),
            kept: 0,
            repaired: 0,
            with_empty_fields: 0,
            in_fold: 0,
            in_gap: 0,
        }
    }

    fn read(&mut self, line: u32, fields: &Fields) -> Result<(u8, Row), NoRow> {
        let time = self.time(line, fields.creation_date)?;
        let subject_code = self
            .subjects
            .code(fields.subject, |text| Subject::read(text, self.commas));
        let ward_code = self.ward(fields.ward, time.micros)?;
        let subject = self
            .subjects
            .value(subject_code)
            .as_ref()
            .map_err(Clone::clone)?;

        let area = trim(fields.fsa);
        let fsa = Fsa::read(area);
        // What is an area, or the file's word for none, is ASCII.
        let area = match fsa {
            Ok(_) => Cow::Borrowed(area),
            Err(()) => match decode(area).ok_or(Reason::UndecodableText)? {
                Cow::Borrowed(_) => Cow::Borrowed(area),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
        };
        let ward = &self.wards[usize::from(ward_code.code)];
        if ward.id.is_none() && fsa.unwrap_or(Fsa::NONE) == Fsa::NONE {
            let detail = format!(
                "ward {:?}, area {:?}",
                ward.identity,
                readable(&area, MAX_SHOWN_BYTES)
            );
            return Err(Reason::NoWardAndNoFsa.with(detail).into());
        }

        let status_code = self
            .statuses
            .code(fields.status, |text| Ok(Status::read(text, self.rules)?));
        let status = self
            .statuses
            .value(status_code)
            .as_ref()
            .map_err(Clone::clone)?;

        let street_1 = street(&mut self.streets, fields.street_1)?;
        let street_2 = street(&mut self.streets, fields.street_2)?;

        let street_text = |code: StreetCode| match code.index() {
            Some(index) => self.streets.value(index).as_deref().unwrap_or_default(),
            None => "",
        };
        let identity = identity(
            &mut self.identity,
            time.micros,
            [
                &area,
                street_text(street_1).as_bytes(),
                street_text(street_2).as_bytes(),
                ward.identity.as_bytes(),
                subject.service_request_type.as_bytes(),
            ],
        );

        if fsa.is_err() {
            self.unknown
                .see(DriftKind::InvalidFsa, &readable(&area, MAX_SHOWN_BYTES));
        }
        if !ward_code.is_known {
            self.unknown.see(DriftKind::UnknownWard, &ward.identity);
        }
        if !subject.is_known {
            let division = subject.division.as_deref().unwrap_or_default();
            self.unknown.see(DriftKind::UnknownDivision, division);
        }
        if !status.is_known {
            self.unknown
                .see(DriftKind::UnknownStatus, &status.published);
        }
        let surplus = if fields.surplus == Surplus::NONE {
            subject.surplus
        } else {
            fields.surplus
        };
        self.kept += 1;
        self.repaired += u64::from(surplus.is_repaired());
        self.with_empty_fields += u64::from(surplus.empty > 0);
        match time.hour.anomaly {
            Anomaly::None => {}
            Anomaly::Fold => self.in_fold += 1,
            Anomaly::Gap => self.in_gap += 1,
        }
        let row = Row {
            identity,
            created_local: time.micros,
            line,
            subject: subject_code,
            street_1,
            street_2,
            status: code16(status_code, "Status")?,
            ward: ward_code.code,
            fsa: fsa.unwrap_or(Fsa::NONE),
            clock: RowClock::new(time.hour),
            is_repaired: surplus.is_repaired(),
        };
        Ok((time.hour.month, row))
    }

    /// Reads the time of a row.
    fn time(&mut self, line: u32, text: &[u8]) -> Result<WallClock, NoRow> {
        let shown = || readable(trim(text), MAX_SHOWN_BYTES);
        let time = self.clock.read(text).map_err(|error| match error {
            TimeError::Refused(reason) => NoRow::Refused(reason.with(shown())),
            TimeError::OtherLayout => NoRow::Fatal(ParseError::OtherLayout { line: line.into() }),
        })?;
        if time.created_at() > self.latest_micros {
            let horizon = self.horizon.map(Horizon::to_string).unwrap_or_default();
            let detail = format!("{}, in a file {horizon}", shown());
            return Err(Reason::CreatedAfterPublication.with(detail).into());
        }
        Ok(time)
    }

    /// Whether one of the witnesses has a value of its own column. `Unknown` may be that of any.
    fn recognises(&self, fields: &Fields, witnesses: &[Witness]) -> bool {
        witnesses.iter().any(|witness| match witness {
            Witness::CreationDate => Layout::any_fits(fields.creation_date),
            Witness::Status => Status::read(fields.status, self.rules)
                .is_ok_and(|status| status.is_known && &*status.unified != "Unknown"),
            Witness::Fsa => {
                let area = trim(fields.fsa);
                let is_word = area.eq_ignore_ascii_case(b"Intersection");
                is_word || Fsa::read(area).is_ok_and(|fsa| fsa != Fsa::NONE)
            }
            Witness::Ward => match self.ward_reader.read(fields.ward) {
                Ok(WardReading::Plain(ward)) => ward.id.is_some(),
                Ok(WardReading::ByDate { .. }) => true,
                Ok(WardReading::Unknown(_)) | Err(_) => false,
            },
            Witness::Division => {
                let subject = Subject::read(fields.subject, self.commas);
                subject.is_ok_and(|subject| {
                    let division = subject.division.filter(|division| &**division != "Unknown");
                    subject.is_known && division.is_some()
                })
            }
        })
    }

    fn ward(&mut self, text: &[u8], created_local: i64) -> Result<WardCode, NoRow> {
        let code = self.ward_texts.code(text, |text| {
            let reading = self.ward_reader.read(text)?;
            Ok(codes_of(reading, &mut self.wards, &mut self.ward_codes))
        });
        let codes = match self.ward_texts.value(code) {
            Ok(codes) => codes,
            Err(refusal) => return Err(refusal.clone().into()),
        };
        let code = if created_local < codes.switch {
            codes.before
        } else {
            codes.since
        };
        if code == u16::MAX {
            return Err(NoRow::Fatal(ParseError::TooManyValues { column: "Ward" }));
        }
        Ok(WardCode {
            code,
            is_known: codes.is_known,
        })
    }

    /// The bytes of the different values so far.
    fn text_bytes(&self) -> usize {
        self.statuses.key_bytes()
            + self.ward_texts.key_bytes()
            + self.subjects.key_bytes()
            + self.streets.key_bytes()
    }

    fn values(&self) -> Values {
        Values {
            statuses: self.statuses.values(),
            wards: Arc::clone(&self.wards),
            subjects: self.subjects.values(),
            streets: self.streets.values(),
        }
    }
}

/// The hash of what identifies a request: the wall clock, the place and the type, as they are in the clean row, but for the
/// area, whose published text says more. What a later publication corrects only in spelling, encoding or padding stays out,
/// and so do division and section, which the City relabels in old years.
fn identity(buffer: &mut Vec<u8>, micros: i64, texts: [&[u8]; 5]) -> u128 {
    buffer.clear();
    buffer.extend_from_slice(&micros.to_le_bytes());
    for text in texts {
        // Each behind its length, so that no two lists of texts are the same bytes.
        buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
        buffer.extend_from_slice(text);
    }
    xxh3_128(buffer)
}

struct WardCode {
    code: u16,
    is_known: bool,
}

/// The codes of a ward's readings in `wards`, which grows by new ones. `u16::MAX` is none.
fn codes_of(
    reading: WardReading,
    wards: &mut Arc<Vec<Ward>>,
    codes: &mut HashMap<(Arc<str>, Option<i32>), u16>,
) -> WardCodes {
    let mut code = |ward: Ward| {
        let next = u16::try_from(wards.len()).unwrap_or(u16::MAX);
        let code = codes
            .entry((Arc::clone(&ward.identity), ward.model))
            .or_insert(next);
        if *code == next && next < u16::MAX {
            Arc::make_mut(wards).push(ward);
        }
        *code
    };
    match reading {
        WardReading::Plain(ward) => {
            let code = code(ward);
            WardCodes {
                before: code,
                since: code,
                switch: i64::MIN,
                is_known: true,
            }
        }
        WardReading::ByDate {
            switch,
            before,
            since,
        } => WardCodes {
            before: code(before),
            since: code(since),
            switch: wall_clock_micros(switch),
            is_known: true,
        },
        WardReading::Unknown(ward) => {
            let code = code(ward);
            WardCodes {
                before: code,
                since: code,
                switch: i64::MIN,
                is_known: false,
            }
        }
    }
}

fn wall_clock_micros(date: Date) -> i64 {
    let start = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
    start.map_or(i64::MIN, Timestamp::as_microsecond)
}

fn code16(code: u32, column: &'static str) -> Result<u16, NoRow> {
    u16::try_from(code).map_err(|_| NoRow::Fatal(ParseError::TooManyValues { column }))
}

fn street(streets: &mut Interner<Street>, text: &[u8]) -> Result<StreetCode, NoRow> {
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

/// The rows of each month that is not given out yet.
struct Months {
    rows: BTreeMap<u8, Vec<Row>>,
    /// The latest month seen.
    latest: u8,
    /// The month up to which all are given out.
    given_out: u8,
    /// The wall-clock time from which the file is done with the months before the latest.
    done_at: i64,
    give_out_finished: bool,
}

impl Months {
    fn new(give_out_finished: bool) -> Self {
        Self {
            rows: BTreeMap::new(),
            latest: 0,
            given_out: 0,
            done_at: i64::MAX,
            give_out_finished,
        }
    }

    /// Adds a row; tells whether the months before the latest are finished now: a day into the new month, in a file that
    /// is in the order of time but for neighbours.
    fn add(&mut self, month: u8, row: Row) -> Result<bool, ParseError> {
        if month <= self.given_out {
            return Err(ParseError::Disorder {
                line: row.line.into(),
            });
        }
        if month > self.latest {
            if self.latest > 0 && self.give_out_finished {
                self.done_at = row.created_local + DAY_MICROS;
            }
            self.latest = month;
        }
        self.rows.entry(month).or_default().push(row);
        Ok(row.created_local >= self.done_at)
    }

    fn give_out_finished(
        &mut self,
        rows: &RowReader,
        give_out: &mut dyn FnMut(MonthRows) -> Result<(), Failure>,
    ) -> Result<(), ParseError> {
        self.done_at = i64::MAX;
        self.given_out = self.latest - 1;
        let unfinished = self.rows.split_off(&self.latest);
        let finished = std::mem::replace(&mut self.rows, unfinished);
        give_out_months(finished, rows, give_out)
    }

    fn give_out_all(
        &mut self,
        rows: &RowReader,
        give_out: &mut dyn FnMut(MonthRows) -> Result<(), Failure>,
    ) -> Result<(), ParseError> {
        give_out_months(std::mem::take(&mut self.rows), rows, give_out)
    }
}

fn give_out_months(
    months: BTreeMap<u8, Vec<Row>>,
    reader: &RowReader,
    give_out: &mut dyn FnMut(MonthRows) -> Result<(), Failure>,
) -> Result<(), ParseError> {
    for (month, rows) in months {
        let values = reader.values();
        give_out(MonthRows {
            month,
            rows,
            values,
        })
        .map_err(ParseError::Month)?;
    }
    Ok(())
}

/// Values that the contract does not know, counted. The first hundred of a kind are named, the rest are one entry.
#[derive(Debug, Default)]
struct UnknownValues {
    rows: BTreeMap<(DriftKind, String), u64>,
}

impl UnknownValues {
    const MAX_NAMED: usize = 100;

    fn see(&mut self, kind: DriftKind, value: &str) {
        let key = (kind, text::shortened(value.to_owned(), MAX_SHOWN_BYTES));
        if let Some(rows) = self.rows.get_mut(&key) {
            *rows += 1;
            return;
        }
        let named = self.rows.keys().filter(|(other, _)| *other == kind).count();
        let key = if named < Self::MAX_NAMED {
            key
        } else {
            (kind, "(other values)".to_owned())
        };
        *self.rows.entry(key).or_default() += 1;
    }

    fn into_drift(self) -> impl Iterator<Item = Drift> {
        self.rows.into_iter().map(|((kind, subject), rows)| Drift {
            kind,
            subject,
            rows,
        })
    }
}
