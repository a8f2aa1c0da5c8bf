//! The warehouse in a DuckDB file.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use shared::contract::{Contract, Table};
use shared::duckdb::{Access, Connection, DuckDbError};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::partition::{Dataset, Partition};
use shared::warehouse::Value;
use tracing::{info, warn};

use super::{Held, Load, Loaded, Refusal, Target, history, miscounted, refuse_stale, targets};

/// How long to wait for another process that writes to the file.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct DuckDb(Connection);

impl DuckDb {
    pub(super) fn open(library: &Path, file: &Path) -> Result<Self, Failure> {
        let mut connection =
            Connection::open_when_free(library, file, Access::ReadWrite, PATIENCE)?;
        connection.execute(include_str!("duckdb/load_history.sql"), &[])?;
        connection.execute(include_str!("duckdb/status_changes.sql"), &[])?;
        let mut warehouse = Self(connection);
        for dataset in Dataset::ALL {
            warehouse.make_table(dataset, Contract::clean_table(dataset))?;
            if dataset == Dataset::ServiceRequests {
                warehouse.make_table(dataset, Contract::quarantine_table())?;
            }
        }
        Ok(warehouse)
    }

    /// Makes the table from the contract, or adds the columns that the contract has gained.
    fn make_table(&mut self, dataset: Dataset, table: &Table) -> Result<(), Failure> {
        self.0.execute(&table.duckdb_ddl(), &[])?;
        let columns = self.0.query_text(
            "SELECT column_name, data_type FROM information_schema.columns \
             WHERE table_schema = 'main' AND table_name = $1",
            &[table.name.as_str().into()],
        )?;
        let found: BTreeMap<String, String> = columns
            .into_iter()
            .filter_map(|row| {
                let [name, kind]: [Option<String>; 2] = row.try_into().ok()?;
                Some((name?, kind?))
            })
            .collect();
        for column in &table.columns {
            let expected = column.kind.duckdb();
            match found.get(&column.name) {
                Some(kind) if kind == expected => {}
                None if !column.required => {
                    info!(table = table.name, column = column.name, "column added");
                    // Names and types are the contract's own, embedded: a statement cannot bind them.
                    let statement = format!(
                        "ALTER TABLE {} ADD COLUMN {} {expected}",
                        table.name, column.name
                    );
                    self.0.execute(&statement, &[])?;
                }
                other => {
                    return Err(Refusal::OtherTable {
                        table: table.name.clone(),
                        column: column.name.clone(),
                        found: other.cloned().unwrap_or_else(|| "missing".to_owned()),
                        expected: expected.to_owned(),
                        version: Contract::of(dataset).version.clone(),
                    }
                    .into());
                }
            }
        }
        Ok(())
    }

    pub(super) fn load(&mut self, load: &Load<'_>) -> Result<Loaded, Failure> {
        let manifest = load.manifest;
        let held = self.held(manifest.partition)?;
        if let Some(held) = held.as_ref().filter(|_| !load.force) {
            if held.fingerprint == manifest.fingerprint.as_str() {
                match self.verify(load) {
                    Ok(()) => return Ok(Loaded::Found),
                    Err(altered) => {
                        warn!(partition = %manifest.partition, cause = %altered, "the table was altered: loading anew");
                    }
                }
            }
            refuse_stale(manifest, held)?;
        }
        self.0
            .transaction(|connection| replace(connection, load, held.as_ref()))?;
        Ok(Loaded::Replaced)
    }

    fn held(&mut self, partition: Partition) -> Result<Option<Held>, Failure> {
        let name = partition.to_string();
        let mut rows = self
            .0
            .query_text(include_str!("duckdb/held.sql"), &[name.into()])?;
        let Some(row) = rows.pop() else {
            return Ok(None);
        };
        let [fingerprint, last_modified, logic_version]: [Option<String>; 3] = row
            .try_into()
            .map_err(|row| anyhow::anyhow!("load_history gave {row:?}"))
            .or_fail(Exit::Bug)?;
        Ok(Some(Held {
            fingerprint: fingerprint.unwrap_or_default(),
            last_modified,
            logic_version: logic_version
                .and_then(|number| number.parse().ok())
                .unwrap_or(0),
        }))
    }

    fn verify(&mut self, load: &Load<'_>) -> Result<(), Failure> {
        verify(&mut self.0, load)
    }
}

/// The condition that a partition's rows meet, and its value.
fn rows_of(partition: Partition) -> (&'static str, Vec<Value>) {
    match partition {
        Partition::Year(year) => ("WHERE source_year = $1", vec![i64::from(year).into()]),
        Partition::CityWards | Partition::ForwardSortationAreas => ("", Vec::new()),
    }
}

fn verify(connection: &mut Connection, load: &Load<'_>) -> Result<(), Failure> {
    let partition = load.manifest.partition;
    let (condition, values) = rows_of(partition);
    for Target { table, rows } in targets(load.manifest) {
        let statement = format!("SELECT count(*) FROM {} {condition}", table.name);
        let counted = connection.query_count(&statement, &values)?;
        if counted != rows {
            return Err(miscounted(load, table, counted, rows));
        }
    }
    Ok(())
}

/// The transaction's body.
fn replace(
    connection: &mut Connection,
    load: &Load<'_>,
    held: Option<&Held>,
) -> Result<(), Failure> {
    let partition = load.manifest.partition;
    if let (Partition::Year(year), Some(held)) = (partition, held) {
        append_status_changes(connection, load, year, held)?;
    }
    let (condition, values) = rows_of(partition);
    for Target { table, .. } in targets(load.manifest) {
        let statement = format!("DELETE FROM {} {condition}", table.name);
        connection.execute(&statement, &values)?;
    }
    let clean_table = Contract::clean_table(partition.dataset());
    for file in &load.files {
        insert(connection, clean_table, file)?;
    }
    if let Some(file) = &load.quarantine {
        insert(connection, Contract::quarantine_table(), file)?;
    }
    verify(connection, load)?;
    insert_load_history(connection, load)?;
    Ok(())
}

fn insert(connection: &mut Connection, table: &Table, file: &str) -> Result<(), DuckDbError> {
    let columns: Vec<&str> = table.column_names().collect();
    let columns = columns.join(", ");
    let statement = format!(
        "INSERT INTO {} ({columns}) SELECT {columns} FROM read_parquet($1)",
        table.name
    );
    connection.execute(&statement, &[file.into()])
}

/// Keeps what the new version says otherwise of the status of requests that are in the version held.
fn append_status_changes(
    connection: &mut Connection,
    load: &Load<'_>,
    year: i16,
    held: &Held,
) -> Result<(), DuckDbError> {
    for file in &load.files {
        connection.execute(
            include_str!("duckdb/insert_status_changes.sql"),
            &[
                file.as_str().into(),
                i64::from(year).into(),
                held.last_modified.clone().into(),
                load.manifest.source.last_modified.clone().into(),
                held.fingerprint.as_str().into(),
                load.manifest.fingerprint.as_str().into(),
            ],
        )?;
    }
    Ok(())
}

fn insert_load_history(connection: &mut Connection, load: &Load<'_>) -> Result<(), Failure> {
    let values: Vec<Value> = history(load)?.into_iter().map(|(_, value)| value).collect();
    connection.execute(include_str!("duckdb/insert_load_history.sql"), &values)?;
    Ok(())
}
