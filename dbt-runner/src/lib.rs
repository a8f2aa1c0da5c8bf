#![doc = include_str!("../README.md")]

mod artifacts;
mod dbt;
mod project;
pub mod stage;
mod warehouse;
