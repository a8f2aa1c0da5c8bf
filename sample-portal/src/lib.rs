#![doc = include_str!("../README.md")]

mod boundaries;
mod generator;
pub mod published;
mod server;

pub use server::{Fault, FaultKind, Portal, PortalConfig, RequestLog};
