//! Manifests: the small JSON objects that are a stage's only input and the last thing it writes.
//!
//! A manifest contains nothing that two correct executions could disagree on: no clock, no host, no run id. So a retry,
//! a replay and a race all write the same bytes. Hand-overs belong to one run, so they may contain the time.
//!
//! docs/architecture.md lists the keys.

use std::collections::BTreeMap;
use std::fmt;

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

pub use crate::object::Object;

/// The format of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// The first.
    #[serde(rename = "v1")]
    V1,
}

/// A reference to a manifest: its key and the digest of its bytes, so that results can be identified without reading
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRef {
    /// Its key.
    pub key: Key,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
}

impl ManifestRef {
    /// Returns the reference to the manifest under `key` with these bytes.
    #[must_use]
    pub fn of(key: Key, bytes: &[u8]) -> Self {
        let sha256 = Digest::of(bytes);
        Self { key, sha256 }
    }
}

/// The encoding of a text file as a whole. Transform decodes each field separately and does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// Every byte sequence in the file is valid UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// The file is not valid UTF-8: at least some of its bytes are Windows-1252.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// The origin of a raw file. Id, date and size together are its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The address it was downloaded from.
    pub url: String,
    /// CKAN id of the resource; `None` outside the portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// When the publisher last changed it, as the portal states, else as the file's own server does: ISO 8601, UTC
    /// without an offset. An impossible date is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The length stated by the publisher, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated_size_bytes: Option<u64>,
    /// Whether the publisher declares the data to be synthetic.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generated: bool,
}

impl Source {
    /// Returns when the publisher last changed it.
    #[must_use]
    pub fn published_at(&self) -> Option<Timestamp> {
        let wall_clock: DateTime = self.last_modified.as_deref()?.parse().ok()?;
        TimeZone::UTC.to_timestamp(wall_clock).ok()
    }

    /// Identifies this publication of the file by what the portal states before any download.
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

/// The extract stage's result for one partition: a content, identified by its digest. If it is published again with
/// another date, the result stays the same and keeps the source that was seen first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawManifest {
    /// The format.
    pub manifest: Version,
    /// The partition.
    pub partition: Partition,
    /// Its origin.
    pub source: Source,
    /// SHA-256 of the file as downloaded.
    pub download_sha256: Digest,
    /// Length of the file as downloaded.
    pub download_size_bytes: u64,
    /// The stored object: the CSV, or the boundaries as GeoJSON.
    pub object: Object,
    /// Lines of the object, counted independently of any parser: line feeds, plus one if the last line has none.
    pub lines: u64,
    /// Its encoding as a whole, for information.
    pub encoding: Encoding,
}

impl RawManifest {
    /// Returns the key of the raw manifest of the content of `partition` with the digest `sha256`.
    pub fn key(partition: Partition, sha256: &Digest) -> Result<Key, Failure> {
        Self::object_key(partition, sha256, "manifest.json")
    }

    /// Returns the key of the raw object `name` with the digest `sha256`.
    pub fn object_key(partition: Partition, sha256: &Digest, name: &str) -> Result<Key, Failure> {
        key(format!("raw/{}/{sha256}/{name}", partition.folder()))
    }
}

/// The portal's statement about a partition, and the content it referred to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The format.
    pub manifest: Version,
    /// The partition.
    pub partition: Partition,
    /// The statement.
    pub source: Source,
    /// SHA-256 of the file as downloaded.
    pub download_sha256: Digest,
    /// Length of the file as downloaded; `None` if a version of the job wrote it that did not record this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_size_bytes: Option<u64>,
    /// The strong entity tag of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The `Last-Modified` header of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_last_modified: Option<String>,
    /// The content.
    pub raw_manifest: ManifestRef,
}

impl Publication {
    /// Returns the key of the publication `version` of `partition`.
    pub fn key(partition: Partition, version: &Fingerprint) -> Result<Key, Failure> {
        key(format!(
            "raw/{}/{version}/publication.json",
            partition.folder()
        ))
    }

    /// Whether the download has the length that the publisher states, as far as both are known.
    #[must_use]
    pub fn has_stated_size(&self) -> bool {
        let sizes = self.source.stated_size_bytes.zip(self.download_size_bytes);
        sizes.is_none_or(|(stated, downloaded)| stated == downloaded)
    }
}

/// A difference between the published file's shape and the contract, or a value that is not in the contract. It never
/// contains a value of a column outside the contract, which may be personal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Drift {
    /// The kind of difference.
    pub kind: DriftKind,
    /// The column's name, or the value.
    pub subject: String,
    /// Rows it occurs in; for a column, rows in which it is not empty.
    pub rows: u64,
}

/// Kinds of [`Drift`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// A column that is not in the contract.
    ExtraColumn,
    /// A column under another name, one of the contract's aliases.
    AliasedColumn,
    /// Columns in another order.
    ReorderedColumns,
    /// A status that is not in the contract; it is read as `Unknown`.
    UnknownStatus,
    /// A ward that is in neither ward model.
    UnknownWard,
    /// A division that is not in the contract.
    UnknownDivision,
    /// A postal code area that is not a forward sortation area of Toronto.
    InvalidFsa,
    /// UTF-8 and Windows-1252 lines in one file.
    MixedEncodings,
    /// Empty fields after the last column.
    SurplusEmptyFields,
    /// An impossible date of publication: not a date, or in the future. The file counts as undated.
    InvalidPublicationDate,
    /// Several resources for one year, with equal dates and equal bytes.
    DuplicateResource,
    /// Several resources for one year, with equal dates and different bytes; the one created last is used.
    ConflictingResources,
    /// The bytes changed but the date stated by the portal did not.
    RepublishedWithoutNotice,
    /// More than 1 % of the requests of the previous publication are missing.
    RequestsGone,
}

/// Its name in manifests and in the warehouse.
impl fmt::Display for DriftKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The rows of a partition. `read = kept + quarantined` always holds. For a CSV file these are all lines but the header
/// and the blank ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Empty lines, and lines of spaces and commas, of a CSV file.
    pub blank_lines: u64,
    /// Rows of the file.
    pub read: u64,
    /// Rows in the clean files.
    pub kept: u64,
    /// Kept rows whose division or section had an unquoted comma repaired.
    pub repaired: u64,
    /// Kept rows equal to an earlier row in all that identifies a request: its time, place and type.
    pub duplicates: u64,
    /// Kept rows at a wall-clock time that occurs twice in autumn.
    pub in_fold: u64,
    /// Kept rows at a wall-clock time that does not exist in spring.
    pub in_gap: u64,
    /// Quarantined rows.
    pub quarantined: u64,
    /// Quarantined rows by reason.
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
    /// The partition.
    pub partition: Partition,
    /// Identifies the result by its inputs: the raw manifest's bytes, the contract's version,
    /// [`CleanManifest::logic_version`] and, if an undated file's result depends on it, the moment of observation.
    pub fingerprint: Fingerprint,
    /// The raw manifest it was produced from.
    pub raw_manifest: Key,
    /// The raw file's origin.
    pub source: Source,
    /// The raw file.
    pub raw_object: Object,
    /// Its lines, as counted by extract, independently of any parser.
    pub raw_lines: u64,
    /// The raw file's encoding as a whole, for information.
    pub encoding: Encoding,
    /// The contract's id.
    pub contract: String,
    /// The contract's version.
    pub contract_version: String,
    /// The version of the transform's rules.
    pub logic_version: u32,
    /// What happened to the rows.
    pub rows: RowCounts,
    /// The earliest `created_at`, ISO 8601 UTC; `None` without rows or for boundaries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_created_at: Option<String>,
    /// The latest `created_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_created_at: Option<String>,
    /// Differences from the contract.
    pub drift: Vec<Drift>,
    /// The clean rows: one file per month, in order; one file for boundaries.
    pub files: Vec<CleanFile>,
    /// The quarantined rows; `None` for boundaries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<CleanFile>,
}

impl CleanManifest {
    /// Returns the key of the object `name` of the clean `partition` with `fingerprint`; the manifest is
    /// `manifest.json`.
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
    /// The partition.
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
    /// Returns the key of the receipt for loading `fingerprint` of `partition` into the warehouse.
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
    /// Identifies the result by its inputs: the loads, with their drift, and refusals in the warehouse, and the dbt
    /// project's files, which pin the version of dbt.
    pub fingerprint: Fingerprint,
    /// The load receipts of the warehouse's content, from which all marts are built.
    pub receipts: BTreeMap<Partition, Key>,
    /// Whether any of the warehouse's data are synthetic.
    #[serde(default)]
    pub generated: bool,
    /// The marts, by table.
    pub marts: Vec<Mart>,
}

impl MartsManifest {
    /// Returns the key of the marts' manifest.
    pub fn key(warehouse: &Fingerprint, fingerprint: &Fingerprint) -> Result<Key, Failure> {
        key(format!("marts/{warehouse}/{fingerprint}/manifest.json"))
    }
}

/// Returns a key whose parts are valid by construction.
pub(crate) fn key(text: String) -> Result<Key, Failure> {
    Key::new(text).map_err(|problem| Failure::new(Exit::Bug, anyhow::anyhow!(problem)))
}

/// Serializes `value` for people: indented by two spaces, with fields in declaration order and a final line feed.
#[must_use]
pub fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(value)
        .expect("manifests have string keys and no failing serializer");
    json.push(b'\n');
    json
}

/// Parses the manifest in `bytes`, read from `key`.
///
/// # Errors
/// [`Exit::Contract`] if it does not have that format.
pub fn from_json<T: DeserializeOwned>(key: &Key, bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .or_fail(Exit::Contract)
        .while_doing(|| format!("cannot read the manifest {key}"))
}

/// Reads the manifest under `key`.
///
/// # Errors
/// [`Exit::Upstream`] if it does not exist.
pub async fn read<T: DeserializeOwned>(lake: &Lake, key: &Key) -> Result<T, Failure> {
    from_json(key, &read_bytes(lake, key).await?)
}

/// Reads the manifest of `partition` under `key`.
///
/// # Errors
/// [`Exit::Upstream`] if it does not exist, [`Exit::Bug`] if it belongs to another partition or key.
pub async fn read_own<T: Manifest>(
    lake: &Lake,
    key: &Key,
    partition: Partition,
) -> Result<T, Failure> {
    from_manifest(key, &read_bytes(lake, key).await?, partition)
}

/// A manifest whose content determines its key.
pub trait Manifest: DeserializeOwned {
    /// Returns its partition.
    fn partition(&self) -> Partition;
    /// Returns its key.
    fn own_key(&self) -> Result<Key, Failure>;
}

impl Manifest for RawManifest {
    fn partition(&self) -> Partition {
        self.partition
    }

    fn own_key(&self) -> Result<Key, Failure> {
        Self::key(self.partition, &self.object.sha256)
    }
}

impl Manifest for CleanManifest {
    fn partition(&self) -> Partition {
        self.partition
    }

    fn own_key(&self) -> Result<Key, Failure> {
        Self::key(self.partition, &self.fingerprint, "manifest.json")
    }
}

/// Parses the manifest of `partition` in `bytes`, read from `key`.
///
/// # Errors
/// [`Exit::Contract`] if it does not have that format, [`Exit::Bug`] if it belongs to another partition or key.
pub fn from_manifest<T: Manifest>(
    key: &Key,
    bytes: &[u8],
    partition: Partition,
) -> Result<T, Failure> {
    let manifest: T = from_json(key, bytes)?;
    let own = manifest.own_key()?;
    if own == *key && manifest.partition() == partition {
        return Ok(manifest);
    }
    Err(Failure::new(
        Exit::Bug,
        anyhow::anyhow!(
            "{key} has the manifest {own} of {} in place of one of {partition}: find out what altered the lake, and remove it",
            manifest.partition()
        ),
    ))
}

/// Reads the manifest of `partition` that a stage handed over.
///
/// # Errors
/// [`Exit::Upstream`] if it does not exist, [`Exit::Bug`] if its bytes differ, because objects never change, or if it
/// belongs to another partition or key.
pub async fn read_handed<T: Manifest>(
    lake: &Lake,
    manifest: &ManifestRef,
    partition: Partition,
) -> Result<T, Failure> {
    let ManifestRef { key, sha256 } = manifest;
    let bytes = read_bytes(lake, key).await?;
    let found = Digest::of(&bytes);
    if found != *sha256 {
        return Err(Failure::new(
            Exit::Bug,
            anyhow::anyhow!(
                "{key} was handed over with SHA-256 {sha256} and now has {found}: check whether the lake was altered"
            ),
        ));
    }
    from_manifest(key, &bytes, partition)
}

pub(crate) async fn read_bytes(lake: &Lake, key: &Key) -> Result<Bytes, Failure> {
    let bytes = lake.read(key).await?;
    Ok(bytes.ok_or_else(|| LakeError::Missing { key: key.clone() })?)
}

/// Writes `manifest` under `key`, which commits every object listed in it.
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
