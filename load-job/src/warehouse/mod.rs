//! The warehouse interface: loads a clean partition in one transaction.

mod bigquery;
mod duckdb;

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use shared::contract::{Contract, Table};
use shared::dry_run::Estimates;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::hand_over::Refused;
use shared::key::Key;
use shared::lake::Lake;
use shared::lineage::Lineage;
use shared::manifest::{CleanManifest, Drift, DriftKind};
use shared::partition::{Dataset, Partition};
use shared::run::{RunId, Stage};
use shared::settings::Years;
use shared::warehouse::{Value, WarehouseSettings, WarehouseUrl};
use tokio::task::block_in_place;

use bigquery::BigQueryWarehouse;
use duckdb::DuckDb;

/// The warehouse at `WAREHOUSE_URL`, open for loading.
pub(crate) enum Warehouse {
    DuckDb(DuckDb),
    BigQuery(BigQueryWarehouse),
}

/// A clean partition to load.
pub(crate) struct Load<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) manifest: &'a CleanManifest,
    pub(crate) manifest_key: &'a Key,
    /// The locations of the manifest's Parquet files, in its order: paths for DuckDB, `gs://` for BigQuery.
    pub(crate) files: Vec<String>,
    /// The location of the Parquet file of the quarantined rows; `None` for boundaries.
    pub(crate) quarantine: Option<String>,
    pub(crate) run_id: &'a RunId,
    /// When the run observed this content on the portal, in whole microseconds; `None` for a manifest that an operator
    /// listed.
    pub(crate) observed_at: Option<Timestamp>,
    /// Differences in the publication, as opposed to its content.
    pub(crate) drift: &'a [Drift],
    /// Whether to load it even if the warehouse already has it or it is stale.
    pub(crate) force: bool,
    pub(crate) lineage: &'a Lineage,
}

impl Load<'_> {
    /// Records that there is something to load.
    async fn begin(&self) {
        let partition = self.manifest.partition;
        self.lineage
            .begin(Stage::Load, partition, self.observed_at)
            .await;
    }

    /// Checks that the files are those that the manifest states, because a warehouse reads them without it.
    ///
    /// # Errors
    /// [`Exit::Bug`] if one was altered, [`Exit::Upstream`] if one is missing.
    async fn verify(&self) -> Result<(), Failure> {
        let files = self.manifest.files.iter().chain(&self.manifest.quarantine);
        try_join_all(files.map(|file| self.lake.verify(&file.object))).await?;
        Ok(())
    }
}

/// What a [`Load`] has to do.
enum Plan {
    /// Nothing, because the warehouse has the complete version.
    Found,
    /// Replaces the current version, if there is one.
    Replace(Option<Current>),
}

/// The outcome of a [`Load`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// The partition's rows were replaced. `drift` is how the new version drifts from the previous one.
    Replaced { drift: Vec<Drift> },
    /// The warehouse already had the complete version.
    Found,
}

/// A content that a run observed on the portal.
pub(crate) struct Observed<'a> {
    pub(crate) partition: Partition,
    /// The digest of the raw file.
    pub(crate) sha256: &'a str,
    /// When it was observed, in whole microseconds.
    pub(crate) at: Timestamp,
    /// Differences in its publication.
    pub(crate) drift: &'a [Drift],
}

impl Observed<'_> {
    /// Returns `recorded`, the drift of this version as JSON, with what it lacks of this publication's; `None` if it lacks
    /// nothing.
    fn added_to(&self, recorded: &str) -> Result<Option<String>, Failure> {
        let mut drift: Vec<serde_json::Value> =
            serde_json::from_str(recorded).or_fail(Exit::Bug)?;
        let known = drift.len();
        for found in self.drift {
            let found = serde_json::to_value(found).or_fail(Exit::Bug)?;
            if !drift.contains(&found) {
                drift.push(found);
            }
        }
        let added = (drift.len() > known).then(|| serde_json::to_string(&drift));
        added.transpose().or_fail(Exit::Bug)
    }
}

/// A run's verdict on what the portal publishes of a partition.
pub(crate) struct Verdict {
    pub(crate) partition: Partition,
    /// The refusal; `None` if the partition is loaded.
    pub(crate) refused: Option<Refused>,
    /// When the run observed the portal, in whole microseconds.
    pub(crate) observed_at: Timestamp,
}

/// Why a partition was not loaded, beyond the failures of the warehouse itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadRefusal {
    #[error(
        "the load of {partition} is stale: the loaded version was observed on the portal at {current}, this one at {offered}. \
         Set FORCE=1 to load it anyway"
    )]
    Stale {
        partition: Partition,
        current: Timestamp,
        offered: Timestamp,
    },
    #[error(
        "the load of {partition} is stale: the loaded version was made by rules {current}, this one by rules {offered}. Set \
         FORCE=1 to load it anyway"
    )]
    OlderRules {
        partition: Partition,
        current: u32,
        offered: u32,
    },
    #[error(
        "the load of {partition} is stale: no run observed the content of {manifest} on the portal, but the loaded version \
         was observed at {current}. Set RUN_ID to the run that observed it, or FORCE=1 to load it anyway"
    )]
    Unobserved {
        partition: Partition,
        manifest: Key,
        current: Timestamp,
    },
    #[error(
        "cannot load {partition}: {table} would contain {counted} rows instead of the {expected} in the manifest {manifest}. \
         Compare the manifest with its Parquet files"
    )]
    Miscounted {
        table: String,
        partition: Partition,
        manifest: Key,
        counted: u64,
        expected: u64,
    },
    #[error(
        "cannot load into {table}: the column {column} is {found}, but {expected} in the contract {version}. Rename the \
         table and load every year again"
    )]
    OtherTable {
        table: String,
        column: String,
        found: String,
        expected: String,
        version: String,
    },
    #[error(
        "the table {table} {difference}, and BigQuery cannot change that of a table: rename it and run the workflow, which \
         creates it from the contract and loads every year again. docs/runbook.md has the commands under Tables"
    )]
    OtherLayout { table: String, difference: String },
}

impl From<LoadRefusal> for Failure {
    fn from(refusal: LoadRefusal) -> Self {
        let exit = match &refusal {
            LoadRefusal::Stale { .. }
            | LoadRefusal::OlderRules { .. }
            | LoadRefusal::Unobserved { .. }
            | LoadRefusal::Miscounted { .. } => Exit::Contract,
            LoadRefusal::OtherTable { .. } | LoadRefusal::OtherLayout { .. } => Exit::Configuration,
        };
        Failure::new(exit, refusal)
    }
}

impl Warehouse {
    /// Opens the warehouse for loading, and creates missing tables.
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

    /// Estimates what loading these years again would be billed, and changes nothing. DuckDB bills nothing.
    pub(crate) async fn estimate(
        settings: &WarehouseSettings,
        years: &Years,
        estimates: &mut Estimates,
    ) -> Result<(), Failure> {
        match &settings.url {
            WarehouseUrl::DuckDb(_) => Ok(()),
            WarehouseUrl::BigQuery(dataset) => {
                let emulator = settings.bigquery_emulator.as_ref();
                BigQueryWarehouse::estimate(dataset, emulator, years, estimates).await
            }
        }
    }

    /// Replaces the partition with `load`, atomically.
    pub(crate) async fn load(&mut self, load: &Load<'_>) -> Result<Loaded, Failure> {
        let plan = match self {
            Self::DuckDb(duckdb) => block_in_place(|| duckdb.plan(load))?,
            Self::BigQuery(bigquery) => bigquery.plan(load).await?,
        };
        let Plan::Replace(current) = plan else {
            return Ok(Loaded::Found);
        };
        load.verify().await?;
        match self {
            Self::DuckDb(duckdb) => block_in_place(|| duckdb.replace(load, current.as_ref())),
            Self::BigQuery(bigquery) => bigquery.replace_with(load, current.as_ref()).await,
        }
    }

    /// Records when the contents in the warehouse were observed on the portal, and the drift of their publication. Returns
    /// the loaded partitions.
    pub(crate) async fn observe(
        &mut self,
        observed: &[Observed<'_>],
    ) -> Result<BTreeSet<Partition>, Failure> {
        match self {
            Self::DuckDb(duckdb) => block_in_place(|| duckdb.observe(observed)),
            Self::BigQuery(bigquery) => bigquery.observe(observed).await,
        }
    }

    /// Records which partitions the run refused, and ends the refusals of those that are loaded. A verdict replaces
    /// only verdicts of runs that did not observe the portal later.
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

    /// Records what the run spent, the rows of `stage_runs` that the table lacks.
    pub(crate) async fn record_stage_runs(
        &mut self,
        spent: &str,
        run_id: &RunId,
    ) -> Result<(), Failure> {
        match self {
            Self::DuckDb(duckdb) => block_in_place(|| duckdb.record_stage_runs(spent, run_id)),
            Self::BigQuery(bigquery) => bigquery.record_stage_runs(spent, run_id).await,
        }
    }
}

/// The version of a partition that is loaded, according to `load_history`.
struct Current {
    number: i64,
    fingerprint: String,
    source_sha256: String,
    /// As in manifests: ISO 8601, UTC without an offset.
    last_modified: Option<String>,
    contract_version: String,
    logic_version: u32,
    observed_at: Option<Timestamp>,
    last_observed_at: Option<Timestamp>,
}

impl Current {
    /// Parses a row of `current_version.sql`.
    ///
    /// # Errors
    /// [`Exit::Bug`] if the row has another form.
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

    /// Returns a name of the version for people: the day it was published, if known, else the day a run first observed it.
    fn name(&self) -> String {
        let published = self.last_modified.as_deref();
        let published = published.and_then(|date| date.get(..10)).map(str::to_owned);
        let observed = || Some(self.observed_at?.strftime("%Y-%m-%d").to_string());
        let day = published.or_else(observed);
        day.unwrap_or_else(|| self.fingerprint.clone())
    }

    fn has_content_of(&self, manifest: &CleanManifest) -> bool {
        self.source_sha256 == manifest.raw_object.sha256.as_str()
    }

    fn has_rules_of(&self, manifest: &CleanManifest) -> bool {
        (self.logic_version, self.contract_version.as_str())
            == (manifest.logic_version, manifest.contract_version.as_str())
    }
}

/// Returns the partitions in the result of `current.sql`.
///
/// # Errors
/// [`Exit::Bug`] if it has something else in their place.
fn partitions(current: &[Vec<Option<String>>]) -> Result<BTreeSet<Partition>, Failure> {
    let partitions = current.iter().map(|row| {
        let name = row.first().cloned().flatten().unwrap_or_default();
        name.parse().map_err(anyhow::Error::msg).or_fail(Exit::Bug)
    });
    partitions.collect()
}

/// Returns those of `observed` that are the current version of their partition, each with the drift to record in place of
/// the recorded one, if it has more. `current` is the result of `current.sql`: partition, digest of the raw file and drift
/// of each current version.
fn seen<'a>(
    observed: &'a [Observed<'a>],
    current: &[Vec<Option<String>>],
) -> Result<Vec<(&'a Observed<'a>, Option<String>)>, Failure> {
    let mut seen = Vec::new();
    for observed in observed {
        let version = [observed.partition.to_string(), observed.sha256.to_owned()].map(Some);
        let row = current.iter().find(|row| row.starts_with(&version));
        if let Some([.., Some(recorded)]) = row.map(Vec::as_slice) {
            seen.push((observed, observed.added_to(recorded)?));
        }
    }
    Ok(seen)
}

/// How the requests of a year differ from those of the current version, matched by id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Changes {
    /// Requests of the current version.
    before: u64,
    /// Of these, requests that are also in the new version.
    matched: u64,
    /// Of the matched, requests with another status.
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

    /// Returns the drift of the new version from `current`: whether more than 1 % of its requests are gone. Nothing is
    /// concluded if the rules differ, because then requests may have other ids or be refused.
    fn drift(self, manifest: &CleanManifest, current: Option<&Current>) -> Vec<Drift> {
        let of_the_publisher = |current: &&Current| {
            !current.has_content_of(manifest)
                && current.has_rules_of(manifest)
                && self.gone() * 100 > self.before
        };
        let drift = current.filter(of_the_publisher).map(|current| Drift {
            kind: DriftKind::RequestsGone,
            subject: current.name(),
            rows: self.gone(),
        });
        drift.into_iter().collect()
    }
}

/// A table with rows of a partition, and their number in the manifest.
struct Target<'a> {
    table: &'a Table,
    rows: u64,
}

/// Refuses a load that would replace something newer. The content of the latest observation is the newest, whatever its
/// date of publication; for equal contents, the result of the latest rules is.
///
/// # Errors
/// [`LoadRefusal::Stale`], [`LoadRefusal::OlderRules`] or [`LoadRefusal::Unobserved`].
fn refuse_stale(load: &Load<'_>, current: &Current) -> Result<(), LoadRefusal> {
    let (partition, manifest) = (load.manifest.partition, load.manifest);
    let refuse_older_rules = || {
        let (current, offered) = (current.logic_version, manifest.logic_version);
        if current > offered {
            return Err(LoadRefusal::OlderRules {
                partition,
                current,
                offered,
            });
        }
        Ok(())
    };
    if current.has_content_of(manifest) {
        return refuse_older_rules();
    }
    match (current.last_observed_at, load.observed_at) {
        (Some(current), Some(offered)) if current > offered => Err(LoadRefusal::Stale {
            partition,
            current,
            offered,
        }),
        (Some(current), Some(offered)) if current == offered => refuse_older_rules(),
        (Some(current), None) => Err(LoadRefusal::Unobserved {
            partition,
            manifest: load.manifest_key.clone(),
            current,
        }),
        (Some(_), Some(_)) | (None, _) => Ok(()),
    }
}

/// Returns when the content of `load` was first and last observed on the portal, without another content in between.
fn observations(
    load: &Load<'_>,
    current: Option<&Current>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let offered = load.observed_at;
    match current.filter(|current| current.has_content_of(load.manifest)) {
        Some(current) => {
            let first = [current.observed_at, offered].into_iter().flatten().min();
            (first, current.last_observed_at.max(offered))
        }
        None => (offered, offered),
    }
}

/// Returns the tables with rows of the manifest's partition.
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

/// Returns the values of a load's row in `load_history`, by column. `drift` is its drift from the previous version.
fn history(
    load: &Load<'_>,
    current: Option<&Current>,
    drift: &[Drift],
) -> Result<Vec<(&'static str, Value)>, Failure> {
    let manifest = load.manifest;
    let rows = &manifest.rows;
    let drift: Vec<&Drift> = [&manifest.drift, load.drift, drift]
        .into_iter()
        .flatten()
        .collect();
    let (observed_at, last_observed_at) = observations(load, current);
    Ok(vec![
        ("partition", manifest.partition.to_string().into()),
        ("load_number", number_after(current).into()),
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

/// Whether the raw file of `load` differs from that of the current version.
fn is_other_content(load: &Load<'_>, current: Option<&Current>) -> bool {
    current.is_none_or(|current| !current.has_content_of(load.manifest))
}

/// Returns the counts of a year's row in `publication_changes`, by column, in the order of its columns.
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

fn number_after(current: Option<&Current>) -> i64 {
    current.map_or(0, |current| current.number) + 1
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
    LoadRefusal::Miscounted {
        table: table.name.clone(),
        partition: load.manifest.partition,
        manifest: load.manifest_key.clone(),
        counted,
        expected,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_without_a_date_is_named_by_its_observation() {
        let name = |published: Option<&str>, observed_us: Option<&str>| {
            let texts = [
                Some("1"),
                Some("fingerprint"),
                Some("digest"),
                published,
                Some("3.0.0"),
                Some("7"),
                observed_us,
                observed_us,
            ];
            let row = texts.map(|text| text.map(str::to_owned)).to_vec();
            Current::from_row(row).expect("a version").name()
        };
        let (published, observed) = ("2026-05-01T13:02:11.000000", "1780272000000000");
        assert_eq!(name(Some(published), Some(observed)), "2026-05-01");
        assert_eq!(name(None, Some(observed)), "2026-06-01");
        assert_eq!(name(None, None), "fingerprint");
    }
}
