//! Writes a mart, or one year of it, as a Parquet file for browsers.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, Int32Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

/// Rows per row group, so that a reader of one type of a sorted file can skip the others.
const ROW_GROUP_ROWS: usize = 1 << 16;

/// Returns the Parquet file of `batches`, of which there must be at least one. It depends on the rows only: they are
/// concatenated because the writer ends pages at the ends of batches.
pub(super) fn write(batches: &[RecordBatch]) -> Result<Vec<u8>, ParquetError> {
    let schema = batches
        .first()
        .map(RecordBatch::schema)
        .ok_or_else(|| ParquetError::General("there is no batch".to_owned()))?;
    let batch = for_browsers(&concat_batches(&schema, batches)?)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("toronto-311 dbt-runner".to_owned())
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options)?;
    writer.write(&batch)?;
    writer.into_inner()
}

/// Returns the batch with its integers as 32 bits, because JavaScript numbers cannot represent 64-bit ones.
///
/// # Errors
/// An integer that needs more than 32 bits.
fn for_browsers(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let (kind, column) = match column.as_primitive_opt::<Int64Type>() {
            Some(long) => {
                let short: Int32Array = long.try_unary::<_, Int32Type, _>(|value| {
                    i32::try_from(value).map_err(|_| {
                        ArrowError::CastError(format!(
                            "{} is {value}, which needs more than 32 bits",
                            field.name()
                        ))
                    })
                })?;
                (DataType::Int32, Arc::new(short) as ArrayRef)
            }
            None => (field.data_type().clone(), Arc::clone(column)),
        };
        fields.push(Field::new(field.name(), kind, true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Returns the catalog's name of a column type.
pub(super) fn type_name(kind: &DataType) -> Option<&'static str> {
    match kind {
        DataType::Int32 | DataType::Int64 => Some("integer"),
        DataType::Float64 => Some("double"),
        DataType::Utf8 => Some("string"),
        DataType::Boolean => Some("boolean"),
        DataType::Date32 => Some("date"),
        DataType::Timestamp(_, Some(_)) => Some("timestamp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn batch(values: Vec<Option<i64>>) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from(values));
        RecordBatch::try_from_iter([("requests", column)]).expect("valid")
    }

    #[test]
    fn integers_are_written_with_32_bits_and_larger_ones_are_refused() {
        let file = write(&[batch(vec![Some(7), None])]).expect("written");
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file));
        let mut reader = reader.expect("Parquet").build().expect("readable");
        let read = reader.next().expect("a batch").expect("readable");
        let column = read.column(0).as_primitive::<Int32Type>();
        assert_eq!(column.iter().collect::<Vec<_>>(), [Some(7), None]);

        let refused = write(&[batch(vec![Some(1 << 31)])]).expect_err("too large");
        assert!(
            refused.to_string().contains("requests is 2147483648"),
            "{refused}"
        );
    }
}
