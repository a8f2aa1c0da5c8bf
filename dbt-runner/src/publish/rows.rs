//! Reads rows of a published table back from its files, so that what is derived from them is equal wherever they are.

use bytes::Bytes;
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};

use super::catalog::{Catalog, Format, PublishedFile};
use super::read_data;
use crate::site::Site;

/// Returns the rows of the files of `table` that are `wanted`, with these columns; none if the catalog lacks the table.
pub(super) async fn read<T: DeserializeOwned>(
    site: &Site,
    catalog: &Catalog,
    table: &str,
    columns: &[&str],
    wanted: impl Fn(&PublishedFile) -> bool,
) -> Result<Vec<T>, Failure> {
    let files = catalog.table(table).into_iter();
    let files = files.flat_map(|table| &table.files);
    let mut rows = Vec::new();
    for file in files.filter(|file| file.format == Format::Parquet && wanted(file)) {
        let content = read_data(site, file).await?;
        let of_file = rows_of(content, columns).or_fail(Exit::Bug);
        rows.extend(of_file.while_doing(|| format!("cannot read rows of {}", file.path))?);
    }
    Ok(rows)
}

fn rows_of<T: DeserializeOwned>(content: Bytes, columns: &[&str]) -> anyhow::Result<Vec<T>> {
    let reader = SerializedFileReader::new(content)?;
    let schema = reader.metadata().file_metadata().schema();
    let fields = schema.get_fields().iter();
    let fields = fields.filter(|field| columns.contains(&field.name()));
    let projection = Type::group_type_builder(schema.name())
        .with_fields(fields.cloned().collect())
        .build()?;
    let mut rows = Vec::new();
    for row in reader.get_row_iter(Some(projection))? {
        let row = row?;
        let cells = row.get_column_iter();
        let cells = cells.map(|(name, cell)| Ok((name.clone(), value_of(cell)?)));
        let cells: Map<String, Value> = cells.collect::<anyhow::Result<_>>()?;
        rows.push(serde_json::from_value(cells.into())?);
    }
    Ok(rows)
}

/// Returns the day that Parquet counts from 1970-01-01.
pub(super) fn day(days: i32) -> anyhow::Result<Date> {
    Ok(date(1970, 1, 1).checked_add(days.days())?)
}

/// Returns a cell of a published table. Dates and times are as in ISO 8601.
fn value_of(cell: &Field) -> anyhow::Result<Value> {
    Ok(match cell {
        Field::Null => Value::Null,
        Field::Bool(value) => (*value).into(),
        Field::Int(value) => (*value).into(),
        Field::Double(value) => (*value).into(),
        Field::Str(value) => value.as_str().into(),
        Field::Date(days) => day(*days)?.to_string().into(),
        Field::TimestampMicros(time) => Timestamp::from_microsecond(*time)?.to_string().into(),
        other => anyhow::bail!("a cell is {other:?}, which no published table has"),
    })
}
