//! The warehouse in a DuckDB file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use shared::contract::{Contract, Table};
use shared::exit::Failure;
use shared::manifest::Drift;
use shared::partition::Partition;
use shared::run::RunId;
use shared::stage_runs;
use shared::warehouse::Value;
use shared::warehouse::duckdb::{Access, Connection, DuckDbError, MAX_WAIT};
use tokio::runtime::Handle;
use tracing::{info, warn};

use super::{
    Changes, Current, Load, LoadRefusal, Loaded, Observed, Plan, Target, Verdict, differences,
    history, is_other_content, miscounted, number_after, observations, partitions, refuse_stale,
    seen, targets, time,
};

pub(crate) struct DuckDb(Connection);

impl DuckDb {
    pub(super) fn open(library: &Path, file: &Path) -> Result<Self, Failure> {
        let connection = Connection::open_when_free(library, file, Access::ReadWrite, MAX_WAIT)?;
        let mut warehouse = Self(connection);
        for contract in Contract::all() {
            for table in &contract.tables {
                warehouse.make_table(contract, table)?;
            }
        }
        Ok(warehouse)
    }

    /// Makes the table from the contract, or adds the columns that the contract has gained.
    fn make_table(&mut self, contract: &Contract, table: &Table) -> Result<(), Failure> {
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
                    // Statements cannot bind names and types. These come from the embedded contract.
                    let statement = format!(
                        "ALTER TABLE {} ADD COLUMN {} {expected}",
                        table.name, column.name
                    );
                    self.0.execute(&statement, &[])?;
                }
                other => {
                    return Err(LoadRefusal::OtherTable {
                        table: table.name.clone(),
                        column: column.name.clone(),
                        found: other.cloned().unwrap_or_else(|| "missing".to_owned()),
                        expected: expected.to_owned(),
                        version: contract.version.clone(),
                    }
                    .into());
                }
            }
        }
        Ok(())
    }

    pub(super) fn plan(&mut self, load: &Load<'_>) -> Result<Plan, Failure> {
        let manifest = load.manifest;
        let current = self.current(manifest.partition)?;
        if let Some(current) = current.as_ref().filter(|_| !load.force) {
            if current.fingerprint == manifest.fingerprint.as_str() {
                match self.verify(load) {
                    Ok(()) => return Ok(Plan::Found),
                    Err(altered) => {
                        warn!(partition = %manifest.partition, cause = %altered, "table altered, loading again");
                    }
                }
            }
            refuse_stale(load, current)?;
        }
        Ok(Plan::Replace(current))
    }

    pub(super) fn replace(
        &mut self,
        load: &Load<'_>,
        current: Option<&Current>,
    ) -> Result<Loaded, Failure> {
        Handle::current().block_on(load.begin());
        let drift = self
            .0
            .transaction(|connection| replace(connection, load, current))?;
        Ok(Loaded::Replaced { drift })
    }

    pub(super) fn observe(
        &mut self,
        observed: &[Observed<'_>],
    ) -> Result<BTreeSet<Partition>, Failure> {
        self.0.transaction(|connection| {
            let current = connection.query_text(include_str!("current.sql"), &[])?;
            for (observed, drift) in seen(observed, &current)? {
                let values = [
                    observed.partition.to_string().into(),
                    observed.sha256.into(),
                    time(Some(observed.at)),
                    drift.into(),
                ];
                connection.execute(include_str!("observe.sql"), &values)?;
            }
            partitions(&current)
        })
    }

    pub(super) fn judge(&mut self, verdicts: &[Verdict], run_id: &RunId) -> Result<(), Failure> {
        self.0.transaction(|connection| {
            for verdict in verdicts {
                let partition = verdict.partition.to_string();
                let observed_at = time(Some(verdict.observed_at));
                connection.execute(
                    include_str!("end_refusal.sql"),
                    &[partition.as_str().into(), observed_at.clone()],
                )?;
                let Some(refused) = &verdict.refused else {
                    continue;
                };
                connection.execute(
                    include_str!("insert_refusal.sql"),
                    &[
                        partition.into(),
                        observed_at,
                        refused.stage.as_str().into(),
                        i64::from(refused.exit).into(),
                        refused.cause.as_str().into(),
                        run_id.to_string().into(),
                    ],
                )?;
            }
            Ok(())
        })
    }

    pub(super) fn record_stage_runs(&mut self, spent: &str, run_id: &RunId) -> Result<(), Failure> {
        let values = [run_id.to_string().into(), spent.into()];
        Ok(self.0.execute(stage_runs::IN_DUCKDB, &values)?)
    }

    fn current(&mut self, partition: Partition) -> Result<Option<Current>, Failure> {
        let name = partition.to_string();
        let mut rows = self
            .0
            .query_text(include_str!("current_version.sql"), &[name.into()])?;
        rows.pop().map(Current::from_row).transpose()
    }

    fn verify(&mut self, load: &Load<'_>) -> Result<(), Failure> {
        verify(&mut self.0, load)
    }
}

/// Returns the condition that selects a partition's rows, and its parameters.
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

/// Runs the body of the transaction. Returns the drift of the new version from the current one.
fn replace(
    connection: &mut Connection,
    load: &Load<'_>,
    current: Option<&Current>,
) -> Result<Vec<Drift>, Failure> {
    let partition = load.manifest.partition;
    let changes = match (partition, current) {
        (Partition::Year(year), Some(current)) => {
            if !current.has_content_of(load.manifest) {
                append_status_changes(connection, load, year, current)?;
            }
            count_changes(connection, load, year)?
        }
        _ => Changes::default(),
    };
    let (condition, values) = rows_of(partition);
    for Target { table, .. } in targets(load.manifest) {
        let statement = format!("DELETE FROM {} {condition}", table.name);
        connection.execute(&statement, &values)?;
    }
    insert(
        connection,
        Contract::clean_table(partition.dataset()),
        &load.files,
    )?;
    if let Some(file) = &load.quarantine {
        insert(
            connection,
            Contract::quarantine_table(),
            std::slice::from_ref(file),
        )?;
    }
    verify(connection, load)?;
    let drift = changes.drift(load.manifest, current);
    insert_publication_changes(connection, load, current, changes)?;
    insert_load_history(connection, load, current, &drift)?;
    Ok(drift)
}

/// Inserts the rows of files, which may be none.
fn insert(connection: &mut Connection, table: &Table, files: &[String]) -> Result<(), DuckDbError> {
    if files.is_empty() {
        return Ok(());
    }
    let columns: Vec<&str> = table.column_names().collect();
    let columns = columns.join(", ");
    let statement = format!(
        "INSERT INTO {} ({columns}) SELECT {columns} FROM read_parquet({{files}})",
        table.name
    );
    connection.execute(&reading(&statement, files), &[])
}

/// Returns `statement` with the list of files inserted, because a statement cannot bind a list. DuckDB reads the names as
/// patterns, in which a character in brackets is itself:
/// <https://duckdb.org/docs/stable/data/multiple_files/overview#glob-syntax>.
fn reading(statement: &str, files: &[String]) -> String {
    let literal = |file: &String| {
        let mut name = String::new();
        for character in file.chars() {
            match character {
                '\'' => name.push_str("''"),
                '*' | '?' | '[' => name.extend(['[', character, ']']),
                _ => name.push(character),
            }
        }
        format!("'{name}'")
    };
    let files = files.iter().map(literal);
    let list = files.collect::<Vec<_>>().join(", ");
    statement.replace("{files}", &format!("[{list}]"))
}

/// Records the requests whose status differs between the current and the new version.
fn append_status_changes(
    connection: &mut Connection,
    load: &Load<'_>,
    year: i16,
    current: &Current,
) -> Result<(), DuckDbError> {
    if load.files.is_empty() {
        return Ok(());
    }
    connection.execute(
        &reading(include_str!("insert_status_changes.sql"), &load.files),
        &[
            i64::from(year).into(),
            current.last_modified.clone().into(),
            load.manifest.source.last_modified.clone().into(),
            current.fingerprint.as_str().into(),
            load.manifest.fingerprint.as_str().into(),
            time(current.observed_at),
            time(load.observed_at),
            number_after(Some(current)).into(),
        ],
    )
}

/// Compares the new version with the current one.
fn count_changes(
    connection: &mut Connection,
    load: &Load<'_>,
    year: i16,
) -> Result<Changes, Failure> {
    let year = Value::from(i64::from(year));
    let before = connection.query_count(
        "SELECT count(*) FROM service_requests WHERE source_year = $1",
        std::slice::from_ref(&year),
    )?;
    let mut changes = Changes {
        before,
        ..Changes::default()
    };
    if !load.files.is_empty() {
        let statement = reading(include_str!("count_changes.sql"), &load.files);
        let row = connection.query_text(&statement, &[year])?;
        changes.add(&row)?;
    }
    Ok(changes)
}

fn insert_publication_changes(
    connection: &mut Connection,
    load: &Load<'_>,
    current: Option<&Current>,
    changes: Changes,
) -> Result<(), Failure> {
    let Partition::Year(year) = load.manifest.partition else {
        return Ok(());
    };
    let mut values = vec![
        i64::from(year).into(),
        number_after(current).into(),
        current.map(|current| current.fingerprint.clone()).into(),
        load.manifest.fingerprint.as_str().into(),
        is_other_content(load, current).into(),
        time(current.and_then(|current| current.observed_at)),
        time(observations(load, current).0),
    ];
    values.extend(
        differences(load, changes)?
            .into_iter()
            .map(|(_, value)| value),
    );
    connection.execute(include_str!("insert_publication_changes.sql"), &values)?;
    Ok(())
}

fn insert_load_history(
    connection: &mut Connection,
    load: &Load<'_>,
    current: Option<&Current>,
    drift: &[Drift],
) -> Result<(), Failure> {
    let values = history(load, current, drift)?;
    let values: Vec<Value> = values.into_iter().map(|(_, value)| value).collect();
    connection.execute(include_str!("insert_load_history.sql"), &values)?;
    Ok(())
}
