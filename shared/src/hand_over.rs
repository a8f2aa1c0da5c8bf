//! Hand-overs: what each stage of a run passes to the next.
//!
//! Every task writes one when it ends, at `runs/<run id>/<stage>-<task>-<attempt>.json`, with attempts numbered from 0.
//! For each partition the latest hand-over counts, whichever task wrote it: a replay of one year, with fewer tasks,
//! replaces that year and leaves the others unchanged.
//!
//! A partition that failed is also handed over, as [`Refused`]. Later stages carry it forward and work on the others,
//! so that one bad year costs one year only.
//!
//! A task that did not hand over, for example because it was killed, is an error: its partitions are unknown, and
//! earlier hand-overs of them are out of date. The error stays until a later execution that covers at least the same
//! partitions is complete.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::Bytes;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::exit::{Exit, Failure};
use crate::job::Summary;
use crate::key::Key;
use crate::lake::{Content, Lake, LakeError};
use crate::lineage::{EndResult, Ended};
use crate::manifest::{self, Drift, ManifestRef, Version};
use crate::partition::Partition;
use crate::run::{MAX_TASKS, RunId, Stage, Task};
use crate::settings::{CommonSettings, Years};
use crate::telemetry::milliseconds;

/// Maximum length of a cause in a hand-over, in bytes. The log has all of it; Cloud Workflows, which reads hand-overs,
/// has 512 KB for its variables (<https://cloud.google.com/workflows/quotas>).
const LONGEST_CAUSE: usize = 1_000;

/// The hand-over of one attempt of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// The format.
    pub manifest: Version,
    /// The stage that hands over.
    pub stage: Stage,
    /// The task, from 0.
    pub task: usize,
    /// The number of tasks that shared the stage.
    pub tasks: usize,
    /// The Cloud Run execution that the task belongs to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// What all tasks together were requested to work on.
    #[serde(flatten)]
    pub request: Request,
    /// When it was written.
    pub handed_over_at: Timestamp,
    /// The partitions to work on.
    pub partitions: BTreeMap<Partition, Handed>,
    /// The partitions that failed, in this stage or an earlier one.
    pub refused: BTreeMap<Partition, Refused>,
    /// Why a task of the extract stage does not know its years: the portal did not list them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_listed: Option<Refused>,
    /// What the task spent until then; `None` if a version of the job wrote it that did not record this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

/// What a task spent until it handed over, and what it made for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// How long the process ran.
    pub milliseconds: u64,
    /// Rows of the partitions that it produced, as in [`Summary`].
    pub row_count: u64,
    /// Bytes that it wrote for them.
    pub bytes_written: u64,
    /// Bytes that the warehouse billed.
    pub bytes_billed: u64,
}

/// What an execution of a stage was requested to work on.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// The years, from `YEARS`.
    pub years: Years,
    /// The manifests that replace the previous stage's hand-over, from `MANIFESTS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifests: Option<Vec<Key>>,
}

impl Request {
    /// Whether this request covers everything that `other` requests.
    fn covers(&self, other: &Self) -> bool {
        self == other || (self.manifests.is_none() && self.years.cover(&other.years))
    }
}

/// A partition that has not failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// The stage's result.
    #[serde(flatten)]
    pub manifest: ManifestRef,
    /// When the run's extract stage saw the source on the portal; `None` for manifests that an operator listed in
    /// `MANIFESTS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// When the publisher published it, by the latest statement; `None` if the publisher does not say. The same bytes may be
    /// published again under another date, so that manifests do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// What was odd about the publication itself, as opposed to its content, which manifests report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
}

impl Handed {
    /// Hands over a manifest that no run observed on the portal.
    #[must_use]
    pub fn of(manifest: ManifestRef) -> Self {
        Self {
            manifest,
            observed_at: None,
            published_at: None,
            drift: Vec::new(),
        }
    }

    /// Returns what a stage made of this as `manifest`.
    #[must_use]
    pub fn with(self, manifest: ManifestRef) -> Self {
        Self { manifest, ..self }
    }
}

/// A partition that a stage could not take further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The stage that failed.
    pub stage: Stage,
    /// The exit code of the failure.
    pub exit: u8,
    /// The failure, what it happened to and what to do; truncated if very long.
    pub cause: String,
    /// When the run's extract stage looked at the portal, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
}

impl Refused {
    /// Returns the refusal by `stage` because of `failure`.
    fn of(stage: Stage, failure: &Failure, observed_at: Option<Timestamp>) -> Self {
        Self {
            stage,
            exit: failure.exit().code(),
            cause: shortened(failure.to_string()),
            observed_at,
        }
    }
}

impl HandOver {
    /// Returns the key of an attempt's hand-over.
    pub fn key(run: &RunId, stage: Stage, task: usize, attempt: usize) -> Result<Key, Failure> {
        manifest::key(format!("runs/{run}/{stage}-{task}-{attempt}.json"))
    }
}

/// What a stage has to work on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    /// The partitions to work on.
    pub partitions: BTreeMap<Partition, Handed>,
    /// The partitions that an earlier stage refused, to be carried forward.
    pub refused: BTreeMap<Partition, Refused>,
}

impl Input {
    /// Returns the latest hand-over of each partition. `all` is in the order of writing.
    fn latest(all: impl IntoIterator<Item = HandOver>) -> Self {
        let mut input = Self::default();
        for hand_over in all {
            for (partition, handed) in hand_over.partitions {
                input.refused.remove(&partition);
                input.partitions.insert(partition, handed);
            }
            for (partition, refused) in hand_over.refused {
                input.partitions.remove(&partition);
                input.refused.insert(partition, refused);
            }
        }
        input
    }

    /// Removes the partitions that are not in `kept`.
    fn retain(&mut self, kept: &BTreeSet<Partition>) {
        self.partitions
            .retain(|partition, _| kept.contains(partition));
        self.refused.retain(|partition, _| kept.contains(partition));
    }
}

/// What the extract stage of a run was requested to extract, and whether it knew what to extract.
#[derive(Debug)]
pub struct Extraction {
    requests: Vec<Request>,
    /// Why a task, in its last attempt, did not know its years; `None` if all tasks did.
    pub not_listed: Option<Refused>,
}

impl Extraction {
    /// Reads the hand-overs of the stage in `run`.
    pub async fn of(lake: &Lake, run: &RunId) -> Result<Self, Failure> {
        let by_task = by_task(lake, run, Stage::Extract).await?;
        let mut latest = by_task.iter().filter_map(|attempts| attempts.last());
        let not_listed = latest.find_map(|hand_over| hand_over.not_listed.clone());
        let all = by_task.into_iter().flatten();
        Ok(Self {
            requests: all.map(|hand_over| hand_over.request).collect(),
            not_listed,
        })
    }

    /// Whether `year` was requested, whichever years are published.
    #[must_use]
    pub fn was_requested(&self, year: i16) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|request| request.years.require(year))
    }
}

/// The outcomes of a stage's partitions, until they are handed over.
#[derive(Debug)]
pub struct Outcomes {
    stage: Stage,
    summary: Summary,
    partitions: BTreeMap<Partition, Handed>,
    refused: BTreeMap<Partition, Refused>,
    not_listed: Option<Refused>,
    failures: BTreeMap<Partition, Failure>,
    ended: Vec<Ended>,
}

impl Outcomes {
    /// Starts with the partitions that an earlier stage refused.
    #[must_use]
    pub fn new(stage: Stage, refused: BTreeMap<Partition, Refused>) -> Self {
        Self {
            stage,
            summary: Summary::default(),
            partitions: BTreeMap::new(),
            refused,
            not_listed: None,
            failures: BTreeMap::new(),
            ended: Vec::new(),
        }
    }

    /// Records that the portal did not list the years, so that this task has none.
    pub fn add_not_listed(&mut self, observed_at: Timestamp, failure: &Failure) {
        self.not_listed = Some(Refused::of(self.stage, failure, Some(observed_at)));
    }

    /// Records the outcome of `partition`. A failure is logged and does not affect other partitions.
    pub fn add(
        &mut self,
        partition: Partition,
        observed_at: Option<Timestamp>,
        outcome: Result<(Handed, Summary), Failure>,
    ) {
        let ended = |result| Ended {
            partition,
            at: Timestamp::now(),
            observed_at,
            result,
        };
        match outcome {
            Ok((handed, summary)) => {
                let manifest = handed.manifest.clone();
                if summary.produced > 0 {
                    self.ended.push(ended(EndResult::Created(manifest)));
                } else if summary.found > 0 {
                    self.ended.push(ended(EndResult::Found(manifest)));
                }
                self.summary += summary;
                self.partitions.insert(partition, handed);
            }
            Err(failure) => {
                let exit = failure.exit().code();
                warn!(%partition, exit, cause = %failure, "partition refused");
                self.ended
                    .push(ended(EndResult::Failed(failure.to_string())));
                let refused = Refused::of(self.stage, &failure, observed_at);
                self.refused.insert(partition, refused);
                self.failures.insert(partition, failure);
            }
        }
    }

    /// Returns the refusal of `partition`; `None` if it is not refused.
    #[must_use]
    pub fn refusal(&self, partition: Partition) -> Option<&Refused> {
        self.refused.get(&partition)
    }

    /// Adds what belongs to no single partition.
    pub fn count(&mut self, summary: Summary) {
        self.summary += summary;
    }

    /// Records the lineage of all outcomes, and hands them over to the next stage.
    ///
    /// # Errors
    /// Fails if any of this stage's own partitions failed, after handing over the others. The error has the most severe
    /// exit code and lists every partition with its cause.
    pub async fn hand_over(self, settings: &CommonSettings) -> Result<Summary, Failure> {
        let worked_on = self.partitions.len() + self.failures.len();
        let spent = Spent {
            milliseconds: milliseconds(settings.started.elapsed()),
            row_count: self.summary.rows,
            bytes_written: self.summary.bytes,
            bytes_billed: self.summary.bytes_billed,
        };
        settings.lineage.end(self.stage, self.ended).await;
        let content = HandOver {
            manifest: Version::V1,
            stage: self.stage,
            task: settings.task.index(),
            tasks: settings.task.count(),
            execution: settings.execution.clone(),
            request: Request {
                years: settings.years.clone(),
                manifests: settings.manifests.clone(),
            },
            handed_over_at: Timestamp::now(),
            partitions: self.partitions,
            refused: self.refused,
            not_listed: self.not_listed,
            spent: Some(spent),
        };
        write(settings, &content).await?;
        let Some(exit) = self
            .failures
            .values()
            .map(Failure::exit)
            .max_by_key(|exit| exit.severity())
        else {
            return Ok(self.summary);
        };
        let causes: Vec<String> = self
            .failures
            .iter()
            .map(|(partition, failure)| format!("{partition}: {failure}"))
            .collect();
        Err(Failure::new(
            exit,
            anyhow::anyhow!(
                "{} of {worked_on} partitions were refused, the others are handed over: {}",
                causes.len(),
                causes.join("; ")
            ),
        ))
    }
}

/// Truncates a cause to [`LONGEST_CAUSE`].
fn shortened(mut cause: String) -> String {
    if cause.len() > LONGEST_CAUSE {
        cause.truncate(cause.floor_char_boundary(LONGEST_CAUSE));
        cause.push('…');
    }
    cause
}

/// Writes the hand-over of this attempt.
async fn write(settings: &CommonSettings, hand_over: &HandOver) -> Result<(), Failure> {
    let content = Bytes::from(manifest::to_json(hand_over));
    for attempt in 0.. {
        let key = HandOver::key(&settings.run_id, hand_over.stage, hand_over.task, attempt)?;
        let content = Content::Bytes(content.clone());
        match settings.lake.create(&key, content).await {
            Ok(_) => return Ok(()),
            // An earlier attempt already has this number.
            Err(LakeError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("there is always a next number")
}

/// Returns this task's share of what `stage` has to work on: the manifests listed in `MANIFESTS`, else what the previous
/// stage handed over in this run, reduced to `YEARS`.
///
/// # Errors
/// [`Exit::Configuration`] if there is neither, [`Exit::Upstream`] if a task has not handed over.
pub async fn input_of(settings: &CommonSettings, stage: Stage) -> Result<Input, Failure> {
    let mut input = match (&settings.manifests, stage.previous()) {
        (Some(keys), _) => named(settings, keys).await?,
        (None, Some(previous)) => handed_over(&settings.lake, &settings.run_id, previous).await?,
        (None, None) => Input::default(),
    };
    let all: BTreeSet<Partition> = input
        .partitions
        .keys()
        .chain(input.refused.keys())
        .copied()
        .collect();
    let latest = all.iter().filter_map(|partition| partition.year()).max();
    let selected = all.into_iter().filter(|partition| {
        partition
            .year()
            .is_none_or(|year| settings.years.include(year, latest.unwrap_or(year)))
    });
    input.retain(&settings.task.share(selected).collect());
    Ok(input)
}

async fn named(settings: &CommonSettings, keys: &[Key]) -> Result<Input, Failure> {
    let mut input = Input::default();
    for key in keys {
        let partition = partition_of(key)?;
        let bytes = manifest::read_bytes(&settings.lake, key).await?;
        let handed = Handed::of(ManifestRef::of(key.clone(), &bytes));
        if let Some(other) = input.partitions.insert(partition, handed) {
            return Err(Failure::new(
                Exit::Configuration,
                anyhow::anyhow!(
                    "MANIFESTS lists two manifests of {partition}, {} and {key}: list the one to work on",
                    other.manifest.key
                ),
            ));
        }
    }
    Ok(input)
}

/// Returns what all tasks of `stage` handed over in `run`: the latest hand-over of each partition.
///
/// # Errors
/// [`Exit::Configuration`] if nothing was handed over, [`Exit::Upstream`] if a task has not handed over.
pub async fn handed_over(lake: &Lake, run: &RunId, stage: Stage) -> Result<Input, Failure> {
    let all = all_attempts(lake, run, stage).await?;
    if all.is_empty() {
        let key = HandOver::key(run, stage, 0, 0)?;
        return Err(Failure::new(
            Exit::Configuration,
            anyhow::anyhow!(
                "{key} is not in the lake: run {run} has no hand-over of the {stage} stage. Set RUN_ID to a run that has, \
                 or MANIFESTS to the manifests to work on"
            ),
        ));
    }
    let executions = executions(&all);
    for execution in &executions {
        let missing = execution.missing_tasks();
        if !missing.is_empty() && !executions.iter().any(|other| other.replaces(execution)) {
            return Err(incomplete(run, stage, execution, &missing));
        }
    }
    Ok(Input::latest(all))
}

/// Returns what the tasks of one execution of `stage` handed over, or `None` unless all of them did.
///
/// This decides whether a run can continue after a failed execution.
pub async fn handed_over_by(
    lake: &Lake,
    run: &RunId,
    stage: Stage,
    execution: &str,
) -> Result<Option<Input>, Failure> {
    let mut all = all_attempts(lake, run, stage).await?;
    all.retain(|hand_over| hand_over.execution.as_deref() == Some(execution));
    let executions = executions(&all);
    let is_complete = match executions.as_slice() {
        [execution] => execution.missing_tasks().is_empty(),
        _ => false,
    };
    Ok(is_complete.then(|| Input::latest(all)))
}

/// One execution of a stage, as far as the hand-overs of its tasks show.
struct Execution<'a> {
    name: Option<&'a str>,
    tasks: usize,
    request: &'a Request,
    /// When each task last handed over.
    handed_over_at: BTreeMap<usize, Timestamp>,
}

impl Execution<'_> {
    fn missing_tasks(&self) -> Vec<usize> {
        let handed_over = |task: &usize| self.handed_over_at.contains_key(task);
        (0..self.tasks).filter(|task| !handed_over(task)).collect()
    }

    /// Whether this execution was complete, ran after `other` and covered all of it.
    fn replaces(&self, other: &Self) -> bool {
        self.missing_tasks().is_empty()
            && self.request.covers(other.request)
            && self.handed_over_at.values().min() > other.handed_over_at.values().max()
    }
}

/// Groups hand-overs by execution. Those without one, on a single machine, belong together if their requests are equal.
fn executions(all: &[HandOver]) -> Vec<Execution<'_>> {
    let mut executions = BTreeMap::new();
    for hand_over in all {
        let HandOver {
            task,
            tasks,
            request,
            handed_over_at,
            ..
        } = hand_over;
        let name = hand_over.execution.as_deref();
        let execution = executions
            .entry((name, *tasks, request))
            .or_insert(Execution {
                name,
                tasks: *tasks,
                request,
                handed_over_at: BTreeMap::new(),
            });
        let last = execution
            .handed_over_at
            .entry(*task)
            .or_insert(*handed_over_at);
        *last = (*last).max(*handed_over_at);
    }
    executions.into_values().collect()
}

/// Returns every hand-over of a stage, in the order of writing.
///
/// Attempt numbers order the hand-overs of one task, and clocks those of different tasks.
async fn all_attempts(lake: &Lake, run: &RunId, stage: Stage) -> Result<Vec<HandOver>, Failure> {
    let mut all = by_task(lake, run, stage).await?.concat();
    all.sort_by_key(|hand_over| (hand_over.handed_over_at, hand_over.task));
    Ok(all)
}

/// Returns the hand-overs of each task of a stage, in order of attempts.
pub(crate) async fn by_task(
    lake: &Lake,
    run: &RunId,
    stage: Stage,
) -> Result<Vec<Vec<HandOver>>, Failure> {
    let of_tasks = async |tasks: Range<usize>| {
        try_join_all(tasks.map(|task| attempts(lake, run, stage, task))).await
    };
    let mut all = of_tasks(0..MAX_TASKS).await?;
    let max_tasks = all.iter().flatten().map(|hand_over| hand_over.tasks).max();
    if let Some(tasks) = max_tasks.filter(|tasks| *tasks > MAX_TASKS) {
        all.extend(of_tasks(MAX_TASKS..tasks).await?);
    }
    Ok(all)
}

/// Returns every hand-over of a task, in order of attempts. A clock that was set back does not reorder them.
async fn attempts(
    lake: &Lake,
    run: &RunId,
    stage: Stage,
    task: usize,
) -> Result<Vec<HandOver>, Failure> {
    let mut found: Vec<HandOver> = Vec::new();
    loop {
        let key = HandOver::key(run, stage, task, found.len())?;
        let Some(bytes) = lake.read(&key).await? else {
            return Ok(found);
        };
        let mut hand_over: HandOver = manifest::from_json(&key, &bytes)?;
        let is_a_task = Task::new(hand_over.task, hand_over.tasks).is_ok();
        if (hand_over.stage, hand_over.task) != (stage, task) || !is_a_task {
            return Err(Failure::new(
                Exit::Bug,
                anyhow::anyhow!(
                    "{key} contains the hand-over of task {} of {} of the {} stage: check whether the lake was altered",
                    hand_over.task,
                    hand_over.tasks,
                    hand_over.stage
                ),
            ));
        }
        if let Some(earlier) = found.last() {
            hand_over.handed_over_at = hand_over.handed_over_at.max(earlier.handed_over_at);
        }
        found.push(hand_over);
    }
}

fn incomplete(run: &RunId, stage: Stage, execution: &Execution<'_>, missing: &[usize]) -> Failure {
    let tasks = execution.tasks;
    let missing: Vec<String> = missing.iter().map(usize::to_string).collect();
    let (noun, verb) = match missing.as_slice() {
        [_] => ("task", "has"),
        _ => ("tasks", "have"),
    };
    let name = execution
        .name
        .map(|name| format!(" in execution {name}"))
        .unwrap_or_default();
    Failure::upstream(anyhow::anyhow!(
        "{noun} {} of 0 to {} of the {stage} stage of run {run} {verb} not handed over{name}, which was killed or is still \
         running: execute the {stage} stage of run {run} again with YEARS={} and {tasks} tasks",
        missing.join(", "),
        tasks - 1,
        execution.request.years
    ))
}

/// Returns the partition that a manifest's key belongs to: `raw/service-requests/2023/…` or `clean/city-wards/…`.
fn partition_of(key: &Key) -> Result<Partition, Failure> {
    let mut segments = key.as_str().split('/').skip(1);
    let partition = match (segments.next(), segments.next()) {
        (Some("service-requests"), Some(year)) => year.parse(),
        (Some(dataset), Some(_)) => dataset.parse(),
        _ => Err(format!("{key} is not a manifest key")),
    };
    partition.map_err(|problem| {
        Failure::new(Exit::Configuration, anyhow::anyhow!("MANIFESTS: {problem}"))
    })
}
