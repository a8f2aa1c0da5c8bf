//! The data files below `data/`, embedded in the binary.

use serde::de::DeserializeOwned;

/// Returns the rows of an embedded CSV file by the names in its header. Lines that start with `#` are comments.
pub(super) fn rows<T: DeserializeOwned>(name: &str, text: &str) -> Vec<T> {
    let rows = reader(text).deserialize().collect::<Result<_, _>>();
    valid(name, rows)
}

/// Returns the rows of an embedded CSV file by the order of its columns.
pub(super) fn tuples<T: DeserializeOwned>(name: &str, text: &str) -> Vec<T> {
    let records = reader(text).into_records();
    let rows = records
        .map(|record| record?.deserialize(None))
        .collect::<Result<_, _>>();
    valid(name, rows)
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_reader(text.as_bytes())
}

fn valid<T>(name: &str, rows: Result<Vec<T>, csv::Error>) -> Vec<T> {
    rows.unwrap_or_else(|error| panic!("the embedded file data/{name} is not valid: {error}"))
}
