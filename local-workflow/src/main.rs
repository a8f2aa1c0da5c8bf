#![doc = include_str!("../README.md")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for a terminal"
)]

mod settings;
mod stages;
mod storage;
mod summary;

use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use anyhow::Context as _;
use sample_portal::{Portal, PortalConfig};
use shared::exit::Exit;
use shared::run::{RunId, Stage};

use settings::Settings;
use stages::{Finished, Portals};
use storage::Storage;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    execute().await.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::from(Exit::Configuration.code())
    })
}

async fn execute() -> anyhow::Result<ExitCode> {
    let settings = Settings::from_environment()?;
    match settings.replayed_stage {
        Some(stage) => replay(&settings, stage).await,
        None => run(&settings).await,
    }
}

/// All four stages, then a summary.
async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let started = SystemTime::now();
    let run_id = RunId::now();
    let sample = start_sample_portal(settings)?;
    let portals = Portals::of(settings, sample.as_ref());
    let storage = Storage::of(settings)?;
    println!("Run {run_id} from {}", portals.description);

    settings.remember_run(&run_id)?;
    let mut finished = Vec::new();
    for stage in [Stage::Extract, Stage::Transform, Stage::Load, Stage::Dbt] {
        let start = Instant::now();
        let exit =
            stages::execute(settings, &storage, &portals, stage, &run_id, settings.force).await?;
        finished.push(Finished {
            stage,
            took: start.elapsed(),
        });
        if exit != 0 {
            println!(
                "\nThe {stage} stage ended with exit code {exit}: see its `stage failed` line above."
            );
            return Ok(ExitCode::from(exit));
        }
    }
    println!(
        "\n{}",
        summary::of_run(&storage, &run_id, started, &finished).await?
    );
    Ok(ExitCode::SUCCESS)
}

/// One stage of the latest run, anew.
async fn replay(settings: &Settings, stage: Stage) -> anyhow::Result<ExitCode> {
    let run_id = settings.latest_run()?;
    let needs_portal = stage == Stage::Extract;
    let sample = if needs_portal {
        start_sample_portal(settings)?
    } else {
        None
    };
    let portals = Portals::of(settings, sample.as_ref());
    println!("Replay of {stage} in run {run_id}");
    let storage = Storage::of(settings)?;
    let exit = stages::execute(settings, &storage, &portals, stage, &run_id, true).await?;
    Ok(ExitCode::from(exit))
}

/// The sample portal, unless the settings name a real one. Its port is fixed, so that its files keep their addresses
/// from run to run.
fn start_sample_portal(settings: &Settings) -> anyhow::Result<Option<Portal>> {
    if settings.source.is_some() {
        return Ok(None);
    }
    let port = settings.sample_port;
    let config = PortalConfig {
        port,
        generated_years: settings.sample_years.clone(),
        rows_per_year: settings.sample_rows,
        files: settings.sample_files.clone(),
        today: settings.sample_today,
        ..PortalConfig::default()
    };
    let portal = Portal::start(config).with_context(|| {
        format!("start the sample portal; SAMPLE_PORT names another port than {port}")
    })?;
    Ok(Some(portal))
}
