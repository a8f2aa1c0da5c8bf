//! Marts in BigQuery.

mod text_columns;

use arrow_array::RecordBatch;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::google::Emulator;
use shared::run::RunId;
use shared::stage_runs;
use shared::warehouse::bigquery::Attempts;
use shared::warehouse::bigquery::model::JobConfiguration;
use shared::warehouse::{Dataset, Value, bigquery};
use tokio::runtime::Handle;

use super::release::{OVERTAKEN, RECORD, Release, replaced};
use super::{Backend, Records, TextRows};
use crate::candidate::Scope;
use crate::mart::{Definition, MartTable, Publishable};

pub(crate) struct BigQuery(bigquery::BigQuery);

impl BigQuery {
    pub(crate) fn connect(dataset: &Dataset, emulator: Option<&Emulator>) -> Result<Self, Failure> {
        let client = Handle::current().block_on(bigquery::BigQuery::connect(dataset, emulator))?;
        Ok(Self(client))
    }

    /// Publishes a candidate, and drops the tables that are no longer part of the project. Returns whether it did; if
    /// another build or load came first, nothing was changed.
    pub(super) fn release(&self, release: &Release<'_>) -> Result<bool, Failure> {
        let record = quoted(&format!("{}.{RECORD}", self.0.path()));
        // The row exists from the start, so that concurrent transactions conflict on it.
        let mut tables = vec![format!(
            "create table if not exists {record} as \
             select '' as fingerprint, '' as project, '' as years, '' as layouts"
        )];
        tables.extend(layouts(release));
        let tables = tables.join(";\n");
        self.execute("create", &tables, &[])?;

        let [fingerprint, project, years, layouts] = release.after.row()?;
        let values = [
            ("before", release.before().into()),
            (
                "loads",
                i64::try_from(release.loads).or_fail(Exit::Bug)?.into(),
            ),
            ("fingerprint", fingerprint.into()),
            ("project", project.into()),
            ("years", years.into()),
            ("layouts", layouts.into()),
        ];
        let transaction = transaction(release)
            .replace("{record}", &record)
            .replace("{dataset}", &self.0.path());
        if !self.execute("publish", &transaction, &values)? {
            return Ok(false);
        }
        let dropped = release.dropped().into_iter().map(|table| {
            let published = release.candidate.published(&table);
            format!("drop table if exists {published}")
        });
        let dropped = dropped.collect::<Vec<_>>().join(";\n");
        if !dropped.is_empty() {
            self.execute("drop", &dropped, &[])?;
        }
        Ok(true)
    }

    /// Records what the run spent.
    pub(super) fn record_stage_runs(&self, spent: &str, run_id: &RunId) -> Result<(), Failure> {
        let script = stage_runs::IN_BIGQUERY.replace("{dataset}", &self.0.path());
        let values = [
            ("run_id", run_id.to_string().into()),
            ("stage_runs", spent.into()),
        ];
        self.execute("spend", &script, &values)?;
        Ok(())
    }

    /// Returns the most bytes that a query would be billed.
    pub(crate) fn estimate(&self, query: &str) -> Result<u64, Failure> {
        Ok(Handle::current().block_on(self.0.estimate(query, &[]))?)
    }

    /// Returns the most bytes that reading a published table would be billed.
    pub(crate) fn estimate_read(&self, mart: &Publishable) -> Result<u64, Failure> {
        let columns = mart.columns.iter().map(|column| quoted(&column.name));
        let columns: Vec<String> = columns.collect();
        let table = self.table(&mart.table);
        self.estimate(&format!("select {} from {table}", columns.join(", ")))
    }

    /// Returns the most bytes that publishing a table would be billed: the published rows represent the candidate.
    pub(crate) fn estimate_release(
        &self,
        scope: &Scope,
        definition: &Definition,
    ) -> Result<u64, Failure> {
        let Some(condition) = replaced(scope, definition, quoted) else {
            return Ok(0);
        };
        let table = self.table(&definition.table);
        let rows = format!("from {table} where {condition}");
        let columns = definition.column_list(quoted);
        Ok(self.estimate(&format!("delete {rows}"))?
            + self.estimate(&format!("select {columns} {rows}"))?)
    }

    /// Drops the tables of a candidate.
    pub(super) fn discard(&self, statements: &[String]) -> Result<(), Failure> {
        self.execute("discard", &statements.join(";\n"), &[])?;
        Ok(())
    }

    /// Runs a script as a job, again if a concurrent one conflicts. Returns `false` if it was overtaken.
    fn execute(&self, verb: &str, script: &str, values: &[(&str, Value)]) -> Result<bool, Failure> {
        let query = bigquery::query_job(script, values);
        let labels = [("pipeline", "toronto-311"), ("stage", "dbt")];
        let configuration = JobConfiguration::new().set_labels(labels).set_query(query);
        let mut attempts = Attempts::of_own(verb);
        loop {
            let attempt = Box::pin(self.0.attempt(&mut attempts, &configuration));
            match Handle::current().block_on(attempt) {
                Ok(Some(_)) => return Ok(true),
                Ok(None) => {}
                Err(error) if error.to_string().contains(OVERTAKEN) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Returns the statements that create the tables that are missing, and those whose layout differs. The latter replace a
/// table at once, but one after the other: a transaction cannot create tables.
/// <https://cloud.google.com/bigquery/docs/transactions#statements_supported_in_transactions>
/// A table with other partitions or clusters cannot be replaced, so that it is missing for a moment:
/// <https://github.com/dbt-labs/dbt-core/issues/2000>.
fn layouts(release: &Release<'_>) -> Vec<String> {
    let created = release
        .definitions
        .iter()
        .filter(|definition| *release.scope == Scope::Whole || release.is_created(definition));
    let statements = created.map(|definition| {
        let published = release.candidate.published(&definition.table);
        let columns = definition.columns_ddl(quoted);
        let storage = definition.storage_ddl(quoted);
        if release.is_changed(definition) {
            let candidate = release.candidate.table(&definition.table);
            let names = definition.column_list(quoted);
            let drop = if release.is_stored_otherwise(definition) {
                format!("drop table if exists {published};\n")
            } else {
                String::new()
            };
            return format!(
                "{drop}create or replace table {published} ({columns}){storage} as select {names} from {candidate}"
            );
        }
        format!("create table if not exists {published} ({columns}){storage}")
    });
    statements.collect()
}

/// Returns the transaction that publishes the marts of a candidate. At most 100 tables and 100,000 partitions:
/// <https://cloud.google.com/bigquery/docs/transactions#limitations>.
fn transaction(release: &Release<'_>) -> String {
    let mut statements = Vec::new();
    for definition in &release.definitions {
        statements.extend(release.replacing(definition, quoted));
    }
    include_str!("publish.sql")
        .replace("{overtaken}", OVERTAKEN)
        .replace("{statements}", &statements.join(";\n"))
}

/// Names in BigQuery cannot contain backticks.
fn quoted(name: &str) -> String {
    format!("`{name}`")
}

impl Backend for BigQuery {
    fn statement(&self, records: Records) -> String {
        let statement = match records {
            Records::Loads => include_str!("loads.sql"),
            Records::Refusals => include_str!("refusals.sql"),
            Records::Coverage => include_str!("coverage.sql"),
        };
        statement
            .replace("{dataset}", &self.0.path())
            .replace("{project}", &self.0.dataset().project)
    }

    fn query(&mut self, statement: &str) -> Result<TextRows, Failure> {
        Ok(Handle::current().block_on(self.0.query(statement, &[]))?)
    }

    /// Returns the statement unchanged, because the API returns every cell as text.
    fn all_as_text(&self, statement: &str) -> String {
        statement.to_owned()
    }

    /// Counts in one query, which reads no bytes. An emulator's `numRows` may be out of date.
    fn row_counts(&mut self, tables: &[MartTable]) -> Result<Option<Vec<u64>>, Failure> {
        let counts = tables.iter().enumerate().map(|(index, table)| {
            let table = self.table(table);
            format!("select {index} as place, cast(count(*) as string) as counted from {table}")
        });
        let statement = format!(
            "select counted from ({}) as counts order by place",
            counts.collect::<Vec<_>>().join(" union all ")
        );
        let rows = match Handle::current().block_on(self.0.query(&statement, &[])) {
            Err(error) if error.is_not_found() => return Ok(None),
            rows => rows?,
        };
        let parsed = rows.into_iter().flatten().flatten();
        let parsed = parsed.map(|count| count.parse().or_fail(Exit::Bug));
        parsed.collect::<Result<Vec<u64>, Failure>>().map(Some)
    }

    fn record_table(&self) -> MartTable {
        MartTable {
            schema: self.0.dataset().id.clone(),
            name: RECORD.to_owned(),
        }
    }

    fn quoted(&self, name: &str) -> String {
        quoted(name)
    }

    fn table(&self, table: &MartTable) -> String {
        self.quoted(&format!("{}.{table}", self.0.dataset().project))
    }

    fn text_type(&self) -> &'static str {
        "string"
    }

    fn read(
        &mut self,
        mart: &Publishable,
        select: &dyn Fn(&dyn Backend, &[String]) -> String,
    ) -> Result<Vec<RecordBatch>, Failure> {
        let table = self.0.table(&mart.table.schema, &mart.table.name);
        let table = Handle::current().block_on(table)?;
        let fields = table.and_then(|table| table.schema).unwrap_or_default();
        let columns = text_columns::of(mart, &fields.fields)?;
        let expressions: Vec<String> = columns
            .iter()
            .map(|column| column.expression(&self.quoted(&column.name)))
            .collect();
        let rows = self.query(&select(self, &expressions))?;
        Ok(vec![text_columns::batch(&columns, &rows)?])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::candidate::Candidate;
    use crate::mart::{DescribedColumn, PartitionBy};
    use crate::warehouse::release::PublishedMarts;

    fn definition(columns: &[&str], is_partitioned: bool) -> Definition {
        let column = |name: &&str| DescribedColumn {
            name: (*name).to_owned(),
            description: String::new(),
            data_type: Some("date".to_owned()),
            constraints: Vec::new(),
        };
        Definition {
            table: "marts.requests".parse().expect("a table"),
            columns: columns.iter().map(column).collect(),
            by_year: false,
            partition_by: is_partitioned.then(|| PartitionBy {
                field: "created_on".to_owned(),
                granularity: "month".to_owned(),
            }),
            cluster_by: Vec::new(),
        }
    }

    /// Returns what creates the table, if it is published as `before`.
    fn statement(before: &Definition, now: Definition) -> String {
        let published = |definition: &Definition| PublishedMarts {
            fingerprint: String::new(),
            project: String::new(),
            years: BTreeMap::new(),
            layouts: [(definition.table.to_string(), definition.layout())].into(),
        };
        let before = published(before);
        let after = published(&now);
        layouts(&Release {
            candidate: &Candidate::BigQuery {
                project: "p".to_owned(),
                loaded: "loaded".to_owned(),
                dataset: "staging".to_owned(),
                prefix: "c1_".to_owned(),
            },
            scope: &Scope::Whole,
            definitions: vec![now],
            before: Some(&before),
            after,
            loads: 1,
        })
        .concat()
    }

    #[test]
    fn a_table_is_dropped_if_it_is_stored_otherwise() {
        let old = definition(&["created_on"], false);
        let same = statement(&old, old.clone());
        assert!(
            same.starts_with("create table if not exists `p.marts.requests`"),
            "{same}"
        );
        let wider = statement(&old, definition(&["created_on", "closed_on"], false));
        assert!(
            wider.starts_with("create or replace table `p.marts.requests`"),
            "{wider}"
        );
        for (before, now) in [(false, true), (true, false)] {
            let before = definition(&["created_on"], before);
            let moved = statement(&before, definition(&["created_on"], now));
            let expected = "drop table if exists `p.marts.requests`;\ncreate or replace table";
            assert!(moved.starts_with(expected), "{moved}");
        }
    }
}
