//! Splits a line into the fields of the contract's columns.

use shared::manifest::{Drift, DriftKind};

use super::commas::{Commas, Misfit, Surplus};
use super::csv_line::{CsvFields, push_csv};
use super::header::{Between, Columns, Header};
use super::refusal::{Reason, Refusal};
use super::text;
use super::unknown_values::{MAX_NAMED, shown};

/// The replacement of a refused line whose values outside the contract cannot be separated from the others.
const WITHHELD: &str = "(withheld: the file has columns outside the contract, and this line's fields cannot be told apart)";

/// A line in the contract's order of columns.
pub(super) struct Fields<'a> {
    pub(super) creation_date: &'a [u8],
    pub(super) status: &'a [u8],
    pub(super) fsa: &'a [u8],
    pub(super) street_1: &'a [u8],
    pub(super) street_2: &'a [u8],
    pub(super) ward: &'a [u8],
    /// Type, division and section as CSV. They have few distinct values, so each is parsed only once.
    pub(super) subject: &'a [u8],
    /// The surplus that is not in `subject`.
    pub(super) surplus: Surplus,
    /// The unknown columns that may have shifted the fields.
    pub(super) between: &'a [Between],
}

impl<'a> Fields<'a> {
    /// Splits a plain line at its first six commas. See [`LineReader::is_plain`].
    #[inline]
    pub(super) fn split(line: &'a [u8]) -> Result<Self, Refusal> {
        let mut start = 0;
        let mut commas = memchr::memchr_iter(b',', line);
        let mut field = || -> Result<&'a [u8], Refusal> {
            let end = commas.next().ok_or_else(|| too_few(line))?;
            let field = &line[start..end];
            start = end + 1;
            Ok(field)
        };
        let (creation_date, status, fsa) = (field()?, field()?, field()?);
        let (street_1, street_2, ward) = (field()?, field()?, field()?);
        Ok(Self {
            creation_date,
            status,
            fsa,
            street_1,
            street_2,
            ward,
            subject: &line[start..],
            surplus: Surplus::NONE,
            between: &[],
        })
    }
}

/// Reads the lines below a header. A line without quotes, with the contract's columns in their order, is split
/// directly; any other is parsed field by field.
pub(super) struct LineReader<'a> {
    header: Header,
    commas: &'a Commas<'a>,
    fields: CsvFields,
    date: Vec<u8>,
    subject: Vec<u8>,
    /// Rows that were parsed field by field.
    rows: u64,
    /// Rows in which each of the header's unknown columns has a value.
    unknown_rows: Vec<u64>,
}

impl<'a> LineReader<'a> {
    pub(super) fn new(header: Header, commas: &'a Commas<'a>) -> Self {
        Self {
            rows: 0,
            unknown_rows: vec![0; header.unknown_columns.len()],
            header,
            commas,
            fields: CsvFields::default(),
            date: Vec::new(),
            subject: Vec::new(),
        }
    }

    /// Whether `line` has no quotes and the contract's columns in their order, so that its fields are parts of it.
    pub(super) fn is_plain(&self, line: &[u8], may_have_quotes: bool) -> bool {
        self.header.is_canonical && !(may_have_quotes && memchr::memchr(b'"', line).is_some())
    }

    /// Reads `line`.
    pub(super) fn read<'s>(
        &'s mut self,
        line: &'s [u8],
        may_have_quotes: bool,
    ) -> Result<Fields<'s>, Refusal> {
        if self.is_plain(line, may_have_quotes) {
            return Fields::split(line);
        }
        let surplus = self.take_apart(line)?;
        // Of these columns nothing is read, or only the day.
        let columns = &self.header.columns;
        let with_a_day = columns.creation_time.map(|_| columns.creation_date);
        for &column in self.header.other_columns.iter().chain(&with_a_day) {
            if text::decode(self.field(column, surplus)).is_none() {
                return Err(Reason::UndecodableText.into());
            }
        }
        // Only the presence of a value outside the contract is recorded, never the value.
        self.rows += 1;
        for index in 0..self.unknown_rows.len() {
            let column = &self.header.unknown_columns[index];
            let value = self.field(column.position, surplus);
            self.unknown_rows[index] += u64::from(!text::trim(value).is_empty());
        }
        Ok(self.arrange(surplus))
    }

    /// Returns the fields of the parsed line, in the contract's order.
    fn arrange(&mut self, surplus: Surplus) -> Fields<'_> {
        self.compose_date(surplus);
        self.compose_subject(surplus);
        let columns = &self.header.columns;
        let [status, fsa, street_1, street_2, ward] = columns.between_date_and_type;
        let field = |column: usize| self.field(column, surplus);
        Fields {
            creation_date: match columns.creation_time {
                None => field(columns.creation_date),
                Some(_) => &self.date,
            },
            status: field(status),
            fsa: field(fsa),
            street_1: field(street_1),
            street_2: field(street_2),
            ward: field(ward),
            subject: &self.subject,
            surplus,
            between: self.between(),
        }
    }

    /// Reads `line` again, without counting it.
    pub(super) fn read_again(&mut self, line: &[u8]) -> Result<Fields<'_>, Refusal> {
        let surplus = self.take_apart(line)?;
        Ok(self.arrange(surplus))
    }

    /// Returns the unknown columns in which a comma may have shifted the fields of the parsed line.
    fn between(&self) -> &[Between] {
        if self.fields.are_quoted() {
            &[]
        } else {
            &self.header.between
        }
    }

    /// Whether the file has columns outside the contract, whose values may be personal.
    pub(super) fn has_unknown_columns(&self) -> bool {
        !self.header.unknown_columns.is_empty()
    }

    /// Returns the refused `line` for the quarantine, without the values of columns outside the contract.
    pub(super) fn record(
        &mut self,
        line: &[u8],
        are_fields_certain: bool,
        max_bytes: usize,
    ) -> String {
        if !self.has_unknown_columns() {
            return text::readable(line, max_bytes);
        }
        if !are_fields_certain {
            return WITHHELD.to_owned();
        }
        let Ok(surplus) = self.take_apart(line) else {
            return WITHHELD.to_owned();
        };
        let mut record = Vec::new();
        for column in self.header.columns.in_order() {
            if !record.is_empty() {
                record.push(b',');
            }
            push_csv(&mut record, &self.joined(column, surplus));
        }
        text::readable(&record, max_bytes)
    }

    /// Reports the drift of the header and of columns outside the contract, and the rows in which columns without a
    /// name are empty fields.
    pub(super) fn into_drift(self) -> (Vec<Drift>, u64) {
        let mut drift = self.header.drift;
        let mut extra = Vec::new();
        let mut rows_with_empty_fields = 0;
        for (column, rows) in self
            .header
            .unknown_columns
            .into_iter()
            .zip(self.unknown_rows)
        {
            let subject = match column.name {
                Some(name) => name,
                None if rows == 0 => {
                    rows_with_empty_fields = self.rows;
                    continue;
                }
                None => format!("(column {} has no name)", column.position + 1),
            };
            extra.push(Drift {
                kind: DriftKind::ExtraColumn,
                subject,
                rows,
            });
        }
        if extra.len() > MAX_NAMED {
            let others = extra.split_off(MAX_NAMED);
            extra.push(Drift {
                kind: DriftKind::ExtraColumn,
                subject: format!("({} other columns)", others.len()),
                rows: others.iter().map(|drift| drift.rows).max().unwrap_or(0),
            });
        }
        drift.extend(extra);
        for Drift { subject, .. } in &mut drift {
            *subject = shown(subject);
        }
        (drift, rows_with_empty_fields)
    }

    /// Returns the number of empty fields after the header's last column at the end of `line`. Returns `None` if the line has
    /// fewer fields than the header or its division is unknown, so that a comma of it may have moved an empty section there.
    pub(super) fn empty_columns(&mut self, line: &[u8]) -> Option<usize> {
        self.split(line).ok()?;
        let surplus = self.fields.len().checked_sub(self.header.width)?;
        let of_division = (0..=surplus.min(self.commas.max_commas())).find(|&division| {
            let way = Surplus {
                division,
                ..Surplus::NONE
            };
            let text = self.value(self.header.columns.division, way);
            self.commas.division(&text).is_some()
        })?;
        let last_first = (0..self.fields.len()).rev();
        let is_empty = |field: &usize| text::trim(self.fields.get(*field)).is_empty();
        let surplus = last_first.take(surplus - of_division);
        Some(surplus.take_while(is_empty).count())
    }

    fn split(&mut self, line: &[u8]) -> Result<(), Refusal> {
        if self.fields.split(line).is_err() {
            if self.header.is_quoted {
                return Err(Reason::UnbalancedQuote.into());
            }
            // In a file without quoting, a quotation mark is an ordinary character.
            self.fields.split_unquoted(line);
        }
        Ok(())
    }

    /// Splits `line` into all of its fields and divides its surplus.
    fn take_apart(&mut self, line: &[u8]) -> Result<Surplus, Refusal> {
        self.split(line)?;
        let surplus = self.divide()?;
        if self.has_moved_text(surplus) {
            return Err(Reason::FieldCount.with(
                "a value begins with a space, as text behind a comma does: a comma may have shifted the fields",
            ));
        }
        Ok(surplus)
    }

    /// Divides the surplus of the parsed line. A line may leave out the columns without a name at the end, so that the
    /// contract's values decide first what the fields behind the last name are.
    fn divide(&mut self) -> Result<Surplus, Refusal> {
        let (count, width) = (self.fields.len(), self.header.width);
        for columns in self.header.named_width..=width.min(count) {
            match self.divide_over(columns) {
                Ok(way) => {
                    let nameless = width - columns;
                    self.fields.pad_to(width + way.division + way.section);
                    return Ok(Surplus {
                        empty: way.empty.saturating_sub(nameless),
                        ..way
                    });
                }
                Err(Misfit::NoWay) if columns < width.min(count) => {}
                Err(misfit) => return Err(self.refusal(misfit)),
            }
        }
        Err(wrong_count(count, width))
    }

    /// Whether a comma in a value seems to have moved the rest of it into another column, in a file with columns outside the
    /// contract: text behind a comma begins with a space, and a field does not, unless the file is padded.
    fn has_moved_text(&self, surplus: Surplus) -> bool {
        if !self.has_unknown_columns() || self.header.is_padded || self.fields.are_quoted() {
            return false;
        }
        let is_rest = |column: usize| {
            let position = self.position(column, surplus);
            position < self.fields.len() && {
                let field = self.fields.get(position);
                field.starts_with(b" ") && !text::trim(field).is_empty()
            }
        };
        let mut unknown = self.header.unknown_columns.iter();
        let Columns {
            division, section, ..
        } = self.header.columns;
        unknown.any(|column| is_rest(column.position) || is_rest(column.position + 1))
            || is_rest(section)
                && self
                    .commas
                    .division(&self.value(division, surplus))
                    .is_none()
    }

    /// Divides the fields that the parsed line has more than `columns`.
    fn divide_over(&self, columns: usize) -> Result<Surplus, Misfit> {
        let count = self.fields.len();
        if count == columns {
            return self.complete(Surplus::NONE);
        }
        // An empty field at the end says nothing if the fields before it may be shifted.
        let empty = if self.between().is_empty() {
            let fields = (columns..count).rev().map(|index| self.fields.get(index));
            fields
                .take_while(|field| text::trim(field).is_empty())
                .count()
        } else {
            0
        };
        let Columns {
            division, section, ..
        } = self.header.columns;
        let way = self.commas.divide(
            count - columns,
            empty,
            self.fields.are_quoted(),
            |way| self.value(division, way),
            |way| self.value(section, way),
        )?;
        if way.empty > 0
            && !way.is_repaired()
            && !self.fields.are_quoted()
            && self.has_value_behind(way)
        {
            return Err(Misfit::NoWay);
        }
        self.complete(way)
    }

    /// Whether an unknown column behind the contract's has a value in a line divided in this way. It may as well be the
    /// rest of the last value with a comma, which has shifted the empty field of that column to the end.
    fn has_value_behind(&self, way: Surplus) -> bool {
        let last = self.header.columns.in_order().max();
        let mut unknown = self.header.unknown_columns.iter();
        unknown.any(|column| {
            let position = self.position(column.position, way);
            Some(column.position) > last
                && position < self.fields.len()
                && !text::trim(self.fields.get(position)).is_empty()
        })
    }

    /// Refuses a line divided in this way if a known value with commas extends over several columns, so that a field before
    /// it is missing.
    fn complete(&self, way: Surplus) -> Result<Surplus, Misfit> {
        let columns = &self.header.columns;
        let subject = [
            columns.service_request_type,
            columns.division,
            columns.section,
        ];
        let lacks_a_field = subject.into_iter().any(|first| {
            (1..=self.commas.max_commas()).any(|more| {
                let last = first + more;
                self.position(last, way) < self.fields.len() && {
                    let values = (first..=last).map(|column| self.joined(column, way));
                    let joined = values.collect::<Vec<_>>().join(&b","[..]);
                    text::decode(&joined).is_some_and(|text| self.commas.is_known(&text))
                }
            })
        });
        if lacks_a_field {
            Err(Misfit::Lack)
        } else {
            Ok(way)
        }
    }

    fn refusal(&self, misfit: Misfit) -> Refusal {
        misfit.refusal(self.fields.len(), self.header.width)
    }

    /// Returns the first field of `column` in a line with this surplus.
    fn field(&self, column: usize, surplus: Surplus) -> &[u8] {
        self.fields.get(self.position(column, surplus))
    }

    fn position(&self, column: usize, surplus: Surplus) -> usize {
        let columns = &self.header.columns;
        let moved_by = |other: usize, fields: usize| if column > other { fields } else { 0 };
        column
            + moved_by(columns.division, surplus.division)
            + moved_by(columns.section, surplus.section)
    }

    /// Returns the number of fields of `column` after its first.
    fn more_fields(&self, column: usize, surplus: Surplus) -> usize {
        let columns = &self.header.columns;
        match column {
            column if column == columns.division => surplus.division,
            column if column == columns.section => surplus.section,
            _ => 0,
        }
    }

    /// Returns the value of `column`, joined from all its fields.
    fn joined(&self, column: usize, surplus: Surplus) -> Vec<u8> {
        let first = self.position(column, surplus);
        let fields =
            (first..=first + self.more_fields(column, surplus)).map(|index| self.fields.get(index));
        fields.collect::<Vec<_>>().join(&b","[..])
    }

    /// Returns the text of `column`, joined from all its fields; an empty one if they are not text.
    fn value(&self, column: usize, surplus: Surplus) -> String {
        let joined = self.joined(column, surplus);
        text::decode(&joined).unwrap_or_default().into_owned()
    }

    fn compose_date(&mut self, surplus: Surplus) {
        let columns = &self.header.columns;
        let Some(time) = columns.creation_time else {
            return;
        };
        // The date column of such files contains a time as well, which is always midnight.
        let date = self.position(columns.creation_date, surplus);
        let time = self.position(time, surplus);
        let date = text::trim(self.fields.get(date));
        let day = date.split(|&byte| byte == b' ' || byte == b'T').next();
        self.date.clear();
        self.date.extend_from_slice(day.unwrap_or(date));
        self.date.push(b' ');
        self.date
            .extend_from_slice(text::trim(self.fields.get(time)));
    }

    fn compose_subject(&mut self, surplus: Surplus) {
        let columns = &self.header.columns;
        let (kind, division, section) = (
            columns.service_request_type,
            columns.division,
            columns.section,
        );
        let mut subject = std::mem::take(&mut self.subject);
        subject.clear();
        for (index, column) in [kind, division, section].into_iter().enumerate() {
            if index > 0 {
                subject.push(b',');
            }
            if self.more_fields(column, surplus) == 0 {
                push_csv(&mut subject, self.field(column, surplus));
            } else {
                push_csv(&mut subject, &self.joined(column, surplus));
            }
        }
        self.subject = subject;
    }
}

/// Refuses a line that a comma in a column outside the contract may have shifted.
pub(super) fn shifted() -> Refusal {
    Reason::FieldCount.with(
        "no value is recognised behind a column outside the contract: a comma in it may have shifted the fields",
    )
}

/// Refuses a plain line with less than the first seven fields.
#[cold]
fn too_few(line: &[u8]) -> Refusal {
    wrong_count(1 + memchr::memchr_iter(b',', line).count(), 9)
}

/// Refuses a line with `count` fields under `width` columns.
pub(super) fn wrong_count(count: usize, width: usize) -> Refusal {
    Reason::FieldCount.with(format!("{count} of {width} fields"))
}
