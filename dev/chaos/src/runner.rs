//! Runs one trial: disturbs work, looks at what it left, repeats the work, and compares the end with the undisturbed run.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::elsewhere::Elsewhere;
use crate::home::{Home, Wires};
use crate::judge;
use crate::reference::Reference;
use crate::scenario::{Disturbance, Service, Trial};
use crate::trace::Victim;
use crate::wire::{Drawn, Kind};

/// How often the workflow repeats a stage.
const MAX_RERUNS: usize = 4;

/// What came of a trial.
#[derive(Debug)]
pub struct Outcome {
    /// The trial.
    pub trial: Trial,
    /// How the work was disturbed, in words.
    pub disturbance: String,
    /// The kind of fault, if it was one of the wire.
    pub kind: Option<Kind>,
    /// Whether the disturbance happened: work that sends fewer requests this time ends before it.
    pub happened: bool,
    /// The number of effects before which somebody looked at what came of the work.
    pub looked_at: usize,
    /// The exit code of the disturbed work, of the worst copy of a crowd; `None` if it was killed.
    pub exit: Option<i32>,
    /// How often the work had to be repeated.
    pub reruns: usize,
    /// Its duration.
    pub took: Duration,
    /// What does not hold.
    pub problem: Option<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match (self.exit, self.happened) {
            (_, false) => "not reached".to_owned(),
            (None, true) => "killed".to_owned(),
            (Some(code), true) => format!("exit {code}"),
        };
        let Self {
            trial,
            disturbance,
            reruns,
            took,
            ..
        } = self;
        let seconds = took.as_secs_f64();
        write!(
            f,
            "{trial:<32} {disturbance}: {how}, {reruns} reruns, {seconds:.1} s, "
        )?;
        match &self.problem {
            None => f.write_str("nothing lost"),
            Some(problem) => write!(f, "FAILED: {problem}"),
        }
    }
}

/// What a disturbance did.
struct Disturbed {
    description: String,
    kind: Option<Kind>,
    happened: bool,
    looked_at: usize,
    exit: Option<i32>,
}

/// Runs a trial from the state of its reference.
///
/// # Errors
/// Fails if the trial could not take place. What it finds is in the outcome.
pub fn run(home: &Home, reference: &Reference, trial: Trial) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    home.restore(&reference.saved)
        .context("cannot return to the state before the trial")?;
    let mut disturbed = Disturbed {
        description: String::new(),
        kind: None,
        happened: false,
        looked_at: 0,
        exit: None,
    };
    let mut reruns = 0;
    let mut judged = disturb(home, reference, trial, &mut disturbed);
    if judged.is_ok() && disturbed.exit != Some(0) {
        judged = recover(home, reference, &mut reruns);
    }
    if judged.is_ok() {
        judged = judge::check_end(home, reference);
    }
    Ok(Outcome {
        trial,
        disturbance: disturbed.description,
        kind: disturbed.kind,
        happened: disturbed.happened,
        looked_at: disturbed.looked_at,
        exit: disturbed.exit,
        reruns,
        took: start.elapsed(),
        problem: judged.err().map(|error| format!("{error:#}")),
    })
}

/// Disturbs the work once.
fn disturb(
    home: &Home,
    reference: &Reference,
    trial: Trial,
    disturbed: &mut Disturbed,
) -> anyhow::Result<()> {
    match trial.scenario.disturbance {
        Disturbance::Kill => kill(home, reference, trial.number, Victim::All, disturbed),
        Disturbance::Orphan => kill(home, reference, trial.number, Victim::Program, disturbed),
        Disturbance::Pause => pause(home, reference, disturbed),
        Disturbance::Wire(service) => break_wire(home, reference, service, trial.number, disturbed),
        Disturbance::Crowd(copies) => crowd(home, reference, copies, disturbed),
    }
}

fn kill(
    home: &Home,
    reference: &Reference,
    number: usize,
    victim: Victim,
    disturbed: &mut Disturbed,
) -> anyhow::Result<()> {
    let traced = home.execute(reference.work, Wires::INTACT, Some((number, victim)))?;
    let last = traced.effects.last().map_or("nothing", String::as_str);
    disturbed.description = format!("before {last}");
    disturbed.happened = traced.killed;
    disturbed.exit = traced.exit;
    if !traced.killed {
        return judge::check_exit(traced.exit, &[0]);
    }
    judge::check_broken_off(home, reference, &home.data())
}

/// Looks at what a reader finds before each effect, as if the work had broken off there.
fn pause(home: &Home, reference: &Reference, disturbed: &mut Disturbed) -> anyhow::Result<()> {
    disturbed.happened = true;
    let mut is_news = true;
    let traced = home.watch(reference.work, |effect| {
        if is_news {
            judge::check_broken_off(home, reference, home.look()?)
                .with_context(|| format!("before {effect}"))?;
        }
        disturbed.looked_at += 1;
        // Readers leave out temporary files, and find what they found.
        is_news = !effect.contains("/.");
        Ok(())
    })?;
    disturbed.description = format!("looked at before {} effects", disturbed.looked_at);
    disturbed.exit = traced.exit;
    judge::check_exit(traced.exit, &[0])
}

fn break_wire(
    home: &Home,
    reference: &Reference,
    service: Service,
    seed: usize,
    disturbed: &mut Disturbed,
) -> anyhow::Result<()> {
    let elsewhere = Elsewhere::start()?;
    let requests = reference.requests.get(&service).copied().unwrap_or(0);
    let drawn = Drawn::of(seed, service, requests, elsewhere.url());
    disturbed.description = drawn.to_string();
    disturbed.kind = Some(drawn.kind);
    let (_, broken) = home.requests(service);
    let traced = home.execute(reference.work, Wires::broken(service, &drawn), None)?;
    disturbed.happened = drawn.fault.is_none() || home.requests(service).1 > broken;
    disturbed.exit = traced.exit;
    judge::check_exit(traced.exit, drawn.kind.honest_exits()).with_context(|| home.last_words())?;
    ensure!(
        elsewhere.requests() == 0,
        "followed a redirect to a host that has nothing to do with it"
    );
    judge::check_broken_off(home, reference, &home.data())
}

fn crowd(
    home: &Home,
    reference: &Reference,
    copies: usize,
    disturbed: &mut Disturbed,
) -> anyhow::Result<()> {
    disturbed.description = format!("{copies} copies at once");
    disturbed.happened = true;
    let exits = thread::scope(|scope| {
        let execute = || home.execute(reference.work, Wires::INTACT, None);
        let running: Vec<_> = (0..copies).map(|_| scope.spawn(execute)).collect();
        let ended = running.into_iter().map(|copy| match copy.join() {
            Ok(traced) => Ok(traced?.exit),
            Err(panicked) => std::panic::resume_unwind(panicked),
        });
        ended.collect::<anyhow::Result<Vec<_>>>()
    })?;
    // A signal is worse than any code.
    disturbed.exit = exits
        .iter()
        .copied()
        .max_by_key(|exit| exit.unwrap_or(i32::MAX))
        .flatten();
    exits
        .into_iter()
        .try_for_each(|exit| judge::check_exit(exit, &[0, 30]))
        .with_context(|| home.last_words())
}

/// Repeats the work until it succeeds, like the workflow.
fn recover(home: &Home, reference: &Reference, reruns: &mut usize) -> anyhow::Result<()> {
    loop {
        let traced = home.execute(reference.work, Wires::INTACT, None)?;
        *reruns += 1;
        let honest: &[i32] = if *reruns < MAX_RERUNS { &[0, 30] } else { &[0] };
        judge::check_exit(traced.exit, honest)
            .with_context(|| format!("rerun {reruns}: {}", home.last_words()))?;
        if traced.exit == Some(0) {
            return Ok(());
        }
    }
}
