//! The stage: from raw manifests to clean manifests.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{OptionFuture, try_join, try_join_all};
use serde::Deserialize;
use shared::contract::Contract;
use shared::exit::Failure;
use shared::fingerprint::Fingerprint;
use shared::hand_over::{self, Handed, Outcomes};
use shared::job::Summary;
use shared::lake::{Content, Lake};
use shared::manifest::{
    self, CleanFile, CleanManifest, Drift, ManifestRef, Object, RawManifest, RowCounts, Version,
};
use shared::partition::{Dataset, Partition};
use shared::run::Stage;
use shared::settings::{self, CommonSettings, JobSettings, Problems, variables};
use tracing::{debug, info, warn};

use crate::parquet_file::ParquetFile;
use crate::{boundaries, service_requests};

/// The version of the rules in this crate. A change of their results needs a new number, so that every partition gets a new
/// fingerprint and is transformed again.
pub const LOGIC_VERSION: u32 = 3;

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

/// Where the time of the threads went.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Phases {
    pub(crate) parse: Duration,
    pub(crate) sort: Duration,
    pub(crate) encode: Duration,
}

impl AddAssign for Phases {
    fn add_assign(&mut self, other: Self) {
        self.parse += other.parse;
        self.sort += other.sort;
        self.encode += other.encode;
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
    pub(crate) phases: Phases,
}

/// Transforms every partition that was handed over, and hands the clean manifests over.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    let input = hand_over::input_of(&common, Stage::Transform).await?;
    let mut outcomes = Outcomes::new(Stage::Transform, input.refused);
    for (partition, raw) in input.partitions {
        let observed_at = raw.observed_at;
        let outcome = transform(&common, &settings, partition, raw).await;
        outcomes.add(partition, observed_at, outcome);
    }
    outcomes.hand_over(&common).await
}

async fn transform(
    common: &CommonSettings,
    settings: &Settings,
    partition: Partition,
    handed: Handed,
) -> Result<(Handed, Summary), Failure> {
    let Handed {
        manifest: raw_ref,
        observed_at,
        drift,
    } = handed;
    let hand_over = |manifest| Handed {
        manifest,
        observed_at,
        drift,
    };
    let started = Instant::now();
    let lake = &common.lake;
    let contract = Contract::of(partition.dataset());
    let fingerprint = Fingerprint::of(&[
        raw_ref.sha256.as_str(),
        &contract.id,
        &contract.version,
        &LOGIC_VERSION.to_string(),
    ]);
    let manifest_key = CleanManifest::key(partition, &fingerprint, "manifest.json")?;
    if !common.force
        && let Some(bytes) = lake.read(&manifest_key).await?
    {
        debug!(%partition, %fingerprint, "partition found");
        let found = ManifestRef::of(manifest_key, &bytes);
        return Ok((hand_over(found), Summary::found()));
    }

    let raw: RawManifest = manifest::read_handed(lake, &raw_ref).await?;
    let clean = match partition.dataset() {
        Dataset::ServiceRequests => {
            service_requests::transform(lake, &raw, settings.max_quarantined_ratio).await?
        }
        Dataset::CityWards | Dataset::ForwardSortationAreas => {
            boundaries::transform(lake, &raw).await?
        }
    };
    warn_of_drift(partition, &clean.drift);

    let phases = clean.phases;
    let storing = Instant::now();
    // At once, for a lake takes most of an object's time to make it durable.
    let stored = |file| store(lake, partition, &fingerprint, file);
    let (files, quarantine) = try_join(
        try_join_all(clean.files.into_iter().map(stored)),
        OptionFuture::from(clean.quarantine.map(stored)).map(Option::transpose),
    )
    .await?;
    let manifest = CleanManifest {
        manifest: Version::V1,
        partition,
        fingerprint,
        raw_manifest: raw_ref.key,
        source: raw.source,
        raw_object: raw.object,
        raw_lines: raw.lines,
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
    let committed = manifest::commit(lake, &manifest_key, &manifest).await?;
    let store = storing.elapsed();

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
        quarantined_per_million = summary.quarantined_per_million(),
        drift = summary.drift,
        bytes = summary.bytes,
        parse_seconds = phases.parse.as_secs_f64(),
        sort_seconds = phases.sort.as_secs_f64(),
        encode_seconds = phases.encode.as_secs_f64(),
        store_seconds = store.as_secs_f64(),
        seconds = started.elapsed().as_secs_f64(),
        "partition transformed"
    );
    Ok((hand_over(committed), summary))
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
    } in drift
    {
        warn!(%partition, kind = ?kind, subject, rows, "drift from the contract");
    }
}
