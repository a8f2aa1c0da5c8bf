//! What the warehouse holds: the loads that dbt builds from, and the marts it built.

use std::time::Duration;

use arrow_array::RecordBatch;
use shared::bigquery::BigQuery;
use shared::duckdb::{Access, Connection, DuckDbError, Value};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::partition::Partition;
use shared::warehouse::{WarehouseSettings, WarehouseUrl};
use tokio::runtime::Handle;

use crate::artifacts::Publishable;

/// How long to wait for a load or a build by another process.
const PATIENCE: Duration = Duration::from_secs(30);

const LOADS: &str = "\
    SELECT partition, fingerprint, run_id FROM load_history ORDER BY partition, load_number";

const COVERAGE: &str = "\
    SELECT \
        (SELECT strftime(max(source_last_modified), '%Y-%m-%dT%H:%M:%SZ') FROM load_history), \
        (SELECT CAST(max(created_on) AS VARCHAR) FROM marts.requests_by_day)";

/// The same where `partition` is a word of the language.
const LOADS_OF_BIGQUERY: &str = "\
    SELECT `partition`, fingerprint, run_id FROM `{dataset}.load_history` ORDER BY `partition`, load_number";

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
}

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
        let rows = match self {
            Self::DuckDb(connection) => connection.query_text(LOADS, &[])?,
            Self::BigQuery(bigquery) => {
                let statement = LOADS_OF_BIGQUERY.replace("{dataset}", &bigquery.path());
                Handle::current().block_on(bigquery.query(&statement, &[]))?
            }
        };
        rows.into_iter()
            .map(|row| {
                let cell = |index: usize| row.get(index).cloned().flatten().unwrap_or_default();
                let parsed = || {
                    Ok::<_, String>(Load {
                        partition: cell(0).parse()?,
                        fingerprint: cell(1).parse()?,
                        run_id: cell(2),
                    })
                };
                parsed().map_err(anyhow::Error::msg).or_fail(Exit::Contract)
            })
            .collect()
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

    /// The DuckDB file, which marts are published from.
    ///
    /// # Errors
    /// [`Exit::Configuration`] for another warehouse.
    fn duckdb(&mut self) -> Result<&mut Connection, Failure> {
        match self {
            Self::DuckDb(connection) => Ok(connection),
            Self::BigQuery(_) => Err(Failure::new(
                Exit::Configuration,
                anyhow::anyhow!(
                    "marts are published from a DuckDB warehouse only: leave SITE_URL out"
                ),
            )),
        }
    }

    /// The years that `column` of a mart has, in order.
    pub(crate) fn years(&mut self, mart: &MartTable, column: &str) -> Result<Vec<i64>, Failure> {
        let statement = format!(
            "SELECT DISTINCT CAST({} AS VARCHAR) FROM {} ORDER BY 1",
            quoted(column),
            mart.quoted()
        );
        let rows = self.duckdb()?.query_text(&statement, &[])?;
        rows.into_iter()
            .flatten()
            .flatten()
            .map(|year| year.parse().or_fail(Exit::Contract))
            .collect()
    }

    /// The rows of a mart, of one year if it is published by year, in its order. There is a batch even of no rows.
    pub(crate) fn read(
        &mut self,
        mart: &Publishable,
        year: Option<i64>,
    ) -> Result<Vec<RecordBatch>, Failure> {
        let list = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(", ");
        let columns = list(&mut mart.columns.iter().map(|column| quoted(&column.name)));
        let order = list(
            &mut mart
                .order_by
                .iter()
                .map(|column| format!("{} NULLS FIRST", quoted(column))),
        );
        let table = mart.table.quoted();
        let (condition, values) = match (&mart.file_per, year) {
            (Some(column), Some(year)) => {
                let condition = format!("WHERE {} = $1", quoted(column));
                (condition, vec![Value::from(year)])
            }
            _ => (String::new(), Vec::new()),
        };
        let statement = format!("SELECT {columns} FROM {table} {condition} ORDER BY {order}");
        let (schema, batches) = self.duckdb()?.query_with_schema(&statement, &values)?;
        Ok(if batches.is_empty() {
            vec![RecordBatch::new_empty(schema)]
        } else {
            batches
        })
    }

    /// How far the marts reach.
    pub(crate) fn coverage(&mut self) -> Result<Coverage, Failure> {
        let mut rows = self
            .duckdb()?
            .query_text(COVERAGE, &[])?
            .into_iter()
            .flatten();
        Ok(Coverage {
            as_of: rows.next().flatten(),
            data_through: rows.next().flatten(),
        })
    }
}

/// How far the marts reach.
pub(crate) struct Coverage {
    /// When the newest file that was loaded was published, ISO 8601 UTC.
    pub(crate) as_of: Option<String>,
    /// The day of the latest request.
    pub(crate) data_through: Option<String>,
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl MartTable {
    fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

fn has(connection: &mut Connection, schema: &str, table: &str) -> Result<bool, DuckDbError> {
    let names: [Value; 2] = [schema.into(), table.into()];
    Ok(connection.query_count(HAS_TABLE, &names)? > 0)
}

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
    ("bigquery_emulator", variables)
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
