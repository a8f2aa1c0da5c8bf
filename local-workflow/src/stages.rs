//! The jobs as processes.

use std::env;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use sample_portal::Portal;
use shared::run::{RunId, Stage};
use tokio::process::Command;

use crate::settings::Settings;
use crate::storage::Storage;

/// A stage that was executed, and how long it took.
pub(crate) struct Finished {
    pub(crate) stage: Stage,
    pub(crate) took: Duration,
}

/// Where the data come from.
pub(crate) struct Portals {
    pub(crate) description: String,
    variables: Vec<(&'static str, String)>,
}

impl Portals {
    pub(crate) fn of(settings: &Settings, sample: Option<&Portal>) -> Self {
        if let Some(portal) = sample {
            return Self {
                description: format!("the sample portal at {}", portal.url()),
                variables: vec![
                    ("PORTAL_URL", portal.url().to_owned()),
                    ("FSA_URL", portal.fsa_url()),
                    ("PORTAL_HOSTS", portal.hosts()),
                ],
            };
        }
        let source = settings.source.iter();
        Self {
            description: settings
                .source
                .clone()
                .unwrap_or_else(|| "what is in the lake".to_owned()),
            variables: source.map(|url| ("PORTAL_URL", url.clone())).collect(),
        }
    }
}

/// Executes the job of `stage` and gives its exit code.
pub(crate) async fn execute(
    settings: &Settings,
    storage: &Storage,
    portals: &Portals,
    stage: Stage,
    run_id: &RunId,
    force: bool,
) -> anyhow::Result<u8> {
    let name = match stage {
        Stage::Extract => "extract-job",
        Stage::Transform => "transform-job",
        Stage::Load => "load-job",
        Stage::Dbt => "dbt-runner",
    };
    let executable = env::current_exe()?.with_file_name(name);
    let mut command = Command::new(&executable);
    command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .env("LAKE_URL", storage.lake.to_string())
        .env("RUN_ID", run_id.to_string())
        .env("FORCE", if force { "1" } else { "0" })
        .env("WAREHOUSE_URL", &storage.warehouse_url)
        .envs(storage.variables.iter().map(|(name, value)| (name, value)))
        .env("DUCKDB_LIBRARY", &settings.duckdb_library)
        .env("DBT_EXECUTABLE", &settings.dbt_executable)
        .env("DBT_PROJECT_DIR", &settings.dbt_project_dir)
        .env("DBT_TARGET_DIR", settings.directory.join("dbt-target"))
        .env(
            "SITE_URL",
            format!("file://{}", settings.directory.join("site").display()),
        )
        .envs(portals.variables.iter().map(|(name, value)| (name, value)));
    match &settings.years {
        Some(years) => command.env("YEARS", years),
        None => command.env_remove("YEARS"),
    };
    let status = command
        .status()
        .await
        .with_context(|| format!("start {}", executable.display()))?;
    // A job that a signal ended has no code: it may be retried.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(shared::exit::Exit::Upstream.code()))
}
