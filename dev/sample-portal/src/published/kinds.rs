//! The types of requests.

use std::sync::LazyLock;

use serde::Deserialize;

use super::closing::ClosingLaw;
use super::data;

/// A service request type.
#[derive(Debug, Deserialize)]
pub(crate) struct Kind {
    pub(crate) division: String,
    section: String,
    section_2010: String,
    name_2010: String,
    name_2022: String,
    name_2025: String,
    name_2026: String,
    /// Its frequency.
    pub(crate) weight: f64,
    season: String,
    law: String,
    pub(crate) spread: Spread,
    /// The percentage of its requests that are at an intersection.
    pub(crate) corner: u32,
}

/// The distribution of a type's requests over the wards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Spread {
    /// Like all requests.
    Requests,
    /// Like dwellings that are not in large buildings.
    Houses,
    /// Like renting households.
    Renters,
}

#[derive(Debug, Deserialize)]
struct Season {
    season: String,
    months: [f64; 12],
}

pub(crate) static KINDS: LazyLock<Vec<Kind>> =
    LazyLock::new(|| data::rows("kinds.csv", include_str!("../../data/kinds.csv")));
static SEASONS: LazyLock<Vec<Season>> =
    LazyLock::new(|| data::tuples("seasons.csv", include_str!("../../data/seasons.csv")));

impl ClosingLaw {
    /// Returns the law of a service request type in any of its spellings.
    #[must_use]
    pub fn of_type(service_request_type: &str) -> Option<&'static Self> {
        let published = service_request_type.replace(", ", "|| ");
        let kind = KINDS.iter().find(|kind| {
            let mut names = kind.names();
            names.any(|name| name == service_request_type || name == published)
        })?;
        Some(kind.law())
    }
}

impl Kind {
    /// Returns its name in the files of `year`.
    pub(crate) fn name(&self, year: i16) -> &str {
        let names = [
            (2026, &self.name_2026),
            (2025, &self.name_2025),
            (2022, &self.name_2022),
        ];
        let current = names
            .into_iter()
            .find(|(since, name)| *since <= year && !name.is_empty());
        current.map_or(&self.name_2010, |(_, name)| name)
    }

    /// Returns its names, the oldest first.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [2010, 2022, 2025, 2026]
            .map(|year| self.name(year))
            .into_iter()
    }

    /// Returns its section in the files of `year`.
    pub(crate) fn section(&self, year: i16) -> &str {
        if year < 2022 && !self.section_2010.is_empty() {
            &self.section_2010
        } else {
            &self.section
        }
    }

    /// Returns its frequency in each month.
    pub(crate) fn by_month(&self) -> [f64; 12] {
        let season = SEASONS.iter().find(|season| season.season == self.season);
        let months = season
            .expect("seasons.csv has every season of kinds.csv")
            .months;
        let year: f64 = months.iter().sum();
        months.map(|month| self.weight * month / year)
    }

    /// Returns the law of its requests' durations.
    pub(crate) fn law(&self) -> &'static ClosingLaw {
        ClosingLaw::named(&self.law).expect("laws.csv has every law of kinds.csv")
    }
}
