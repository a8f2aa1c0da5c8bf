//! The locations of requests.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::data;
use super::kinds::{Kind, Spread};

/// The wards of the 25-ward model.
pub(crate) const WARDS: usize = 25;

/// A forward sortation area.
#[derive(Debug, Deserialize)]
struct Area {
    fsa: String,
    homes: f64,
}

/// The part of a forward sortation area in one ward.
#[derive(Debug, Deserialize)]
pub(crate) struct Part {
    pub(crate) fsa: String,
    ward_25: usize,
    pub(crate) ward_44: u8,
    share: f64,
}

/// A ward, and the quantities that requests can be proportional to.
#[derive(Debug, Deserialize)]
struct WardWeights {
    ward: usize,
    requests: f64,
    houses: f64,
    renters: f64,
}

/// The requests of a type in a ward; ward 0 represents all wards.
#[derive(Debug, Deserialize)]
struct WardType {
    ward: usize,
    #[serde(rename = "type")]
    name: String,
    requests: f64,
}

/// A street and the wards that it runs through.
#[derive(Debug, Deserialize)]
struct Street {
    #[serde(rename = "street")]
    name: String,
    direction: Direction,
    wards: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Ns,
    Ew,
}

static AREAS: LazyLock<Vec<Area>> =
    LazyLock::new(|| data::rows("fsas.csv", include_str!("../../data/fsas.csv")));
static PARTS: LazyLock<Vec<Part>> =
    LazyLock::new(|| data::rows("fsa_wards.csv", include_str!("../../data/fsa_wards.csv")));
static BY_WARD: LazyLock<Vec<WardWeights>> =
    LazyLock::new(|| data::rows("wards.csv", include_str!("../../data/wards.csv")));
static BY_TYPE: LazyLock<Vec<WardType>> =
    LazyLock::new(|| data::rows("ward_types.csv", include_str!("../../data/ward_types.csv")));
static STREETS: LazyLock<Vec<Street>> =
    LazyLock::new(|| data::rows("streets.csv", include_str!("../../data/streets.csv")));

/// Returns the names of the forward sortation areas.
pub(crate) fn forward_sortation_areas() -> impl Iterator<Item = &'static str> {
    AREAS.iter().map(|area| area.fsa.as_str())
}

/// Returns the parts of each ward, in the order of the wards, with the number of homes in each.
pub(crate) fn parts_of_wards() -> Vec<Vec<(&'static Part, f64)>> {
    let homes: BTreeMap<&str, f64> = AREAS
        .iter()
        .map(|area| (area.fsa.as_str(), area.homes))
        .collect();
    let mut wards = vec![Vec::new(); WARDS];
    for part in PARTS.iter() {
        // Homes are spread evenly over an area.
        let homes = homes.get(part.fsa.as_str()).copied().unwrap_or_default();
        wards[part.ward_25 - 1].push((part, homes * part.share));
    }
    wards
}

/// Returns the streets of each ward that run north and south, and those that run east and west.
pub(crate) fn streets_of_wards() -> Vec<[Vec<&'static str>; 2]> {
    let mut wards = vec![[Vec::new(), Vec::new()]; WARDS];
    for street in STREETS.iter() {
        for ward in street.wards.split(' ') {
            let ward: usize = ward.parse().expect("streets.csv has numbers of wards");
            wards[ward - 1][usize::from(street.direction == Direction::Ew)].push(&*street.name);
        }
    }
    wards
}

/// Returns the distribution of each of `kinds` over the wards, given their `frequencies`.
///
/// A type follows its counts by ward as far as they are known, else its distribution in `kinds.csv`. Then all are
/// fitted to the wards' shares of all requests.
pub(crate) fn spread(kinds: &[&Kind], frequencies: &[f64]) -> Vec<[f64; WARDS]> {
    let mut spread: Vec<[f64; WARDS]> = kinds.iter().map(|kind| known_spread(kind)).collect();
    let all: f64 = BY_WARD.iter().map(|ward| ward.requests).sum();
    let frequency: f64 = frequencies.iter().sum();
    for _ in 0..50 {
        for ward in BY_WARD.iter() {
            let at = ward.ward - 1;
            let now: f64 = spread
                .iter()
                .zip(frequencies)
                .map(|(shares, frequency)| shares[at] * frequency)
                .sum();
            let factor = ward.requests / all * frequency / now;
            for shares in &mut spread {
                shares[at] *= factor;
            }
        }
        for shares in &mut spread {
            normalize(shares);
        }
    }
    spread
}

fn known_spread(kind: &Kind) -> [f64; WARDS] {
    let name = kind.name(i16::MAX);
    let mut shares = [0.0; WARDS];
    for ward in BY_WARD.iter() {
        shares[ward.ward - 1] = match kind.spread {
            Spread::Requests => ward.requests,
            Spread::Houses => ward.houses,
            Spread::Renters => ward.renters,
        };
    }
    normalize(&mut shares);
    let listed: Vec<&WardType> = BY_TYPE
        .iter()
        .filter(|row| row.name == name && row.ward > 0)
        .collect();
    if listed.is_empty() {
        return shares;
    }
    let known: f64 = listed.iter().map(|row| row.requests).sum();
    let share_of_listed: f64 = listed.iter().map(|row| shares[row.ward - 1]).sum();
    let total = BY_TYPE.iter().find(|row| row.name == name && row.ward == 0);
    // If only a few wards are known, the type may be rare elsewhere.
    let (total, most) = match total {
        Some(row) => (row.requests, 1.0),
        None => (known / share_of_listed, 0.4),
    };
    let rest = (total - known).max(0.0) / (1.0 - share_of_listed).max(f64::EPSILON);
    for (at, share) in shares.iter_mut().enumerate() {
        let of_ward = BY_TYPE.iter().filter(|row| row.ward == at + 1);
        // A type that is not among the six most frequent of a ward is less frequent there than they are.
        let sixth = of_ward
            .map(|row| row.requests)
            .fold(f64::INFINITY, f64::min);
        *share = (*share * rest).min(most * sixth);
    }
    for row in listed {
        shares[row.ward - 1] = row.requests;
    }
    normalize(&mut shares);
    shares
}

fn normalize(shares: &mut [f64; WARDS]) {
    let sum: f64 = shares.iter().sum();
    for share in shares {
        *share /= sum;
    }
}
