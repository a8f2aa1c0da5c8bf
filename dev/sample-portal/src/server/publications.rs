//! The publications: the content, dates and offers of every file. Files are generated on the first request.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use shared::fingerprint::Digest;

use super::PortalConfig;
use super::archive::{zip_of, zip_of_csv};
use super::datastore;
use crate::generator::{self, Edition};
use crate::published::{Plan, resources};
use crate::{boundaries, readme};

/// A served file.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) bytes: Bytes,
    pub(super) etag: String,
    pub(super) last_modified: Timestamp,
    /// Whether its content is synthetic.
    pub(super) generated: bool,
}

/// A file that does not belong to a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Document {
    Readme,
    Wards(boundaries::WardFormat),
    ForwardSortationAreas,
}

/// The way in which a year is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// A ZIP uploaded to CKAN.
    Zip,
    /// A link to a ZIP on another host. CKAN knows neither its date nor its size.
    Link,
    /// A CSV uploaded to CKAN.
    Csv,
    /// A table of CKAN's DataStore, downloaded as a dump.
    Datastore,
}

/// Parses `zip`, `link`, `csv`, `datastore`.
impl std::str::FromStr for Offer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "zip" => Ok(Self::Zip),
            "link" => Ok(Self::Link),
            "csv" => Ok(Self::Csv),
            "datastore" => Ok(Self::Datastore),
            _ => Err(format!(
                "{text:?} is not an offer: use zip, link, csv or datastore"
            )),
        }
    }
}

/// The content of a resource.
#[derive(Debug, Clone)]
enum Content {
    Generated(Edition),
    RealFile(PathBuf),
    /// A CSV from a test.
    Csv(Bytes),
}

/// One resource of the yearly files.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created: Timestamp,
    pub(super) metadata_modified: Timestamp,
    /// The date that CKAN states; none for a link.
    pub(super) stated: Timestamp,
    pub(super) offer: Offer,
    /// The name of the file in its address.
    pub(super) file_name: String,
    /// The date of the source, which the City sets after its upload.
    source_date: Timestamp,
    content: Content,
    /// Earlier contents and their dates, latest last.
    history: Vec<(Content, Timestamp)>,
    /// The bytes, once they have been generated.
    made: Arc<Mutex<Option<Bytes>>>,
}

impl Resource {
    /// Whether its rows are synthetic: neither a real file nor content from a test.
    pub(super) fn is_generated(&self) -> bool {
        matches!(self.content, Content::Generated(_))
    }

    /// Returns the length that CKAN states. It is unknown for links and for generated files, which are generated on
    /// request.
    pub(super) fn stated_size(&self) -> Option<u64> {
        if self.offer == Offer::Link {
            return None;
        }
        match &self.content {
            Content::Generated(_) => None,
            Content::Csv(_) | Content::RealFile(_) => {
                lock(&self.made).as_ref().map(|made| made.len() as u64)
            }
        }
    }

    fn set(&mut self, content: Content, source_date: Timestamp) {
        let before = std::mem::replace(&mut self.content, content);
        self.history.push((before, self.source_date));
        self.source_date = source_date;
        self.made = Arc::default();
    }

    /// Sets the date of the source and, unless it is a link, the one that CKAN states.
    fn date(&mut self, source_date: Timestamp, now: Timestamp) {
        self.source_date = source_date;
        self.state(source_date, now);
    }

    fn state(&mut self, stated: Timestamp, now: Timestamp) {
        self.stated = stated;
        if self.offer != Offer::Link {
            self.metadata_modified = now;
        }
    }
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The number of publications of one year: one per month, and those of the three months after it, which have later
/// statuses.
const PUBLICATIONS: i32 = 15;

pub(super) struct Publications {
    config: PortalConfig,
    today: Date,
    years: Mutex<BTreeMap<i16, Vec<Resource>>>,
    documents: Mutex<BTreeMap<Document, Bytes>>,
    /// The number of changes so far, each one second after the previous one.
    changes: AtomicI64,
}

impl Publications {
    pub(super) fn new(config: PortalConfig) -> anyhow::Result<Self> {
        let today = config.today.unwrap_or_else(machine_date);
        let publications = Self {
            config,
            today,
            years: Mutex::default(),
            documents: Mutex::default(),
            changes: AtomicI64::new(0),
        };
        let mut years = publications.config.generated_years.clone();
        if let Some(folder) = &publications.config.files {
            years.extend(years_in(&folder.join("service-requests"))?);
        }
        for year in years {
            let resource = publications.first_resource(year);
            lock(&publications.years).insert(year, vec![resource]);
        }
        Ok(publications)
    }

    fn first_resource(&self, year: i16) -> Resource {
        let (content, source_date) = match self.real_csv(year) {
            Some(file) => {
                let modified = fs::metadata(&file)
                    .ok()
                    .and_then(|metadata| metadata.modified().ok());
                let modified = modified.and_then(|modified| Timestamp::try_from(modified).ok());
                (
                    Content::RealFile(file),
                    modified.unwrap_or(Timestamp::UNIX_EPOCH),
                )
            }
            None => Self::generated(year, self.publications(year)),
        };
        let known = resources::of_year(year);
        let offer = if known.is_link {
            Offer::Link
        } else {
            Offer::Zip
        };
        let metadata_modified = match offer {
            // Links are entered once and never updated.
            Offer::Link => at(date(year + 1, 2, 11), 16, 0, 0, 0),
            _ => source_date + SignedDuration::new(72 * 60 + 58, 123_456_000),
        };
        Resource {
            id: known.id,
            name: standard_name(year),
            created: at(date(2023, 2, 8), 15, 15, 0, 0),
            metadata_modified,
            stated: source_date,
            offer,
            file_name: known.file_name,
            source_date,
            content,
            history: Vec::new(),
            made: Arc::default(),
        }
    }

    /// Returns the content of a publication, and the date of its source.
    fn generated(year: i16, publication: u32) -> (Content, Timestamp) {
        let edition = Edition {
            publication,
            corrections: 0,
        };
        let source_date = at(edition.as_of(year), 13, 2, 11, 0);
        (Content::Generated(edition), source_date)
    }

    /// Returns the years, and the resources of each.
    pub(super) fn years(&self) -> BTreeMap<i16, Vec<Resource>> {
        let years = lock(&self.years).clone();
        for resource in years.values().flatten() {
            // CKAN knows the size of an upload.
            if matches!(resource.content, Content::RealFile(_) | Content::Csv(_))
                && resource.offer != Offer::Link
            {
                self.bytes(resource, None).ok();
            }
        }
        years
    }

    /// Returns the number of publications of the year so far.
    pub(super) fn publications(&self, year: i16) -> u32 {
        let months = 12 * (i32::from(self.today.year()) - i32::from(year))
            + i32::from(self.today.month())
            - 1;
        months.clamp(1, PUBLICATIONS).unsigned_abs()
    }

    pub(super) fn today(&self) -> Date {
        self.today
    }

    /// Returns the resource with that id and its year.
    pub(super) fn resource(&self, id: &str) -> Option<(i16, Resource)> {
        let years = lock(&self.years);
        let all = years
            .iter()
            .flat_map(|(year, resources)| resources.iter().map(|resource| (*year, resource)));
        all.into_iter()
            .find(|(_, resource)| resource.id == id)
            .map(|(year, resource)| (year, resource.clone()))
    }

    /// Returns the linked resource whose file is `name` on the file host.
    pub(super) fn linked(&self, name: &str) -> Option<(i16, Resource)> {
        let year: i16 = name
            .strip_prefix("SR")?
            .strip_suffix(".zip")?
            .parse()
            .ok()?;
        let years = lock(&self.years);
        let mut resources = years.get(&year)?.iter().rev();
        let resource = resources.find(|resource| resource.offer == Offer::Link)?;
        Some((year, resource.clone()))
    }

    /// Returns the file of a resource, generated on the first request.
    pub(super) fn file(&self, year: i16, resource: &Resource) -> anyhow::Result<Published> {
        let bytes = self.bytes(resource, Some(year))?;
        let last_modified = match resource.offer {
            Offer::Link => resource.source_date,
            _ => resource.stated,
        };
        Ok(published(bytes, last_modified, resource.is_generated()))
    }

    fn bytes(&self, resource: &Resource, year: Option<i16>) -> anyhow::Result<Bytes> {
        let mut made = lock(&resource.made);
        if let Some(bytes) = &*made {
            return Ok(bytes.clone());
        }
        let year = match year {
            Some(year) => year,
            None => {
                self.resource(&resource.id)
                    .context("the resource is not published")?
                    .0
            }
        };
        let csv = self.csv(year, &resource.content)?;
        let bytes = match resource.offer {
            Offer::Zip | Offer::Link => Bytes::from(zip_of_csv(year, &csv)),
            Offer::Csv => csv,
            Offer::Datastore => Bytes::from(datastore::dump_of(&csv)?),
        };
        *made = Some(bytes.clone());
        Ok(bytes)
    }

    fn csv(&self, year: i16, content: &Content) -> anyhow::Result<Bytes> {
        Ok(match content {
            Content::Csv(csv) => csv.clone(),
            Content::RealFile(file) => fs::read(file)
                .with_context(|| format!("cannot read {}", file.display()))?
                .into(),
            Content::Generated(edition) => {
                let plan = Plan::for_year(year, self.config.rows_per_year);
                generator::csv(&plan, self.config.seed, *edition).into()
            }
        })
    }

    /// Returns a document, generated on the first request.
    pub(super) fn document(&self, document: Document) -> anyhow::Result<Published> {
        let mut documents = lock(&self.documents);
        let made = documents.get(&document).cloned();
        let bytes = if let Some(bytes) = made {
            bytes
        } else {
            let folder = self.config.files.as_deref();
            let bytes = Bytes::from(match document {
                Document::Readme => readme::workbook(),
                Document::Wards(format) => boundaries::city_wards(folder, format)?,
                Document::ForwardSortationAreas => {
                    zip_of(&boundaries::forward_sortation_areas(folder)?)
                }
            });
            documents.insert(document, bytes.clone());
            bytes
        };
        let generated = match document {
            Document::Readme => true,
            Document::Wards(_) | Document::ForwardSortationAreas => self.boundaries_are_generated(),
        };
        Ok(published(bytes, documents_date(), generated))
    }

    /// Whether the polygons are schematic.
    pub(super) fn boundaries_are_generated(&self) -> bool {
        !boundaries::are_given(self.config.files.as_deref())
    }

    /// Publishes the next correction of the rows.
    pub(super) fn correct(&self, year: i16) {
        self.change(year, |resource, now| {
            let mut edition = match &resource.content {
                Content::Generated(edition) => *edition,
                _ => Edition {
                    publication: self.publications(year),
                    corrections: 0,
                },
            };
            edition.corrections += 1;
            resource.set(Content::Generated(edition), resource.source_date + DAY);
            resource.date(resource.source_date, now);
        });
    }

    /// Sets the date of the same bytes one day later.
    pub(super) fn touch(&self, year: i16) {
        self.change(year, |resource, now| {
            resource.date(resource.source_date + DAY, now);
        });
    }

    pub(super) fn replace_csv(&self, year: i16, csv: &[u8]) {
        let content = Content::Csv(Bytes::copy_from_slice(csv));
        self.change(year, |resource, now| {
            resource.set(content.clone(), resource.source_date + DAY);
            resource.date(resource.source_date, now);
        });
    }

    /// Publishes a publication in the two steps of the City's upload: the bytes, then the date of the source.
    pub(super) fn publish(&self, year: i16, publication: u32) -> anyhow::Result<()> {
        self.upload(year, publication)?;
        self.set_source_date(year)
    }

    /// Performs the first step of the City's upload: the bytes of a publication, which CKAN dates now.
    pub(super) fn upload(&self, year: i16, publication: u32) -> anyhow::Result<()> {
        let available = self.publications(year);
        ensure!(
            (1..=available).contains(&publication),
            "cannot publish publication {publication} of {year}: it has {available} so far"
        );
        let (content, source_date) = Self::generated(year, publication);
        self.change(year, |resource, now| {
            resource.set(content.clone(), source_date);
            resource.state(now, now);
        });
        Ok(())
    }

    /// Performs the second step of the City's upload: CKAN's date becomes that of the source.
    pub(super) fn set_source_date(&self, year: i16) -> anyhow::Result<()> {
        let mut years = lock(&self.years);
        let resources = years.get_mut(&year);
        let resources = resources.with_context(|| format!("the year {year} is not published"))?;
        for resource in resources {
            if resource.stated != resource.source_date {
                let now = self.now(resource.stated);
                resource.state(resource.source_date, now);
            }
        }
        Ok(())
    }

    /// Restores the previous content and its date.
    pub(super) fn roll_back(&self, year: i16) -> anyhow::Result<()> {
        let before = |resource: &Resource| match (resource.history.last(), &resource.content) {
            (Some(before), _) => Some(before.clone()),
            (None, Content::Generated(edition)) if edition.publication > 1 => {
                Some(Self::generated(year, edition.publication - 1))
            }
            _ => None,
        };
        self.edit(year, |resource, now| {
            let (content, source_date) = before(resource)
                .with_context(|| format!("the year {year} has no earlier publication"))?;
            resource.history.pop();
            resource.content = content;
            resource.made = Arc::default();
            resource.date(source_date, now);
            Ok(())
        })
    }

    /// Renames the year's resource.
    pub(super) fn rename(&self, year: i16, name: &str) -> anyhow::Result<()> {
        self.edit(year, |resource, now| {
            name.clone_into(&mut resource.name);
            resource.metadata_modified = now;
            Ok(())
        })
    }

    /// Changes the way in which the year is offered.
    pub(super) fn offer(&self, year: i16, offer: Offer) -> anyhow::Result<()> {
        self.edit(year, |resource, now| {
            resource.offer = offer;
            resource.made = Arc::default();
            resource.metadata_modified = now;
            Ok(())
        })
    }

    /// Changes the newest resource of a published year.
    fn edit(
        &self,
        year: i16,
        change: impl FnOnce(&mut Resource, Timestamp) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut years = lock(&self.years);
        let resource = years
            .get_mut(&year)
            .and_then(|resources| resources.last_mut());
        let resource = resource.with_context(|| format!("the year {year} is not published"))?;
        let now = self.now(resource.stated);
        change(resource, now)
    }

    /// Changes the content of a year like the City's job, which finds the resource by its name, and creates one if it
    /// does not exist.
    fn change(&self, year: i16, change: impl Fn(&mut Resource, Timestamp)) {
        let mut years = lock(&self.years);
        let resources = years
            .entry(year)
            .or_insert_with(|| vec![self.first_resource(year)]);
        let name = standard_name(year);
        let is_renamed = resources.iter().all(|resource| resource.name != name);
        let Some(newest) = resources.last_mut() else {
            return;
        };
        let now = self.now(newest.stated);
        change(newest, now);
        if is_renamed {
            let second = Resource {
                id: numbered_id(u64::from(year.unsigned_abs()) * 16 + resources.len() as u64),
                name,
                created: now,
                ..resources[resources.len() - 1].clone()
            };
            resources.push(second);
        }
    }

    /// Returns the time of the portal's clock: a quarter past two in the afternoon of today, later at each change, and
    /// later than `before`.
    fn now(&self, before: Timestamp) -> Timestamp {
        let seconds = SignedDuration::from_secs(self.changes.fetch_add(1, Ordering::Relaxed));
        let clock = at(self.today, 14, 15, 9, 884_211) + seconds;
        clock.max(before + SignedDuration::from_secs(1))
    }

    fn real_csv(&self, year: i16) -> Option<PathBuf> {
        let folder = self.config.files.as_ref()?;
        let file = folder.join(format!("service-requests/SR{year}.csv"));
        file.is_file().then_some(file)
    }
}

/// Returns the name by which the City's job finds a year's resource.
fn standard_name(year: i16) -> String {
    format!("311 Service Requests {year}")
}

/// Returns the date of the readme and the boundaries.
pub(super) fn documents_date() -> Timestamp {
    at(date(2024, 1, 15), 18, 30, 0, 123_456)
}

/// Returns an id that is not one of the City's.
pub(super) fn numbered_id(number: u64) -> String {
    format!("{number:08x}-0000-4000-8000-000000000311")
}

fn published(bytes: Bytes, last_modified: Timestamp, generated: bool) -> Published {
    let digest = Digest::of(&bytes);
    Published {
        etag: format!("\"{}\"", &digest.as_str()[..16]),
        bytes,
        last_modified,
        generated,
    }
}

/// Returns the machine's current date in Toronto.
fn machine_date() -> Date {
    // The time zones are embedded.
    let zone = TimeZone::get("America/Toronto").unwrap_or(TimeZone::UTC);
    zone.to_datetime(Timestamp::now()).date()
}

/// Returns the current year and the two before it; in January, when no month is complete, the three before.
pub(crate) fn default_years(today: Option<Date>) -> Vec<i16> {
    let last_month = today.unwrap_or_else(machine_date).saturating_sub(1.month());
    (last_month.year() - 2..=last_month.year()).collect()
}

fn at(date: Date, hour: i8, minute: i8, second: i8, microsecond: i32) -> Timestamp {
    let moment = date.at(hour, minute, second, microsecond * 1_000);
    TimeZone::UTC
        .to_timestamp(moment)
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the years of the files `SR<year>.csv` in `folder`.
fn years_in(folder: &Path) -> anyhow::Result<Vec<i16>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut years = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let year = name
            .to_str()
            .and_then(|name| name.strip_prefix("SR")?.strip_suffix(".csv"));
        years.extend(year.and_then(|year| year.parse::<i16>().ok()));
    }
    Ok(years)
}
