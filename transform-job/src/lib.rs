#![doc = include_str!("../README.md")]

mod boundaries;
mod clean;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod parquet_file;
mod service_requests;
pub mod stage;

pub use service_requests::ROW_BYTES;
