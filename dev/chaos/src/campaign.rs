//! Goes through the scenarios of a home until the time is over.

use std::time::{Duration, Instant};

use crate::home::Home;
use crate::reference::Reference;
use crate::runner::{self, Outcome};
use crate::scenario::{Disturbance, Scenario, Work};

/// A scenario, and how far it has come.
struct Progress {
    scenario: Scenario,
    /// The number of trials so far.
    trials: usize,
    spent: Duration,
}

impl Progress {
    /// Returns the number of the next trial; `None` after the last one.
    fn next(&self, reference: &Reference) -> Option<usize> {
        match self.scenario.disturbance {
            Disturbance::Kill | Disturbance::Orphan => {
                let points = reference.effects.len();
                (self.trials < points).then(|| spread(self.trials, points))
            }
            Disturbance::Wire(_) | Disturbance::Crowd(_) => Some(self.trials),
        }
    }

    /// Returns what it has spent, in relation to what it deserves: the more ways it has to go wrong, the more.
    fn share(&self) -> Duration {
        self.spent
            / match self.scenario.disturbance {
                Disturbance::Kill => 6,
                Disturbance::Wire(_) => 3,
                Disturbance::Orphan | Disturbance::Crowd(_) => 1,
            }
    }
}

/// Returns the place of the `index`th of `points`, so that the first few are far apart and all come once.
fn spread(index: usize, points: usize) -> usize {
    // Steps of the golden ratio: https://en.wikipedia.org/wiki/Low-discrepancy_sequence#Additive_recurrence
    let mut steps = points * 618 / 1_000..=points;
    let step = steps.find(|step| greatest_common_divisor(*step, points) == 1);
    index * step.unwrap_or(1) % points
}

fn greatest_common_divisor(one: usize, other: usize) -> usize {
    if other == 0 {
        one
    } else {
        greatest_common_divisor(other, one % other)
    }
}

/// Runs trials of the scenarios until `deadline`, or until all of them have ended, and reports each one. A trial that began
/// before the deadline is finished.
///
/// # Errors
/// Fails if a trial could not take place.
pub fn run(
    home: &Home,
    references: &[Reference],
    scenarios: &[Scenario],
    deadline: Instant,
    mut report: impl FnMut(Outcome),
) -> anyhow::Result<()> {
    let mut progress: Vec<Progress> = scenarios
        .iter()
        .map(|&scenario| Progress {
            scenario,
            trials: 0,
            spent: Duration::ZERO,
        })
        .collect();
    while Instant::now() < deadline {
        let next = progress.iter_mut().filter_map(|progress| {
            let reference = reference_of(references, progress.scenario.work)?;
            let number = progress.next(reference)?;
            Some((progress, reference, number))
        });
        let Some((progress, reference, number)) = next.min_by_key(|next| next.0.share()) else {
            return Ok(());
        };
        let start = Instant::now();
        let trial = progress.scenario.trial(number);
        report(runner::run(home, reference, trial)?);
        progress.trials += 1;
        progress.spent += start.elapsed();
    }
    Ok(())
}

/// Runs the first `count` trials of a scenario.
///
/// # Errors
/// Fails if a trial could not take place.
pub fn first(
    home: &Home,
    reference: &Reference,
    scenario: Scenario,
    count: usize,
) -> anyhow::Result<Vec<Outcome>> {
    let mut progress = Progress {
        scenario,
        trials: 0,
        spent: Duration::ZERO,
    };
    let mut outcomes = Vec::new();
    while let Some(number) = progress.next(reference)
        && progress.trials < count
    {
        outcomes.push(runner::run(home, reference, scenario.trial(number))?);
        progress.trials += 1;
    }
    Ok(outcomes)
}

/// Returns the reference of some work.
#[must_use]
pub fn reference_of(references: &[Reference], work: Work) -> Option<&Reference> {
    references.iter().find(|reference| reference.work == work)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::spread;

    #[test]
    fn every_point_comes_once_and_the_first_ones_are_far_apart() {
        for points in [1, 2, 3, 10, 97, 180, 1_000] {
            let all: BTreeSet<usize> = (0..points).map(|index| spread(index, points)).collect();
            assert_eq!(all, (0..points).collect(), "{points}");
        }
        let mut first: Vec<usize> = (0..5).map(|index| spread(index, 100)).collect();
        first.sort_unstable();
        let gaps = first.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.min().unwrap() > 10, "{first:?}");
    }
}
