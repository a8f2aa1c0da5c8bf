//! Marts in BigQuery.

mod text_columns;

use arrow_array::RecordBatch;
use shared::exit::Failure;
use shared::google::Emulator;
use shared::warehouse::{Dataset, bigquery};
use tokio::runtime::Handle;

use super::{Backend, Records, TextRows};
use crate::mart::{MartTable, Publishable};

pub(super) struct BigQuery(bigquery::BigQuery);

impl BigQuery {
    pub(super) fn connect(dataset: &Dataset, emulator: Option<&Emulator>) -> Result<Self, Failure> {
        let client = Handle::current().block_on(bigquery::BigQuery::connect(dataset, emulator))?;
        Ok(Self(client))
    }
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

    fn row_count(&mut self, table: &MartTable) -> Result<Option<u64>, Failure> {
        let found = self.0.table(&table.schema, &table.name);
        let found = Handle::current().block_on(found)?;
        Ok(found.map(|table| table.num_rows.unwrap_or_default()))
    }

    fn build_table(&self) -> MartTable {
        MartTable {
            schema: self.0.dataset().id.clone(),
            name: "dbt_build".to_owned(),
        }
    }

    /// Names in BigQuery cannot contain backticks.
    fn quoted(&self, name: &str) -> String {
        format!("`{name}`")
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
