//! Writes Parquet files: a mart, or one year of it, for browsers, and tables of the lake for readers over HTTP.

use std::io::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, Int32Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use shared::limits::{PAGE_ROWS, ROW_GROUP_BYTES};

/// Rows per row group, so that a reader of one type of a sorted file can skip the others.
const ROW_GROUP_ROWS: usize = 1 << 16;

/// Higher levels take longer and save little.
const ZSTD_LEVEL: i32 = 3;

/// Returns the settings that all files share. Bytes depend on rows only, so the writer's version is left out.
fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by("toronto-311 dbt-runner".to_owned())
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
}

/// Returns the settings of a file in which a reader over HTTP finds rows by ranges: each row group is sorted by the columns
/// `order`, and has small pages, their offsets, and the smallest and the largest value of these columns in each. The columns
/// `distinct` have no dictionary.
pub(super) fn layout_for_ranges(
    schema: &Schema,
    order: &[&str],
    distinct: &[&str],
) -> anyhow::Result<WriterProperties> {
    let order_by = order.iter().map(|column| {
        Ok(SortingColumn {
            column_idx: i32::try_from(schema.index_of(column)?)?,
            descending: false,
            nulls_first: true,
        })
    });
    let builder = properties()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_sorting_columns(Some(order_by.collect::<anyhow::Result<_>>()?));
    let builder = order.iter().fold(builder, |builder, column| {
        let column = ColumnPath::from(*column);
        builder.set_column_statistics_enabled(column, EnabledStatistics::Page)
    });
    let builder = distinct.iter().fold(builder, |builder, column| {
        builder.set_column_dictionary_enabled(ColumnPath::from(*column), false)
    });
    Ok(builder.build())
}

/// Returns a writer of rows to `output`. Readers use the types of Parquet's own schema, so an Arrow schema is left out.
pub(super) fn writer<W: Write + Send>(
    output: W,
    schema: &SchemaRef,
    properties: WriterProperties,
) -> Result<ArrowWriter<W>, ParquetError> {
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(output, Arc::clone(schema), options)
}

/// Returns the Parquet file of `batches`, of which there must be at least one. It depends on the rows only: they are
/// concatenated because the writer ends pages at the ends of batches.
pub(super) fn write(batches: &[RecordBatch]) -> Result<Vec<u8>, ParquetError> {
    let schema = batches
        .first()
        .map(RecordBatch::schema)
        .ok_or_else(|| ParquetError::General("there is no batch".to_owned()))?;
    let batch = for_browsers(&concat_batches(&schema, batches)?)?;
    let mut writer = writer(Vec::new(), &batch.schema(), layout_for_browsers())?;
    writer.write(&batch)?;
    writer.into_inner()
}

/// Returns the settings of a mart's file.
fn layout_for_browsers() -> WriterProperties {
    properties()
        .set_compression(Compression::SNAPPY)
        .set_offset_index_disabled(true)
        .build()
}

/// Returns one file with the row groups of `files`, which are copied without being decoded. There must be at least one
/// file, and all must have the same columns.
pub(super) fn joined(files: &[Bytes]) -> Result<Vec<u8>, ParquetError> {
    let readers = files
        .iter()
        .map(|file| SerializedFileReader::new(file.clone()));
    let readers = readers.collect::<Result<Vec<_>, _>>()?;
    let schema_of = |reader: &SerializedFileReader<Bytes>| {
        let metadata = reader.metadata().file_metadata();
        metadata.schema_descr().root_schema_ptr()
    };
    let schema = readers
        .first()
        .map(schema_of)
        .ok_or_else(|| ParquetError::General("there is no file".to_owned()))?;
    let properties = Arc::new(layout_for_browsers());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::clone(&schema), properties)?;
    for (file, reader) in files.iter().zip(&readers) {
        if schema_of(reader) != schema {
            return Err(ParquetError::General(
                "the files have different columns".to_owned(),
            ));
        }
        for group in reader.metadata().row_groups() {
            let mut appended = writer.next_row_group()?;
            for column in group.columns() {
                let chunk = ColumnCloseResult {
                    bytes_written: column.compressed_size().unsigned_abs(),
                    rows_written: group.num_rows().unsigned_abs(),
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: None,
                    offset_index: None,
                };
                appended.append_column(file, chunk)?;
            }
            appended.close()?;
        }
    }
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
        DataType::Binary => Some("geometry"),
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
