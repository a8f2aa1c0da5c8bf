//! Tests of the job as a process, on clean files in its own lake and a DuckDB file.

#![allow(clippy::unwrap_used, reason = "tests panic on errors")]

mod changes;
mod observations;
mod published;
mod refusals;
mod tables;
mod verdicts;

use std::collections::BTreeMap;
use std::path::PathBuf;

use shared::hand_over::{HandOver, Handed, Refused, Request};
use shared::key::Key;
use shared::manifest::{self, Drift, ManifestRef, Version};
use shared::partition::Partition;
use shared::run::Stage;
use shared::testing::{Job, TestLake, variable};
use shared::warehouse::duckdb::{Access, Connection};

pub(crate) use published::Publication;

/// A lake and a warehouse.
pub(crate) struct Fixture {
    pub(crate) lake: TestLake,
    directory: tempfile::TempDir,
}

impl Default for Fixture {
    fn default() -> Self {
        Self {
            lake: TestLake::default(),
            directory: tempfile::tempdir().unwrap(),
        }
    }
}

impl Fixture {
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("warehouse.duckdb")
    }

    /// Returns the job on manifests that an operator lists and no run observed.
    pub(crate) fn job(&self, publications: &[&Publication]) -> Job {
        let manifests: Vec<String> = publications
            .iter()
            .map(|publication| publication.put(&self.lake).to_string())
            .collect();
        self.of_run("test").env("MANIFESTS", manifests.join(","))
    }

    /// Returns the job of a run that observed `publications` on the portal at `observed_at`.
    pub(crate) fn observing(&self, observed_at: &str, publications: &[&Publication]) -> Job {
        let run = observed_at.replace([':', '.'], "-");
        self.hand_over(&run, observed_at, publications, &[], &[]);
        self.of_run(&run)
    }

    /// Hands over transform's results of a run's `publications` and, for other partitions, refusals.
    pub(crate) fn hand_over(
        &self,
        run: &str,
        observed_at: &str,
        publications: &[&Publication],
        drift: &[Drift],
        refused: &[(Partition, Stage, u8, &str)],
    ) {
        let observed_at = Some(observed_at.parse().unwrap());
        let good = publications.iter().map(|publication| {
            let key = publication.put(&self.lake);
            let bytes = std::fs::read(self.lake.path().join(key.as_str())).unwrap();
            let handed = Handed {
                manifest: ManifestRef::of(key, &bytes),
                observed_at,
                published_at: None,
                drift: drift.to_vec(),
            };
            (publication.partition, handed)
        });
        let refused = refused.iter().map(|(partition, stage, exit, cause)| {
            let refused = Refused {
                stage: *stage,
                exit: *exit,
                cause: (*cause).to_owned(),
                observed_at,
            };
            (*partition, refused)
        });
        let hand_over = HandOver {
            manifest: Version::V1,
            stage: Stage::Transform,
            task: 0,
            tasks: 1,
            execution: None,
            request: Request::default(),
            handed_over_at: "2026-11-01T00:00:00Z".parse().unwrap(),
            partitions: good.collect(),
            refused: refused.collect::<BTreeMap<_, _>>(),
            not_listed: None,
            spent: None,
        };
        let key = Key::new(format!("runs/{run}/transform-0-0.json")).unwrap();
        self.lake.put(&key, &manifest::to_json(&hand_over));
    }

    /// Hands over that the extract stage of `run` was requested to extract `years`, which the portal did not list for the
    /// reason `not_listed`, if any.
    pub(crate) fn extract(&self, run: &str, years: &str, not_listed: Option<Refused>) {
        let hand_over = HandOver {
            manifest: Version::V1,
            stage: Stage::Extract,
            task: 0,
            tasks: 1,
            execution: None,
            request: Request {
                years: years.parse().unwrap(),
                manifests: None,
            },
            handed_over_at: "2026-11-01T00:00:00Z".parse().unwrap(),
            partitions: BTreeMap::new(),
            refused: BTreeMap::new(),
            not_listed,
            spent: None,
        };
        let key = HandOver::key(&run.parse().unwrap(), Stage::Extract, 0, 0).unwrap();
        self.lake.put(&key, &manifest::to_json(&hand_over));
    }

    /// Returns the job on the hand-over of `run`.
    pub(crate) fn of_run(&self, run: &str) -> Job {
        Job::new(env!("CARGO_BIN_EXE_load-job"))
            .env("LAKE_URL", self.lake.url())
            .env("RUN_ID", run)
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

    /// Changes the warehouse outside the job.
    pub(crate) fn alter(&self, statement: &str) {
        self.open(Access::ReadWrite)
            .execute(statement, &[])
            .unwrap();
    }

    /// Returns the rows of a query, columns joined by `|`.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let query = format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({query})");
        let rows = self.open(Access::ReadOnly).query_text(&query, &[]).unwrap();
        let cells = |row: Vec<Option<String>>| {
            let cells: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            cells.join("|")
        };
        rows.into_iter().map(cells).collect()
    }

    /// Returns the year, type and status of the loaded requests.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.rows(
            "SELECT source_year, service_request_type, status FROM service_requests ORDER BY ALL",
        )
    }

    pub(crate) fn loads(&self) -> Vec<String> {
        self.rows("SELECT partition, load_number FROM load_history ORDER BY ALL")
    }
}
