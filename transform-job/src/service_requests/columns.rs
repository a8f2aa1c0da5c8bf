//! Writes a month's rows as the contract's columns.

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};
use shared::contract::Contract;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::lake::Lake;
use shared::partition::Dataset;

use super::location::{Fsa, Ward};
use super::row::{Row, RowClock, Values};
use super::status::Status;
use super::subject::Subject;
use super::timestamp::Anomaly;
use crate::parquet_file::column_chunk::{ChunkWriter, Codes};
use crate::parquet_file::{Layout, ParquetFile, spooled};

const SEASONS: [&str; 4] = ["winter", "spring", "summer", "fall"];

/// The schema of a month's file.
pub(super) struct MonthLayout {
    layout: Layout,
    schema: SchemaDescriptor,
}

impl MonthLayout {
    pub(super) fn new() -> Result<Self, Failure> {
        let schema: SchemaRef = Contract::clean_table(Dataset::ServiceRequests).arrow_schema();
        let schema = ArrowSchemaConverter::new().convert(&schema);
        Ok(Self {
            layout: Layout::new(&[]),
            schema: schema.or_fail(Exit::Bug)?,
        })
    }

    /// Writes the rows of one month, in the given order, as a file.
    pub(super) fn write(
        &self,
        lake: &Lake,
        (year, month): (i16, u8),
        values: &Values,
        rows: &[Row],
    ) -> Result<ParquetFile, Failure> {
        let name = format!("{year}-{month:02}.parquet");
        spooled(lake, name, rows.len(), |spool| {
            let root = self.schema.root_schema_ptr();
            let mut file = SerializedFileWriter::new(spool, root, self.layout.properties())?;
            let mut group = file.next_row_group()?;
            let mut columns = Columns {
                chunks: ChunkWriter::new(&mut group)?,
                values,
                rows,
                subjects: codes(rows, values.subjects.len(), |row| row.subject),
                statuses: codes(rows, values.statuses.len(), |row| row.status.into()),
                wards: codes(rows, values.wards.len(), |row| row.ward.into()),
                constant: codes(rows, 1, |_| 0),
            };
            for column in self.schema.columns() {
                columns.write(column, year, month)?;
            }
            group.close()?;
            file.into_inner()
        })
    }
}

fn codes(rows: &[Row], bound: usize, code: impl Fn(&Row) -> u32) -> Codes {
    Codes::new(bound, rows.iter().map(code))
}

/// The columns of one month while they are written. Data that several columns depend on are computed once.
struct Columns<'a, 'b> {
    chunks: ChunkWriter<'a, 'b>,
    values: &'a Values,
    rows: &'a [Row],
    subjects: Codes,
    statuses: Codes,
    wards: Codes,
    constant: Codes,
}

impl Columns<'_, '_> {
    fn write(&mut self, column: &ColumnDescPtr, year: i16, month: u8) -> Result<(), ParquetError> {
        let values = self.values;
        let ward = |code: usize| &values.wards[code];
        match column.name() {
            "request_id" => {
                let ids = self.collect(|row| row.identity);
                self.chunks.random(column, &ids)
            }
            "created_at" => {
                let times = self.collect(Row::created_at);
                self.chunks.plain(column, &times)
            }
            "utc_offset_hours" => {
                let bound = usize::from(RowClock::MAX_HOURS_BEHIND_UTC) + 1;
                let codes = codes(self.rows, bound, |row| row.clock.hours_behind_utc().into());
                self.chunks
                    .dictionary(column, &codes, |code| Some(-i32::try_from(code).ok()?))
            }
            "source_row" => {
                let lines = self.collect(|row| i32::try_from(row.line).unwrap_or(i32::MAX));
                self.chunks.plain(column, &lines)
            }
            "repaired" => {
                let repaired = self.collect(|row| row.is_repaired);
                self.chunks.booleans(column, &repaired)
            }
            "local_time_anomaly" => {
                let codes = codes(self.rows, 3, |row| match row.clock.anomaly() {
                    Anomaly::None => 0,
                    Anomaly::Fold => 1,
                    Anomaly::Gap => 2,
                });
                let anomalies = [None, Some("fold"), Some("gap")];
                self.chunks
                    .dictionary(column, &codes, |code| anomalies[code])
            }
            "status" => self.status(column, |status| &status.unified),
            "source_status" => self.status(column, |status| &status.published),
            "fsa" => {
                let areas: Vec<String> = Fsa::all(Contract::rules().postal_district).collect();
                let codes = codes(self.rows, areas.len() + 1, |row| row.fsa.code().into());
                let area = |code: usize| Some(areas[code.checked_sub(1)?].as_str());
                self.chunks.dictionary(column, &codes, area)
            }
            "intersection_street_1" => self.street(column, |row| row.street_1.code()),
            "intersection_street_2" => self.street(column, |row| row.street_2.code()),
            "ward_id" => self.ward_number(column, |ward| ward.id),
            "ward_model" => self.ward_number(column, |ward| ward.model),
            "ward_name" => {
                let name = |code| ward(code).name.as_deref();
                self.chunks.dictionary(column, &self.wards, name)
            }
            "service_request_type" => {
                self.subject(column, |subject| Some(&subject.service_request_type))
            }
            "division" => self.subject(column, |subject| subject.division.as_deref()),
            "section" => self.subject(column, |subject| subject.section.as_deref()),
            "season" => {
                let season = SEASONS[usize::from(month % 12 / 3)];
                self.chunks
                    .dictionary(column, &self.constant, |_| Some(season))
            }
            "source_year" => {
                let year = i32::from(year);
                self.chunks
                    .dictionary(column, &self.constant, |_| Some(year))
            }
            other => unreachable!("{other} is not a column of the contract, which a test checks"),
        }
    }

    fn collect<T>(&self, value: impl Fn(&Row) -> T) -> Vec<T> {
        self.rows.iter().map(value).collect()
    }

    fn status(
        &mut self,
        column: &ColumnDescPtr,
        text: impl Fn(&Status) -> &str,
    ) -> Result<(), ParquetError> {
        let statuses = &self.values.statuses;
        let text = |code: usize| statuses[code].as_ref().ok().map(&text);
        self.chunks.dictionary(column, &self.statuses, text)
    }

    fn subject(
        &mut self,
        column: &ColumnDescPtr,
        text: impl Fn(&Subject) -> Option<&str>,
    ) -> Result<(), ParquetError> {
        let subjects = &self.values.subjects;
        let text = |code: usize| subjects[code].as_ref().ok().and_then(&text);
        self.chunks.dictionary(column, &self.subjects, text)
    }

    fn ward_number(
        &mut self,
        column: &ColumnDescPtr,
        number: impl Fn(&Ward) -> Option<i32>,
    ) -> Result<(), ParquetError> {
        let wards = &self.values.wards;
        self.chunks
            .dictionary(column, &self.wards, |code| number(&wards[code]))
    }

    fn street(
        &mut self,
        column: &ColumnDescPtr,
        code: impl Fn(&Row) -> u32,
    ) -> Result<(), ParquetError> {
        let streets = &self.values.streets;
        let codes = codes(self.rows, streets.len() + 1, code);
        let text = |code: usize| streets[code.checked_sub(1)?].as_deref();
        self.chunks.dictionary(column, &codes, text)
    }
}
