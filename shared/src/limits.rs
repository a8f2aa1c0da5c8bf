//! What the jobs hold at the same time. `make generate` writes the limits into `docs/data.md` and, for the policies that hold
//! them against the jobs' memory, into `terraform/tests/limits.json`.

/// The partitions that extract-job works on: one downloads while the other unpacks.
pub const CONCURRENT_PARTITIONS: usize = 2;

/// The most rows that wait for the end of their month, or of a file out of order, and as many that are being written:
/// seventeen times the City's largest year.
pub const MAX_ROWS: usize = 8 << 20;

/// The most bytes of a file's distinct values, and as many of its refused rows. Normal years need a tenth of it.
pub const MAX_TEXT_BYTES: usize = 160 << 20;

/// Rows per page of a published file for readers over HTTP: the requests of one ward in a month are two or three pages.
pub const PAGE_ROWS: usize = 1 << 10;

/// The bytes that the writer of such a file keeps of a row group before it writes it. Row groups of the City's rows are a
/// tenth of it.
pub const ROW_GROUP_BYTES: usize = 64 << 20;
