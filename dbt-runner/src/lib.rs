#![doc = include_str!("../README.md")]

mod artifacts;
mod candidate;
mod dbt;
mod files;
mod looker_studio;
mod mart;
mod profile;
mod project;
mod publish;
mod site;
pub mod stage;
mod warehouse;
