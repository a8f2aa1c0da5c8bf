//! See the crate's README.

#![allow(clippy::print_stdout, reason = "a command-line tool")]

use std::path::PathBuf;

use anyhow::Context as _;
use jiff::civil::Date;
use sample_portal::{Portal, PortalConfig};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    port: u16,
    years: Option<Vec<i16>>,
    rows: Option<u64>,
    files: Option<PathBuf>,
    seed: Option<u64>,
    today: Option<Date>,
}

fn main() -> anyhow::Result<()> {
    let settings: Settings = envy::prefixed("SAMPLE_")
        .from_iter(std::env::vars().filter(|(_, value)| !value.is_empty()))
        .context("cannot read the SAMPLE_ variables")?;
    let defaults = PortalConfig::default();
    let portal = Portal::start(PortalConfig {
        port: settings.port,
        generated_years: settings
            .years
            .unwrap_or_else(|| PortalConfig::default_years(settings.today)),
        rows_per_year: settings.rows,
        files: settings.files,
        seed: settings.seed.unwrap_or(defaults.seed),
        today: settings.today,
    })?;
    println!("PORTAL_URL={} FSA_URL={}", portal.url(), portal.fsa_url());
    loop {
        std::thread::park();
    }
}
