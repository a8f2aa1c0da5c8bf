//! Named jobs, so that a retry adopts a running one. A name can be used once, so that each attempt has its own.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use google_cloud_bigquery_v2::model::{Job, JobConfiguration, JobConfigurationQuery, JobReference};
use google_cloud_gax::error::Error;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    BigQuery, BigQueryError, LEAST_BILLED, LONGEST_JOB, LONGEST_UNSEEN, UNIT_BILLED, count_billed,
    parameters, with_retries,
};
use crate::telemetry::milliseconds;
use crate::warehouse::Value;

/// Pauses before the next attempt of a job, for longer than the transaction of another run usually takes.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(200))
    .with_max_delay(Duration::from_secs(30))
    .with_jitter()
    .without_max_times()
    .with_total_delay(Some(Duration::from_mins(10)));

/// A finished job.
pub struct Finished {
    /// Its id.
    pub id: String,
    /// The job, with its statistics.
    pub job: Job,
    /// Whether an earlier execution had started it.
    pub adopted: bool,
}

/// The attempts of a job.
pub struct Attempts {
    id: String,
    number: u32,
    pauses: ExponentialBackoff,
}

impl Attempts {
    /// Returns the attempts of the job `id`. From the second one on, a number is appended.
    pub fn of(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            number: 0,
            pauses: PAUSES.build(),
        }
    }

    /// Returns the attempts of a job that no other process adopts: `toronto_311_{verb}_{unique}`.
    #[must_use]
    pub fn of_own(verb: &str) -> Self {
        Self::of(format!("toronto_311_{verb}_{}", unique_name()))
    }

    /// Returns the id of the next attempt.
    fn next_id(&mut self) -> String {
        self.number += 1;
        match self.number {
            1 => self.id.clone(),
            number => format!("{}_{number}", self.id),
        }
    }
}

/// Returns 32 hexadecimal digits that no other process has.
#[must_use]
pub fn unique_name() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Returns the configuration of a job that runs `statement`, or a script, with named `values`.
#[must_use]
pub fn query_job(statement: impl Into<String>, values: &[(&str, Value)]) -> JobConfigurationQuery {
    JobConfigurationQuery::new()
        .set_query(statement)
        .set_use_legacy_sql(false)
        .set_parameter_mode("NAMED")
        .set_query_parameters(parameters(values))
}

impl BigQuery {
    /// Makes the next attempt of a job. Returns `None` if another one is needed: after a pause if this one failed for a
    /// transient reason, and at once if it was started by another execution and failed or cannot be read.
    /// `roles/bigquery.jobUser` reads only its own jobs
    /// (<https://cloud.google.com/bigquery/docs/access-control#bigquery.jobUser>).
    ///
    /// # Errors
    /// A failure of an own attempt that is not transient, or the last one.
    pub async fn attempt(
        &self,
        attempts: &mut Attempts,
        configuration: &JobConfiguration,
    ) -> Result<Option<Finished>, BigQueryError> {
        let id = attempts.next_id();
        match Box::pin(self.run(&id, configuration.clone())).await {
            Ok(finished) => Ok(Some(finished)),
            Err((error, true))
                if matches!(error, BigQueryError::Job { .. }) || error.is_hidden() =>
            {
                info!(job = id, cause = %error, "job of another execution skipped");
                Ok(None)
            }
            Err((error, _)) => {
                let pause = attempts.pauses.next().filter(|_| error.is_transient());
                let Some(pause) = pause else {
                    return Err(error);
                };
                warn!(job = id, cause = %error, milliseconds = milliseconds(pause), "job failed, retrying");
                sleep(pause).await;
                Ok(None)
            }
        }
    }

    /// Starts the job `id`, or adopts the existing one with that id, and waits until it is done.
    ///
    /// # Errors
    /// [`BigQueryError::Job`] if the job fails. The second value is whether it was adopted.
    pub async fn run(
        &self,
        id: &str,
        configuration: JobConfiguration,
    ) -> Result<Finished, (BigQueryError, bool)> {
        let reference = JobReference::new().set_job_id(id);
        let (inserted, adopted) = match self.insert(reference, configuration).await {
            Ok(job) => (Some(job), false),
            Err(error) if error.http_status_code() == Some(409) => (None, true),
            Err(source) => {
                let what = format!("start job {}", self.job_name(id));
                return Err((BigQueryError::Request { what, source }, false));
            }
        };
        let done = self.wait(id, inserted).await.map_err(|error| {
            if error.is_not_found() && !adopted {
                let job = self.job_name(id);
                return BigQueryError::Unseen { job };
            }
            error
        });
        let job = done.map_err(|error| (error, adopted))?;
        if !adopted {
            let statistics = job.statistics.as_ref();
            let query = statistics.and_then(|statistics| statistics.query.as_ref());
            count_billed(query.and_then(|query| query.total_bytes_billed));
        }
        let status = job.status.clone().unwrap_or_default();
        if let Some(error) = status.error_result {
            let mut errors = vec![error];
            errors.extend(status.errors);
            let job = self.job_name(id);
            return Err((BigQueryError::Job { job, errors }, adopted));
        }
        Ok(Finished {
            id: id.to_owned(),
            job,
            adopted,
        })
    }

    /// Polls a job that BigQuery has accepted until it is done. `latest` is what is known of it.
    async fn wait(&self, id: &str, mut latest: Option<Job>) -> Result<Job, BigQueryError> {
        let (accepted, mut pause) = (Instant::now(), Duration::from_millis(50));
        loop {
            if let Some(job) = latest
                && job
                    .status
                    .as_ref()
                    .is_some_and(|status| status.state == "DONE")
            {
                return Ok(job);
            }
            if accepted.elapsed() > LONGEST_JOB {
                let job = self.job_name(id);
                return Err(BigQueryError::Unfinished { job });
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            latest = match self.job(id).await {
                Err(error) if error.is_not_found() && accepted.elapsed() < LONGEST_UNSEEN => None,
                job => Some(job?),
            };
        }
    }

    /// Returns the most bytes that a statement would be billed, without running it:
    /// <https://cloud.google.com/bigquery/docs/running-queries#dry-run>. Of clustered tables, less may be read. Values may
    /// be left out if the bytes do not depend on them: a dry run accepts parameters that are not declared
    /// (<https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatistics2>).
    pub async fn estimate(
        &self,
        statement: &str,
        values: &[(&str, Value)],
    ) -> Result<u64, BigQueryError> {
        let query = query_job(statement, values).set_use_query_cache(false);
        let configuration = JobConfiguration::new().set_dry_run(true).set_query(query);
        let answer = self.insert(JobReference::new(), configuration).await;
        let job = answer.map_err(|source| BigQueryError::Request {
            what: format!("estimate `{statement}`"),
            source,
        })?;
        let statistics = job.statistics.unwrap_or_default().query.unwrap_or_default();
        let processed = statistics.total_bytes_processed.unwrap_or_default();
        let tables = statistics.referenced_tables.len() as u64;
        Ok(match u64::try_from(processed).unwrap_or_default() {
            0 => 0,
            bytes => (bytes + tables.max(1) * LEAST_BILLED).next_multiple_of(UNIT_BILLED),
        })
    }

    /// Inserts a job in the dataset's project and location.
    async fn insert(
        &self,
        reference: JobReference,
        configuration: JobConfiguration,
    ) -> Result<Job, Error> {
        let reference = reference
            .set_project_id(&self.dataset.project)
            .set_location(self.dataset.location.clone());
        let job = Job::new()
            .set_job_reference(reference)
            .set_configuration(configuration);
        let insert = self
            .jobs
            .insert_job()
            .set_project_id(&self.dataset.project)
            .set_job(job);
        Box::pin(with_retries(insert).send()).await
    }

    async fn job(&self, id: &str) -> Result<Job, BigQueryError> {
        let get = self
            .jobs
            .get_job()
            .set_project_id(&self.dataset.project)
            .set_job_id(id)
            .set_location(&self.dataset.location);
        let job = Box::pin(with_retries(get).send()).await;
        job.map_err(|source| BigQueryError::Request {
            what: format!("get job {}", self.job_name(id)),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use emulators::{Fault, FaultKind, Proxy, Service, google_error};

    use super::*;
    use crate::warehouse::Dataset;

    /// Returns a client and the service that it uses, which has no job.
    async fn without_jobs() -> (BigQuery, Proxy) {
        let proxy = Proxy::start(Service::Proxy, "http://127.0.0.1:9").expect("a proxy");
        let emulator = proxy.url().parse().expect("a loopback address");
        let dataset = Dataset {
            project: "p".to_owned(),
            id: "d".to_owned(),
            location: "US".to_owned(),
        };
        let bigquery = Box::pin(BigQuery::connect(&dataset, Some(&emulator)));
        proxy.fault(
            Fault::new("/jobs/j", google_error(404, "notFound"))
                .method("GET")
                .times(u32::MAX),
        );
        (bigquery.await.expect("a client"), proxy)
    }

    /// Returns a fault: the answer to a request to insert a job.
    fn inserted(answer: FaultKind) -> Fault {
        Fault::new("/jobs", answer).method("POST")
    }

    fn job_that_is(state: &str) -> FaultKind {
        FaultKind::Answer {
            status: 200,
            headers: Vec::new(),
            body: format!(r#"{{"status": {{"state": "{state}"}}}}"#),
        }
    }

    /// Its id is taken, and BigQuery does not find it.
    #[tokio::test]
    async fn a_job_of_another_execution_that_is_never_found_is_replaced() {
        let (bigquery, proxy) = Box::pin(without_jobs()).await;
        proxy.fault(inserted(google_error(409, "duplicate")));
        proxy.fault(inserted(job_that_is("DONE")));
        let (mut attempts, configuration) = (Attempts::of("j"), JobConfiguration::new());
        let skipped = Box::pin(bigquery.attempt(&mut attempts, &configuration)).await;
        assert!(skipped.expect("another attempt").is_none());
        let finished = Box::pin(bigquery.attempt(&mut attempts, &configuration)).await;
        let finished = finished.expect("a job").expect("a job that is done");
        assert_eq!((finished.id.as_str(), finished.adopted), ("j_2", false));
    }

    #[tokio::test]
    async fn an_own_job_that_is_never_found_is_an_error() {
        let (bigquery, proxy) = Box::pin(without_jobs()).await;
        proxy.fault(inserted(job_that_is("RUNNING")));
        let mut attempts = Attempts::of("j");
        let lost = Box::pin(bigquery.attempt(&mut attempts, &JobConfiguration::new())).await;
        assert!(matches!(lost, Err(BigQueryError::Unseen { .. })));
    }

    /// That of a year takes tens of seconds, and one run loads many years.
    #[test]
    fn attempts_outlast_the_transactions_of_another_run() {
        let all: Duration = PAUSES.build().sum();
        let expected = Duration::from_mins(8)..=Duration::from_mins(10);
        assert!(expected.contains(&all), "{all:?}");
    }
}
