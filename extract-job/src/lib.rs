#![doc = include_str!("../README.md")]

mod archive;
mod boundaries;
mod extraction;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod http;
mod portal;
mod publication;
mod raw_file;
pub mod settings;
pub mod stage;
mod year_file;
