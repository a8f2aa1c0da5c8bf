//! A few trials of each kind. `make chaos` runs all of them.

#![allow(clippy::unwrap_used, reason = "tests panic on errors")]

use chaos::Home;
use chaos::campaign::{first, reference_of};
use chaos::reference::Reference;
use chaos::scenario::{Disturbance, Path, Scenario, Service, Work};
use shared::run::Stage;

const EXTRACT: Work = Work::Stage(Stage::Extract);
const TRANSFORM: Work = Work::Stage(Stage::Transform);
const LOAD: Work = Work::Stage(Stage::Load);
const DBT: Work = Work::Stage(Stage::Dbt);

/// Scenarios, and the number of trials of each.
type Plan<'a> = &'a [(Disturbance, Work, usize)];

/// Runs the trials on a path, and checks that each disturbed the work, and that nothing was lost.
fn nothing_is_lost(path: Path, plan: Plan<'_>) {
    let works: Vec<Work> = plan.iter().map(|planned| planned.1).collect();
    let home = Home::start(path, &works).unwrap();
    let references = Reference::all(&home, &works).unwrap();
    for &(disturbance, work, trials) in plan {
        let reference = reference_of(&references, work).unwrap();
        let scenario = Scenario {
            disturbance,
            work,
            path,
        };
        let outcomes = first(&home, reference, scenario, trials).unwrap();
        assert_eq!(outcomes.len(), trials, "{scenario}");
        for outcome in outcomes {
            assert!(outcome.happened && outcome.problem.is_none(), "{outcome}");
        }
    }
}

#[test]
fn to_the_warehouse_on_one_machine() {
    nothing_is_lost(
        Path::Local,
        &[
            (Disturbance::Kill, EXTRACT, 6),
            (Disturbance::Kill, TRANSFORM, 6),
            (Disturbance::Kill, LOAD, 8),
            (Disturbance::Pause, LOAD, 1),
            (Disturbance::Crowd(4), LOAD, 1),
            (Disturbance::Wire(Service::Portal), EXTRACT, 2),
        ],
    );
}

#[test]
fn to_the_warehouse_in_the_cloud() {
    nothing_is_lost(
        Path::Cloud,
        &[
            (Disturbance::Kill, EXTRACT, 2),
            (Disturbance::Kill, TRANSFORM, 2),
            (Disturbance::Kill, LOAD, 3),
            (Disturbance::Wire(Service::Storage), TRANSFORM, 2),
            (Disturbance::Wire(Service::Warehouse), LOAD, 2),
        ],
    );
}

#[test]
fn marts_on_one_machine() {
    nothing_is_lost(
        Path::Local,
        &[(Disturbance::Kill, DBT, 2), (Disturbance::Orphan, DBT, 1)],
    );
}

#[test]
fn a_run_on_one_machine() {
    nothing_is_lost(
        Path::Local,
        &[
            (Disturbance::Kill, Work::Run, 1),
            (Disturbance::Orphan, Work::Run, 1),
        ],
    );
}

#[test]
fn a_run_in_the_cloud() {
    nothing_is_lost(Path::Cloud, &[(Disturbance::Kill, Work::Run, 1)]);
}
