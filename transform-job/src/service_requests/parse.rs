//! Parses a year's CSV and hands each month's rows on as soon as the month is complete.

use std::io::Read;

use shared::limits::{MAX_ROWS, MAX_TEXT_BYTES};
use shared::manifest::{Drift, DriftKind};

use super::fields::{Fields, LineReader, shifted};
use super::header::{Header, HeaderError, without_byte_order_marks};
use super::layout::{Choice, Survey, looks_like_a_date};
use super::months::{Months, Sink};
use super::quarantine::Quarantine;
use super::reading::{ParseError, Parsed, Reading, Rejected};
use super::refusal::{Reason, Refusal};
use super::row::Row;
use super::row_reader::RowReader;
use super::scan::{Traits, each_line};
use super::text::{self, Encodings};

/// Rows between two checks of the memory of texts.
const ROWS_PER_CHECK: u64 = 256;

/// Parses a whole file and hands each month to `sink`, in order of completion.
pub(super) fn parse(
    source: impl Read,
    reading: &Reading,
    sink: Sink,
) -> Result<Parsed, ParseError> {
    let mut parser: Option<Parser> = None;
    let mut leading_blank_lines = 0;
    let lines = each_line(source, reading, &mut |number, line, traits| {
        match &mut parser {
            None if is_blank(without_byte_order_marks(line)) => leading_blank_lines += 1,
            None => parser = Some(Parser::new(reading, line, leading_blank_lines)?),
            Some(parser) => parser.line(number, line, traits, sink)?,
        }
        Ok(())
    })?;
    match parser {
        None => Err(HeaderError::Empty.into()),
        Some(parser) => parser.finish(lines, sink),
    }
}

/// Reads only the times of a file, to choose its layout.
pub(super) fn survey(source: impl Read, reading: &Reading) -> Result<Choice, ParseError> {
    let mut survey = Survey::new(
        reading.rules.time_zone.clone(),
        reading.year,
        reading.horizon,
    );
    let rows = RowReader::new(reading);
    each_row(source, reading, |lines, number, line, traits| {
        if let Ok(fields) = read_fields(lines, &rows, line, traits.has_quotes) {
            survey.see(number, fields.creation_date);
        }
    })?;
    Ok(survey.choose()?)
}

/// Returns the number of empty columns after the header's last one in which every line of a file ends, as far as its
/// division is known.
pub(super) fn empty_columns(source: impl Read, reading: &Reading) -> Result<usize, ParseError> {
    let mut least: Option<usize> = None;
    each_row(source, reading, |lines, _, line, _| {
        let counts = [least, lines.empty_columns(line)];
        least = counts.into_iter().flatten().min();
    })?;
    Ok(least.unwrap_or(0))
}

/// Calls `see` with the reader of the lines below the header, and with each of them that is not blank.
fn each_row<'a>(
    source: impl Read,
    reading: &Reading<'a>,
    mut see: impl FnMut(&mut LineReader<'a>, u64, &[u8], Traits),
) -> Result<(), ParseError> {
    let mut lines: Option<LineReader> = None;
    each_line(source, reading, &mut |number, line, traits| {
        match &mut lines {
            None if is_blank(without_byte_order_marks(line)) => {}
            None => lines = Some(below_header(line, reading)?),
            Some(lines) if !is_blank(line) => see(lines, number, line, traits),
            Some(_) => {}
        }
        Ok(())
    })?;
    Ok(())
}

/// Returns a reader of the lines below the header in `line`.
fn below_header<'a>(line: &[u8], reading: &Reading<'a>) -> Result<LineReader<'a>, HeaderError> {
    let header = Header::read(line, reading.rules)?;
    let header = header.widened(reading.empty_columns.unwrap_or(0));
    Ok(LineReader::new(header, reading.commas))
}

/// Reads the fields of `line`, unless a comma in a column outside the contract may have shifted them.
fn read_fields<'s>(
    lines: &'s mut LineReader,
    rows: &RowReader,
    line: &'s [u8],
    may_have_quotes: bool,
) -> Result<Fields<'s>, Refusal> {
    let fields = lines.read(line, may_have_quotes)?;
    if rows.recognises(&fields) {
        Ok(fields)
    } else {
        Err(shifted())
    }
}

/// Whether `line` has no value: it is empty, or of spaces and commas alone, as spreadsheets export empty rows.
fn is_blank(line: &[u8]) -> bool {
    line.iter()
        .all(|byte| *byte == b',' || byte.is_ascii_whitespace())
}

struct Parser<'a> {
    reading: &'a Reading<'a>,
    lines: LineReader<'a>,
    encodings: Encodings,
    rows: RowReader<'a>,
    blank_count: u64,
    row_count: u64,
    quarantine: Quarantine,
    months: Months,
}

impl<'a> Parser<'a> {
    fn new(
        reading: &'a Reading<'a>,
        header: &[u8],
        leading_blank_lines: u64,
    ) -> Result<Self, ParseError> {
        let mut encodings = Encodings::default();
        if !header.is_ascii() {
            // A byte order mark is UTF-8.
            encodings.see(header);
        }
        Ok(Self {
            reading,
            lines: below_header(header, reading)?,
            encodings,
            rows: RowReader::new(reading),
            blank_count: leading_blank_lines,
            row_count: 0,
            quarantine: Quarantine::default(),
            months: Months::new(reading.hand_on_early, MAX_ROWS),
        })
    }

    fn line(
        &mut self,
        number: u64,
        line: &[u8],
        traits: Traits,
        sink: Sink,
    ) -> Result<(), ParseError> {
        if is_blank(line) {
            self.blank_count += 1;
            return Ok(());
        }
        self.row_count += 1;
        if !traits.is_ascii {
            self.encodings.see(line);
        }
        // `source_row` is a signed 32-bit number.
        let max = i32::MAX.unsigned_abs();
        let number = u32::try_from(number)
            .ok()
            .filter(|number| *number <= max)
            .ok_or_else(|| ParseError::TooManyLines { max })?;
        if self.row_count.is_multiple_of(ROWS_PER_CHECK) {
            let text_bytes = self.rows.text_bytes().max(self.quarantine.text_bytes());
            if text_bytes > MAX_TEXT_BYTES {
                let summary = self.quarantine.summary(self.row_count);
                return Err(ParseError::TooMuchText {
                    line: number,
                    summary,
                });
            }
        }
        match self.read(number, line, traits.has_quotes) {
            Ok((month, row)) => {
                if self.months.add(month, row)? {
                    self.months.hand_on_complete(&self.rows.values(), sink)?;
                }
            }
            Err(Rejected::File(error)) => return Err(error),
            Err(Rejected::Row(refusal)) => {
                if self.may_have_empty_columns(line, refusal.reason) {
                    let line = number.into();
                    return Err(ParseError::EmptyColumns { line });
                }
                self.quarantine(number, line, traits.cut_nul_run, refusal);
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
    ) -> Result<(u8, Row), Rejected> {
        if self.lines.is_plain(line, may_have_quotes) {
            // The usual case, in which the fields are not copied.
            return self.rows.read(number, &Fields::split(line)?);
        }
        let fields = read_fields(&mut self.lines, &self.rows, line, may_have_quotes)?;
        self.rows.read(number, &fields)
    }

    /// Whether `line` was refused for its number of fields, and would not be if every line of the file ended in as many empty
    /// columns, as all rows so far do.
    fn may_have_empty_columns(&self, line: &[u8], reason: Reason) -> bool {
        let counts = self.rows.counts;
        reason == Reason::FieldCount
            && self.reading.empty_columns.is_none()
            && counts.kept == counts.with_empty_fields
            && text::trim(line).ends_with(b",")
    }

    fn quarantine(&mut self, number: u32, line: &[u8], cut_nul_run: u64, mut refusal: Refusal) {
        let are_fields_certain = !self.lines.has_unknown_columns() || {
            // An empty field at the end may make up for a missing one.
            let last = line.iter().rev().find(|byte| !b" \t\"".contains(byte));
            let again = self.lines.read_again(line);
            last != Some(&b',')
                && again.is_ok_and(|fields| {
                    // A line without a date may be the rest of a value with a line feed.
                    looks_like_a_date(fields.creation_date)
                        && self.rows.recognises(&fields)
                        // Labels with undecodable text are known to nobody.
                        && (refusal.reason == Reason::UndecodableText
                            || self.rows.has_known_labels(&fields))
                })
        };
        if !are_fields_certain && refusal.reason != Reason::FieldCount {
            refusal = refusal.reason.into();
        }
        if let Some(defect) = text::defect(line, cut_nul_run) {
            refusal = Reason::UndecodableText.with(defect);
        }
        let max_bytes = self.reading.rules.max_line_bytes;
        let mut record = self.lines.record(line, are_fields_certain, max_bytes);
        if cut_nul_run > 0 && memchr::memchr_iter(0, line).count() == 1 {
            // One byte represents the run.
            record = record.replacen("\\u{0}", &text::nul_run(cut_nul_run), 1);
        }
        self.quarantine.add(number, refusal, record);
    }

    fn finish(mut self, lines: u64, sink: Sink) -> Result<Parsed, ParseError> {
        self.months.hand_on_all(&self.rows.values(), sink)?;
        let (mut drift, rows_with_empty_fields) = self.lines.into_drift();
        let rows_with_empty_fields = rows_with_empty_fields + self.rows.counts.with_empty_fields;
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
            kept: self.rows.counts.kept,
            repaired: self.rows.counts.repaired,
            in_fold: self.rows.counts.in_fold,
            in_gap: self.rows.counts.in_gap,
            quarantine: self.quarantine,
            drift,
        })
    }
}
