//! What loading years again would be billed. The loaded version of a year represents the one to come, whose staging tables
//! do not exist yet. Load jobs are free, and the boundaries are small.

use std::collections::BTreeSet;

use shared::dry_run::Estimates;
use shared::exit::Failure;
use shared::google::Emulator;
use shared::partition::Partition;
use shared::settings::Years;
use shared::warehouse::bigquery::BigQuery;
use shared::warehouse::{self, Value};

use super::{BigQueryWarehouse, ROWS_OF_YEAR, transaction, year};

/// The rows of a year that represent its staging tables.
const STAGED_ROWS: &str = "(\
    SELECT * FROM `{dataset}.service_requests` \
    WHERE source_year = @year \
    AND created_at >= CAST(@year_begins AS TIMESTAMP) AND created_at < CAST(@year_is_over AS TIMESTAMP))";
const STAGED_QUARANTINE: &str =
    "(SELECT * FROM `{dataset}.quarantined_requests` WHERE source_year = @year)";

impl BigQueryWarehouse {
    /// Estimates what loading each of these years again would be billed.
    pub(in crate::warehouse) async fn estimate(
        dataset: &warehouse::Dataset,
        emulator: Option<&Emulator>,
        years: &Years,
        estimates: &mut Estimates,
    ) -> Result<(), Failure> {
        let warehouse = Self(BigQuery::connect(dataset, emulator).await?);
        let loaded = warehouse.loaded_years().await?;
        for year in years.select(&loaded) {
            let most = if loaded.contains(&year) {
                warehouse.estimate_year(year).await
            } else {
                let problem = anyhow::anyhow!(
                    "no version of {year} is loaded, so that its size is not known"
                );
                Err(Failure::contract(problem))
            };
            estimates.add(&format!("load {year}"), most);
        }
        Ok(())
    }

    async fn loaded_years(&self) -> Result<BTreeSet<i16>, Failure> {
        let statement = self.named(include_str!("current.sql"));
        let current = self.0.query(&statement, &[]).await?.into_iter();
        let partitions = current.filter_map(|row| row.into_iter().next()?);
        Ok(partitions.filter_map(|name| name.parse().ok()).collect())
    }

    async fn estimate_year(&self, number: i16) -> Result<u64, Failure> {
        let partition = Partition::Year(number);
        let mut values: Vec<(&str, Value)> = year(partition);
        values.push(("partition", partition.to_string().into()));
        values.push(("current_number", 0_i64.into()));
        let script = transaction(partition);
        let mut statements = statements(&script);
        statements.extend([ROWS_OF_YEAR, include_str!("count_changes.sql")]);
        let mut most = 0;
        for statement in statements {
            let statement = statement
                .replace("`{dataset}.{staged_rows}`", STAGED_ROWS)
                .replace("`{dataset}.{staged_quarantine}`", STAGED_QUARANTINE);
            most += self.0.estimate(&self.named(&statement), &values).await?;
        }
        Ok(most)
    }
}

/// Returns the statements of a script that read or change tables, and the queries of its conditions.
fn statements(script: &str) -> Vec<&str> {
    let parts = script.split(";\n").map(|part| {
        let is_comment = |line: &&str| line.is_empty() || line.starts_with("--");
        let comments = part
            .split_inclusive('\n')
            .take_while(|line| is_comment(&line.trim_end()));
        part[comments.map(str::len).sum()..].trim()
    });
    let statements = parts.filter_map(|part| match part.strip_prefix("IF (") {
        Some(condition) => Some(condition.rsplit_once(") != ")?.0),
        None => ["INSERT", "UPDATE", "DELETE"]
            .iter()
            .any(|verb| part.starts_with(verb))
            .then_some(part),
    });
    statements.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transaction_is_taken_apart() {
        let script = transaction(Partition::Year(2024));
        let verbs = |verb: &str| {
            let statements = statements(&script);
            statements
                .iter()
                .filter(|statement| statement.trim_start().starts_with(verb))
                .count()
        };
        assert_eq!(verbs("UPDATE"), script.matches("UPDATE `").count());
        assert_eq!(verbs("DELETE"), script.matches("DELETE FROM").count());
        assert_eq!(verbs("INSERT"), script.matches("INSERT INTO").count());
        assert_eq!(verbs("SELECT"), script.matches("IF (").count());
        assert_eq!(verbs(""), statements(&script).len());
        assert!(
            statements(&script)
                .iter()
                .all(|statement| !statement.contains("ERROR("))
        );
    }
}
