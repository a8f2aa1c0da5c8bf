//! The stage: from clean manifests to rows in the warehouse.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Deserialize;
use shared::contract::Contract;
use shared::exit::{Exit, Failure, FailureContext as _};
use shared::job::Summary;
use shared::lake::Lake;
use shared::manifest::{self, CleanManifest, LoadReceipt, ManifestRef, Version};
use shared::partition::Partition;
use shared::run::{self, Stage};
use shared::settings::{CommonSettings, JobSettings, Problems};
use shared::warehouse::{WarehouseSettings, WarehouseUrl};
use tracing::{debug, info};

use crate::warehouse::{Load, Loaded, Warehouse};

/// The settings of this job.
#[derive(Debug)]
pub struct Settings {
    warehouse: WarehouseSettings,
}

/// The settings as the environment has them.
#[derive(Debug, Deserialize)]
pub struct RawSettings {
    warehouse_url: Option<String>,
    duckdb_library: Option<String>,
    bigquery_emulator_host: Option<String>,
}

impl JobSettings for Settings {
    type Raw = RawSettings;

    fn validate(raw: RawSettings, problems: &mut Problems) -> Option<Self> {
        let warehouse = WarehouseSettings::validate(
            raw.warehouse_url,
            raw.duckdb_library,
            raw.bigquery_emulator_host,
            problems,
        )?;
        Some(Self { warehouse })
    }
}

/// Loads every partition that was handed over, and hands the receipts over.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    let input = run::input_of(&common, Stage::Load).await?;
    let mut summary = Summary::default();
    let mut receipts = BTreeMap::new();
    if !input.is_empty() {
        refuse_apart(&common.lake, &settings.warehouse.url)?;
        let mut warehouse = Warehouse::open(&settings.warehouse).await?;
        for (partition, clean) in input {
            let (receipt, part) = load(&common, &settings, &mut warehouse, partition, clean)
                .await
                .while_doing(|| format!("load {partition}"))?;
            receipts.insert(partition, receipt);
            summary += part;
        }
    }
    run::hand_over(&common, Stage::Load, receipts).await?;
    Ok(summary)
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
                "{warehouse} cannot read the files of {lake}: BigQuery loads from a gs:// lake, DuckDB from a file:// one"
            ),
        )),
    }
}

async fn load(
    common: &CommonSettings,
    settings: &Settings,
    warehouse: &mut Warehouse,
    partition: Partition,
    clean: ManifestRef,
) -> Result<(ManifestRef, Summary), Failure> {
    let started = Instant::now();
    let lake = &common.lake;
    let manifest: CleanManifest = manifest::read_handed(lake, &clean).await?;
    let files = manifest.files.iter();
    let load = Load {
        manifest: &manifest,
        manifest_key: &clean.key,
        files: files.map(|file| lake.locate(&file.object.key)).collect(),
        quarantine: manifest
            .quarantine
            .as_ref()
            .map(|file| lake.locate(&file.object.key)),
        run_id: &common.run_id,
        force: common.force,
    };
    let loaded = warehouse.load(&load).await?;

    let receipt = LoadReceipt {
        manifest: Version::V1,
        partition,
        fingerprint: manifest.fingerprint.clone(),
        clean_manifest: clean.key.clone(),
        table: Contract::clean_table(partition.dataset()).name.clone(),
        rows: manifest.rows.kept,
    };
    let key = LoadReceipt::key(
        &settings.warehouse.url.id(),
        partition,
        &manifest.fingerprint,
    )?;
    let committed = manifest::commit(lake, &key, &receipt).await?;
    if loaded == Loaded::Found {
        debug!(%partition, fingerprint = %manifest.fingerprint, "partition found");
        return Ok((committed, Summary::found()));
    }

    let stored = manifest.files.iter().chain(&manifest.quarantine);
    let summary = Summary {
        produced: 1,
        rows: manifest.rows.kept,
        bytes: stored.map(|file| file.object.size_bytes).sum(),
        quarantined: manifest.rows.quarantined,
        repaired: manifest.rows.repaired,
        ..Summary::default()
    };
    info!(
        %partition,
        fingerprint = %manifest.fingerprint,
        table = receipt.table,
        rows = summary.rows,
        quarantined = summary.quarantined,
        seconds = started.elapsed().as_secs_f64(),
        "partition loaded"
    );
    Ok((committed, summary))
}
