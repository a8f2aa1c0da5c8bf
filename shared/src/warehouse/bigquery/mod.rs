//! BigQuery through its REST API (feature `bigquery`): named jobs, queries with parameters, and tables.

mod jobs;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use google_cloud_bigquery_v2::client::{JobService, TableService};
use google_cloud_bigquery_v2::model::{
    ErrorProto, QueryParameter, QueryParameterType, QueryParameterValue, QueryRequest, Table,
};
use google_cloud_gax::error::Error;
use google_cloud_gax::options::RequestOptionsBuilder;
use tokio::time::Instant;

use crate::exit::{Exit, Failure};
use crate::google::Emulator;
use crate::google::retries::{
    Retries, is_retryable_reason, is_transient_reason, reasons, shortened_in_tests, unthrottled,
};
use crate::warehouse::{Dataset, Value};

/// The clients' models of jobs and tables.
pub use google_cloud_bigquery_v2::model;
pub use jobs::{Attempts, Finished, query_job, unique_name};

/// How long to wait for a job.
const LONGEST_JOB: Duration = Duration::from_mins(30);
/// The longest wait for the answer to one request; a query that takes longer is polled.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);
/// How long a job that was accepted may not be found: <https://github.com/googleapis/python-bigquery/issues/2134>.
const LONGEST_UNSEEN: Duration = shortened_in_tests(Duration::from_mins(1));
/// How long BigQuery delays the answer to an unfinished query.
const LONGEST_POLL_MS: u32 = 30_000;

/// The least that is billed for each table that a statement reads, and the unit to which bytes are rounded up:
/// <https://cloud.google.com/bigquery/pricing#on_demand_pricing>.
const LEAST_BILLED: u64 = 10 << 20;
const UNIT_BILLED: u64 = 1 << 20;

/// Bytes that BigQuery billed this process.
static BILLED: AtomicU64 = AtomicU64::new(0);

/// Returns the bytes that BigQuery has billed for the queries and jobs of this process. Jobs that it adopted are billed to
/// the execution that started them.
#[must_use]
pub fn bytes_billed() -> u64 {
    BILLED.load(Ordering::Relaxed)
}

fn count_billed(bytes: Option<i64>) {
    let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok());
    BILLED.fetch_add(bytes.unwrap_or_default(), Ordering::Relaxed);
}

/// Why a BigQuery operation failed.
#[derive(Debug, thiserror::Error)]
pub enum BigQueryError {
    /// There are no credentials.
    #[error("cannot get credentials for BigQuery: set up Application Default Credentials")]
    Credentials(#[source] google_cloud_gax::client_builder::Error),
    /// A request failed.
    #[error("BigQuery request failed: {what}")]
    Request {
        /// The operation and its object.
        what: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// A job failed.
    #[error("BigQuery job {job}: {}", describe(errors))]
    Job {
        /// The job's project, location and id: `PROJECT:LOCATION.ID`.
        job: String,
        /// Its errors; the first ended the job. An error of a load names the file and the row.
        errors: Vec<ErrorProto>,
    },
    /// A job takes too long.
    #[error("BigQuery job {job} is not done after {} minutes", LONGEST_JOB.as_secs() / 60)]
    Unfinished {
        /// The job's project, location and id.
        job: String,
    },
    /// A job was accepted and cannot be found.
    #[error("BigQuery accepted job {job} and did not find it for {} s", LONGEST_UNSEEN.as_secs())]
    Unseen {
        /// The job's project, location and id.
        job: String,
    },
    /// A query returned an unexpected result.
    #[error("`{statement}` did not return a {expected}")]
    Unexpected {
        /// The statement.
        statement: String,
        /// The expected result.
        expected: &'static str,
    },
}

fn describe(errors: &[ErrorProto]) -> String {
    let mut described: Vec<String> = Vec::new();
    for error in errors {
        let at = if error.location.is_empty() {
            String::new()
        } else {
            format!(" at {}", error.location)
        };
        let text = format!("{}{at}: {}", error.reason, error.message);
        if !described.contains(&text) {
            described.push(text);
        }
    }
    described.join("; ")
}

impl BigQueryError {
    /// Whether a job ended for a transient reason:
    /// <https://cloud.google.com/bigquery/docs/error-messages>, and
    /// <https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency>.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let Self::Job { errors, .. } = self else {
            return false;
        };
        errors.first().is_some_and(|error| {
            is_retryable_reason(&error.reason) || error.message.contains("concurrent update")
        })
    }

    /// Whether an object exists that may not be read, or that is not shown yet.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        matches!(self.http_status(), Some(403 | 404))
    }

    /// Whether a table, a dataset or a job does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Job { errors, .. } => errors.first().is_some_and(|e| e.reason == "notFound"),
            _ => self.http_status() == Some(404),
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::Request { source, .. } => source.http_status_code(),
            _ => None,
        }
    }
}

impl From<BigQueryError> for Failure {
    fn from(error: BigQueryError) -> Self {
        let exit = match &error {
            BigQueryError::Credentials(_) => Exit::Configuration,
            BigQueryError::Request { source, .. } if source.is_authentication() => {
                Exit::Configuration
            }
            BigQueryError::Request { source, .. } => reasons(source)
                .find_map(exit_of_reason)
                .unwrap_or_else(|| match source.http_status_code() {
                    Some(401 | 403 | 404) => Exit::Configuration,
                    Some(400) => Exit::Bug,
                    _ => Exit::Upstream,
                }),
            BigQueryError::Job { .. } if error.is_transient() => Exit::Upstream,
            BigQueryError::Job { errors, .. } => match errors.first().map(|e| e.reason.as_str()) {
                // A file does not match its manifest.
                Some("invalid") => Exit::Contract,
                Some(reason) => exit_of_reason(reason).unwrap_or(Exit::Upstream),
                None => Exit::Upstream,
            },
            BigQueryError::Unfinished { .. } | BigQueryError::Unseen { .. } => Exit::Upstream,
            BigQueryError::Unexpected { .. } => Exit::Bug,
        };
        Failure::new(exit, error)
    }
}

/// Returns the exit for an error reason: <https://cloud.google.com/bigquery/docs/error-messages>.
fn exit_of_reason(reason: &str) -> Option<Exit> {
    match reason {
        "accessDenied"
        | "billingNotEnabled"
        | "billingTierLimitExceeded"
        | "blocked"
        | "bytesBilledLimitExceeded" => Some(Exit::Configuration),
        "invalidQuery" => Some(Exit::Bug),
        reason if is_transient_reason(reason) => Some(Exit::Upstream),
        _ => None,
    }
}

/// Returns named values as query parameters.
fn parameters(values: &[(&str, Value)]) -> Vec<QueryParameter> {
    let parameter = |(name, value): &(&str, Value)| {
        let (kind, text) = match value {
            Value::Text(text) => ("STRING", text.clone()),
            Value::Integer(number) => ("INT64", Some(number.to_string())),
            Value::Boolean(flag) => ("BOOL", Some(flag.to_string())),
        };
        let value = QueryParameterValue::new().set_or_clear_value(text);
        QueryParameter::new()
            .set_name(*name)
            .set_parameter_type(QueryParameterType::new().set_type(kind))
            .set_parameter_value(value)
    };
    values.iter().map(parameter).collect()
}

/// A dataset and its clients.
pub struct BigQuery {
    dataset: Dataset,
    jobs: JobService,
    tables: TableService,
}

impl BigQuery {
    /// Connects with Application Default Credentials, or to an emulator without credentials.
    ///
    /// Boxed and not async: the compiler translates an async function, and with it the clients' models of every answer, again
    /// in every crate that awaits it.
    pub fn connect(
        dataset: &Dataset,
        emulator: Option<&Emulator>,
    ) -> BoxFuture<'static, Result<Self, BigQueryError>> {
        let dataset = dataset.clone();
        let mut jobs = JobService::builder().with_retry_throttler(unthrottled());
        let mut tables = TableService::builder().with_retry_throttler(unthrottled());
        if let Some(emulator) = emulator {
            jobs = jobs
                .with_endpoint(emulator.url())
                .with_credentials(Emulator::credentials());
            tables = tables
                .with_endpoint(emulator.url())
                .with_credentials(Emulator::credentials());
        }
        Box::pin(async {
            Ok(Self {
                dataset,
                jobs: jobs.build().await.map_err(BigQueryError::Credentials)?,
                tables: tables.build().await.map_err(BigQueryError::Credentials)?,
            })
        })
    }

    /// Returns the dataset.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Returns `PROJECT.DATASET`, for statements.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.dataset.project, self.dataset.id)
    }

    /// Runs a query and returns its rows, each column as text.
    pub async fn query(
        &self,
        statement: &str,
        values: &[(&str, Value)],
    ) -> Result<Vec<Vec<Option<String>>>, BigQueryError> {
        let request = QueryRequest::new()
            .set_query(statement)
            .set_use_legacy_sql(false)
            .set_location(&self.dataset.location)
            .set_parameter_mode("NAMED")
            .set_query_parameters(parameters(values))
            .set_timeout_ms(LONGEST_POLL_MS);
        let query = self
            .jobs
            .query()
            .set_project_id(&self.dataset.project)
            .set_query_request(request);
        let failed = |source| BigQueryError::Request {
            what: format!("query `{statement}`"),
            source,
        };
        let unexpected = |expected| BigQueryError::Unexpected {
            statement: statement.to_owned(),
            expected,
        };
        let answer = Box::pin(with_retries(query).send()).await.map_err(failed)?;
        count_billed(answer.total_bytes_billed);
        let job = answer.job_reference.unwrap_or_default();
        // If a schema came back, the errors are only warnings.
        let has_columns = answer
            .schema
            .is_some_and(|schema| !schema.fields.is_empty());
        if !answer.errors.is_empty() && !has_columns {
            let (job, errors) = (self.job_name(&job.job_id), answer.errors);
            return Err(BigQueryError::Job { job, errors });
        }
        let mut rows = Vec::new();
        let mut page = (answer.job_complete, answer.rows, answer.page_token);
        let deadline = Instant::now() + LONGEST_JOB;
        loop {
            let (is_complete, page_rows, next) = page;
            let is_complete = is_complete.unwrap_or(true);
            for row in &page_rows {
                rows.push(cells(row).ok_or_else(|| unexpected("row of text"))?);
            }
            if is_complete && next.is_empty() {
                return Ok(rows);
            }
            if job.job_id.is_empty() {
                return Err(unexpected("job id"));
            }
            if !is_complete && Instant::now() > deadline {
                let job = self.job_name(&job.job_id);
                return Err(BigQueryError::Unfinished { job });
            }
            let get = self
                .jobs
                .get_query_results()
                .set_project_id(&job.project_id)
                .set_job_id(&job.job_id)
                .set_location(&self.dataset.location)
                .set_page_token(next)
                .set_timeout_ms(LONGEST_POLL_MS);
            let answer = Box::pin(with_retries(get).send()).await.map_err(failed)?;
            page = (answer.job_complete, answer.rows, answer.page_token);
        }
    }

    /// Runs a query and returns its single number.
    pub async fn query_count(
        &self,
        statement: &str,
        values: &[(&str, Value)],
    ) -> Result<u64, BigQueryError> {
        let rows = self.query(statement, values).await?;
        let cell = rows.into_iter().flatten().next().flatten();
        cell.and_then(|text| text.parse().ok())
            .ok_or_else(|| BigQueryError::Unexpected {
                statement: statement.to_owned(),
                expected: "number",
            })
    }

    fn job_name(&self, id: &str) -> String {
        let Dataset {
            project, location, ..
        } = &self.dataset;
        format!("{project}:{location}.{id}")
    }

    /// Returns the table `name` of `dataset`, `None` if it does not exist.
    pub async fn table(&self, dataset: &str, name: &str) -> Result<Option<Table>, BigQueryError> {
        let get = self
            .tables
            .get_table()
            .set_project_id(&self.dataset.project)
            .set_dataset_id(dataset)
            .set_table_id(name);
        let found = Box::pin(with_retries(get).send()).await;
        none_if_status(
            found.map_err(|source| self.refused("get", name, source)),
            404,
        )
    }

    /// Creates the table `name`, unless it exists.
    pub async fn create_table(&self, name: &str, table: Table) -> Result<(), BigQueryError> {
        let insert = self
            .tables
            .insert_table()
            .set_project_id(&self.dataset.project)
            .set_dataset_id(&self.dataset.id)
            .set_table(table);
        let made = Box::pin(with_retries(insert).send()).await;
        none_if_status(
            made.map_err(|source| self.refused("create", name, source)),
            409,
        )
        .map(|_| ())
    }

    /// Updates the properties in `change` of the table `name`, if it exists.
    pub async fn update_table(&self, name: &str, change: Table) -> Result<(), BigQueryError> {
        let patch = self
            .tables
            .patch_table()
            .set_project_id(&self.dataset.project)
            .set_dataset_id(&self.dataset.id)
            .set_table_id(name)
            .set_table(change);
        let changed = Box::pin(with_retries(patch).send()).await;
        none_if_status(
            changed.map_err(|source| self.refused("update", name, source)),
            404,
        )
        .map(|_| ())
    }

    /// Drops the table `name`, if it exists.
    pub async fn drop_table(&self, name: &str) -> Result<(), BigQueryError> {
        let delete = self
            .tables
            .delete_table()
            .set_project_id(&self.dataset.project)
            .set_dataset_id(&self.dataset.id)
            .set_table_id(name);
        let dropped = Box::pin(with_retries(delete).send()).await;
        none_if_status(
            dropped.map_err(|source| self.refused("drop", name, source)),
            404,
        )
        .map(|_| ())
    }

    fn refused(&self, verb: &str, table: &str, source: Error) -> BigQueryError {
        BigQueryError::Request {
            what: format!("{verb} table {}.{table}", self.path()),
            source,
        }
    }
}

/// Returns `None` in place of an error with `status`.
fn none_if_status<T>(
    result: Result<T, BigQueryError>,
    status: u16,
) -> Result<Option<T>, BigQueryError> {
    match result {
        Err(error) if error.http_status() == Some(status) => Ok(None),
        other => other.map(Some),
    }
}

/// Returns the request with retries. Every request is idempotent: tables and jobs have names, and creating one twice is
/// refused.
fn with_retries<R: RequestOptionsBuilder>(request: R) -> R {
    let retries = Retries::new();
    request
        .with_idempotency(true)
        .with_attempt_timeout(LONGEST_SILENCE)
        .with_retry_policy(retries.policy())
        .with_backoff_policy(retries.backoff())
}

/// Returns the cells of a row `{"f": [{"v": "text"}, {"v": null}]}`.
fn cells(row: &serde_json::Map<String, serde_json::Value>) -> Option<Vec<Option<String>>> {
    let cell = |cell: &serde_json::Value| match &cell["v"] {
        serde_json::Value::Null => Some(None),
        serde_json::Value::String(text) => Some(Some(text.clone())),
        _ => None,
    };
    row.get("f")?.as_array()?.iter().map(cell).collect()
}
