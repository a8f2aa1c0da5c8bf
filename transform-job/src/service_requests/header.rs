//! The header line against the contract.

use shared::contract::{PublishedColumn, Rules};
use shared::manifest::{Drift, DriftKind, Encoding};

use super::fields::CsvFields;
use super::text;

/// What the header tells of the lines below it.
#[derive(Debug)]
pub(super) struct Header {
    /// The number of columns.
    pub(super) width: usize,
    /// Whether its names are quoted, and so the fields below.
    pub(super) is_quoted: bool,
    /// Whether the columns are the contract's required ones, in its order.
    pub(super) is_canonical: bool,
    /// Where each column stands.
    pub(super) columns: Columns,
    /// Position and name of the columns that the contract does not have.
    pub(super) extra_columns: Vec<(usize, String)>,
    /// Aliases, and another order.
    pub(super) drift: Vec<Drift>,
}

/// Positions of the contract's columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) creation_date: usize,
    pub(super) creation_time: Option<usize>,
    /// Status, FSA, street 1, street 2, ward, type.
    pub(super) between_date_and_division: [usize; 6],
    pub(super) division: usize,
    pub(super) section: usize,
}

/// Why a file is refused at its first line.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("the file is empty: not even a header")]
    Empty,
    #[error("the first line is no header of this contract: none of its columns is in {found:?}")]
    NoHeader { found: String },
    #[error("required columns are missing: {missing}; the header is {found:?}")]
    Missing { missing: String, found: String },
    #[error("column {name} is there twice; the header is {found:?}")]
    Twice { name: String, found: String },
}

impl Header {
    pub(super) fn read(
        line: &[u8],
        encoding: Encoding,
        rules: &Rules,
    ) -> Result<Self, HeaderError> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return Err(HeaderError::Empty);
        }
        let found = || text::decode_lossy(&line[..line.len().min(300)], encoding).into_owned();
        let mut fields = CsvFields::default();
        fields
            .split(line)
            .map_err(|_| HeaderError::NoHeader { found: found() })?;
        let names: Vec<String> = (0..fields.len())
            .map(|index| text::decode_lossy(fields.get(index).trim_ascii(), encoding).into_owned())
            .collect();
        let folded: Vec<String> = names.iter().map(|name| text::folded(name)).collect();

        let mut drift = Vec::new();
        let mut positions = Vec::with_capacity(rules.published.len());
        let mut missing = Vec::new();
        for column in &rules.published {
            let position = find(column, &folded).map_err(|()| HeaderError::Twice {
                name: column.header.clone(),
                found: found(),
            })?;
            match position {
                Some(position) if folded[position] != text::folded(&column.header) => {
                    drift.push(Drift {
                        kind: DriftKind::AliasedColumn,
                        subject: names[position].clone(),
                        rows: 0,
                    });
                }
                None if !column.optional => missing.push(column.header.clone()),
                _ => {}
            }
            positions.push(position);
        }
        if missing.len()
            == rules
                .published
                .iter()
                .filter(|column| !column.optional)
                .count()
        {
            return Err(HeaderError::NoHeader { found: found() });
        }
        if !missing.is_empty() {
            return Err(HeaderError::Missing {
                missing: missing.join(", "),
                found: found(),
            });
        }

        let known: Vec<usize> = positions.iter().flatten().copied().collect();
        if !known.is_sorted() {
            drift.push(Drift {
                kind: DriftKind::ReorderedColumns,
                subject: names.join(", "),
                rows: 0,
            });
        }
        let extra_columns: Vec<(usize, String)> = names
            .iter()
            .enumerate()
            .filter(|(position, _)| !known.contains(position))
            .map(|(position, name)| (position, name.clone()))
            .collect();
        let columns = Columns::read(rules, &positions);
        Ok(Self {
            width: names.len(),
            is_quoted: line.starts_with(b"\""),
            is_canonical: known.is_sorted()
                && extra_columns.is_empty()
                && columns.creation_time.is_none(),
            columns,
            extra_columns,
            drift,
        })
    }
}

/// The one column of that name, or of one of its aliases.
fn find(column: &PublishedColumn, folded: &[String]) -> Result<Option<usize>, ()> {
    let names = std::iter::once(&column.header).chain(&column.aliases);
    for name in names.map(|name| text::folded(name)) {
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
            between_date_and_division: [
                required("status"),
                required("first_3_chars_of_postal_code"),
                required("intersection_street_1"),
                required("intersection_street_2"),
                required("ward"),
                required("service_request_type"),
            ],
            division: required("division"),
            section: required("section"),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::contract::Contract;

    use super::*;

    const PUBLISHED: &str = "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
                             Service Request Type,Division,Section";

    fn read(line: &str) -> Result<Header, HeaderError> {
        Header::read(line.as_bytes(), Encoding::Utf8, Contract::rules())
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
    fn drift_is_told() {
        let header = read(
            &PUBLISHED
                .replace("Ward,", "Ward Name,")
                .replace("Section", "Section,Closed Date"),
        )
        .unwrap();
        assert!(!header.is_canonical);
        assert_eq!(header.extra_columns, [(9, "Closed Date".to_owned())]);
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
        assert!(refused("<!DOCTYPE html>").starts_with("the first line is no header"));
        assert!(refused("").starts_with("the file is empty"));
        assert!(refused(&format!("{PUBLISHED},Ward")).starts_with("column Ward is there twice"));
    }
}
