//! What the lake holds of one publication.
//!
//! Number 0 is what was extracted first, under the key of the version that the publisher states. Where the publisher
//! changed the file and states the same version, what was found later has the numbers 1, 2 and so on, each under a key of
//! its own. The highest number counts.

use bytes::Bytes;
use shared::exit::{Exit, Failure};
use shared::fingerprint::Fingerprint;
use shared::lake::{Content, Key, Lake, LakeError};
use shared::manifest::{self, ManifestRef, Publication, RawManifest, Source, Version};
use shared::partition::Partition;
use tracing::warn;

/// All publications that the publisher states as one version.
pub(crate) struct Publications<'a> {
    lake: &'a Lake,
    partition: Partition,
    version: Fingerprint,
}

/// A publication in the lake.
pub(crate) struct Held {
    number: u32,
    pub(crate) publication: Publication,
}

/// A publication to commit: how its content came.
pub(crate) struct Received {
    /// What the portal states.
    pub(crate) source: Source,
    /// The strong entity tag that came with the download.
    pub(crate) etag: Option<String>,
    /// The `Last-Modified` header that came with the download.
    pub(crate) http_last_modified: Option<String>,
    /// The content.
    pub(crate) raw: RawManifest,
}

/// A publication that was committed.
pub(crate) struct Committed {
    /// Its content.
    pub(crate) raw_manifest: ManifestRef,
    /// Whether the publisher changed the file and stated the same version.
    pub(crate) republished_without_notice: bool,
}

impl<'a> Publications<'a> {
    pub(crate) fn new(lake: &'a Lake, partition: Partition, version: Fingerprint) -> Self {
        Self {
            lake,
            partition,
            version,
        }
    }

    /// Returns the publication that counts, if there is one.
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

    /// Commits what was received while `held` counted: under the first key from there on that is free, or that stands for
    /// the same content.
    pub(crate) async fn commit(
        &self,
        held: Option<&Held>,
        received: Received,
    ) -> Result<Committed, Failure> {
        let raw_manifest = self.commit_content(&received.raw).await?;
        let publication = Publication {
            manifest: Version::V1,
            partition: self.partition,
            source: received.source,
            download_sha256: received.raw.download_sha256,
            etag: received.etag,
            http_last_modified: received.http_last_modified,
            raw_manifest,
        };
        let json = Bytes::from(manifest::to_json(&publication));
        let mut number = held.map_or(0, |held| held.number);
        let mut before: Option<Publication> = None;
        loop {
            let key = self.key(number)?;
            let content = Content::Bytes(json.clone());
            match self.lake.create(&key, content).await {
                Ok(_) => break,
                Err(LakeError::Conflict { .. }) => {
                    let other = self.read(number).await?;
                    let other = other.ok_or(LakeError::Missing { key })?;
                    if other.publication.raw_manifest == publication.raw_manifest {
                        break;
                    }
                    before = Some(other.publication);
                    number += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(before) = &before {
            warn!(
                partition = %self.partition,
                url = publication.source.url,
                last_modified = publication.source.last_modified.as_deref().unwrap_or("unknown"),
                before = %before.download_sha256,
                now = %publication.download_sha256,
                "republished without notice"
            );
        }
        Ok(Committed {
            raw_manifest: publication.raw_manifest,
            republished_without_notice: before.is_some(),
        })
    }

    /// Commits the manifest of a content. If there is one already, from a publication under another date, that one stays.
    async fn commit_content(&self, raw: &RawManifest) -> Result<ManifestRef, Failure> {
        let key = RawManifest::key(self.partition, &raw.object.sha256)?;
        match manifest::commit(self.lake, &key, raw).await {
            Err(failure) if failure.exit() == Exit::Bug => {
                let bytes = self.lake.read(&key).await?;
                let bytes = bytes.ok_or_else(|| LakeError::Missing { key: key.clone() })?;
                let first: RawManifest = manifest::from_json(&key, &bytes)?;
                if first.object == raw.object && first.lines == raw.lines {
                    return Ok(ManifestRef::of(key, &bytes));
                }
                Err(failure)
            }
            committed => committed,
        }
    }

    async fn read(&self, number: u32) -> Result<Option<Held>, Failure> {
        let key = self.key(number)?;
        let Some(bytes) = self.lake.read(&key).await? else {
            return Ok(None);
        };
        let publication = manifest::from_json(&key, &bytes)?;
        Ok(Some(Held {
            number,
            publication,
        }))
    }

    fn key(&self, number: u32) -> Result<Key, Failure> {
        if number == 0 {
            return Publication::key(self.partition, &self.version);
        }
        let own = Fingerprint::of(&[self.version.as_str(), &number.to_string()]);
        Publication::key(self.partition, &own)
    }
}
