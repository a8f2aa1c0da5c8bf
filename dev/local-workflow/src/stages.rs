//! The jobs as processes.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use sample_portal::Portal;
use shared::exit::Exit;
use shared::hand_over::{self, Input};
use shared::process::proxies::{EXEMPTIONS, PROXIES};
use shared::run::{RunId, Stage};
use shared::settings::variables;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::log::{Log, Progress};
use crate::settings::Settings;
use crate::storage::Storage;

/// The duration of each step.
pub(crate) struct Finished {
    pub(crate) name: String,
    pub(crate) took: Duration,
}

/// The source of the data.
pub(crate) struct Portals {
    pub(crate) description: String,
    variables: Vec<(&'static str, String)>,
}

impl Portals {
    pub(crate) fn of(settings: &Settings, sample: Option<&Portal>) -> Self {
        if let Some(portal) = sample {
            return Self {
                description: format!(
                    "the sample portal at {}, which publishes synthetic data",
                    portal.url()
                ),
                variables: vec![
                    ("PORTAL_URL", portal.url().to_owned()),
                    ("FSA_URL", portal.fsa_url()),
                ],
            };
        }
        let source = settings.source.iter();
        Self {
            description: settings
                .source
                .clone()
                .unwrap_or_else(|| "the data in the lake".to_owned()),
            variables: source.map(|url| ("PORTAL_URL", url.clone())).collect(),
        }
    }
}

/// The input of a stage's execution.
pub(crate) struct Execution<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) storage: &'a Storage,
    pub(crate) portals: &'a Portals,
    pub(crate) run_id: &'a RunId,
    pub(crate) log: &'a Log,
    /// The years; all that changed if `None`.
    pub(crate) years: Option<&'a str>,
    pub(crate) force: bool,
}

/// The result of an execution of a stage's job.
pub(crate) struct Ended {
    /// The exit code, or that of an error that a retry may fix, if the job was killed.
    pub(crate) exit: u8,
    /// How the job ended, in words.
    pub(crate) how: String,
    /// Its hand-over, if there is one.
    pub(crate) handed_over: Option<Input>,
}

impl Ended {
    /// Whether a retry may succeed: the job says so, or it was killed, or it refused a partition that may be reachable
    /// now.
    pub(crate) fn is_worth_a_retry(&self, stage: Stage) -> bool {
        let upstream = Exit::Upstream.code();
        let refused = self
            .handed_over
            .iter()
            .flat_map(|input| input.refused.values());
        self.exit == upstream
            || refused
                .into_iter()
                .any(|refused| refused.stage == stage && refused.exit == upstream)
    }
}

/// What images set, and what differs from machine to machine.
const OF_THE_MACHINE: [&str; 7] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "RUST_LOG",
];

/// Returns what a job has of this process's environment: the variables that are documented for it, and those of the machine. In
/// the cloud there is nothing else, which dbt for example would read.
fn inherited(stage: Stage) -> impl Iterator<Item = (&'static str, OsString)> {
    let documented = variables::ALL.iter();
    let of_stage = documented.filter(move |variable| variable.is_read_by(stage));
    let names = OF_THE_MACHINE
        .into_iter()
        .chain(PROXIES)
        .chain(EXEMPTIONS)
        .chain(of_stage.map(|variable| variable.name));
    names.filter_map(|name| Some((name, env::var_os(name)?)))
}

/// Executes the job of `stage`, as Cloud Run does with a single task:
/// <https://cloud.google.com/run/docs/container-contract#jobs-env-vars>.
pub(crate) async fn execute(execution: &Execution<'_>, stage: Stage) -> anyhow::Result<Ended> {
    static EXECUTIONS: AtomicU32 = AtomicU32::new(1);
    let Execution {
        settings,
        storage,
        portals,
        run_id,
        log,
        years,
        force,
    } = execution;
    let name = match stage {
        Stage::Extract => "extract-job",
        Stage::Transform => "transform-job",
        Stage::Load => "load-job",
        Stage::Dbt => "dbt-runner",
    };
    // A replay executes a stage of an earlier run again, in another process.
    let number = EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    let execution_id = format!("{name}-{}-{number}", RunId::now());
    let executable = env::current_exe()?.with_file_name(name);
    let mut command = Command::new(&executable);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .env_clear()
        .envs(inherited(stage))
        .env("LAKE_URL", storage.lake.to_string())
        .env("RUN_ID", run_id.to_string())
        .env("LOG_FORMAT", "json")
        .env("FORCE", if *force { "1" } else { "0" })
        .env("CLOUD_RUN_JOB", name)
        .env("CLOUD_RUN_EXECUTION", &execution_id)
        .env("CLOUD_RUN_TASK_INDEX", "0")
        .env("CLOUD_RUN_TASK_ATTEMPT", "0")
        .env("CLOUD_RUN_TASK_COUNT", "1")
        .envs(storage.variables.iter().map(|(name, value)| (name, value)));
    // What the job has in the cloud: from Terraform, or in its image.
    if stage == Stage::Extract {
        command.envs(portals.variables.iter().map(|(name, value)| (name, value)));
    }
    if matches!(stage, Stage::Load | Stage::Dbt) {
        command
            .env("WAREHOUSE_URL", &storage.warehouse_url)
            .env("DUCKDB_LIBRARY", &settings.duckdb_library);
    }
    if stage == Stage::Dbt {
        command
            .env("DBT_EXECUTABLE", &settings.dbt_executable)
            .env("DBT_PROJECT_DIR", &settings.dbt_project_dir)
            .env("SITE_URL", &storage.site_url);
    }
    match years {
        Some(years) => command.env("YEARS", years),
        None => command.env_remove("YEARS"),
    };
    let mut progress = Progress::start(stage);
    let status = watch(&mut command, log, &mut progress)
        .await
        .with_context(|| format!("cannot execute {}", executable.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let exit = code.unwrap_or(Exit::Upstream.code());
    let how = match (code, status.signal()) {
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        _ => format!("ended with exit code {exit}"),
    };
    progress.finish(&how);
    let handed_over = hand_over::handed_over_by(&storage.lake, run_id, stage, &execution_id)
        .await
        .map_err(|failure| anyhow::anyhow!("{failure}"))?;
    Ok(Ended {
        exit,
        how,
        handed_over,
    })
}

/// How long to read on after a job has ended: a process that it left may keep its output open.
const MAX_DRAIN: Duration = Duration::from_secs(1);

/// Executes a job, and records and shows its log.
async fn watch(
    command: &mut Command,
    log: &Log,
    progress: &mut Progress,
) -> anyhow::Result<ExitStatus> {
    let mut child = command.spawn()?;
    let output = child.stdout.take().context("the output is piped")?;
    let mut lines = BufReader::new(output).lines();
    let mut record = |line: String| {
        progress.see(&line);
        log.append(&line)
    };
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => record(line)?,
                None => return Ok(child.wait().await?),
            },
            status = child.wait() => {
                while let Ok(Ok(Some(line))) = timeout(MAX_DRAIN, lines.next_line()).await {
                    record(line)?;
                }
                return Ok(status?);
            }
        }
    }
}
