//! Adds what bqemulator lacks: unique job ids, named parameters in multi-statement queries, repair of invalid polygons, and
//! the ranges by which a table is partitioned.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use hyper::header::CONTENT_LENGTH;
use hyper::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Answer, ProxiedRequest, State};

#[derive(Default)]
pub(super) struct BigQuery {
    /// The project, location and id of every job. It is locked while a job is created, because the emulator does not
    /// list a job before it is done.
    jobs: Mutex<HashSet<String>>,
    /// `rangePartitioning` of each table that was created with it, by path: the emulator does not return it.
    /// <https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#RangePartitioning>
    ranges: Mutex<HashMap<String, Value>>,
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
            return state.send(request).await;
        };
        let name = name_of(&job, path);
        let mut jobs = self.jobs.lock().await;
        if let Some(name) = name.as_ref().filter(|name| jobs.contains(*name)) {
            let message = format!("Already Exists: Job {name}");
            return Ok(Answer::error(StatusCode::CONFLICT, "duplicate", &message));
        }
        if let Some(query) = job.pointer_mut("/configuration/query") {
            rewrite(query);
        }
        request.body = job.to_string().into();
        let answer = state.send(request).await?;
        if answer.head.is_success() {
            jobs.extend(name);
        }
        Ok(answer)
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
        } else if method == Method::GET
            && let Some(range) = ranges.get(&path)
        {
            let mut table: Value = serde_json::from_slice(&answer.body)?;
            table["rangePartitioning"] = range.clone();
            answer.body = table.to_string().into();
            answer.headers.remove(CONTENT_LENGTH);
        }
        Ok(answer)
    }
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
