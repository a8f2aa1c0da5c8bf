//! Lineage: what each stage read and wrote, as events of `OpenLineage` (<https://openlineage.io/spec>).
//!
//! A stage that works on a partition records START before, and COMPLETE or FAIL after it, at
//! `lineage/<run>/<stage>-<task>-<attempt>-<number>.ndjson`, one event per line, and posts the same events to the
//! collector at `OPENLINEAGE_URL`, if it is set. What already exists is not worked on, so that a run without news
//! records nothing: the run that made the results has recorded them. A repeated execution of the stage in the same run
//! records them once more, because the one before it may have been killed between a result and its COMPLETE.
//!
//! Lineage never fails a stage. What cannot be written or posted is left out, with a warning.
//!
//! Runs have ids that anyone can compute: the same stage, or the same partition of it, is the same run in every
//! execution and every task of a pipeline run.

mod collector;
mod dataset;
mod event;
mod facet;
mod steps;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::warn;

pub use collector::Collector;
pub use dataset::Tables;
pub use event::{Dataset, EventType, Job, Run, RunEvent};
pub use facet::*;

use collector::Poster;
use event::{Parent, Root, uuid};
use steps::{Step, Stores};

use crate::exit::Failure;
use crate::key::Key;
use crate::lake::{Content, Lake, LakeError};
use crate::manifest::{self, ManifestRef};
use crate::partition::Partition;
use crate::run::{MAX_TASKS, RunId, Stage, Task};

/// The name of the job whose runs are the pipeline's.
const PIPELINE: &str = "pipeline";
/// How long writing events may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Records the lineage of one execution of a stage.
#[derive(Clone)]
pub struct Lineage(Arc<Recorder>);

struct Recorder {
    lake: Lake,
    run_id: RunId,
    task: Task,
    namespace: String,
    source_code: Option<SourceCodeLocation>,
    collector: Option<Collector>,
    started_at: Timestamp,
    tables: OnceLock<Tables>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Whether the START of the stage is recorded.
    has_begun: bool,
    /// The partitions whose START is recorded.
    begun: BTreeSet<Partition>,
    /// The partitions that the stage has ended with, whether it worked on them or not.
    ended: BTreeSet<Partition>,
    /// The number of this attempt, and of its next object.
    place: (usize, usize),
    /// Whether events could not be written, so that no more are.
    is_broken: bool,
    poster: Option<Poster>,
}

/// Where and under which names lineage is recorded.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The namespace of the jobs.
    pub namespace: String,
    /// Where events are posted.
    pub collector: Option<Collector>,
    /// Where the jobs' code is.
    pub source_code: Option<SourceCodeLocation>,
}

/// How the work on a partition ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) partition: Partition,
    pub(crate) at: Timestamp,
    /// When the run observed the portal.
    pub(crate) observed_at: Option<Timestamp>,
    pub(crate) result: EndResult,
}

/// The result of the work on a partition.
#[derive(Debug)]
pub(crate) enum EndResult {
    /// This execution created what the manifest lists.
    Created(ManifestRef),
    /// It already existed.
    Found(ManifestRef),
    /// The work failed.
    Failed(String),
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lineage")
            .field("namespace", &self.0.namespace)
            .field("collector", &self.0.collector)
            .finish_non_exhaustive()
    }
}

impl Lineage {
    /// Returns the lineage of an execution of `task` in a run, which begins now.
    #[must_use]
    pub fn new(lake: Lake, run_id: RunId, task: Task, settings: Settings) -> Self {
        Self(Arc::new(Recorder {
            lake,
            run_id,
            task,
            namespace: settings.namespace,
            source_code: settings.source_code,
            collector: settings.collector,
            started_at: Timestamp::now(),
            tables: OnceLock::new(),
            progress: Mutex::default(),
        }))
    }

    /// Returns the address of the repository of the jobs' code, if it is set.
    #[must_use]
    pub fn repository(&self) -> Option<&str> {
        let code = self.0.source_code.as_ref()?;
        Some(&code.repo_url)
    }

    /// Sets the warehouse, in whose tables the stage reads or writes.
    pub fn set_warehouse(&self, tables: Tables) {
        // It is the same each time.
        self.0.tables.set(tables).ok();
    }

    /// Records that the stage begins to work, once.
    pub async fn begin_stage(&self, stage: Stage) {
        let mut progress = self.0.progress.lock().await;
        self.0.write(&mut progress, stage, Vec::new()).await;
    }

    /// Records that the stage begins to work on `partition`, once.
    pub async fn begin(&self, stage: Stage, partition: Partition, observed_at: Option<Timestamp>) {
        let mut progress = self.0.progress.lock().await;
        if !progress.begun.insert(partition) {
            return;
        }
        let start = self
            .0
            .start_of(stage, partition, observed_at, Timestamp::now());
        self.0.write(&mut progress, stage, vec![start]).await;
    }

    /// Records how the work on partitions ended.
    pub(crate) async fn end(&self, stage: Stage, ended: Vec<Ended>) {
        let mut progress = self.0.progress.lock().await;
        progress.ended = ended.iter().map(|one| one.partition).collect();
        let is_found = |one: &Ended| matches!(one.result, EndResult::Found(_));
        let is_unchanged = |one: &&Ended| is_found(one) && !progress.begun.contains(&one.partition);
        // dbt ends with no partitions: without a START, it has found everything.
        let has_found = if ended.is_empty() {
            !progress.has_begun
        } else {
            ended.iter().any(|one| is_unchanged(&one))
        };
        let is_repeated = has_found && self.0.is_repeated(stage, &progress).await;
        let mut events = Vec::new();
        for one in ended.iter().filter(|one| is_repeated || !is_unchanged(one)) {
            if !progress.begun.contains(&one.partition) {
                events.push(
                    self.0
                        .start_of(stage, one.partition, one.observed_at, one.at),
                );
            }
            events.push(self.0.end_of(stage, one).await);
        }
        if is_repeated || !events.is_empty() {
            self.0.write(&mut progress, stage, events).await;
        }
    }

    /// Records events of runs that are a part of the stage's.
    pub async fn record(&self, stage: Stage, events: Vec<RunEvent>) {
        if events.is_empty() {
            return;
        }
        let mut progress = self.0.progress.lock().await;
        self.0.write(&mut progress, stage, events).await;
    }

    /// Records how the stage ended, if it did any work or failed, and waits until all events are posted, within limits.
    pub(crate) async fn finish(&self, stage: Stage, failure: Option<&Failure>) {
        let mut progress = self.0.progress.lock().await;
        if progress.has_begun || failure.is_some() {
            let step = self.0.stores().of_stage(stage, &progress.ended);
            let end = Recorder::ending(
                Timestamp::now(),
                self.0.run_of_stage(stage),
                self.job(stage.as_str(), TASK),
                failure.map(ToString::to_string),
            );
            let outputs = if failure.is_some() {
                Vec::new()
            } else {
                step.outputs
            };
            self.0
                .write(&mut progress, stage, vec![end.with(step.inputs, outputs)])
                .await;
        }
        if let Some(poster) = progress.poster.take() {
            poster.finish().await;
        }
    }

    /// Returns the clean rows of `partition` in the lake.
    #[must_use]
    pub fn clean(&self, partition: Partition) -> Dataset {
        self.0.stores().clean(partition)
    }

    /// Returns the refused rows of `partition` in the lake.
    #[must_use]
    pub fn quarantine(&self, partition: Partition) -> Dataset {
        self.0.stores().quarantine(partition)
    }

    /// Returns the job `name` of this pipeline.
    #[must_use]
    pub fn job(&self, name: &str, kind: JobType) -> Job {
        self.0.job(name, kind)
    }

    /// Returns the run of the job `name` in this pipeline run, which is a part of the run of `stage`.
    #[must_use]
    pub fn run_of(&self, stage: Stage, name: &str, facets: Facets) -> Run {
        let parent = (self.0.run_of_stage(stage), self.0.bare_job(stage.as_str()));
        Run {
            run_id: self.0.id(name),
            facets: self.0.part_of(facets, parent),
        }
    }
}

/// A stage, or its work on a partition.
const TASK: JobType = JobType {
    processing_type: "BATCH",
    integration: "TORONTO_311",
    job_type: "TASK",
};

impl Recorder {
    fn stores(&self) -> Stores<'_> {
        Stores {
            lake: &self.lake,
            tables: self.tables.get(),
        }
    }

    /// Returns the id of the run of the job `name` in this pipeline run.
    fn id(&self, name: &str) -> String {
        let (lake, run) = (self.lake.to_string(), self.run_id.to_string());
        uuid(&[&lake, &run, &self.namespace, name])
    }

    fn bare_job(&self, name: &str) -> Job {
        Job {
            namespace: self.namespace.clone(),
            name: name.to_owned(),
            facets: Facets::default(),
        }
    }

    fn job(&self, name: &str, kind: JobType) -> Job {
        let facets = Facets::default().with(&kind);
        Job {
            facets: facets.with_some(self.source_code.as_ref()),
            ..self.bare_job(name)
        }
    }

    /// Adds that a run is a part of another, which is a part of the pipeline's.
    fn part_of(&self, facets: Facets, (run, job): (Run, Job)) -> Facets {
        let bare = |run_id: String| Run {
            run_id,
            facets: Facets::default(),
        };
        facets.with(&Parent {
            run: bare(run.run_id),
            job,
            root: Root {
                run: bare(self.id(PIPELINE)),
                job: self.bare_job(PIPELINE),
            },
        })
    }

    fn of_pipeline(&self, facets: Facets) -> Facets {
        let pipeline = Run {
            run_id: self.id(PIPELINE),
            facets: Facets::default(),
        };
        self.part_of(facets, (pipeline, self.bare_job(PIPELINE)))
    }

    /// Tasks share a stage, and each has a run of its own.
    fn run_of_stage(&self, stage: Stage) -> Run {
        Run {
            run_id: self.id(&format!("{stage} {}", self.task.index())),
            facets: self.of_pipeline(engine(stage)),
        }
    }

    fn run_of_partition(
        &self,
        stage: Stage,
        partition: Partition,
        observed_at: Option<Timestamp>,
    ) -> (Run, Job) {
        let name = format!("{stage}.{}", partition.folder().replace('/', "."));
        // In microseconds, as the warehouses have it.
        let observed_at =
            observed_at.and_then(|at| Timestamp::from_microsecond(at.as_microsecond()).ok());
        let nominal = observed_at.map(|nominal_start_time| NominalTime { nominal_start_time });
        let facets = engine(stage).with_some(nominal.as_ref());
        let run = Run {
            run_id: self.id(&name),
            facets: self.of_pipeline(facets),
        };
        (run, self.job(&name, TASK))
    }

    fn start_of(
        &self,
        stage: Stage,
        partition: Partition,
        observed_at: Option<Timestamp>,
        at: Timestamp,
    ) -> RunEvent {
        let (run, job) = self.run_of_partition(stage, partition, observed_at);
        let Step { inputs, outputs } = self.stores().names(stage, partition);
        RunEvent::new(EventType::Start, at, run, job).with(inputs, outputs)
    }

    async fn end_of(&self, stage: Stage, ended: &Ended) -> RunEvent {
        let Ended {
            partition,
            at,
            observed_at,
            result,
        } = ended;
        let (run, job) = self.run_of_partition(stage, *partition, *observed_at);
        let names = || self.stores().names(stage, *partition);
        let (step, error) = match result {
            // What failed has written nothing.
            EndResult::Failed(cause) => {
                let inputs = names().inputs;
                let outputs = Vec::new();
                (Step { inputs, outputs }, Some(cause.clone()))
            }
            EndResult::Created(manifest) | EndResult::Found(manifest) => {
                let described = self.stores().described(stage, *partition, manifest).await;
                let step = described.unwrap_or_else(|failure| {
                    warn!(%partition, cause = %failure, "lineage not described");
                    names()
                });
                (step, None)
            }
        };
        Self::ending(*at, run, job, error).with(step.inputs, step.outputs)
    }

    /// Returns the event that a run ended: with an error, if there is one.
    fn ending(at: Timestamp, run: Run, job: Job, error: Option<String>) -> RunEvent {
        let Some(message) = error else {
            return RunEvent::new(EventType::Complete, at, run, job);
        };
        let facets = run.facets.with(&ErrorMessage {
            message,
            programming_language: "RUST",
        });
        RunEvent::new(EventType::Fail, at, Run { facets, ..run }, job)
    }

    /// Whether the stage has recorded events in this run before this execution: in the same task, or in one that this
    /// execution does not have. Its other tasks may be recording theirs now.
    async fn is_repeated(&self, stage: Stage, progress: &Progress) -> bool {
        let (attempt, number) = progress.place;
        if attempt > 0 {
            return true;
        }
        let own = (number == 0).then(|| self.task.index());
        let tasks = own.into_iter().chain(self.task.count()..MAX_TASKS);
        let of_task = async |task| {
            let first = self.key(stage, task, (0, 0))?;
            Ok::<_, Failure>(self.lake.read(&first).await?.is_some())
        };
        let found = try_join_all(tasks.map(of_task)).await;
        // If the lake cannot be read, the events are recorded to be on the safe side.
        found.map_or(true, |found| found.contains(&true))
    }

    fn key(&self, stage: Stage, task: usize, place: (usize, usize)) -> Result<Key, Failure> {
        let (attempt, number) = place;
        manifest::key(format!(
            "lineage/{}/{stage}-{task}-{attempt}-{number}.ndjson",
            self.run_id
        ))
    }

    /// Writes events to the lake and posts them, and before the first ones the START of the stage.
    async fn write(&self, progress: &mut Progress, stage: Stage, mut events: Vec<RunEvent>) {
        if !std::mem::replace(&mut progress.has_begun, true) {
            let (run, job) = (self.run_of_stage(stage), self.job(stage.as_str(), TASK));
            let start = RunEvent::new(EventType::Start, self.started_at, run, job);
            events.insert(0, start);
        }
        if events.is_empty() {
            return;
        }
        if let Some(collector) = &self.collector {
            let poster = progress
                .poster
                .get_or_insert_with(|| Poster::start(collector));
            poster.post(&events);
        }
        if progress.is_broken {
            return;
        }
        let written = timeout(WRITE_TIMEOUT, self.store(progress, stage, &events)).await;
        let cause = match written {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => format!("it took more than {} s", WRITE_TIMEOUT.as_secs()),
        };
        progress.is_broken = true;
        warn!(cause, "lineage not written");
    }

    async fn store(
        &self,
        progress: &mut Progress,
        stage: Stage,
        events: &[RunEvent],
    ) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, event)
                .expect("events have string keys and no failing serializer");
            lines.push(b'\n');
        }
        let lines = Bytes::from(lines);
        loop {
            let key = self.key(stage, self.task.index(), progress.place)?;
            let content = Content::Bytes(lines.clone());
            match self.lake.create(&key, content).await {
                Ok(_) => {
                    progress.place.1 += 1;
                    return Ok(());
                }
                // An earlier attempt already has this number.
                Err(LakeError::Conflict { .. }) => progress.place = (progress.place.0 + 1, 0),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Returns the facet of the program that does the work of `stage`.
fn engine(stage: Stage) -> Facets {
    let name = match stage {
        Stage::Extract => "extract-job",
        Stage::Transform => "transform-job",
        Stage::Load => "load-job",
        Stage::Dbt => "dbt-runner",
    };
    Facets::default().with(&ProcessingEngine {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: name.to_owned(),
        openlineage_adapter_version: env!("CARGO_PKG_VERSION"),
    })
}
