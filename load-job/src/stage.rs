//! The stage: from clean manifests to rows in the warehouse.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use serde::Deserialize;
use shared::contract::Contract;
use shared::exit::{Failure, FailureContext as _};
use shared::job::Summary;
use shared::lake::Key;
use shared::manifest::{self, CleanManifest, LoadReceipt, RawManifest, Version};
use shared::partition::Partition;
use shared::run::{self, Stage};
use shared::settings::{CommonSettings, JobSettings, Problems, variables};
use shared::warehouse::WarehouseUrl;
use tokio::task::block_in_place;
use tracing::{debug, info};

use crate::warehouse::{Load, Loaded, Warehouse};

/// The settings of this job.
#[derive(Debug)]
pub struct Settings {
    warehouse: WarehouseUrl,
    duckdb_library: PathBuf,
}

/// The settings as the environment has them.
#[derive(Debug, Deserialize)]
pub struct RawSettings {
    warehouse_url: Option<String>,
    duckdb_library: Option<String>,
}

impl JobSettings for Settings {
    type Raw = RawSettings;

    fn validate(raw: RawSettings, problems: &mut Problems) -> Option<Self> {
        let warehouse = problems.take(&variables::WAREHOUSE_URL, raw.warehouse_url, str::parse);
        let library = problems.take(
            &variables::DUCKDB_LIBRARY,
            raw.duckdb_library,
            shared::settings::parse_file,
        );
        Some(Self {
            warehouse: warehouse?,
            duckdb_library: library?,
        })
    }
}

/// Loads every partition that was handed over, and hands the receipts over.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    let input = run::input_of(&common, Stage::Load).await?;
    let mut summary = Summary::default();
    let mut receipts = BTreeMap::new();
    if !input.is_empty() {
        let mut warehouse =
            block_in_place(|| Warehouse::open(&settings.warehouse, &settings.duckdb_library))?;
        for (partition, clean_key) in input {
            let (key, part) = load(&common, &settings, &mut warehouse, partition, clean_key)
                .await
                .while_doing(|| format!("load {partition}"))?;
            receipts.insert(partition, key);
            summary += part;
        }
    }
    run::hand_over(&common, Stage::Load, receipts).await?;
    Ok(summary)
}

async fn load(
    common: &CommonSettings,
    settings: &Settings,
    warehouse: &mut Warehouse,
    partition: Partition,
    clean_key: Key,
) -> Result<(Key, Summary), Failure> {
    let started = Instant::now();
    let lake = &common.lake;
    let (manifest, _): (CleanManifest, _) = manifest::read(lake, &clean_key).await?;
    let (raw, _): (RawManifest, _) = manifest::read(lake, &manifest.raw_manifest).await?;
    let local = |key: &Key| PathBuf::from(lake.locate(key));
    let files = manifest.files.iter().map(|file| local(&file.object.key));
    let load = Load {
        manifest: &manifest,
        manifest_key: &clean_key,
        raw_lines: raw.lines,
        files: files.collect(),
        quarantine: manifest
            .quarantine
            .as_ref()
            .map(|file| local(&file.object.key)),
        run_id: &common.run_id,
        force: common.force,
    };
    let loaded = block_in_place(|| warehouse.load(&load))?;

    let receipt = LoadReceipt {
        manifest: Version::V1,
        partition,
        fingerprint: manifest.fingerprint.clone(),
        clean_manifest: clean_key.clone(),
        table: Contract::clean_table(partition.dataset()).name.clone(),
        rows: manifest.rows.kept,
    };
    let key = LoadReceipt::key(&settings.warehouse.id(), partition, &manifest.fingerprint)?;
    manifest::commit(lake, &key, &receipt).await?;
    if loaded == Loaded::Found {
        debug!(%partition, fingerprint = %manifest.fingerprint, "partition found");
        return Ok((key, Summary::found()));
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
    Ok((key, summary))
}
