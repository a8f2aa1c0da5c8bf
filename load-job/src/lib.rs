#![doc = include_str!("../README.md")]

pub mod stage;
mod warehouse;
