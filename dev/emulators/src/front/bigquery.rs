//! What bqemulator leaves out: job ids are taken once, multi-statement queries have named parameters, and polygons are made
//! valid.

use std::collections::HashSet;
use std::fmt::Write as _;

use hyper::Method;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Answer, Asked, State, error, made};

#[derive(Default)]
pub(super) struct BigQuery {
    /// Project, location and id of every job. Locked while one is made, for the emulator tells of none before it is done.
    jobs: Mutex<HashSet<String>>,
}

impl BigQuery {
    pub(super) async fn answer(&self, state: &State, mut asked: Asked) -> anyhow::Result<Answer> {
        let path = asked.head.1.split('?').next().unwrap_or_default();
        let inserts_job = asked.head.0 == Method::POST && path.ends_with("/jobs");
        let Some(mut job) = inserts_job
            .then(|| serde_json::from_slice::<Value>(&asked.body).ok())
            .flatten()
        else {
            return state.ask(asked).await;
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
        asked.body = job.to_string().into();
        let answer = state.ask(asked).await?;
        if answer.head.is_success() {
            jobs.extend(name);
        }
        Ok(answer)
    }
}

/// `PROJECT:LOCATION.ID`, if the request gives an id.
fn name_of(job: &Value, path: &str) -> Option<String> {
    let reference = &job["jobReference"];
    let id = reference["jobId"].as_str()?;
    let location = reference["location"].as_str().unwrap_or("US");
    let project = path.trim_end_matches("/jobs").rsplit('/').next()?;
    Some(format!("{project}:{location}.{id}"))
}

/// Turns the parameters of a multi-statement query, which begins with `BEGIN`, into variables, and leaves out what the
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
    // A name may begin another one.
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
