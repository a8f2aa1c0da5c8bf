//! The warehouse behind one interface: load a clean partition, in one transaction.

mod bigquery;
mod duckdb;

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use shared::contract::{Contract, Table};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::hand_over::Refused;
use shared::key::Key;
use shared::manifest::{CleanManifest, Drift, DriftKind};
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
    /// When the run observed this content on the portal, in whole microseconds; `None` for a manifest that an operator
    /// named.
    pub(crate) observed_at: Option<Timestamp>,
    /// What was odd about the publication, as opposed to its content.
    pub(crate) drift: &'a [Drift],
    /// Load it even if the warehouse has it already or it is stale.
    pub(crate) force: bool,
}

/// The outcome of a [`Load`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// The partition's rows were replaced. `drift` is how the new version drifts from the one that it replaced.
    Replaced { drift: Vec<Drift> },
    /// The warehouse already had the whole version.
    Found,
}

/// A content that a run observed on the portal.
pub(crate) struct Observed<'a> {
    pub(crate) partition: Partition,
    /// The digest of the raw file.
    pub(crate) sha256: &'a str,
    /// When, in whole microseconds.
    pub(crate) at: Timestamp,
}

/// A run's verdict on what the portal publishes of a partition.
pub(crate) struct Verdict {
    pub(crate) partition: Partition,
    /// Why it was refused; `None` if it is loaded.
    pub(crate) refused: Option<Refused>,
    /// When the run observed the portal, in whole microseconds.
    pub(crate) observed_at: Timestamp,
}

/// The most characters that `refusals` keeps of a cause.
const LONGEST_CAUSE: usize = 2_000;

/// `time` as the warehouses keep it, in whole microseconds.
pub(crate) fn microseconds(time: Timestamp) -> Timestamp {
    // A timestamp is always within the range that its own microseconds span.
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// Why a partition was not loaded, beyond the failures of the warehouse itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "the load of {partition} is stale: the warehouse holds what a run observed on the portal at {held}, this version was \
         observed at {offered}. FORCE=1 loads it anyway"
    )]
    Stale {
        partition: Partition,
        held: Timestamp,
        offered: Timestamp,
    },
    #[error(
        "the load of {partition} is stale: the warehouse holds the version of rules {held}, this one was made by rules \
         {offered}. FORCE=1 loads it anyway"
    )]
    OlderRules {
        partition: Partition,
        held: u32,
        offered: u32,
    },
    #[error(
        "the load of {partition} is stale: no run observed the content of {manifest} on the portal, and the warehouse holds \
         what a run observed at {held}. Set RUN_ID to the run that observed it, or FORCE=1 to load it anyway"
    )]
    Unobserved {
        partition: Partition,
        manifest: Key,
        held: Timestamp,
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
    #[error(
        "the table {table} {difference}, and BigQuery cannot change that of a table: copy its rows into a table as the contract \
         has it and rename that, as the runbook says under Tables"
    )]
    OtherLayout { table: String, difference: String },
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let exit = match &refusal {
            Refusal::Stale { .. }
            | Refusal::OlderRules { .. }
            | Refusal::Unobserved { .. }
            | Refusal::Miscounted { .. } => Exit::Contract,
            Refusal::OtherTable { .. } | Refusal::OtherLayout { .. } => Exit::Configuration,
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

    /// Records when contents were observed on the portal, of those that the warehouse holds.
    pub(crate) async fn observe(&mut self, observed: &[Observed<'_>]) -> Result<(), Failure> {
        match self {
            Self::DuckDb(duckdb) => block_in_place(|| duckdb.observe(observed)),
            Self::BigQuery(bigquery) => bigquery.observe(observed).await,
        }
    }

    /// Records which partitions the run refused, and ends the refusals of those that are loaded. A verdict replaces only
    /// those of runs that observed the portal no later.
    pub(crate) async fn judge(
        &mut self,
        verdicts: &[Verdict],
        run_id: &RunId,
    ) -> Result<(), Failure> {
        match self {
            Self::DuckDb(duckdb) => block_in_place(|| duckdb.judge(verdicts, run_id)),
            Self::BigQuery(bigquery) => bigquery.judge(verdicts, run_id).await,
        }
    }
}

impl Verdict {
    /// The cause of the refusal, as much of it as is kept.
    fn cause(&self) -> Option<String> {
        let refused = self.refused.as_ref()?;
        Some(refused.cause.chars().take(LONGEST_CAUSE).collect())
    }
}

/// The version of a partition that `load_history` says is in the tables.
struct Held {
    number: i64,
    fingerprint: String,
    source_sha256: String,
    /// As manifests have it: ISO 8601, UTC without an offset.
    last_modified: Option<String>,
    contract_version: String,
    logic_version: u32,
    observed_at: Option<Timestamp>,
    last_observed_at: Option<Timestamp>,
}

impl Held {
    /// The version that a row of `held.sql` has.
    ///
    /// # Errors
    /// [`Exit::Bug`] if it is another row.
    fn from_row(row: Vec<Option<String>>) -> Result<Self, Failure> {
        let problem = format!("cannot read load_history: it returned {row:?}");
        let read = || {
            let [
                number,
                fingerprint,
                source_sha256,
                last_modified,
                contract_version,
                logic_version,
                observed_us,
                last_observed_us,
            ]: [Option<String>; 8] = row.try_into().ok()?;
            let time = |microseconds: Option<String>| match microseconds {
                Some(text) => Timestamp::from_microsecond(text.parse().ok()?)
                    .ok()
                    .map(Some),
                None => Some(None),
            };
            Some(Self {
                number: number?.parse().ok()?,
                fingerprint: fingerprint?,
                source_sha256: source_sha256?,
                last_modified,
                contract_version: contract_version?,
                logic_version: logic_version?.parse().ok()?,
                observed_at: time(observed_us)?,
                last_observed_at: time(last_observed_us)?,
            })
        };
        read()
            .ok_or_else(|| anyhow::anyhow!(problem))
            .or_fail(Exit::Bug)
    }

    /// Names the version for a reader: by the day it was published, if that is known.
    fn name(&self) -> String {
        let day = self
            .last_modified
            .as_deref()
            .and_then(|date| date.get(..10));
        day.unwrap_or(&self.fingerprint).to_owned()
    }

    fn has_content_of(&self, manifest: &CleanManifest) -> bool {
        self.source_sha256 == manifest.raw_object.sha256.as_str()
    }

    fn has_rules_of(&self, manifest: &CleanManifest) -> bool {
        (self.logic_version, self.contract_version.as_str())
            == (manifest.logic_version, manifest.contract_version.as_str())
    }
}

/// How the requests of a year differ from those of the version that is held, by their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Changes {
    /// Requests held.
    before: u64,
    /// Of these, requests that the new version has too.
    matched: u64,
    /// Of these, requests with another status.
    restatused: u64,
    /// Of the matched, requests with another division or section.
    relabelled: u64,
}

impl Changes {
    /// Adds the counts of matched, restatused and relabelled requests that `count_changes.sql` returned.
    ///
    /// # Errors
    /// [`Exit::Bug`] if it returned something else.
    fn add(&mut self, rows: &[Vec<Option<String>>]) -> Result<(), Failure> {
        let counts: Option<Vec<u64>> = rows
            .iter()
            .flatten()
            .map(|cell| cell.as_deref()?.parse().ok())
            .collect();
        let Some([matched, restatused, relabelled]) = counts.as_deref() else {
            let problem =
                anyhow::anyhow!("cannot read the counts of changes: {rows:?} was returned");
            return Err(Failure::new(Exit::Bug, problem));
        };
        self.matched += matched;
        self.restatused += restatused;
        self.relabelled += relabelled;
        Ok(())
    }

    fn gone(self) -> u64 {
        self.before.saturating_sub(self.matched)
    }

    /// What is odd about the new version in comparison with `held`: more than 1 % of its requests are gone. Under other
    /// rules, requests may have other ids, or may be refused, so that nothing follows from it.
    fn drift(self, manifest: &CleanManifest, held: Option<&Held>) -> Vec<Drift> {
        let of_the_publisher = |held: &&Held| {
            !held.has_content_of(manifest)
                && held.has_rules_of(manifest)
                && self.gone() * 100 > self.before
        };
        let drift = held.filter(of_the_publisher).map(|held| Drift {
            kind: DriftKind::RequestsGone,
            subject: held.name(),
            rows: self.gone(),
        });
        drift.into_iter().collect()
    }
}

/// A table that a partition has rows in, and how many the manifest says.
struct Target<'a> {
    table: &'a Table,
    rows: u64,
}

/// Refuses what would replace something newer. What the portal published at the latest observation is the newest, whatever
/// date the publisher gives it; of one content, what the latest rules made.
///
/// # Errors
/// [`Refusal::Stale`], [`Refusal::OlderRules`] or [`Refusal::Unobserved`].
fn refuse_stale(load: &Load<'_>, held: &Held) -> Result<(), Refusal> {
    let (partition, manifest) = (load.manifest.partition, load.manifest);
    let refuse_older_rules = || {
        let (held, offered) = (held.logic_version, manifest.logic_version);
        if held > offered {
            return Err(Refusal::OlderRules {
                partition,
                held,
                offered,
            });
        }
        Ok(())
    };
    if held.has_content_of(manifest) {
        return refuse_older_rules();
    }
    match (held.last_observed_at, load.observed_at) {
        (Some(held), Some(offered)) if held > offered => Err(Refusal::Stale {
            partition,
            held,
            offered,
        }),
        (Some(held), Some(offered)) if held == offered => refuse_older_rules(),
        (Some(held), None) => Err(Refusal::Unobserved {
            partition,
            manifest: load.manifest_key.clone(),
            held,
        }),
        (Some(_), Some(_)) | (None, _) => Ok(()),
    }
}

/// When the content of `load` was first and last observed on the portal without another one in between.
fn observations(load: &Load<'_>, held: Option<&Held>) -> (Option<Timestamp>, Option<Timestamp>) {
    let offered = load.observed_at;
    match held.filter(|held| held.has_content_of(load.manifest)) {
        Some(held) => {
            let first = [held.observed_at, offered].into_iter().flatten().min();
            (first, held.last_observed_at.max(offered))
        }
        None => (offered, offered),
    }
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

/// What `load_history` keeps of a load, by column. `drift` is how it drifts from the version before.
fn history(
    load: &Load<'_>,
    held: Option<&Held>,
    drift: &[Drift],
) -> Result<Vec<(&'static str, Value)>, Failure> {
    let manifest = load.manifest;
    let rows = &manifest.rows;
    let drift: Vec<&Drift> = [&manifest.drift, load.drift, drift]
        .into_iter()
        .flatten()
        .collect();
    let (observed_at, last_observed_at) = observations(load, held);
    Ok(vec![
        ("partition", manifest.partition.to_string().into()),
        ("load_number", number_after(held).into()),
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
        ("drift", json(&drift)?),
        ("run_id", load.run_id.to_string().into()),
        ("observed_at", time(observed_at)),
        ("last_observed_at", time(last_observed_at)),
        ("generated", manifest.source.generated.into()),
    ])
}

/// Whether the raw file of `load` is another than that of the version held.
fn is_other_content(load: &Load<'_>, held: Option<&Held>) -> bool {
    held.is_none_or(|held| !held.has_content_of(load.manifest))
}

/// The counts that `publication_changes` keeps of a year, by column, in the order of its columns.
fn differences(load: &Load<'_>, changes: Changes) -> Result<Vec<(&'static str, Value)>, Failure> {
    let after = load.manifest.rows.kept;
    Ok(vec![
        ("rows_before", count(changes.before)?),
        ("rows_after", count(after)?),
        ("rows_added", count(after.saturating_sub(changes.matched))?),
        ("rows_gone", count(changes.gone())?),
        ("rows_restatused", count(changes.restatused)?),
        ("rows_relabelled", count(changes.relabelled)?),
    ])
}

fn number_after(held: Option<&Held>) -> i64 {
    held.map_or(0, |held| held.number) + 1
}

fn time(time: Option<Timestamp>) -> Value {
    time.map(|time| time.to_string()).into()
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
