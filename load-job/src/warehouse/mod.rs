//! The warehouse behind one interface: load a clean partition, in one transaction.

mod bigquery;
mod duckdb;

use std::path::Path;

use serde::Serialize;
use shared::contract::{Contract, Table};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::lake::Key;
use shared::manifest::CleanManifest;
use shared::partition::{Dataset, Partition};
use shared::run::RunId;
use shared::warehouse::{Value, WarehouseSettings, WarehouseUrl};
use tokio::task::block_in_place;

use bigquery::BigQueryWarehouse;
use duckdb::DuckDb;

/// The warehouse that `WAREHOUSE_URL` names, open for loading.
pub(crate) enum Warehouse {
    DuckDb(DuckDb),
    BigQuery(BigQueryWarehouse),
}

/// A clean partition to load.
pub(crate) struct Load<'a> {
    pub(crate) manifest: &'a CleanManifest,
    pub(crate) manifest_key: &'a Key,
    /// Where the manifest's Parquet files are, in its order: paths for DuckDB, `gs://` for BigQuery.
    pub(crate) files: Vec<String>,
    /// Where the Parquet file of the rows set aside is; none for boundaries.
    pub(crate) quarantine: Option<String>,
    pub(crate) run_id: &'a RunId,
    /// Load even what is there already or is stale.
    pub(crate) force: bool,
}

/// What came of a [`Load`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// The partition's rows were replaced.
    Replaced,
    /// The same version, whole, was there already.
    Found,
}

/// Why a partition was not loaded, beyond the failures of the warehouse itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "the load of {partition} is stale: the warehouse holds the version published {held} (rules {held_logic}), this one \
         was published {offered} (rules {offered_logic}). FORCE=1 loads it even so"
    )]
    Stale {
        partition: Partition,
        held: String,
        held_logic: u32,
        offered: String,
        offered_logic: u32,
    },
    #[error(
        "{table} would hold {counted} rows of {partition}, the manifest {manifest} says {expected}: nothing was loaded. \
         Compare its Parquet files with it"
    )]
    Miscounted {
        table: String,
        partition: Partition,
        manifest: Key,
        counted: u64,
        expected: u64,
    },
    #[error(
        "{table} has the column {column} as {found}, the contract {version} has it as {expected}. Move the table away and \
         load every year anew"
    )]
    OtherTable {
        table: String,
        column: String,
        found: String,
        expected: String,
        version: String,
    },
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let exit = match &refusal {
            Refusal::Stale { .. } | Refusal::Miscounted { .. } => Exit::Contract,
            Refusal::OtherTable { .. } => Exit::Configuration,
        };
        Failure::new(exit, refusal)
    }
}

impl Warehouse {
    /// Opens the warehouse for loading, and makes the tables that are not there.
    pub(crate) async fn open(settings: &WarehouseSettings) -> Result<Self, Failure> {
        match &settings.url {
            WarehouseUrl::DuckDb(file) => {
                let library: &Path = &settings.duckdb_library;
                block_in_place(|| DuckDb::open(library, file)).map(Self::DuckDb)
            }
            WarehouseUrl::BigQuery(dataset) => {
                let emulator = settings.bigquery_emulator.as_ref();
                BigQueryWarehouse::open(dataset, emulator)
                    .await
                    .map(Self::BigQuery)
            }
        }
    }

    /// Replaces the partition by `load`, whole or not at all.
    pub(crate) async fn load(&mut self, load: &Load<'_>) -> Result<Loaded, Failure> {
        match self {
            Self::DuckDb(duckdb) => block_in_place(|| duckdb.load(load)),
            Self::BigQuery(bigquery) => bigquery.load(load).await,
        }
    }
}

/// The version of a partition that `load_history` says is in the tables.
struct Held {
    fingerprint: String,
    /// As manifests have it: ISO 8601, UTC without an offset.
    last_modified: Option<String>,
    logic_version: u32,
}

/// A table that a partition has rows in, and how many the manifest says.
struct Target<'a> {
    table: &'a Table,
    rows: u64,
}

/// # Errors
/// [`Refusal::Stale`] if the version held was published later than the one offered, or made by later rules from the
/// same publication. What has no date cannot be stale.
fn refuse_stale(manifest: &CleanManifest, held: &Held) -> Result<(), Refusal> {
    let (Some(held_date), Some(offered_date)) = (
        held.last_modified.as_deref(),
        manifest.source.last_modified.as_deref(),
    ) else {
        return Ok(());
    };
    // A warehouse writes six decimals; the portal any number, or none.
    let comparable = |date: &str| {
        let (seconds, decimals) = date.split_once('.').unwrap_or((date, ""));
        format!("{seconds}.{decimals:0<6.6}")
    };
    let held_version = (comparable(held_date), held.logic_version);
    let offered_version = (comparable(offered_date), manifest.logic_version);
    if held_version > offered_version {
        return Err(Refusal::Stale {
            partition: manifest.partition,
            held: held_date.to_owned(),
            held_logic: held.logic_version,
            offered: offered_date.to_owned(),
            offered_logic: manifest.logic_version,
        });
    }
    Ok(())
}

/// The tables that the manifest's partition has rows in.
fn targets(manifest: &CleanManifest) -> Vec<Target<'static>> {
    let dataset = manifest.partition.dataset();
    let mut targets = vec![Target {
        table: Contract::clean_table(dataset),
        rows: manifest.rows.kept,
    }];
    if dataset == Dataset::ServiceRequests {
        targets.push(Target {
            table: Contract::quarantine_table(),
            rows: manifest.rows.quarantined,
        });
    }
    targets
}

/// What `load_history` keeps of a load, by column, in the order of its columns.
fn history(load: &Load<'_>) -> Result<Vec<(&'static str, Value)>, Failure> {
    let manifest = load.manifest;
    let rows = &manifest.rows;
    Ok(vec![
        ("partition", manifest.partition.to_string().into()),
        ("fingerprint", manifest.fingerprint.as_str().into()),
        ("clean_manifest", load.manifest_key.as_str().into()),
        ("raw_manifest", manifest.raw_manifest.as_str().into()),
        (
            "source_last_modified",
            manifest.source.last_modified.clone().into(),
        ),
        ("source_sha256", manifest.raw_object.sha256.as_str().into()),
        (
            "contract_version",
            manifest.contract_version.as_str().into(),
        ),
        ("logic_version", i64::from(manifest.logic_version).into()),
        ("raw_lines", count(manifest.raw_lines)?),
        ("blank_lines", count(rows.blank_lines)?),
        ("rows_read", count(rows.read)?),
        ("rows_kept", count(rows.kept)?),
        ("rows_repaired", count(rows.repaired)?),
        ("rows_quarantined", count(rows.quarantined)?),
        ("quarantined_by_reason", json(&rows.quarantined_by_reason)?),
        ("drift", json(&manifest.drift)?),
        ("run_id", load.run_id.to_string().into()),
    ])
}

fn count(rows: u64) -> Result<Value, Failure> {
    Ok(i64::try_from(rows).or_fail(Exit::Bug)?.into())
}

fn json(value: &impl Serialize) -> Result<Value, Failure> {
    Ok(serde_json::to_string(value).or_fail(Exit::Bug)?.into())
}

fn miscounted(load: &Load<'_>, table: &Table, counted: u64, expected: u64) -> Failure {
    Refusal::Miscounted {
        table: table.name.clone(),
        partition: load.manifest.partition,
        manifest: load.manifest_key.clone(),
        counted,
        expected,
    }
    .into()
}
