//! The lake in a real bucket: the jobs create objects, each once, and may not do more.

use std::collections::BTreeMap;
use std::time::Duration;

use sample_portal::{Date, Portal, PortalConfig};
use serde_json::json;
use shared::exit::{Exit, Failure};
use shared::hand_over;
use shared::key::Key;
use shared::lake::{GcsLake, Lake};
use shared::manifest::{self, CleanManifest};
use shared::partition::Partition;
use shared::run::Stage;
use tokio::time::{Instant, sleep};

use crate::endpoints::STORAGE;
use crate::google::{By, Google, Refusal, Request, accepted};
use crate::jobs::{As, Jobs};
use crate::report::{Answer, Asked, NotAsked, Report};
use crate::settings::Settings;
use crate::throwaway::{Account, Names, object_path, objects};

const LIMIT: Duration = Duration::from_mins(10);
/// The part of it in which a refusal may be early: two minutes, as roles usually take.
/// <https://cloud.google.com/iam/docs/access-change-propagation>
const TO_PROPAGATE: u32 = 5;
/// The years of the generated data, of which the second is corrected later.
pub(crate) const YEARS: [i16; 2] = [2024, 2025];
const ROWS_PER_YEAR: u64 = 500;
const RUN: &str = "smoke";

/// The clean manifests, with their keys.
type Clean = BTreeMap<Partition, (Key, CleanManifest)>;

/// How a job failed.
pub(crate) struct Failed {
    exit: Option<i32>,
    pub(crate) outcome: String,
}

impl Failed {
    /// Whether a service refused the job, so that the reason may be a role.
    fn is_refused(&self) -> bool {
        self.exit == Some(Exit::Configuration.code().into())
    }
}

/// What was written into the bucket.
pub(crate) struct Written {
    pub(crate) jobs: Jobs,
    pub(crate) portal: Portal,
    lake: Lake,
    clean: Clean,
}

/// Runs extract-job and transform-job as the account on the bucket, and tries there what no job may do.
pub(crate) async fn check(
    google: &Google,
    settings: &Settings,
    names: &Names,
    account: Option<&Account>,
    report: &mut Report,
) -> anyhow::Result<Option<Written>> {
    let written = write(google, settings, names, account, report).await?;
    write_again(google, settings, names, written.as_ref(), report).await;
    let writer = account.filter(|_| written.is_some());
    change(google, settings, names, writer, report).await;
    Ok(written)
}

/// Has both jobs write into the bucket, and returns what they wrote.
async fn write(
    google: &Google,
    settings: &Settings,
    names: &Names,
    account: Option<&Account>,
    report: &mut Report,
) -> anyhow::Result<Option<Written>> {
    let limit = settings.limit(LIMIT);
    let portal = Portal::start(PortalConfig {
        generated_years: YEARS.to_vec(),
        rows_per_year: Some(ROWS_PER_YEAR),
        today: Some(Date::constant(2026, 6, 15)),
        ..PortalConfig::default()
    })?;
    let mut written = None;
    let writing = async {
        let account = account.ok_or_else(|| NotAsked::because("needs the bucket and its roles"))?;
        let mut made = start(settings, names, account, portal)?;
        let until = Instant::now() + limit / TO_PROPAGATE;
        made.clean = loop {
            match made.transform(RUN, "all").await? {
                Ok(clean) => break clean,
                // Roles that have taken effect for one request may not have for the next.
                Err(failed) if failed.is_refused() && Instant::now() < until => {
                    sleep(Duration::from_secs(2)).await;
                }
                Err(failed) => return Ok(Answer::Other(failed.outcome)),
            }
        };
        let objects = objects(google, &names.bucket, "").await?.len();
        written = Some(made);
        Ok(Answer::AsExpected(format!("{objects} objects")))
    };
    let what = "extract-job and transform-job write into the bucket";
    let expected = "both succeed, with the roles of load-job's account";
    report.ask(what, expected, limit, writing).await;
    Ok(written)
}

/// Has transform-job write the same objects.
async fn write_again(
    google: &Google,
    settings: &Settings,
    names: &Names,
    written: Option<&Written>,
    report: &mut Report,
) {
    let again = async {
        let written = written.ok_or_else(|| NotAsked::because("needs the objects"))?;
        let before = objects(google, &names.bucket, "clean/").await?;
        let variables = [("RUN_ID", RUN.to_owned()), ("FORCE", "1".to_owned())];
        let ended = written
            .jobs
            .run("transform-job", As::Account, &variables)
            .await?;
        let after = objects(google, &names.bucket, "clean/").await?;
        let replaced = before
            .iter()
            .filter(|object| !after.contains(object))
            .count();
        Ok(if ended.exit == Some(0) && replaced == 0 {
            Answer::AsExpected(format!("{} objects, none replaced", after.len()))
        } else {
            Answer::Other(format!(
                "{replaced} objects replaced, transform-job {}",
                ended.outcome()
            ))
        })
    };
    let what = "transform-job creates the same objects again, with FORCE=1";
    let expected = "it succeeds, and every object keeps its generation";
    report
        .ask(what, expected, settings.limit(LIMIT), again)
        .await;
}

/// Tries as the account that wrote the objects to overwrite and delete one of them.
async fn change(
    google: &Google,
    settings: &Settings,
    names: &Names,
    writer: Option<&Account>,
    report: &mut Report,
) {
    // The hand-over of extract-job is no longer needed.
    let object = format!("runs/{RUN}/extract-0-0.json");
    let role = "storage.admin";
    let overwrite = format!(
        "upload/storage/v1/b/{}/o?uploadType=media&name={object}",
        names.bucket
    );
    let overwrite = Request::post(STORAGE, overwrite, role, json!({}));
    let delete = Request::delete(STORAGE, object_path(&names.bucket, &object), role);
    for (what, done, request) in [
        ("the account overwrites an object", "overwritten", overwrite),
        ("the account deletes an object", "deleted", delete),
    ] {
        let asked = async {
            let account = writer.ok_or_else(|| NotAsked::because("needs the objects"))?;
            let answer = google.send(By::Account(&account.token), &request).await;
            refused(answer, done)
        };
        report.ask(what, "403", settings.limit(LIMIT), asked).await;
    }
}

/// A refusal is the expected answer.
fn refused(answer: Result<serde_json::Value, Refusal>, done: &str) -> Asked {
    match answer {
        Err(refusal) if refusal.status == Some(403) => Ok(Answer::AsExpected(refusal.to_string())),
        Ok(_) => Ok(Answer::Other(format!("it was {done}"))),
        other => accepted(other, done),
    }
}

/// Returns what nothing is written of yet.
fn start(
    settings: &Settings,
    names: &Names,
    account: &Account,
    portal: Portal,
) -> Result<Written, NotAsked> {
    let lake = GcsLake::new(&names.bucket, settings.endpoints.storage.clone());
    let lake = Lake::Gcs(lake.map_err(NotAsked::because)?);
    let variables = vec![
        ("LAKE_URL", lake.to_string()),
        ("WAREHOUSE_URL", warehouse_url(settings, &names.dataset)),
        ("PORTAL_URL", portal.url().to_owned()),
        ("FSA_URL", portal.fsa_url()),
    ];
    Ok(Written {
        jobs: Jobs::new(variables, &account.credentials)?,
        portal,
        lake,
        clean: BTreeMap::new(),
    })
}

pub(crate) fn warehouse_url(settings: &Settings, dataset: &str) -> String {
    format!(
        "bigquery://{}/{dataset}?location={}",
        settings.project, settings.region
    )
}

impl Written {
    /// Runs extract-job and transform-job on what the portal publishes now. Returns the clean manifests, or how a job
    /// failed.
    pub(crate) async fn transform(
        &self,
        run: &str,
        years: &str,
    ) -> Result<Result<Clean, Failed>, NotAsked> {
        let variables = [("RUN_ID", run.to_owned()), ("YEARS", years.to_owned())];
        for job in ["extract-job", "transform-job"] {
            let ended = self.jobs.run(job, As::Account, &variables).await?;
            let outcome = format!("{job} {}", ended.outcome());
            match ended.exit {
                Some(0) => {}
                Some(30) => return Err(NotAsked::because(outcome)),
                exit => return Ok(Err(Failed { exit, outcome })),
            }
        }
        let read = async {
            let run = run
                .parse()
                .map_err(|problem: String| Failure::upstream(anyhow::anyhow!(problem)))?;
            let input = hand_over::handed_over(&self.lake, &run, Stage::Transform).await?;
            let mut clean = BTreeMap::new();
            for (partition, handed) in input.partitions {
                let key = handed.manifest.key;
                let manifest = manifest::read(&self.lake, &key).await?;
                clean.insert(partition, (key, manifest));
            }
            Ok::<_, Failure>(clean)
        };
        let clean = read.await;
        let clean = clean.map_err(|failure| NotAsked::because(failure.to_string()))?;
        Ok(Ok(clean))
    }

    /// Returns the clean manifest of a partition, with its key.
    pub(crate) fn clean(&self, partition: Partition) -> Result<&(Key, CleanManifest), NotAsked> {
        let found = self.clean.get(&partition);
        found.ok_or_else(|| {
            NotAsked::because(format!("transform-job did not hand {partition} over"))
        })
    }
}
