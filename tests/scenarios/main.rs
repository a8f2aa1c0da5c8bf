//! The pipeline as a whole: the four jobs as processes, on the sample portal; on a directory and a DuckDB file, or in the
//! cloud, which emulators stand for.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod bigquery;
mod case_portal;
mod city_rows;
mod equality;
mod kills;
mod observations;
mod pipeline;
mod publication_cases;
mod published_counts;
mod readers;
mod replays;
mod status_history;
mod workflow;
