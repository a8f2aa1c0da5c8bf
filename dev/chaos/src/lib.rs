#![doc = include_str!("../README.md")]

pub mod campaign;
mod elsewhere;
mod home;
mod judge;
pub mod points;
mod reader;
pub mod reference;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod trace;
pub mod wire;

pub use home::{Home, State};
