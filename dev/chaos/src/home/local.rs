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
    /// A copy of `data` that somebody looks at.
    seen: PathBuf,
    reader: Reader,
}

impl Local {
    pub(super) fn start(directory: &Path) -> anyhow::Result<Self> {
        let local = Self {
            data: directory.join("data"),
            saved: directory.join("saved"),
            seen: directory.join("seen"),
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
        replace(copy, &self.data)
    }

    /// Copies the data, also while a job writes them, and returns the copy.
    pub(super) fn look(&self) -> anyhow::Result<&Path> {
        replace(&self.data, &self.seen)?;
        Ok(&self.seen)
    }

    /// Reads the state of `data` or of a copy.
    pub(super) fn state(&self, data: &Path) -> anyhow::Result<State> {
        let tables = match warehouse_in(data) {
            Some(file) => self.reader.ask(&["warehouse", &file])?,
            None => Value::Object(serde_json::Map::new()),
        };
        Ok(State {
            lake: files(&data.join("lake"))?,
            tables: serde_json::from_value(tables).context("not a table of tables")?,
            site: files(&data.join("site"))?,
        })
    }

    pub(super) fn query(&self, data: &Path, sql: &str) -> anyhow::Result<Option<Value>> {
        let Some(file) = warehouse_in(data) else {
            return Ok(None);
        };
        let mut answer = self.reader.ask(&["query", &file, sql])?;
        Ok(Some(answer["rows"].take()))
    }
}

fn warehouse_in(data: &Path) -> Option<String> {
    let file = data.join("warehouse.duckdb");
    file.is_file().then(|| file.to_string_lossy().into_owned())
}

/// Makes `to` a copy of the folder `from`.
fn replace(from: &Path, to: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    copy_folder(from, to);
    Ok(())
}
