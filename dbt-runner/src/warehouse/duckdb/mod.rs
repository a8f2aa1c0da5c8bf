//! Marts in a DuckDB file.

use std::path::Path;
use std::time::Duration;

use arrow_array::RecordBatch;
use shared::exit::Failure;
use shared::run::RunId;
use shared::stage_runs;
use shared::warehouse::Value;
use shared::warehouse::duckdb::{Access, Connection, DuckDbError, MAX_WAIT};

use super::release::{RECORD, Release};
use super::{Backend, Records, TextRows};
use crate::candidate::{PUBLISHED, Scope};
use crate::mart::{MartTable, Publishable};

/// How long to wait with a publication for readers, of which another build may be one.
const MAX_WAIT_TO_PUBLISH: Duration = Duration::from_mins(5);

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

    /// Opens the file of a candidate, with the warehouse attached as it was for dbt, to read or to write it.
    pub(super) fn with_candidate(
        library: &Path,
        candidate: &Path,
        warehouse: &Path,
        access: Access,
    ) -> Result<Self, Failure> {
        let mut connection = Connection::open(library, candidate, Access::ReadWrite)?;
        connection.execute("set TimeZone = 'UTC'", &[])?;
        let patience = match access {
            Access::ReadOnly => MAX_WAIT,
            Access::ReadWrite => MAX_WAIT_TO_PUBLISH,
        };
        connection.attach_when_free(warehouse, PUBLISHED, access, patience)?;
        Ok(Self(connection))
    }

    /// Publishes a candidate. Returns whether it could; if not, nothing was changed.
    pub(super) fn release(&mut self, release: &Release<'_>) -> Result<bool, Failure> {
        let released = self.0.transaction(|connection| {
            let record = format!("{PUBLISHED}.main.{RECORD}");
            connection.execute(
                &format!(
                    "create table if not exists {record} (fingerprint varchar not null, project varchar not null, \
                     years varchar not null, layouts varchar not null)"
                ),
                &[],
            )?;
            let current = format!(
                "select coalesce(any_value(fingerprint), ''), \
                 cast((select count(*) from {PUBLISHED}.main.load_history) as varchar) from {record}"
            );
            let current = connection.query_text(&current, &[])?.concat();
            let expected = [release.before().to_owned(), release.loads.to_string()];
            if current != expected.map(Some) {
                return Err(NotReleased::Overtaken);
            }
            for statement in self::statements(release) {
                connection.execute(&statement, &[])?;
            }
            let row = release.after.row().map_err(NotReleased::Failed)?;
            connection.execute(&format!("delete from {record}"), &[])?;
            connection.execute(
                &format!("insert into {record} values ($1, $2, $3, $4)"),
                &row.map(Value::from),
            )?;
            Ok(())
        });
        match released {
            Ok(()) => Ok(true),
            Err(NotReleased::Overtaken) => Ok(false),
            Err(NotReleased::Failed(failure)) => Err(failure),
        }
    }
}

/// Records what the run spent.
pub(super) fn record_stage_runs(
    library: &Path,
    file: &Path,
    spent: &str,
    run_id: &RunId,
) -> Result<(), Failure> {
    let mut connection = Connection::open_when_free(library, file, Access::ReadWrite, MAX_WAIT)?;
    let values = [run_id.to_string().into(), spent.into()];
    Ok(connection.execute(stage_runs::IN_DUCKDB, &values)?)
}

/// Why a candidate was not published.
enum NotReleased {
    /// Another build or load came first.
    Overtaken,
    /// A statement failed.
    Failed(Failure),
}

impl From<DuckDbError> for NotReleased {
    fn from(error: DuckDbError) -> Self {
        Self::Failed(error.into())
    }
}

/// Returns the statements that publish the marts of a candidate. A whole build creates the tables, because a table that
/// is created is filled in less time and space than one whose rows are deleted.
fn statements(release: &Release<'_>) -> Vec<String> {
    let quoted = |name: &str| quoted(name);
    let mut statements = Vec::new();
    for definition in &release.definitions {
        let published = release.candidate.published(&definition.table);
        if *release.scope == Scope::Whole || release.is_created(definition) {
            let schema = quoted(&definition.table.schema);
            let columns = definition.columns_ddl(quoted);
            statements.extend([
                format!("create schema if not exists {PUBLISHED}.{schema}"),
                format!("drop table if exists {published}"),
                format!("create table {published} ({columns})"),
            ]);
        }
        statements.extend(release.replacing(definition, &published, quoted));
    }
    for table in release.dropped() {
        let published = release.candidate.published(&table);
        statements.push(format!("drop table if exists {published}"));
    }
    statements
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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

    fn row_counts(&mut self, tables: &[MartTable]) -> Result<Option<Vec<u64>>, Failure> {
        let exists = "select count(*) from information_schema.tables where table_schema = $1 and table_name = $2";
        let mut counts = Vec::new();
        for table in tables {
            let names: [Value; 2] = [table.schema.as_str().into(), table.name.as_str().into()];
            if self.0.query_count(exists, &names)? == 0 {
                return Ok(None);
            }
            let statement = format!("select count(*) from {}", self.table(table));
            counts.push(self.0.query_count(&statement, &[])?);
        }
        Ok(Some(counts))
    }

    fn record_table(&self) -> MartTable {
        MartTable {
            schema: "main".to_owned(),
            name: RECORD.to_owned(),
        }
    }

    fn quoted(&self, name: &str) -> String {
        quoted(name)
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
