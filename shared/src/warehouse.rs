//! Where the tables are.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::fingerprint::Fingerprint;

/// The warehouse named by `WAREHOUSE_URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarehouseUrl {
    /// `duckdb:///absolute/file`.
    DuckDb(PathBuf),
}

impl WarehouseUrl {
    /// Names the warehouse in object keys.
    #[must_use]
    pub fn id(&self) -> Fingerprint {
        Fingerprint::of(&[&self.to_string()])
    }
}

impl fmt::Display for WarehouseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuckDb(file) => write!(f, "duckdb://{}", file.display()),
        }
    }
}

impl FromStr for WarehouseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("is {text:?}: give duckdb:///absolute/file");
        let file = Path::new(text.strip_prefix("duckdb://").ok_or_else(problem)?);
        let parts = (file.parent(), file.file_name());
        let (Some(folder), Some(_), true) = (parts.0, parts.1, file.is_absolute()) else {
            return Err(problem());
        };
        if folder.is_dir() {
            Ok(Self::DuckDb(file.to_owned()))
        } else {
            Err(format!(
                "is {text:?}: there is no directory {}",
                folder.display()
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WarehouseUrl;

    #[test]
    fn a_warehouse_is_a_file_in_a_directory_that_is_there() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let url = format!("duckdb://{}/warehouse.duckdb", folder.path().display());
        let warehouse: WarehouseUrl = url.parse().expect("valid");
        assert_eq!(warehouse.to_string(), url);
        for bad in [
            "warehouse.duckdb",
            "duckdb://warehouse.duckdb",
            "duckdb:///",
            "duckdb:///nowhere/warehouse.duckdb",
        ] {
            assert!(bad.parse::<WarehouseUrl>().is_err(), "{bad}");
        }
    }
}
