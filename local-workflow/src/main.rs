#![doc = include_str!("../README.md")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for a terminal"
)]

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

use sample::Publication;
use settings::Settings;
use stages::{Execution, Finished, Portals};
use storage::Storage;

/// The stages before the marts are built.
const TO_WAREHOUSE: &[Stage] = &[Stage::Extract, Stage::Transform, Stage::Load];
const ALL: &[Stage] = &[Stage::Extract, Stage::Transform, Stage::Load, Stage::Dbt];

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

/// Runs all four stages, then prints a summary. Of the sample portal's current year, the publications that the warehouse
/// does not have are taken one by one, and the marts are built after the last.
async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let started = SystemTime::now();
    let run_id = RunId::now();
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
                years: Some(&year.to_string()),
                force: settings.force,
            };
            if let Err(exit) = go_through(&execution, TO_WAREHOUSE, &mut Vec::new()).await? {
                return Ok(exit);
            }
            remember(settings, publication)?;
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

    settings.remember_run(&run_id)?;
    let execution = Execution {
        settings,
        storage: &storage,
        portals: &portals,
        run_id: &run_id,
        years: settings.years.as_deref(),
        force: settings.force,
    };
    let refused = match go_through(&execution, ALL, &mut finished).await? {
        Ok(refused) => refused,
        Err(exit) => return Ok(exit),
    };
    if let Some(publication) = latest
        && !refused.contains_key(&Partition::Year(publication.year))
    {
        remember(settings, publication)?;
    }
    println!(
        "\n{}",
        summary::of_run(&storage, &run_id, started, &finished).await?
    );
    let Some(exit) = worst(&refused) else {
        return Ok(ExitCode::SUCCESS);
    };
    let named: Vec<String> = refused
        .iter()
        .map(|(partition, refused)| {
            let Refused { stage, exit, .. } = refused;
            format!("{partition} (by {stage}, exit code {exit})")
        })
        .collect();
    eprintln!(
        "The run ends with exit code {}: refused were {}; see above for the causes. `make run` tries them again",
        exit.code(),
        named.join(", ")
    );
    Ok(ExitCode::from(exit.code()))
}

fn remember(settings: &Settings, publication: Publication) -> anyhow::Result<()> {
    // What emulators hold ends with the run.
    if settings.emulators.is_none() {
        settings.remember_publication(publication)?;
    }
    Ok(())
}

/// Executes the stages, each a second time if that may help. A stage that failed but handed over what is good does not
/// end the run.
///
/// Returns the partitions that were refused, or how the run ends because a stage did not hand over.
async fn go_through(
    execution: &Execution<'_>,
    stages: &[Stage],
    finished: &mut Vec<Finished>,
) -> anyhow::Result<Result<BTreeMap<Partition, Refused>, ExitCode>> {
    let mut refused = BTreeMap::new();
    for &stage in stages {
        let start = Instant::now();
        let mut ended = stages::execute(execution, stage).await?;
        if ended.is_worth_a_retry(stage) {
            println!("The {stage} stage is tried once more.");
            ended = stages::execute(execution, stage).await?;
        }
        finished.push(Finished {
            name: stage.to_string(),
            took: start.elapsed(),
        });
        let Some(handed_over) = ended.handed_over else {
            let exit = match ended.exit {
                0 => Exit::Bug.code(),
                exit => exit,
            };
            println!(
                "\nThe {stage} stage ended with exit code {} and handed nothing over: see its `stage failed` line above.",
                ended.exit
            );
            if !refused.is_empty() {
                println!("Earlier stages refused:{}", listed(&refused));
            }
            return Ok(Err(ExitCode::from(exit)));
        };
        refused = handed_over.refused;
        if ended.exit != 0 {
            println!(
                "The {stage} stage ended with exit code {}: the run goes on without what was refused.",
                ended.exit
            );
        }
    }
    Ok(Ok(refused))
}

/// Returns the most severe way in which a partition was refused.
fn worst(refused: &BTreeMap<Partition, Refused>) -> Option<Exit> {
    let exits = refused
        .values()
        .map(|refused| Exit::from_code(refused.exit).unwrap_or(Exit::Bug));
    exits.max_by_key(|exit| exit.severity())
}

/// One line per refused partition.
fn listed(refused: &BTreeMap<Partition, Refused>) -> String {
    let lines = refused.iter().map(|(partition, refused)| {
        let Refused {
            stage, exit, cause, ..
        } = refused;
        format!("\n    {partition} by {stage}, exit code {exit}: {cause}")
    });
    lines.collect()
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
    let storage = Storage::of(settings)?;
    let execution = Execution {
        settings,
        storage: &storage,
        portals: &portals,
        run_id: &run_id,
        years: settings.years.as_deref(),
        force: true,
    };
    let ended = stages::execute(&execution, stage).await?;
    Ok(ExitCode::from(ended.exit))
}
