//! One partition, from its source at the publisher to its manifest in the lake.

use std::time::Instant;

use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::job::Summary;
use shared::lake::{Content, Created, Key, Lake, LakeError};
use shared::manifest::{self, Object, RawManifest, Source, Version};
use shared::partition::Partition;
use tracing::{debug, info, warn};
use url::Url;

use crate::archive::{Archive, Member};
use crate::boundaries::{city_wards, forward_sortation_areas};
use crate::http::{self, Download, HttpClient, Order};
use crate::raw_file::{MeasuringWriter, RawFile};
use crate::settings::Limits;

/// What extracting any partition takes.
pub(crate) struct Extractor {
    pub(crate) lake: Lake,
    pub(crate) http: HttpClient,
    pub(crate) limits: Limits,
    /// Whether to download what the lake holds.
    pub(crate) force: bool,
}

impl Extractor {
    /// Makes sure that the lake has what `source` says of `partition`, and gives the key of its manifest.
    pub(crate) async fn extract(
        &self,
        partition: Partition,
        source: Source,
    ) -> Result<(Key, Summary), Failure> {
        let started = Instant::now();
        let version = source.version();
        let key = RawManifest::key(partition, &version)?;
        let held = self.lake.read(&key).await?;
        let found = || {
            debug!(%partition, %version, "partition found");
            Ok((key.clone(), Summary::found()))
        };
        let held: Option<RawManifest> = match held {
            Some(_) if !self.force => return found(),
            Some(bytes) => Some(manifest::from_json(&key, &bytes)?),
            None => None,
        };
        let held_etag = held.as_ref().and_then(|held| held.etag.as_deref());
        let Some(download) = self.download(partition, &source, held_etag).await? else {
            return found();
        };

        let manifest = self.store(partition, source, download).await?;
        let (key, drift) = self.commit(key, &version, &manifest).await?;
        let summary = Summary {
            produced: 1,
            rows: manifest.lines,
            bytes: manifest.object.size_bytes,
            drift,
            ..Summary::default()
        };
        info!(
            %partition,
            %version,
            rows = summary.rows,
            bytes = summary.bytes,
            seconds = started.elapsed().as_secs_f64(),
            "partition extracted"
        );
        Ok((key, summary))
    }

    async fn download(
        &self,
        partition: Partition,
        source: &Source,
        held_etag: Option<&str>,
    ) -> Result<Option<Download>, Failure> {
        let url = Url::parse(&source.url)
            .or_fail(Exit::Contract)
            .while_doing(|| format!("{:?}, the published address, is none", source.url))?;
        let order = Order {
            url: &url,
            label: partition.to_string(),
            held_etag,
            max_bytes: self.limits.download_bytes,
        };
        let file = self.lake.spool().or_fail(Exit::Upstream)?;
        Ok(http::download(&self.http, &order, file).await?)
    }

    /// Stores what was downloaded, unpacked; its manifest is returned, not yet committed.
    async fn store(
        &self,
        partition: Partition,
        source: Source,
        download: Download,
    ) -> Result<RawManifest, Failure> {
        let Download {
            file,
            sha256: download_sha256,
            size_bytes: download_size_bytes,
            etag,
        } = download;
        let (lake, limits, url) = (self.lake.clone(), self.limits, source.url.clone());
        let raw = blocking(move || {
            let open = || {
                let file = file.reopen().or_fail(Exit::Upstream)?;
                Ok::<_, Failure>(Archive::open(&url, file, limits)?)
            };
            match partition {
                Partition::Year(year) => unpack_csv(&lake, open()?, year),
                Partition::CityWards => city_wards::unpack(file),
                Partition::ForwardSortationAreas => forward_sortation_areas::unpack(&lake, open()?),
            }
        })
        .await?;

        let object = Object {
            key: RawManifest::object_key(partition, &raw.measures.sha256, &raw.name)?,
            size_bytes: raw.measures.size_bytes,
            sha256: raw.measures.sha256,
        };
        self.lake
            .create(&object.key, Content::File(raw.file))
            .await?;
        Ok(RawManifest {
            manifest: Version::V1,
            partition,
            source,
            download_sha256,
            download_size_bytes,
            etag,
            object,
            lines: raw.measures.lines,
            encoding: raw.measures.encoding,
        })
    }

    /// Commits `manifest` under `key`. If the version is there with other bytes, the publisher has changed the file
    /// without saying so; that is drift, and the manifest gets a key of its own, which is returned.
    async fn commit(
        &self,
        key: Key,
        version: &Fingerprint,
        manifest: &RawManifest,
    ) -> Result<(Key, u64), Failure> {
        if let Some(key) = self.try_commit(key, manifest).await? {
            return Ok((key, 0));
        }
        let RawManifest {
            partition,
            download_sha256,
            object,
            ..
        } = manifest;
        warn!(
            %partition,
            url = manifest.source.url,
            last_modified = manifest.source.last_modified.as_deref().unwrap_or("unknown"),
            %download_sha256,
            "republished without notice"
        );
        let own = Fingerprint::of(&[
            version.as_str(),
            download_sha256.as_str(),
            object.sha256.as_str(),
        ]);
        let key = RawManifest::key(*partition, &own)?;
        match self.try_commit(key.clone(), manifest).await? {
            Some(key) => Ok((key, 1)),
            None => Err(Failure::new(
                Exit::Bug,
                anyhow::anyhow!("{key} speaks of other bytes than those it is named by"),
            )),
        }
    }

    /// `key`, once it holds `manifest`, or another that speaks of the same bytes; `None` if it speaks of others.
    async fn try_commit(&self, key: Key, manifest: &RawManifest) -> Result<Option<Key>, Failure> {
        let content = Content::Bytes(manifest::to_json(manifest).into());
        match self.lake.create(&key, content).await {
            Ok(Created::Created | Created::Existed) => Ok(Some(key)),
            Err(LakeError::Conflict { .. }) => {
                let (held, _) = manifest::read::<RawManifest>(&self.lake, &key).await?;
                // The same file may come from another address, or with another entity tag.
                let same = held.object == manifest.object
                    && held.download_sha256 == manifest.download_sha256;
                Ok(same.then_some(key))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The one CSV in `archive`. It blocks.
fn unpack_csv(lake: &Lake, mut archive: Archive, year: i16) -> Result<RawFile, Failure> {
    let member = archive.only("csv")?;
    let file = lake.spool().or_fail(Exit::Upstream)?;
    let mut measuring = MeasuringWriter::new(file);
    archive.inflate(&member, &mut measuring)?;
    let (file, measures) = measuring.finish();
    Ok(RawFile {
        name: object_name(&member, year),
        file,
        measures,
    })
}

/// The member's own name if it can be part of a key.
fn object_name(member: &Member, year: i16) -> String {
    let name = member.file_name();
    if name.len() <= 64 && Key::new(name).is_ok() {
        name.to_owned()
    } else {
        format!("SR{year}.csv")
    }
}

/// Runs what keeps a thread busy where it keeps no other task waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
