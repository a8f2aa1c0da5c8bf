//! Writes the requests of a year as Parquet and CSV, a month at a time.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::Context as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray, UInt32Array, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::{take, take_record_batch};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use shared::contract::{ColumnType, Contract, Table};
use shared::limits::PAGE_ROWS;
use shared::partition::Dataset;

use super::csv_file::CsvWriter;
use super::parquet_file;
use super::spool::{Spool, Spooled, Writer};

/// The columns by which the rows of a month are sorted. So the requests of a ward in a month are a few pages, which a
/// reader finds by the page index.
const ORDER: [&str; 3] = ["ward_id", "created_at", "source_row"];
/// Columns whose values are mostly distinct, for which a dictionary is of no use.
const DISTINCT: [&str; 3] = ["request_id", "created_at", "source_row"];

/// Returns the description of the published files, which are others than those of the lake.
pub(super) fn description() -> String {
    format!(
        "The clean requests, one row each, in a file per year. Among them are those with unquoted commas in the City's file, \
         which most readers skip or misread: they are repaired. The months follow each other, and the rows of a month are \
         sorted by {}.",
        ORDER.join(", ")
    )
}

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
        let month = Month::read(file)?;
        let schema = Arc::clone(&self.schema);
        let (_, parquet) = &mut self.parquet;
        let (_, csv) = &mut self.csv;
        thread::scope(|scope| {
            let (pages, received) = sync_channel::<RecordBatch>(1);
            let written =
                scope.spawn(move || received.iter().try_for_each(|page| csv.write(&page)));
            for page in month.pages(&schema) {
                let page = page?;
                if pages.send(page.clone()).is_err() {
                    // The other thread has failed, with the error that it returns below.
                    break;
                }
                parquet.write(&page)?;
            }
            drop(pages);
            parquet.flush()?;
            written.join().unwrap_or_else(|panic| resume_unwind(panic))
        })?;
        self.rows += month.rows.num_rows() as u64;
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

/// The rows of a clean month. Its text is not decoded: each distinct value is there once, with 4 bytes for each row.
struct Month {
    rows: RecordBatch,
    /// The numbers of the rows in [`ORDER`].
    order: UInt32Array,
}

impl Month {
    fn read(file: Bytes) -> anyhow::Result<Self> {
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
        let fields = metadata.schema().fields().iter();
        let fields = fields.map(|field| match field.data_type() {
            DataType::Utf8 => {
                let kind = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
                Arc::new(field.as_ref().clone().with_data_type(kind))
            }
            _ => Arc::clone(field),
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = ArrowReaderOptions::new().with_schema(Arc::clone(&schema));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        // transform-job writes a month as one row group, and so each column has one dictionary.
        let mut batches = reader.with_batch_size(usize::MAX).build()?;
        let rows = batches.next().transpose()?;
        let rows = rows.unwrap_or_else(|| RecordBatch::new_empty(schema));
        Ok(Self {
            order: order(&rows)?,
            rows,
        })
    }

    /// Returns the rows in order, with the columns of `schema`: as many at a time as a page of the Parquet file has,
    /// because only these are decoded.
    fn pages(&self, schema: &SchemaRef) -> impl Iterator<Item = anyhow::Result<RecordBatch>> {
        let rows = self.order.len();
        (0..rows).step_by(PAGE_ROWS).map(move |start| {
            let page = self.order.slice(start, PAGE_ROWS.min(rows - start));
            published(&take_record_batch(&self.rows, &page)?, schema)
        })
    }
}

/// Returns the columns of `schema` of rows that were read of a clean Parquet file.
///
/// # Errors
/// If a required column is missing or a column has another type.
pub(super) fn published(rows: &RecordBatch, schema: &SchemaRef) -> anyhow::Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| {
        let column = match rows.column_by_name(field.name()) {
            Some(ids) if *ids.data_type() == DataType::FixedSizeBinary(16) => hexadecimal(ids),
            Some(column) => match column.as_any_dictionary_opt() {
                Some(texts) => take(texts.values(), texts.keys(), None)?,
                None => Arc::clone(column),
            },
            // A year that could not be transformed since the contract has the column.
            None if field.is_nullable() => new_null_array(field.data_type(), rows.num_rows()),
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

/// Returns the numbers of the rows in [`ORDER`]; null comes first.
fn order(rows: &RecordBatch) -> anyhow::Result<UInt32Array> {
    let [ward, time, line] = ORDER.map(|name| rows.column_by_name(name));
    let (Some(ward), Some(time), Some(line)) = (
        ward.and_then(|ward| ward.as_primitive_opt::<Int32Type>()),
        time.and_then(|time| time.as_primitive_opt::<TimestampMicrosecondType>()),
        line.and_then(|line| line.as_primitive_opt::<Int32Type>()),
    ) else {
        anyhow::bail!("its types of {} are not the contract's", ORDER.join(", "));
    };
    let mut order: Vec<u32> = (0..u32::try_from(rows.num_rows())?).collect();
    order.sort_unstable_by_key(|&row| {
        let row = row as usize;
        let ward = ward.is_valid(row).then(|| ward.value(row));
        (ward, time.value(row), line.value(row))
    });
    Ok(order.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use arrow_array::{
        BooleanArray, DictionaryArray, FixedSizeBinaryArray, Int32Array, TimestampMicrosecondArray,
    };
    use parquet::file::properties::WriterProperties;

    use super::*;

    const ROWS: usize = 12_000;
    const TEXT_BYTES: usize = 60_000;

    /// Returns a month in which every row has the same text as its section.
    fn month_of(rows: usize, text: &str) -> Bytes {
        let mut fields = Vec::new();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for field in table().arrow_schema().fields() {
            let column: ArrayRef = match field.data_type() {
                DataType::Utf8 => {
                    let is_absent = field.is_nullable() && field.name() != "section";
                    let text = if field.name() == "section" { text } else { "x" };
                    let keys = vec![(!is_absent).then_some(0); rows];
                    let values = Arc::new(StringArray::from(vec![text]));
                    Arc::new(DictionaryArray::new(Int32Array::from(keys), values))
                }
                DataType::Int32 => Arc::new(Int32Array::from_value(7, rows)),
                DataType::Boolean => Arc::new(BooleanArray::from(vec![false; rows])),
                DataType::FixedSizeBinary(bytes) => {
                    let id = vec![7; usize::try_from(*bytes).expect("positive")];
                    let ids = FixedSizeBinaryArray::try_from_iter((0..rows).map(|_| id.clone()));
                    Arc::new(ids.expect("ids"))
                }
                DataType::Timestamp(_, zone) => {
                    let times = TimestampMicrosecondArray::from_value(0, rows);
                    Arc::new(times.with_timezone_opt(zone.clone()))
                }
                other => panic!("the contract has a column of {other}"),
            };
            let kind = column.data_type().clone();
            fields.push(Field::new(field.name(), kind, field.is_nullable()));
            columns.push(column);
        }
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("columns");
        let properties = WriterProperties::default();
        let mut writer = parquet_file::writer(Vec::new(), &schema, properties).expect("a schema");
        writer.write(&batch).expect("memory");
        writer.into_inner().expect("memory").into()
    }

    /// Returns the most memory that the process has had so far, in KiB.
    fn peak() -> usize {
        let status = fs::read_to_string("/proc/self/status").expect("Linux");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak
            .expect("it has the peak")
            .trim()
            .trim_end_matches(" kB");
        kib.parse().expect("a number")
    }

    /// The texts of the month are 720 MB, of which a few pages are decoded at a time.
    #[test]
    #[cfg(target_os = "linux")]
    fn memory_does_not_grow_with_repeated_texts() {
        let file = month_of(ROWS, &"x".repeat(TEXT_BYTES));
        let mut year = YearWriter::create().expect("temporary files");
        let before = peak();
        year.add_month(file).expect("a month");
        let written = year.finish().expect("files");
        assert_eq!(written.parquet.rows, ROWS as u64);
        let most = 4 * PAGE_ROWS * TEXT_BYTES / 1024;
        assert!(peak() - before < most, "{} KiB of {most}", peak() - before);
    }
}
