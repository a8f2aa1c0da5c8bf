//! Marts in BigQuery.

mod text_columns;

use std::iter::zip;

use arrow_array::RecordBatch;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::google::Emulator;
use shared::run::RunId;
use shared::stage_runs;
use shared::warehouse::bigquery::Attempts;
use shared::warehouse::bigquery::model::JobConfiguration;
use shared::warehouse::{Dataset, Value, bigquery};
use tokio::runtime::Handle;

use super::release::{OVERTAKEN, PublishedMarts, RECORD, Release, replaced};
use super::{Backend, Records, TextRows};
use crate::candidate::Scope;
use crate::mart::{Definition, MartTable, Publishable};

/// The columns of the record, and the parameters with what the transaction writes there.
const RECORDED: [&str; 4] = ["fingerprint", "project", "years", "layouts"];
/// The parameters with what is written there when tables have been replaced.
const RECORDED_LAST: [&str; 4] = [
    "last_fingerprint",
    "last_project",
    "last_years",
    "last_layouts",
];

pub(crate) struct BigQuery(bigquery::BigQuery);

impl BigQuery {
    pub(crate) fn connect(dataset: &Dataset, emulator: Option<&Emulator>) -> Result<Self, Failure> {
        let client = Handle::current().block_on(bigquery::BigQuery::connect(dataset, emulator))?;
        Ok(Self(client))
    }

    /// Publishes a candidate, and drops the tables that are no longer part of the project. Returns whether it did; if
    /// another build or load came first, nothing was changed.
    ///
    /// All of it is one job, which BigQuery runs to its end whatever happens to this process.
    pub(super) fn release(&self, release: &Release<'_>) -> Result<bool, Failure> {
        let record = quoted(&format!("{}.{RECORD}", self.0.path()));
        // The row exists from the start, so that concurrent transactions conflict on it.
        let mut tables = vec![format!(
            "create table if not exists {record} as \
             select '' as fingerprint, '' as project, '' as years, '' as layouts"
        )];
        tables.extend(created(release));
        self.execute("create", &tables.join(";\n"), &[])?;

        let unfinished = release.unfinished();
        let replacements = replacements(release, &record);
        let loads = i64::try_from(release.loads).or_fail(Exit::Bug)?;
        let mut values = vec![
            ("before", release.before().into()),
            ("unfinished", unfinished.fingerprint.as_str().into()),
            ("loads", loads.into()),
        ];
        if replacements.is_empty() {
            values.extend(named(RECORDED, &release.after)?);
        } else {
            values.extend(named(RECORDED, &unfinished)?);
            values.extend(named(RECORDED_LAST, &release.after)?);
        }
        let dropped = release.dropped();
        let dropped = dropped
            .iter()
            .map(|table| release.candidate.published(table));
        let copied = release.changed();
        let dropped = dropped.chain(copied.map(|definition| filled(release, definition)));
        let dropped = dropped.map(|table| format!("drop table if exists {table};\n"));
        let afterwards: String = replacements.into_iter().chain(dropped).collect();
        let script = format!("{}\n{afterwards}", transaction(release, &record))
            .replace("{dataset}", &self.0.path());
        self.execute("publish", &script, &values)
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

/// Returns the parameters of a row of the record, by these names.
fn named(
    names: [&'static str; 4],
    row: &PublishedMarts,
) -> Result<impl Iterator<Item = (&'static str, Value)>, Failure> {
    Ok(zip(names, row.row()?.map(Value::from)))
}

/// Returns the statements that create the tables that are missing.
fn created(release: &Release<'_>) -> Vec<String> {
    let created = release
        .definitions
        .iter()
        .filter(|definition| *release.scope == Scope::Whole || release.is_created(definition));
    let statements = created.map(|definition| {
        let columns = definition.columns_ddl(quoted);
        let storage = definition.storage_ddl(quoted);
        let table = filled(release, definition);
        format!("create table if not exists {table} ({columns}){storage}")
    });
    statements.collect()
}

/// Returns the table that the transaction fills: the published one, or if that does not exist with this layout, one beside
/// the candidate that replaces it afterwards. A transaction cannot create tables:
/// <https://cloud.google.com/bigquery/docs/transactions#statements_supported_in_transactions>.
fn filled(release: &Release<'_>, definition: &Definition) -> String {
    let candidate = release.candidate;
    if !release.is_changed(definition) {
        return candidate.published(&definition.table);
    }
    let MartTable { schema, name } = definition.table.clone();
    let name = format!("new_{name}");
    candidate.table(&MartTable { schema, name })
}

/// Returns the transaction that publishes the marts of a candidate. At most 100 tables and 100,000 partitions:
/// <https://cloud.google.com/bigquery/docs/transactions#limitations>.
fn transaction(release: &Release<'_>, record: &str) -> String {
    let mut statements = Vec::new();
    for definition in &release.definitions {
        let table = filled(release, definition);
        statements.extend(release.replacing(definition, &table, quoted));
    }
    include_str!("publish.sql")
        .replace("{overtaken}", OVERTAKEN)
        .replace("{statements}", &statements.join(";\n"))
        .replace("{record}", record)
}

/// Returns what follows the transaction: the statements that add tables or replace those with another layout, one after the
/// other and each at once, and the one that records that they have. Each first makes sure that no later build has
/// published its own.
/// A table with other partitions or clusters cannot be replaced, so that it is missing for a moment:
/// <https://github.com/dbt-labs/dbt-core/issues/2000>.
fn replacements(release: &Release<'_>, record: &str) -> Vec<String> {
    let mut statements: Vec<String> = release
        .changed()
        .map(|definition| {
            let published = release.candidate.published(&definition.table);
            let drop = if release.is_stored_otherwise(definition) {
                format!("drop table if exists {published};\n")
            } else {
                String::new()
            };
            let (columns, storage) = (definition.columns_ddl(quoted), definition.storage_ddl(quoted));
            let (names, new) = (definition.column_list(quoted), filled(release, definition));
            format!(
                "if (select fingerprint from {record}) != @unfinished then\n    select error('{OVERTAKEN}');\nend if;\n\
                 {drop}create or replace table {published} ({columns}){storage} as select {names} from {new};\n"
            )
        })
        .collect();
    if !statements.is_empty() {
        let values = zip(RECORDED, RECORDED_LAST);
        let values = values.map(|(column, value)| format!("{column} = @{value}"));
        statements.push(format!(
            "update {record} set {} where fingerprint = @unfinished;\n",
            values.collect::<Vec<_>>().join(", ")
        ));
    }
    statements
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

    /// Returns the record of a published table.
    fn published(definition: &Definition) -> PublishedMarts {
        PublishedMarts {
            fingerprint: String::new(),
            project: "project".to_owned(),
            years: BTreeMap::new(),
            layouts: [(definition.table.to_string(), definition.layout())].into(),
        }
    }

    /// Calls `check` with the release of a table that is published as `before` says.
    fn with_release<T>(
        before: &PublishedMarts,
        now: &Definition,
        check: impl Fn(&Release<'_>) -> T,
    ) -> T {
        check(&Release {
            candidate: &Candidate::BigQuery {
                project: "p".to_owned(),
                loaded: "loaded".to_owned(),
                dataset: "staging".to_owned(),
                prefix: "c1_".to_owned(),
            },
            scope: &Scope::Whole,
            definitions: vec![now.clone()],
            before: Some(before),
            after: published(now),
            loads: 1,
        })
    }

    /// Returns the statements before, in and after the transaction, if the table is published as `before`.
    fn statements(before: &Definition, now: &Definition) -> [String; 3] {
        with_release(&published(before), now, |release| {
            [
                created(release).concat(),
                transaction(release, "record"),
                replacements(release, "record").concat(),
            ]
        })
    }

    #[test]
    fn a_table_is_replaced_after_the_transaction_and_dropped_if_it_is_stored_otherwise() {
        let old = definition(&["created_on"], false);
        let [created, transaction, afterwards] = statements(&old, &old);
        let expected = "create table if not exists `p.marts.requests`";
        assert!(created.starts_with(expected), "{created}");
        let expected = "insert into `p.marts.requests`";
        assert!(transaction.contains(expected), "{transaction}");
        assert_eq!(afterwards, "");

        let wider = definition(&["created_on", "closed_on"], false);
        let partitioned = definition(&["created_on"], true);
        let drop = "drop table if exists `p.marts.requests`;\n";
        for (before, now, drop) in [
            (&old, &wider, ""),
            (&old, &partitioned, drop),
            (&partitioned, &old, drop),
        ] {
            let [created, transaction, afterwards] = statements(before, now);
            for statement in [created, transaction] {
                let fills = statement.contains("`p.staging.c1_new_requests`");
                assert!(
                    fills && !statement.contains("`p.marts.requests`"),
                    "{statement}"
                );
            }
            let replaced = format!("end if;\n{drop}create or replace table `p.marts.requests`");
            assert!(afterwards.contains(&replaced), "{afterwards}");
        }
    }

    /// Whichever layout the table has by then.
    #[test]
    fn a_replacement_that_was_interrupted_is_repeated() {
        let (old, new) = (
            definition(&["created_on"], false),
            definition(&["closed_on"], false),
        );
        let unfinished = with_release(&published(&old), &new, |release| {
            let unfinished = release.unfinished();
            assert_ne!(unfinished.project, release.after.project);
            unfinished
        });
        for now in [old, new] {
            with_release(&unfinished, &now, |release| {
                assert!(release.is_changed(&now) && release.is_stored_otherwise(&now));
            });
        }
    }
}
