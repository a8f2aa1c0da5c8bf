//! The warehouse behind one interface: load a clean partition, in one transaction.

mod duckdb;

use std::path::{Path, PathBuf};

use shared::exit::{Exit, Failure};
use shared::lake::Key;
use shared::manifest::CleanManifest;
use shared::partition::Partition;
use shared::run::RunId;
use shared::warehouse::WarehouseUrl;

use duckdb::DuckDb;

/// The warehouse that `WAREHOUSE_URL` names, open for loading.
pub(crate) enum Warehouse {
    DuckDb(DuckDb),
}

/// A clean partition to load.
pub(crate) struct Load<'a> {
    pub(crate) manifest: &'a CleanManifest,
    pub(crate) manifest_key: &'a Key,
    /// Lines of the raw file, as extract counted them.
    pub(crate) raw_lines: u64,
    /// The manifest's Parquet files, in its order.
    pub(crate) files: Vec<PathBuf>,
    /// The Parquet file of the rows set aside; none for boundaries.
    pub(crate) quarantine: Option<PathBuf>,
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
    pub(crate) fn open(url: &WarehouseUrl, library: &Path) -> Result<Self, Failure> {
        match url {
            WarehouseUrl::DuckDb(file) => DuckDb::open(library, file).map(Self::DuckDb),
        }
    }

    /// Replaces the partition by `load`, whole or not at all.
    pub(crate) fn load(&mut self, load: &Load<'_>) -> Result<Loaded, Failure> {
        match self {
            Self::DuckDb(duckdb) => duckdb.load(load),
        }
    }
}
