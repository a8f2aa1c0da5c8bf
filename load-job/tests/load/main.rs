//! The job as a process, on clean files in a lake of its own and a DuckDB file.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod published;
mod refusals;
mod tables;

use std::path::PathBuf;

use shared::duckdb::{Access, Connection};
use shared::testing::{Job, TestLake, variable};

pub(crate) use published::Publication;

/// A lake and a warehouse.
pub(crate) struct Place {
    pub(crate) lake: TestLake,
    directory: tempfile::TempDir,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            lake: TestLake::default(),
            directory: tempfile::tempdir().unwrap(),
        }
    }
}

impl Place {
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("warehouse.duckdb")
    }

    /// The job on what is published.
    pub(crate) fn job(&self, publications: &[&Publication]) -> Job {
        let manifests: Vec<String> = publications
            .iter()
            .map(|publication| publication.put(&self.lake).to_string())
            .collect();
        Job::new(env!("CARGO_BIN_EXE_load-job"))
            .env("LAKE_URL", self.lake.url())
            .env("RUN_ID", "test")
            .env("MANIFESTS", manifests.join(","))
            .env(
                "WAREHOUSE_URL",
                format!("duckdb://{}", self.file().display()),
            )
            .env("DUCKDB_LIBRARY", variable("DUCKDB_LIBRARY"))
    }

    pub(crate) fn open(&self, access: Access) -> Connection {
        let library = PathBuf::from(variable("DUCKDB_LIBRARY"));
        Connection::open(&library, &self.file(), access).unwrap()
    }

    /// Changes the warehouse behind the job's back.
    pub(crate) fn alter(&self, statement: &str) {
        self.open(Access::ReadWrite)
            .execute(statement, &[])
            .unwrap();
    }

    /// The rows of a query, columns joined by `|`.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let query = format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({query})");
        let rows = self.open(Access::ReadOnly).query_text(&query, &[]).unwrap();
        let cells = |row: Vec<Option<String>>| {
            let cells: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            cells.join("|")
        };
        rows.into_iter().map(cells).collect()
    }

    /// What the tables hold of requests: year, type, status.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.rows(
            "SELECT source_year, service_request_type, status FROM service_requests ORDER BY ALL",
        )
    }

    pub(crate) fn loads(&self) -> Vec<String> {
        self.rows("SELECT partition, load_number FROM load_history ORDER BY ALL")
    }
}
