//! The pipeline as a whole: the four jobs as processes, on the sample portal, a directory for a lake and a DuckDB file.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod city_rows;
mod kills;
mod pipeline;
mod published_counts;
mod readers;
mod replays;
mod status_history;
mod workflow;
