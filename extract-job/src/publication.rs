//! What the lake holds of one publication.
//!
//! Number 0 is what was extracted first, under the key of the version that the publisher states. Where the publisher
//! changed the file and states the same version, what was found later has the numbers 1, 2 and so on, each under a key of
//! its own. The highest number is what counts: so a change that only `FORCE` could see is not undone by the next run.

use bytes::Bytes;
use shared::exit::Failure;
use shared::fingerprint::Fingerprint;
use shared::lake::{Content, Key, Lake, LakeError};
use shared::manifest::{self, ManifestRef, RawManifest};
use shared::partition::Partition;
use tracing::{info, warn};

/// One version of a partition, as its publisher states it.
pub(crate) struct Publication<'a> {
    lake: &'a Lake,
    partition: Partition,
    version: Fingerprint,
}

/// A manifest in the lake.
pub(crate) struct Held {
    number: u32,
    pub(crate) reference: ManifestRef,
    pub(crate) manifest: RawManifest,
}

/// A manifest that was committed.
pub(crate) struct Committed {
    pub(crate) reference: ManifestRef,
    /// Whether the publisher changed the file and stated the same version.
    pub(crate) drifted: bool,
}

impl<'a> Publication<'a> {
    pub(crate) fn new(lake: &'a Lake, partition: Partition, version: Fingerprint) -> Self {
        Self {
            lake,
            partition,
            version,
        }
    }

    /// The manifest that counts, if there is any.
    pub(crate) async fn held(&self) -> Result<Option<Held>, Failure> {
        let mut latest = None;
        for number in 0.. {
            match self.read(number).await? {
                Some(held) => latest = Some(held),
                None => break,
            }
        }
        Ok(latest)
    }

    /// Commits `manifest`, which was made while `held` counted: under the first key from there on that is free, or that
    /// speaks of the same bytes.
    pub(crate) async fn commit(
        &self,
        held: Option<&Held>,
        manifest: &RawManifest,
    ) -> Result<Committed, Failure> {
        let json = Bytes::from(manifest::to_json(manifest));
        let mut number = held.map_or(0, |held| held.number);
        let mut before: Option<RawManifest> = None;
        loop {
            let key = self.key(number)?;
            let content = Content::Bytes(json.clone());
            let reference = match self.lake.create(&key, content).await {
                Ok(_) => ManifestRef::of(key, &json),
                Err(LakeError::Conflict { .. }) => {
                    let other = self.read(number).await?;
                    let other = other.ok_or(LakeError::Missing { key })?;
                    if !same_bytes(&other.manifest, manifest) {
                        before = Some(other.manifest);
                        number += 1;
                        continue;
                    }
                    other.reference
                }
                Err(error) => return Err(error.into()),
            };
            let drifted = before.is_some_and(|before| tell_difference(&before, manifest));
            return Ok(Committed { reference, drifted });
        }
    }

    async fn read(&self, number: u32) -> Result<Option<Held>, Failure> {
        let key = self.key(number)?;
        let Some(bytes) = self.lake.read(&key).await? else {
            return Ok(None);
        };
        let manifest = manifest::from_json(&key, &bytes)?;
        Ok(Some(Held {
            number,
            reference: ManifestRef::of(key, &bytes),
            manifest,
        }))
    }

    fn key(&self, number: u32) -> Result<Key, Failure> {
        if number == 0 {
            return RawManifest::key(self.partition, &self.version);
        }
        let own = Fingerprint::of(&[self.version.as_str(), &number.to_string()]);
        RawManifest::key(self.partition, &own)
    }
}

/// The same file may come from another address, or with another entity tag.
fn same_bytes(one: &RawManifest, other: &RawManifest) -> bool {
    one.download_sha256 == other.download_sha256
        && one.object == other.object
        && one.lines == other.lines
        && one.encoding == other.encoding
}

/// Says in what `now` differs from `before`, which counted until now: `true` if the publisher changed the file.
fn tell_difference(before: &RawManifest, now: &RawManifest) -> bool {
    if before.download_sha256 == now.download_sha256 {
        info!(partition = %now.partition, "the same download gives another object than before");
        return false;
    }
    warn!(
        partition = %now.partition,
        url = now.source.url,
        last_modified = now.source.last_modified.as_deref().unwrap_or("unknown"),
        before = %before.download_sha256,
        now = %now.download_sha256,
        "republished without notice"
    );
    true
}
