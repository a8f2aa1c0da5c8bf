//! Tests of the job as a process, on its own lake and DuckDB warehouse.

#![allow(clippy::unwrap_used, reason = "tests panic on errors")]

mod builds;
mod clean;
mod dbt;
mod partial;
mod published;
mod publishing;
mod refusals;
mod sources;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::contract::Contract;
use shared::fingerprint::Fingerprint;
use shared::hand_over::{self, HandOver, Handed};
use shared::key::Key;
use shared::manifest::{self, ManifestRef, Version};
use shared::partition::{Dataset, Partition};
use shared::run::Stage;
use shared::testing::{Job, TestLake, copy_folder, project_of_few_marts, variable};
use shared::warehouse::duckdb::{Access, Connection};

/// A lake with a run's hand-over, and a warehouse as load-job writes it.
pub(crate) struct Fixture {
    pub(crate) lake: TestLake,
    directory: tempfile::TempDir,
    /// The dbt project, if it is not the real one.
    project: Option<tempfile::TempDir>,
}

/// Of a request: year, ward, type, status.
pub(crate) type Request = (i16, Option<i32>, &'static str, &'static str);

pub(crate) const REQUESTS: &[Request] = &[
    (2024, Some(3), "Noise", "New"),
    (2024, Some(3), "Noise", "Completed"),
    (2024, Some(3), "Litter", "Completed"),
    (2024, Some(10), "Noise", "Completed"),
    (2023, None, "Noise", "Closed"),
];

impl Fixture {
    /// Returns a warehouse with these requests loaded.
    pub(crate) fn with(requests: &[Request]) -> Self {
        let fixture = Self {
            lake: TestLake::default(),
            directory: tempfile::tempdir().unwrap(),
            project: None,
        };
        let load = "loaded/warehouse/service-requests/2024/x.json";
        let load = ManifestRef::of(Key::new(load).unwrap(), b"a receipt");
        let handed = Handed::of(load);
        let hand_over = HandOver {
            manifest: Version::V1,
            stage: Stage::Load,
            task: 0,
            tasks: 1,
            execution: None,
            request: hand_over::Request::default(),
            handed_over_at: "2026-11-01T00:00:00Z".parse().unwrap(),
            partitions: [(Partition::Year(2024), handed)].into(),
            refused: BTreeMap::new(),
            not_listed: None,
            spent: None,
        };
        let key = Key::new("runs/test/load-0-0.json").unwrap();
        fixture.lake.put(&key, &manifest::to_json(&hand_over));

        let mut warehouse = fixture.open();
        for table in Contract::all_tables() {
            warehouse.execute(&table.duckdb_ddl(), &[]).unwrap();
        }
        drop(warehouse);
        fixture.insert(0, requests);
        for year in ["2023", "2024"] {
            fixture.load(year, "first");
        }
        fixture
    }

    /// Returns a warehouse with these requests loaded, from which few marts are built.
    pub(crate) fn of_few_marts(requests: &[Request]) -> Self {
        Self {
            project: Some(project_of_few_marts("duckdb", &[])),
            ..Self::with(requests)
        }
    }

    /// Adds requests, with ids from `number` on.
    pub(crate) fn insert(&self, number: usize, requests: &[Request]) {
        let mut warehouse = self.open();
        for (number, request) in (number..).zip(requests) {
            warehouse.execute(&insert(number, *request), &[]).unwrap();
        }
    }

    /// Adds a row to the load history, for a file with the rows that the table contains, and its clean files.
    pub(crate) fn load(&self, year: &str, version: &str) {
        let fingerprint = Fingerprint::of(&[version]);
        self.write_clean(year, &fingerprint);
        self.alter(&format!(
            "INSERT INTO load_history SELECT '{year}', (SELECT count(*) + 1 FROM load_history WHERE partition = '{year}'), \
             '{fingerprint}', '', '', '2026-11-01 06:00:00', '', '', 1, \
             count(*) + 1, 0, count(*), count(*), 0, 0, '{{}}', '[]', now(), 'test', \
             '2026-11-02 06:00:00+00', '2026-11-02 06:00:00+00', false \
             FROM service_requests WHERE source_year = {year}"
        ));
    }

    /// Adds a refusal of the year by a run that observed the portal on that day of December.
    pub(crate) fn refuse(&self, year: &str, day: u8, cause: &str) {
        self.alter(&format!("DELETE FROM refusals WHERE partition = '{year}'"));
        self.alter(&format!(
            "INSERT INTO refusals VALUES ('{year}', 'transform', 20, '{cause}', \
             '2026-12-{day:02} 06:00:00+00', 'of-day-{day}', now())"
        ));
    }

    pub(crate) fn open(&self) -> Connection {
        let library = PathBuf::from(variable("DUCKDB_LIBRARY"));
        let access = Access::ReadWrite;
        Connection::open_when_free(&library, &self.file(), access, Duration::from_mins(10)).unwrap()
    }

    pub(crate) fn alter(&self, statement: &str) {
        self.open().execute(statement, &[]).unwrap();
    }

    /// Returns the rows of a query, columns joined by `|`.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let query = format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({query})");
        let rows = self.open().query_text(&query, &[]).unwrap();
        let cells = |row: Vec<Option<String>>| {
            let cells: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            cells.join("|")
        };
        rows.into_iter().map(cells).collect()
    }

    /// Returns how often the lineage of the run has that `job` was completed.
    pub(crate) fn completed(&self, job: &str) -> usize {
        let states = self.lake.lineage_states("test").into_iter();
        let completed = states.filter(|[name, state, _]| name == job && state == "COMPLETE");
        completed.count()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("warehouse.duckdb")
    }

    pub(crate) fn job(&self) -> Job {
        let project = match &self.project {
            Some(project) => project.path().to_string_lossy().into_owned(),
            None => concat!(env!("CARGO_MANIFEST_DIR"), "/project").to_owned(),
        };
        Job::new(env!("CARGO_BIN_EXE_dbt-runner"))
            .env("LAKE_URL", self.lake.url())
            .env("RUN_ID", "test")
            .env(
                "WAREHOUSE_URL",
                format!("duckdb://{}", self.file().display()),
            )
            .env("DUCKDB_LIBRARY", variable("DUCKDB_LIBRARY"))
            .env("DBT_EXECUTABLE", variable("DBT_EXECUTABLE"))
            .env("DBT_PROJECT_DIR", project)
    }

    /// Returns the job, to publish on the site in the folder `site`.
    pub(crate) fn job_with_site(&self, site: &Path) -> Job {
        self.job()
            .env("SITE_URL", format!("file://{}", site.display()))
    }
}

/// Returns a copy of the dbt project that a test may change.
pub(crate) fn copy_of_project() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/project")),
        copy.path(),
    );
    copy
}

/// Returns a statement that inserts the request into the contract's columns.
fn insert(number: usize, (year, ward, kind, status): Request) -> String {
    let mut names = String::new();
    let mut values = String::new();
    for column in &Contract::clean_table(Dataset::ServiceRequests).columns {
        let value = match column.name.as_str() {
            "request_id" => format!("encode('{number:016}')"),
            "created_at" => format!("'{year}-01-02 08:00:00'"),
            "utc_offset_hours" => "-5".to_owned(),
            "service_request_type" => format!("'{kind}'"),
            "status" | "source_status" => format!("'{status}'"),
            "division" => "'Division'".to_owned(),
            "season" => "'winter'".to_owned(),
            "ward_id" => ward.map_or("NULL".to_owned(), |ward| ward.to_string()),
            "ward_model" => ward.map_or("NULL", |_| "25").to_owned(),
            "ward_name" => ward.map_or("NULL".to_owned(), |ward| format!("'Ward {ward}'")),
            "repaired" => "false".to_owned(),
            "source_year" => year.to_string(),
            "source_row" => "2".to_owned(),
            _ if column.required => "'x'".to_owned(),
            _ => "NULL".to_owned(),
        };
        let comma = if names.is_empty() { "" } else { ", " };
        write!(names, "{comma}{}", column.name).unwrap();
        write!(values, "{comma}{value}").unwrap();
    }
    format!("INSERT INTO service_requests ({names}) VALUES ({values})")
}
