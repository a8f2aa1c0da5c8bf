#![doc = include_str!("../README.md")]

mod boundaries;
mod clean;
mod parquet_file;
mod service_requests;
pub mod stage;
