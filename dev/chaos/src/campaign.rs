//! Goes through the scenarios of a home until the time is over.

use std::time::{Duration, Instant};

use shared::run::Stage;

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
            Disturbance::Kill | Disturbance::Orphan => reference.points.of_trial(self.trials),
            Disturbance::Pause => (self.trials == 0).then_some(0),
            Disturbance::Wire(_) | Disturbance::Crowd(_) => Some(self.trials),
        }
    }

    /// Returns what it has spent, in relation to what it deserves: the more ways it has to go wrong, and the longer its work
    /// takes, the more. Of those that have spent nothing, crowds come last, the largest at the end.
    fn share(&self) -> (Duration, usize) {
        let (deserved, copies) = match self.scenario.disturbance {
            Disturbance::Kill => match self.scenario.work {
                Work::Stage(Stage::Dbt) => (36, 1),
                Work::Stage(_) | Work::Run => (12, 1),
            },
            Disturbance::Wire(_) => (6, 1),
            Disturbance::Orphan | Disturbance::Pause => (3, 1),
            Disturbance::Crowd(copies) => (1, copies),
        };
        (self.spent / deserved, copies)
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
