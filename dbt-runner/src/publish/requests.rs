//! Writes the requests of a year as Parquet and CSV, a month at a time.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use anyhow::Context as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray, UInt32Array, new_null_array};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shared::contract::{ColumnType, Contract, Table};
use shared::partition::Dataset;

use super::csv_file::CsvWriter;
use super::parquet_file;
use super::spool::{Spool, Spooled, Writer};

/// The columns by which the rows of a month are sorted. So the requests of a ward in a month are a few pages, which a
/// reader finds by the page index.
const ORDER: [&str; 3] = ["ward_id", "created_at", "source_row"];
/// Columns whose values are mostly distinct, for which a dictionary is of no use.
const DISTINCT: [&str; 3] = ["request_id", "created_at", "source_row"];

/// Writes the files of a year.
pub(super) struct YearWriter {
    schema: Arc<Schema>,
    rows: u64,
    parquet: (Spool, ArrowWriter<Writer>),
    csv: (Spool, CsvWriter),
}

/// The files of a year.
pub(super) struct YearFiles {
    pub(super) parquet: Spooled,
    pub(super) csv: Spooled,
}

/// Returns the contract's table of the requests.
pub(super) fn table() -> &'static Table {
    Contract::clean_table(Dataset::ServiceRequests)
}

impl YearWriter {
    pub(super) fn create() -> anyhow::Result<Self> {
        let schema = schema(table());
        let (spool, writer) = Spool::open()?;
        let layout = parquet_file::layout_for_ranges(&schema, &ORDER, &DISTINCT)?;
        let parquet = parquet_file::writer(writer, &schema, layout)?;
        let (csv_spool, csv_writer) = Spool::open()?;
        let csv = CsvWriter::create(csv_writer, &schema)?;
        Ok(Self {
            schema,
            rows: 0,
            parquet: (spool, parquet),
            csv: (csv_spool, csv),
        })
    }

    /// Adds the rows of a month's clean Parquet file, in row groups of their own.
    pub(super) fn add_month(&mut self, file: Bytes) -> anyhow::Result<()> {
        let month = sorted(&read(file, &self.schema)?)?;
        let (_, parquet) = &mut self.parquet;
        let (_, csv) = &mut self.csv;
        thread::scope(|scope| {
            let written = scope.spawn(|| csv.write(&month));
            parquet.write(&month)?;
            parquet.flush()?;
            written.join().unwrap_or_else(|panic| resume_unwind(panic))
        })?;
        self.rows += month.num_rows() as u64;
        Ok(())
    }

    pub(super) fn finish(self) -> anyhow::Result<YearFiles> {
        let (spool, writer) = self.parquet;
        let parquet = spool.finish(writer.into_inner()?, self.rows)?;
        let (spool, writer) = self.csv;
        let csv = spool.finish(writer.finish()?, self.rows)?;
        Ok(YearFiles { parquet, csv })
    }
}

/// Returns the published schema of a table: ids are hexadecimal text, which every reader of Parquet and CSV has in common.
fn schema(table: &Table) -> Arc<Schema> {
    let fields = table.columns.iter().map(|column| {
        let kind = match column.kind {
            ColumnType::Binary16 => DataType::Utf8,
            kind => kind.arrow(),
        };
        Field::new(&column.name, kind, !column.required)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Reads the columns of `schema` from a clean Parquet file as one batch.
///
/// # Errors
/// If a required column is missing or a column has another type.
pub(super) fn read(file: Bytes, schema: &Arc<Schema>) -> anyhow::Result<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let found = Arc::clone(reader.schema());
    let batches = reader.build()?.collect::<Result<Vec<_>, _>>()?;
    let batch = concat_batches(&found, &batches)?;
    let columns = schema.fields().iter().map(|field| {
        let column = match batch.column_by_name(field.name()) {
            Some(ids) if *ids.data_type() == DataType::FixedSizeBinary(16) => hexadecimal(ids),
            Some(column) => Arc::clone(column),
            // A year that could not be transformed since the contract has the column.
            None if field.is_nullable() => new_null_array(field.data_type(), batch.num_rows()),
            None => anyhow::bail!("it does not have the column {}", field.name()),
        };
        anyhow::ensure!(
            column.data_type() == field.data_type(),
            "its column {} is {}, not {}",
            field.name(),
            column.data_type(),
            field.data_type()
        );
        Ok(column)
    });
    let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Returns a column of `batch`, which was read of `source`.
pub(super) fn column_of<'a>(
    batch: &'a RecordBatch,
    source: &str,
    name: &str,
) -> anyhow::Result<&'a ArrayRef> {
    let column = batch.column_by_name(name);
    column.with_context(|| format!("{source} does not have the column {name}"))
}

/// Returns ids of 16 bytes as 32 hexadecimal digits.
fn hexadecimal(ids: &ArrayRef) -> ArrayRef {
    let ids = ids.as_fixed_size_binary();
    let digits = ids.iter().map(|id| {
        let id = <[u8; 16]>::try_from(id?).ok()?;
        Some(format!("{:032x}", u128::from_be_bytes(id)))
    });
    Arc::new(digits.collect::<StringArray>())
}

/// Returns the rows in [`ORDER`]; null comes first.
fn sorted(batch: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let [ward, time, line] = ORDER.map(|name| batch.column_by_name(name));
    let (Some(ward), Some(time), Some(line)) = (
        ward.and_then(|ward| ward.as_primitive_opt::<Int32Type>()),
        time.and_then(|time| time.as_primitive_opt::<TimestampMicrosecondType>()),
        line.and_then(|line| line.as_primitive_opt::<Int32Type>()),
    ) else {
        anyhow::bail!("the contract has other types of {}", ORDER.join(", "));
    };
    let mut rows: Vec<u32> = (0..u32::try_from(batch.num_rows())?).collect();
    rows.sort_unstable_by_key(|&row| {
        let row = row as usize;
        let ward = ward.is_valid(row).then(|| ward.value(row));
        (ward, time.value(row), line.value(row))
    });
    let rows = UInt32Array::from(rows);
    let columns = batch
        .columns()
        .iter()
        .map(|column| take(column, &rows, None));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}
