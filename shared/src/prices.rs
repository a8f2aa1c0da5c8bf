//! List prices of Google Cloud in US dollars in 2026, in regions of tier 1 and before free quotas. `make generate` writes the
//! seed `stage_prices` from them; a test compares the costs in `docs/deploy.md` with it.

/// A vCPU of Cloud Run for a second: <https://cloud.google.com/run/pricing>.
pub const VCPU_SECOND: f64 = 0.000_018;
/// A GiB of memory of Cloud Run for a second.
pub const GIB_SECOND: f64 = 0.000_002;
/// A TiB that BigQuery bills on demand: <https://cloud.google.com/bigquery/pricing>.
pub const TIB_BILLED: f64 = 6.25;
