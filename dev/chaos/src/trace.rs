//! The tracer: numbers the effects of a program, and kills it before one of them. Its own documentation says how.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The program and all that it started, as with a container or a machine.
    All,
    /// The program alone. What it started lives on.
    Program,
}

/// What happens before the effects of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// They are counted.
    Nothing,
    /// The victim is killed before the effect of this number.
    Kill(usize, Victim),
    /// The program waits until somebody has looked at what came of the effects before.
    Pause,
}

/// What happened to a program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Traced {
    /// Its exit code; `None` if a signal ended it.
    pub exit: Option<i32>,
    /// Its effects, in order; the last one did not happen if it was killed.
    pub effects: Vec<String>,
    /// Whether it was killed as planned.
    pub killed: bool,
}

/// Adds the arguments of the tracer that come before the program.
pub(crate) fn set(tracer: &mut Command, report: &Path, directory: &Path, plan: Plan) {
    let plan = match plan {
        Plan::Nothing => "nothing".to_owned(),
        Plan::Kill(number, Victim::All) => format!("all:{number}"),
        Plan::Kill(number, Victim::Program) => format!("program:{number}"),
        Plan::Pause => "pause".to_owned(),
    };
    tracer.arg(report).arg(directory).arg(plan);
}

/// Runs the tracer, which writes `report`.
///
/// # Errors
/// Fails if the tracer does, and if the program has not ended after `patience`.
pub(crate) fn run(
    tracer: &mut Command,
    report: &Path,
    patience: Duration,
) -> anyhow::Result<Traced> {
    let mut child = tracer.spawn().context("cannot start the tracer")?;
    let deadline = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            // What it traces ends with it.
            child.kill()?;
            child.wait()?;
            bail!("has not ended after {} s", patience.as_secs());
        }
        thread::sleep(Duration::from_millis(5));
    };
    reported(status, report)
}

/// Runs the tracer, which has the program wait before each effect until `look` returns. It gets the effect in words.
///
/// # Errors
/// Fails if the tracer does, and with the first error of `look`, with which the program ends.
pub(crate) fn watch(
    tracer: &mut Command,
    report: &Path,
    mut look: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<Traced> {
    let mut child = tracer
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the tracer")?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (mut allowed, effects) = pipes.context("the tracer's pipes")?;
    let looked = BufReader::new(effects).lines().try_for_each(|effect| {
        look(&effect?)?;
        allowed.write_all(b"\n")?;
        Ok::<_, anyhow::Error>(())
    });
    drop(allowed);
    let status = child.wait()?;
    looked?;
    reported(status, report)
}

fn reported(status: ExitStatus, report: &Path) -> anyhow::Result<Traced> {
    ensure!(status.success(), "the tracer failed");
    let report = fs::read(report).context("the tracer's report")?;
    serde_json::from_slice(&report).context("the tracer's report")
}
