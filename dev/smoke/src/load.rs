//! load-job on a real dataset: load jobs, the transaction with a conflict, and jobs that others have started.

use std::time::Duration;

use serde_json::{Value, json};
use shared::manifest::CleanFile;
use shared::partition::Partition;
use tokio::time::timeout;

use crate::endpoints::BIGQUERY;
use crate::google::{By, Google, Request};
use crate::jobs::{As, Ended, only};
use crate::lake::{Written, YEARS, warehouse_url};
use crate::report::{Answer, Asked, NotAsked, Report, silent};
use crate::settings::Settings;
use crate::throwaway::{Account, Names};

const LIMIT: Duration = Duration::from_mins(10);
/// The longest wait for the conflict of a transaction.
const TO_CONFLICT: Duration = Duration::from_mins(4);
const JOB: &str = "load-job";

struct Checks<'a> {
    google: &'a Google,
    settings: &'a Settings,
    names: &'a Names,
    account: Option<&'a Account>,
    written: Option<&'a Written>,
}

/// Loads what was written, as the account. Returns whether the tables are there for dbt.
pub(crate) async fn check(
    google: &Google,
    settings: &Settings,
    names: &Names,
    account: Option<&Account>,
    written: Option<&Written>,
    report: &mut Report,
) -> bool {
    let limit = settings.limit(LIMIT);
    let checks = Checks {
        google,
        settings,
        names,
        account,
        written,
    };
    let [first, second] = YEARS.map(Partition::Year);
    let (wards, areas) = (Partition::CityWards, Partition::ForwardSortationAreas);
    // Named jobs belong to the project, whatever dataset they load: the operator's takes the name of the account's.
    let operators = within(limit, checks.load_as_operator(wards)).await;
    let ended = within(limit, checks.load(&[second, wards, areas])).await;
    let ended = ended.as_ref();
    for (what, table, partition) in [
        ("load of a year's files", "service_requests", second),
        ("load of a quarantine file", "quarantined_requests", second),
        ("load of a boundary file", "city_wards", wards),
    ] {
        let rows = checks.rows_of(table, partition);
        let expected = rows.map_or("all rows".to_owned(), |rows| format!("{rows} rows"));
        report.add(what, expected, checks.loaded(ended, table, partition));
    }
    let what = "a job of another identity has the name";
    let expected = "load-job may not read it, and uses the next name";
    let check = checks.another_identity(operators, ended);
    report.ask(what, expected, limit, check).await;

    let what = "the transaction of a load";
    let expected = "the year is loaded once, with all its rows";
    let check = checks.is_once(ended, second);
    let is_loaded = report.ask(what, expected, limit, check).await;

    let what = "two processes load the same year at once";
    let expected = "both succeed, and the year is loaded once, with all its rows";
    let check = checks.twice_at_once(first);
    report.ask(what, expected, limit, check).await;

    let what = "a load beside another transaction";
    let expected = "BigQuery cancels it for a concurrent update, and load-job repeats it";
    let check = checks.conflict(ended, second);
    report.ask(what, expected, limit, check).await;

    let what = "a transaction that changes what another changed since its snapshot";
    let expected = "BigQuery cancels it for a concurrent update";
    let check = checks.outdated_snapshot(ended);
    report.ask(what, expected, limit, check).await;
    is_loaded
}

impl Checks<'_> {
    fn written(&self) -> Result<&Written, NotAsked> {
        self.written
            .ok_or_else(|| NotAsked::because("needs the objects in the bucket"))
    }

    /// Loads a partition as the operator, into the operator's dataset.
    async fn load_as_operator(&self, partition: Partition) -> Result<Ended, NotAsked> {
        let written = self.written()?;
        let dataset = warehouse_url(self.settings, &self.names.operators_dataset);
        let variables = [
            ("RUN_ID", "smoke-operator".to_owned()),
            ("WAREHOUSE_URL", dataset),
            only(&[&written.clean(partition)?.0]),
        ];
        written.jobs.run(JOB, As::Operator, &variables).await
    }

    /// Loads partitions as the account.
    async fn load(&self, partitions: &[Partition]) -> Result<Ended, NotAsked> {
        let written = self.written()?;
        let clean = partitions
            .iter()
            .map(|partition| Ok(&written.clean(*partition)?.0));
        let keys = clean.collect::<Result<Vec<_>, NotAsked>>()?;
        let variables = [("RUN_ID", "smoke-load".to_owned()), only(&keys)];
        written.jobs.run(JOB, As::Account, &variables).await
    }

    /// Returns the number of rows in the files of a table.
    fn rows_of(&self, table: &str, partition: Partition) -> Result<u64, NotAsked> {
        let (_, manifest) = self.written()?.clean(partition)?;
        let rows = |files: &[CleanFile]| files.iter().map(|file| file.rows).sum();
        Ok(if table == "quarantined_requests" {
            rows(manifest.quarantine.as_slice())
        } else {
            rows(&manifest.files)
        })
    }

    /// Returns what load-job reported of the load job of a table.
    fn loaded(&self, ended: Result<&Ended, &NotAsked>, table: &str, partition: Partition) -> Asked {
        let ended = ended.map_err(Clone::clone)?;
        let rows = self.rows_of(table, partition)?;
        let staged = format!("staged_{table}_");
        let mut loads = ended.events("files loaded");
        let of_table = |event: &&Value| {
            event["table"]
                .as_str()
                .is_some_and(|name| name.starts_with(&staged))
        };
        match loads.find(of_table) {
            Some(event) if event["rows"] == rows && rows > 0 => {
                Ok(Answer::AsExpected(format!("{rows} rows")))
            }
            Some(event) => Ok(Answer::Other(format!("{} rows", event["rows"]))),
            None => different(ended, partition),
        }
    }

    /// Whether the partition was loaded once, completely.
    async fn is_once(&self, ended: Result<&Ended, &NotAsked>, partition: Partition) -> Asked {
        let ended = ended.map_err(Clone::clone)?;
        if ended.exit != Some(0) {
            return different(ended, partition);
        }
        self.history(partition, 1).await
    }

    /// Compares the history and the rows of a year with its manifest.
    async fn history(&self, partition: Partition, loads: u64) -> Asked {
        let rows = self.rows_of("service_requests", partition)?;
        let year = partition.year().unwrap_or_default();
        let dataset = format!("{}.{}", self.settings.project, self.names.dataset);
        let region = &self.settings.region;
        let query = format!(
            "SELECT COUNT(*) FROM `{dataset}.load_history` WHERE `partition` = '{partition}'"
        );
        let counted_loads = self.google.count(region, &query).await?;
        let query =
            format!("SELECT COUNT(*) FROM `{dataset}.service_requests` WHERE source_year = {year}");
        let counted_rows = self.google.count(region, &query).await?;
        let got = format!("{counted_loads} loads, {counted_rows} of {rows} rows");
        Ok(if (counted_loads, counted_rows) == (loads, rows) {
            Answer::AsExpected(got)
        } else {
            Answer::Other(got)
        })
    }

    async fn twice_at_once(&self, partition: Partition) -> Asked {
        let partitions = [partition];
        let (one, other) = tokio::join!(self.load(&partitions), self.load(&partitions));
        for ended in [one?, other?] {
            if ended.exit != Some(0) {
                return Ok(Answer::Other(format!("{JOB} {}", ended.outcome())));
            }
        }
        self.history(partition, 1).await
    }

    /// Loads a year again, corrected, while another transaction holds the row that every load updates.
    async fn conflict(&self, ended: Result<&Ended, &NotAsked>, partition: Partition) -> Asked {
        const RUN: &str = "smoke-corrected";
        let written = self.written()?;
        let year = partition.year().unwrap_or_default();
        written.portal.correct(year);
        let clean = written.transform(RUN, &year.to_string()).await?;
        let clean = clean.map_err(|failed| NotAsked::because(failed.outcome))?;
        let (key, _) = clean
            .get(&partition)
            .ok_or_else(|| NotAsked::because("the year was not transformed"))?;
        let change = self.first_change(ended.map_err(Clone::clone)?).await?;
        let session = self.begin().await?;
        let locked = self.in_session(&session, change).await?;
        locked.map_err(NotAsked::because)?;
        let variables = [("RUN_ID", RUN.to_owned()), only(&[key])];
        let mut load = written.jobs.start(JOB, As::Account, &variables)?;
        let cancelled = timeout(TO_CONFLICT, load.event("job failed, retrying")).await;
        self.end(&session).await?;
        let ended = load.end().await?;
        let Ok(Some(event)) = cancelled.unwrap_or(Ok(None)) else {
            return Ok(Answer::Other(format!(
                "it was not cancelled, load-job {}",
                ended.outcome()
            )));
        };
        let cause = event["cause"].as_str().unwrap_or_default();
        let got = format!("{cause}; load-job {}", ended.outcome());
        Ok(
            if cause.contains("concurrent update") && ended.exit == Some(0) {
                Answer::AsExpected(got)
            } else {
                Answer::Other(got)
            },
        )
    }

    /// Takes a snapshot in a transaction, changes the row that every load updates beside it, and then in the transaction.
    /// <https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency>
    async fn outdated_snapshot(&self, ended: Result<&Ended, &NotAsked>) -> Asked {
        let change = self.first_change(ended.map_err(Clone::clone)?).await?;
        let statement = change["query"].as_str().unwrap_or_default();
        let table = statement.split('`').nth(1).unwrap_or_default();
        let change = json!({
            "query": format!("UPDATE `{table}` SET run_id = 'smoke' WHERE TRUE"), "useLegacySql": false,
        });
        let session = self.begin().await?;
        let snapshot = json!({"query": format!("SELECT COUNT(*) FROM `{table}`")});
        let snapshot = self.in_session(&session, snapshot).await?;
        let committed = self.google.query(&self.settings.region, change.clone());
        let committed = committed.await?;
        let changed = self.in_session(&session, change).await?;
        self.end(&session).await?;
        snapshot.and(committed).map_err(NotAsked::because)?;
        Ok(match changed {
            Err(message) if message.contains("concurrent update") => Answer::AsExpected(message),
            Err(message) => Answer::Other(message),
            Ok(_) => Answer::Other("it was not cancelled".to_owned()),
        })
    }

    /// Returns the first change of a load's script, which it reads from a job.
    async fn first_change(&self, ended: &Ended) -> Result<Value, NotAsked> {
        let job = ended
            .events("rows replaced")
            .find_map(|event| event["job"].as_str());
        let job = job.ok_or_else(|| NotAsked::because("needs a load that succeeded"))?;
        let job = self.google.send(By::Operator, &self.job(job)).await?;
        let query = &job["configuration"]["query"];
        let script = query["query"].as_str().unwrap_or_default();
        let mut statements = script
            .split_inclusive(';')
            .skip_while(|statement| !statement.contains("BEGIN TRANSACTION"));
        let (Some(_), Some(change)) = (statements.next(), statements.next()) else {
            return Err(NotAsked::because(format!(
                "the job of a load has another script: {script}"
            )));
        };
        let parameters = query["queryParameters"].as_array().into_iter().flatten();
        let is_used = |parameter: &&Value| {
            parameter["name"]
                .as_str()
                .is_some_and(|name| change.contains(&format!("@{name} ")))
        };
        let parameters: Vec<&Value> = parameters.filter(is_used).collect();
        Ok(json!({
            "query": change, "useLegacySql": false, "parameterMode": "NAMED", "queryParameters": parameters,
        }))
    }

    /// Begins a transaction in a session, which it returns:
    /// <https://cloud.google.com/bigquery/docs/sessions-write-queries#multi_transactions>.
    async fn begin(&self) -> Result<String, NotAsked> {
        let begin =
            json!({"query": "BEGIN TRANSACTION", "useLegacySql": false, "createSession": true});
        let answer = self.google.query(&self.settings.region, begin).await?;
        let job = answer.map_err(NotAsked::because)?;
        let session = job["statistics"]["sessionInfo"]["sessionId"].as_str();
        let session = session.ok_or_else(|| NotAsked::because("BigQuery named no session"))?;
        Ok(session.to_owned())
    }

    /// Rolls the transaction of a session back and ends the session, if BigQuery has not.
    async fn end(&self, session: &str) -> Result<(), NotAsked> {
        for statement in ["ROLLBACK TRANSACTION", "CALL BQ.ABORT_SESSION()"] {
            self.in_session(session, json!({"query": statement}))
                .await?
                .ok();
        }
        Ok(())
    }

    /// Returns the request that reads a job.
    fn job(&self, id: &str) -> Request {
        let Settings {
            project, region, ..
        } = self.settings;
        let path = format!("bigquery/v2/projects/{project}/jobs/{id}?location={region}");
        Request::get(BIGQUERY, path, "bigquery.admin")
    }

    /// Reads the operator's job as the account, and compares what load-job did about it.
    /// <https://cloud.google.com/bigquery/docs/access-control#bigquery.jobUser>
    async fn another_identity(
        &self,
        operators: Result<Ended, NotAsked>,
        ended: Result<&Ended, &NotAsked>,
    ) -> Asked {
        let operators = operators?;
        let Some(name) = operators
            .events("files loaded")
            .find_map(|event| event["job"].as_str())
        else {
            return Err(NotAsked::because(format!(
                "the operator's {JOB} {}",
                operators.outcome()
            )));
        };
        let ended = ended.map_err(Clone::clone)?;
        let account = self
            .account
            .ok_or_else(|| NotAsked::because("needs the account"))?;
        let read = match self
            .google
            .send(By::Account(&account.token), &self.job(name))
            .await
        {
            Err(refusal) if refusal.status == Some(403) => "403".to_owned(),
            Err(refusal) => refusal.to_string(),
            Ok(_) => "it may be read".to_owned(),
        };
        let mut skipped = ended.events("job of another execution skipped");
        let is_skipped = skipped.any(|event| event["job"] == name);
        let done = if is_skipped { "skipped" } else { "not skipped" };
        let got = format!("{read}, {done}");
        Ok(if got == "403, skipped" {
            Answer::AsExpected(got)
        } else {
            Answer::Other(format!(
                "{got}, {JOB} {}",
                ended.outcome_of(Partition::CityWards)
            ))
        })
    }

    async fn in_session(
        &self,
        session: &str,
        mut query: Value,
    ) -> Result<Result<Value, String>, NotAsked> {
        query["useLegacySql"] = json!(false);
        query["connectionProperties"] = json!([{"key": "session_id", "value": session}]);
        Ok(self.google.query(&self.settings.region, query).await?)
    }
}

/// Returns the answer of a load of a partition that ended otherwise than expected.
fn different(ended: &Ended, partition: Partition) -> Asked {
    let got = format!("{JOB} {}", ended.outcome_of(partition));
    if ended.exit == Some(30) {
        return Err(NotAsked::because(got));
    }
    Ok(Answer::Other(got))
}

/// Returns what `work` comes to within `limit`.
async fn within(
    limit: Duration,
    work: impl Future<Output = Result<Ended, NotAsked>>,
) -> Result<Ended, NotAsked> {
    let ended = timeout(limit, Box::pin(work)).await;
    ended.unwrap_or_else(|_| Err(silent(limit)))
}
