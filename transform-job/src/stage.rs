//! The stage: from raw manifests to clean manifests.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Deserialize;
use shared::contract::Contract;
use shared::exit::{Failure, FailureContext as _};
use shared::fingerprint::Fingerprint;
use shared::job::Summary;
use shared::lake::{Content, Key, Lake};
use shared::manifest::{
    self, CleanFile, CleanManifest, Drift, Object, RawManifest, RowCounts, Version,
};
use shared::partition::{Dataset, Partition};
use shared::run::{self, Stage};
use shared::settings::{self, CommonSettings, JobSettings, Problems, variables};
use tracing::{debug, info, warn};

use crate::parquet_file::ParquetFile;
use crate::{boundaries, service_requests};

/// The version of the rules in this crate. A change of what they give asks for a new number, so that every partition
/// gets a new fingerprint and is transformed anew.
pub const LOGIC_VERSION: u32 = 1;

/// The settings of this job.
#[derive(Debug)]
pub struct Settings {
    max_quarantined_ratio: f64,
}

/// The settings as the environment has them.
#[derive(Debug, Deserialize)]
pub struct RawSettings {
    max_quarantine_ratio: Option<String>,
}

impl JobSettings for Settings {
    type Raw = RawSettings;

    fn validate(raw: RawSettings, problems: &mut Problems) -> Option<Self> {
        let ratio = problems.take_optional(
            &variables::MAX_QUARANTINE_RATIO,
            raw.max_quarantine_ratio,
            settings::parse_ratio,
        )?;
        Some(Self {
            max_quarantined_ratio: ratio.unwrap_or(Contract::rules().max_quarantined_ratio),
        })
    }
}

/// What the transformation of one partition gives: files in the spool, not yet in the lake.
pub(crate) struct Clean {
    pub(crate) rows: RowCounts,
    pub(crate) min_created_at: Option<String>,
    pub(crate) max_created_at: Option<String>,
    pub(crate) drift: Vec<Drift>,
    pub(crate) files: Vec<ParquetFile>,
    pub(crate) quarantine: Option<ParquetFile>,
}

/// Transforms every partition that was handed over, and hands the clean manifests over.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    let mut manifests = BTreeMap::new();
    for (partition, raw_key) in run::input_of(&common, Stage::Transform).await? {
        let (key, part) = transform(&common, &settings, partition, raw_key)
            .await
            .while_doing(|| format!("transform {partition}"))?;
        manifests.insert(partition, key);
        summary += part;
    }
    run::hand_over(&common, Stage::Transform, manifests).await?;
    Ok(summary)
}

async fn transform(
    common: &CommonSettings,
    settings: &Settings,
    partition: Partition,
    raw_key: Key,
) -> Result<(Key, Summary), Failure> {
    let started = Instant::now();
    let lake = &common.lake;
    let raw_bytes = lake
        .read(&raw_key)
        .await?
        .ok_or_else(|| shared::lake::LakeError::Missing {
            key: raw_key.clone(),
        })?;
    let contract = Contract::of(partition.dataset());
    let fingerprint = Fingerprint::of(&[
        shared::fingerprint::Digest::of(&raw_bytes).as_str(),
        &contract.id,
        &contract.version,
        &LOGIC_VERSION.to_string(),
    ]);
    let manifest_key = CleanManifest::key(partition, &fingerprint, "manifest.json")?;
    if !common.force && lake.read(&manifest_key).await?.is_some() {
        debug!(%partition, %fingerprint, "partition found");
        return Ok((manifest_key, Summary::found()));
    }

    let raw: RawManifest = manifest::from_json(&raw_key, &raw_bytes)?;
    let clean = match partition.dataset() {
        Dataset::ServiceRequests => {
            service_requests::transform(lake, &raw, settings.max_quarantined_ratio).await?
        }
        Dataset::CityWards | Dataset::ForwardSortationAreas => {
            boundaries::transform(lake, &raw).await?
        }
    };
    warn_of_drift(partition, &clean.drift);

    let mut files = Vec::with_capacity(clean.files.len());
    for file in clean.files {
        files.push(store(lake, partition, &fingerprint, file).await?);
    }
    let quarantine = match clean.quarantine {
        Some(file) => Some(store(lake, partition, &fingerprint, file).await?),
        None => None,
    };
    let manifest = CleanManifest {
        manifest: Version::V1,
        partition,
        fingerprint,
        raw_manifest: raw_key,
        source: raw.source,
        raw_object: raw.object,
        encoding: raw.encoding,
        contract: contract.id.clone(),
        contract_version: contract.version.clone(),
        logic_version: LOGIC_VERSION,
        rows: clean.rows,
        min_created_at: clean.min_created_at,
        max_created_at: clean.max_created_at,
        drift: clean.drift,
        files,
        quarantine,
    };
    manifest::commit(lake, &manifest_key, &manifest).await?;

    let stored = manifest.files.iter().chain(&manifest.quarantine);
    let summary = Summary {
        produced: 1,
        found: 0,
        rows: manifest.rows.read,
        bytes: stored.map(|file| file.object.size_bytes).sum(),
        quarantined: manifest.rows.quarantined,
        repaired: manifest.rows.repaired,
        drift: manifest.drift.len() as u64,
    };
    info!(
        %partition,
        fingerprint = %manifest.fingerprint,
        rows = summary.rows,
        kept = manifest.rows.kept,
        repaired = summary.repaired,
        quarantined = summary.quarantined,
        drift = summary.drift,
        bytes = summary.bytes,
        seconds = started.elapsed().as_secs_f64(),
        "partition transformed"
    );
    Ok((manifest_key, summary))
}

async fn store(
    lake: &Lake,
    partition: Partition,
    fingerprint: &Fingerprint,
    file: ParquetFile,
) -> Result<CleanFile, Failure> {
    let key = CleanManifest::key(partition, fingerprint, &file.name)?;
    lake.create(&key, Content::File(file.content)).await?;
    Ok(CleanFile {
        object: Object {
            key,
            size_bytes: file.size_bytes,
            sha256: file.sha256,
        },
        rows: file.rows,
    })
}

fn warn_of_drift(partition: Partition, drift: &[Drift]) {
    for Drift {
        kind,
        subject,
        rows,
        ..
    } in drift
    {
        warn!(%partition, kind = ?kind, subject, rows, "drift from the contract");
    }
}
