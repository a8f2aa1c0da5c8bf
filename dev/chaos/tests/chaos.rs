//! A few trials of each kind. `make chaos` runs all of them.

#![allow(clippy::unwrap_used, reason = "tests panic on errors")]

use chaos::Home;
use chaos::campaign::{first, reference_of};
use chaos::reference::Reference;
use chaos::scenario::{Disturbance, Path, Scenario, Service, Work};
use shared::run::Stage;

/// Scenarios, and the number of trials of each.
type Plan<'a> = &'a [(Disturbance, Stage, usize)];

/// Runs the trials on a path, and checks that each disturbed the work, and that nothing was lost.
fn nothing_is_lost(path: Path, plan: Plan<'_>) {
    let works: Vec<Work> = plan.iter().map(|planned| Work::Stage(planned.1)).collect();
    let home = Home::start(path, &works).unwrap();
    let references = Reference::all(&home, &works).unwrap();
    for &(disturbance, stage, trials) in plan {
        let work = Work::Stage(stage);
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
            (Disturbance::Kill, Stage::Extract, 6),
            (Disturbance::Kill, Stage::Transform, 6),
            (Disturbance::Kill, Stage::Load, 8),
            (Disturbance::Crowd(4), Stage::Load, 1),
            (Disturbance::Wire(Service::Portal), Stage::Extract, 2),
        ],
    );
}

#[test]
fn to_the_warehouse_in_the_cloud() {
    nothing_is_lost(
        Path::Cloud,
        &[
            (Disturbance::Kill, Stage::Extract, 2),
            (Disturbance::Kill, Stage::Transform, 2),
            (Disturbance::Kill, Stage::Load, 3),
            (Disturbance::Wire(Service::Storage), Stage::Transform, 2),
            (Disturbance::Wire(Service::Warehouse), Stage::Load, 2),
        ],
    );
}

#[test]
fn marts_on_one_machine() {
    nothing_is_lost(
        Path::Local,
        &[
            (Disturbance::Kill, Stage::Dbt, 2),
            (Disturbance::Orphan, Stage::Dbt, 1),
        ],
    );
}

#[test]
fn marts_in_the_cloud() {
    nothing_is_lost(Path::Cloud, &[(Disturbance::Kill, Stage::Dbt, 1)]);
}
