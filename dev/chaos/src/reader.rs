//! The programs of `tests/readers`, which share no code with the pipeline, kept running for one question after another.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// A reader that runs until it is dropped.
pub(crate) struct Reader {
    name: &'static str,
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Reader {
    /// Starts the reader `name` with the Python interpreter `python`.
    pub(crate) fn start(
        python: &str,
        name: &'static str,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/readers")
            .join(name);
        let mut child = Command::new(python)
            .arg(script)
            .arg("serve")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name} with {python}"))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.context("the reader's pipes")?;
        Ok(Self {
            name,
            child,
            pipes: Mutex::new((input, BufReader::new(output))),
        })
    }

    /// Returns the result of a command, as `readers.py` describes it.
    pub(crate) fn ask(&self, command: &[&str]) -> anyhow::Result<Value> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, output) = &mut *pipes;
        writeln!(input, "{}", serde_json::to_string(command)?)?;
        let mut line = String::new();
        output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "{} ended on {command:?}", self.name);
        serde_json::from_str(&line).with_context(|| format!("{} answered {line}", self.name))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // This fails only if the reader has already ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
