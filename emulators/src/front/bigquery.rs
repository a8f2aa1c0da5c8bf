//! What bqemulator leaves out: job ids are taken once, and multi-statement queries have named parameters.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use hyper::Method;
use serde_json::Value;

use super::{Answer, Asked, State, error, made};

#[derive(Default)]
pub(super) struct BigQuery {
    /// Project, location and id of every job.
    jobs: Mutex<HashSet<String>>,
}

impl BigQuery {
    pub(super) async fn answer(&self, state: &State, mut asked: Asked) -> anyhow::Result<Answer> {
        let path = asked.head.1.split('?').next().unwrap_or_default();
        let inserts_job = asked.head.0 == Method::POST && path.ends_with("/jobs");
        if inserts_job && let Ok(mut job) = serde_json::from_slice::<Value>(&asked.body) {
            if let Some(id) = job["jobReference"]["jobId"].as_str() {
                let location = job["jobReference"]["location"].as_str().unwrap_or("US");
                let project = path
                    .trim_end_matches("/jobs")
                    .rsplit('/')
                    .next()
                    .unwrap_or_default();
                let name = format!("{project}:{location}.{id}");
                let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
                if !jobs.insert(name.clone()) {
                    let message = format!("Already Exists: Job {name}");
                    return made(409, &[], &error(409, "duplicate", &message));
                }
            }
            declare_parameters(&mut job["configuration"]["query"]);
            asked.body = job.to_string().into();
        }
        state.ask(asked).await
    }
}

/// Turns the parameters of a multi-statement query, which begins with `BEGIN`, into variables.
fn declare_parameters(query: &mut Value) {
    let Some(sql) = query["query"].as_str() else {
        return;
    };
    if !sql.trim_start().to_uppercase().starts_with("BEGIN") {
        return;
    }
    let mut declared = String::new();
    let mut statements = sql.to_owned();
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
