//! Extracts one partition, from its source at the publisher to its manifest in the lake.

use std::time::Instant;

use jiff::Timestamp;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Digest;
use shared::hand_over::Handed;
use shared::job::Summary;
use shared::lake::{Content, Created, Lake, LakeError};
use shared::lineage::Lineage;
use shared::manifest::{
    self, Drift, DriftKind, ManifestRef, Object, Publication, RawManifest, Source, Version,
};
use shared::partition::Partition;
use shared::run::Stage;
use shared::telemetry::milliseconds;
use tempfile::NamedTempFile;
use tracing::{debug, info, warn};

use crate::archive::Archive;
use crate::boundaries::{city_wards, forward_sortation_areas};
use crate::http::{self, Download, HttpClient, HttpError, Request, parse_http_date};
use crate::portal::{Choice, Offer, StatedDate};
use crate::publication::{Current, Publications, commit_content};
use crate::settings::Limits;
use crate::year_file;

/// The maximum length of a publisher's text in drift, in bytes.
const MAX_SUBJECT_BYTES: usize = 200;

/// Extracts partitions.
pub(crate) struct Extractor {
    pub(crate) lake: Lake,
    pub(crate) lineage: Lineage,
    /// Downloads the portal's files.
    pub(crate) portal_files: HttpClient,
    /// Downloads the boundaries of the forward sortation areas.
    pub(crate) fsa_files: HttpClient,
    pub(crate) limits: Limits,
    /// Whether to download even what is in the lake.
    pub(crate) force: bool,
}

/// The lake's content for one offer.
struct Extracted {
    raw_manifest: ManifestRef,
    /// When it was published, if that is known.
    published_at: Option<Timestamp>,
    /// Its drift is what no earlier run has reported.
    summary: Summary,
    drift: Vec<Drift>,
}

impl Extractor {
    /// Ensures that the lake has what `choice` offers for `partition`, and returns the raw manifest of the offer that
    /// counts.
    pub(crate) async fn extract(
        &self,
        partition: Partition,
        choice: &Choice,
    ) -> Result<(Handed, Summary), Failure> {
        let first = self.extract_one(partition, &choice.first).await?;
        let (counts, compared) = self.compare(partition, first, choice).await;
        let Extracted {
            raw_manifest,
            published_at,
            mut summary,
            mut drift,
        } = counts;
        summary.drift += (choice.invalid_dates.len() + compared.len()) as u64;
        let invalid = choice.invalid_dates.iter();
        drift.extend(invalid.map(|text| drift_of(DriftKind::InvalidPublicationDate, text)));
        drift.extend(compared);
        let handed = Handed {
            manifest: raw_manifest,
            observed_at: Some(choice.first.observed_at),
            published_at,
            drift,
        };
        Ok((handed, summary))
    }

    /// Compares the chosen resource with the other resources of the same date, and returns the one that counts: if the
    /// portal does not date them, the one with the latest date at its own server. If another one cannot be extracted,
    /// nothing is lost, because it is not used.
    async fn compare(
        &self,
        partition: Partition,
        first: Extracted,
        choice: &Choice,
    ) -> (Extracted, Vec<Drift>) {
        let is_dated = choice.first.source.published_at().is_some();
        let mut counts = first;
        let mut drift = Vec::new();
        for other in &choice.others {
            let subject = format!("{}, {}", label(&choice.first.source), label(&other.source));
            let kind = match self.extract_one(partition, other).await {
                Ok(extracted) if extracted.raw_manifest == counts.raw_manifest => {
                    DriftKind::DuplicateResource
                }
                Ok(extracted) => {
                    if !is_dated && extracted.published_at > counts.published_at {
                        counts = extracted;
                    }
                    DriftKind::ConflictingResources
                }
                Err(failure) => {
                    let resource = label(&other.source);
                    warn!(%partition, resource, cause = %failure, "resource not compared");
                    continue;
                }
            };
            warn!(%partition, resources = subject, %kind, "two resources with the same date");
            drift.push(drift_of(kind, &subject));
        }
        (counts, drift)
    }

    /// Requests the file of `offer` unless the lake has it, and stores it if its content is new.
    async fn extract_one(&self, partition: Partition, offer: &Offer) -> Result<Extracted, Failure> {
        let started = Instant::now();
        let version = &offer.version;
        let publications = Publications::new(&self.lake, partition, version.clone());
        let current = publications.current().await?;
        let (mut has, mut moved, mut unless) = (false, false, None);
        let mut is_as_stated = false;
        if let Some(current) = &current {
            let publication = &current.publication;
            // A file at another address is another file, whatever the portal states.
            moved = publication.source.url != offer.source.url;
            has = self.has(publication).await?;
            let may_differ = offer.changes_unstated || moved || !publication.has_stated_size();
            is_as_stated = has && !(self.force || may_differ);
            // The City replaces a file before it states the new date and size, and may have been asked in between, or
            // while it was still writing the file. So a date and a size prove nothing; where the server has a tag, to
            // ask costs a request without a file.
            if is_as_stated && Self::tag(publication).is_none() {
                debug!(%partition, %version, "partition found");
                return Self::found(offer, &publications, current).await;
            }
            if has && !moved {
                unless = Self::tag(publication);
            }
        }
        // Otherwise the response decides whether there is something to extract.
        if unless.is_none() && (!has || moved || self.force) {
            self.begin(partition, offer).await;
        }
        let file = self.lake.spool().or_fail(Exit::Upstream)?;
        let download = match self.download(partition, offer, unless, file).await {
            // The portal states nothing new, and the next run asks again.
            Err(error) if is_as_stated && error.is_unanswered() => {
                let cause = Failure::from(error);
                warn!(%partition, %version, %cause, "partition found, its server not reached");
                None
            }
            answer => answer?,
        };
        let Some(download) = download else {
            let Some(current) = current else {
                let url = &offer.source.url;
                let error =
                    anyhow::anyhow!("{url} is unchanged, but its content is not in the lake");
                return Err(Failure::new(Exit::Bug, error));
            };
            debug!(%partition, %version, "partition unchanged");
            return Self::found(offer, &publications, &current).await;
        };

        let content = current.as_ref().filter(|_| has && !self.force);
        let extracted = self
            .receive(&publications, offer, download, current.as_ref(), content)
            .await?;
        let summary = &extracted.summary;
        if summary.produced > 0 {
            info!(
                %partition,
                %version,
                rows = summary.rows,
                bytes = summary.bytes,
                drift = extracted.drift.len(),
                milliseconds = milliseconds(started.elapsed()),
                "partition extracted"
            );
        }
        Ok(extracted)
    }

    /// Stores a download, unless `content` already has it, and commits it as the publication after `current`.
    async fn receive(
        &self,
        publications: &Publications<'_>,
        offer: &Offer,
        download: Download,
        current: Option<&Current>,
        content: Option<&Current>,
    ) -> Result<Extracted, Failure> {
        let partition = publications.partition();
        let mut drift = Vec::new();
        let source = Self::source_of(partition, offer, &download, &mut drift);
        let (etag, http_last_modified) = (download.etag.clone(), download.last_modified.clone());
        let download_sha256 = download.sha256.clone();
        let download_size_bytes = Some(download.size_bytes);
        let same = content.filter(|known| known.publication.download_sha256 == download_sha256);
        let (raw_manifest, mut summary) = if let Some(known) = same {
            (known.publication.raw_manifest.clone(), Summary::found())
        } else {
            self.begin(partition, offer).await;
            self.store(partition, source.clone(), download).await?
        };
        let publication = Publication {
            manifest: Version::V1,
            partition,
            source,
            download_sha256,
            download_size_bytes,
            etag,
            http_last_modified,
            raw_manifest,
        };
        let committed = publications.commit(current, publication).await?;
        let publication = &committed.publication;
        summary.drift = drift.len() as u64;
        if let Some(before) = publications.changed_without_notice(&committed).await? {
            let is_known = current.is_some_and(|current| current.publication == *publication);
            if !is_known {
                summary.drift += 1;
                warn!(
                    %partition,
                    url = publication.source.url,
                    last_modified = publication.source.last_modified.as_deref().unwrap_or("unknown"),
                    before = %before.download_sha256,
                    now = %publication.download_sha256,
                    "republished without notice"
                );
            }
            drift.push(republished(partition));
        }
        Ok(Extracted {
            published_at: Self::published_at(offer, publication),
            raw_manifest: committed.publication.raw_manifest,
            summary,
            drift,
        })
    }

    /// Returns what the lake had before. Its drift is handed over again, because the run that found it may have ended
    /// before it was recorded in the warehouse.
    async fn found(
        offer: &Offer,
        publications: &Publications<'_>,
        current: &Current,
    ) -> Result<Extracted, Failure> {
        let publication = &current.publication;
        let before = publications.changed_without_notice(current).await?;
        Ok(Extracted {
            published_at: Self::published_at(offer, publication),
            raw_manifest: publication.raw_manifest.clone(),
            summary: Summary::found(),
            drift: before
                .map(|_| republished(publication.partition))
                .into_iter()
                .collect(),
        })
    }

    /// Records that there is something to extract, once per partition.
    async fn begin(&self, partition: Partition, offer: &Offer) {
        let observed_at = Some(offer.observed_at);
        self.lineage
            .begin(Stage::Extract, partition, observed_at)
            .await;
    }

    /// Returns the source as stated by `offer`, completed from the headers of the download.
    fn source_of(
        partition: Partition,
        offer: &Offer,
        download: &Download,
        drift: &mut Vec<Drift>,
    ) -> Source {
        let mut source = offer.source.clone();
        source.generated |= download.generated;
        if source.last_modified.is_none()
            && let Some(text) = &download.last_modified
        {
            let date = Self::date_of_server(partition, offer, text);
            source.last_modified = date.normalized();
            let invalid = date.invalid().into_iter();
            drift.extend(invalid.map(|text| drift_of(DriftKind::InvalidPublicationDate, text)));
        }
        source
    }

    /// Returns when the file was published: the later of the portal's date, unless that is the date of a link, and the date of
    /// the file's own server, since the City replaces a file before it states the new date.
    fn published_at(offer: &Offer, publication: &Publication) -> Option<Timestamp> {
        let stated = offer.source.published_at();
        let of_server = publication.http_last_modified.as_deref();
        let of_server =
            of_server.map(|text| Self::date_of_server(publication.partition, offer, text));
        stated
            .filter(|_| offer.dates_the_file)
            .max(of_server.and_then(|date| date.at()))
    }

    /// Returns the date `text` that the file's own server states.
    fn date_of_server(partition: Partition, offer: &Offer, text: &str) -> StatedDate {
        let date = StatedDate::of(text, parse_http_date(text), offer.observed_at);
        match partition {
            Partition::Year(year) => date.of_year(year),
            Partition::CityWards | Partition::ForwardSortationAreas => date,
        }
    }

    /// Returns the tag of the content of `publication` at its server, if there is nothing to redo as long as it is the same.
    fn tag(publication: &Publication) -> Option<String> {
        // The result computed from the same file may differ.
        let may_differ = publication.partition == Partition::ForwardSortationAreas;
        publication.etag.clone().filter(|_| !may_differ)
    }

    /// Whether the lake has what `publication` committed: its manifest, and its object, whose content is only read again
    /// if `force` is set. If an object was altered, storing the download reports a conflict.
    async fn has(&self, publication: &Publication) -> Result<bool, Failure> {
        let ManifestRef { key, sha256 } = &publication.raw_manifest;
        let bytes = self.lake.read(key).await?;
        let Some(bytes) = bytes.filter(|bytes| Digest::of(bytes) == *sha256) else {
            warn!(%key, "manifest missing or altered, downloading its file again");
            return Ok(false);
        };
        let RawManifest { object, .. } = manifest::from_json(key, &bytes)?;
        let has = if self.force {
            match self.lake.verify(&object).await {
                Err(LakeError::Missing { .. } | LakeError::Altered { .. }) => false,
                verified => verified.map(|()| true)?,
            }
        } else {
            self.lake.has(&object).await?
        };
        if !has {
            let key = &object.key;
            warn!(%key, "object missing or altered, downloading it again");
        }
        Ok(has)
    }

    async fn download(
        &self,
        partition: Partition,
        offer: &Offer,
        unless: Option<String>,
        file: NamedTempFile,
    ) -> Result<Option<Download>, HttpError> {
        let request = Request {
            url: &offer.url,
            label: partition.to_string(),
            unless,
            max_bytes: self.limits.download_bytes,
        };
        let client = match partition {
            Partition::ForwardSortationAreas => &self.fsa_files,
            Partition::Year(_) | Partition::CityWards => &self.portal_files,
        };
        http::download(client, &request, file).await
    }

    /// Unpacks and stores the download and commits its manifest.
    async fn store(
        &self,
        partition: Partition,
        source: Source,
        download: Download,
    ) -> Result<(ManifestRef, Summary), Failure> {
        let Download {
            file,
            sha256: download_sha256,
            size_bytes: download_size_bytes,
            ..
        } = download;
        let (lake, limits, url) = (self.lake.clone(), self.limits, source.url.clone());
        let raw = blocking(move || match partition {
            Partition::Year(year) => year_file::unpack(&lake, &url, file, year, limits),
            Partition::CityWards => city_wards::unpack(&url, file),
            Partition::ForwardSortationAreas => {
                let file = file.reopen().or_fail(Exit::Upstream)?;
                forward_sortation_areas::unpack(&lake, Archive::open(&url, file, limits)?)
            }
        })
        .await?;

        let content = raw.measures.content;
        let key = RawManifest::object_key(partition, &content.sha256, &raw.name)?;
        let object = Object::of(key, content);
        let content = Content::File(raw.file);
        let object_created = self.lake.create(&object.key, content).await?;
        let raw_manifest = RawManifest {
            manifest: Version::V1,
            partition,
            source,
            download_sha256,
            download_size_bytes,
            object,
            lines: raw.measures.lines,
            encoding: raw.measures.encoding,
        };
        let (committed, created) = commit_content(&self.lake, &raw_manifest).await?;
        let new = [object_created, created].contains(&Created::Created);
        if !(new || self.force) {
            return Ok((committed, Summary::found()));
        }
        let summary = Summary {
            produced: 1,
            rows: raw_manifest.lines,
            bytes: raw_manifest.object.size_bytes,
            ..Summary::default()
        };
        Ok((committed, summary))
    }
}

/// Returns the name of a resource in drift.
fn label(source: &Source) -> &str {
    source.resource_id.as_deref().unwrap_or(&source.url)
}

fn republished(partition: Partition) -> Drift {
    drift_of(DriftKind::RepublishedWithoutNotice, &partition.to_string())
}

fn drift_of(kind: DriftKind, subject: &str) -> Drift {
    let end = subject.floor_char_boundary(MAX_SUBJECT_BYTES);
    Drift {
        kind,
        subject: subject[..end].to_owned(),
        rows: 0,
    }
}

/// Runs blocking work on a thread on which no other task waits.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
