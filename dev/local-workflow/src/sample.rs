//! The sample portal as the source of a run, and the choice of its publications.

use std::path::Path;

use anyhow::Context as _;
use sample_portal::{Portal, PortalConfig};

use crate::settings::{Publication, Settings};

/// The number of publications of the current year in a first run, so that requests have a history of statuses.
const HISTORY: u32 = 3;

/// Starts the sample portal, unless the settings have a real one. Its port is fixed, so that its files keep their
/// addresses between runs.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<Option<Portal>> {
    if settings.source.is_some() {
        return Ok(None);
    }
    let port = settings.sample_port;
    let config = PortalConfig {
        port,
        generated_years: settings.sample_years.clone(),
        rows_per_year: settings.sample_rows,
        files: settings.sample_files.clone(),
        today: settings.sample_today,
        ..PortalConfig::default()
    };
    let portal = Portal::start(config).with_context(|| {
        format!("cannot start the sample portal on port {port}: set SAMPLE_PORT to another port")
    })?;
    Ok(Some(portal))
}

/// Returns the publications of the current year for a run, in order; empty if the run uses the current one.
///
/// These are the publications that the warehouse does not have, of the last three. If years are selected or real files
/// are published, there are none.
pub(crate) fn publications(settings: &Settings, portal: &Portal) -> Vec<Publication> {
    let Some(&year) = settings.sample_years.iter().max() else {
        return Vec::new();
    };
    let is_real = |files: &Path| {
        let file = format!("service-requests/SR{year}.csv");
        files.join(file).exists()
    };
    if settings.years.is_some() || settings.sample_files.as_deref().is_some_and(is_real) {
        return Vec::new();
    }
    // Emulators have no data of earlier runs.
    let loaded = match settings.cloud {
        Some(_) => None,
        None => settings.latest_publication(),
    };
    not_loaded(year, portal.publications(year), loaded)
}

fn not_loaded(year: i16, published: u32, loaded: Option<Publication>) -> Vec<Publication> {
    let first = published.saturating_sub(HISTORY - 1).max(1);
    let loaded = loaded.filter(|loaded| loaded.year == year);
    let next = loaded.map_or(first, |loaded| loaded.number + 1);
    (first.max(next)..=published)
        .map(|number| Publication { year, number })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::settings::Publication;

    use super::not_loaded;

    #[test]
    fn a_run_uses_the_last_publications_that_the_warehouse_does_not_have() {
        let numbers = |published, loaded: Option<(i16, u32)>| -> Vec<u32> {
            let loaded = loaded.map(|(year, number)| Publication { year, number });
            let taken = not_loaded(2026, published, loaded);
            taken.iter().map(|publication| publication.number).collect()
        };
        assert_eq!(numbers(10, None), [8, 9, 10]);
        assert_eq!(numbers(2, None), [1, 2]);
        assert_eq!(numbers(10, Some((2026, 8))), [9, 10]);
        assert_eq!(numbers(10, Some((2026, 1))), [8, 9, 10]);
        assert_eq!(numbers(10, Some((2026, 10))), [0; 0]);
        assert_eq!(numbers(1, Some((2025, 15))), [1]);
    }
}
