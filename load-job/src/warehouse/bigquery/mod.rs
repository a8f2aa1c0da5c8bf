//! The warehouse in a dataset of BigQuery.

mod definition;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use shared::contract::{Contract, Table};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::google::Emulator;
use shared::manifest::Drift;
use shared::partition::{Dataset, Partition};
use shared::run::RunId;
use shared::warehouse::bigquery::model::{
    Job, JobConfiguration, JobConfigurationLoad, JobConfigurationQuery, Table as BigQueryTable,
    TableReference, TableSchema,
};
use shared::warehouse::bigquery::{BigQuery, BigQueryError, Finished, parameters};
use shared::warehouse::{self, Value};
use tokio::time::sleep;
use tracing::{info, warn};

use super::{
    Changes, Held, Load, Loaded, Observed, Refusal, Target, Verdict, differences, history,
    is_other_content, miscounted, refuse_stale, targets, time,
};

/// How often an execution tries a job itself: another load may change the same tables.
const MOST_ATTEMPTS: u32 = 8;
/// What a staging table is removed after if the load that made it died.
const STAGING_LIFETIME: Duration = Duration::from_hours(24);
/// What the transaction ends with if another version of the partition was loaded since it was looked up.
const OVERTAKEN: &str = "another load of this partition came first";
/// What it ends with if it would load other rows than the manifest counts.
const MISCOUNTED: &str = "the table would not hold the rows that the manifest counts";

/// The requests held of a year.
const ROWS_OF_YEAR: &str = "\
    SELECT COUNT(*) FROM `{dataset}.service_requests` \
    WHERE source_year = @year \
    AND created_at >= CAST(@year_begins AS TIMESTAMP) AND created_at < CAST(@year_is_over AS TIMESTAMP)";

pub(crate) struct BigQueryWarehouse(BigQuery);

impl BigQueryWarehouse {
    pub(super) async fn open(
        dataset: &warehouse::Dataset,
        emulator: Option<&Emulator>,
    ) -> Result<Self, Failure> {
        let warehouse = Self(BigQuery::connect(dataset, emulator).await?);
        for contract in Contract::all() {
            for table in &contract.tables {
                warehouse.make_table(contract, table).await?;
            }
        }
        Ok(warehouse)
    }

    /// `statement` with the dataset's name, which a statement cannot bind.
    fn named(&self, statement: &str) -> String {
        statement.replace("{dataset}", &self.0.path())
    }

    /// Makes the table from the contract, or adds the columns that the contract has gained.
    async fn make_table(&self, contract: &Contract, table: &Table) -> Result<(), Failure> {
        let id = &self.0.dataset().id;
        let mut found = self.0.table(id, &table.name).await?;
        if found.is_none() {
            let definition = definition::table(self.reference(&table.name), table);
            self.0.make_table(&table.name, definition).await?;
            found = self.0.table(id, &table.name).await?;
        }
        if let Some(found) = &found
            && let Some(difference) = definition::layout_difference(found, table)
        {
            return Err(Refusal::OtherLayout {
                table: table.name.clone(),
                difference,
            }
            .into());
        }
        let fields = found
            .and_then(|table| table.schema)
            .unwrap_or_default()
            .fields;
        let kinds: BTreeMap<&str, &str> = fields
            .iter()
            .map(|field| (field.name.as_str(), definition::standard(&field.r#type)))
            .collect();
        let mut gained = Vec::new();
        for column in &table.columns {
            let expected = column.bigquery.as_str();
            match kinds.get(column.name.as_str()) {
                Some(kind) if *kind == expected => {}
                None if !column.required => gained.push(column),
                other => {
                    return Err(Refusal::OtherTable {
                        table: table.name.clone(),
                        column: column.name.clone(),
                        found: other.map_or("missing", |kind| kind).to_owned(),
                        expected: expected.to_owned(),
                        version: contract.version.clone(),
                    }
                    .into());
                }
            }
        }
        if gained.is_empty() {
            return Ok(());
        }
        for column in &gained {
            info!(table = table.name, column = column.name, "column added");
        }
        let fields = fields
            .into_iter()
            .chain(gained.into_iter().map(definition::field));
        let change = BigQueryTable::new().set_schema(TableSchema::new().set_fields(fields));
        Ok(self.0.change_table(&table.name, change).await?)
    }

    fn reference(&self, table: &str) -> TableReference {
        TableReference::new()
            .set_project_id(&self.0.dataset().project)
            .set_dataset_id(&self.0.dataset().id)
            .set_table_id(table)
    }

    pub(super) async fn load(&self, load: &Load<'_>) -> Result<Loaded, Failure> {
        let manifest = load.manifest;
        let held = self.held(manifest.partition).await?;
        let number = held.as_ref().map_or(0, |held| held.number);
        if let Some(held) = held.as_ref().filter(|_| !load.force) {
            if held.fingerprint == manifest.fingerprint.as_str() {
                match self.verify(load).await {
                    Ok(()) => {
                        // A load that was killed after its transaction has left them.
                        for table in staging_tables(load) {
                            self.0.drop_table(&table).await?;
                        }
                        return Ok(Loaded::Found);
                    }
                    Err(altered) => {
                        warn!(partition = %manifest.partition, cause = %altered, "the table was altered: loading again");
                    }
                }
            }
            refuse_stale(load, held)?;
        }
        let staged = Box::pin(self.stage(load, number)).await?;
        let changes = self.count_changes(load, held.as_ref(), &staged[0]).await?;
        let drift = changes.drift(manifest, held.as_ref());
        let values = values(load, held.as_ref(), changes, &drift)?;
        let adopted = Box::pin(self.replace(load, number, &values, &staged)).await?;
        for table in staged {
            self.0.drop_table(&table).await?;
        }
        Ok(if adopted {
            Loaded::Found
        } else {
            Loaded::Replaced { drift }
        })
    }

    pub(super) async fn observe(&self, observed: &[Observed<'_>]) -> Result<(), Failure> {
        let statement = self.named(include_str!("current.sql"));
        let current = self.0.query(&statement, &[]).await?;
        let is_current = |observed: &&Observed<'_>| {
            let row = [observed.partition.to_string(), observed.sha256.to_owned()].map(Some);
            current.iter().any(|held| *held == row)
        };
        let observed: Vec<serde_json::Value> = observed
            .iter()
            .filter(is_current)
            .map(
                |Observed {
                     partition,
                     sha256,
                     at,
                 }| {
                    json!({"partition": partition, "sha256": sha256, "observed_at": at.to_string()})
                },
            )
            .collect();
        if observed.is_empty() {
            return Ok(());
        }
        let observed = serde_json::Value::from(observed).to_string();
        let values = [("observed", observed.into())];
        self.record("observe", include_str!("observe.sql"), &values)
            .await
    }

    pub(super) async fn judge(&self, verdicts: &[Verdict], run_id: &RunId) -> Result<(), Failure> {
        let statement = self.named("SELECT COUNT(*) FROM `{dataset}.refusals`");
        if verdicts.iter().all(|verdict| verdict.refused.is_none())
            && self.0.query_count(&statement, &[]).await? == 0
        {
            return Ok(());
        }
        let verdicts: Vec<serde_json::Value> = verdicts
            .iter()
            .map(|verdict| {
                json!({
                    "partition": verdict.partition,
                    "observed_at": verdict.observed_at.to_string(),
                    "stage": verdict.refused.as_ref().map(|refused| refused.stage),
                    "exit_code": verdict.refused.as_ref().map(|refused| refused.exit),
                    "cause": verdict.cause(),
                })
            })
            .collect();
        let verdicts = serde_json::Value::from(verdicts).to_string();
        let values = [
            ("verdicts", verdicts.into()),
            ("run_id", run_id.to_string().into()),
        ];
        self.record("judge", include_str!("judge.sql"), &values)
            .await
    }

    /// Runs a statement that changes a table of records, however often another one changes it at the same time.
    async fn record(
        &self,
        verb: &str,
        statement: &str,
        values: &[(&str, Value)],
    ) -> Result<(), Failure> {
        let query = query(self.named(statement), values);
        let labels = [("pipeline", "toronto-311"), ("stage", "load")];
        let configuration = JobConfiguration::new().set_labels(labels).set_query(query);
        // Every execution records what it has seen, so that no two jobs have one name.
        let id = format!("toronto_311_{verb}_{}_{}", std::process::id(), now_ms());
        Box::pin(self.run(&id, &configuration, Purpose::Record)).await?;
        Ok(())
    }

    /// Compares the staged version with the one held. Nothing of it has changed when the transaction begins, or another
    /// load came first.
    async fn count_changes(
        &self,
        load: &Load<'_>,
        held: Option<&Held>,
        staged_rows: &str,
    ) -> Result<Changes, Failure> {
        let partition = load.manifest.partition;
        if held.is_none() || partition.dataset() != Dataset::ServiceRequests {
            return Ok(Changes::default());
        }
        let values = year(partition);
        let before = self
            .0
            .query_count(&self.named(ROWS_OF_YEAR), &values)
            .await?;
        let mut changes = Changes {
            before,
            ..Changes::default()
        };
        let statement = self
            .named(include_str!("count_changes.sql"))
            .replace("{staged_rows}", staged_rows);
        changes.add(&self.0.query(&statement, &values).await?)?;
        Ok(changes)
    }

    async fn held(&self, partition: Partition) -> Result<Option<Held>, Failure> {
        let statement = self.named(include_str!("held.sql"));
        let values = [("partition", partition.to_string().into())];
        let mut rows = self.0.query(&statement, &values).await?;
        rows.pop().map(Held::from_row).transpose()
    }

    async fn verify(&self, load: &Load<'_>) -> Result<(), Failure> {
        let partition = load.manifest.partition;
        for Target { table, rows } in targets(load.manifest) {
            let is_by_year = matches!(partition, Partition::Year(_));
            let condition = match table.name.as_str() {
                "service_requests" => {
                    "WHERE source_year = @year AND created_at >= CAST(@year_begins AS TIMESTAMP) \
                     AND created_at < CAST(@year_is_over AS TIMESTAMP)"
                }
                _ if is_by_year => "WHERE source_year = @year",
                _ => "",
            };
            let statement = format!(
                "SELECT COUNT(*) FROM `{}.{}` {condition}",
                self.0.path(),
                table.name
            );
            let counted = self.0.query_count(&statement, &year(partition)).await?;
            if counted != rows {
                return Err(miscounted(load, table, counted, rows));
            }
        }
        Ok(())
    }

    /// Loads the files into tables of their own; gives the tables' names, of the clean rows and of the quarantine.
    async fn stage(&self, load: &Load<'_>, held_number: i64) -> Result<Vec<String>, Failure> {
        let sources = [
            Some(load.files.clone()),
            load.quarantine.clone().map(|file| vec![file]),
        ];
        let expires = i64::try_from(STAGING_LIFETIME.as_millis() + now_ms()).or_fail(Exit::Bug)?;
        let mut staged = Vec::new();
        for (Target { table, rows }, files) in targets(load.manifest)
            .into_iter()
            .zip(sources.into_iter().flatten())
        {
            let name = staging_table(table, load);
            let empty = definition::staging_table(self.reference(&name), table, expires);
            staged.push(name.clone());
            if rows == 0 {
                self.0.make_table(&name, empty).await?;
                continue;
            }
            let configuration = JobConfiguration::new().set_labels(labels(load)).set_load(
                JobConfigurationLoad::new()
                    .set_source_uris(files)
                    .set_source_format("PARQUET")
                    .set_create_disposition("CREATE_NEVER")
                    .set_write_disposition("WRITE_TRUNCATE")
                    .set_destination_table(self.reference(&name)),
            );
            let id = job_id("load", &table.name, load, held_number);
            let purpose = Purpose::Stage(&name, &empty);
            let (job, _) = self.run(&id, &configuration, purpose).await?;
            let statistics = job.statistics.unwrap_or_default().load.unwrap_or_default();
            let counted =
                u64::try_from(statistics.output_rows.unwrap_or_default()).unwrap_or_default();
            info!(
                job = id,
                table = name,
                rows = counted,
                bytes = statistics.output_bytes.unwrap_or_default(),
                "files loaded"
            );
            if counted != rows {
                self.0.drop_table(&name).await?;
                return Err(miscounted(load, table, counted, rows));
            }
            // What replaces a table's rows may take away when it expires.
            let expiring = BigQueryTable::new().set_expiration_time(expires);
            self.0.change_table(&name, expiring).await?;
        }
        Ok(staged)
    }

    /// Replaces the partition's rows by the staged ones, in one transaction. Returns whether another execution did.
    async fn replace(
        &self,
        load: &Load<'_>,
        held_number: i64,
        values: &[(&str, Value)],
        staged: &[String],
    ) -> Result<bool, Failure> {
        let partition = load.manifest.partition;
        let table = Contract::clean_table(partition.dataset());
        let columns = |table: &Table| table.column_names().collect::<Vec<_>>().join(", ");
        let body = match partition {
            Partition::Year(_) => include_str!("replace_year.sql"),
            Partition::CityWards | Partition::ForwardSortationAreas => {
                include_str!("replace_area.sql")
            }
        };
        // Names are the contract's own or made of fingerprints: a statement cannot bind them.
        let [begin, commit] = [include_str!("begin.sql"), include_str!("commit.sql")];
        let statement = format!("{begin}{body}{commit}")
            .replace("{overtaken}", OVERTAKEN)
            .replace("{miscounted}", MISCOUNTED)
            .replace("{table}", &table.name)
            .replace("{row_columns}", &columns(table))
            .replace("{staged_columns}", &definition::staged_columns(table))
            .replace("{staged_rows}", &staged[0])
            .replace(
                "{quarantine_columns}",
                &columns(Contract::quarantine_table()),
            )
            .replace(
                "{staged_quarantine}",
                staged.last().map_or("", String::as_str),
            );
        let query = query(self.named(&statement), values);
        let configuration = JobConfiguration::new()
            .set_labels(labels(load))
            .set_query(query);
        let id = job_id("replace", partition.dataset().as_str(), load, held_number);
        let purpose = Purpose::Replace(partition, held_number);
        let (job, adopted) = self.run(&id, &configuration, purpose).await?;
        let statistics = job.statistics.unwrap_or_default().query.unwrap_or_default();
        info!(
            job = id,
            %partition,
            bytes_processed = statistics.total_bytes_processed.unwrap_or_default(),
            bytes_billed = statistics.total_bytes_billed.unwrap_or_default(),
            "rows replaced"
        );
        Ok(adopted)
    }

    /// Runs the job `id` until one of that name, numbered from the second on, succeeds; tells whether another execution
    /// had started it. Of those that others started, one that failed, or whose outcome was removed since, is of no use.
    ///
    /// # Errors
    /// The first failure of an own attempt that another would meet too, or the last.
    async fn run(
        &self,
        id: &str,
        configuration: &JobConfiguration,
        purpose: Purpose<'_>,
    ) -> Result<(Job, bool), Failure> {
        let (mut number, mut own_attempts) = (0, 0);
        loop {
            number += 1;
            let name = if number == 1 {
                id.to_owned()
            } else {
                format!("{id}_{number}")
            };
            if let Purpose::Stage(table, empty) = purpose {
                self.0.make_table(table, empty.clone()).await?;
            }
            match Box::pin(self.0.run(&name, configuration.clone())).await {
                Ok(Finished { job, adopted }) => {
                    if !adopted || self.is_served(purpose, &job).await? {
                        return Ok((job, adopted));
                    }
                }
                Err((error @ BigQueryError::Job { .. }, true)) => {
                    info!(job = name, cause = %error, "a job of another execution failed");
                }
                Err((error, _)) => {
                    own_attempts += 1;
                    if !error.is_transient() || own_attempts == MOST_ATTEMPTS {
                        return Err(refused(error));
                    }
                    warn!(job = name, cause = %error, "the job failed: trying again");
                    sleep(Duration::from_millis(
                        200 * u64::from(own_attempts * own_attempts),
                    ))
                    .await;
                }
            }
        }
    }

    /// Whether what `job` did is still there.
    async fn is_served(&self, purpose: Purpose<'_>, job: &Job) -> Result<bool, Failure> {
        match purpose {
            Purpose::Stage(table, _) => {
                let held = self.0.table(&self.0.dataset().id, table).await?;
                let rows = held.and_then(|table| table.num_rows).unwrap_or_default();
                Ok(output_rows(job) == 0 || rows > 0)
            }
            Purpose::Replace(partition, held_number) => {
                let held = self.held(partition).await?;
                Ok(held.is_some_and(|held| held.number > held_number))
            }
            Purpose::Record => Ok(true),
        }
    }
}

/// The values that the transaction's statements bind.
fn values(
    load: &Load<'_>,
    held: Option<&Held>,
    changes: Changes,
    drift: &[Drift],
) -> Result<Vec<(&'static str, Value)>, Failure> {
    let mut values = history(load, held, drift)?;
    values.extend(year(load.manifest.partition));
    values.extend(differences(load, changes)?);
    let last_observed = held.and_then(|held| held.last_observed_at);
    let last_observed_us = last_observed.map_or(0, Timestamp::as_microsecond);
    values.extend([
        ("held_number", held.map_or(0, |held| held.number).into()),
        (
            "held_fingerprint",
            held.map(|held| held.fingerprint.clone()).into(),
        ),
        (
            "held_last_modified",
            held.and_then(|held| held.last_modified.clone()).into(),
        ),
        (
            "held_observed_at",
            time(held.and_then(|held| held.observed_at)),
        ),
        ("held_last_observed_us", last_observed_us.into()),
        ("content_changed", is_other_content(load, held).into()),
    ]);
    Ok(values)
}

/// What a job is for.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    /// To fill the table of that name, which is made as it is told before.
    Stage(&'a str, &'a BigQueryTable),
    /// To load a version of the partition after the one of that number.
    Replace(Partition, i64),
    /// To change a table of records.
    Record,
}

/// A failed job as the workflow takes it: one that was overtaken looks again at the next try.
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

/// A query whose values are parameters.
fn query(statement: String, values: &[(&str, Value)]) -> JobConfigurationQuery {
    JobConfigurationQuery::new()
        .set_query(statement)
        .set_use_legacy_sql(false)
        .set_parameter_mode("NAMED")
        .set_query_parameters(parameters(values))
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

/// The tables that a load's files are loaded into, before they replace what is held.
fn staging_tables(load: &Load<'_>) -> impl Iterator<Item = String> {
    let targets = targets(load.manifest).into_iter();
    targets.map(|target| staging_table(target.table, load))
}

fn staging_table(table: &Table, load: &Load<'_>) -> String {
    format!("staged_{}_{}", table.name, load.manifest.fingerprint)
}

/// Names a job by what it does: the same work after the same version has the same name, whoever does it. Up to 1,024
/// letters, digits, `_` and `-`: <https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid>.
fn job_id(verb: &str, subject: &str, load: &Load<'_>, held_number: i64) -> String {
    let manifest = load.manifest;
    format!(
        "toronto_311_{verb}_{subject}_{}_{}_after_{held_number}",
        manifest.partition, manifest.fingerprint
    )
}

fn labels(load: &Load<'_>) -> HashMap<String, String> {
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

/// The year, and instants around it that leave its partitions alone to be read: local New Year is some hours after that
/// of UTC.
fn year(partition: Partition) -> Vec<(&'static str, Value)> {
    let Partition::Year(year) = partition else {
        return Vec::new();
    };
    vec![
        ("year", i64::from(year).into()),
        ("year_begins", format!("{year}-01-01 00:00:00+00").into()),
        (
            "year_is_over",
            format!("{}-01-02 00:00:00+00", year + 1).into(),
        ),
    ]
}

fn now_ms() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_millis()
}
