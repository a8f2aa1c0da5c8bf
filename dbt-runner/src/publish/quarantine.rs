//! Writes the quarantined rows of a year, without what may be personal.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shared::contract::{Column, Contract, Table};
use shared::limits::PAGE_ROWS;
use shared::manifest::{CleanManifest, DriftKind};

use super::parquet_file;
use super::requests::{column_of, published};
use super::spool::{Spool, Spooled};

/// The line as published, the last of the published columns.
const LINE: &str = "raw_line";
/// The columns that say which row was refused and why. `detail` may quote a value and is left out.
const PUBLIC: [&str; 3] = ["source_year", "source_row", "reason"];
/// The columns that identify a row.
pub(super) const KEY: [&str; 2] = ["source_year", "source_row"];
/// The description of the published files, which lack what may be personal.
pub(super) const DESCRIPTION: &str = "The lines that could not be read as requests, one row each, with the reason, in a \
     file per year. They come back automatically when a later version of the contract or of the transform accepts them.";
/// The description of [`LINE`] on the site.
const LINE_DESCRIPTION: &str = "The whole line as published, decoded. Null if it may hold a value of a column \
     outside the contract, which may be personal: in a file that has such columns, and in a line with more or fewer commas than \
     there are between the contract's columns. source_row leads to the line in the City's file.";

/// Returns the contract's table of the quarantine.
pub(super) fn table() -> &'static Table {
    Contract::quarantine_table()
}

/// Returns the published columns of the contract's table, whether they may be null, and what they are.
pub(super) fn columns() -> impl Iterator<Item = (&'static Column, bool, &'static str)> {
    let columns = table().columns.iter();
    columns.filter_map(|column| match column.name.as_str() {
        LINE => Some((column, true, LINE_DESCRIPTION)),
        name => PUBLIC
            .contains(&name)
            .then_some((column, !column.required, &*column.description)),
    })
}

/// Writes the quarantine file of the year of `manifest`. As many lines are decoded at a time as a page has.
pub(super) fn write(manifest: &CleanManifest, file: Bytes) -> anyhow::Result<Spooled> {
    let has_unknown_columns = manifest.drift.iter().any(|drift| {
        matches!(
            drift.kind,
            DriftKind::ExtraColumn | DriftKind::SurplusEmptyFields
        )
    });
    let fields = columns()
        .map(|(column, nullable, _)| Field::new(&column.name, column.kind.arrow(), nullable));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let (spool, writer) = Spool::open()?;
    let layout = parquet_file::layout_for_ranges(&schema, &["source_row"], &[LINE])?;
    let mut parquet = parquet_file::writer(writer, &schema, layout)?;
    let mut rows = 0;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
    for page in reader.with_batch_size(PAGE_ROWS).build()? {
        let page = public(&page?, &schema, has_unknown_columns)?;
        rows += page.num_rows() as u64;
        parquet.write(&page)?;
    }
    Ok(spool.finish(parquet.into_inner()?, rows)?)
}

/// Returns the published columns of quarantined rows.
fn public(
    rows: &RecordBatch,
    schema: &SchemaRef,
    has_unknown_columns: bool,
) -> anyhow::Result<RecordBatch> {
    let whole = published(rows, &table().arrow_schema())?;
    let public = schema.fields().iter().map(|field| {
        let values = column_of(&whole, "the quarantine", field.name())?;
        Ok(if field.name() == LINE {
            Arc::new(lines(values.as_string(), has_unknown_columns)) as ArrayRef
        } else {
            Arc::clone(values)
        })
    });
    let public = public.collect::<anyhow::Result<_>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), public)?)
}

/// Returns the lines that hold only values of the contract's columns.
fn lines(lines: &StringArray, has_unknown_columns: bool) -> StringArray {
    let expected = commas();
    lines
        .iter()
        .map(|line| {
            line.filter(|line| !has_unknown_columns && line.matches(',').count() == expected)
        })
        .collect()
}

/// Returns the number of commas in a line with one field for each column that every file has. With more of them, or fewer,
/// it is not certain which column a field belongs to, and whether it belongs to any.
fn commas() -> usize {
    let columns = Contract::rules().published.iter();
    columns.filter(|column| !column.optional).count() - 1
}
