//! A run: its id, its stages, and the tasks that share a stage.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of tasks to look for in a run, however few left something: the maximum of Terraform's `max_tasks`. All tasks of
/// an execution but the last may have been killed.
pub(crate) const MAX_TASKS: usize = 20;
/// The most tasks that an execution can have: <https://cloud.google.com/run/docs/create-jobs>.
const MOST_TASKS: usize = 10_000;

/// Identifies one pass over the stages: letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Returns an id that sorts by time: `20261101T060000Z-4711`, where the number is the process id.
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
                "is {text:?}: use up to 128 letters, digits, '-' and '_'"
            ))
        }
    }
}

/// One of the processes that share a stage's partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    index: usize,
    count: usize,
}

impl Task {
    /// Returns task `index` of `count`.
    ///
    /// # Errors
    /// Describes the problem if `index` is not less than `count`, or `count` is more than Cloud Run has.
    pub fn new(index: usize, count: usize) -> Result<Self, String> {
        if index >= count {
            Err(format!(
                "is {index}: it must be less than the number of tasks, {count}"
            ))
        } else if count > MOST_TASKS {
            Err(format!("is one of {count} tasks: use at most {MOST_TASKS}"))
        } else {
            Ok(Self { index, count })
        }
    }

    /// Returns the task's number, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.index
    }

    /// Returns the number of tasks that share the stage.
    #[must_use]
    pub fn count(self) -> usize {
        self.count
    }

    /// Returns this task's share of `items`: every `count`th, which spreads large neighbours.
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
    /// Returns the stage's name in keys and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Extract => "extract",
            Stage::Transform => "transform",
            Stage::Load => "load",
            Stage::Dbt => "dbt",
        }
    }

    /// Returns the stage whose hand-over is this one's input.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_one_of_their_number() {
        assert!(Task::new(2, 3).is_ok());
        assert!(Task::new(3, 3).is_err());
        assert!(Task::new(0, 10_000).is_ok());
        assert!(Task::new(0, 10_001).is_err());
    }

    #[test]
    fn a_run_id_is_safe_in_a_key() {
        for good in ["20261101T060000Z-4711", "a_b", &"x".repeat(128)] {
            assert_eq!(good.parse::<RunId>().expect(good).to_string(), good);
        }
        for bad in ["", "a/b", "a.b", "ä", &"x".repeat(129)] {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn each_stage_reads_what_the_one_before_it_handed_over() {
        let stages = [Stage::Extract, Stage::Transform, Stage::Load, Stage::Dbt];
        let before = stages.map(Stage::previous);
        let mut expected = vec![None];
        expected.extend(stages[..3].iter().copied().map(Some));
        assert_eq!(before.as_slice(), expected);
        let names = stages.map(Stage::as_str);
        assert_eq!(names, ["extract", "transform", "load", "dbt"]);
    }

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
