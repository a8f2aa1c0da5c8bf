//! The content of the warehouse: the loads, which are dbt's inputs, and the marts.

pub(crate) mod bigquery;
mod duckdb;
pub(crate) mod release;

use arrow_array::RecordBatch;
use jiff::Timestamp;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::partition::Partition;
use shared::run::RunId;
use shared::warehouse::duckdb::Access;
use shared::warehouse::{WarehouseSettings, WarehouseUrl};
use tracing::warn;

use crate::artifacts::Graph;
use crate::candidate::{Candidate, Scope};
use crate::mart::{MartTable, Publishable};

use release::{PublishedMarts, Release};

/// The rows of a query, with each cell as text, `None` for null.
type TextRows = Vec<Vec<Option<String>>>;

/// A kind of warehouse. Its methods block the current thread.
trait Backend: Send {
    /// Returns the query of `records`, which each kind of warehouse words in its own way.
    fn statement(&self, records: Records) -> String;

    /// Runs a query and returns its rows.
    fn query(&mut self, statement: &str) -> Result<TextRows, Failure>;

    /// Returns a query that casts the cells of `statement` to text.
    fn all_as_text(&self, statement: &str) -> String;

    /// Returns the number of rows of each table, `None` if one of them does not exist.
    fn row_counts(&mut self, tables: &[MartTable]) -> Result<Option<Vec<u64>>, Failure>;

    /// Returns the table that records what is published.
    fn record_table(&self) -> MartTable;

    /// Quotes a name.
    fn quoted(&self, name: &str) -> String;

    /// Returns the name of a table for statements.
    fn table(&self, table: &MartTable) -> String;

    /// Returns the name of the text type.
    fn text_type(&self) -> &'static str;

    /// Runs `select` on a mart and returns its published columns, in at least one batch.
    fn read(
        &mut self,
        mart: &Publishable,
        select: &dyn Fn(&dyn Backend, &[String]) -> String,
    ) -> Result<Vec<RecordBatch>, Failure>;
}

/// A query of load-job's tables.
#[derive(Debug, Clone, Copy)]
enum Records {
    /// `partition, fingerprint, run_id, generated, first seen, drift` of every version, in order of loading; first seen is
    /// in microseconds, and drift is JSON.
    Loads,
    /// `partition, stage, exit_code, cause` of every partition whose current publication is refused.
    Refusals,
    /// `as_of, data_through` of the tables' content.
    Coverage,
}

/// The warehouse, open for reading, which keeps dbt from writing to a DuckDB file. Its methods block the current
/// thread.
pub(crate) struct Warehouse(Box<dyn Backend>);

/// A loaded version of a partition.
pub(crate) struct LoadedVersion {
    pub(crate) partition: Partition,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) run_id: String,
    /// Whether the data are synthetic.
    pub(crate) is_generated: bool,
    /// When a run first observed the content on the portal, or when it was loaded if no run did.
    pub(crate) first_seen_at: Timestamp,
    /// Its drift, as JSON. Later runs add to it.
    pub(crate) drift: String,
}

/// A refused partition: the partition, the stage, the exit code and the cause. Run and time are left out, so that a
/// repeated refusal compares equal.
pub(crate) type RefusedPartition = [String; 4];

/// The currency of the data in the marts.
pub(crate) struct Coverage {
    /// When the newest loaded file was published, or observed if the publisher does not date it, ISO 8601 UTC.
    pub(crate) as_of: Option<String>,
    /// The day of the latest request.
    pub(crate) data_through: Option<String>,
}

impl Warehouse {
    pub(crate) fn open(settings: &WarehouseSettings) -> Result<Self, Failure> {
        Ok(Self(match &settings.url {
            WarehouseUrl::DuckDb(file) => {
                Box::new(duckdb::DuckDb::open(&settings.duckdb_library, file)?)
            }
            WarehouseUrl::BigQuery(dataset) => Box::new(bigquery::BigQuery::connect(
                dataset,
                settings.bigquery_emulator.as_ref(),
            )?),
        }))
    }

    /// Returns the history of loads: all versions of each partition in order. The tables contain the last one.
    pub(crate) fn loads(&mut self) -> Result<Vec<LoadedVersion>, Failure> {
        let statement = self.0.statement(Records::Loads);
        let rows = self.0.query(&statement)?;
        rows.into_iter()
            .map(|row| {
                let cell = |index: usize| row.get(index).cloned().flatten().unwrap_or_default();
                let parsed = || {
                    Ok::<_, String>(LoadedVersion {
                        partition: cell(0).parse()?,
                        fingerprint: cell(1).parse()?,
                        run_id: cell(2),
                        is_generated: cell(3) == "true",
                        first_seen_at: microseconds(&cell(4))?,
                        drift: cell(5),
                    })
                };
                parsed().map_err(anyhow::Error::msg).or_fail(Exit::Contract)
            })
            .collect()
    }

    /// Returns the partitions whose current publication is refused, in order.
    pub(crate) fn refusals(&mut self) -> Result<Vec<RefusedPartition>, Failure> {
        let statement = self.0.statement(Records::Refusals);
        let refusals = self.0.query(&statement)?.into_iter().map(|row| {
            let cells: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            let refusal: Result<RefusedPartition, _> = cells.try_into();
            refusal
                .map_err(|row| anyhow::anyhow!("cannot read refusals: the query returned {row:?}"))
                .or_fail(Exit::Bug)
        });
        refusals.collect()
    }

    /// Returns the currency of the data in the marts.
    pub(crate) fn coverage(&mut self) -> Result<Coverage, Failure> {
        let statement = self.0.statement(Records::Coverage);
        let mut cells = self.0.query(&statement)?.into_iter().flatten();
        Ok(Coverage {
            as_of: cells.next().flatten(),
            data_through: cells.next().flatten(),
        })
    }

    /// Returns what the published marts were built from; `None` if none are published.
    pub(crate) fn published(&mut self) -> Result<Option<PublishedMarts>, Failure> {
        let table = self.0.record_table();
        let statement = format!(
            "select fingerprint, project, years, layouts from {}",
            self.0.table(&table)
        );
        if self.0.row_counts(&[table])?.is_none() {
            return Ok(None);
        }
        let row = self.0.query(&statement)?.into_iter().next();
        row.map_or(Ok(None), PublishedMarts::from_cells)
    }

    /// Opens the tables of a candidate, for reading.
    pub(crate) fn open_candidate(
        settings: &WarehouseSettings,
        candidate: &Candidate,
    ) -> Result<Self, Failure> {
        match (&settings.url, candidate) {
            (WarehouseUrl::DuckDb(warehouse), Candidate::DuckDb(file)) => {
                let access = Access::ReadOnly;
                let library = &settings.duckdb_library;
                let opened = duckdb::DuckDb::with_candidate(library, file, warehouse, access)?;
                Ok(Self(Box::new(opened)))
            }
            _ => Self::open(settings),
        }
    }

    /// Drops the tables of a published candidate. They expire anyway, so that a failure is only logged.
    pub(crate) fn discard(
        settings: &WarehouseSettings,
        candidate: &Candidate,
        graph: &Graph,
        scope: &Scope,
    ) {
        let WarehouseUrl::BigQuery(dataset) = &settings.url else {
            return;
        };
        let emulator = settings.bigquery_emulator.as_ref();
        let statements = candidate.drop_statements(graph, scope);
        let discarded = bigquery::BigQuery::connect(dataset, emulator)
            .and_then(|bigquery| bigquery.discard(&statements));
        if let Err(failure) = discarded {
            warn!(%candidate, cause = %failure, "candidate not dropped");
        }
    }

    /// Records what this stage spent, the rows of `stage_runs` that the table lacks.
    pub(crate) fn record_stage_runs(
        settings: &WarehouseSettings,
        spent: &str,
        run_id: &RunId,
    ) -> Result<(), Failure> {
        match &settings.url {
            WarehouseUrl::DuckDb(file) => {
                duckdb::record_stage_runs(&settings.duckdb_library, file, spent, run_id)
            }
            WarehouseUrl::BigQuery(dataset) => {
                let emulator = settings.bigquery_emulator.as_ref();
                bigquery::BigQuery::connect(dataset, emulator)?.record_stage_runs(spent, run_id)
            }
        }
    }

    /// Publishes a candidate: afterwards, every reader sees all of its marts, and before it none of them. Returns whether
    /// it did; if another build was published or another load finished since the build began, nothing was changed.
    pub(crate) fn release(
        settings: &WarehouseSettings,
        release: &Release<'_>,
    ) -> Result<bool, Failure> {
        match (&settings.url, release.candidate) {
            (WarehouseUrl::DuckDb(warehouse), Candidate::DuckDb(file)) => {
                let access = Access::ReadWrite;
                let library = &settings.duckdb_library;
                let mut opened = duckdb::DuckDb::with_candidate(library, file, warehouse, access)?;
                opened.release(release)
            }
            (WarehouseUrl::BigQuery(dataset), Candidate::BigQuery { .. }) => {
                let emulator = settings.bigquery_emulator.as_ref();
                bigquery::BigQuery::connect(dataset, emulator)?.release(release)
            }
            _ => Err(Failure::new(
                Exit::Bug,
                anyhow::anyhow!("{} is not of this warehouse", release.candidate),
            )),
        }
    }

    /// Runs a query and returns up to five rows, each as one string.
    pub(crate) fn first_rows(&mut self, query: &str) -> Result<Vec<String>, Failure> {
        let statement = format!("select * from ({query}) as found limit 5");
        let statement = self.0.all_as_text(&statement);
        let text = |row: Vec<Option<String>>| {
            let cells = row
                .into_iter()
                .map(|cell| cell.unwrap_or_else(|| "null".to_owned()));
            format!("({})", cells.collect::<Vec<_>>().join(", "))
        };
        Ok(self.0.query(&statement)?.into_iter().map(text).collect())
    }

    /// Returns the number of rows of each mart, `None` if one of them does not exist.
    pub(crate) fn rows(&mut self, marts: &[MartTable]) -> Result<Option<Vec<u64>>, Failure> {
        self.0.row_counts(marts)
    }

    /// Returns the years in `column` of a mart, in order.
    pub(crate) fn years(&mut self, mart: &MartTable, column: &str) -> Result<Vec<i64>, Failure> {
        let statement = format!(
            "select distinct cast({} as {}) from {} order by 1",
            self.0.quoted(column),
            self.0.text_type(),
            self.0.table(mart)
        );
        let rows = self.0.query(&statement)?;
        let years = rows.into_iter().flatten().flatten();
        years
            .map(|year| year.parse().or_fail(Exit::Contract))
            .collect()
    }

    /// Returns the rows of a mart, of one year if it is published by year. The order is the same in either warehouse.
    /// There is at least one batch.
    pub(crate) fn read(
        &mut self,
        mart: &Publishable,
        year: Option<i64>,
    ) -> Result<Vec<RecordBatch>, Failure> {
        self.0.read(mart, &|backend, columns| {
            selection(backend, mart, columns, year)
        })
    }
}

/// Parses microseconds since 1970.
fn microseconds(text: &str) -> Result<Timestamp, String> {
    let parsed = text.parse().ok();
    let time = parsed.and_then(|number| Timestamp::from_microsecond(number).ok());
    time.ok_or_else(|| format!("{text:?} is not a time in microseconds"))
}

/// Returns the query for `columns` of a mart, in its order. It sorts by the table's columns, not by the selected
/// expressions.
fn selection(
    backend: &dyn Backend,
    mart: &Publishable,
    columns: &[String],
    year: Option<i64>,
) -> String {
    let order = mart.order_by.iter();
    let order = order.map(|column| format!("mart.{} nulls first", backend.quoted(column)));
    let condition = match (&mart.file_per, year) {
        (Some(column), Some(year)) => format!("where mart.{} = {year} ", backend.quoted(column)),
        _ => String::new(),
    };
    format!(
        "select {} from {} as mart {condition}order by {}",
        columns.join(", "),
        backend.table(&mart.table),
        order.collect::<Vec<_>>().join(", ")
    )
}
