//! What can be downloaded, made when it is first asked for.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use jiff::Timestamp;
use shared::fingerprint::Digest;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::PortalConfig;
use crate::published::Plan;
use crate::{boundaries, generator};

/// Where Statistics Canada's boundary file is.
pub(super) const FSA_PATH: &str = "/statcan/lfsa000b16a_e.zip";

/// Microseconds after 1970 at which everything generated was first published: 2026-11-01, a fraction of a second after six
/// in the morning, as CKAN says it.
const FIRST_PUBLISHED: i64 = 1_793_512_800_123_456;

/// A file as it is served.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) bytes: Bytes,
    pub(super) etag: String,
    pub(super) last_modified: Timestamp,
}

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileId {
    Year(i16),
    CityWards,
    ForwardSortationAreas,
}

/// The state of one file.
#[derive(Debug, Default)]
struct Slot {
    /// How often it was published anew.
    publications: u32,
    /// How often of these its generated rows were corrected.
    corrections: u32,
    /// Bytes that stand for what would be made.
    replacement: Option<Bytes>,
    made: Option<Bytes>,
}

#[derive(Debug)]
pub(super) struct Files {
    config: PortalConfig,
    slots: Mutex<BTreeMap<FileId, Arc<Mutex<Slot>>>>,
}

impl Files {
    pub(super) fn new(config: PortalConfig) -> anyhow::Result<Self> {
        let mut years = config.generated_years.clone();
        if let Some(folder) = &config.files {
            years.extend(years_in(&folder.join("service-requests"))?);
        }
        let ids = years.into_iter().map(FileId::Year);
        let ids = ids.chain([FileId::CityWards, FileId::ForwardSortationAreas]);
        Ok(Self {
            config,
            slots: Mutex::new(ids.map(|id| (id, Arc::default())).collect()),
        })
    }

    pub(super) fn years(&self) -> Vec<i16> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let year = |id: &FileId| match id {
            FileId::Year(year) => Some(*year),
            _ => None,
        };
        slots.keys().filter_map(year).collect()
    }

    /// When the file was last published, as CKAN says it.
    pub(super) fn last_modified(&self, id: FileId) -> Timestamp {
        let publications = self.with(id, |slot| slot.publications);
        let first = self
            .real_csv(id)
            .and_then(|path| fs::metadata(path).ok()?.modified().ok());
        let first = first
            .and_then(|modified| Timestamp::try_from(modified).ok())
            .unwrap_or_else(|| {
                Timestamp::from_microsecond(FIRST_PUBLISHED).unwrap_or(Timestamp::UNIX_EPOCH)
            });
        // Every publication is a day later than the one before.
        first + Duration::from_hours(24) * publications
    }

    /// The length that the portal states: the City does so for files that it uploads.
    pub(super) fn stated_size(&self, id: FileId) -> Option<u64> {
        self.real_csv(id)?;
        self.published(id).ok().map(|file| file.bytes.len() as u64)
    }

    /// The file, made if it was not yet.
    pub(super) fn published(&self, id: FileId) -> anyhow::Result<Published> {
        let slot = self
            .slot(id)
            .with_context(|| format!("{id:?} is not published"))?;
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = match (&slot.replacement, &slot.made) {
            (Some(bytes), _) | (None, Some(bytes)) => bytes.clone(),
            (None, None) => Bytes::from(self.make(id, slot.corrections)?),
        };
        slot.made = Some(bytes.clone());
        drop(slot);
        let digest = Digest::of(&bytes);
        Ok(Published {
            etag: format!("\"{}\"", &digest.as_str()[..16]),
            bytes,
            last_modified: self.last_modified(id),
        })
    }

    pub(super) fn correct(&self, year: i16) {
        self.publish(year, |slot| {
            slot.corrections += 1;
            slot.replacement = None;
            slot.made = None;
        });
    }

    pub(super) fn touch(&self, year: i16) {
        self.publish(year, |_| {});
    }

    pub(super) fn replace(&self, year: i16, bytes: Vec<u8>) {
        self.publish(year, |slot| slot.replacement = Some(bytes.into()));
    }

    /// Changes a year's file, which may be new, and its date.
    fn publish(&self, year: i16, change: impl FnOnce(&mut Slot)) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = Arc::clone(slots.entry(FileId::Year(year)).or_default());
        drop(slots);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.publications += 1;
        change(&mut slot);
    }

    fn slot(&self, id: FileId) -> Option<Arc<Mutex<Slot>>> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(&id).cloned()
    }

    fn with<T: Default>(&self, id: FileId, read: impl FnOnce(&Slot) -> T) -> T {
        self.slot(id).map_or_else(T::default, |slot| {
            read(&slot.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }

    fn real_csv(&self, id: FileId) -> Option<PathBuf> {
        let FileId::Year(year) = id else { return None };
        let file = self
            .config
            .files
            .as_ref()?
            .join(format!("service-requests/SR{year}.csv"));
        file.is_file().then_some(file)
    }

    fn make(&self, id: FileId, corrections: u32) -> anyhow::Result<Vec<u8>> {
        let folder = self.config.files.as_deref();
        match id {
            FileId::Year(year) => {
                let csv = if let Some(file) = self.real_csv(id) {
                    fs::read(&file).with_context(|| format!("read {}", file.display()))?
                } else {
                    let plan = Plan::for_year(year, self.config.rows_per_year);
                    generator::csv(&plan, self.config.seed, corrections)
                };
                Ok(zip_of_csv(year, &csv))
            }
            FileId::CityWards => boundaries::city_wards(folder),
            FileId::ForwardSortationAreas => {
                Ok(zip_of(&boundaries::forward_sortation_areas(folder)?))
            }
        }
    }
}

/// The years of the files `SR<year>.csv` in `folder`.
fn years_in(folder: &std::path::Path) -> anyhow::Result<Vec<i16>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
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

/// The CSV zipped as the City does, its name in upper case.
pub(super) fn zip_of_csv(year: i16, csv: &[u8]) -> Vec<u8> {
    zip_of(&[(format!("SR{year}.csv"), csv)])
}

fn zip_of<B: AsRef<[u8]>>(files: &[(String, B)]) -> Vec<u8> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let written = files.iter().try_for_each(|(name, content)| {
        let content = content.as_ref();
        let is_large = u32::try_from(content.len()).is_err();
        zip.start_file(name.as_str(), options.large_file(is_large))?;
        zip.write_all(content)?;
        Ok::<(), zip::result::ZipError>(())
    });
    let finished = written.and_then(|()| zip.finish());
    finished
        .expect("writing to memory does not fail")
        .into_inner()
}
