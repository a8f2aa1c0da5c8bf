#![doc = include_str!("../README.md")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod log;
mod sample;
mod settings;
mod stages;
mod storage;
mod summary;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use shared::exit::Exit;
use shared::hand_over::Refused;
use shared::partition::Partition;
use shared::run::{RunId, Stage};

use log::Log;
use settings::{Publication, Settings};
use stages::{Execution, Finished, Portals};
use storage::Storage;

/// The stages before dbt.
const TO_WAREHOUSE: &[Stage] = &[Stage::Extract, Stage::Transform, Stage::Load];
const ALL: &[Stage] = &[Stage::Extract, Stage::Transform, Stage::Load, Stage::Dbt];

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    if let Err(error) = shared::process::proxies::exempt_loopback() {
        eprintln!("cannot exempt loopback from the proxies of the environment: {error}");
        return ExitCode::from(Exit::Configuration.code());
    }
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

/// Runs all four stages, then prints a summary and the path of the log. The publications of the sample portal's current
/// year that the warehouse does not have are loaded one by one, and the marts are built after the last.
async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let run_id = RunId::now();
    let log = Log::open(&settings.directory, &run_id)?;
    let exit = run_stages(settings, &run_id, &log).await;
    println!("log         {}", log.path().display());
    exit
}

async fn run_stages(settings: &Settings, run_id: &RunId, log: &Log) -> anyhow::Result<ExitCode> {
    let started = SystemTime::now();
    let sample = sample::start(settings)?;
    let portals = Portals::of(settings, sample.as_ref());
    let storage = Storage::of(settings)?;
    println!("Run {run_id} from {}", portals.description);

    let mut finished = Vec::new();
    let mut latest = None;
    if let Some(portal) = &sample {
        let mut publications = sample::publications(settings, portal);
        latest = publications.pop();
        for publication in publications {
            let Publication { year, number } = publication;
            let start = Instant::now();
            portal.publish(year, number)?;
            println!("Publication {number} of {year}");
            let run_id = format!("{run_id}-publication-{number}");
            let execution = Execution {
                settings,
                storage: &storage,
                portals: &portals,
                run_id: &run_id.parse().map_err(anyhow::Error::msg)?,
                log,
                years: Some(&year.to_string()),
                force: settings.force,
            };
            match go_through(&execution, TO_WAREHOUSE, &mut Vec::new()).await? {
                Ok(came_to) if came_to.is_complete() => record(settings, publication)?,
                // A later publication makes up for it.
                Ok(_) => {}
                Err(exit) => return Ok(exit),
            }
            finished.push(Finished {
                name: format!("publication {number}"),
                took: start.elapsed(),
            });
        }
        if let Some(Publication { year, number }) = latest {
            portal.publish(year, number)?;
            println!("Publication {number} of {year}, and all other years");
        }
    }

    settings.record_run(run_id)?;
    let execution = Execution {
        settings,
        storage: &storage,
        portals: &portals,
        run_id,
        log,
        years: settings.years.as_deref(),
        force: settings.force,
    };
    let came_to = match go_through(&execution, ALL, &mut finished).await? {
        Ok(came_to) => came_to,
        Err(exit) => return Ok(exit),
    };
    if let Some(publication) = latest
        && came_to.is_complete()
    {
        record(settings, publication)?;
    }
    println!(
        "\n{}",
        summary::of_run(&storage, run_id, started, &finished, came_to.is_complete()).await?
    );
    let Some(exit) = came_to.worst() else {
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!(
        "The run ends with exit code {}, because these failed: {}; see above for the causes. `make run` tries again",
        exit.code(),
        came_to.named()
    );
    Ok(ExitCode::from(exit.code()))
}

/// The results of a run's stages.
#[derive(Default)]
struct CameTo {
    /// The refused partitions, of any stage.
    refused: BTreeMap<Partition, Refused>,
    /// The stages that failed although they handed over.
    failed: Vec<(Stage, Exit)>,
}

impl CameTo {
    fn is_complete(&self) -> bool {
        self.worst().is_none()
    }

    /// Returns the most severe failure, if there is one.
    fn worst(&self) -> Option<Exit> {
        let refused = self.refused.values();
        let exits = refused.map(|refused| Exit::from_code(refused.exit).unwrap_or(Exit::Bug));
        let failed = self.failed.iter().map(|(_, exit)| *exit);
        exits.chain(failed).max_by_key(|exit| exit.severity())
    }

    /// Lists every refused partition, and every stage that failed without refusing a year: extract does if the portal
    /// does not list the years.
    fn named(&self) -> String {
        let refused = self.refused.iter().map(|(partition, refused)| {
            let Refused { stage, exit, .. } = refused;
            format!("{partition} (by {stage}, exit code {exit})")
        });
        let named_a_year = |stage| {
            let mut refused = self.refused.iter();
            refused.any(|(partition, refused)| partition.year().is_some() && refused.stage == stage)
        };
        let failed = self
            .failed
            .iter()
            .filter(|(stage, _)| !named_a_year(*stage));
        let failed = failed.map(|(stage, exit)| format!("{stage} (exit code {})", exit.code()));
        refused.chain(failed).collect::<Vec<_>>().join(", ")
    }
}

fn record(settings: &Settings, publication: Publication) -> anyhow::Result<()> {
    // The emulators' data end with them.
    if settings.cloud.is_none() {
        settings.record_publication(publication)?;
    }
    Ok(())
}

/// Executes the stages, each with one retry if that may help. A stage that failed but handed over the good partitions
/// does not end the run.
///
/// Returns their results, or the exit of the run if a stage did not hand over.
async fn go_through(
    execution: &Execution<'_>,
    stages: &[Stage],
    finished: &mut Vec<Finished>,
) -> anyhow::Result<Result<CameTo, ExitCode>> {
    let mut came_to = CameTo::default();
    for &stage in stages {
        let start = Instant::now();
        let mut ended = stages::execute(execution, stage).await?;
        if ended.is_worth_a_retry(stage) {
            println!("The {stage} stage is retried once.");
            ended = stages::execute(execution, stage).await?;
        }
        finished.push(Finished {
            name: stage.to_string(),
            took: start.elapsed(),
        });
        let how = ended.how;
        let exit = Exit::from_code(ended.exit).unwrap_or(Exit::Bug);
        let Some(handed_over) = ended.handed_over else {
            println!("\nThe {stage} stage {how} and handed nothing over.");
            if !came_to.is_complete() {
                println!("Earlier failures: {}.", came_to.named());
            }
            let exit = match exit {
                Exit::Done => Exit::Bug,
                failure => failure,
            };
            return Ok(Err(ExitCode::from(exit.code())));
        };
        came_to.refused = handed_over.refused;
        if exit != Exit::Done {
            println!("The {stage} stage {how}: the run continues with what it handed over.");
            came_to.failed.push((stage, exit));
        }
    }
    Ok(Ok(came_to))
}

/// Replays one stage of the latest run.
async fn replay(settings: &Settings, stage: Stage) -> anyhow::Result<ExitCode> {
    let run_id = settings.latest_run()?;
    let needs_portal = stage == Stage::Extract;
    let sample = if needs_portal {
        sample::start(settings)?
    } else {
        None
    };
    let portals = Portals::of(settings, sample.as_ref());
    println!("Replay of {stage} in run {run_id}");
    let log = Log::open(&settings.directory, &run_id)?;
    let storage = Storage::of(settings)?;
    let execution = Execution {
        settings,
        storage: &storage,
        portals: &portals,
        run_id: &run_id,
        log: &log,
        years: settings.years.as_deref(),
        force: !settings.is_release,
    };
    let ended = stages::execute(&execution, stage).await?;
    println!("log         {}", log.path().display());
    Ok(ExitCode::from(ended.exit))
}
