//! What the warehouse holds: the loads that dbt builds from, and the marts it built.

mod text_columns;

use std::time::Duration;

use arrow_array::RecordBatch;
use shared::bigquery::BigQuery;
use shared::duckdb::{Access, Connection, DuckDbError};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::partition::Partition;
use shared::warehouse::{Value, WarehouseSettings, WarehouseUrl};
use tokio::runtime::Handle;

use crate::artifacts::Publishable;

/// How long to wait for a load or a build by another process.
const PATIENCE: Duration = Duration::from_secs(30);

const LOADS: &str = "\
    SELECT partition, fingerprint, run_id, CAST(coalesce(generated, false) AS VARCHAR) FROM load_history \
    ORDER BY partition, load_number";

const REFUSALS: &str = "\
    SELECT partition, stage, CAST(exit_code AS VARCHAR), cause FROM refusals ORDER BY partition";

/// Of the versions that the tables hold, the latest date of the publisher, else the latest observation.
const COVERAGE: &str = "\
    WITH held AS ( \
        SELECT source_last_modified, epoch_us(last_observed_at) AS observed_us FROM load_history \
        QUALIFY load_number = max(load_number) OVER (PARTITION BY partition) \
    ) \
    SELECT \
        (SELECT strftime( \
            coalesce(max(source_last_modified), make_timestamp(max(observed_us))), '%Y-%m-%dT%H:%M:%SZ' \
        ) FROM held), \
        (SELECT CAST(max(created_on) AS VARCHAR) FROM marts.requests_by_day)";

const COVERAGE_OF_BIGQUERY: &str = "\
    WITH held AS ( \
        SELECT source_last_modified, last_observed_at FROM `{dataset}.load_history` \
        WHERE TRUE QUALIFY load_number = MAX(load_number) OVER (PARTITION BY `partition`) \
    ) \
    SELECT \
        (SELECT FORMAT_DATETIME( \
            '%Y-%m-%dT%H:%M:%SZ', COALESCE(MAX(source_last_modified), DATETIME(MAX(last_observed_at))) \
        ) FROM held), \
        (SELECT CAST(MAX(created_on) AS STRING) FROM `{project}.marts.requests_by_day`)";

/// The same where `partition` is a word of the language.
const LOADS_OF_BIGQUERY: &str = "\
    SELECT `partition`, fingerprint, run_id, CAST(COALESCE(generated, FALSE) AS STRING) FROM `{dataset}.load_history` \
    ORDER BY `partition`, load_number";

const REFUSALS_OF_BIGQUERY: &str = "\
    SELECT `partition`, stage, CAST(exit_code AS STRING), cause FROM `{dataset}.refusals` ORDER BY `partition`";

const HAS_TABLE: &str = "\
    SELECT count(*) FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2";

/// The warehouse, open for reading. dbt cannot write to a DuckDB file while it is. Its methods block.
pub(crate) enum Warehouse {
    DuckDb(Connection),
    BigQuery(BigQuery),
}

/// A version of a partition that was loaded.
pub(crate) struct Load {
    pub(crate) partition: Partition,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) run_id: String,
    /// Whether the data are generated, and nobody's requests.
    pub(crate) is_generated: bool,
}

/// What marks a refused partition: the partition, the stage, the exit code and the cause. The run and the time are left
/// out, so that a refusal that another run repeats is the same.
pub(crate) type Refusal = [String; 4];

/// What a build wrote down of itself, `macros/record_build.sql`.
pub(crate) struct BuiltFrom {
    pub(crate) fingerprint: String,
    /// The fingerprint of the project.
    pub(crate) project: String,
}

/// A mart's table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MartTable {
    pub(crate) schema: String,
    pub(crate) name: String,
}

impl Warehouse {
    pub(crate) fn open(settings: &WarehouseSettings) -> Result<Self, Failure> {
        let file = match &settings.url {
            WarehouseUrl::DuckDb(file) => file,
            WarehouseUrl::BigQuery(dataset) => {
                let emulator = settings.bigquery_emulator.as_ref();
                let connected = Handle::current().block_on(BigQuery::connect(dataset, emulator));
                return Ok(Self::BigQuery(connected?));
            }
        };
        if !file.is_file() {
            return Err(Failure::upstream(anyhow::anyhow!(
                "there is no warehouse at {}: load-job makes it",
                settings.url
            )));
        }
        let library = &settings.duckdb_library;
        let connection = Connection::open_when_free(library, file, Access::ReadOnly, PATIENCE)?;
        Ok(Self::DuckDb(connection))
    }

    /// The history of loads: of each partition all versions in order, the last of which the tables hold.
    pub(crate) fn loads(&mut self) -> Result<Vec<Load>, Failure> {
        let rows = self.query_records(LOADS, LOADS_OF_BIGQUERY)?;
        rows.into_iter()
            .map(|row| {
                let cell = |index: usize| row.get(index).cloned().flatten().unwrap_or_default();
                let parsed = || {
                    Ok::<_, String>(Load {
                        partition: cell(0).parse()?,
                        fingerprint: cell(1).parse()?,
                        run_id: cell(2),
                        is_generated: cell(3) == "true",
                    })
                };
                parsed().map_err(anyhow::Error::msg).or_fail(Exit::Contract)
            })
            .collect()
    }

    /// The partitions whose present publication was refused, in order.
    pub(crate) fn refusals(&mut self) -> Result<Vec<Refusal>, Failure> {
        let rows = self.query_records(REFUSALS, REFUSALS_OF_BIGQUERY)?;
        let refusals = rows.into_iter().map(|row| {
            let cells: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            let refusal: Result<Refusal, _> = cells.try_into();
            refusal
                .map_err(|row| anyhow::anyhow!("cannot read refusals: it returned {row:?}"))
                .or_fail(Exit::Bug)
        });
        refusals.collect()
    }

    /// The rows of a statement on load-job's records, which each warehouse words in its own way.
    fn query_records(
        &mut self,
        of_duckdb: &str,
        of_bigquery: &str,
    ) -> Result<Vec<Vec<Option<String>>>, Failure> {
        match self {
            Self::DuckDb(connection) => Ok(connection.query_text(of_duckdb, &[])?),
            Self::BigQuery(bigquery) => {
                let statement = of_bigquery
                    .replace("{dataset}", &bigquery.path())
                    .replace("{project}", &bigquery.dataset().project);
                Ok(Handle::current().block_on(bigquery.query(&statement, &[]))?)
            }
        }
    }

    /// What the marts in the warehouse were built from, if dbt finished its last build.
    pub(crate) fn built_from(&mut self) -> Result<Option<BuiltFrom>, Failure> {
        let rows = match self {
            Self::DuckDb(connection) => {
                if !has(connection, "main", "dbt_build")? {
                    return Ok(None);
                }
                connection.query_text("SELECT * FROM main.dbt_build", &[])?
            }
            Self::BigQuery(bigquery) => {
                let own = &bigquery.dataset().id;
                let runtime = Handle::current();
                if runtime
                    .block_on(bigquery.table(own, "dbt_build"))?
                    .is_none()
                {
                    return Ok(None);
                }
                let statement = format!("SELECT * FROM `{}.dbt_build`", bigquery.path());
                runtime.block_on(bigquery.query(&statement, &[]))?
            }
        };
        let mut cells = rows.into_iter().flatten().flatten();
        Ok(cells.next().map(|fingerprint| BuiltFrom {
            fingerprint,
            project: cells.next().unwrap_or_default(),
        }))
    }

    /// Some of the rows that a query gives, each as one text.
    pub(crate) fn first_rows(&mut self, query: &str) -> Result<Vec<String>, Failure> {
        let statement = format!("SELECT * FROM ({query}) AS found LIMIT 5");
        let rows = match self {
            // Its driver reads text alone.
            Self::DuckDb(connection) => connection.query_text(
                &format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({statement})"),
                &[],
            )?,
            Self::BigQuery(bigquery) => {
                Handle::current().block_on(bigquery.query(&statement, &[]))?
            }
        };
        let text = |row: Vec<Option<String>>| {
            let cells = row
                .into_iter()
                .map(|cell| cell.unwrap_or_else(|| "null".to_owned()));
            format!("({})", cells.collect::<Vec<_>>().join(", "))
        };
        Ok(rows.into_iter().map(text).collect())
    }

    /// The rows of a mart, `None` if it is not there.
    pub(crate) fn rows(&mut self, mart: &MartTable) -> Result<Option<u64>, Failure> {
        let connection = match self {
            Self::DuckDb(connection) => connection,
            Self::BigQuery(bigquery) => {
                let table = bigquery.table(&mart.schema, &mart.name);
                let table = Handle::current().block_on(table)?;
                return Ok(table.map(|table| table.num_rows.unwrap_or_default()));
            }
        };
        if !has(connection, &mart.schema, &mart.name)? {
            return Ok(None);
        }
        let statement = format!("SELECT count(*) FROM {}", mart.quoted());
        Ok(Some(connection.query_count(&statement, &[])?))
    }

    /// The years that `column` of a mart has, in order.
    pub(crate) fn years(&mut self, mart: &MartTable, column: &str) -> Result<Vec<i64>, Failure> {
        let rows = match self {
            Self::DuckDb(connection) => {
                let (column, table) = (quoted(column), mart.quoted());
                let statement =
                    format!("SELECT DISTINCT CAST({column} AS VARCHAR) FROM {table} ORDER BY 1");
                connection.query_text(&statement, &[])?
            }
            Self::BigQuery(bigquery) => {
                let (column, table) = (in_backticks(column), mart.of_bigquery(bigquery));
                let statement =
                    format!("SELECT DISTINCT CAST({column} AS STRING) FROM {table} ORDER BY 1");
                Handle::current().block_on(bigquery.query(&statement, &[]))?
            }
        };
        rows.into_iter()
            .flatten()
            .flatten()
            .map(|year| year.parse().or_fail(Exit::Contract))
            .collect()
    }

    /// The rows of a mart, of one year if it is published by year, in its order: the same from either warehouse. There is
    /// a batch even of no rows.
    pub(crate) fn read(
        &mut self,
        mart: &Publishable,
        year: Option<i64>,
    ) -> Result<Vec<RecordBatch>, Failure> {
        match self {
            Self::DuckDb(connection) => {
                let columns = mart.columns.iter().map(|column| quoted(&column.name));
                let columns: Vec<String> = columns.collect();
                let table = mart.table.quoted();
                let statement = selection(mart, &columns, &table, quoted, year);
                let (schema, batches) = connection.query_with_schema(&statement, &[])?;
                Ok(if batches.is_empty() {
                    vec![RecordBatch::new_empty(schema)]
                } else {
                    batches
                })
            }
            Self::BigQuery(bigquery) => {
                let runtime = Handle::current();
                let MartTable { schema, name } = &mart.table;
                let table = runtime.block_on(bigquery.table(schema, name))?;
                let fields = table.and_then(|table| table.schema).unwrap_or_default();
                let columns = text_columns::of(mart, &fields.fields)?;
                let expressions: Vec<String> = columns
                    .iter()
                    .map(|column| column.expression(&in_backticks(&column.name)))
                    .collect();
                let table = mart.table.of_bigquery(bigquery);
                let statement = selection(mart, &expressions, &table, in_backticks, year);
                let rows = runtime.block_on(bigquery.query(&statement, &[]))?;
                Ok(vec![text_columns::batch(&columns, &rows)?])
            }
        }
    }

    /// How far the marts reach.
    pub(crate) fn coverage(&mut self) -> Result<Coverage, Failure> {
        let rows = self.query_records(COVERAGE, COVERAGE_OF_BIGQUERY)?;
        let mut cells = rows.into_iter().flatten();
        Ok(Coverage {
            as_of: cells.next().flatten(),
            data_through: cells.next().flatten(),
        })
    }
}

/// What selects the rows of a mart in its order. Columns are sorted by as the table has them, whatever is selected of
/// them.
fn selection(
    mart: &Publishable,
    columns: &[String],
    table: &str,
    quoted: fn(&str) -> String,
    year: Option<i64>,
) -> String {
    let order = mart.order_by.iter();
    let order = order.map(|column| format!("mart.{} NULLS FIRST", quoted(column)));
    let condition = match (&mart.file_per, year) {
        (Some(column), Some(year)) => format!("WHERE mart.{} = {year} ", quoted(column)),
        _ => String::new(),
    };
    format!(
        "SELECT {} FROM {table} AS mart {condition}ORDER BY {}",
        columns.join(", "),
        order.collect::<Vec<_>>().join(", ")
    )
}

/// How far the marts reach.
pub(crate) struct Coverage {
    /// When the newest file that the tables hold was published, or observed if the publisher dates none, ISO 8601 UTC.
    pub(crate) as_of: Option<String>,
    /// The day of the latest request.
    pub(crate) data_through: Option<String>,
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name in BigQuery, whose names have no backticks.
fn in_backticks(name: &str) -> String {
    format!("`{name}`")
}

impl MartTable {
    fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    fn of_bigquery(&self, bigquery: &BigQuery) -> String {
        in_backticks(&format!("{}.{self}", bigquery.dataset().project))
    }
}

fn has(connection: &mut Connection, schema: &str, table: &str) -> Result<bool, DuckDbError> {
    let names: [Value; 2] = [schema.into(), table.into()];
    Ok(connection.query_count(HAS_TABLE, &names)? > 0)
}

/// The target in dbt's profile that is an emulator of BigQuery.
pub(crate) const EMULATOR_TARGET: &str = "bigquery_emulator";

/// The name of the target in dbt's profile, and the variables that it reads.
pub(crate) fn profile(settings: &WarehouseSettings) -> (&'static str, Vec<(&'static str, String)>) {
    let dataset = match &settings.url {
        WarehouseUrl::DuckDb(file) => {
            let file = file.to_string_lossy().into_owned();
            return ("duckdb", vec![("DUCKDB_FILE", file)]);
        }
        WarehouseUrl::BigQuery(dataset) => dataset,
    };
    let mut variables = vec![
        ("BIGQUERY_PROJECT", dataset.project.clone()),
        ("BIGQUERY_DATASET", dataset.id.clone()),
        ("BIGQUERY_LOCATION", dataset.location.clone()),
    ];
    let Some(emulator) = &settings.bigquery_emulator else {
        return ("bigquery", variables);
    };
    variables.push(("BIGQUERY_EMULATOR_HOST", emulator.to_string()));
    (EMULATOR_TARGET, variables)
}

impl std::fmt::Display for MartTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl std::str::FromStr for MartTable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (schema, name) = text
            .split_once('.')
            .ok_or_else(|| format!("{text:?} is no schema and table"))?;
        Ok(Self {
            schema: schema.to_owned(),
            name: name.to_owned(),
        })
    }
}
