//! The load stage: loads clean partitions into the warehouse.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::Timestamp;
use shared::contract::Contract;
use shared::dry_run::Estimates;
use shared::exit::{Exit, Failure};
use shared::hand_over::{self, Extraction, Handed, Outcomes, Refused};
use shared::job::Summary;
use shared::lake::Lake;
use shared::manifest::{self, CleanManifest, Drift, LoadReceipt, Version};
use shared::partition::Partition;
use shared::run::Stage;
use shared::settings::CommonSettings;
use shared::stage_runs;
use shared::telemetry::milliseconds;
use shared::warehouse::{WarehouseSettings, WarehouseUrl, bigquery, microseconds};
use tracing::{debug, info, warn};

use crate::warehouse::{Load, Loaded, Observed, Verdict, Warehouse};

/// Loads every partition that was handed over, records observations and refusals, and hands the receipts over.
pub async fn run(common: CommonSettings, settings: WarehouseSettings) -> Result<Summary, Failure> {
    if common.dry_run {
        let mut estimates = Estimates::default();
        Warehouse::estimate(&settings, &common.years, &mut estimates).await?;
        estimates.finish();
        return Ok(Summary::default());
    }
    let mut input = hand_over::input_of(&common, Stage::Load).await?;
    if input.partitions.is_empty() && input.refused.is_empty() {
        let outcomes = Outcomes::new(Stage::Load, input.refused);
        return outcomes.hand_over(&common).await;
    }
    refuse_apart(&common.lake, &settings.url)?;
    common.lineage.set_warehouse(settings.url.tables());
    let mut warehouse = Warehouse::open(&settings).await?;
    let mut offered = Vec::new();
    for (partition, clean) in input.partitions {
        let manifest = manifest::read_handed(&common.lake, &clean.manifest, partition).await;
        offered.push((partition, clean, manifest));
    }
    // Before any load, so that no load of an older run can replace what this run has seen.
    let mut others = warehouse.observe(&observed(&offered)).await?;
    others.retain(|loaded| {
        let is_offered = offered.iter().any(|(partition, ..)| partition == loaded);
        !is_offered && !input.refused.contains_key(loaded)
    });
    let unlisted = refused_unlisted(&common, &others).await?;
    input.refused.extend(unlisted);
    let refused = input.refused.iter();
    let mut verdicts: Vec<Verdict> = refused
        .filter_map(|(partition, refused)| {
            verdict(*partition, refused.observed_at, Some(refused.clone()))
        })
        .collect();
    let mut outcomes = Outcomes::new(Stage::Load, input.refused);
    for (partition, clean, manifest) in offered {
        let observed_at = clean.observed_at;
        let outcome = match manifest {
            Ok(manifest) => load(&common, &settings, &mut warehouse, clean, &manifest).await,
            Err(failure) => Err(failure),
        };
        outcomes.add(partition, observed_at, outcome);
        let refused = outcomes.refusal(partition).cloned();
        verdicts.extend(verdict(partition, observed_at, refused));
    }
    warehouse.judge(&verdicts, &common.run_id).await?;
    outcomes.count(Summary {
        bytes_billed: bigquery::bytes_billed(),
        ..Summary::default()
    });
    let handed_over = outcomes.hand_over(&common).await;
    // Missing costs are not worth a failure.
    if let Err(failure) = record_stage_runs(&common, &mut warehouse).await {
        warn!(cause = %failure, "costs not recorded");
    }
    handed_over
}

/// Logs those of the `loaded` years that the run was requested to extract, but of which it has neither a result nor a
/// refusal. Returns them as refused if that is because the portal did not list its years to a task. Otherwise the publisher
/// has withdrawn them, which is not an error, so that later runs succeed.
async fn refused_unlisted(
    common: &CommonSettings,
    loaded: &BTreeSet<Partition>,
) -> Result<BTreeMap<Partition, Refused>, Failure> {
    // Neither a listed manifest nor the share of one task shows what the run extracted.
    if common.manifests.is_some() || common.task.count() > 1 {
        return Ok(BTreeMap::new());
    }
    let extraction = Extraction::of(&common.lake, &common.run_id).await?;
    let is_requested = |year| common.years.require(year) && extraction.was_requested(year);
    let years = loaded
        .iter()
        .filter(|partition| partition.year().is_some_and(is_requested));
    let years: Vec<Partition> = years.copied().collect();
    if years.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<String> = years.iter().map(Partition::to_string).collect();
    let cause = match &extraction.not_listed {
        Some(refused) => &refused.cause,
        None => "the portal no longer lists them",
    };
    warn!(years = names.join(" "), cause, "loaded years not extracted");
    let refused = extraction.not_listed.into_iter();
    Ok(refused
        .flat_map(|refused| years.iter().map(move |year| (*year, refused.clone())))
        .collect())
}

/// Records what the run has spent so far.
async fn record_stage_runs(
    common: &CommonSettings,
    warehouse: &mut Warehouse,
) -> Result<(), Failure> {
    let stages = [Stage::Extract, Stage::Transform, Stage::Load];
    let spent = stage_runs::of(&common.lake, &common.run_id, &stages).await?;
    match spent {
        Some(spent) => warehouse.record_stage_runs(&spent, &common.run_id).await,
        None => Ok(()),
    }
}

/// A partition that was handed over, with its clean manifest or the reason why that cannot be read.
type Offered = (Partition, Handed, Result<CleanManifest, Failure>);

/// Returns the contents that this run observed on the portal.
fn observed(offered: &[Offered]) -> Vec<Observed<'_>> {
    let observed = offered.iter().filter_map(|(partition, clean, manifest)| {
        Some(Observed {
            partition: *partition,
            sha256: manifest.as_ref().ok()?.raw_object.sha256.as_str(),
            at: microseconds(clean.observed_at?),
            drift: &clean.drift,
        })
    });
    observed.collect()
}

/// Returns the run's verdict on what the portal publishes. `None` if no run observed it, because an operator listed the
/// manifest, which says nothing about the portal.
fn verdict(
    partition: Partition,
    observed_at: Option<Timestamp>,
    refused: Option<Refused>,
) -> Option<Verdict> {
    Some(Verdict {
        partition,
        refused,
        observed_at: microseconds(observed_at?),
    })
}

/// # Errors
/// [`Exit::Configuration`] if the warehouse cannot read the lake's files.
fn refuse_apart(lake: &Lake, warehouse: &WarehouseUrl) -> Result<(), Failure> {
    match (lake, warehouse) {
        (Lake::Local(_), WarehouseUrl::DuckDb(_)) | (Lake::Gcs(_), WarehouseUrl::BigQuery(_)) => {
            Ok(())
        }
        _ => Err(Failure::new(
            Exit::Configuration,
            anyhow::anyhow!(
                "{warehouse} cannot read the files of {lake}: use a gs:// lake with BigQuery, a file:// lake with DuckDB"
            ),
        )),
    }
}

async fn load(
    common: &CommonSettings,
    settings: &WarehouseSettings,
    warehouse: &mut Warehouse,
    handed: Handed,
    manifest: &CleanManifest,
) -> Result<(Handed, Summary), Failure> {
    let started = Instant::now();
    let lake = &common.lake;
    let partition = manifest.partition;
    let files = manifest.files.iter();
    let load = Load {
        lake,
        manifest,
        manifest_key: &handed.manifest.key,
        files: files.map(|file| lake.locate(&file.object.key)).collect(),
        quarantine: manifest
            .quarantine
            .as_ref()
            .map(|file| lake.locate(&file.object.key)),
        run_id: &common.run_id,
        observed_at: handed.observed_at.map(microseconds),
        drift: &handed.drift,
        lineage: &common.lineage,
        force: common.force,
    };
    let loaded = warehouse.load(&load).await?;

    let receipt = LoadReceipt {
        manifest: Version::V1,
        partition,
        fingerprint: manifest.fingerprint.clone(),
        clean_manifest: handed.manifest.key.clone(),
        table: Contract::clean_table(partition.dataset()).name.clone(),
        rows: manifest.rows.kept,
    };
    let key = LoadReceipt::key(&settings.url.id(), partition, &manifest.fingerprint)?;
    let committed = handed.with(manifest::commit(lake, &key, &receipt).await?);
    let Loaded::Replaced { drift: of_versions } = loaded else {
        debug!(%partition, fingerprint = %manifest.fingerprint, "partition found");
        return Ok((committed, Summary::found()));
    };
    for Drift {
        kind,
        subject,
        rows,
        ..
    } in &of_versions
    {
        warn!(%partition, %kind, subject, rows, "drift from the previous version");
    }

    let stored = manifest.files.iter().chain(&manifest.quarantine);
    let summary = Summary {
        produced: 1,
        rows: manifest.rows.kept,
        bytes: stored.map(|file| file.object.size_bytes).sum(),
        quarantined: manifest.rows.quarantined,
        repaired: manifest.rows.repaired,
        drift: of_versions.len() as u64,
        ..Summary::default()
    };
    info!(
        %partition,
        fingerprint = %manifest.fingerprint,
        table = receipt.table,
        rows = summary.rows,
        quarantined = summary.quarantined,
        drift = summary.drift,
        milliseconds = milliseconds(started.elapsed()),
        "partition loaded"
    );
    Ok((committed, summary))
}
