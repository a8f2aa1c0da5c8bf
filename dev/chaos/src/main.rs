//! See the crate's README.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chaos::campaign::{self, reference_of};
use chaos::reference::Reference;
use chaos::report::Report;
use chaos::scenario::{self, Disturbance, Path, Scenario, Trial, Work};
use chaos::{Home, runner};

/// What a campaign writes.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reliability.md");

fn main() -> ExitCode {
    execute().unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

fn execute() -> anyhow::Result<ExitCode> {
    let given = |name| env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(seed) = given("SEED") {
        return repeat(seed.parse()?);
    }
    let minutes: u64 = match given("MINUTES") {
        Some(minutes) => minutes.parse().context("MINUTES is not a number")?,
        None => 20,
    };
    let only = given("ONLY");
    let mut scenarios = scenario::all();
    if let Some(only) = &only {
        scenarios.retain(|scenario| {
            let name = scenario.to_string();
            only.split(',').any(|part| name.contains(part))
        });
        if scenarios.is_empty() {
            bail!("ONLY is {only:?}, and no scenario has one of these parts in its name");
        }
    }
    let report = Mutex::new(Report::default());
    let ended = campaign(&scenarios, Duration::from_mins(minutes), &report);
    let report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{} trials, {} failed", report.trials(), report.failed());
    let command = match only {
        Some(only) => format!("make chaos MINUTES={minutes} ONLY={only}"),
        None => format!("make chaos MINUTES={minutes}"),
    };
    let text = report.markdown(&scenarios, &command);
    fs::write(DOCUMENT, text).with_context(|| format!("cannot write {DOCUMENT}"))?;
    // A home that could not go on, such as one whose emulator failed, takes no other trial with it.
    ended?;
    Ok(ExitCode::from(u8::from(report.failed() > 0)))
}

/// Repeats one trial.
fn repeat(trial: Trial) -> anyhow::Result<ExitCode> {
    let Scenario { work, path, .. } = trial.scenario;
    let home = Home::start(path, &[work])?;
    let references = Reference::all(&home, &[work])?;
    let reference = reference_of(&references, work).context("no reference")?;
    let outcome = runner::run(&home, reference, trial)?;
    println!("{outcome}");
    Ok(ExitCode::from(u8::from(outcome.problem.is_some())))
}

/// Runs the scenarios until the time is over. On each path, those of the wire, which mostly wait, those of whole runs, which take
/// long, and the others each have a home of their own.
fn campaign(
    scenarios: &[Scenario],
    duration: Duration,
    report: &Mutex<Report>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + duration;
    let mut groups: BTreeMap<_, Vec<Scenario>> = BTreeMap::new();
    for scenario in scenarios {
        let is_wire = matches!(scenario.disturbance, Disturbance::Wire(_));
        let key = (scenario.path, is_wire, scenario.work == Work::Run);
        groups.entry(key).or_default().push(*scenario);
    }
    thread::scope(|scope| {
        let running = groups.into_iter().map(|((path, ..), scenarios)| {
            scope.spawn(move || {
                let outcome = group(path, &scenarios, deadline, report);
                outcome
                    .inspect_err(|error| eprintln!("the trials on the path {path} end: {error:#}"))
            })
        });
        // All of them start before one is waited for.
        let running: Vec<_> = running.collect();
        running
            .into_iter()
            .try_for_each(|group| match group.join() {
                Ok(outcome) => outcome,
                Err(panicked) => std::panic::resume_unwind(panicked),
            })
    })
}

fn group(
    path: Path,
    scenarios: &[Scenario],
    deadline: Instant,
    report: &Mutex<Report>,
) -> anyhow::Result<()> {
    let works: Vec<Work> = scenarios.iter().map(|scenario| scenario.work).collect();
    let home = Home::start(path, &works)?;
    let references = Reference::all(&home, &works)?;
    let report = || report.lock().unwrap_or_else(PoisonError::into_inner);
    for &scenario in scenarios {
        if let Some(reference) = reference_of(&references, scenario.work) {
            report().set_points(scenario, reference.points.clone());
        }
    }
    campaign::run(&home, &references, scenarios, deadline, |outcome| {
        println!("{outcome}");
        report().add(outcome);
    })
}
