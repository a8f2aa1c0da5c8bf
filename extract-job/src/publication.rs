//! The publications in the lake.
//!
//! Number 0 is the first extracted publication, under the key of the version stated by the publisher. If the publisher
//! changes the file and states the same version, later publications have the numbers 1, 2 and so on, each with its own
//! key. The highest number is the current one.

use bytes::Bytes;
use shared::exit::Failure;
use shared::fingerprint::Fingerprint;
use shared::key::Key;
use shared::lake::{Content, Created, Lake, LakeError};
use shared::manifest::{self, ManifestRef, Object, Publication, RawManifest};
use shared::partition::Partition;

/// All publications with the same stated version.
pub(crate) struct Publications<'a> {
    lake: &'a Lake,
    partition: Partition,
    version: Fingerprint,
}

/// A publication in the lake.
pub(crate) struct Current {
    number: u32,
    pub(crate) publication: Publication,
}

impl<'a> Publications<'a> {
    pub(crate) fn new(lake: &'a Lake, partition: Partition, version: Fingerprint) -> Self {
        Self {
            lake,
            partition,
            version,
        }
    }

    /// Returns the partition that they are of.
    pub(crate) fn partition(&self) -> Partition {
        self.partition
    }

    /// Returns the current publication, if there is one. The search doubles the number and then bisects, because a link
    /// whose server states another date each time has one publication per run.
    pub(crate) async fn current(&self) -> Result<Option<Current>, Failure> {
        let Some(mut latest) = self.read(0).await? else {
            return Ok(None);
        };
        let mut step = 1;
        let mut missing = loop {
            let next = latest.number + step;
            match self.read(next).await? {
                Some(current) => latest = current,
                None => break next,
            }
            step *= 2;
        };
        while missing - latest.number > 1 {
            let middle = latest.number.midpoint(missing);
            match self.read(middle).await? {
                Some(current) => latest = current,
                None => missing = middle,
            }
        }
        Ok(Some(latest))
    }

    /// Commits `publication`, received while `before` was the current one, under the first key from there on that is
    /// free or already contains it. Returns it as the current one.
    pub(crate) async fn commit(
        &self,
        before: Option<&Current>,
        publication: Publication,
    ) -> Result<Current, Failure> {
        let json = Bytes::from(manifest::to_json(&publication));
        let mut number = before.map_or(0, |before| before.number);
        loop {
            let content = Content::Bytes(json.clone());
            match self.lake.create(&self.key(number)?, content).await {
                Ok(_) => break,
                Err(LakeError::Conflict { .. }) => number += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Current {
            number,
            publication,
        })
    }

    /// Returns the publication before `current`, if the publisher changed its content without stating another date. A
    /// download whose size was not the stated one was not yet what the publisher stated, so that its successor is not a
    /// change.
    pub(crate) async fn changed_without_notice(
        &self,
        current: &Current,
    ) -> Result<Option<Publication>, Failure> {
        let Some(number) = current.number.checked_sub(1) else {
            return Ok(None);
        };
        let now = &current.publication;
        let before = self.read(number).await?.map(|before| before.publication);
        Ok(before.filter(|before| {
            before.raw_manifest != now.raw_manifest
                && before.source.last_modified == now.source.last_modified
                && (before.has_stated_size() || !now.has_stated_size())
        }))
    }

    async fn read(&self, number: u32) -> Result<Option<Current>, Failure> {
        let key = self.key(number)?;
        let Some(bytes) = self.lake.read(&key).await? else {
            return Ok(None);
        };
        let publication = manifest::from_json(&key, &bytes)?;
        Ok(Some(Current {
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

/// Commits the manifest of a content, and returns it and whether it is new. If the lake has a manifest of the same
/// bytes from another publication, that one is kept.
pub(crate) async fn commit_content(
    lake: &Lake,
    raw: &RawManifest,
) -> Result<(ManifestRef, Created), Failure> {
    let key = RawManifest::key(raw.partition, &raw.object.sha256)?;
    let bytes = Bytes::from(manifest::to_json(raw));
    let conflict = match lake.create(&key, Content::Bytes(bytes.clone())).await {
        Ok(created) => return Ok((ManifestRef::of(key, &bytes), created)),
        Err(conflict @ LakeError::Conflict { .. }) => conflict,
        Err(error) => return Err(error.into()),
    };
    let bytes = lake.read(&key).await?;
    let bytes = bytes.ok_or_else(|| LakeError::Missing { key: key.clone() })?;
    let first: RawManifest = manifest::from_json(&key, &bytes)?;
    // An earlier version of this program did not state the checksum.
    let content = |raw: &RawManifest| {
        let Object { key, sha256, .. } = &raw.object;
        let (size, lines) = (raw.object.size_bytes, raw.lines);
        (raw.partition, key.clone(), sha256.clone(), size, lines)
    };
    if content(&first) == content(raw) {
        return Ok((ManifestRef::of(key, &bytes), Created::Existed));
    }
    Err(conflict.into())
}

#[cfg(test)]
mod tests {
    use shared::fingerprint::Digest;
    use shared::lake::LocalLake;
    use shared::manifest::{Source, Version};

    use super::*;

    fn publication(number: u32) -> Publication {
        let sha256 = Digest::of(number.to_string().as_bytes());
        Publication {
            manifest: Version::V1,
            partition: Partition::Year(2023),
            source: Source {
                url: "https://x.example/a.zip".to_owned(),
                resource_id: None,
                last_modified: None,
                stated_size_bytes: None,
                generated: false,
            },
            download_sha256: sha256.clone(),
            download_size_bytes: None,
            etag: None,
            http_last_modified: None,
            raw_manifest: ManifestRef {
                key: RawManifest::key(Partition::Year(2023), &sha256).expect("a key"),
                sha256,
            },
        }
    }

    #[test]
    fn the_last_of_any_number_of_publications_is_current() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let lake = Lake::Local(LocalLake::new(directory.path()).expect("a lake"));
        let version = Fingerprint::of(&["version"]);
        let publications = Publications::new(&lake, Partition::Year(2023), version);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(async {
            assert!(publications.current().await.expect("read").is_none());
            for number in 0..40 {
                let before = publications.current().await.expect("read");
                let committed = publications
                    .commit(before.as_ref(), publication(number))
                    .await;
                assert_eq!(committed.expect("committed").number, number);
                let current = publications.current().await.expect("read").expect("one");
                assert_eq!(current.number, number);
                assert_eq!(current.publication, publication(number));
            }
        });
    }
}
