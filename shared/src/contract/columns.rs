use std::fmt::Write as _;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use serde::Deserialize;

use super::odcs;

/// The type of a column, in every system it appears in.
///
/// | type | BigQuery | Parquet | `DuckDB` |
/// |---|---|---|---|
/// | `Binary16` | `BYTES` | `FIXED_LEN_BYTE_ARRAY(16)` | `BLOB` |
/// | `Text` | `STRING` | `BYTE_ARRAY`, string | `VARCHAR` |
/// | `Integer` | `INT64` | `INT32` | `INTEGER` |
/// | `Long` | `INT64` | `INT64` | `BIGINT` |
/// | `Boolean` | `BOOL` | `BOOLEAN` | `BOOLEAN` |
/// | `Instant` | `TIMESTAMP` | `INT64`, timestamp, microseconds, UTC | `TIMESTAMP WITH TIME ZONE` |
/// | `WallClock` | `DATETIME` | `INT64`, timestamp, microseconds | `TIMESTAMP` |
/// | `Json` | `JSON` | `BYTE_ARRAY`, string | `JSON` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Sixteen bytes.
    Binary16,
    /// UTF-8 text.
    Text,
    /// A 32-bit signed integer.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// True or false.
    Boolean,
    /// A point in time, in microseconds since 1970-01-01 UTC.
    Instant,
    /// A date and time without a zone.
    WallClock,
    /// A JSON document.
    Json,
}

impl ColumnType {
    fn read(property: &odcs::Property) -> Self {
        let options = &property.logical_type_options;
        match (
            property.logical_type.as_str(),
            property.physical_type.as_str(),
        ) {
            ("string", "BYTES") if options.format.as_deref() == Some("binary") => Self::Binary16,
            ("string", "STRING") => Self::Text,
            ("string", "JSON") => Self::Json,
            ("integer", "INT64") if options.format.as_deref() == Some("i32") => Self::Integer,
            ("integer", "INT64") if options.format.as_deref() == Some("i64") => Self::Long,
            ("boolean", "BOOL") => Self::Boolean,
            ("timestamp", "TIMESTAMP") if options.timezone => Self::Instant,
            ("timestamp", "DATETIME") if !options.timezone => Self::WallClock,
            (logical, physical) => {
                panic!(
                    "column {}: the logical type {logical} does not match the physical type {physical}",
                    property.name
                )
            }
        }
    }

    /// Returns the Arrow type, which is also the type in Parquet.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Binary16 => DataType::FixedSizeBinary(16),
            Self::Text | Self::Json => DataType::Utf8,
            Self::Integer => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Boolean => DataType::Boolean,
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::WallClock => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// Returns the type in BigQuery. [`Column::bigquery`] may differ from it.
    #[must_use]
    pub fn bigquery(self) -> &'static str {
        match self {
            Self::Binary16 => "BYTES",
            Self::Text => "STRING",
            Self::Integer | Self::Long => "INT64",
            Self::Boolean => "BOOL",
            Self::Instant => "TIMESTAMP",
            Self::WallClock => "DATETIME",
            Self::Json => "JSON",
        }
    }

    /// Returns the `DuckDB` type, as its catalogue spells it.
    #[must_use]
    pub fn duckdb(self) -> &'static str {
        match self {
            Self::Binary16 => "BLOB",
            Self::Text => "VARCHAR",
            Self::Integer => "INTEGER",
            Self::Long => "BIGINT",
            Self::Boolean => "BOOLEAN",
            Self::Instant => "TIMESTAMP WITH TIME ZONE",
            Self::WallClock => "TIMESTAMP",
            Self::Json => "JSON",
        }
    }
}

/// A column of a [`Table`].
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name, the same everywhere.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// The type of the table's column in BigQuery: that of `kind`, unless the contract states a `bigqueryType`.
    pub bigquery: String,
    /// Whether it never holds null.
    pub required: bool,
    /// Its only values besides null; any if empty.
    pub allowed_values: Vec<serde_json::Value>,
    /// The columns of the published file that it is computed from: `transformSourceObjects` of the contract.
    pub sources: Vec<String>,
    /// Its description.
    pub description: String,
}

/// How a table is partitioned in BigQuery: `partitionBy` of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase", deny_unknown_fields)]
pub enum Partitioning {
    /// By month of a timestamp.
    Month {
        /// The timestamp.
        column: String,
    },
    /// By each whole number of a range.
    Range {
        /// The number.
        column: String,
        /// The first number.
        start: i64,
        /// The first number after the range.
        end: i64,
    },
}

/// A table of the contract.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name in the warehouse.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns of its primary key, in order; none if it does not have one.
    pub primary_key: Vec<String>,
    /// How it is partitioned in BigQuery.
    pub partition_by: Option<Partitioning>,
    /// The columns that it is clustered by in BigQuery, in order.
    pub cluster_by: Vec<String>,
}

impl Table {
    pub(super) fn read(object: &odcs::Object) -> Self {
        let column = |property: &odcs::Property| {
            let kind = ColumnType::read(property);
            Column {
                name: property.name.clone(),
                kind,
                bigquery: property
                    .custom("bigqueryType")
                    .unwrap_or_else(|| kind.bigquery().to_owned()),
                required: property.required,
                allowed_values: property.custom("allowedValues").unwrap_or_default(),
                sources: property.sources().map(str::to_owned).collect(),
                description: property.description.clone(),
            }
        };
        Self {
            name: object.name.clone(),
            description: object.description.clone(),
            columns: object.properties.iter().map(column).collect(),
            primary_key: object.primary_key(),
            partition_by: object.custom("partitionBy"),
            cluster_by: object.custom("clusterBy").unwrap_or_default(),
        }
    }

    /// Returns the Arrow schema, which is also the schema of the Parquet files.
    #[must_use]
    pub fn arrow_schema(&self) -> Arc<Schema> {
        let field =
            |column: &Column| Field::new(&column.name, column.kind.arrow(), !column.required);
        Arc::new(Schema::new(
            self.columns.iter().map(field).collect::<Vec<_>>(),
        ))
    }

    /// Returns the `CREATE TABLE IF NOT EXISTS` statement for `DuckDB`.
    #[must_use]
    pub fn duckdb_ddl(&self) -> String {
        let mut ddl = format!("CREATE TABLE IF NOT EXISTS {} (", self.name);
        for (index, column) in self.columns.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let null = if column.required { " NOT NULL" } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(
                ddl,
                "{comma}\n    {} {}{null}",
                column.name,
                column.kind.duckdb()
            );
        }
        ddl.push_str("\n)");
        ddl
    }

    /// Returns the names of the columns, in order.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }
}
