//! The project's jobs as processes on the bucket and the datasets of the checks.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use serde_json::Value;
use shared::key::Key;
use shared::partition::Partition;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::report::NotAsked;

/// The settings that the jobs share.
pub(crate) struct Jobs {
    /// The directory of their executables.
    directory: PathBuf,
    variables: Vec<(&'static str, String)>,
    /// The credentials of the account.
    credentials: PathBuf,
}

/// Whose credentials a job has.
#[derive(Clone, Copy)]
pub(crate) enum As {
    Operator,
    Account,
}

/// A job that runs.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    log: Vec<Value>,
}

/// How a job ended.
pub(crate) struct Ended {
    /// The exit code; `None` if it was killed.
    pub(crate) exit: Option<i32>,
    log: Vec<Value>,
}

/// Returns `MANIFESTS`, which restricts a job to these.
pub(crate) fn only(manifests: &[&Key]) -> (&'static str, String) {
    let keys: Vec<&str> = manifests.iter().map(|key| key.as_str()).collect();
    ("MANIFESTS", keys.join(","))
}

impl Jobs {
    pub(crate) fn new(
        variables: Vec<(&'static str, String)>,
        credentials: &Path,
    ) -> Result<Self, NotAsked> {
        let executable = env::current_exe();
        let executable = executable.map_err(|error| NotAsked::because(error.to_string()))?;
        Ok(Self {
            directory: executable.with_file_name(""),
            variables,
            credentials: credentials.to_owned(),
        })
    }

    pub(crate) fn start(
        &self,
        name: &str,
        identity: As,
        variables: &[(&str, String)],
    ) -> Result<Running, NotAsked> {
        let executable = self.directory.join(name);
        let mut command = Command::new(&executable);
        command
            .env("LOG_FORMAT", "json")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if let As::Account = identity {
            // The account may not count its requests to the project that the shell names.
            command
                .env("GOOGLE_APPLICATION_CREDENTIALS", &self.credentials)
                .env_remove("GOOGLE_CLOUD_QUOTA_PROJECT");
        }
        let started = command
            .spawn()
            .with_context(|| format!("cannot start {}", executable.display()));
        let mut child = started.map_err(|error| NotAsked::because(format!("{error:#}")))?;
        let output = child
            .stdout
            .take()
            .ok_or_else(|| NotAsked::because("the job has no output"))?;
        Ok(Running {
            child,
            lines: BufReader::new(output).lines(),
            log: Vec::new(),
        })
    }

    /// Runs a job to its end.
    pub(crate) async fn run(
        &self,
        name: &str,
        identity: As,
        variables: &[(&str, String)],
    ) -> Result<Ended, NotAsked> {
        self.start(name, identity, variables)?.end().await
    }
}

impl Running {
    /// Returns the next event of the log with this message, `None` if the job ends without one.
    pub(crate) async fn event(&mut self, message: &str) -> Result<Option<Value>, NotAsked> {
        while let Some(event) = self.next().await? {
            if event["message"] == message {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    pub(crate) async fn end(mut self) -> Result<Ended, NotAsked> {
        while self.next().await?.is_some() {}
        let status = self.child.wait().await;
        let status = status.map_err(|error| NotAsked::because(error.to_string()))?;
        Ok(Ended {
            exit: status.code(),
            log: self.log,
        })
    }

    async fn next(&mut self) -> Result<Option<Value>, NotAsked> {
        let line = self.lines.next_line().await;
        let line = line.map_err(|error| NotAsked::because(error.to_string()))?;
        let event =
            line.map(|line| serde_json::from_str::<Value>(&line).unwrap_or(Value::String(line)));
        self.log.extend(event.clone());
        Ok(event)
    }
}

impl Ended {
    /// Returns the events with this message.
    pub(crate) fn events<'a>(&'a self, message: &'a str) -> impl Iterator<Item = &'a Value> {
        self.log
            .iter()
            .filter(move |event| event["message"] == message)
    }

    /// Returns the exit code, and the cause of a failure.
    pub(crate) fn outcome(&self) -> String {
        self.with_cause(self.events("stage failed").last())
    }

    /// Returns the exit code, and why a partition was refused, or else the cause of a failure.
    pub(crate) fn outcome_of(&self, partition: Partition) -> String {
        let name = partition.to_string();
        let mut refused = self.events("partition refused");
        match refused.find(|event| event["partition"] == *name) {
            Some(event) => self.with_cause(Some(event)),
            None => self.outcome(),
        }
    }

    fn with_cause(&self, event: Option<&Value>) -> String {
        let exit = match self.exit {
            Some(exit) => format!("ends with exit code {exit}"),
            None => "was killed".to_owned(),
        };
        match event.and_then(|event| event["cause"].as_str()) {
            Some(cause) => format!("{exit}: {cause}"),
            None => exit,
        }
    }
}
