//! Adds what bqemulator lacks: unique job ids, named parameters in multi-statement queries, and repair of invalid
//! polygons.

use std::collections::HashSet;
use std::fmt::Write as _;

use hyper::Method;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Answer, ProxiedRequest, State, error, made};

#[derive(Default)]
pub(super) struct BigQuery {
    /// The project, location and id of every job. It is locked while a job is created, because the emulator does not
    /// list a job before it is done.
    jobs: Mutex<HashSet<String>>,
}

impl BigQuery {
    pub(super) async fn answer(
        &self,
        state: &State,
        mut request: ProxiedRequest,
    ) -> anyhow::Result<Answer> {
        let path = request.head.1.split('?').next().unwrap_or_default();
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
            return made(409, &[], &error(409, "duplicate", &message));
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
