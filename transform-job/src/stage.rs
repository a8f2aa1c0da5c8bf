//! The transform stage: transforms raw partitions to clean ones.

use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::{OptionFuture, try_join, try_join_all};
use jiff::Timestamp;
use serde::Deserialize;
use shared::contract::Contract;
use shared::exit::Failure;
use shared::fingerprint::Fingerprint;
use shared::hand_over::{self, Handed, Outcomes};
use shared::job::Summary;
use shared::key::Key;
use shared::lake::{Content, Lake};
use shared::manifest::{
    self, CleanFile, CleanManifest, Drift, ManifestRef, Object, RawManifest, RowCounts, Source,
    Version,
};
use shared::partition::{Dataset, Partition};
use shared::run::Stage;
use shared::settings::{self, CommonSettings, JobSettings, Problems, variables};
use shared::telemetry::milliseconds;
use tracing::{debug, info, warn};

use crate::clean::Clean;
use crate::parquet_file::ParquetFile;
use crate::service_requests::Horizon;
use crate::{boundaries, service_requests};

/// The version of the rules in this crate. A change of their results needs a new number, so that every partition gets a
/// new fingerprint and is transformed again.
pub const LOGIC_VERSION: u32 = 11;

/// The settings of this job.
#[derive(Debug)]
pub struct Settings {
    max_quarantined_ratio: f64,
}

/// The settings as strings from the environment.
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
    let started = Instant::now();
    let lake = &common.lake;
    let contract = Contract::of(partition.dataset());
    let horizon = |source: &Source| Horizon::of(source, handed.published_at, handed.observed_at);
    let found = |found: ManifestRef, clean: &CleanManifest| {
        check_quarantined(settings, clean)?;
        Ok((handed.clone().with(found), Summary::found()))
    };

    let plain = fingerprint(&handed.manifest, contract, None);
    if !common.force
        && let Some((reference, clean)) = find(lake, partition, &plain).await?
        && is_valid(&clean, horizon(&clean.source))
    {
        return found(reference, &clean);
    }

    let lineage = &common.lineage;
    lineage
        .begin(Stage::Transform, partition, handed.observed_at)
        .await;
    let raw: RawManifest = manifest::read_handed(lake, &handed.manifest, partition).await?;
    let ratio = settings.max_quarantined_ratio;
    let clean = match partition.dataset() {
        Dataset::ServiceRequests => {
            service_requests::transform(lake, &raw, horizon(&raw.source), ratio).await?
        }
        Dataset::CityWards | Dataset::ForwardSortationAreas => {
            boundaries::transform(lake, &raw).await?
        }
    };
    let fingerprint = fingerprint(&handed.manifest, contract, clean.horizon_effect.as_deref());
    if !common.force
        && fingerprint != plain
        && let Some((reference, clean)) = find(lake, partition, &fingerprint).await?
    {
        return found(reference, &clean);
    }
    let raw_key = handed.manifest.key.clone();
    let (committed, summary) = commit(lake, fingerprint, raw_key, raw, clean, started).await?;
    Ok((handed.with(committed), summary))
}

/// Stores a result, its manifest last, and logs it.
async fn commit(
    lake: &Lake,
    fingerprint: Fingerprint,
    raw_manifest: Key,
    raw: RawManifest,
    clean: Clean,
    started: Instant,
) -> Result<(ManifestRef, Summary), Failure> {
    let partition = raw.partition;
    let contract = Contract::of(partition.dataset());
    let manifest_key = CleanManifest::key(partition, &fingerprint, "manifest.json")?;
    warn_of_drift(partition, &clean.drift);

    let phases = clean.phases;
    let storing = Instant::now();
    // The objects are stored concurrently, because most of the time is spent on making them durable.
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
        raw_manifest,
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
        rows: manifest.rows.read,
        bytes: stored.map(|file| file.object.size_bytes).sum(),
        quarantined: manifest.rows.quarantined,
        repaired: manifest.rows.repaired,
        drift: manifest.drift.len() as u64,
        ..Summary::default()
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
        parse_milliseconds = milliseconds(phases.parse),
        sort_milliseconds = milliseconds(phases.sort),
        encode_milliseconds = milliseconds(phases.encode),
        store_milliseconds = milliseconds(store),
        milliseconds = milliseconds(started.elapsed()),
        "partition transformed"
    );
    Ok((committed, summary))
}

/// Returns the fingerprint of the result of a raw manifest.
///
/// The horizon of a file differs from run to run if its publisher does not date it. The name has only what the horizon
/// changed in the result, so that the same file has the same result in each.
fn fingerprint(
    raw: &ManifestRef,
    contract: &Contract,
    horizon_effect: Option<&str>,
) -> Fingerprint {
    let logic = LOGIC_VERSION.to_string();
    let mut parts = vec![raw.sha256.as_str(), &contract.id, &contract.version, &logic];
    parts.extend(horizon_effect);
    Fingerprint::of(&parts)
}

/// Returns the result with this fingerprint, if the lake has all of it.
async fn find(
    lake: &Lake,
    partition: Partition,
    fingerprint: &Fingerprint,
) -> Result<Option<(ManifestRef, CleanManifest)>, Failure> {
    let key = CleanManifest::key(partition, fingerprint, "manifest.json")?;
    let Some(bytes) = lake.read(&key).await? else {
        return Ok(None);
    };
    let clean: CleanManifest = manifest::from_manifest(&key, &bytes, partition)?;
    let files = clean.files.iter().chain(&clean.quarantine);
    let has = async |file: &CleanFile| -> Result<bool, Failure> {
        let has = lake.has(&file.object).await?;
        if !has {
            let key = &file.object.key;
            warn!(%partition, %key, "object missing or altered, transforming again");
        }
        Ok(has)
    };
    // What is missing is created again. If an object was altered, that is a conflict.
    if try_join_all(files.map(has)).await?.contains(&false) {
        return Ok(None);
    }
    debug!(%partition, %fingerprint, "partition found");
    Ok(Some((ManifestRef::of(key, &bytes), clean)))
}

/// Whether a result that rests on no horizon is the same under this one: no request is after it.
fn is_valid(clean: &CleanManifest, horizon: Option<Horizon>) -> bool {
    let latest = clean.max_created_at.as_deref();
    let latest: Option<Timestamp> = latest.and_then(|latest| latest.parse().ok());
    match (latest, horizon) {
        (Some(latest), Some(horizon)) => !horizon.is_before(latest),
        _ => true,
    }
}

/// Refuses a result of an earlier execution that was allowed to quarantine more rows than this one is.
fn check_quarantined(settings: &Settings, clean: &CleanManifest) -> Result<(), Failure> {
    let RowCounts {
        read, quarantined, ..
    } = clean.rows;
    let ratio = settings.max_quarantined_ratio;
    if quarantined <= service_requests::share_of(ratio, read) {
        return Ok(());
    }
    Err(Failure::contract(anyhow::anyhow!(
        "{quarantined} of the {read} rows of {} break the contract, more than MAX_QUARANTINE_RATIO ({ratio}) allows: {:?}. \
         Look at the quarantine, or raise the ratio",
        clean.raw_object.key,
        clean.rows.quarantined_by_reason
    )))
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
        object: Object::of(key, file.measured),
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
        warn!(%partition, %kind, subject, rows, "drift from the contract");
    }
}
