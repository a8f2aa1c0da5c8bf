//! Tests of the whole pipeline: the four jobs as processes, on the sample portal, with a directory and a DuckDB file or
//! with emulators of the cloud.

#![allow(clippy::unwrap_used, reason = "tests panic on errors")]

mod bigquery;
mod case_portal;
mod city_rows;
mod costs;
mod described;
mod equality;
mod estimates;
mod googlesql;
mod lineage;
mod observations;
mod oracle;
mod pipeline;
mod publication;
mod publication_cases;
mod published_counts;
mod published_data;
mod readers;
mod replays;
mod secrets;
mod status_history;
mod workflow;
