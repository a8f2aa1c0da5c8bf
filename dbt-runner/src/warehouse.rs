//! What the warehouse holds: the loads that dbt builds from, and the marts it built.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow_array::RecordBatch;
use shared::duckdb::{Access, Connection, DuckDbError, Value};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::partition::Partition;
use shared::warehouse::WarehouseUrl;

use crate::artifacts::Publishable;

/// How long to wait for a load or a build by another process.
const PATIENCE: Duration = Duration::from_secs(30);

const LOADS: &str = "\
    SELECT partition, fingerprint, run_id FROM load_history ORDER BY partition, load_number";

const COVERAGE: &str = "\
    SELECT \
        (SELECT strftime(max(source_last_modified), '%Y-%m-%dT%H:%M:%SZ') FROM load_history), \
        (SELECT CAST(max(created_on) AS VARCHAR) FROM marts.requests_by_day)";

const HAS_TABLE: &str = "\
    SELECT count(*) FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2";

/// The warehouse, open for reading. dbt cannot write while it is.
pub(crate) struct Warehouse(Connection);

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
    pub(crate) fn open(url: &WarehouseUrl, library: &Path) -> Result<Self, Failure> {
        let WarehouseUrl::DuckDb(file) = url;
        if !file.is_file() {
            return Err(Failure::upstream(anyhow::anyhow!(
                "there is no warehouse at {url}: load-job makes it"
            )));
        }
        let connection = Connection::open_when_free(library, file, Access::ReadOnly, PATIENCE)?;
        Ok(Self(connection))
    }

    /// The history of loads: of each partition all versions in order, the last of which the tables hold.
    pub(crate) fn loads(&mut self) -> Result<Vec<Load>, Failure> {
        let rows = self.0.query_text(LOADS, &[])?;
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
        if !self.has("main", "dbt_build")? {
            return Ok(None);
        }
        let rows = self.0.query_text("SELECT * FROM main.dbt_build", &[])?;
        let mut cells = rows.into_iter().flatten().flatten();
        Ok(cells.next().map(|fingerprint| BuiltFrom {
            fingerprint,
            project: cells.next().unwrap_or_default(),
        }))
    }

    /// The rows of a mart, `None` if it is not there.
    pub(crate) fn rows(&mut self, mart: &MartTable) -> Result<Option<u64>, Failure> {
        if !self.has(&mart.schema, &mart.name)? {
            return Ok(None);
        }
        let statement = format!("SELECT count(*) FROM {}", mart.quoted());
        Ok(Some(self.0.query_count(&statement, &[])?))
    }

    /// The years that `column` of a mart has, in order.
    pub(crate) fn years(&mut self, mart: &MartTable, column: &str) -> Result<Vec<i64>, Failure> {
        let statement = format!(
            "SELECT DISTINCT CAST({} AS VARCHAR) FROM {} ORDER BY 1",
            quoted(column),
            mart.quoted()
        );
        let rows = self.0.query_text(&statement, &[])?;
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
        let (schema, batches) = self.0.query_with_schema(&statement, &values)?;
        Ok(if batches.is_empty() {
            vec![RecordBatch::new_empty(schema)]
        } else {
            batches
        })
    }

    /// How far the marts reach.
    pub(crate) fn coverage(&mut self) -> Result<Coverage, Failure> {
        let mut rows = self.0.query_text(COVERAGE, &[])?.into_iter().flatten();
        Ok(Coverage {
            as_of: rows.next().flatten(),
            data_through: rows.next().flatten(),
        })
    }

    fn has(&mut self, schema: &str, table: &str) -> Result<bool, DuckDbError> {
        let names: [Value; 2] = [schema.into(), table.into()];
        Ok(self.0.query_count(HAS_TABLE, &names)? > 0)
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

/// The variables that dbt's profile reads, and the name of its target.
pub(crate) fn profile(url: &WarehouseUrl) -> (&'static str, [(&'static str, PathBuf); 1]) {
    let WarehouseUrl::DuckDb(file) = url;
    ("duckdb", [("DUCKDB_FILE", file.clone())])
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
