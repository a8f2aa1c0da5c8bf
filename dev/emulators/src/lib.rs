#![doc = include_str!("../README.md")]

mod front;
mod process;

use std::env;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use front::{Fault, FaultKind, Front, RequestLog, Service};

use process::Process;

/// Where the emulators are, as the jobs are told by `STORAGE_EMULATOR_HOST` and `BIGQUERY_EMULATOR_HOST`.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The URL of Cloud Storage.
    pub storage: String,
    /// The URL of BigQuery.
    pub bigquery: String,
}

/// Both emulators. They end, and what they hold is removed, when this is dropped.
pub struct Emulators {
    storage: Front,
    bigquery: Front,
    _processes: [Process; 2],
    _directory: TempDir,
}

impl Emulators {
    /// Starts the emulators that are installed in the Python environment `installed`, on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// If they are not there, or do not serve within a minute.
    pub fn start(installed: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let storage = process::storage(installed, directory.path())?;
        let bigquery = process::bigquery(installed, directory.path())?;
        storage.wait()?;
        bigquery.wait()?;
        Ok(Self {
            storage: Front::start(Service::Storage, storage.url())?,
            bigquery: Front::start(Service::BigQuery, bigquery.url())?,
            _processes: [storage, bigquery],
            _directory: directory,
        })
    }

    /// Where they serve.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        Addresses {
            storage: self.storage.url().to_owned(),
            bigquery: self.bigquery.url().to_owned(),
        }
    }
}

impl Addresses {
    /// Those that the environment names, of emulators that another process started: `make test` does.
    ///
    /// # Errors
    /// If it names none.
    pub fn from_environment() -> anyhow::Result<Self> {
        let named = |name: &str| {
            env::var(name)
                .with_context(|| format!("{name} is not set: run the tests by `make test`"))
        };
        Ok(Self {
            storage: named("STORAGE_EMULATOR_HOST")?,
            bigquery: named("BIGQUERY_EMULATOR_HOST")?,
        })
    }

    /// Makes the bucket `name`, unless it is there.
    pub fn make_bucket(&self, name: &str) -> anyhow::Result<()> {
        let url = format!("{}/storage/v1/b?project=emulated", self.storage);
        post(url, json!({"name": name}))
    }

    /// Makes the dataset `name` of `project` in `location`, unless it is there.
    pub fn make_dataset(&self, project: &str, name: &str, location: &str) -> anyhow::Result<()> {
        let url = format!("{}/bigquery/v2/projects/{project}/datasets", self.bigquery);
        let reference = json!({"projectId": project, "datasetId": name});
        post(
            url,
            json!({"datasetReference": reference, "location": location}),
        )
    }
}

fn post(url: String, body: Value) -> anyhow::Result<()> {
    process::block_on(async move {
        let client = reqwest::Client::new();
        let request = client.post(&url).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await?;
        let made = answer.status().is_success() || answer.status() == 409;
        ensure!(made, "{url}: {} {}", answer.status(), answer.text().await?);
        Ok(())
    })
}
