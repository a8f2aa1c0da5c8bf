//! `docs/reliability.md`, from the outcomes of a campaign.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::points::Points;
use crate::runner::Outcome;
use crate::scenario::{Disturbance, Path, Scenario, Service};
use crate::wire::Kind;

/// A campaign: what there was to try, and what came of it.
#[derive(Default)]
pub struct Report {
    /// The points at which each scenario can kill.
    points: BTreeMap<String, Points>,
    outcomes: Vec<Outcome>,
}

impl Report {
    /// Records the points at which a scenario can kill.
    pub fn set_points(&mut self, scenario: Scenario, points: Points) {
        self.points.insert(scenario.to_string(), points);
    }

    /// Records an outcome.
    pub fn add(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// Returns the number of trials that failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        let mut outcomes = self.outcomes.iter();
        outcomes
            .by_ref()
            .filter(|outcome| outcome.problem.is_some())
            .count()
    }

    /// Returns the number of trials.
    #[must_use]
    pub fn trials(&self) -> usize {
        self.outcomes.len()
    }

    /// Returns the text of the document of a campaign that `command` started. It lists what was tried.
    #[must_use]
    pub fn markdown(&self, scenarios: &[Scenario], command: &str) -> String {
        let trials = self.trials();
        let failed = self.failed();
        let happened = self.outcomes.iter().filter(|outcome| outcome.happened);
        let disturbed = happened.count();
        format!(
            include_str!("reliability.md.in"),
            trials = trials,
            disturbed = disturbed,
            failed = failed,
            command = command,
            kills = self.kills(scenarios),
            pauses = self.pauses(scenarios),
            wires = self.wires(),
            crowds = self.crowds(scenarios),
        )
    }

    fn of(&self, scenario: Scenario) -> impl Iterator<Item = &Outcome> {
        self.outcomes
            .iter()
            .filter(move |outcome| outcome.trial.scenario == scenario)
    }

    fn kills(&self, scenarios: &[Scenario]) -> String {
        let mut rows = String::new();
        for &scenario in scenarios {
            let who = match scenario.disturbance {
                Disturbance::Kill => "all of it",
                Disturbance::Orphan => "not what it started",
                _ => continue,
            };
            let Some(points) = self.points.get(&scenario.to_string()) else {
                continue;
            };
            let killed = self.of(scenario).filter(|outcome| outcome.happened);
            let tried: BTreeSet<usize> = killed.map(|outcome| outcome.trial.number).collect();
            let count = tried.len().to_string();
            let Scenario { work, path, .. } = scenario;
            row(
                &mut rows,
                &[
                    work.to_string(),
                    named(path).to_owned(),
                    who.to_owned(),
                    points.count().to_string(),
                    count,
                    points.kinds().to_string(),
                    points.kinds_of(tried).to_string(),
                    most_reruns(self.of(scenario)),
                    lost(self.of(scenario)),
                ],
            );
        }
        rows
    }

    fn pauses(&self, scenarios: &[Scenario]) -> String {
        let mut rows = String::new();
        let pauses = scenarios.iter();
        for &scenario in pauses.filter(|scenario| scenario.disturbance == Disturbance::Pause) {
            let looked_at = self.of(scenario).map(|outcome| outcome.looked_at);
            let cells = [
                scenario.work.to_string(),
                named(scenario.path).to_owned(),
                looked_at.sum::<usize>().to_string(),
                lost(self.of(scenario)),
            ];
            row(&mut rows, &cells);
        }
        rows
    }

    fn wires(&self) -> String {
        let mut rows = String::new();
        for service in [Service::Portal, Service::Storage, Service::Warehouse] {
            let of_service = |outcome: &&Outcome| {
                outcome.trial.scenario.disturbance == Disturbance::Wire(service)
            };
            let mut kinds = Kind::of(service);
            kinds.sort_unstable();
            for kind in kinds {
                let of_kind = || {
                    let outcomes = self.outcomes.iter().filter(of_service);
                    outcomes.filter(move |outcome| outcome.kind == Some(kind) && outcome.happened)
                };
                let exits = |code| {
                    let count = of_kind()
                        .filter(|outcome| outcome.exit == Some(code))
                        .count();
                    count.to_string()
                };
                let trials = of_kind().count().to_string();
                let cells = [
                    service.to_string(),
                    kind.to_string(),
                    trials,
                    exits(0),
                    exits(30),
                    exits(20),
                    exits(10),
                    lost(of_kind()),
                ];
                row(&mut rows, &cells);
            }
        }
        rows
    }

    fn crowds(&self, scenarios: &[Scenario]) -> String {
        let mut rows = String::new();
        let works = scenarios
            .iter()
            .filter_map(|scenario| match scenario.disturbance {
                Disturbance::Crowd(copies) => Some((*scenario, copies)),
                _ => None,
            });
        for (scenario, copies) in works {
            let cells = [
                scenario.work.to_string(),
                named(scenario.path).to_owned(),
                copies.to_string(),
                self.of(scenario).count().to_string(),
                most_reruns(self.of(scenario)),
                lost(self.of(scenario)),
            ];
            row(&mut rows, &cells);
        }
        rows
    }
}

fn named(path: Path) -> &'static str {
    match path {
        Path::Local => "directory, DuckDB",
        Path::Cloud => "Cloud Storage, BigQuery",
    }
}

fn most_reruns<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> String {
    let most = outcomes.map(|outcome| outcome.reruns).max();
    most.map_or_else(String::new, |most| most.to_string())
}

fn lost<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> String {
    let failed = outcomes.filter(|outcome| outcome.problem.is_some());
    failed.count().to_string()
}

fn row(rows: &mut String, cells: &[String]) {
    // Writing to a String cannot fail.
    writeln!(rows, "| {} |", cells.join(" | ")).ok();
}
