//! Adds what bqemulator lacks: unique job ids, named parameters in multi-statement queries, repair of invalid polygons, the
//! ranges by which a table is partitioned, refusal to replace a table by one that is stored otherwise, and bytes: those
//! billed, and the estimates of dry runs.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use hyper::header::CONTENT_LENGTH;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::layouts::Layouts;
use super::{Answer, ProxiedRequest, State};

#[derive(Default)]
pub(super) struct BigQuery {
    /// The project, location and id of every job. It is locked while a job is created, because the emulator does not
    /// list a job before it is done.
    jobs: Mutex<HashSet<String>>,
    /// `rangePartitioning` of each table that was created with it, by path: the emulator does not return it.
    /// <https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#RangePartitioning>
    ranges: Mutex<HashMap<String, Value>>,
    layouts: Mutex<Layouts>,
}

impl BigQuery {
    pub(super) async fn answer(
        &self,
        state: &State,
        mut request: ProxiedRequest,
    ) -> anyhow::Result<Answer> {
        let path = request.head.1.split('?').next().unwrap_or_default();
        if path.contains("/tables") {
            return self.table(state, request).await;
        }
        let inserts_job = request.head.0 == Method::POST && path.ends_with("/jobs");
        let Some(mut job) = inserts_job
            .then(|| serde_json::from_slice::<Value>(&request.body).ok())
            .flatten()
        else {
            return billed(state.send(request).await?);
        };
        if job.pointer("/configuration/dryRun") == Some(&Value::Bool(true)) {
            return estimated(&job, state.send(request).await?);
        }
        let name = name_of(&job, path);
        let mut jobs = self.jobs.lock().await;
        if let Some(name) = name.as_ref().filter(|name| jobs.contains(*name)) {
            let message = format!("Already Exists: Job {name}");
            return Ok(Answer::error(StatusCode::CONFLICT, "duplicate", &message));
        }
        let script = job.pointer("/configuration/query/query");
        let mut layouts = self.layouts.lock().await;
        let mut changed = layouts.clone();
        if let Err(message) = changed.execute(script.and_then(Value::as_str).unwrap_or_default()) {
            jobs.extend(name);
            return Ok(failed(&job, &message));
        }
        if let Some(query) = job.pointer_mut("/configuration/query") {
            rewrite(query);
        }
        request.body = job.to_string().into();
        let answer = state.send(request).await?;
        if answer.head.is_success() {
            jobs.extend(name);
            *layouts = changed;
        }
        billed(answer)
    }

    async fn table(&self, state: &State, request: ProxiedRequest) -> anyhow::Result<Answer> {
        let path = request.head.1.split('?').next().unwrap_or_default();
        let (path, method) = (path.to_owned(), request.head.0.clone());
        let created: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let mut answer = state.send(request).await?;
        if !answer.head.is_success() {
            return Ok(answer);
        }
        let mut ranges = self.ranges.lock().await;
        if method == Method::POST && created["rangePartitioning"].is_object() {
            let table = created["tableReference"]["tableId"].as_str();
            let table = format!("{path}/{}", table.unwrap_or_default());
            ranges.insert(table, created["rangePartitioning"].clone());
        } else if method == Method::DELETE {
            ranges.remove(&path);
            let parts: Vec<&str> = path.rsplit('/').step_by(2).take(3).collect();
            if let [table, dataset, project] = parts[..] {
                let name = format!("{project}.{dataset}.{table}");
                self.layouts.lock().await.drop_table(&name);
            }
        } else if method == Method::GET
            && let Some(range) = ranges.get(&path)
        {
            answer = with_json(answer, |table| table["rangePartitioning"] = range.clone())?;
        }
        Ok(answer)
    }
}

/// Returns a job that failed: <https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatus>.
fn failed(job: &Value, message: &str) -> Answer {
    let error = json!({"reason": "invalidQuery", "location": "query", "message": message});
    let status = json!({"state": "DONE", "errorResult": error, "errors": [error]});
    let reference = &job["jobReference"];
    let job = json!({
        "kind": "bigquery#job", "jobReference": reference, "configuration": job["configuration"], "status": status,
    });
    Answer::json(StatusCode::OK, job.to_string())
}

/// Adds what a query is billed: the least, 10 MiB. <https://cloud.google.com/bigquery/pricing#on_demand_pricing>
fn billed(answer: Answer) -> anyhow::Result<Answer> {
    with_json(answer, |answer| {
        let statistics = if answer["kind"] == "bigquery#queryResponse" {
            Some(answer)
        } else {
            answer.pointer_mut("/statistics/query")
        };
        if let Some(statistics) = statistics {
            statistics["totalBytesBilled"] = json!((10 << 20).to_string());
        }
    })
}

/// Adds the estimate of a dry run, a MiB for each table that the statement names, and these tables:
/// <https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatistics2>.
fn estimated(job: &Value, answer: Answer) -> anyhow::Result<Answer> {
    let sql = job.pointer("/configuration/query/query");
    let sql = sql.and_then(Value::as_str).unwrap_or_default();
    let sql = sql.replace("`.`", ".");
    let quoted = sql.split('`').skip(1).step_by(2);
    let tables: BTreeSet<String> = quoted
        .filter(|name| name.contains('.'))
        .map(str::to_owned)
        .collect();
    with_json(answer, |answer| {
        if let Some(statistics) = answer.pointer_mut("/statistics/query") {
            statistics["totalBytesProcessed"] = json!((tables.len() << 20).to_string());
            let tables = tables.iter().map(|table| json!({"tableId": table}));
            statistics["referencedTables"] = tables.collect();
        }
    })
}

/// Changes an answer that is JSON, if the service succeeded.
fn with_json(mut answer: Answer, change: impl FnOnce(&mut Value)) -> anyhow::Result<Answer> {
    let parsed = serde_json::from_slice::<Value>(&answer.body);
    if let Ok(mut json) = parsed
        && answer.head.is_success()
    {
        change(&mut json);
        answer.body = serde_json::to_vec(&json)?.into();
        answer.headers.remove(CONTENT_LENGTH);
    }
    Ok(answer)
}

/// Returns `PROJECT:LOCATION.ID`, if the request has an id.
fn name_of(job: &Value, path: &str) -> Option<String> {
    let reference = &job["jobReference"];
    let id = reference["jobId"].as_str()?;
    let location = reference["location"].as_str().unwrap_or("US");
    let project = path.trim_end_matches("/jobs").rsplit('/').next()?;
    Some(format!("{project}:{location}.{id}"))
}

/// Converts the parameters of a multi-statement query, which starts with `BEGIN`, to variables, and omits what the
/// emulator cannot parse.
fn rewrite(query: &mut Value) {
    let Some(sql) = query["query"].as_str() else {
        return;
    };
    if !sql.trim_start().to_uppercase().starts_with("BEGIN") {
        return;
    }
    let mut declared = String::new();
    let mut statements = sql.replace(", make_valid => TRUE)", ")");
    let mut parameters = query["queryParameters"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    // A name may be the prefix of another one.
    parameters.sort_by_key(|parameter| std::cmp::Reverse(parameter["name"].as_str().map(str::len)));
    for parameter in &parameters {
        let (Some(name), Some(kind)) = (
            parameter["name"].as_str(),
            parameter["parameterType"]["type"].as_str(),
        ) else {
            continue;
        };
        let value = match parameter["parameterValue"]["value"].as_str() {
            Some(text) => format!(
                "'{}'",
                text.replace('\\', "\\\\")
                    .replace('\'', "\\'")
                    .replace('\n', "\\n")
            ),
            None => "NULL".to_owned(),
        };
        // Writing to a String cannot fail.
        writeln!(
            declared,
            "DECLARE parameter_{name} {kind} DEFAULT CAST({value} AS {kind});"
        )
        .ok();
        statements = statements.replace(&format!("@{name}"), &format!("parameter_{name}"));
    }
    query["query"] = Value::String(declared + &statements);
    query["queryParameters"] = Value::Array(Vec::new());
}
