//! Reads Parquet files back with the reader of the `parquet` crate.

use std::collections::BTreeMap;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use shared::fingerprint::Digest;

use crate::parquet_file::ParquetFile;

/// A row of a Parquet file.
pub(super) struct Cells(BTreeMap<String, Field>);

impl Cells {
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        match &self.0[column] {
            Field::Null => None,
            Field::Str(text) => Some(text),
            other => panic!("{column} is not text but {other}"),
        }
    }

    pub(super) fn number(&self, column: &str) -> Option<i64> {
        match self.0[column] {
            Field::Null => None,
            Field::Int(number) => Some(number.into()),
            Field::TimestampMicros(micros) => Some(micros),
            ref other => panic!("{column} is not a number but {other}"),
        }
    }

    pub(super) fn bytes(&self, column: &str) -> &[u8] {
        match &self.0[column] {
            Field::Bytes(bytes) => bytes.data(),
            other => panic!("{column} is not binary but {other}"),
        }
    }

    pub(super) fn is_true(&self, column: &str) -> bool {
        match self.0[column] {
            Field::Bool(value) => value,
            ref other => panic!("{column} is not a boolean but {other}"),
        }
    }
}

/// Returns the rows of `file`, whose bytes have the length, the digest and the number of rows that it states.
pub(super) fn rows_of(file: &ParquetFile) -> Vec<Cells> {
    let name = &file.name;
    let bytes = std::fs::read(file.content.path()).expect("a file in the spool");
    assert_eq!(bytes.len() as u64, file.measured.size_bytes, "{name}");
    assert_eq!(Digest::of(&bytes), file.measured.sha256, "{name}");
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes));
    let reader = reader.unwrap_or_else(|error| panic!("{name}: {error}"));
    let rows = reader
        .get_row_iter(None)
        .expect("the file's own schema")
        .map(|row| {
            let row = row.unwrap_or_else(|error| panic!("{name}: {error}"));
            let columns = row.get_column_iter();
            Cells(
                columns
                    .map(|(name, field)| (name.clone(), field.clone()))
                    .collect(),
            )
        });
    let rows: Vec<Cells> = rows.collect();
    assert_eq!(rows.len() as u64, file.rows, "{name}");
    rows
}
