//! Reads the environment once into validated settings, and reports all problems together, by variable name.

pub mod variables;
mod years;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use variables::Variable;
pub use years::Years;

use crate::address::Address;
use crate::exit::{Exit, Failure};
use crate::google::Emulator;
use crate::key::Key;
use crate::lake::{GcsLake, Lake, LocalLake};
use crate::lineage::{self, Collector, Lineage, SourceCodeLocation};
use crate::run::{RunId, Task};
use crate::telemetry::LogFormat;

/// Configuration errors, one per variable.
#[derive(Debug, Default)]
pub struct Problems(Vec<(&'static str, String)>);

impl Problems {
    /// Records a problem with `variable`.
    pub fn add(&mut self, variable: &Variable, problem: impl Into<String>) {
        self.0.push((variable.name, problem.into()));
    }

    /// Parses the value of `variable`, or its default. Returns `None` and records a problem if it is missing or
    /// invalid.
    pub fn take<T>(
        &mut self,
        variable: &Variable,
        raw: Option<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let given = raw.filter(|text| !text.trim().is_empty());
        let Some(text) = given.or_else(|| variable.default.map(str::to_owned)) else {
            self.add(variable, "is not set");
            return None;
        };
        self.parsed(variable, &text, parse)
    }

    /// Like [`Problems::take`] for an optional variable: returns `Some(None)` if it is not set.
    pub fn take_optional<T>(
        &mut self,
        variable: &Variable,
        raw: Option<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        match raw.filter(|text| !text.trim().is_empty()) {
            None => Some(None),
            Some(text) => self.parsed(variable, &text, parse).map(Some),
        }
    }

    fn parsed<T>(
        &mut self,
        variable: &Variable,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.add(variable, problem);
                None
            }
        }
    }

    fn into_failure(self) -> Failure {
        let lines: Vec<String> = self
            .0
            .into_iter()
            .map(|(name, problem)| format!("{name} {problem}"))
            .collect();
        Failure::new(Exit::Configuration, anyhow::anyhow!(lines.join("; ")))
    }
}

/// The settings of one job: a raw part as `envy` reads it, and how to validate it.
pub trait JobSettings: Sized {
    /// One optional string per variable, so that all can be checked.
    type Raw: DeserializeOwned;

    /// Returns the settings, or records every problem and returns `None`.
    fn validate(raw: Self::Raw, problems: &mut Problems) -> Option<Self>;
}

/// The settings of every job.
#[derive(Debug, Clone)]
pub struct CommonSettings {
    /// The object store.
    pub lake: Lake,
    /// The run this execution belongs to.
    pub run_id: RunId,
    /// The Cloud Run execution that this process belongs to, if any.
    pub execution: Option<String>,
    /// This process's share of the partitions.
    pub task: Task,
    /// The years to work on.
    pub years: Years,
    /// The manifests to work on, in place of the previous stage's hand-over.
    pub manifests: Option<Vec<Key>>,
    /// Whether to redo work whose result already exists.
    pub force: bool,
    /// Whether to change nothing, and to log what the work would cost.
    pub dry_run: bool,
    /// Records what the stage reads and writes.
    pub lineage: Lineage,
    /// When the process started.
    pub started: Instant,
}

#[derive(Deserialize)]
struct RawCommon {
    lake_url: Option<String>,
    storage_emulator_host: Option<String>,
    run_id: Option<String>,
    years: Option<String>,
    manifests: Option<String>,
    force: Option<String>,
    dry_run: Option<String>,
    openlineage_url: Option<String>,
    openlineage_api_key: Option<String>,
    openlineage_namespace: Option<String>,
    source_code_url: Option<String>,
    log_format: Option<String>,
    cloud_run_execution: Option<String>,
    cloud_run_task_index: Option<String>,
    cloud_run_task_count: Option<String>,
}

/// Reads the common settings and the job's own from `variables` (name, value).
///
/// # Errors
/// [`Exit::Configuration`], with one line that lists every missing or invalid variable.
pub fn read<S: JobSettings>(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(CommonSettings, S), Failure> {
    let variables: Vec<(String, String)> = variables.into_iter().collect();
    let mut problems = Problems::default();
    let raw: RawCommon = from_variables(&variables)?;
    let common = validate_common(raw, &mut problems);
    let own = S::validate(from_variables(&variables)?, &mut problems);
    match (common, own) {
        (Some(common), Some(own)) if problems.0.is_empty() => Ok((common, own)),
        _ => Err(problems.into_failure()),
    }
}

/// Returns the log format, needed before anything else is read. An invalid value is reported by [`read`].
#[must_use]
pub fn log_format() -> LogFormat {
    std::env::var(variables::LOG_FORMAT.name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(LogFormat::Auto)
}

/// Returns the process's environment. Invalid UTF-8 is replaced, and fails validation.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        (
            name.to_string_lossy().into_owned(),
            value.to_string_lossy().into_owned(),
        )
    })
}

fn from_variables<T: DeserializeOwned>(variables: &[(String, String)]) -> Result<T, Failure> {
    // Only upper-case names are settings: `envy` folds case, and would treat `Path` and `PATH` as duplicates.
    let upper = variables
        .iter()
        .filter(|(name, _)| !name.bytes().any(|byte| byte.is_ascii_lowercase()));
    envy::from_iter(upper.cloned())
        .map_err(|error| Failure::new(Exit::Configuration, anyhow::anyhow!("environment: {error}")))
}

fn validate_common(raw: RawCommon, problems: &mut Problems) -> Option<CommonSettings> {
    let emulator = problems.take_optional(
        &variables::STORAGE_EMULATOR_HOST,
        raw.storage_emulator_host,
        Emulator::from_str,
    );
    let lake = problems.take(&variables::LAKE_URL, raw.lake_url, |text| {
        parse_lake(text, emulator.clone().flatten())
    });
    let run_id = problems.take_optional(
        &variables::RUN_ID,
        raw.run_id.or(raw.cloud_run_execution.clone()),
        RunId::from_str,
    );
    let years = problems.take(&variables::YEARS, raw.years, Years::from_str);
    let manifests = problems.take_optional(&variables::MANIFESTS, raw.manifests, |text| {
        text.split(',').map(|key| Key::new(key.trim())).collect()
    });
    let force = problems.take(&variables::FORCE, raw.force, parse_flag);
    let dry_run = problems.take(&variables::DRY_RUN, raw.dry_run, parse_flag);
    let lineage = validate_lineage(
        raw.openlineage_url,
        raw.openlineage_api_key,
        raw.openlineage_namespace,
        raw.source_code_url,
        problems,
    );
    problems.take(&variables::LOG_FORMAT, raw.log_format, LogFormat::from_str);
    let index = problems.take(
        &variables::CLOUD_RUN_TASK_INDEX,
        raw.cloud_run_task_index,
        parse_number,
    );
    let count = problems.take(
        &variables::CLOUD_RUN_TASK_COUNT,
        raw.cloud_run_task_count,
        parse_number,
    );
    let task = match Task::new(index?, count?) {
        Ok(task) => Some(task),
        Err(problem) => {
            problems.add(&variables::CLOUD_RUN_TASK_INDEX, problem);
            None
        }
    };
    let (lake, task) = (lake?, task?);
    let run_id = run_id?.unwrap_or_else(RunId::now);
    let lineage = Lineage::new(lake.clone(), run_id.clone(), task, lineage?);
    Some(CommonSettings {
        lake,
        run_id,
        execution: raw.cloud_run_execution,
        task,
        years: years?,
        manifests: manifests?,
        force: force?,
        dry_run: dry_run?,
        lineage,
        started: Instant::now(),
    })
}

fn validate_lineage(
    url: Option<String>,
    api_key: Option<String>,
    namespace: Option<String>,
    source_code_url: Option<String>,
    problems: &mut Problems,
) -> Option<lineage::Settings> {
    let collector = problems.take_optional(&variables::OPENLINEAGE_URL, url, Collector::new);
    let collector = problems
        .take_optional(&variables::OPENLINEAGE_API_KEY, api_key, |key| {
            match collector.clone().flatten() {
                Some(collector) => collector.with_key(key),
                // A key without a collector is not sent anywhere.
                None => Err("is set without OPENLINEAGE_URL".to_owned()),
            }
        })
        .map(|with_key| with_key.or(collector.flatten()));
    let namespace = problems.take(&variables::OPENLINEAGE_NAMESPACE, namespace, |text| {
        Ok(text.to_owned())
    });
    let source_code = problems.take_optional(
        &variables::SOURCE_CODE_URL,
        source_code_url,
        SourceCodeLocation::from_str,
    );
    Some(lineage::Settings {
        namespace: namespace?,
        collector: collector?,
        source_code: source_code?,
    })
}

fn parse_lake(text: &str, emulator: Option<Emulator>) -> Result<Lake, String> {
    let shown = Address::of_text(text).to_string();
    if let Some(location) = text.strip_prefix("gs://") {
        return GcsLake::new(location, emulator)
            .map(Lake::Gcs)
            .map_err(|problem| format!("is {shown:?}: {problem}"));
    }
    let Some(path) = text.strip_prefix("file://") else {
        return Err(format!(
            "is {shown:?}: use gs://BUCKET[/PREFIX] or file:///absolute/directory"
        ));
    };
    let path = PathBuf::from(path);
    if !path.is_absolute() {
        return Err(format!("is {shown:?}: use an absolute path"));
    }
    LocalLake::new(&path)
        .map(Lake::Local)
        .map_err(|error| format!("is {shown:?}: {error}"))
}

/// Parses the path of an existing file.
pub fn parse_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("is {text:?}: the file does not exist"))
    }
}

/// Parses the path of an existing directory.
pub fn parse_directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() {
        Ok(path)
    } else {
        Err(format!("is {text:?}: the directory does not exist"))
    }
}

/// Parses `1`, `true` or `yes`; `0`, `false` or `no`.
pub fn parse_flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err(format!("is {text:?}: use 1 or 0")),
    }
}

/// Parses a whole number.
pub fn parse_number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("is {text:?}: use a whole number"))
}

/// Parses a number from 0 to 1.
pub fn parse_ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err(format!("is {text:?}: use a number from 0 to 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct NoSettings;

    impl JobSettings for NoSettings {
        type Raw = serde::de::IgnoredAny;

        fn validate(_: Self::Raw, _: &mut Problems) -> Option<Self> {
            Some(Self)
        }
    }

    fn read_from(pairs: &[(&str, &str)]) -> Result<CommonSettings, String> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read::<NoSettings>(pairs)
            .map(|(common, NoSettings)| common)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn every_problem_is_reported_at_once_by_name() {
        let message = read_from(&[
            ("LAKE_URL", "s3://bucket"),
            ("YEARS", "20x3"),
            ("FORCE", "perhaps"),
            ("LOG_FORMAT", "xml"),
            ("RUN_ID", "../up"),
            ("MANIFESTS", "ok/key, not ok"),
            ("CLOUD_RUN_TASK_INDEX", "-1"),
            ("Path", "one"),
            ("PATH", "two"),
        ])
        .expect_err("invalid settings");
        insta::assert_snapshot!(message.replace("; ", "\n"));
    }

    #[test]
    fn a_password_or_a_token_is_not_repeated() {
        for lake in [
            "gs://user:secret@bucket/a?secret",
            "gs://Bucket:secret@x",
            "gs://bucket/a?token=secret",
            "https://user:secret@x/y?secret#secret",
            "user:secret@x",
        ] {
            let host = "http://user:secret@10.0.0.1/?secret";
            let variables = [("LAKE_URL", lake), ("STORAGE_EMULATOR_HOST", host)];
            let message = read_from(&variables).expect_err("invalid settings");
            assert!(message.contains("LAKE_URL is"), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn missing_variables_are_named() {
        let message = read_from(&[("LAKE_URL", " ")]).expect_err("a missing variable");
        assert_eq!(message, "LAKE_URL is not set");
    }

    #[test]
    fn the_execution_names_the_run() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let url = format!("file://{}", directory.path().display());
        let settings = read_from(&[
            ("LAKE_URL", &url),
            ("CLOUD_RUN_EXECUTION", "extract-job-x7k2p"),
            ("CLOUD_RUN_TASK_INDEX", "2"),
            ("CLOUD_RUN_TASK_COUNT", "3"),
        ])
        .expect("valid");
        assert_eq!(settings.run_id.to_string(), "extract-job-x7k2p");
        assert_eq!(settings.years, Years::Changed);
        assert_eq!(settings.task, Task::new(2, 3).expect("valid"));
    }
}
