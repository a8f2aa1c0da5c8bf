//! The warehouse in a BigQuery dataset.

mod definition;
mod estimate;
mod jobs;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use shared::contract::{Contract, Table};
use shared::exit::Failure;
use shared::google::Emulator;
use shared::manifest::Drift;
use shared::partition::{Dataset, Partition};
use shared::run::RunId;
use shared::stage_runs;
use shared::warehouse::bigquery::model::{
    JobConfiguration, JobConfigurationLoad, Table as BigQueryTable, TableReference, TableSchema,
};
use shared::warehouse::bigquery::{Attempts, BigQuery, Finished, query_job};
use shared::warehouse::{self, Value};
use tracing::{info, warn};

use jobs::{MISCOUNTED, OVERTAKEN, Purpose, attempts, labels};

use super::{
    Changes, Current, Load, LoadRefusal, Loaded, Observed, Plan, Target, Verdict, differences,
    history, is_other_content, miscounted, partitions, refuse_stale, seen, targets, time,
};

/// How long a staging table outlives a load that crashed.
const STAGING_LIFETIME: Duration = Duration::from_hours(24);
/// The table whose one row every transaction updates.
const LOCK: &str = "load_lock";

/// Counts the loaded requests of a year.
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
        warehouse.make_lock().await?;
        Ok(warehouse)
    }

    /// Makes the lock, once per dataset.
    async fn make_lock(&self) -> Result<(), Failure> {
        let empty = definition::lock(self.reference(LOCK));
        self.0.create_table(LOCK, empty).await?;
        if self.has_lock().await? {
            return Ok(());
        }
        let statement = "INSERT INTO `{dataset}.load_lock` (run_id) VALUES (NULL)";
        let configuration = self.change(statement, &[]);
        let attempts = Attempts::of(format!("toronto_311_{LOCK}_{}", self.0.dataset().id));
        Box::pin(self.run(attempts, &configuration, Purpose::Lock)).await?;
        Ok(())
    }

    async fn has_lock(&self) -> Result<bool, Failure> {
        let statement = self.named("SELECT COUNT(*) FROM `{dataset}.load_lock`");
        Ok(self.0.query_count(&statement, &[]).await? > 0)
    }

    /// Returns `statement` with the dataset's name inserted, because a statement cannot bind it.
    fn named(&self, statement: &str) -> String {
        statement.replace("{dataset}", &self.0.path())
    }

    /// Makes the table from the contract, or adds the columns that the contract has gained.
    async fn make_table(&self, contract: &Contract, table: &Table) -> Result<(), Failure> {
        let id = &self.0.dataset().id;
        let mut found = self.0.table(id, &table.name).await?;
        if found.is_none() {
            let definition = definition::table(self.reference(&table.name), table);
            self.0.create_table(&table.name, definition).await?;
            found = self.0.table(id, &table.name).await?;
        }
        if let Some(found) = &found
            && let Some(difference) = definition::layout_difference(found, table)
        {
            return Err(LoadRefusal::OtherLayout {
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
                    return Err(LoadRefusal::OtherTable {
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
        Ok(self.0.update_table(&table.name, change).await?)
    }

    fn reference(&self, table: &str) -> TableReference {
        TableReference::new()
            .set_project_id(&self.0.dataset().project)
            .set_dataset_id(&self.0.dataset().id)
            .set_table_id(table)
    }

    pub(super) async fn plan(&self, load: &Load<'_>) -> Result<Plan, Failure> {
        let manifest = load.manifest;
        let current = self.current(manifest.partition).await?;
        if let Some(current) = current.as_ref().filter(|_| !load.force) {
            if current.fingerprint == manifest.fingerprint.as_str() {
                match self.verify(load).await {
                    Ok(()) => {
                        // They were left by a load that was killed after its transaction.
                        for table in staging_tables(load) {
                            self.0.drop_table(&table).await?;
                        }
                        return Ok(Plan::Found);
                    }
                    Err(altered) => {
                        warn!(partition = %manifest.partition, cause = %altered, "table altered, loading again");
                    }
                }
            }
            refuse_stale(load, current)?;
        }
        Ok(Plan::Replace(current))
    }

    pub(super) async fn replace_with(
        &self,
        load: &Load<'_>,
        current: Option<&Current>,
    ) -> Result<Loaded, Failure> {
        let number = current.map_or(0, |current| current.number);
        load.begin().await;
        let staged = Box::pin(self.stage(load, number)).await?;
        let changes = self.count_changes(load, current, &staged[0]).await?;
        let drift = changes.drift(load.manifest, current);
        let values = values(load, current, changes, &drift)?;
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

    pub(super) async fn observe(
        &self,
        observed: &[Observed<'_>],
    ) -> Result<BTreeSet<Partition>, Failure> {
        let statement = self.named(include_str!("current.sql"));
        let current = self.0.query(&statement, &[]).await?;
        let loaded = partitions(&current)?;
        let observed: Vec<serde_json::Value> = seen(observed, &current)?
            .into_iter()
            .map(|(observed, drift)| {
                json!({
                    "partition": observed.partition,
                    "sha256": observed.sha256,
                    "observed_at": observed.at.to_string(),
                    "drift": drift,
                })
            })
            .collect();
        if observed.is_empty() {
            return Ok(loaded);
        }
        let observed = serde_json::Value::from(observed).to_string();
        let values = [("observed", observed.into())];
        self.record("observe", include_str!("observe.sql"), &values)
            .await?;
        Ok(loaded)
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
                let refused = verdict.refused.as_ref();
                json!({
                    "partition": verdict.partition,
                    "observed_at": verdict.observed_at.to_string(),
                    "stage": refused.map(|refused| refused.stage),
                    "exit_code": refused.map(|refused| refused.exit),
                    "cause": refused.map(|refused| &refused.cause),
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

    pub(super) async fn record_stage_runs(
        &self,
        spent: &str,
        run_id: &RunId,
    ) -> Result<(), Failure> {
        let values = [
            ("run_id", run_id.to_string().into()),
            ("stage_runs", spent.into()),
        ];
        self.record("spend", stage_runs::IN_BIGQUERY, &values).await
    }

    /// Compares the staged version with the current one. The transaction later verifies that the current version did
    /// not change in between.
    async fn count_changes(
        &self,
        load: &Load<'_>,
        current: Option<&Current>,
        staged_rows: &str,
    ) -> Result<Changes, Failure> {
        let partition = load.manifest.partition;
        if current.is_none() || partition.dataset() != Dataset::ServiceRequests {
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

    async fn current(&self, partition: Partition) -> Result<Option<Current>, Failure> {
        let statement = self.named(include_str!("current_version.sql"));
        let values = [("partition", partition.to_string().into())];
        let mut rows = self.0.query(&statement, &values).await?;
        rows.pop().map(Current::from_row).transpose()
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

    /// Loads the files into staging tables. Returns the names of the tables of the clean rows and of the quarantine.
    async fn stage(&self, load: &Load<'_>, current_number: i64) -> Result<Vec<String>, Failure> {
        let sources = [
            Some(load.files.clone()),
            load.quarantine.clone().map(|file| vec![file]),
        ];
        let expires = (Timestamp::now() + STAGING_LIFETIME).as_millisecond();
        let mut staged = Vec::new();
        for (Target { table, rows }, files) in targets(load.manifest)
            .into_iter()
            .zip(sources.into_iter().flatten())
        {
            let name = staging_table(table, load);
            let empty = definition::staging_table(self.reference(&name), table, expires);
            staged.push(name.clone());
            if rows == 0 {
                self.0.create_table(&name, empty).await?;
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
            let attempts = attempts("load", &table.name, load, current_number);
            let purpose = Purpose::Stage(&name, &empty);
            let ran = Box::pin(self.run(attempts, &configuration, purpose));
            let Finished { id, job, .. } = ran.await?;
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
            // WRITE_TRUNCATE can reset the expiration, so set it again.
            let expiring = BigQueryTable::new().set_expiration_time(expires);
            self.0.update_table(&name, expiring).await?;
        }
        Ok(staged)
    }

    /// Replaces the partition's rows with the staged ones, in one transaction. Returns whether another execution did.
    async fn replace(
        &self,
        load: &Load<'_>,
        current_number: i64,
        values: &[(&str, Value)],
        staged: &[String],
    ) -> Result<bool, Failure> {
        let partition = load.manifest.partition;
        let table = Contract::clean_table(partition.dataset());
        let statement = transaction(partition)
            .replace("{staged_columns}", &definition::staged_columns(table))
            .replace("{staged_rows}", &staged[0])
            .replace(
                "{staged_quarantine}",
                staged.last().map_or("", String::as_str),
            );
        let query = query_job(self.named(&statement), values);
        let configuration = JobConfiguration::new()
            .set_labels(labels(load))
            .set_query(query);
        let subject = partition.dataset().as_str();
        let attempts = attempts("replace", subject, load, current_number);
        let purpose = Purpose::Replace(partition, current_number);
        let ran = Box::pin(self.run(attempts, &configuration, purpose));
        let Finished { id, job, adopted } = ran.await?;
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
}

/// Returns the script that replaces a partition, without the names of its staging tables. Statements cannot bind names.
/// These come from the contract.
fn transaction(partition: Partition) -> String {
    let table = Contract::clean_table(partition.dataset());
    let columns = |table: &Table| table.column_names().collect::<Vec<_>>().join(", ");
    let body = match partition {
        Partition::Year(_) => include_str!("replace_year.sql"),
        Partition::CityWards | Partition::ForwardSortationAreas => {
            include_str!("replace_area.sql")
        }
    };
    let [begin, commit] = [include_str!("begin.sql"), include_str!("commit.sql")];
    format!("{begin}{body}{commit}")
        .replace("{overtaken}", OVERTAKEN)
        .replace("{miscounted}", MISCOUNTED)
        .replace("{table}", &table.name)
        .replace("{row_columns}", &columns(table))
        .replace(
            "{quarantine_columns}",
            &columns(Contract::quarantine_table()),
        )
}

/// Returns the parameters of the transaction's statements.
fn values(
    load: &Load<'_>,
    current: Option<&Current>,
    changes: Changes,
    drift: &[Drift],
) -> Result<Vec<(&'static str, Value)>, Failure> {
    let mut values = history(load, current, drift)?;
    values.extend(year(load.manifest.partition));
    values.extend(differences(load, changes)?);
    let last_observed = current.and_then(|current| current.last_observed_at);
    let last_observed_us = last_observed.map_or(0, Timestamp::as_microsecond);
    values.extend([
        (
            "current_number",
            current.map_or(0, |current| current.number).into(),
        ),
        (
            "current_fingerprint",
            current.map(|current| current.fingerprint.clone()).into(),
        ),
        (
            "current_last_modified",
            current
                .and_then(|current| current.last_modified.clone())
                .into(),
        ),
        (
            "current_observed_at",
            time(current.and_then(|current| current.observed_at)),
        ),
        ("current_last_observed_us", last_observed_us.into()),
        ("content_changed", is_other_content(load, current).into()),
    ]);
    Ok(values)
}

/// Returns the names of a load's staging tables.
fn staging_tables(load: &Load<'_>) -> impl Iterator<Item = String> {
    let targets = targets(load.manifest).into_iter();
    targets.map(|target| staging_table(target.table, load))
}

fn staging_table(table: &Table, load: &Load<'_>) -> String {
    format!("staged_{}_{}", table.name, load.manifest.fingerprint)
}

/// Returns the parameters for a year, with time bounds that let BigQuery prune partitions: local New Year is some hours
/// after UTC's.
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
