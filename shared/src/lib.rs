#![doc = include_str!("../README.md")]

pub mod contract;
pub mod exit;
pub mod fingerprint;
pub mod google;
pub mod hand_over;
pub mod job;
pub mod key;
pub mod lake;
pub mod manifest;
pub mod partition;
pub mod run;
pub mod settings;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod warehouse;
