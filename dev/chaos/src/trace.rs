//! The tracer: numbers the effects of a program, and kills it before one of them. Its own documentation says how.

use std::fs;
use std::path::Path;
use std::process::Command;
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
pub(crate) fn set(
    tracer: &mut Command,
    report: &Path,
    directory: &Path,
    kill: Option<(usize, Victim)>,
) {
    let kill = match kill {
        None => "nothing".to_owned(),
        Some((number, Victim::All)) => format!("all:{number}"),
        Some((number, Victim::Program)) => format!("program:{number}"),
    };
    tracer.arg(report).arg(directory).arg(kill);
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
    ensure!(status.success(), "the tracer failed");
    let report = fs::read(report).context("the tracer's report")?;
    serde_json::from_slice(&report).context("the tracer's report")
}
