#![doc = include_str!("../README.md")]

mod artifacts;
mod candidate;
mod column_lineage;
mod dbt;
mod dry_run;
mod files;
mod lineage;
mod looker_studio;
mod mart;
mod profile;
mod project;
mod publish;
pub mod rehearsal;
pub mod settings;
mod site;
pub mod stage;
mod warehouse;
