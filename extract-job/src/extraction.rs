//! One partition, from its source at the publisher to its manifest in the lake.

use std::io;
use std::time::Instant;

use jiff::Timestamp;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::fingerprint::DigestWriter;
use shared::hand_over::Handed;
use shared::job::Summary;
use shared::lake::{Content, Key, Lake, LakeError};
use shared::manifest::{self, Drift, DriftKind, Object, Publication, RawManifest, Source, Version};
use shared::partition::Partition;
use tracing::{debug, info, warn};
use url::Url;

use crate::archive::{Archive, Member};
use crate::boundaries::{city_wards, forward_sortation_areas};
use crate::http::{self, Download, HttpClient, Order};
use crate::publication::{Publications, Received};
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
    /// Makes sure that the lake has what `source` states of `partition`, and returns its raw manifest.
    pub(crate) async fn extract(
        &self,
        partition: Partition,
        source: Source,
        observed_at: Timestamp,
    ) -> Result<(Handed, Summary), Failure> {
        let started = Instant::now();
        let version = source.version();
        let publications = Publications::new(&self.lake, partition, version.clone());
        let held = publications.held().await?;
        let download = match &held {
            Some(_) if !self.force => None,
            Some(held) => {
                let etag = self.conclusive_etag(&held.publication).await?;
                self.download(partition, &source, etag).await?
            }
            None => self.download(partition, &source, None).await?,
        };
        let hand_over = |manifest, drift| Handed {
            manifest,
            observed_at: Some(observed_at),
            drift,
        };
        let download = match (download, held.as_ref()) {
            (Some(download), _) => download,
            (None, Some(held)) => {
                debug!(%partition, %version, "partition found");
                let raw_manifest = held.publication.raw_manifest.clone();
                return Ok((hand_over(raw_manifest, Vec::new()), Summary::found()));
            }
            (None, None) => {
                let url = source.url;
                let error = anyhow::anyhow!("{url} is unchanged, but nothing of it is held");
                return Err(Failure::new(Exit::Bug, error));
            }
        };

        let etag = download.etag.clone();
        let http_last_modified = download.last_modified.clone();
        let raw = self.store(partition, source.clone(), download).await?;
        let mut summary = Summary {
            produced: 1,
            rows: raw.lines,
            bytes: raw.object.size_bytes,
            ..Summary::default()
        };
        let received = Received {
            source,
            etag,
            http_last_modified,
            raw,
        };
        let committed = publications.commit(held.as_ref(), received).await?;
        let mut drift = Vec::new();
        if committed.republished_without_notice {
            drift.push(Drift {
                kind: DriftKind::RepublishedWithoutNotice,
                subject: partition.to_string(),
                rows: 0,
                examples: Vec::new(),
            });
        }
        summary.drift = drift.len() as u64;
        info!(
            %partition,
            %version,
            rows = summary.rows,
            bytes = summary.bytes,
            drift = summary.drift,
            seconds = started.elapsed().as_secs_f64(),
            "partition extracted"
        );
        Ok((hand_over(committed.raw_manifest, drift), summary))
    }

    /// The entity tag that, if the publisher still has it, says that there is nothing to redo: the object is stored as
    /// it was published, and whole.
    async fn conclusive_etag<'a>(&self, held: &'a Publication) -> Result<Option<&'a str>, Failure> {
        let Some(etag) = held.etag.as_deref() else {
            return Ok(None);
        };
        if held.partition == Partition::ForwardSortationAreas {
            return Ok(None);
        }
        let raw: RawManifest = manifest::read_handed(&self.lake, &held.raw_manifest).await?;
        let mut content = match self.lake.open(&raw.object.key).await {
            Ok(content) => content,
            Err(LakeError::Missing { key }) => {
                warn!(%key, "an object is missing in the lake: downloading it anew");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let digest = blocking(move || {
            let mut writer = DigestWriter::new(io::sink());
            io::copy(&mut content, &mut writer).or_fail(Exit::Upstream)?;
            Ok(writer.finish().1)
        })
        .await
        .while_doing(|| format!("read {}", raw.object.key))?;
        if digest != raw.object.sha256 {
            // Storing what is downloaded then will say so, and what it should be.
            return Ok(None);
        }
        Ok(Some(etag))
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
            ..
        } = download;
        let (lake, limits, url) = (self.lake.clone(), self.limits, source.url.clone());
        let raw = blocking(move || {
            let open = || {
                let file = file.reopen().or_fail(Exit::Upstream)?;
                Ok::<_, Failure>(Archive::open(&url, file, limits)?)
            };
            match partition {
                Partition::Year(year) => unpack_csv(&lake, open()?, year),
                Partition::CityWards => city_wards::unpack(&url, file),
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
            object,
            lines: raw.measures.lines,
            encoding: raw.measures.encoding,
        })
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
