//! Writes rows as compressed CSV: RFC 4180, in UTF-8, with a header.

use std::fmt::Write as _;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{
    Array as _, ArrayRef, BooleanArray, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Schema};
use csv::{Terminator, WriterBuilder};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::spool::Writer;

/// Writes rows. The result depends on them alone: the header of gzip has neither a time nor a name.
pub(super) struct CsvWriter(csv::Writer<GzEncoder<Writer>>);

/// The values of a column.
enum Values<'a> {
    Text(&'a StringArray),
    Integer(&'a Int32Array),
    Boolean(&'a BooleanArray),
    Instant(&'a TimestampMicrosecondArray),
}

impl CsvWriter {
    pub(super) fn create(writer: Writer, schema: &Schema) -> anyhow::Result<Self> {
        let gzip = GzEncoder::new(writer, Compression::default());
        let mut csv = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .from_writer(gzip);
        csv.write_record(schema.fields().iter().map(|field| field.name()))?;
        Ok(Self(csv))
    }

    /// Adds rows. Null is an empty field; times are in UTC as in RFC 3339.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let columns = batch.columns().iter().map(Values::of);
        let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
        let mut field = String::new();
        for row in 0..batch.num_rows() {
            for column in &columns {
                field.clear();
                column.write(row, &mut field)?;
                self.0.write_field(&field)?;
            }
            self.0.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> anyhow::Result<Writer> {
        let gzip = self.0.into_inner();
        let gzip = gzip.map_err(|error| anyhow::anyhow!(error.to_string()))?;
        Ok(gzip.finish()?)
    }
}

impl<'a> Values<'a> {
    fn of(column: &'a ArrayRef) -> anyhow::Result<Self> {
        Ok(match column.data_type() {
            DataType::Utf8 => Self::Text(column.as_string()),
            DataType::Int32 => Self::Integer(column.as_primitive::<Int32Type>()),
            DataType::Boolean => Self::Boolean(column.as_boolean()),
            DataType::Timestamp(..) => {
                let times = column.as_primitive_opt::<TimestampMicrosecondType>();
                Self::Instant(
                    times.ok_or_else(|| anyhow::anyhow!("a time is not in microseconds"))?,
                )
            }
            other => anyhow::bail!("cannot write {other} as CSV"),
        })
    }

    /// Appends the value in `row`.
    fn write(&self, row: usize, field: &mut String) -> anyhow::Result<()> {
        match self {
            Self::Text(texts) if texts.is_valid(row) => field.push_str(texts.value(row)),
            Self::Integer(numbers) if numbers.is_valid(row) => {
                write!(field, "{}", numbers.value(row))?;
            }
            Self::Boolean(booleans) if booleans.is_valid(row) => {
                write!(field, "{}", booleans.value(row))?;
            }
            Self::Instant(times) if times.is_valid(row) => {
                write!(field, "{}", Timestamp::from_microsecond(times.value(row))?)?;
            }
            _ => {}
        }
        Ok(())
    }
}
