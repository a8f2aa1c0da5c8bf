//! See the crate's README.

#![allow(clippy::print_stdout, reason = "a tool for a terminal")]

use std::path::PathBuf;

use anyhow::Context as _;
use sample_portal::{Portal, PortalConfig};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    port: u16,
    #[serde(default = "default_years")]
    years: Vec<i16>,
    rows: Option<u64>,
    files: Option<PathBuf>,
    seed: Option<u64>,
}

fn default_years() -> Vec<i16> {
    vec![2023, 2024, 2025]
}

fn main() -> anyhow::Result<()> {
    let settings: Settings = envy::prefixed("SAMPLE_")
        .from_iter(std::env::vars().filter(|(_, value)| !value.is_empty()))
        .context("a SAMPLE_ variable is wrong")?;
    let defaults = PortalConfig::default();
    let portal = Portal::start(PortalConfig {
        port: settings.port,
        generated_years: settings.years,
        rows_per_year: settings.rows,
        files: settings.files,
        seed: settings.seed.unwrap_or(defaults.seed),
    })?;
    println!("PORTAL_URL={} FSA_URL={}", portal.url(), portal.fsa_url());
    loop {
        std::thread::park();
    }
}
