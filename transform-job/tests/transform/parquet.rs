//! Reads the job's Parquet files back.

use std::fs::File;

use parquet::data_type::AsBytes as _;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Value, json};
use shared::testing::TestLake;

/// Returns the rows of the clean files of `manifest`, in order, each a JSON object. Ids are hexadecimal, times
/// microseconds since 1970.
pub(crate) fn rows(lake: &TestLake, manifest: &Value) -> Vec<Value> {
    let files = manifest["files"].as_array().expect("files");
    files.iter().flat_map(|file| rows_of(lake, file)).collect()
}

/// Returns the rows of the quarantine of `manifest`.
pub(crate) fn quarantine(lake: &TestLake, manifest: &Value) -> Vec<Value> {
    rows_of(lake, &manifest["quarantine"])
}

fn rows_of(lake: &TestLake, file: &Value) -> Vec<Value> {
    let key = file["key"].as_str().expect("a key");
    let reader = SerializedFileReader::new(File::open(lake.path().join(key)).unwrap()).unwrap();
    let rows: Vec<Value> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row: Result<Row, _>| object(&row.unwrap()))
        .collect();
    assert_eq!(rows.len() as u64, file["rows"].as_u64().unwrap());
    rows
}

fn object(row: &Row) -> Value {
    let columns = row.get_column_iter();
    columns
        .map(|(name, field)| (name.clone(), value(field)))
        .collect()
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => json!(value),
        Field::Int(value) => json!(value),
        Field::TimestampMicros(micros) => json!(micros),
        Field::Str(text) => json!(text),
        Field::Bytes(bytes) => {
            let digits = bytes.as_bytes().iter().map(|byte| format!("{byte:02x}"));
            json!(digits.collect::<String>())
        }
        other => panic!("columns of type {other:?} are not read"),
    }
}
