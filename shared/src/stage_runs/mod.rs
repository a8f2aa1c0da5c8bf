//! What the stages of a run spent: rows of the table `stage_runs`, one per attempt of a task, from the hand-overs.
//!
//! The jobs that have the warehouse open record them: load-job those of the stages up to its own, dbt-runner its own. A
//! hand-over never changes, so that the first to come records it, and a replay records only its own.

use serde::Serialize;

use crate::exit::{Exit, Failure, OrFail as _};
use crate::hand_over::{self, Spent};
use crate::lake::Lake;
use crate::run::{RunId, Stage};
use crate::warehouse::microseconds;

/// Records the rows that the table lacks: a script for BigQuery with the parameters `run_id` and `stage_runs`, and
/// `{dataset}` to replace.
pub const IN_BIGQUERY: &str = include_str!("bigquery.sql");
/// The same as one statement for DuckDB, with the parameters in this order.
pub const IN_DUCKDB: &str = include_str!("duckdb.sql");

/// A row, without the run.
#[derive(Serialize)]
struct StageRun {
    stage: Stage,
    task: usize,
    attempt: usize,
    execution: Option<String>,
    handed_over_at: String,
    #[serde(flatten)]
    spent: Spent,
}

/// Returns what the tasks of a run spent in `stages`, as a JSON array; `None` if nothing is known, because earlier versions
/// of the jobs did not hand it over.
pub async fn of(lake: &Lake, run: &RunId, stages: &[Stage]) -> Result<Option<String>, Failure> {
    let mut rows = Vec::new();
    for &stage in stages {
        for attempts in hand_over::by_task(lake, run, stage).await? {
            let attempts = attempts.into_iter().enumerate();
            rows.extend(attempts.filter_map(|(attempt, hand_over)| {
                Some(StageRun {
                    stage,
                    task: hand_over.task,
                    attempt,
                    spent: hand_over.spent?,
                    execution: hand_over.execution,
                    handed_over_at: microseconds(hand_over.handed_over_at).to_string(),
                })
            }));
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&rows).map(Some).or_fail(Exit::Bug)
}
