//! The jobs of a load: an execution adopts the job that another one has started for the same work.

use std::collections::HashMap;

use shared::exit::Failure;
use shared::partition::Partition;
use shared::warehouse::Value;
use shared::warehouse::bigquery::model::{Job, JobConfiguration, Table as BigQueryTable};
use shared::warehouse::bigquery::{Attempts, BigQueryError, Finished, query_job};

use super::BigQueryWarehouse;
use crate::warehouse::Load;

/// The error of the transaction if another version of the partition was loaded meanwhile.
pub(super) const OVERTAKEN: &str = "another load of this partition came first";
/// The error of the transaction if the row count differs from the manifest's.
pub(super) const MISCOUNTED: &str =
    "the table would not contain the number of rows in the manifest";

/// The purpose of a job.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// Fills a staging table, which is created with this definition first.
    Stage(&'a str, &'a BigQueryTable),
    /// Loads a version of the partition that follows the version with this number.
    Replace(Partition, i64),
    /// Changes a table of records.
    Record,
    /// Inserts the row that transactions lock.
    Lock,
}

impl BigQueryWarehouse {
    /// Runs a statement that changes a table of records, with retries if a concurrent statement conflicts.
    pub(super) async fn record(
        &self,
        verb: &str,
        statement: &str,
        values: &[(&str, Value)],
    ) -> Result<(), Failure> {
        let configuration = self.change(statement, values);
        // Every execution records its own observations.
        let attempts = Attempts::of_own(verb);
        Box::pin(self.run(attempts, &configuration, Purpose::Record)).await?;
        Ok(())
    }

    /// Returns a statement that changes a table of records, as a job.
    pub(super) fn change(&self, statement: &str, values: &[(&str, Value)]) -> JobConfiguration {
        let labels = [("pipeline", "toronto-311"), ("stage", "load")];
        let query = query_job(self.named(statement), values);
        JobConfiguration::new().set_labels(labels).set_query(query)
    }

    /// Makes attempts of a job until one succeeds, skipping a job of another execution whose result no longer exists.
    ///
    /// # Errors
    /// The first failure of an own attempt that is not transient, or the last one.
    pub(super) async fn run(
        &self,
        mut attempts: Attempts,
        configuration: &JobConfiguration,
        purpose: Purpose<'_>,
    ) -> Result<Finished, Failure> {
        loop {
            if let Purpose::Stage(table, empty) = purpose {
                self.0.create_table(table, empty.clone()).await?;
            }
            let ended = self.0.attempt(&mut attempts, configuration).await;
            if let Some(finished) = ended.map_err(refused)?
                && (!finished.adopted || self.is_served(purpose, &finished.job).await?)
            {
                return Ok(finished);
            }
        }
    }

    /// Whether the result of `job` still exists.
    async fn is_served(&self, purpose: Purpose<'_>, job: &Job) -> Result<bool, Failure> {
        match purpose {
            Purpose::Stage(table, _) => {
                let current = self.0.table(&self.0.dataset().id, table).await?;
                let rows = current.and_then(|table| table.num_rows).unwrap_or_default();
                Ok(output_rows(job) == 0 || rows > 0)
            }
            Purpose::Replace(partition, current_number) => {
                let current = self.current(partition).await?;
                Ok(current.is_some_and(|current| current.number > current_number))
            }
            Purpose::Record => Ok(true),
            Purpose::Lock => self.has_lock().await,
        }
    }
}

/// Returns the failure of a job. If the load was overtaken, a retry reads the current version again.
fn refused(error: BigQueryError) -> Failure {
    let message = error.to_string();
    if message.contains(OVERTAKEN) {
        Failure::upstream(error)
    } else if message.contains(MISCOUNTED) {
        Failure::contract(error)
    } else {
        error.into()
    }
}

fn output_rows(job: &Job) -> i64 {
    let statistics = job
        .statistics
        .as_ref()
        .and_then(|statistics| statistics.load.as_ref());
    statistics
        .and_then(|load| load.output_rows)
        .unwrap_or_default()
}

/// Returns the attempts of a job whose id is the same for the same work after the same version, in any execution. Up to
/// 1,024 letters, digits, `_` and `-`: <https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid>.
pub(super) fn attempts(
    verb: &str,
    subject: &str,
    load: &Load<'_>,
    current_number: i64,
) -> Attempts {
    let manifest = load.manifest;
    Attempts::of(format!(
        "toronto_311_{verb}_{subject}_{}_{}_after_{current_number}",
        manifest.partition, manifest.fingerprint
    ))
}

pub(super) fn labels(load: &Load<'_>) -> HashMap<String, String> {
    let partition = load.manifest.partition.to_string();
    HashMap::from([
        ("pipeline".to_owned(), "toronto-311".to_owned()),
        ("stage".to_owned(), "load".to_owned()),
        ("partition".to_owned(), partition),
        (
            "fingerprint".to_owned(),
            load.manifest.fingerprint.to_string(),
        ),
    ])
}
