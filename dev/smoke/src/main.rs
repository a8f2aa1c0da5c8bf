#![doc = include_str!("../README.md")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod alerts;
mod dbt;
mod endpoints;
mod google;
mod jobs;
mod lake;
mod load;
mod module;
mod report;
mod settings;
mod throwaway;
mod workflow;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use shared::exit::Exit;

use google::Google;
use module::Module;
use report::{Answer, NotAsked, Report};
use settings::{Part, Settings};
use throwaway::{Cleanup, Names};

/// Longer than IAM usually needs to make a grant known.
const TO_CREATE: Duration = Duration::from_mins(10);
const TO_REMOVE: Duration = Duration::from_mins(5);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match check().await {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(Exit::Configuration.code())
        }
    }
}

async fn check() -> anyhow::Result<Exit> {
    let module = Module::read()?;
    let settings = Settings::from_environment(&module)?;
    let google = Google::new(&settings)?;
    let names = Names::of(&settings);
    let (mut report, mut cleanup) = (Report::default(), Cleanup::default());
    let interrupted = tokio::select! {
        done = ask(&google, &settings, &module, &names, &mut report, &mut cleanup) => {
            done?;
            false
        }
        _ = tokio::signal::ctrl_c() => true,
    };
    eprintln!("removing what the checks created");
    let removal = async {
        let (removed, left) = cleanup.run(&google, &settings).await;
        Ok(if left.is_empty() {
            Answer::AsExpected(format!("{removed} removed"))
        } else {
            Answer::Other(left.join("; "))
        })
    };
    let limit = settings.limit(TO_REMOVE);
    report
        .ask(
            "what the checks created is removed",
            "nothing is left",
            limit,
            removal,
        )
        .await;

    let Settings {
        project, region, ..
    } = &settings;
    let on = if settings.endpoints.is_emulated() {
        " on emulators"
    } else {
        ""
    };
    println!(
        "make smoke PROJECT={project} REGION={region}{on}, {}\n",
        jiff::Timestamp::now()
    );
    println!("{}", report.table());
    if interrupted {
        println!("The checks were interrupted: others were not asked.");
    }
    Ok(if report.has_other() {
        Exit::Contract
    } else if interrupted || !report.is_as_expected() {
        Exit::Configuration
    } else {
        Exit::Done
    })
}

/// Asks everything that is wanted. A check that fails does not stop the others.
async fn ask(
    google: &Google,
    settings: &Settings,
    module: &Module,
    names: &Names,
    report: &mut Report,
    cleanup: &mut Cleanup,
) -> anyhow::Result<()> {
    if settings.wants(Part::Alerts) {
        alerts::check(google, settings, module, report, cleanup).await?;
    }
    if !settings.wants(Part::Workflow) && !settings.wants(Part::Lake) {
        return Ok(());
    }
    let limit = settings.limit(TO_CREATE);
    let creation = async {
        throwaway::create_account(google, settings, names, cleanup).await?;
        Ok(Answer::AsExpected(names.account.clone()))
    };
    let what = "a service account for the checks";
    let has_account = report.ask(what, "created", limit, creation).await;
    if settings.wants(Part::Lake) {
        let scratch = tempfile::tempdir().context("cannot create a temporary directory")?;
        let mut account = None;
        let creation = async {
            if !has_account {
                return Err(NotAsked::because("needs the service account"));
            }
            let made = throwaway::create_storage(google, settings, names, cleanup, scratch.path());
            account = Some(made.await?);
            let Names {
                bucket, dataset, ..
            } = names;
            Ok(Answer::AsExpected(format!("gs://{bucket}, {dataset}")))
        };
        let what = "a bucket and datasets, with the roles of load-job";
        let expected = "created, and the roles take effect";
        report.ask(what, expected, limit, creation).await;
        let account = account.as_ref();
        let lake = lake::check(google, settings, names, account, report).await?;
        if settings.wants(Part::Load) {
            let lake = lake.as_ref();
            let is_loaded = load::check(google, settings, names, account, lake, report).await;
            if settings.wants(Part::Dbt) {
                dbt::check(settings, names, is_loaded, report).await;
            }
        }
    }
    // Last, because the account has to be known to Workflows.
    if settings.wants(Part::Workflow) {
        workflow::check(
            google,
            settings,
            module,
            names,
            has_account,
            report,
            cleanup,
        )
        .await?;
    }
    Ok(())
}
