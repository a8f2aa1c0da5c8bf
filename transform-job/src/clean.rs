//! The result of the transformation of one partition.

use std::ops::AddAssign;
use std::time::Duration;

use shared::manifest::{Drift, RowCounts};

use crate::parquet_file::ParquetFile;

/// The time spent in each phase.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Phases {
    pub(crate) parse: Duration,
    pub(crate) sort: Duration,
    pub(crate) encode: Duration,
}

impl AddAssign for Phases {
    fn add_assign(&mut self, other: Self) {
        self.parse += other.parse;
        self.sort += other.sort;
        self.encode += other.encode;
    }
}

/// The result of the transformation of one partition: files in the spool, not yet in the lake.
pub(crate) struct Clean {
    pub(crate) rows: RowCounts,
    pub(crate) min_created_at: Option<String>,
    pub(crate) max_created_at: Option<String>,
    pub(crate) drift: Vec<Drift>,
    pub(crate) files: Vec<ParquetFile>,
    pub(crate) quarantine: Option<ParquetFile>,
    /// What in the result another horizon would change; `None` if nothing.
    pub(crate) horizon_effect: Option<String>,
    pub(crate) phases: Phases,
}
