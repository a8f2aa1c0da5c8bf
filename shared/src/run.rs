//! A run: its id, the tasks that share it, and the hand-overs from stage to stage.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use crate::lake::{Content, Key, LakeError};
use crate::manifest::{self, ManifestRef, Version};
use crate::partition::Partition;
use crate::settings::CommonSettings;

/// Names one pass over the stages: letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// An id that sorts by time: `20261101T060000Z-4711`, the number being the process's.
    #[must_use]
    pub fn now() -> Self {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        Self(format!("{now}-{}", std::process::id()))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=128).contains(&text.len()) && text.bytes().all(valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "is {text:?}: give up to 128 letters, digits, '-' and '_'"
            ))
        }
    }
}

/// One process among those that share a stage's partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    index: usize,
    count: usize,
}

impl Task {
    /// Task `index` of `count`.
    ///
    /// # Errors
    /// What is wrong, unless `index` is less than `count`.
    pub fn new(index: usize, count: usize) -> Result<Self, String> {
        if index < count {
            Ok(Self { index, count })
        } else {
            Err(format!("is {index}: there are {count} tasks"))
        }
    }

    /// The task's number, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.index
    }

    /// This task's share of `items`: every `count`th, so that large neighbours are spread.
    pub fn share<T>(self, items: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        items.into_iter().skip(self.index).step_by(self.count)
    }
}

/// The stages, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Portal to raw files.
    Extract,
    /// Raw files to clean Parquet.
    Transform,
    /// Clean Parquet to the warehouse.
    Load,
    /// Warehouse tables to marts.
    Dbt,
}

impl Stage {
    /// The stage's name in keys and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Extract => "extract",
            Stage::Transform => "transform",
            Stage::Load => "load",
            Stage::Dbt => "dbt",
        }
    }

    /// The stage whose hand-over is this one's input.
    #[must_use]
    pub fn previous(self) -> Option<Stage> {
        match self {
            Stage::Extract => None,
            Stage::Transform => Some(Stage::Extract),
            Stage::Load => Some(Stage::Transform),
            Stage::Dbt => Some(Stage::Load),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one task of a stage gives to the next stage, at `runs/<run_id>/<stage>-<number>.json`: the manifests it made or
/// found, by partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// The format.
    pub manifest: Version,
    /// The stage that hands over.
    pub stage: Stage,
    /// The manifest of each partition.
    pub manifests: BTreeMap<Partition, ManifestRef>,
}

fn hand_over_key(run: &RunId, stage: Stage, number: usize) -> Result<Key, Failure> {
    manifest::key(format!("runs/{run}/{stage}-{number}.json"))
}

/// Hands `manifests` over to the next stage.
///
/// A run's hand-overs never change. Where this task's own number holds another hand-over, of an earlier execution that
/// found other manifests (a replay of some years, or after a rule was mended), the next number of this task is taken:
/// `index`, `index + count`, `index + 2 count` and so on. Readers give the highest number the last word.
pub async fn hand_over(
    settings: &CommonSettings,
    stage: Stage,
    manifests: BTreeMap<Partition, ManifestRef>,
) -> Result<(), Failure> {
    let content = Bytes::from(manifest::to_json(&HandOver {
        manifest: Version::V1,
        stage,
        manifests,
    }));
    let Task { index, count } = settings.task;
    for number in (index..).step_by(count) {
        let key = hand_over_key(&settings.run_id, stage, number)?;
        match settings
            .lake
            .create(&key, Content::Bytes(content.clone()))
            .await
        {
            Ok(_) => return Ok(()),
            Err(LakeError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("the numbers do not end")
}

/// This task's share of what `stage` has to work on: the manifests named by `MANIFESTS`, else those that the previous
/// stage handed over in this run, reduced to `YEARS`.
///
/// # Errors
/// [`Exit::Configuration`] if there is neither.
pub async fn input_of(
    settings: &CommonSettings,
    stage: Stage,
) -> Result<BTreeMap<Partition, ManifestRef>, Failure> {
    let manifests = match &settings.manifests {
        Some(keys) => named(settings, keys).await?,
        None => handed_over(settings, stage).await?,
    };
    let latest = manifests
        .keys()
        .filter_map(|partition| match partition {
            Partition::Year(year) => Some(*year),
            _ => None,
        })
        .max();
    let meant = manifests
        .into_iter()
        .filter(|(partition, _)| match partition {
            Partition::Year(year) => settings.years.include(*year, latest.unwrap_or(*year)),
            _ => true,
        });
    Ok(settings.task.share(meant).collect())
}

async fn named(
    settings: &CommonSettings,
    keys: &[Key],
) -> Result<BTreeMap<Partition, ManifestRef>, Failure> {
    let mut manifests = BTreeMap::new();
    for key in keys {
        let partition = partition_of(key)?;
        let bytes = manifest::read_bytes(&settings.lake, key).await?;
        manifests.insert(partition, ManifestRef::of(key.clone(), &bytes));
    }
    Ok(manifests)
}

async fn handed_over(
    settings: &CommonSettings,
    stage: Stage,
) -> Result<BTreeMap<Partition, ManifestRef>, Failure> {
    let Some(previous) = stage.previous() else {
        return Ok(BTreeMap::new());
    };
    let mut manifests = BTreeMap::new();
    for number in 0.. {
        let key = hand_over_key(&settings.run_id, previous, number)?;
        let Some(bytes) = settings.lake.read(&key).await? else {
            if number == 0 {
                return Err(Failure::new(
                    Exit::Configuration,
                    anyhow::anyhow!(
                        "{key} is not in the lake: run {} has no hand-over of the {previous} stage. Set RUN_ID to a run \
                         that has, or MANIFESTS to the manifests to work on",
                        settings.run_id
                    ),
                ));
            }
            break;
        };
        let hand_over: HandOver = manifest::from_json(&key, &bytes)?;
        manifests.extend(hand_over.manifests);
    }
    Ok(manifests)
}

/// The partition a manifest's key belongs to: `raw/service-requests/2023/…` or `clean/city-wards/…`.
fn partition_of(key: &Key) -> Result<Partition, Failure> {
    let mut segments = key.as_str().split('/').skip(1);
    let partition = match (segments.next(), segments.next()) {
        (Some("service-requests"), Some(year)) => year.parse(),
        (Some(dataset), Some(_)) => dataset.parse(),
        _ => Err(format!("{key} is no manifest's key")),
    };
    partition.map_err(|problem| {
        Failure::new(Exit::Configuration, anyhow::anyhow!("MANIFESTS: {problem}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_share_all_items_once() {
        let mut shared: Vec<usize> = (0..3)
            .flat_map(|index| {
                let task = Task::new(index, 3).expect("valid");
                task.share(0..17).collect::<Vec<_>>()
            })
            .collect();
        shared.sort_unstable();
        assert_eq!(shared, (0..17).collect::<Vec<_>>());
    }
}
