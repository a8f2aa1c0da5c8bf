//! The warehouse's location and how it is accessed.

#[cfg(feature = "bigquery")]
pub mod bigquery;
#[cfg(feature = "duckdb")]
pub mod duckdb;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use serde::Deserialize;

use crate::address::Address;
use crate::fingerprint::Fingerprint;
use crate::google::Emulator;
use crate::lineage::Tables;
use crate::settings::{JobSettings, Problems, parse_file, variables};

/// The warehouse named by `WAREHOUSE_URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarehouseUrl {
    /// `duckdb:///absolute/file`.
    DuckDb(PathBuf),
    /// `bigquery://PROJECT/DATASET?location=LOCATION`.
    BigQuery(Dataset),
}

/// A BigQuery dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The project of the dataset and of its jobs.
    pub project: String,
    /// Its id.
    pub id: String,
    /// The location of its data; `US` if the URL has none, as in BigQuery.
    pub location: String,
}

/// The warehouse and the settings needed to access it.
#[derive(Debug, Clone)]
pub struct WarehouseSettings {
    /// The warehouse.
    pub url: WarehouseUrl,
    /// `libduckdb.so`; empty for BigQuery.
    pub duckdb_library: PathBuf,
    /// An emulator in place of BigQuery.
    pub bigquery_emulator: Option<Emulator>,
}

/// The settings as strings from the environment.
#[derive(Debug, Deserialize)]
pub struct RawWarehouse {
    warehouse_url: Option<String>,
    duckdb_library: Option<String>,
    bigquery_emulator_host: Option<String>,
}

/// A value bound to a parameter: `?` or `$1` in DuckDB, `@name` in BigQuery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, or null.
    Text(Option<String>),
    /// A number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

/// The settings of every connection to DuckDB, which `make generate` writes into dbt's profile as well.
///
/// What DuckDB may keep in memory: beyond it, it writes beside the file. All years together load and build as fast in this as
/// in any more. And no FSST: a fifth of the time of an insert is spent to find out whether it pays, which it does by one
/// per cent.
pub const DUCKDB_SETTINGS: [(&str, &str); 2] = [
    ("memory_limit", "400MB"),
    ("disabled_compression_methods", "fsst"),
];

/// Returns `time` truncated to microseconds, the precision of the warehouses.
#[must_use]
pub fn microseconds(time: Timestamp) -> Timestamp {
    // The microseconds of a timestamp are always in range.
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

impl JobSettings for WarehouseSettings {
    type Raw = RawWarehouse;

    fn validate(raw: RawWarehouse, problems: &mut Problems) -> Option<Self> {
        let url = problems.take(&variables::WAREHOUSE_URL, raw.warehouse_url, str::parse);
        let library = match &url {
            Some(WarehouseUrl::BigQuery(_)) => Some(PathBuf::new()),
            _ => problems.take(&variables::DUCKDB_LIBRARY, raw.duckdb_library, parse_file),
        };
        let emulator = problems.take_optional(
            &variables::BIGQUERY_EMULATOR_HOST,
            raw.bigquery_emulator_host,
            str::parse,
        );
        Some(Self {
            url: url?,
            duckdb_library: library?,
            bigquery_emulator: emulator?,
        })
    }
}

impl WarehouseUrl {
    /// Returns the id of the warehouse in object keys.
    #[must_use]
    pub fn id(&self) -> Fingerprint {
        Fingerprint::of(&[&self.to_string()])
    }

    /// Returns how OpenLineage names its tables: <https://openlineage.io/docs/spec/naming>; of a DuckDB file as
    /// OpenLineage's integration of dbt does.
    #[must_use]
    pub fn tables(&self) -> Tables {
        match self {
            Self::DuckDb(file) => Tables {
                namespace: self.to_string(),
                database: file
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                schema: "main".to_owned(),
                is_bigquery: false,
            },
            Self::BigQuery(dataset) => Tables {
                namespace: "bigquery".to_owned(),
                database: dataset.project.clone(),
                schema: dataset.id.clone(),
                is_bigquery: true,
            },
        }
    }
}

impl fmt::Display for WarehouseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuckDb(file) => write!(f, "duckdb://{}", file.display()),
            Self::BigQuery(Dataset {
                project,
                id,
                location,
            }) => write!(f, "bigquery://{project}/{id}?location={location}"),
        }
    }
}

impl FromStr for WarehouseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown = Address::of_text(text).to_string();
        if let Some(dataset) = text.strip_prefix("bigquery://") {
            return parse_dataset(dataset).map(Self::BigQuery).ok_or_else(|| {
                format!("is {shown:?}: use bigquery://PROJECT/DATASET?location=LOCATION")
            });
        }
        let problem = || {
            format!(
                "is {shown:?}: use bigquery://PROJECT/DATASET?location=LOCATION or duckdb:///absolute/file"
            )
        };
        let file = Path::new(text.strip_prefix("duckdb://").ok_or_else(problem)?);
        let parts = (file.parent(), file.file_name());
        let (Some(folder), Some(_), true) = (parts.0, parts.1, file.is_absolute()) else {
            return Err(problem());
        };
        // DuckDB reads options behind it, in some places: https://duckdb.org/docs/stable/connect/overview
        if text.contains('?') {
            return Err(format!(
                "is {shown:?} and more: a path for DuckDB must not contain a question mark"
            ));
        }
        if !folder.is_dir() {
            return Err(format!("is {shown:?}: its directory does not exist"));
        }
        if file.is_dir() {
            return Err(format!("is {shown:?}: this is a directory, not a file"));
        }
        Ok(Self::DuckDb(file.to_owned()))
    }
}

/// Parses `PROJECT/DATASET?location=LOCATION`. The names are inserted into statements, which cannot bind them.
fn parse_dataset(text: &str) -> Option<Dataset> {
    let (path, query) = text.split_once('?').unwrap_or((text, "location=US"));
    let (project, id) = path.split_once('/')?;
    let location = query.strip_prefix("location=")?;
    let is_made_of = |name: &str, others: &[u8]| {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
        !name.is_empty() && name.bytes().all(valid)
    };
    // https://cloud.google.com/resource-manager/docs/creating-managing-projects, and the domain of an organisation;
    // https://cloud.google.com/bigquery/docs/datasets#dataset-naming
    let is_valid =
        is_made_of(project, b"-.:") && is_made_of(id, b"_") && is_made_of(location, b"-");
    is_valid.then(|| Dataset {
        project: project.to_owned(),
        id: id.to_owned(),
        location: location.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::WarehouseUrl;

    #[test]
    fn a_warehouse_is_a_file_in_an_existing_directory() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let url = format!("duckdb://{}/warehouse.duckdb", folder.path().display());
        let warehouse: WarehouseUrl = url.parse().expect("valid");
        assert_eq!(warehouse.to_string(), url);
        for bad in [
            "warehouse.duckdb",
            "duckdb://warehouse.duckdb",
            "duckdb:///",
            "duckdb:///nowhere/warehouse.duckdb",
            "duckdb:///tmp/a?b.duckdb",
            "duckdb:///tmp",
        ] {
            assert!(bad.parse::<WarehouseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_warehouse_is_a_dataset() {
        let url = "bigquery://toronto-311/requests?location=northamerica-northeast2";
        let warehouse: WarehouseUrl = url.parse().expect("valid");
        assert_eq!(warehouse.to_string(), url);
        let default: WarehouseUrl = "bigquery://p/d".parse().expect("valid");
        assert_eq!(default.to_string(), "bigquery://p/d?location=US");
        for bad in [
            "bigquery://p",
            "bigquery://p/",
            "bigquery://p/d/e",
            "bigquery://p/d`; drop",
            "bigquery://p/d?location=",
            "bigquery://p/d?region=US",
        ] {
            assert!(bad.parse::<WarehouseUrl>().is_err(), "{bad}");
        }
    }
}
