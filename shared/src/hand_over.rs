//! Hand-overs: what each stage of a run passes on to the next one.
//!
//! Every execution of a task writes one, at `runs/<run id>/<stage>-<task>-<attempt>.json`. Attempts of a task are numbered
//! from 0. For each partition the hand-over that was written last counts, whichever task wrote it: so a replay of one
//! year, with fewer tasks, replaces that year and leaves the others as they were.
//!
//! A partition that failed is handed over as well, as [`Refused`]. Later stages carry it forward and work on the others,
//! so that one bad year costs one year.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::exit::{Exit, Failure};
use crate::job::Summary;
use crate::lake::{Content, Key, Lake, LakeError};
use crate::manifest::{self, Drift, ManifestRef, Version};
use crate::partition::Partition;
use crate::run::{RunId, Stage};
use crate::settings::CommonSettings;

/// What one execution of a task passes on.
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
    /// The Cloud Run execution that the task belongs to, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// When it was written.
    pub handed_over_at: Timestamp,
    /// The partitions to work on.
    pub partitions: BTreeMap<Partition, Handed>,
    /// The partitions that failed, in this stage or an earlier one.
    pub refused: BTreeMap<Partition, Refused>,
}

/// A partition that is good so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// The stage's result.
    #[serde(flatten)]
    pub manifest: ManifestRef,
    /// When the run's extract stage saw on the portal what this was made from; `None` for manifests that an operator
    /// named by `MANIFESTS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// What was odd about the publication itself, as opposed to its content, which manifests report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
}

/// A partition that a stage could not take further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The stage that failed.
    pub stage: Stage,
    /// The exit code of the failure.
    pub exit: u8,
    /// The failure, with what it happened to and what to do.
    pub cause: String,
    /// When the run's extract stage looked at the portal, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
}

impl HandOver {
    /// The key of an attempt's hand-over.
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

/// What the partitions of a stage came to, until it hands them over.
#[derive(Debug)]
pub struct Outcomes {
    stage: Stage,
    summary: Summary,
    partitions: BTreeMap<Partition, Handed>,
    refused: BTreeMap<Partition, Refused>,
    failures: BTreeMap<Partition, Failure>,
}

impl Outcomes {
    /// No outcomes yet but for what an earlier stage refused.
    #[must_use]
    pub fn new(stage: Stage, refused: BTreeMap<Partition, Refused>) -> Self {
        Self {
            stage,
            summary: Summary::default(),
            partitions: BTreeMap::new(),
            refused,
            failures: BTreeMap::new(),
        }
    }

    /// Records what became of `partition`. A failure is logged, and costs this partition only.
    pub fn add(
        &mut self,
        partition: Partition,
        observed_at: Option<Timestamp>,
        outcome: Result<(Handed, Summary), Failure>,
    ) {
        match outcome {
            Ok((handed, summary)) => {
                self.summary += summary;
                self.partitions.insert(partition, handed);
            }
            Err(failure) => {
                let exit = failure.exit().code();
                warn!(%partition, exit, cause = %failure, "partition refused");
                let refused = Refused {
                    stage: self.stage,
                    exit,
                    cause: failure.to_string(),
                    observed_at,
                };
                self.refused.insert(partition, refused);
                self.failures.insert(partition, failure);
            }
        }
    }

    /// Hands all outcomes over to the next stage.
    ///
    /// # Errors
    /// The failures of this stage's own partitions, after the others were handed over: with the most severe exit code, and
    /// every partition and its cause in the message.
    pub async fn hand_over(self, settings: &CommonSettings) -> Result<Summary, Failure> {
        let worked_on = self.partitions.len() + self.failures.len();
        hand_over(settings, self.stage, self.partitions, self.refused).await?;
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

async fn hand_over(
    settings: &CommonSettings,
    stage: Stage,
    partitions: BTreeMap<Partition, Handed>,
    refused: BTreeMap<Partition, Refused>,
) -> Result<(), Failure> {
    let content = Bytes::from(manifest::to_json(&HandOver {
        manifest: Version::V1,
        stage,
        task: settings.task.index(),
        tasks: settings.task.count(),
        execution: settings.execution.clone(),
        handed_over_at: Timestamp::now(),
        partitions,
        refused,
    }));
    for attempt in 0.. {
        let key = HandOver::key(&settings.run_id, stage, settings.task.index(), attempt)?;
        let content = Content::Bytes(content.clone());
        match settings.lake.create(&key, content).await {
            Ok(_) => return Ok(()),
            Err(LakeError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("there is always a next number")
}

/// Returns this task's share of what `stage` has to work on: the manifests named by `MANIFESTS`, else what the previous
/// stage handed over in this run, reduced to `YEARS`.
///
/// # Errors
/// [`Exit::Configuration`] if there is neither, [`Exit::Upstream`] if a task has not handed over.
pub async fn input_of(settings: &CommonSettings, stage: Stage) -> Result<Input, Failure> {
    let Input {
        partitions,
        refused,
    } = match (&settings.manifests, stage.previous()) {
        (Some(keys), _) => named(settings, keys).await?,
        (None, Some(previous)) => handed_over(&settings.lake, &settings.run_id, previous).await?,
        (None, None) => Input::default(),
    };
    let all = partitions.keys().chain(refused.keys()).copied();
    let years = all.clone().filter_map(|partition| match partition {
        Partition::Year(year) => Some(year),
        _ => None,
    });
    let latest = years.max();
    let meant = all.filter(|partition| match partition {
        Partition::Year(year) => settings.years.include(*year, latest.unwrap_or(*year)),
        _ => true,
    });
    let meant: BTreeSet<Partition> = meant.collect();
    let share: Vec<Partition> = settings.task.share(meant).collect();
    let in_share = |partition: &Partition| share.contains(partition);
    Ok(Input {
        partitions: partitions
            .into_iter()
            .filter(|(partition, _)| in_share(partition))
            .collect(),
        refused: refused
            .into_iter()
            .filter(|(partition, _)| in_share(partition))
            .collect(),
    })
}

async fn named(settings: &CommonSettings, keys: &[Key]) -> Result<Input, Failure> {
    let mut input = Input::default();
    for key in keys {
        let partition = partition_of(key)?;
        let bytes = manifest::read_bytes(&settings.lake, key).await?;
        let handed = Handed {
            manifest: ManifestRef::of(key.clone(), &bytes),
            observed_at: None,
            drift: Vec::new(),
        };
        input.partitions.insert(partition, handed);
    }
    Ok(input)
}

/// Returns what all tasks of `stage` handed over in `run`, for each partition what was written last.
///
/// # Errors
/// [`Exit::Configuration`] if nothing was handed over, [`Exit::Upstream`] if a task is missing.
pub async fn handed_over(lake: &Lake, run: &RunId, stage: Stage) -> Result<Input, Failure> {
    let mut all = attempts(lake, run, stage, 0).await?;
    let tasks = all.iter().map(|hand_over| hand_over.tasks).max();
    let Some(tasks) = tasks else {
        let key = HandOver::key(run, stage, 0, 0)?;
        return Err(Failure::new(
            Exit::Configuration,
            anyhow::anyhow!(
                "{key} is not in the lake: run {run} has no hand-over of the {stage} stage. Set RUN_ID to a run that has, \
                 or MANIFESTS to the manifests to work on"
            ),
        ));
    };
    for task in 1..tasks {
        let of_task = attempts(lake, run, stage, task).await?;
        if of_task.is_empty() {
            return Err(missing(run, stage, task, tasks));
        }
        all.extend(of_task);
    }
    all.sort_by_key(|hand_over| (hand_over.handed_over_at, hand_over.task));
    if let Some(latest) = all.last()
        && let Some(execution) = &latest.execution
    {
        let of_execution = |task| {
            all.iter()
                .any(|other| other.task == task && other.execution.as_ref() == Some(execution))
        };
        if let Some(task) = (0..latest.tasks).find(|task| !of_execution(*task)) {
            return Err(
                missing(run, stage, task, latest.tasks).context(format!("execution {execution}"))
            );
        }
    }
    let mut outcomes: BTreeMap<Partition, Result<Handed, Refused>> = BTreeMap::new();
    for hand_over in all {
        let good = hand_over.partitions.into_iter();
        outcomes.extend(good.map(|(partition, handed)| (partition, Ok(handed))));
        let refused = hand_over.refused.into_iter();
        outcomes.extend(refused.map(|(partition, refused)| (partition, Err(refused))));
    }
    let mut input = Input::default();
    for (partition, outcome) in outcomes {
        match outcome {
            Ok(handed) => {
                input.partitions.insert(partition, handed);
            }
            Err(refused) => {
                input.refused.insert(partition, refused);
            }
        }
    }
    Ok(input)
}

/// Every hand-over of a task, first attempt first.
async fn attempts(
    lake: &Lake,
    run: &RunId,
    stage: Stage,
    task: usize,
) -> Result<Vec<HandOver>, Failure> {
    let mut found = Vec::new();
    loop {
        let key = HandOver::key(run, stage, task, found.len())?;
        let Some(bytes) = lake.read(&key).await? else {
            return Ok(found);
        };
        let hand_over: HandOver = manifest::from_json(&key, &bytes)?;
        if (hand_over.stage, hand_over.task) != (stage, task) {
            return Err(Failure::new(
                Exit::Bug,
                anyhow::anyhow!(
                    "{key} is the hand-over of task {} of {}: was the lake altered?",
                    hand_over.task,
                    hand_over.stage
                ),
            ));
        }
        found.push(hand_over);
    }
}

fn missing(run: &RunId, stage: Stage, task: usize, tasks: usize) -> Failure {
    Failure::upstream(anyhow::anyhow!(
        "task {task} of the {tasks} tasks of the {stage} stage of run {run} has not handed over: it was killed or still \
         runs. Execute the {stage} stage of this run again"
    ))
}

/// The partition a manifest's key belongs to: `raw/service-requests/2023/…` or `clean/city-wards/…`.
fn partition_of(key: &Key) -> Result<Partition, Failure> {
    let mut segments = key.as_str().split('/').skip(1);
    let partition = match (segments.next(), segments.next()) {
        (Some("service-requests"), Some(year)) => year.parse(),
        (Some(dataset), Some(_)) => dataset.parse(),
        _ => Err(format!("{key} is not the key of a manifest")),
    };
    partition.map_err(|problem| {
        Failure::new(Exit::Configuration, anyhow::anyhow!("MANIFESTS: {problem}"))
    })
}
