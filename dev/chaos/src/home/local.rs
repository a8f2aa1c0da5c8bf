//! A lake in a directory, a DuckDB file and a site in a directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;
use shared::testing::{copy_folder, variable};

use super::{State, files};
use crate::reader::Reader;
use crate::scenario::Work;

pub(super) struct Local {
    /// The lake, the warehouse and the site, with the names that local-workflow gives them.
    data: PathBuf,
    /// Copies of `data`.
    saved: PathBuf,
    reader: Reader,
}

impl Local {
    pub(super) fn start(directory: &Path) -> anyhow::Result<Self> {
        let local = Self {
            data: directory.join("data"),
            saved: directory.join("saved"),
            reader: Reader::start(&variable("READERS_PYTHON"), "readers.py", &[])?,
        };
        fs::create_dir(&local.data)?;
        fs::create_dir(&local.saved)?;
        Ok(local)
    }

    pub(super) fn set(&self, work: Work, command: &mut Command) {
        if work == Work::Run {
            command.env("LOCAL_DIR", &self.data);
            return;
        }
        let url =
            |scheme: &str, name: &str| format!("{scheme}://{}", self.data.join(name).display());
        command
            .env("LAKE_URL", url("file", "lake"))
            .env("WAREHOUSE_URL", url("duckdb", "warehouse.duckdb"))
            .env("SITE_URL", url("file", "site"));
    }

    pub(super) fn save(&self, name: &str) -> PathBuf {
        let copy = self.saved.join(name);
        copy_folder(&self.data, &copy);
        copy
    }

    pub(super) fn restore(&self, copy: &Path) -> anyhow::Result<()> {
        match fs::remove_dir_all(&self.data) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        copy_folder(copy, &self.data);
        Ok(())
    }

    pub(super) fn state(&self) -> anyhow::Result<State> {
        let tables = match self.warehouse() {
            Some(file) => self.reader.ask(&["warehouse", &file])?,
            None => Value::Object(serde_json::Map::new()),
        };
        Ok(State {
            lake: files(&self.data.join("lake"))?,
            tables: serde_json::from_value(tables).context("not a table of tables")?,
            site: files(&self.data.join("site"))?,
        })
    }

    pub(super) fn query(&self, sql: &str) -> anyhow::Result<Option<Value>> {
        let Some(file) = self.warehouse() else {
            return Ok(None);
        };
        let mut answer = self.reader.ask(&["query", &file, sql])?;
        Ok(Some(answer["rows"].take()))
    }

    fn warehouse(&self) -> Option<String> {
        let file = self.data.join("warehouse.duckdb");
        file.is_file().then(|| file.to_string_lossy().into_owned())
    }
}
