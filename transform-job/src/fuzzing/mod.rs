//! Invariants that hold for any input: the entry points of the fuzz targets in `dev/fuzz`, which the tests of this crate
//! call with the same corpus and with random input. Each panics if an invariant does not hold.

mod areas;
mod csv;
mod parquet_rows;
mod published;

use std::fs;
use std::sync::LazyLock;

use shared::exit::{Exit, Failure};
use shared::lake::{Lake, LocalLake};
use shared::manifest::{RawManifest, RowCounts};
use shared::partition::Partition;
use shared::testing::TestLake;
use tokio::runtime::Runtime;

pub use areas::boundaries;
pub use csv::csv;

pub use crate::service_requests::fuzzing::line;

/// The publisher's date of every input.
const PUBLISHED: &str = "2026-11-01T00:00:00";

/// More than any message needs: it shows at most one value per reason, each shortened.
const MAX_MESSAGE_BYTES: usize = 16 << 10;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("a machine that can start threads"));

/// A raw file in a lake of its own.
struct Raw {
    /// Removes the lake at the end.
    _directory: TestLake,
    lake: Lake,
    manifest: RawManifest,
}

impl Raw {
    fn new(partition: Partition, bytes: &[u8]) -> Self {
        let directory = TestLake::default();
        let key = directory.put_raw(partition, "input", PUBLISHED, bytes);
        let manifest = fs::read(directory.path().join(key.as_str())).expect("just written");
        Self {
            manifest: serde_json::from_slice(&manifest).expect("just serialized"),
            lake: Lake::Local(LocalLake::new(directory.path()).expect("a writable directory")),
            _directory: directory,
        }
    }
}

/// Checks that a file was refused for its content, in a message that fits into a log.
fn check_refusal(failure: &Failure) {
    let message = failure.to_string();
    assert_eq!(failure.exit(), Exit::Contract, "{message}");
    assert!(
        message.len() <= MAX_MESSAGE_BYTES,
        "a message of {} bytes: {message}",
        message.len()
    );
}

/// Checks that no row is lost or counted twice.
fn check_counts(rows: &RowCounts) {
    let by_reason: u64 = rows.quarantined_by_reason.values().sum();
    assert_eq!(rows.read, rows.kept + rows.quarantined, "{rows:?}");
    assert_eq!(rows.quarantined, by_reason, "{rows:?}");
}

#[cfg(test)]
mod tests;
