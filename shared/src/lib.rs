#![doc = include_str!("../README.md")]

pub mod contract;
#[cfg(feature = "duckdb")]
pub mod duckdb;
pub mod exit;
pub mod fingerprint;
pub mod job;
pub mod lake;
pub mod manifest;
pub mod partition;
pub mod run;
pub mod settings;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod warehouse;
