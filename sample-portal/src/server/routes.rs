//! What is answered to which request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use loopback_server::Handler;
use loopback_server::body::Body;
use serde::Serialize;
use serde_json::json;

use super::fault::{Fault, FaultKind, Faults, body};
use super::files::Files;
use super::{PortalConfig, catalogue, download};

/// A request that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestLog {
    /// `GET`, `POST`.
    pub method: String,
    /// The path and query.
    pub path: String,
    /// The status it was answered with; none if the connection was ended.
    pub status: Option<u16>,
    /// The range it asked for.
    pub range: Option<String>,
}

pub(super) struct State {
    pub(super) files: Files,
    pub(super) faults: Faults,
    base: String,
    log: Mutex<Vec<RequestLog>>,
}

impl Handler for State {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let uri = request.uri();
        let path = uri
            .path_and_query()
            .map_or_else(|| uri.path().to_owned(), ToString::to_string);
        let range = request
            .headers()
            .get(header::RANGE)
            .and_then(|range| range.to_str().ok());
        let mut log = RequestLog {
            method: request.method().to_string(),
            path,
            status: None,
            range: range.map(str::to_owned),
        };
        let administration = uri.path().starts_with("/_sample/");
        let answer = Arc::clone(&self).routed(request).await;
        log.status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        if !administration {
            self.log
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(log);
        }
        answer
    }
}

impl State {
    pub(super) fn new(config: PortalConfig, base: String) -> anyhow::Result<Self> {
        Ok(Self {
            files: Files::new(config)?,
            faults: Faults::default(),
            base,
            log: Mutex::default(),
        })
    }

    pub(super) fn requests(&self) -> Vec<RequestLog> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn routed(self: Arc<Self>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        let query = query_of(request.uri().query().unwrap_or_default());
        if let Some(action) = path.strip_prefix("/_sample/") {
            return self.administer(request.method(), action, &query);
        }
        let fault = self.faults.take(&path);
        match fault {
            Some(FaultKind::Reset) => anyhow::bail!("a fault on demand"),
            Some(FaultKind::Status(status, retry_after)) => {
                let mut answer = Response::builder().status(status);
                if let Some(seconds) = retry_after {
                    answer = answer.header(header::RETRY_AFTER, seconds);
                }
                return Ok(answer.body(body(&Bytes::from_static(b"a fault on demand"), None))?);
            }
            _ => {}
        }
        if path == "/api/3/action/package_search" {
            let state = Arc::clone(&self);
            let filter = query.get("fq").cloned().unwrap_or_default();
            let found = tokio::task::spawn_blocking(move || {
                catalogue::package_search(&state.files, &state.base, &filter)
            });
            return Ok(json_answer(StatusCode::OK, &found.await?, fault)?);
        }
        let Some(id) = catalogue::file_at(&path) else {
            return Ok(json_answer(
                StatusCode::NOT_FOUND,
                &catalogue::not_found(),
                fault,
            )?);
        };
        let state = Arc::clone(&self);
        match tokio::task::spawn_blocking(move || state.files.published(id)).await? {
            Ok(file) => Ok(download::answer(&file, request.headers(), fault)?),
            Err(error) => {
                let problem = json!({"error": format!("{error:#}")});
                Ok(json_answer(StatusCode::NOT_FOUND, &problem, None)?)
            }
        }
    }

    fn administer(
        &self,
        method: &Method,
        action: &str,
        query: &BTreeMap<String, String>,
    ) -> anyhow::Result<Response<Body>> {
        let parts: Vec<&str> = action.split('/').collect();
        let done = match (method.as_str(), &parts[..]) {
            ("GET", ["requests"]) => {
                return Ok(json_answer(StatusCode::OK, &json!(self.requests()), None)?);
            }
            ("POST", ["years", year, "correct"]) => year
                .parse()
                .map(|year| self.files.correct(year))
                .map_err(|_| "no year".to_owned()),
            ("POST", ["years", year, "touch"]) => year
                .parse()
                .map(|year| self.files.touch(year))
                .map_err(|_| "no year".to_owned()),
            ("POST", ["faults"]) => fault_of(query).map(|fault| self.faults.add(fault)),
            _ => Err("no such action: see the README of sample-portal".to_owned()),
        };
        Ok(match done {
            Ok(()) => json_answer(StatusCode::OK, &json!({"done": true}), None)?,
            Err(problem) => json_answer(StatusCode::BAD_REQUEST, &json!({"error": problem}), None)?,
        })
    }
}

fn fault_of(query: &BTreeMap<String, String>) -> Result<Fault, String> {
    let times = query.get("times").map_or(Ok(1), |times| times.parse());
    Ok(Fault {
        path_contains: query.get("path").cloned().unwrap_or_default(),
        kind: query.get("kind").ok_or("no kind")?.parse()?,
        times: times.map_err(|_| "times is no number")?,
    })
}

/// Names and values of a query.
fn query_of(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn json_answer(
    status: StatusCode,
    value: &serde_json::Value,
    fault: Option<FaultKind>,
) -> hyper::http::Result<Response<Body>> {
    let bytes = Bytes::from(value.to_string());
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, bytes.len())
        .body(body(&bytes, fault))
}
