//! The lake and the warehouse of the jobs.

use std::fs;
use std::time::SystemTime;

use emulators::Emulators;
use shared::key::Key;
use shared::lake::{GcsLake, Lake, LocalLake};

use crate::settings::Settings;

/// The bucket and the project of a run on emulators.
const BUCKET: &str = "toronto-311";
const DATASET: &str = "toronto_311";
const LOCATION: &str = "northamerica-northeast2";

/// The storage of the jobs.
pub(crate) struct Storage {
    pub(crate) lake: Lake,
    pub(crate) warehouse_url: String,
    /// Further environment variables of the jobs.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// The emulators, which end with the run.
    _emulators: Option<Emulators>,
}

impl Storage {
    /// Returns the storage below the directory of the settings, or starts emulators.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let Some(installed) = &settings.emulators else {
            return Ok(Self {
                lake: Lake::Local(LocalLake::new(settings.directory.join("lake"))?),
                warehouse_url: format!(
                    "duckdb://{}",
                    settings.directory.join("warehouse.duckdb").display()
                ),
                variables: Vec::new(),
                _emulators: None,
            });
        };
        let emulators = Emulators::start(installed)?;
        let addresses = emulators.addresses();
        addresses.create_bucket(BUCKET)?;
        for dataset in [DATASET, "marts", "reference", "staging"] {
            addresses.create_dataset(BUCKET, dataset, LOCATION)?;
        }
        let emulator = addresses.storage.parse().map_err(anyhow::Error::msg)?;
        let lake = GcsLake::new(BUCKET, Some(emulator)).map_err(anyhow::Error::msg)?;
        Ok(Self {
            lake: Lake::Gcs(lake),
            warehouse_url: format!("bigquery://{BUCKET}/{DATASET}?location={LOCATION}"),
            variables: vec![
                ("STORAGE_EMULATOR_HOST", addresses.storage),
                ("BIGQUERY_EMULATOR_HOST", addresses.bigquery),
            ],
            _emulators: Some(emulators),
        })
    }

    /// Whether the object was created after `started`. Emulators contain nothing older than the run.
    pub(crate) fn is_newer(&self, key: &Key, started: SystemTime) -> anyhow::Result<bool> {
        match &self.lake {
            Lake::Local(_) => Ok(fs::metadata(self.lake.locate(key))?.modified()? >= started),
            Lake::Gcs(_) => Ok(true),
        }
    }
}
