//! The points at which work can be killed, and the order in which trials go through them.

use std::collections::{BTreeMap, BTreeSet};

/// The effects of undisturbed work. A trial kills before one of them.
#[derive(Debug, Clone)]
pub struct Points {
    /// The kind of each effect.
    kinds: Vec<usize>,
    /// The numbers of the effects, in the order of the trials.
    order: Vec<usize>,
}

impl Points {
    /// Returns the points before `effects`. Trials take one of each kind after another, and those of a kind from beginning to
    /// end, so that a short campaign kills before as many different effects as it can.
    #[must_use]
    pub fn of(effects: &[String]) -> Self {
        let mut known = BTreeMap::new();
        let mut of_kind: Vec<Vec<usize>> = Vec::new();
        let mut kinds = Vec::new();
        for (number, effect) in effects.iter().enumerate() {
            let new = of_kind.len();
            let kind = *known.entry(kind_of(effect)).or_insert(new);
            if kind == new {
                of_kind.push(Vec::new());
            }
            of_kind[kind].push(number);
            kinds.push(kind);
        }
        let turns: Vec<Vec<usize>> = spread(of_kind.len())
            .map(|kind| {
                let points = &of_kind[kind];
                spread(points.len()).map(|at| points[at]).collect()
            })
            .collect();
        let rounds = turns.iter().map(Vec::len).max().unwrap_or(0);
        let of_round = |round: usize| turns.iter().filter_map(move |turn| turn.get(round));
        Self {
            order: (0..rounds).flat_map(of_round).copied().collect(),
            kinds,
        }
    }

    /// Returns how many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.kinds.len()
    }

    /// Returns the number of the effect before which a trial kills, counted from 0; `None` after the last one.
    #[must_use]
    pub fn of_trial(&self, trial: usize) -> Option<usize> {
        self.order.get(trial).copied()
    }

    /// Returns how many kinds of effects there are.
    #[must_use]
    pub fn kinds(&self) -> usize {
        self.kinds_of(0..self.count())
    }

    /// Returns how many kinds the effects of these numbers have.
    #[must_use]
    pub fn kinds_of(&self, numbers: impl IntoIterator<Item = usize>) -> usize {
        let kinds = numbers.into_iter().filter_map(|at| self.kinds.get(at));
        kinds.collect::<BTreeSet<_>>().len()
    }
}

/// Returns what effects of a kind have in common: what is done, the two outer folders, and the extension. Temporary files have
/// random names.
fn kind_of(effect: &str) -> (&str, &str) {
    let (folders, name) = effect.rsplit_once('/').unwrap_or((effect, ""));
    let second = folders.match_indices('/').nth(1);
    let folder = second.map_or(folders, |(end, _)| &folders[..end]);
    let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
    (folder, extension.map_or("", |(_, extension)| extension))
}

/// Returns the positions of `count` things, each once, so that the first few are far apart. The first is in the middle.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    // Steps of the golden ratio: https://en.wikipedia.org/wiki/Low-discrepancy_sequence#Additive_recurrence
    let mut steps = count * 618 / 1_000..=count;
    let step = steps.find(|step| greatest_common_divisor(*step, count) == 1);
    let step = step.unwrap_or(1);
    let middle = count.saturating_sub(1) / 2;
    (0..count).map(move |index| (middle + index * step) % count)
}

fn greatest_common_divisor(one: usize, other: usize) -> usize {
    if other == 0 {
        one
    } else {
        greatest_common_divisor(other, one % other)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Points, spread};

    #[test]
    fn every_position_comes_once_and_the_first_ones_are_far_apart() {
        for count in [1, 2, 3, 10, 97, 180, 1_000] {
            let all: BTreeSet<usize> = spread(count).collect();
            assert_eq!(all, (0..count).collect(), "{count}");
        }
        let mut first: Vec<usize> = spread(100).take(5).collect();
        first.sort_unstable();
        let gaps = first.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.min().unwrap() > 10, "{first:?}");
    }

    #[test]
    fn every_kind_of_effect_has_its_turn_before_one_has_its_second() {
        let rows = ["write lake/.spool/.tmp1/.tmp2", "write lake/.spool/.tmp3"];
        let effects = [
            &rows.repeat(50)[..],
            &["link lake/clean/city-wards/0f/manifest.json"],
            &["link lake/clean/service-requests/1e/2021-01.parquet"; 3],
            &["write warehouse.duckdb.wal"; 40],
            &["write warehouse.duckdb"; 20],
            &["rename site/data/catalog.json", "exit"],
        ];
        let effects: Vec<String> = effects.concat().into_iter().map(str::to_owned).collect();
        let points = Points::of(&effects);
        assert_eq!((points.count(), points.kinds()), (effects.len(), 7));

        let order: Vec<usize> = (0..).map_while(|trial| points.of_trial(trial)).collect();
        let all: BTreeSet<usize> = order.iter().copied().collect();
        assert_eq!(all, (0..effects.len()).collect());
        assert_eq!(order.len(), effects.len());
        assert_eq!(points.kinds_of(order[..7].iter().copied()), 7);
        // Three kinds have one effect each.
        assert_eq!(points.kinds_of(order[7..11].iter().copied()), 4);
    }
}
