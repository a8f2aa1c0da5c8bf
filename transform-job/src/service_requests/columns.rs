//! A month's rows as the contract's columns.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, Int32Builder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, Field, Schema};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::EnabledStatistics;
use parquet::schema::types::ColumnPath;
use shared::contract::{Column, ColumnType, Contract};
use shared::partition::Dataset;

use super::month::Placed;
use super::place::Fsa;
use super::row::{Row, Values};
use super::status::Status;
use super::subject::Subject;
use super::timestamp::Anomaly;
use crate::parquet_file::{Layout, plain_column};

const SEASONS: [&str; 4] = ["winter", "spring", "summer", "fall"];

/// How the columns are written: ids do not compress, times and lines hardly repeat, texts do.
pub(super) fn layout() -> Layout {
    Layout::new(|builder| {
        let ids = ColumnPath::from("request_id");
        let builder = plain_column(builder, "request_id", Encoding::PLAIN)
            .set_column_compression(ids.clone(), Compression::UNCOMPRESSED)
            .set_column_statistics_enabled(ids, EnabledStatistics::None);
        let builder = plain_column(builder, "created_at", Encoding::DELTA_BINARY_PACKED);
        let builder = plain_column(builder, "created_local", Encoding::DELTA_BINARY_PACKED);
        plain_column(builder, "source_row", Encoding::DELTA_BINARY_PACKED)
    })
}

/// The rows of one month, in the given order, as one batch.
pub(super) fn batch(
    year: i16,
    month: u8,
    values: &Values,
    rows: &[Placed],
) -> Result<RecordBatch, ArrowError> {
    let columns = Columns { values, rows };
    let table = Contract::clean_table(Dataset::ServiceRequests);
    let mut fields = Vec::with_capacity(table.columns.len());
    let mut arrays = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let array = columns.array(column, year, month)?;
        fields.push(Field::new(
            &column.name,
            array.data_type().clone(),
            !column.required,
        ));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

struct Columns<'a> {
    values: &'a Values,
    rows: &'a [Placed],
}

impl Columns<'_> {
    fn array(&self, column: &Column, year: i16, month: u8) -> Result<ArrayRef, ArrowError> {
        let season = usize::from(month % 12 / 3);
        Ok(match column.name.as_str() {
            "request_id" => self.ids()?,
            "created_at" => self.times(column, Row::created_at),
            "created_local" => self.times(column, |row| row.created_local),
            "local_time_anomaly" => {
                self.texts(["fold", "gap"].map(Some), |row| match row.clock.anomaly() {
                    Anomaly::None => None,
                    Anomaly::Fold => Some(0),
                    Anomaly::Gap => Some(1),
                })?
            }
            "status" => self.texts(self.statuses(|status| &status.unified), |row| {
                Some(row.status.into())
            })?,
            "source_status" => self.texts(self.statuses(|status| &status.published), |row| {
                Some(row.status.into())
            })?,
            "fsa" => {
                let areas: Vec<String> = Fsa::all().collect();
                self.texts(areas.iter().map(|area| Some(area.as_str())), |row| {
                    row.fsa.index().map(u32::from)
                })?
            }
            "intersection_street_1" => self.texts(self.streets(), |row| row.street_1.get())?,
            "intersection_street_2" => self.texts(self.streets(), |row| row.street_2.get())?,
            "ward_id" => self.ward_numbers(|row| self.values.wards[usize::from(row.ward)].id),
            "ward_model" => self.ward_numbers(|row| self.values.wards[usize::from(row.ward)].model),
            "ward_name" => {
                let names = self.values.wards.iter().map(|ward| ward.name.as_deref());
                self.texts(names, |row| Some(row.ward.into()))?
            }
            "service_request_type" => self.texts(
                self.subjects(|subject| Some(&subject.service_request_type)),
                |row| Some(row.subject),
            )?,
            "division" => self.texts(
                self.subjects(|subject| subject.division.as_deref()),
                |row| Some(row.subject),
            )?,
            "section" => self
                .texts(self.subjects(|subject| subject.section.as_deref()), |row| {
                    Some(row.subject)
                })?,
            "season" => self.texts([Some(SEASONS[season])], |_| Some(0))?,
            "repaired" => {
                let repaired = self.rows().map(|row| Some(self.is_repaired(row)));
                Arc::new(repaired.collect::<BooleanArray>())
            }
            "source_year" => Arc::new(Int32Array::from_value(year.into(), self.rows.len())),
            "source_row" => Arc::new(Int32Array::from_iter_values(
                self.rows()
                    .map(|row| i32::try_from(row.line).unwrap_or(i32::MAX)),
            )),
            other => unreachable!("the contract's table has no column {other}: a test writes all"),
        })
    }

    fn rows(&self) -> impl ExactSizeIterator<Item = &Row> {
        self.rows.iter().map(|placed| &placed.row)
    }

    fn ids(&self) -> Result<ArrayRef, ArrowError> {
        let mut ids = FixedSizeBinaryBuilder::with_capacity(self.rows.len(), 16);
        for placed in self.rows {
            ids.append_value(placed.request_id)?;
        }
        Ok(Arc::new(ids.finish()))
    }

    fn times(&self, column: &Column, micros: impl Fn(&Row) -> i64) -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(self.rows().map(micros));
        match column.kind {
            ColumnType::Instant => Arc::new(times.with_timezone("UTC")),
            _ => Arc::new(times),
        }
    }

    /// A column of few different texts: `texts` by code, and each row's code.
    fn texts<'t>(
        &self,
        texts: impl IntoIterator<Item = Option<&'t str>>,
        code: impl Fn(&Row) -> Option<u32>,
    ) -> Result<ArrayRef, ArrowError> {
        let texts: StringArray = texts.into_iter().collect();
        let key = |row| code(row).and_then(|code| i32::try_from(code).ok());
        let keys: Int32Array = self.rows().map(key).collect();
        let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(texts))?;
        Ok(Arc::new(array))
    }

    fn ward_numbers(&self, number: impl Fn(&Row) -> Option<i32>) -> ArrayRef {
        let mut numbers = Int32Builder::with_capacity(self.rows.len());
        for row in self.rows() {
            numbers.append_option(number(row));
        }
        Arc::new(numbers.finish())
    }

    fn statuses<'t>(
        &'t self,
        text: impl Fn(&'t Status) -> &'t str,
    ) -> impl Iterator<Item = Option<&'t str>> {
        let statuses = self.values.statuses.iter();
        statuses.map(move |status| status.as_ref().ok().map(&text))
    }

    fn subjects<'t>(
        &'t self,
        text: impl Fn(&'t Subject) -> Option<&'t str>,
    ) -> impl Iterator<Item = Option<&'t str>> {
        let subjects = self.values.subjects.iter();
        subjects.map(move |subject| subject.as_ref().ok().and_then(&text))
    }

    fn streets(&self) -> impl Iterator<Item = Option<&str>> {
        self.values.streets.iter().map(Option::as_deref)
    }

    fn is_repaired(&self, row: &Row) -> bool {
        let subject = self.values.subjects[row.subject as usize].as_ref();
        subject.is_ok_and(|subject| subject.is_repaired)
    }
}
