//! Marts: tables that dbt builds, and their published columns.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use shared::fingerprint::Fingerprint;

/// A mart's table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MartTable {
    pub(crate) schema: String,
    pub(crate) name: String,
}

/// A column, as described in the project's YAML.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct DescribedColumn {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Its type in the warehouse; `None` for a column of a seed.
    #[serde(default)]
    pub(crate) data_type: Option<String>,
    #[serde(default)]
    pub(crate) constraints: Vec<Constraint>,
}

impl DescribedColumn {
    /// Whether the warehouse refuses nulls in it.
    pub(crate) fn is_required(&self) -> bool {
        self.constraints.iter().any(|one| one.kind == "not_null")
    }
}

/// A constraint on a column's values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Constraint {
    /// `not_null`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

/// A mart or a seed that people query in the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) table: MartTable,
    pub(crate) columns: Vec<DescribedColumn>,
    /// Whether it is rebuilt year by year.
    pub(crate) by_year: bool,
    pub(crate) partition_by: Option<PartitionBy>,
    pub(crate) cluster_by: Vec<String>,
}

/// How BigQuery partitions a table, by a date.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct PartitionBy {
    pub(crate) field: String,
    /// `month`.
    pub(crate) granularity: String,
}

impl Definition {
    /// Returns a name of its layout, `COLUMNS/STORAGE`: the columns, and how BigQuery stores it.
    pub(crate) fn layout(&self) -> String {
        let parts = [
            self.columns_ddl(str::to_owned),
            self.storage_ddl(str::to_owned),
        ];
        parts
            .map(|part| Fingerprint::of(&[&part]).to_string())
            .join("/")
    }

    /// Returns how BigQuery partitions and clusters it, for a statement that creates the table.
    pub(crate) fn storage_ddl(&self, quoted: impl Fn(&str) -> String) -> String {
        let partitions = self.partition_by.iter().map(|partition| {
            let PartitionBy { field, granularity } = partition;
            format!(" partition by date_trunc({}, {granularity})", quoted(field))
        });
        let columns: Vec<String> = self.cluster_by.iter().map(|name| quoted(name)).collect();
        let clusters = (!columns.is_empty()).then(|| format!(" cluster by {}", columns.join(", ")));
        partitions.chain(clusters).collect()
    }

    /// Returns the names of the columns, quoted by `quoted`.
    pub(crate) fn column_list(&self, quoted: impl Fn(&str) -> String) -> String {
        let names = self.columns.iter().map(|column| quoted(&column.name));
        names.collect::<Vec<_>>().join(", ")
    }

    /// Returns the columns and their constraints for a statement that creates the table. Names are quoted by `quoted`.
    pub(crate) fn columns_ddl(&self, quoted: impl Fn(&str) -> String) -> String {
        let columns = self.columns.iter().map(|column| {
            let kind = column.data_type.as_deref().unwrap_or("string");
            let constraint = if column.is_required() {
                " not null"
            } else {
                ""
            };
            format!("{} {kind}{constraint}", quoted(&column.name))
        });
        columns.collect::<Vec<_>>().join(", ")
    }
}

/// A published table.
#[derive(Debug)]
pub(crate) struct Publishable {
    pub(crate) table: MartTable,
    pub(crate) description: String,
    pub(crate) columns: Vec<DescribedColumn>,
    /// The columns by which its rows are sorted.
    pub(crate) order_by: Vec<String>,
    /// The column with the year of each file; `None` if the mart is a single file.
    pub(crate) file_per: Option<String>,
    /// Whether it is rebuilt year by year.
    pub(crate) by_year: bool,
    /// Whether it describes runs and loads, so that the same raw files may lead to other rows.
    pub(crate) operational: bool,
    /// Whether it measures ages to when a file was published, or observed if it has no date.
    pub(crate) aged: bool,
}

impl fmt::Display for MartTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl FromStr for MartTable {
    type Err = String;

    /// Parses `SCHEMA.TABLE`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (schema, name) = text
            .split_once('.')
            .ok_or_else(|| format!("{text:?} is not of the form SCHEMA.TABLE"))?;
        Ok(Self {
            schema: schema.to_owned(),
            name: name.to_owned(),
        })
    }
}
