//! Splits a line into the fields that are read one by one, and the rest.

use shared::manifest::{Drift, DriftKind};

use super::header::Header;
use super::refusal::{Reason, Refusal};

/// Between the fields of a rewritten line. The published files are text and do not hold it.
pub(super) const UNIT_SEPARATOR: u8 = 0x1f;

/// At the end of a rewritten line whose division was joined from several fields.
pub(super) const JOINED: u8 = 0x1e;

/// A line in the contract's order of columns.
pub(super) struct Fields<'a> {
    pub(super) creation_date: &'a [u8],
    pub(super) status: &'a [u8],
    pub(super) fsa: &'a [u8],
    pub(super) street_1: &'a [u8],
    pub(super) street_2: &'a [u8],
    pub(super) ward: &'a [u8],
    /// Type, division and section with the separators between them. There are few different ones, so that they are
    /// taken apart once each, and that is where an unquoted comma of the division shows.
    pub(super) subject: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Splits `line` at its first six separators.
    pub(super) fn split(line: &'a [u8], separator: u8) -> Option<Self> {
        let mut start = 0;
        let mut separators = memchr::memchr_iter(separator, line);
        let mut field = || {
            let end = separators.next()?;
            let field = &line[start..end];
            start = end + 1;
            Some(field)
        };
        let (creation_date, status, fsa) = (field()?, field()?, field()?);
        let (street_1, street_2, ward) = (field()?, field()?, field()?);
        Some(Self {
            creation_date,
            status,
            fsa,
            street_1,
            street_2,
            ward,
            subject: &line[start..],
        })
    }
}

/// Brings lines that are quoted, or whose columns are not the contract's, into the one form that the rest reads: the
/// contract's columns in order, without quotes, between [`UNIT_SEPARATOR`]s.
pub(super) struct Rewriter {
    header: Header,
    fields: CsvFields,
    line: Vec<u8>,
    extra_columns: Vec<ExtraColumn>,
}

struct ExtraColumn {
    position: usize,
    drift: Drift,
}

impl Rewriter {
    pub(super) fn new(header: Header) -> Self {
        let extra = header
            .extra_columns
            .iter()
            .map(|(position, name)| ExtraColumn {
                position: *position,
                drift: Drift {
                    kind: DriftKind::ExtraColumn,
                    subject: name.clone(),
                    rows: 0,
                },
            });
        Self {
            extra_columns: extra.collect(),
            header,
            fields: CsvFields::default(),
            line: Vec::new(),
        }
    }

    /// Whether a line without quotes has the contract's form as it is.
    pub(super) fn is_needless(&self) -> bool {
        self.header.is_canonical
    }

    /// What the columns that the contract does not have hold.
    pub(super) fn drift(self) -> Vec<Drift> {
        let mut drift = self.header.drift;
        drift.extend(self.extra_columns.into_iter().map(|column| column.drift));
        drift
    }

    /// `line` in the one form.
    pub(super) fn rewrite(&mut self, line: &[u8]) -> Result<&[u8], Refusal> {
        if memchr::memchr2(UNIT_SEPARATOR, JOINED, line).is_some() {
            return Err(Reason::UndecodableText.into());
        }
        if self.fields.split(line).is_err() {
            if self.header.is_quoted {
                return Err(Reason::UnbalancedQuote.into());
            }
            // Where nothing is quoted, a quotation mark is a character like any other.
            self.fields.split_unquoted(line);
        }
        let width = self.header.width;
        let surplus = self.fields.len().checked_sub(width).ok_or_else(|| {
            Reason::FieldCount.with(format!("{} of {width} fields", self.fields.len()))
        })?;
        let columns = &self.header.columns;
        let position = |column: usize| {
            column
                + if column > columns.division {
                    surplus
                } else {
                    0
                }
        };

        self.line.clear();
        match columns.creation_time {
            None => self
                .line
                .extend_from_slice(self.fields.get(position(columns.creation_date))),
            Some(time) => {
                // The date column of such files has a time of its own, always midnight.
                let date = self
                    .fields
                    .get(position(columns.creation_date))
                    .trim_ascii();
                let day = date.split(|&byte| byte == b' ' || byte == b'T').next();
                self.line.extend_from_slice(day.unwrap_or(date));
                self.line.push(b' ');
                self.line
                    .extend_from_slice(self.fields.get(position(time)).trim_ascii());
            }
        }
        for column in columns.between_date_and_division {
            self.line.push(UNIT_SEPARATOR);
            self.line
                .extend_from_slice(self.fields.get(position(column)));
        }
        self.line.push(UNIT_SEPARATOR);
        for part in 0..=surplus {
            if part > 0 {
                self.line.push(b',');
            }
            self.line
                .extend_from_slice(self.fields.get(columns.division + part));
        }
        self.line.push(UNIT_SEPARATOR);
        self.line
            .extend_from_slice(self.fields.get(position(columns.section)));
        if surplus > 0 {
            self.line.push(JOINED);
        }
        for column in &mut self.extra_columns {
            let moved = if column.position > columns.division {
                surplus
            } else {
                0
            };
            let value = self.fields.get(column.position + moved);
            column.drift.rows += u64::from(!value.trim_ascii().is_empty());
        }
        Ok(&self.line)
    }
}

/// The fields of one CSV line (RFC 4180, one record a line), unquoted.
#[derive(Default)]
pub(super) struct CsvFields {
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// A quoted field does not end, or goes on after its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unbalanced;

impl CsvFields {
    /// Splits `line`, taking quotes off.
    pub(super) fn split(&mut self, line: &[u8]) -> Result<(), Unbalanced> {
        self.text.clear();
        self.ends.clear();
        let mut rest = line;
        loop {
            let after = if let Some(quoted) = rest.strip_prefix(b"\"") {
                self.take_quoted(quoted)?
            } else {
                let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
                self.text.extend_from_slice(&rest[..end]);
                &rest[end..]
            };
            self.ends.push(self.text.len());
            match after.split_first() {
                None => return Ok(()),
                Some((b',', next)) => rest = next,
                Some(_) => return Err(Unbalanced),
            }
        }
    }

    /// Takes the field whose opening quote is before `quoted`; gives what follows its closing quote.
    fn take_quoted<'a>(&mut self, mut quoted: &'a [u8]) -> Result<&'a [u8], Unbalanced> {
        loop {
            let end = memchr::memchr(b'"', quoted).ok_or(Unbalanced)?;
            self.text.extend_from_slice(&quoted[..end]);
            match quoted[end + 1..].strip_prefix(b"\"") {
                Some(escaped) => {
                    self.text.push(b'"');
                    quoted = escaped;
                }
                None => return Ok(&quoted[end + 1..]),
            }
        }
    }

    fn split_unquoted(&mut self, line: &[u8]) {
        self.text.clear();
        self.ends.clear();
        for field in line.split(|&byte| byte == b',') {
            self.text.extend_from_slice(field);
            self.ends.push(self.text.len());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<String>, Unbalanced> {
        let mut fields = CsvFields::default();
        fields.split(line.as_bytes())?;
        let texts =
            (0..fields.len()).map(|index| String::from_utf8_lossy(fields.get(index)).into_owned());
        Ok(texts.collect())
    }

    #[test]
    fn quotes_are_taken_off() {
        assert_eq!(
            split(r#""a","b, c","d ""e""""#).unwrap(),
            ["a", "b, c", r#"d "e""#]
        );
        assert_eq!(split(r#"a,,"""#).unwrap(), ["a", "", ""]);
        assert_eq!(split("").unwrap(), [""]);
        assert_eq!(split(r#"5" pipe,b"#).unwrap(), [r#"5" pipe"#, "b"]);
    }

    #[test]
    fn a_quote_without_its_pair_is_found() {
        assert_eq!(split(r#""a,"b""#), Err(Unbalanced));
        assert_eq!(split(r#""a","b"#), Err(Unbalanced));
        assert_eq!(split(r#""a"x,b"#), Err(Unbalanced));
    }
}
