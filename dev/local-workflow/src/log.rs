//! The log of a run: the jobs' JSON lines go to a file, and people see one line per stage.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde_json::Value;
use shared::run::{RunId, Stage};

/// The log file of a run.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens the log of `run_id` below `directory`, at its end.
    pub(crate) fn open(directory: &Path, run_id: &RunId) -> anyhow::Result<Self> {
        let folder = directory.join("logs");
        let path = folder.join(format!("{run_id}.jsonl"));
        let what = || format!("cannot write the log {}", path.display());
        fs::create_dir_all(&folder).with_context(what)?;
        let file = OpenOptions::new().create(true).append(true).open(&path);
        Ok(Self {
            file: file.with_context(what)?,
            path,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line.
    pub(crate) fn append(&self, line: &str) -> anyhow::Result<()> {
        let mut file = &self.file;
        file.write_all(format!("{line}\n").as_bytes())
            .with_context(|| format!("cannot write the log {}", self.path.display()))
    }
}

/// What people see of a stage: its latest step while it runs, if standard error is a terminal, and one line at its end.
pub(crate) struct Progress {
    stage: Stage,
    started: Instant,
    bar: ProgressBar,
    steps: u64,
    finished: Option<Value>,
}

impl Progress {
    pub(crate) fn start(stage: Stage) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{prefix:>9} {elapsed:>5} {spinner} {msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(stage.to_string());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            stage,
            started: Instant::now(),
            bar,
            steps: 0,
            finished: None,
        }
    }

    /// Shows a line of the job's log. Lines that are not events, as of a panic, are shown as they are.
    pub(crate) fn see(&mut self, line: &str) {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            self.print(line);
            return;
        };
        let text = |field: &str| event[field].as_str().unwrap_or_default();
        match text("message") {
            message @ ("partition extracted" | "partition transformed" | "partition loaded") => {
                let done = message.trim_start_matches("partition ");
                self.step(&format!("{} {done}", text("partition")));
            }
            "dbt node finished" => {
                let name = text("uniqueId").rsplit('.').next().unwrap_or_default();
                self.step(&format!("{name}: {}", text("status")));
            }
            "partition refused" => {
                self.print(&format!(
                    "          refused {}: {}",
                    text("partition"),
                    text("cause")
                ));
            }
            "stage failed" => self.print(&format!("          failed: {}", text("cause"))),
            "stage finished" => self.finished = Some(event.clone()),
            _ => {}
        }
    }

    fn step(&mut self, text: &str) {
        self.steps += 1;
        self.bar.set_message(format!("{} ({text})", self.steps));
    }

    fn print(&self, text: &str) {
        self.bar.suspend(|| println!("{text}"));
    }

    /// Prints the line of the stage.
    pub(crate) fn finish(self, how: &str) {
        self.bar.finish_and_clear();
        let number = |event: &Value, field: &str| event[field].as_u64().unwrap_or_default();
        let outcome = match &self.finished {
            None => how.to_owned(),
            Some(_) if self.stage == Stage::Dbt => format!("{} steps", self.steps),
            Some(event) => format!(
                "{} new, {} unchanged, {} rows",
                number(event, "produced"),
                number(event, "found"),
                HumanCount(number(event, "rows"))
            ),
        };
        let seconds = self.started.elapsed().as_secs_f64();
        let stage = self.stage.to_string();
        self.print(&format!("{stage:>9} {seconds:>7.1} s   {outcome}"));
    }
}
