#![doc = include_str!("../README.md")]

pub mod address;
pub mod contract;
pub mod dry_run;
mod ending;
pub mod exit;
pub mod fingerprint;
#[cfg(feature = "testing")]
pub mod fuzzing;
pub mod google;
pub mod hand_over;
pub mod job;
pub mod key;
pub mod lake;
pub mod manifest;
pub mod object;
pub mod partition;
pub mod prices;
pub mod proxies;
pub mod run;
pub mod scratch;
pub mod settings;
pub mod stage_runs;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod warehouse;
