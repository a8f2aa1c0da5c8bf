//! The stage: from clean manifests to rows in the warehouse.

use std::time::Instant;

use serde::Deserialize;
use shared::contract::Contract;
use shared::exit::{Exit, Failure};
use shared::hand_over::{self, Handed, Outcomes};
use shared::job::Summary;
use shared::lake::Lake;
use shared::manifest::{self, CleanManifest, LoadReceipt, Version};
use shared::partition::Partition;
use shared::run::Stage;
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
    let input = hand_over::input_of(&common, Stage::Load).await?;
    let mut outcomes = Outcomes::new(Stage::Load, input.refused);
    if !input.partitions.is_empty() {
        refuse_apart(&common.lake, &settings.warehouse.url)?;
        let mut warehouse = Warehouse::open(&settings.warehouse).await?;
        for (partition, clean) in input.partitions {
            let observed_at = clean.observed_at;
            let outcome = load(&common, &settings, &mut warehouse, partition, clean).await;
            outcomes.add(partition, observed_at, outcome);
        }
    }
    outcomes.hand_over(&common).await
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
    handed: Handed,
) -> Result<(Handed, Summary), Failure> {
    let Handed {
        manifest: clean,
        observed_at,
        drift,
    } = handed;
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
    let committed = Handed {
        manifest: manifest::commit(lake, &key, &receipt).await?,
        observed_at,
        drift,
    };
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
