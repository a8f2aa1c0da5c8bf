//! A lake, a warehouse and the jobs on them, on one machine or in the cloud.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use emulators::Addresses;
use sample_portal::Portal;
use serde_json::Value;
use shared::hand_over;
use shared::key::Key;
use shared::lake::{Lake, LocalLake};
use shared::run::Stage;
use shared::testing::{Job, JobOutcome, TestLake, project_of_few_marts, variable};
use shared::warehouse::WarehouseUrl;
use shared::warehouse::bigquery::BigQuery;
use tempfile::TempDir;

use crate::readers::{run_cloud_reader, run_reader};

/// The environment of a scenario. Its expectations are the same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// A directory as the lake, a DuckDB file as the warehouse.
    Local,
    /// A bucket and a dataset of the emulators.
    Cloud,
}

/// Defines the tests of a scenario on both paths.
macro_rules! on_both_paths {
    ($scenario:ident) => {
        mod $scenario {
            #[test]
            fn on_one_machine() {
                super::$scenario(crate::pipeline::Path::Local);
            }

            #[test]
            fn in_the_cloud() {
                super::$scenario(crate::pipeline::Path::Cloud);
            }
        }
    };
}
pub(crate) use on_both_paths;

pub(crate) struct Pipeline {
    portal_url: String,
    fsa_url: String,
    storage: Storage,
    /// The dbt project, if it is not the real one.
    project: Option<TempDir>,
}

enum Storage {
    Local {
        lake: TestLake,
        directory: TempDir,
    },
    /// The bucket has the project's name.
    Cloud {
        project: String,
        addresses: Addresses,
    },
}

/// The dataset that the jobs load.
const DATASET: &str = "main";
const LOCATION: &str = "northamerica-northeast2";

impl Pipeline {
    pub(crate) fn new(portal: &Portal, path: Path) -> Self {
        Self::at(portal.url(), &portal.fsa_url(), path)
    }

    /// Returns the pipeline for a portal and a boundary file at these addresses.
    pub(crate) fn at(portal_url: &str, fsa_url: &str, path: Path) -> Self {
        let storage = match path {
            Path::Local => Storage::Local {
                lake: TestLake::default(),
                directory: tempfile::tempdir().unwrap(),
            },
            Path::Cloud => in_the_cloud(),
        };
        Self {
            portal_url: portal_url.to_owned(),
            fsa_url: fsa_url.to_owned(),
            storage,
            project: None,
        }
    }

    /// Builds few marts, and `more`, from now on.
    pub(crate) fn build_few_marts(&mut self, more: &[&str]) {
        let target = match self.storage {
            Storage::Local { .. } => "duckdb",
            Storage::Cloud { .. } => "bigquery_emulator",
        };
        self.project = Some(project_of_few_marts(target, more));
    }

    /// Returns the folder of the dbt project.
    pub(crate) fn dbt_project(&self) -> PathBuf {
        match &self.project {
            Some(project) => project.path().to_owned(),
            None => variable("DBT_PROJECT_DIR").into(),
        }
    }

    /// Returns the local lake.
    pub(crate) fn lake(&self) -> &TestLake {
        match &self.storage {
            Storage::Local { lake, .. } => lake,
            Storage::Cloud { .. } => panic!("the lake is in the cloud"),
        }
    }

    /// Returns the local warehouse.
    pub(crate) fn warehouse(&self) -> PathBuf {
        match &self.storage {
            Storage::Local { directory, .. } => directory.path().join("warehouse.duckdb"),
            Storage::Cloud { .. } => panic!("the warehouse is in the cloud"),
        }
    }

    /// Returns every object's key and SHA-256, as read by a program that shares no code with the pipeline.
    pub(crate) fn objects(&self) -> BTreeMap<String, String> {
        match &self.storage {
            Storage::Local { lake, .. } => {
                let objects = lake.objects("").into_iter();
                objects
                    .map(|(key, digest)| (key, digest.to_string()))
                    .collect()
            }
            Storage::Cloud { project, .. } => {
                serde_json::from_value(run_cloud_reader(&["objects", project])).unwrap()
            }
        }
    }

    /// Returns the destination of dbt-runner's publication, if it is set.
    pub(crate) fn site_url(&self) -> String {
        match &self.storage {
            Storage::Local { .. } => format!("file://{}", self.site().display()),
            Storage::Cloud { project, .. } => format!("gs://{project}-site/some/prefix"),
        }
    }

    /// Returns the directory of the local site.
    pub(crate) fn site(&self) -> PathBuf {
        self.warehouse().with_file_name("site")
    }

    /// Returns the beginnings of the names of datasets in lineage, by store, and a name of each store.
    pub(crate) fn lineage_stores(&self) -> Vec<(String, &'static str)> {
        match &self.storage {
            Storage::Local { lake, .. } => vec![
                (format!("file {}/", self.site().display()), "site "),
                (format!("file {}/", lake.path().display()), "lake "),
                (
                    format!("duckdb://{} warehouse.", self.warehouse().display()),
                    "warehouse ",
                ),
            ],
            Storage::Cloud { project, .. } => vec![
                (format!("gs://{project}-site some/prefix/"), "site "),
                (format!("gs://{project} "), "lake "),
                (format!("bigquery {project}."), "warehouse "),
            ],
        }
    }

    /// Returns the path and content of every published object.
    pub(crate) fn published(&self) -> BTreeMap<String, Vec<u8>> {
        let copy = tempfile::tempdir().unwrap();
        let site = match &self.storage {
            Storage::Local { .. } => self.site(),
            Storage::Cloud { project, .. } => {
                let bucket = format!("{project}-site");
                run_cloud_reader(&["copy", &bucket, copy.path().to_str().unwrap()]);
                copy.path().join("some/prefix")
            }
        };
        let mut published = BTreeMap::new();
        let mut folders = vec![site.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&site).unwrap().to_str().unwrap();
                    published.insert(name.to_owned(), fs::read(&path).unwrap());
                }
            }
        }
        published
    }

    /// Returns the type, the caching and the encoding with which the cloud serves every published object.
    pub(crate) fn served(&self) -> BTreeMap<String, [Option<String>; 3]> {
        let url = self.site_url();
        let (bucket, prefix) = url.strip_prefix("gs://").unwrap().split_once('/').unwrap();
        let served: BTreeMap<String, _> =
            serde_json::from_value(run_cloud_reader(&["served", bucket])).unwrap();
        let served = served.into_iter();
        served
            .map(|(name, of)| {
                let path = name.strip_prefix(&format!("{prefix}/")).unwrap();
                (path.to_owned(), of)
            })
            .collect()
    }

    /// Returns the key and content of every object of the local lake.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let lake = self.lake();
        let keys = lake.objects("").into_keys();
        keys.map(|key| {
            let content = fs::read(lake.path().join(&key)).unwrap();
            (key, content)
        })
        .collect()
    }

    /// Returns the lake's objects as files.
    pub(crate) fn copy_of_lake(&self) -> TestLake {
        let copy = TestLake::default();
        match &self.storage {
            Storage::Local { lake, .. } => {
                for key in lake.objects("").into_keys() {
                    let content = fs::read(lake.path().join(&key)).unwrap();
                    copy.put(&Key::new(key).unwrap(), &content);
                }
            }
            Storage::Cloud { project, .. } => {
                run_cloud_reader(&["copy", project, copy.path().to_str().unwrap()]);
            }
        }
        copy
    }

    /// Returns a pipeline on a new lake, which has the raw files and what extract handed over, and a new warehouse.
    pub(crate) fn with_raw_files_only(&self, portal: &Portal) -> Self {
        let copy = Self::new(portal, Path::Local);
        for (key, content) in self.contents() {
            if key.starts_with("raw/") {
                copy.lake().put(&Key::new(key).unwrap(), &content);
            }
        }
        copy
    }

    /// Replaces the emulator of BigQuery with the server at `url` from now on.
    pub(crate) fn reach_bigquery_at(&mut self, url: &str) {
        match &mut self.storage {
            Storage::Local { .. } => panic!("there is no BigQuery"),
            Storage::Cloud { addresses, .. } => url.clone_into(&mut addresses.bigquery),
        }
    }

    /// Returns the project in the cloud.
    pub(crate) fn project(&self) -> &str {
        match &self.storage {
            Storage::Local { .. } => panic!("there is no project"),
            Storage::Cloud { project, .. } => project,
        }
    }

    /// Returns the URL of BigQuery.
    pub(crate) fn bigquery(&self) -> &str {
        match &self.storage {
            Storage::Local { .. } => panic!("there is no BigQuery"),
            Storage::Cloud { addresses, .. } => &addresses.bigquery,
        }
    }

    /// Returns a client of BigQuery.
    pub(crate) async fn bigquery_client(&self) -> BigQuery {
        let url = format!(
            "bigquery://{}/{DATASET}?location={LOCATION}",
            self.project()
        );
        let WarehouseUrl::BigQuery(dataset) = url.parse().unwrap() else {
            panic!("{url} is BigQuery's");
        };
        let emulator = self.bigquery().parse().unwrap();
        BigQuery::connect(&dataset, Some(&emulator)).await.unwrap()
    }

    /// Executes a job of BigQuery from the request to insert it.
    pub(crate) fn execute_job(&self, request: &Value) {
        let id = request["jobReference"]["jobId"].as_str().unwrap();
        let configuration = serde_json::from_value(request["configuration"].clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let bigquery = Box::pin(self.bigquery_client()).await;
            let done = Box::pin(bigquery.run(id, configuration)).await;
            done.map_err(|(error, _)| error).unwrap();
        });
    }

    /// Alters an object in the cloud: it flips a bit in the middle.
    pub(crate) fn flip_bit(&self, key: &str) {
        run_cloud_reader(&["flip", self.project(), key]);
    }

    /// Returns the rows of a query that both warehouses support.
    pub(crate) fn query(&self, sql: &str) -> Value {
        let mut answer = match &self.storage {
            Storage::Local { .. } => {
                run_reader(&["query", self.warehouse().to_str().unwrap(), sql])
            }
            Storage::Cloud { project, .. } => run_cloud_reader(&["query", project, DATASET, sql]),
        };
        answer["rows"].take()
    }

    /// Returns the number of rows of a query and an order-independent digest of them.
    pub(crate) fn digest(&self, sql: &str) -> Value {
        let mut answer = match &self.storage {
            Storage::Local { .. } => {
                run_reader(&["digest", self.warehouse().to_str().unwrap(), sql])
            }
            Storage::Cloud { project, .. } => run_cloud_reader(&["digest", project, DATASET, sql]),
        };
        answer["digest"].take()
    }

    /// Returns every table of the warehouse, with its row count and a digest of its rows.
    pub(crate) fn tables(&self) -> Value {
        match &self.storage {
            Storage::Local { .. } => run_reader(&["warehouse", self.warehouse().to_str().unwrap()]),
            Storage::Cloud { project, .. } => {
                run_cloud_reader(&["tables", project, DATASET, "marts", "reference"])
            }
        }
    }

    /// Returns the job of `stage` in the run `run`.
    pub(crate) fn job(&self, stage: Stage, run: &str) -> Job {
        let name = match stage {
            Stage::Extract => "extract-job",
            Stage::Transform => "transform-job",
            Stage::Load => "load-job",
            Stage::Dbt => "dbt-runner",
        };
        let job = Job::new(executable(name))
            .env("RUN_ID", run)
            .env("PORTAL_URL", &self.portal_url)
            .env("FSA_URL", &self.fsa_url)
            .env("DBT_EXECUTABLE", variable("DBT_EXECUTABLE"))
            .env("DBT_PROJECT_DIR", self.dbt_project().to_string_lossy());
        match &self.storage {
            Storage::Local { lake, .. } => job
                .env("LAKE_URL", lake.url())
                .env(
                    "WAREHOUSE_URL",
                    format!("duckdb://{}", self.warehouse().display()),
                )
                .env("DUCKDB_LIBRARY", variable("DUCKDB_LIBRARY")),
            Storage::Cloud { project, addresses } => job
                .env("LAKE_URL", format!("gs://{project}"))
                .env(
                    "WAREHOUSE_URL",
                    format!("bigquery://{project}/{DATASET}?location={LOCATION}"),
                )
                .env("STORAGE_EMULATOR_HOST", &addresses.storage)
                .env("BIGQUERY_EMULATOR_HOST", &addresses.bigquery),
        }
    }

    /// Executes the job of `stage` like Cloud Run: with `tasks` processes, one of which does not start if it is
    /// `killed`.
    pub(crate) fn execute(
        &self,
        stage: Stage,
        run: &str,
        tasks: usize,
        killed: Option<usize>,
    ) -> Vec<JobOutcome> {
        static EXECUTIONS: AtomicU32 = AtomicU32::new(0);
        let execution = EXECUTIONS.fetch_add(1, Ordering::Relaxed);
        let started = (0..tasks).filter(|index| Some(*index) != killed);
        started
            .map(|index| {
                self.job(stage, run)
                    .env("CLOUD_RUN_EXECUTION", format!("execution-{execution}"))
                    .env("CLOUD_RUN_TASK_INDEX", index.to_string())
                    .env("CLOUD_RUN_TASK_COUNT", tasks.to_string())
                    .run()
            })
            .collect()
    }

    /// Returns the hand-over of `stage` in the run, including refusals, by partition: `good`, or the refusing stage and
    /// exit code.
    pub(crate) fn handed_over(&self, stage: Stage, run: &str) -> BTreeMap<String, String> {
        let copy = self.copy_of_lake();
        let lake = Lake::Local(LocalLake::new(copy.path()).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let run = run.parse().unwrap();
        let input = runtime
            .block_on(hand_over::handed_over(&lake, &run, stage))
            .unwrap();
        let good = input.partitions.keys();
        let good = good.map(|partition| (partition.to_string(), "good".to_owned()));
        let refused = input.refused.into_iter().map(|(partition, refused)| {
            let verdict = format!("{} {}", refused.stage, refused.exit);
            (partition.to_string(), verdict)
        });
        good.chain(refused).collect()
    }

    pub(crate) fn run(&self, stage: Stage, run: &str) -> JobOutcome {
        self.job(stage, run).run()
    }

    /// Runs a stage twice at the same time, and checks that both succeed.
    pub(crate) fn run_twice_at_once(&self, stage: Stage, run: &str) {
        let outcomes = thread::scope(|scope| {
            let running = [(); 2].map(|()| scope.spawn(|| self.run(stage, run)));
            running.map(|job| job.join().unwrap())
        });
        for outcome in &outcomes {
            outcome.finished();
        }
    }

    pub(crate) fn spawn(&self, stage: Stage, run: &str) -> Child {
        self.job(stage, run).spawn()
    }

    /// Runs the stages that create and load the clean rows, and checks that each succeeds.
    pub(crate) fn run_to_warehouse(&self, run: &str) -> Vec<JobOutcome> {
        let stages = [Stage::Extract, Stage::Transform, Stage::Load];
        let outcomes: Vec<JobOutcome> = stages.iter().map(|&stage| self.run(stage, run)).collect();
        for outcome in &outcomes {
            outcome.finished();
        }
        outcomes
    }

    /// Removes the warehouse, as an operator might.
    pub(crate) fn remove_warehouse(&self) {
        match &self.storage {
            Storage::Local { directory, .. } => {
                for entry in fs::read_dir(directory.path()).unwrap() {
                    fs::remove_file(entry.unwrap().path()).unwrap();
                }
            }
            Storage::Cloud { project, .. } => {
                run_cloud_reader(&["remove", project, DATASET]);
            }
        }
    }
}

/// Returns a new project.
fn in_the_cloud() -> Storage {
    static PROJECTS: AtomicU32 = AtomicU32::new(0);
    let number = PROJECTS.fetch_add(1, Ordering::Relaxed);
    let project = format!("scenario-{}-{number}", std::process::id());
    let addresses = Addresses::from_environment().unwrap();
    for bucket in [project.clone(), format!("{project}-site")] {
        addresses.create_bucket(&bucket).unwrap();
    }
    for dataset in [DATASET, "marts", "reference", "staging"] {
        addresses
            .create_dataset(&project, dataset, LOCATION)
            .unwrap();
    }
    Storage::Cloud { project, addresses }
}

/// Returns the path of a job's executable, next to this test's.
pub(crate) fn executable(name: &str) -> PathBuf {
    let profile = env::current_exe().unwrap();
    let path = profile.ancestors().nth(2).unwrap().join(name);
    assert!(
        path.exists(),
        "{} is not built: run the tests with `make test`",
        path.display()
    );
    path
}

/// Waits up to `patience` until a condition is met; `not_yet` is the message if it is not.
pub(crate) fn wait_until(patience: Duration, not_yet: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + patience;
    while !is_so() {
        assert!(Instant::now() < deadline, "{not_yet}");
        thread::sleep(Duration::from_millis(20));
    }
}
