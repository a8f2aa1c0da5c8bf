//! A bucket for the lake, one for the site, and datasets, of the emulators, behind proxies that break wires.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, anyhow, ensure};
use emulators::{Addresses, Proxy};
use reqwest::Method;
use serde_json::Value;
use shared::testing::variable;
use tokio::runtime::Runtime;
use url::Url;

use super::{NOBODY, State, files};
use crate::reader::Reader;
use crate::scenario::{Service, Work};

const LOADED: &str = "main";
const LOCATION: &str = "northamerica-northeast2";
/// The datasets that dbt-runner writes.
const BUILT: [&str; 3] = ["marts", "reference", "staging"];

pub(super) struct Cloud {
    /// The name of the project and of the lake's bucket.
    project: String,
    addresses: Addresses,
    storage: Proxy,
    warehouse: Proxy,
    reader: Reader,
    runtime: Runtime,
    client: reqwest::Client,
    copy: PathBuf,
    /// What local-workflow keeps of its runs on this machine.
    runs: PathBuf,
}

impl Cloud {
    pub(super) fn start(directory: &Path) -> anyhow::Result<Self> {
        static PROJECTS: AtomicU32 = AtomicU32::new(0);
        let number = PROJECTS.fetch_add(1, Ordering::Relaxed);
        let addresses = Addresses::from_environment()?;
        let project = format!("chaos-{}-{number}", std::process::id());
        let python = variable("EMULATORS_DIR") + "/bin/python";
        let environment = [
            ("STORAGE_EMULATOR_HOST", addresses.storage.as_str()),
            ("BIGQUERY_EMULATOR_HOST", addresses.bigquery.as_str()),
        ];
        for bucket in [project.clone(), site_of(&project)] {
            addresses.create_bucket(&bucket)?;
        }
        for dataset in [LOADED].iter().chain(&BUILT) {
            addresses.create_dataset(&project, dataset, LOCATION)?;
        }
        Ok(Self {
            storage: Proxy::start(emulators::Service::Proxy, &addresses.storage)?,
            warehouse: Proxy::start(emulators::Service::Proxy, &addresses.bigquery)?,
            reader: Reader::start(&python, "cloud_readers.py", &environment)?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            client: reqwest::Client::builder()
                .no_proxy()
                // Nobody would notice between two requests that the server closed an idle connection.
                .pool_max_idle_per_host(0)
                .build()?,
            copy: directory.join("copy"),
            runs: directory.join("runs"),
            addresses,
            project,
        })
    }

    pub(super) fn proxy(&self, service: Service) -> &Proxy {
        match service {
            Service::Warehouse => &self.warehouse,
            Service::Portal | Service::Storage => &self.storage,
        }
    }

    pub(super) fn set(&self, work: Work, is_down: &dyn Fn(Service) -> bool, command: &mut Command) {
        if work == Work::Run {
            command.env("CLOUD", "running").env("LOCAL_DIR", &self.runs);
        }
        let address = |service| {
            if is_down(service) {
                NOBODY
            } else {
                self.proxy(service).url()
            }
        };
        let project = &self.project;
        command
            .env("LAKE_URL", format!("gs://{project}"))
            .env("SITE_URL", format!("gs://{}", site_of(project)))
            .env(
                "WAREHOUSE_URL",
                format!("bigquery://{project}/{LOADED}?location={LOCATION}"),
            )
            .env("STORAGE_EMULATOR_HOST", address(Service::Storage))
            .env("BIGQUERY_EMULATOR_HOST", address(Service::Warehouse));
    }

    /// Returns the objects of the lake.
    pub(super) fn objects(&self) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        self.copied(&self.project)
    }

    fn copied(&self, bucket: &str) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        if self.copy.exists() {
            fs::remove_dir_all(&self.copy)?;
        }
        fs::create_dir(&self.copy)?;
        let copy = self.copy.to_string_lossy();
        self.reader.ask(&["copy", bucket, &copy])?;
        files(&self.copy)
    }

    /// Makes these the only objects of the lake, and empties the site.
    pub(super) fn restore(&self, objects: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
        let current = self.objects()?;
        for key in current.keys().filter(|key| !objects.contains_key(*key)) {
            self.remove(&self.project, key)?;
        }
        for (key, content) in objects {
            if current.get(key) != Some(content) {
                self.upload(key, content.clone())?;
            }
        }
        let site = site_of(&self.project);
        for key in self.copied(&site)?.keys() {
            self.remove(&site, key)?;
        }
        Ok(())
    }

    fn remove(&self, bucket: &str, key: &str) -> anyhow::Result<()> {
        let object = ["storage", "v1", "b", bucket, "o", key];
        self.send(&Method::DELETE, &self.url(&object)?, Vec::new())
    }

    fn upload(&self, key: &str, content: Vec<u8>) -> anyhow::Result<()> {
        let objects = ["upload", "storage", "v1", "b", &self.project, "o"];
        let mut url = self.url(&objects)?;
        url.query_pairs_mut()
            .append_pair("uploadType", "media")
            .append_pair("name", key);
        self.send(&Method::POST, &url, content)
    }

    fn url(&self, path: &[&str]) -> anyhow::Result<Url> {
        let mut url = Url::parse(&self.addresses.storage)?;
        let segments = url.path_segments_mut();
        segments
            .map_err(|()| anyhow!("{} cannot have a path", self.addresses.storage))?
            .extend(path);
        Ok(url)
    }

    fn send(&self, method: &Method, url: &Url, body: Vec<u8>) -> anyhow::Result<()> {
        let request = self.client.request(method.clone(), url.clone()).body(body);
        let status = self.runtime.block_on(request.send())?.status();
        ensure!(status.is_success(), "{method} {url}: {status}");
        Ok(())
    }

    /// Removes all tables.
    pub(super) fn remove_tables(&self) -> anyhow::Result<()> {
        self.reader.ask(&["remove", &self.project, LOADED])?;
        self.remove_marts()
    }

    /// Removes the marts and the record of them.
    pub(super) fn remove_marts(&self) -> anyhow::Result<()> {
        for dataset in BUILT {
            self.reader.ask(&["remove", &self.project, dataset])?;
        }
        self.query("drop table if exists published_marts")?;
        Ok(())
    }

    pub(super) fn state_of_lake(&self) -> anyhow::Result<State> {
        Ok(State {
            lake: self.objects()?,
            tables: BTreeMap::new(),
            site: BTreeMap::new(),
        })
    }

    pub(super) fn state(&self) -> anyhow::Result<State> {
        // Candidates in the dataset for them expire, and nobody reads them.
        let tables = ["tables", &self.project, LOADED, "marts", "reference"];
        Ok(State {
            lake: self.objects()?,
            tables: serde_json::from_value(self.reader.ask(&tables)?)
                .context("not a table of tables")?,
            site: self.copied(&site_of(&self.project))?,
        })
    }

    pub(super) fn query(&self, sql: &str) -> anyhow::Result<Value> {
        let mut answer = self.reader.ask(&["query", &self.project, LOADED, sql])?;
        Ok(answer["rows"].take())
    }
}

fn site_of(project: &str) -> String {
    format!("{project}-site")
}
