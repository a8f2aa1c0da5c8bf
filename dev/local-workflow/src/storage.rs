//! The lake and the warehouse of the jobs.

use std::fs;
use std::time::SystemTime;

use anyhow::Context as _;
use emulators::{Addresses, Emulators};
use shared::key::Key;
use shared::lake::{GcsLake, Lake, LocalLake};

use crate::settings::{Cloud, Settings};

/// The bucket and the project of a run on emulators.
const BUCKET: &str = "toronto-311";
const DATASET: &str = "toronto_311";
const LOCATION: &str = "northamerica-northeast2";

/// The storage of the jobs.
pub(crate) struct Storage {
    pub(crate) lake: Lake,
    pub(crate) warehouse_url: String,
    pub(crate) site_url: String,
    /// Further environment variables of the jobs.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// The emulators that end with the run.
    _emulators: Option<Emulators>,
}

impl Storage {
    /// Returns the storage below the directory of the settings or on running emulators, or starts emulators.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let below = |scheme: &str, name: &str| {
            format!("{scheme}://{}", settings.directory.join(name).display())
        };
        match &settings.cloud {
            None => Ok(Self {
                lake: Lake::Local(LocalLake::new(settings.directory.join("lake"))?),
                warehouse_url: below("duckdb", "warehouse.duckdb"),
                site_url: below("file", "site"),
                variables: Vec::new(),
                _emulators: None,
            }),
            Some(Cloud::Started(installed)) => {
                let emulators = Emulators::start(installed)?;
                let addresses = emulators.addresses();
                addresses.create_bucket(BUCKET)?;
                for dataset in [DATASET, "marts", "reference", "staging"] {
                    addresses.create_dataset(BUCKET, dataset, LOCATION)?;
                }
                Ok(Self {
                    lake: lake_at(BUCKET, &addresses)?,
                    warehouse_url: format!("bigquery://{BUCKET}/{DATASET}?location={LOCATION}"),
                    site_url: below("file", "site"),
                    variables: variables(addresses),
                    _emulators: Some(emulators),
                })
            }
            Some(Cloud::Running {
                lake_url,
                warehouse_url,
                site_url,
            }) => {
                let addresses = Addresses::from_environment()?;
                let location = lake_url.strip_prefix("gs://");
                let location = location.context("LAKE_URL is not one of Cloud Storage")?;
                Ok(Self {
                    lake: lake_at(location, &addresses)?,
                    warehouse_url: warehouse_url.clone(),
                    site_url: site_url.clone(),
                    variables: variables(addresses),
                    _emulators: None,
                })
            }
        }
    }

    /// Whether the object was created after `started`. Of an object on an emulator, which contains nothing older than a run that
    /// starts it, this is assumed.
    pub(crate) fn is_newer(&self, key: &Key, started: SystemTime) -> anyhow::Result<bool> {
        match &self.lake {
            Lake::Local(_) => Ok(fs::metadata(self.lake.locate(key))?.modified()? >= started),
            Lake::Gcs(_) => Ok(true),
        }
    }
}

fn lake_at(location: &str, addresses: &Addresses) -> anyhow::Result<Lake> {
    let emulator = addresses.storage.parse().map_err(anyhow::Error::msg)?;
    let lake = GcsLake::new(location, Some(emulator)).map_err(anyhow::Error::msg)?;
    Ok(Lake::Gcs(lake))
}

fn variables(addresses: Addresses) -> Vec<(&'static str, String)> {
    vec![
        ("STORAGE_EMULATOR_HOST", addresses.storage),
        ("BIGQUERY_EMULATOR_HOST", addresses.bigquery),
    ]
}
