//! Manifests: the small JSON objects that are a stage's only input and the last thing it writes.
//!
//! A manifest holds nothing that two honest executions could disagree on: no clock, no host, no run id. So a retry, a
//! replay and a race all write the same bytes.
//!
//! | object | key |
//! |---|---|
//! | raw CSV | `raw/service-requests/2023/<sha256>/SR2023.csv` |
//! | raw manifest | `raw/service-requests/2023/<sha256>/manifest.json` |
//! | publication | `raw/service-requests/2023/<version>/publication.json` |
//! | clean Parquet | `clean/service-requests/2023/<fingerprint>/2023-01.parquet` |
//! | quarantine | `clean/service-requests/2023/<fingerprint>/quarantine.parquet` |
//! | clean manifest | `clean/service-requests/2023/<fingerprint>/manifest.json` |
//! | load receipt | `loaded/<warehouse id>/service-requests/2023/<fingerprint>.json` |
//! | marts manifest | `marts/<warehouse id>/<fingerprint>/manifest.json` |
//! | hand-over | `runs/<run id>/<stage>-<task>-<attempt>.json` |
//!
//! Hand-overs belong to one run, so that they may have a clock.
//!
//! The boundaries have the same keys without a year: `raw/city-wards/<sha256>/city-wards.geojson`.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use crate::fingerprint::{Digest, Fingerprint};
use crate::key::Key;
use crate::lake::{Content, Lake, LakeError};
use crate::partition::Partition;

/// The format of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// The first.
    #[serde(rename = "v1")]
    V1,
}

/// An object that a manifest speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its key.
    pub key: Key,
    /// Its length.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
}

/// A manifest, named by its key and the bytes that are there, so that what follows from it can be named unread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRef {
    /// Its key.
    pub key: Key,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
}

impl ManifestRef {
    /// The manifest under `key` whose bytes these are.
    #[must_use]
    pub fn of(key: Key, bytes: &[u8]) -> Self {
        let sha256 = Digest::of(bytes);
        Self { key, sha256 }
    }
}

/// The characters of a text file as a whole. Transform reads each field by itself, and does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// Every byte sequence in the file is valid UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// It is not: some of its bytes, or all, are Windows-1252.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// Where a raw file came from. Id, date and size together are its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The address it was downloaded from.
    pub url: String,
    /// CKAN id of the resource; none outside the portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// When the publisher last changed it, as the portal states, else as the file's own server states: ISO 8601, UTC
    /// without an offset. A date that cannot be is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The length that the publisher states, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated_size_bytes: Option<u64>,
    /// Whether the publisher says that the data are generated, and nobody's requests.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generated: bool,
}

impl Source {
    /// When the publisher last changed it.
    #[must_use]
    pub fn published_at(&self) -> Option<Timestamp> {
        let wall_clock: DateTime = self.last_modified.as_deref()?.parse().ok()?;
        TimeZone::UTC.to_timestamp(wall_clock).ok()
    }

    /// Names this publication of the file, from what the portal says of it before any download.
    #[must_use]
    pub fn version(&self) -> Fingerprint {
        let size = self
            .stated_size_bytes
            .map(|size| size.to_string())
            .unwrap_or_default();
        Fingerprint::of(&[
            self.resource_id.as_deref().unwrap_or(&self.url),
            self.last_modified.as_deref().unwrap_or_default(),
            &size,
        ])
    }
}

/// The extract stage's result for one partition: a content, named by its digest. Published again under another date it is
/// the same result, whose source is the publication that was seen first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawManifest {
    /// The format.
    pub manifest: Version,
    /// What this is a version of.
    pub partition: Partition,
    /// Where it came from.
    pub source: Source,
    /// SHA-256 of the file as downloaded.
    pub download_sha256: Digest,
    /// Length of the file as downloaded.
    pub download_size_bytes: u64,
    /// The stored object: the CSV, or the boundaries as GeoJSON.
    pub object: Object,
    /// Line feeds in the object, and one more if the last line has none: counted apart from any parsing.
    pub lines: u64,
    /// Its characters as a whole, for information.
    pub encoding: Encoding,
}

impl RawManifest {
    /// The key of the raw manifest of the content of `partition` with the digest `sha256`.
    pub fn key(partition: Partition, sha256: &Digest) -> Result<Key, Failure> {
        Self::object_key(partition, sha256, "manifest.json")
    }

    /// The key of the raw object `name` with the digest `sha256`.
    pub fn object_key(partition: Partition, sha256: &Digest, name: &str) -> Result<Key, Failure> {
        key(format!("raw/{}/{sha256}/{name}", partition.folder()))
    }
}

/// What the portal stated of a partition, and the content that it stood for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The format.
    pub manifest: Version,
    /// What this is a publication of.
    pub partition: Partition,
    /// What was stated.
    pub source: Source,
    /// SHA-256 of the file as downloaded.
    pub download_sha256: Digest,
    /// The strong entity tag that came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The `Last-Modified` header that came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_last_modified: Option<String>,
    /// The content.
    pub raw_manifest: ManifestRef,
}

impl Publication {
    /// The key of the publication that the portal states as `version` of `partition`.
    pub fn key(partition: Partition, version: &Fingerprint) -> Result<Key, Failure> {
        key(format!(
            "raw/{}/{version}/publication.json",
            partition.folder()
        ))
    }
}

/// A difference between the published file's shape and the contract, or a value the contract does not know. It never holds
/// a value of a column outside the contract, which may be personal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Drift {
    /// What differs.
    pub kind: DriftKind,
    /// The column's name, or the value.
    pub subject: String,
    /// Rows it was seen in; for a column, rows in which it is not empty.
    pub rows: u64,
}

/// Kinds of [`Drift`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// A column the contract does not have.
    ExtraColumn,
    /// A column under another name, one of the contract's aliases.
    AliasedColumn,
    /// The columns in another order.
    ReorderedColumns,
    /// A status the contract does not know; it is read as `Unknown`.
    UnknownStatus,
    /// A ward of neither ward model.
    UnknownWard,
    /// A division the contract does not know.
    UnknownDivision,
    /// A postal code area that is no forward sortation area of Toronto.
    InvalidFsa,
    /// Lines in UTF-8 and lines in Windows-1252 in one file.
    MixedEncodings,
    /// Empty fields after the last column.
    SurplusEmptyFields,
    /// A date of publication that cannot be: no date, or one in the future. The file counts as undated.
    InvalidPublicationDate,
    /// Several resources for one year, with equal dates and equal bytes.
    DuplicateResource,
    /// Several resources for one year, with equal dates and different bytes; the one created last counts.
    ConflictingResources,
    /// The bytes changed, and the date that the portal states did not.
    RepublishedWithoutNotice,
    /// More than 1 % of the requests of the publication before are gone.
    RequestsGone,
}

/// The rows of a partition. `read = kept + quarantined`, always; of a CSV file, they are all its lines but the header and
/// the blank ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Lines of spaces, or of nothing; of a CSV file.
    pub blank_lines: u64,
    /// Rows of the file.
    pub read: u64,
    /// Rows in the clean files.
    pub kept: u64,
    /// Of the kept: those whose division or section had its unquoted comma repaired.
    pub repaired: u64,
    /// Of the kept: those equal to an earlier row in all that identifies a request: its time, place and type.
    pub duplicates: u64,
    /// Of the kept: those at a wall-clock time that the autumn repeats.
    pub in_fold: u64,
    /// Of the kept: those at a wall-clock time that the spring skips.
    pub in_gap: u64,
    /// Rows set aside.
    pub quarantined: u64,
    /// The same by reason.
    pub quarantined_by_reason: BTreeMap<String, u64>,
}

/// One Parquet file of a clean partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanFile {
    /// The file.
    #[serde(flatten)]
    pub object: Object,
    /// Its rows.
    pub rows: u64,
}

/// The transform stage's result for one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanManifest {
    /// The format.
    pub manifest: Version,
    /// What this is a clean version of.
    pub partition: Partition,
    /// Names the result: of the raw manifest's bytes, the contract's version and [`CleanManifest::logic_version`], and of
    /// the moment of observation if an undated file's result depends on it.
    pub fingerprint: Fingerprint,
    /// The raw manifest it was made from.
    pub raw_manifest: Key,
    /// The raw file's origin.
    pub source: Source,
    /// The raw file.
    pub raw_object: Object,
    /// Its lines, as extract counted them, apart from any parsing.
    pub raw_lines: u64,
    /// The raw file's characters as a whole, for information.
    pub encoding: Encoding,
    /// The contract's id.
    pub contract: String,
    /// The contract's version.
    pub contract_version: String,
    /// The version of the transform's rules.
    pub logic_version: u32,
    /// What became of the rows.
    pub rows: RowCounts,
    /// The earliest `created_at`, ISO 8601 UTC; none without rows or for boundaries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_created_at: Option<String>,
    /// The latest `created_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_created_at: Option<String>,
    /// Differences from the contract.
    pub drift: Vec<Drift>,
    /// The clean rows: a file a month, in order; one file for boundaries.
    pub files: Vec<CleanFile>,
    /// The rows set aside; none for boundaries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<CleanFile>,
}

impl CleanManifest {
    /// The key of the object `name` of the clean `partition` made under `fingerprint`; the manifest is `manifest.json`.
    pub fn key(
        partition: Partition,
        fingerprint: &Fingerprint,
        name: &str,
    ) -> Result<Key, Failure> {
        key(format!("clean/{}/{fingerprint}/{name}", partition.folder()))
    }
}

/// The load stage's receipt for one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadReceipt {
    /// The format.
    pub manifest: Version,
    /// What was loaded.
    pub partition: Partition,
    /// The fingerprint of the clean partition.
    pub fingerprint: Fingerprint,
    /// The clean manifest it was loaded from.
    pub clean_manifest: Key,
    /// The table.
    pub table: String,
    /// Rows of the partition in the table, counted after the load.
    pub rows: u64,
}

impl LoadReceipt {
    /// The key of the receipt for loading `fingerprint` of `partition` into the warehouse.
    pub fn key(
        warehouse: &Fingerprint,
        partition: Partition,
        fingerprint: &Fingerprint,
    ) -> Result<Key, Failure> {
        key(format!(
            "loaded/{warehouse}/{}/{fingerprint}.json",
            partition.folder()
        ))
    }
}

/// One node of the dbt graph after a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbtNode {
    /// dbt's unique id: `model.toronto_311.requests_by_ward`.
    pub unique_id: String,
    /// dbt's verdict: `success`, `pass`, `warn`.
    pub status: String,
    /// Failing rows of a test that warns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u64>,
}

/// One mart after a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mart {
    /// The table, with its schema.
    pub table: String,
    /// Its rows.
    pub rows: u64,
}

/// The dbt stage's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MartsManifest {
    /// The format.
    pub manifest: Version,
    /// Names the result: of the loads and refusals that the warehouse held, and of the dbt project's files, the pinned
    /// version of dbt among them.
    pub fingerprint: Fingerprint,
    /// The load receipts of what the warehouse held, all of which the marts are built from.
    pub receipts: BTreeMap<Partition, Key>,
    /// Whether any of what the warehouse held is generated data, and nobody's requests.
    #[serde(default)]
    pub generated: bool,
    /// What dbt built and tested, by unique id.
    pub nodes: Vec<DbtNode>,
    /// The marts, by table.
    pub marts: Vec<Mart>,
}

impl MartsManifest {
    /// The key of the marts' manifest.
    pub fn key(warehouse: &Fingerprint, fingerprint: &Fingerprint) -> Result<Key, Failure> {
        key(format!("marts/{warehouse}/{fingerprint}/manifest.json"))
    }
}

/// A key made of parts that are valid by construction.
pub(crate) fn key(text: String) -> Result<Key, Failure> {
    Key::new(text).map_err(|problem| Failure::new(Exit::Bug, anyhow::anyhow!(problem)))
}

/// `value` as a person reads it: two-space indents, fields in the order of the type, a line feed at the end.
#[must_use]
pub fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(value)
        .expect("manifests have string keys and no failing serializer");
    json.push(b'\n');
    json
}

/// The manifest in `bytes`, found under `key`.
///
/// # Errors
/// [`Exit::Contract`] if it is none of that format.
pub fn from_json<T: DeserializeOwned>(key: &Key, bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .or_fail(Exit::Contract)
        .while_doing(|| format!("{key} is no manifest this program can read"))
}

/// Reads the manifest under `key`.
///
/// # Errors
/// [`Exit::Upstream`] if it is not there.
pub async fn read<T: DeserializeOwned>(lake: &Lake, key: &Key) -> Result<T, Failure> {
    from_json(key, &read_bytes(lake, key).await?)
}

/// Reads the manifest that a stage handed over.
///
/// # Errors
/// [`Exit::Upstream`] if it is not there, [`Exit::Bug`] if it is another: objects never change.
pub async fn read_handed<T: DeserializeOwned>(
    lake: &Lake,
    manifest: &ManifestRef,
) -> Result<T, Failure> {
    let ManifestRef { key, sha256 } = manifest;
    let bytes = read_bytes(lake, key).await?;
    let found = Digest::of(&bytes);
    if found != *sha256 {
        return Err(Failure::new(
            Exit::Bug,
            anyhow::anyhow!(
                "{key} was handed over as {sha256} and is {found}: was the lake altered?"
            ),
        ));
    }
    from_json(key, &bytes)
}

pub(crate) async fn read_bytes(lake: &Lake, key: &Key) -> Result<Bytes, Failure> {
    let bytes = lake.read(key).await?;
    Ok(bytes.ok_or_else(|| LakeError::Missing { key: key.clone() })?)
}

/// Writes `manifest` under `key`: the commit of all it speaks of.
pub async fn commit<T: Serialize>(
    lake: &Lake,
    key: &Key,
    manifest: &T,
) -> Result<ManifestRef, Failure> {
    let bytes = Bytes::from(to_json(manifest));
    let committed = ManifestRef::of(key.clone(), &bytes);
    lake.create(key, Content::Bytes(bytes)).await?;
    Ok(committed)
}
