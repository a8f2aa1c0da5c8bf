//! The data files below `data/`, which are part of the binary.

use serde::de::DeserializeOwned;

/// The rows of an embedded CSV file. Lines that begin with `#` are comments.
pub(super) fn rows<T: DeserializeOwned>(name: &str, text: &str) -> Vec<T> {
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let rows = reader.deserialize().collect::<Result<_, _>>();
    rows.unwrap_or_else(|error| {
        panic!("data/{name} is part of the build and has to be valid: {error}")
    })
}
