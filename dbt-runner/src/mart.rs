//! Marts: tables that dbt builds, and their published columns.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

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
