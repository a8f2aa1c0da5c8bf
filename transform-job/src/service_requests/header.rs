//! Compares the header line with the contract.

use shared::contract::{PublishedColumn, Rules};
use shared::manifest::{Drift, DriftKind};

use super::csv_line::CsvFields;
use super::refusal::MAX_SHOWN_BYTES;
use super::text;

/// The layout of the lines, according to the header.
#[derive(Debug)]
pub(super) struct Header {
    /// The number of columns.
    pub(super) width: usize,
    /// Whether its names, and therefore the fields below, are quoted.
    pub(super) is_quoted: bool,
    /// Whether the columns are the contract's required ones, in its order.
    pub(super) is_canonical: bool,
    /// The position of each of the contract's columns.
    pub(super) columns: Columns,
    /// Positions of the columns that are not in the contract, including technical ones.
    pub(super) other_columns: Vec<usize>,
    /// The columns that are unknown to the contract. Their values may be personal.
    pub(super) unknown_columns: Vec<UnknownColumn>,
    /// Those of them that are before the last of the contract's columns: a comma in one may shift the fields behind it.
    pub(super) between: Vec<Between>,
    /// Whether its names, and therefore the fields below, have spaces before them.
    pub(super) is_padded: bool,
    /// The number of columns without those without a name at the end, which lines may leave out.
    pub(super) named_width: usize,
    /// Aliases, and another order.
    pub(super) drift: Vec<Drift>,
}

/// A column that is unknown to the contract.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownColumn {
    pub(super) position: usize,
    /// Its name in the header; `None` if it has no name.
    pub(super) name: Option<String>,
}

/// An unknown column before the last of the contract's columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Between {
    pub(super) position: usize,
    /// What shows that no comma in it has shifted the fields of a line.
    pub(super) witnesses: Vec<Witness>,
}

/// A column with recognisable values behind an unknown column. If it has one of its own values, no comma in the unknown
/// column has shifted the fields of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Witness {
    CreationDate,
    Status,
    Fsa,
    Ward,
    Division,
}

/// Positions of the contract's columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) creation_date: usize,
    pub(super) creation_time: Option<usize>,
    /// Status, FSA, street 1, street 2, ward.
    pub(super) between_date_and_type: [usize; 5],
    pub(super) service_request_type: usize,
    pub(super) division: usize,
    pub(super) section: usize,
}

/// Why a file is refused at its first line.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("the file is empty and does not even have a header")]
    Empty,
    #[error(
        "the file is UTF-16, and only UTF-8 and Windows-1252 are read: ask the publisher for one of these, or to correct it"
    )]
    Utf16,
    #[error(
        "the header has {nul_bytes} NUL bytes: the file is damaged, or not text. Download it again, or ask the publisher to \
         correct it"
    )]
    Damaged { nul_bytes: usize },
    #[error(
        "the lines end with a carriage return and no line feed: convert the file's line ends, or ask the publisher to \
         correct it"
    )]
    CarriageReturns,
    #[error(
        "the columns are separated by {separator:?}, and the contract's by commas: ask the publisher to correct the file"
    )]
    OtherSeparator { separator: char },
    #[error(
        "the first line is not a header of this contract: none of its columns is in {found}. Look at the file; if it is a \
         new layout, add its column names to the contract's aliases"
    )]
    NoHeader { found: String },
    #[error(
        "required columns are missing: {missing}; the header is {found:?}. If they have new names, add these to the \
         contract's aliases"
    )]
    Missing { missing: String, found: String },
    #[error("column {name} exists twice; the header is {found:?}")]
    Twice { name: String, found: String },
}

impl Header {
    pub(super) fn read(line: &[u8], rules: &Rules) -> Result<Self, HeaderError> {
        let names = Names::read(text_of(line)?)?;
        let positions = names.positions(rules)?;
        let known: Vec<usize> = positions.iter().flatten().copied().collect();
        let other_columns: Vec<usize> = (0..names.shown.len())
            .filter(|position| !known.contains(position))
            .collect();
        let unknown_columns = unknown_columns(&other_columns, &names.shown, rules);
        let columns = Columns::read(rules, &positions);
        Ok(Self {
            width: names.shown.len(),
            named_width: names.named_width(),
            is_quoted: text::trim(names.line).starts_with(b"\""),
            is_padded: names.is_padded,
            between: columns.between_of(&unknown_columns),
            is_canonical: known.is_sorted()
                && other_columns.is_empty()
                && columns.creation_time.is_none(),
            columns,
            other_columns,
            unknown_columns,
            drift: names.drift(rules, &positions),
        })
    }

    /// Adds `count` columns without a name at the end.
    pub(super) fn widened(mut self, count: usize) -> Self {
        let added = self.width..self.width + count;
        self.width = added.end;
        self.is_canonical &= count == 0;
        self.other_columns.extend(added.clone());
        let nameless = |position| UnknownColumn {
            position,
            name: None,
        };
        self.unknown_columns.extend(added.map(nameless));
        self
    }
}

/// The names in a header line.
struct Names<'a> {
    line: &'a [u8],
    /// As messages show them.
    shown: Vec<String>,
    /// As they are compared.
    folded: Vec<String>,
    /// Whether they have spaces before them.
    is_padded: bool,
}

impl<'a> Names<'a> {
    fn read(line: &'a [u8]) -> Result<Self, HeaderError> {
        let mut fields = CsvFields::default();
        fields.split(line).map_err(|_| no_header(line))?;
        let shown: Vec<String> = (0..fields.len())
            .map(|index| {
                let name = text::readable(fields.get(index), MAX_SHOWN_BYTES);
                name.trim().to_owned()
            })
            .collect();
        let is_padded = (1..fields.len())
            .any(|index| !shown[index].is_empty() && fields.get(index).starts_with(b" "));
        Ok(Self {
            line,
            folded: shown.iter().map(|name| folded_name(name)).collect(),
            shown,
            is_padded,
        })
    }

    /// Returns the position of each of the contract's columns, of which only optional ones may be missing.
    fn positions(&self, rules: &Rules) -> Result<Vec<Option<usize>>, HeaderError> {
        let mut positions = Vec::with_capacity(rules.published.len());
        for column in &rules.published {
            let position = find(column, &self.folded).map_err(|()| HeaderError::Twice {
                name: column.header.clone(),
                found: readable(self.line),
            })?;
            positions.push(position);
        }
        let columns = rules.published.iter().zip(&positions);
        let (missing, found): (Vec<_>, Vec<_>) = columns
            .filter(|(column, _)| !column.optional)
            .partition(|(_, position)| position.is_none());
        if missing.is_empty() {
            return Ok(positions);
        }
        if found.is_empty() {
            return Err(match other_separator(self.line, rules) {
                Some(separator) => HeaderError::OtherSeparator { separator },
                None => no_header(self.line),
            });
        }
        let missing: Vec<&str> = missing
            .into_iter()
            .map(|(column, _)| column.header.as_str())
            .collect();
        Err(HeaderError::Missing {
            missing: missing.join(", "),
            found: readable(self.line),
        })
    }

    /// Returns the aliases among the contract's columns, which are at these positions, and whether these are in another
    /// order.
    fn drift(&self, rules: &Rules, positions: &[Option<usize>]) -> Vec<Drift> {
        let mut drift = Vec::new();
        for (column, position) in rules.published.iter().zip(positions) {
            if let Some(position) = *position
                && self.folded[position] != folded_name(&column.header)
            {
                drift.push(Drift {
                    kind: DriftKind::AliasedColumn,
                    subject: self.shown[position].clone(),
                    rows: 0,
                });
            }
        }
        if !positions.iter().flatten().is_sorted() {
            drift.push(Drift {
                kind: DriftKind::ReorderedColumns,
                subject: self.shown.join(", "),
                rows: 0,
            });
        }
        drift
    }

    /// Returns the number of names without empty ones at the end.
    fn named_width(&self) -> usize {
        let last = self.shown.iter().rposition(|name| !name.is_empty());
        last.map_or(0, |last| last + 1)
    }
}

/// Returns what a message shows of a header line.
fn readable(line: &[u8]) -> String {
    // Behind a control character, such as a line end that is not one here, may be rows.
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    let text = line.split(is_control).next().unwrap_or_default();
    text::readable(text, MAX_SHOWN_BYTES)
}

fn no_header(line: &[u8]) -> HeaderError {
    HeaderError::NoHeader {
        // A line with a digit may be a row, whose content may be personal.
        found: if line.iter().any(u8::is_ascii_digit) {
            format!("its {} bytes", line.len())
        } else {
            format!("{:?}", readable(line))
        },
    }
}

/// Returns the text of a header line, without byte order marks.
fn text_of(line: &[u8]) -> Result<&[u8], HeaderError> {
    let line = without_byte_order_marks(line);
    if line.trim_ascii().is_empty() {
        return Err(HeaderError::Empty);
    }
    if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") {
        return Err(HeaderError::Utf16);
    }
    let nul_bytes = memchr::memchr_iter(0, line).count();
    if nul_bytes > 0 {
        return Err(HeaderError::Damaged { nul_bytes });
    }
    if line.trim_ascii().contains(&b'\r') {
        return Err(HeaderError::CarriageReturns);
    }
    Ok(line)
}

/// Returns the character other than a comma that separates columns of the contract in `line`.
fn other_separator(line: &[u8], rules: &Rules) -> Option<char> {
    let line = String::from_utf8_lossy(line);
    [';', '\t', '|'].into_iter().find(|separator| {
        let names = line.split(*separator);
        let folded: Vec<String> = names
            .map(|name| folded_name(name.trim().trim_matches('"')))
            .collect();
        let known = |column: &&PublishedColumn| matches!(find(column, &folded), Ok(Some(_)));
        rules.published.iter().filter(known).count() > 1
    })
}

/// Returns `line` without the marks that programs set before UTF-8: some set one more, or one that was read as Windows-1252.
pub(super) fn without_byte_order_marks(mut line: &[u8]) -> &[u8] {
    const MARKS: [&[u8]; 2] = [b"\xef\xbb\xbf", "\u{ef}\u{bb}\u{bf}".as_bytes()];
    while let Some(rest) = MARKS.iter().find_map(|mark| line.strip_prefix(*mark)) {
        line = rest;
    }
    line
}

/// Folds the name of a column for comparison: `Creation Date`, `creation_date` and `CreationDate` are the same.
fn folded_name(name: &str) -> String {
    text::folded(name).replace(' ', "")
}

/// Those of the other columns that the publisher's software does not add.
fn unknown_columns(others: &[usize], names: &[String], rules: &Rules) -> Vec<UnknownColumn> {
    // Letter by letter, because `ID` would be a column of the publisher.
    let is_technical = |name: &str| {
        let mut technical = rules.technical_columns.iter();
        technical.any(|technical| technical.eq_ignore_ascii_case(name))
    };
    others
        .iter()
        .filter(|&&position| !is_technical(&names[position]))
        .map(|&position| UnknownColumn {
            position,
            name: Some(names[position].clone()).filter(|name| !name.is_empty()),
        })
        .collect()
}

/// Returns the only column with that name or one of its aliases.
fn find(column: &PublishedColumn, folded: &[String]) -> Result<Option<usize>, ()> {
    let names = std::iter::once(&column.header).chain(&column.aliases);
    for name in names.map(|name| folded_name(name)) {
        let mut found = folded
            .iter()
            .enumerate()
            .filter(|(_, candidate)| **candidate == name);
        match (found.next(), found.next()) {
            (Some((position, _)), None) => return Ok(Some(position)),
            (Some(_), Some(_)) => return Err(()),
            (None, _) => {}
        }
    }
    Ok(None)
}

impl Columns {
    fn read(rules: &Rules, positions: &[Option<usize>]) -> Self {
        let optional = |name: &str| {
            let column = rules
                .published
                .iter()
                .position(|column| column.name == name);
            positions[column.expect("the contract has the columns this program reads")]
        };
        let required = |name: &str| optional(name).expect("a missing required column was refused");
        Self {
            creation_date: required("creation_date"),
            creation_time: optional("creation_time"),
            between_date_and_type: [
                required("status"),
                required("first_3_chars_of_postal_code"),
                required("intersection_street_1"),
                required("intersection_street_2"),
                required("ward"),
            ],
            service_request_type: required("service_request_type"),
            division: required("division"),
            section: required("section"),
        }
    }
}

impl Columns {
    /// Returns the unknown columns before the last of these.
    fn between_of(&self, unknown: &[UnknownColumn]) -> Vec<Between> {
        let last = self.in_order().max();
        let between = unknown.iter().map(|column| column.position);
        between
            .filter(|position| Some(*position) < last)
            .map(|position| Between {
                position,
                witnesses: self.witnesses_behind(position),
            })
            .collect()
    }

    fn witnesses_behind(&self, position: usize) -> Vec<Witness> {
        let [status, fsa, _, _, ward] = self.between_date_and_type;
        // A date in two columns does not prove the position of either.
        let creation_date = match self.creation_time {
            None => self.creation_date,
            Some(time) => time.min(self.creation_date),
        };
        [
            (creation_date, Witness::CreationDate),
            (fsa, Witness::Fsa),
            (status, Witness::Status),
            (self.division, Witness::Division),
            (ward, Witness::Ward),
        ]
        .into_iter()
        .filter_map(|(column, witness)| (column > position).then_some(witness))
        .collect()
    }

    /// Returns the positions of all columns, in the contract's order.
    pub(super) fn in_order(&self) -> impl Iterator<Item = usize> + use<> {
        std::iter::once(self.creation_date)
            .chain(self.creation_time)
            .chain(self.between_date_and_type)
            .chain([self.service_request_type, self.division, self.section])
    }
}

#[cfg(test)]
mod tests {
    use shared::contract::Contract;

    use super::*;

    const PUBLISHED: &str = "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
                             Service Request Type,Division,Section";

    fn read(line: &str) -> Result<Header, HeaderError> {
        Header::read(line.as_bytes(), Contract::rules())
    }

    #[test]
    fn the_published_header_is_canonical() {
        let quoted = format!("\"{}\"", PUBLISHED.replace(',', "\",\""));
        for header in [
            PUBLISHED,
            &format!("\u{feff}{PUBLISHED}"),
            &PUBLISHED.to_uppercase(),
            &quoted,
        ] {
            let read = read(header).unwrap();
            assert!(read.is_canonical && read.drift.is_empty(), "{header}");
            assert_eq!(read.is_quoted, header == quoted);
        }
    }

    #[test]
    fn spellings_of_a_name_are_not_drift() {
        for header in [
            PUBLISHED.replace(' ', "_"),
            PUBLISHED.replace(',', "   , "),
            format!(" \"{}\" ", PUBLISHED.replace(',', "\"  ,\"")),
            PUBLISHED.to_lowercase().replace(' ', "  "),
            PUBLISHED.replace(' ', ""),
        ] {
            let read = read(&header).unwrap();
            assert!(read.is_canonical && read.drift.is_empty(), "{header}");
            assert_eq!(read.is_quoted, header.contains('"'));
        }
    }

    #[test]
    fn a_technical_column_is_not_drift() {
        let header = read(&format!("_id,{PUBLISHED}")).unwrap();
        assert!(header.drift.is_empty() && header.unknown_columns.is_empty());
        assert_eq!(
            (header.is_canonical, header.other_columns.as_slice()),
            (false, &[0][..])
        );
        let header = read(&format!("{PUBLISHED},_id, ,Name,ID")).unwrap();
        let unknown = header
            .unknown_columns
            .iter()
            .map(|column| column.name.as_deref());
        assert_eq!(
            unknown.collect::<Vec<_>>(),
            [None, Some("Name"), Some("ID")]
        );
    }

    #[test]
    fn a_possible_row_is_not_shown() {
        let refused = read("2024-01-02 00:00:00,New,Jordan Example")
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("its 38 bytes") && !refused.contains("Jordan"),
            "{refused}"
        );
    }

    #[test]
    fn rows_behind_other_line_ends_are_not_shown() {
        let file = format!(
            "{}\r2024-01-02 00:00:00,New,Jordan Example\r",
            PUBLISHED.replace("Ward,", "")
        );
        let refused = read(&file).unwrap_err();
        assert!(matches!(refused, HeaderError::CarriageReturns), "{refused}");
        assert!(!refused.to_string().contains("Jordan"), "{refused}");
    }

    #[test]
    fn other_separators_are_named() {
        for (separator, shown) in [
            (";", "';'"),
            ("\t", "'\\t'"),
            ("\";\"", "';'"),
            ("|", "'|'"),
        ] {
            let refused = read(&PUBLISHED.replace(',', separator)).unwrap_err();
            let expected = format!("the columns are separated by {shown}");
            assert!(refused.to_string().starts_with(&expected), "{refused}");
        }
    }

    #[test]
    fn byte_order_marks_are_no_part_of_a_name() {
        for marks in [
            "\u{feff}\u{feff}",
            "\u{ef}\u{bb}\u{bf}",
            "\u{feff}\u{ef}\u{bb}\u{bf}",
        ] {
            assert!(
                read(&format!("{marks}{PUBLISHED}")).unwrap().is_canonical,
                "{marks:?}"
            );
        }
        let utf16: Vec<u8> = format!("\u{feff}{PUBLISHED}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let refused = Header::read(&utf16, Contract::rules())
            .unwrap_err()
            .to_string();
        assert!(refused.contains("UTF-16"), "{refused}");
        let damaged = read(&PUBLISHED.replace("Ward", "\0\0\0\0"))
            .unwrap_err()
            .to_string();
        assert!(damaged.contains("4 NUL bytes"), "{damaged}");
    }

    #[test]
    fn drift_is_reported() {
        let header = read(
            &PUBLISHED
                .replace("Ward,", "Ward Name,")
                .replace("Section", "Section,Closed Date"),
        )
        .unwrap();
        assert!(!header.is_canonical);
        let closed = UnknownColumn {
            position: 9,
            name: Some("Closed Date".to_owned()),
        };
        assert_eq!(header.unknown_columns, [closed]);
        assert_eq!(header.drift.len(), 1);
        assert_eq!(header.drift[0].kind, DriftKind::AliasedColumn);

        let header = read(&PUBLISHED.replace("Division,Section", "Section,Division")).unwrap();
        assert_eq!(header.drift[0].kind, DriftKind::ReorderedColumns);
        assert_eq!((header.columns.division, header.columns.section), (8, 7));
    }

    #[test]
    fn a_file_without_a_required_column_is_refused() {
        let refused = |line: &str| read(line).unwrap_err().to_string();
        assert!(
            refused(&PUBLISHED.replace("Ward,", ""))
                .starts_with("required columns are missing: Ward; the header is")
        );
        assert!(refused("<!DOCTYPE html>").starts_with("the first line is not a header"));
        assert!(refused("").starts_with("the file is empty"));
        assert!(refused(&format!("{PUBLISHED},Ward")).starts_with("column Ward exists twice"));
    }
}
