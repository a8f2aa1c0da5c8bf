//! What the warehouse holds: the loads that dbt builds from, and the marts it built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::duckdb::{Access, Connection, DuckDbError, Value};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::partition::Partition;
use shared::warehouse::WarehouseUrl;

/// How long to wait for a load or a build by another process.
const PATIENCE: Duration = Duration::from_secs(30);

const LOADS: &str = "\
    SELECT partition, fingerprint FROM load_history \
    QUALIFY row_number() OVER (PARTITION BY partition ORDER BY load_number DESC) = 1";

const HAS_TABLE: &str = "\
    SELECT count(*) FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2";

/// The warehouse, open for reading. dbt cannot write while it is.
pub(crate) struct Warehouse(Connection);

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

    /// The fingerprint of each partition's version that the tables hold.
    pub(crate) fn loads(&mut self) -> Result<BTreeMap<Partition, Fingerprint>, Failure> {
        let rows = self.0.query_text(LOADS, &[])?;
        rows.into_iter()
            .map(|row| {
                let cell = |index: usize| row.get(index).cloned().flatten().unwrap_or_default();
                let parsed = || Ok::<_, String>((cell(0).parse()?, cell(1).parse()?));
                parsed().map_err(anyhow::Error::msg).or_fail(Exit::Contract)
            })
            .collect()
    }

    /// What the marts in the warehouse were built from, if dbt finished its last build.
    pub(crate) fn built_from(&mut self) -> Result<Option<String>, Failure> {
        if !self.has("main", "dbt_build")? {
            return Ok(None);
        }
        let rows = self
            .0
            .query_text("SELECT fingerprint FROM main.dbt_build", &[])?;
        Ok(rows.into_iter().flatten().flatten().next())
    }

    /// The rows of a mart, `None` if it is not there.
    pub(crate) fn rows(&mut self, mart: &MartTable) -> Result<Option<u64>, Failure> {
        if !self.has(&mart.schema, &mart.name)? {
            return Ok(None);
        }
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let statement = format!(
            "SELECT count(*) FROM {}.{}",
            quoted(&mart.schema),
            quoted(&mart.name)
        );
        Ok(Some(self.0.query_count(&statement, &[])?))
    }

    fn has(&mut self, schema: &str, table: &str) -> Result<bool, DuckDbError> {
        let names: [Value; 2] = [schema.into(), table.into()];
        Ok(self.0.query_count(HAS_TABLE, &names)? > 0)
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
