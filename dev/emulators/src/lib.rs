#![doc = include_str!("../README.md")]

mod process;
mod proxy;

use std::env;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use loopback_server::fault::{Fault, FaultKind};
pub use proxy::{Proxy, RequestLog, Service, google_error};

use process::Process;

/// The addresses of the emulators, which the jobs read from `STORAGE_EMULATOR_HOST` and `BIGQUERY_EMULATOR_HOST`.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The URL of Cloud Storage.
    pub storage: String,
    /// The URL of BigQuery.
    pub bigquery: String,
}

/// Both emulators. When this is dropped, they end and their data are removed.
pub struct Emulators {
    storage: Proxy,
    bigquery: Proxy,
    _processes: [Process; 2],
    _directory: TempDir,
}

impl Emulators {
    /// Starts the emulators that are installed in the Python environment `installed`, on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// Fails if they are not installed, or do not serve within a minute.
    pub fn start(installed: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let storage = process::storage(installed, directory.path())?;
        let bigquery = process::bigquery(installed, directory.path())?;
        storage.wait()?;
        bigquery.wait()?;
        Ok(Self {
            storage: Proxy::start(Service::Storage, storage.url())?,
            bigquery: Proxy::start(Service::BigQuery, bigquery.url())?,
            _processes: [storage, bigquery],
            _directory: directory,
        })
    }

    /// Returns their addresses.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        Addresses {
            storage: self.storage.url().to_owned(),
            bigquery: self.bigquery.url().to_owned(),
        }
    }
}

impl Addresses {
    /// Returns the addresses in the environment, of emulators that another process started, as `make test` does.
    ///
    /// # Errors
    /// Fails if the environment has none.
    pub fn from_environment() -> anyhow::Result<Self> {
        let named = |name: &str| {
            env::var(name)
                .with_context(|| format!("{name} is not set: run the tests with `make test`"))
        };
        Ok(Self {
            storage: named("STORAGE_EMULATOR_HOST")?,
            bigquery: named("BIGQUERY_EMULATOR_HOST")?,
        })
    }

    /// Creates the bucket `name`, unless it exists.
    pub fn create_bucket(&self, name: &str) -> anyhow::Result<()> {
        let url = format!("{}/storage/v1/b?project=emulated", self.storage);
        post(url, json!({"name": name}))
    }

    /// Creates the dataset `name` of `project` in `location`, unless it exists.
    pub fn create_dataset(&self, project: &str, name: &str, location: &str) -> anyhow::Result<()> {
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
