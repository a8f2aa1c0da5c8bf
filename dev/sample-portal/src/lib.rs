#![doc = include_str!("../README.md")]

mod boundaries;
mod generator;
pub mod published;
mod readme;
mod server;

pub use jiff::civil::Date;
pub use server::{Fault, FaultKind, Offer, Portal, PortalConfig, RequestLog};
