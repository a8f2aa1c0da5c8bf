//! The locations of requests.

use fastrand::Rng;
use jiff::civil::{Date, DateTime};
use shared::contract::{Contract, WardModel};

use super::choose;
use crate::published::kinds::Kind;
use crate::published::places::{Part, WARDS, parts_of_wards, spread, streets_of_wards};

/// The first day of the 25-ward model.
const NEW_WARDS: Date = jiff::civil::date(2018, 12, 1);
/// The first year whose rows at addresses all have a ward.
const WARDS_KNOWN: i16 = 2026;

/// The location of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) fsa: &'static str,
    pub(super) streets: Option<[&'static str; 2]>,
    /// An index of [`Places::ward_names`].
    pub(super) ward: Option<usize>,
}

/// The locations of a year's requests.
pub(super) struct Places {
    /// The wards of each type, each with the cumulative sum of the shares.
    wards: Vec<Vec<(f64, usize)>>,
    corners: Vec<u32>,
    parts: Vec<Vec<(f64, &'static Part)>>,
    streets: Vec<[Vec<&'static str>; 2]>,
    /// The names as in the files, of the 44-ward model and then of the 25-ward model.
    names: Vec<String>,
    of_44: usize,
    /// Whether a few rows at addresses have no ward.
    lacks_wards: bool,
}

impl Places {
    pub(super) fn new(year: i16, kinds: &[&Kind], frequencies: &[f64]) -> Self {
        let shares = spread(kinds, frequencies);
        let wards = shares
            .into_iter()
            .map(|shares| cumulated(shares.into_iter().zip(0..WARDS)));
        let parts = parts_of_wards()
            .into_iter()
            .map(|parts| cumulated(parts.into_iter().map(|(part, homes)| (homes, part))));
        let written = |model: &WardModel| {
            let name = |ward: &shared::contract::Ward| format!("{} ({:02})", ward.name, ward.id);
            model.wards.iter().map(name).collect::<Vec<_>>()
        };
        let models = &Contract::rules().ward_models;
        let of_44 = written(&models[0]);
        Self {
            wards: wards.collect(),
            corners: kinds.iter().map(|kind| kind.corner).collect(),
            parts: parts.collect(),
            streets: streets_of_wards(),
            of_44: of_44.len(),
            names: [of_44, written(&models[1])].concat(),
            lacks_wards: year < WARDS_KNOWN,
        }
    }

    /// Returns the names of the wards of both models.
    pub(super) fn ward_names(&self) -> &[String] {
        &self.names
    }

    /// Returns a location for a request of `kind`: an intersection without a ward if it is void, else an intersection
    /// or an area of some ward.
    pub(super) fn draw(
        &self,
        kind: usize,
        is_void: bool,
        moment: DateTime,
        rng: &mut Rng,
    ) -> Place {
        let ward = choose(&self.wards[kind], rng);
        let part = choose(&self.parts[ward], rng);
        let name = if moment.date() >= NEW_WARDS {
            self.of_44 + ward
        } else {
            usize::from(part.ward_44) - 1
        };
        if is_void || rng.u32(..100) < self.corners[kind] {
            let [one, other] = &self.streets[ward];
            let [one, other] = [one, other].map(|streets| streets[rng.usize(..streets.len())]);
            let streets = if rng.bool() {
                [one, other]
            } else {
                [other, one]
            };
            return Place {
                fsa: "Intersection",
                streets: Some(streets),
                ward: (!is_void).then_some(name),
            };
        }
        let mut place = Place {
            fsa: &part.fsa,
            streets: None,
            ward: Some(name),
        };
        // A few rows at addresses lack one or the other.
        match rng.u32(..400) {
            0 => place.fsa = "Unknown",
            1 if self.lacks_wards => place.ward = None,
            _ => {}
        }
        place
    }
}

fn cumulated<T>(weighted: impl Iterator<Item = (f64, T)>) -> Vec<(f64, T)> {
    let mut sum = 0.0;
    let cumulated = weighted.map(|(weight, value)| {
        sum += weight;
        (sum, value)
    });
    cumulated.collect()
}
