//! Marts in a DuckDB file.

use std::path::Path;
use std::time::Duration;

use arrow_array::RecordBatch;
use shared::exit::Failure;
use shared::warehouse::Value;
use shared::warehouse::duckdb::{Access, Connection};

use super::{Backend, Records, TextRows};
use crate::mart::{MartTable, Publishable};

/// How long to wait for a load or build in another process.
const MAX_WAIT: Duration = Duration::from_secs(30);

pub(super) struct DuckDb(Connection);

impl DuckDb {
    pub(super) fn open(library: &Path, file: &Path) -> Result<Self, Failure> {
        if !file.is_file() {
            return Err(Failure::upstream(anyhow::anyhow!(
                "the warehouse {} does not exist: run load-job to create it",
                file.display()
            )));
        }
        let connection = Connection::open_when_free(library, file, Access::ReadOnly, MAX_WAIT)?;
        Ok(Self(connection))
    }
}

impl Backend for DuckDb {
    fn statement(&self, records: Records) -> String {
        let statement = match records {
            Records::Loads => include_str!("loads.sql"),
            Records::Refusals => include_str!("refusals.sql"),
            Records::Coverage => include_str!("coverage.sql"),
        };
        statement.to_owned()
    }

    fn query(&mut self, statement: &str) -> Result<TextRows, Failure> {
        Ok(self.0.query_text(statement, &[])?)
    }

    /// Casts every column to text, because the driver reads only text.
    fn all_as_text(&self, statement: &str) -> String {
        format!("select cast(columns(*) as varchar) from ({statement})")
    }

    fn row_count(&mut self, table: &MartTable) -> Result<Option<u64>, Failure> {
        let names: [Value; 2] = [table.schema.as_str().into(), table.name.as_str().into()];
        let exists = "select count(*) from information_schema.tables where table_schema = $1 and table_name = $2";
        if self.0.query_count(exists, &names)? == 0 {
            return Ok(None);
        }
        let statement = format!("select count(*) from {}", self.table(table));
        Ok(Some(self.0.query_count(&statement, &[])?))
    }

    fn build_table(&self) -> MartTable {
        MartTable {
            schema: "main".to_owned(),
            name: "dbt_build".to_owned(),
        }
    }

    fn quoted(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn table(&self, table: &MartTable) -> String {
        format!(
            "{}.{}",
            self.quoted(&table.schema),
            self.quoted(&table.name)
        )
    }

    fn text_type(&self) -> &'static str {
        "varchar"
    }

    fn read(
        &mut self,
        mart: &Publishable,
        select: &dyn Fn(&dyn Backend, &[String]) -> String,
    ) -> Result<Vec<RecordBatch>, Failure> {
        let columns = mart.columns.iter().map(|column| self.quoted(&column.name));
        let columns: Vec<String> = columns.collect();
        let statement = select(self, &columns);
        let (schema, batches) = self.0.query_with_schema(&statement, &[])?;
        Ok(if batches.is_empty() {
            vec![RecordBatch::new_empty(schema)]
        } else {
            batches
        })
    }
}
