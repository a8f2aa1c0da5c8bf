//! A lake, a warehouse and the jobs that work on them.

use std::path::PathBuf;
use std::process::Child;
use std::{env, fs};

use sample_portal::Portal;
use shared::run::Stage;
use shared::testing::{Job, JobOutcome, TestLake};
use tempfile::TempDir;

pub(crate) struct Pipeline<'a> {
    portal: &'a Portal,
    pub(crate) lake: TestLake,
    directory: TempDir,
}

impl<'a> Pipeline<'a> {
    pub(crate) fn new(portal: &'a Portal) -> Self {
        Self {
            portal,
            lake: TestLake::default(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn warehouse(&self) -> PathBuf {
        self.directory.path().join("warehouse.duckdb")
    }

    /// The job of `stage` in the run `run`.
    pub(crate) fn job(&self, stage: Stage, run: &str) -> Job {
        let name = match stage {
            Stage::Extract => "extract-job",
            Stage::Transform => "transform-job",
            Stage::Load => "load-job",
            Stage::Dbt => "dbt-runner",
        };
        Job::new(executable(name))
            .env("LAKE_URL", self.lake.url())
            .env("RUN_ID", run)
            .env("PORTAL_URL", self.portal.url())
            .env("FSA_URL", self.portal.fsa_url())
            .env(
                "WAREHOUSE_URL",
                format!("duckdb://{}", self.warehouse().display()),
            )
            .env("DUCKDB_LIBRARY", from_make("DUCKDB_LIBRARY"))
            .env("DBT_EXECUTABLE", from_make("DBT_EXECUTABLE"))
            .env("DBT_PROJECT_DIR", from_make("DBT_PROJECT_DIR"))
    }

    pub(crate) fn run(&self, stage: Stage, run: &str) -> JobOutcome {
        self.job(stage, run).run()
    }

    pub(crate) fn spawn(&self, stage: Stage, run: &str) -> Child {
        self.job(stage, run).spawn()
    }

    /// Runs the stages that make and load the clean rows, and checks that each finished.
    pub(crate) fn run_to_warehouse(&self, run: &str) -> Vec<JobOutcome> {
        let stages = [Stage::Extract, Stage::Transform, Stage::Load];
        let outcomes: Vec<JobOutcome> = stages.iter().map(|&stage| self.run(stage, run)).collect();
        for outcome in &outcomes {
            outcome.finished();
        }
        outcomes
    }

    /// Removes the warehouse, as a person might.
    pub(crate) fn remove_warehouse(&self) {
        for entry in fs::read_dir(self.directory.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}

/// A job's executable, built beside this test's.
fn executable(name: &str) -> PathBuf {
    let profile = env::current_exe().unwrap();
    let path = profile.ancestors().nth(2).unwrap().join(name);
    assert!(
        path.exists(),
        "{} is not built: run the tests by `make test`",
        path.display()
    );
    path
}

/// What the Makefile says of where it installed a tool.
pub(crate) fn from_make(variable: &str) -> String {
    env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run the tests by `make test`"))
}
