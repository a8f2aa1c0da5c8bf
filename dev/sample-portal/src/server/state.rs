//! What both hosts serve: CKAN's actions and the files, and the log of requests.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use loopback_server::body::Body;
use loopback_server::fault::Faults;
use serde::Serialize;
use serde_json::{Value, json};

use super::catalogue::{Catalogue, Target};
use super::parameters::parameters;
use super::publications::{Publications, Published};
use super::{actions, download};

/// A request that was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestLog {
    /// The requested host, with its port.
    pub host: String,
    /// `GET`, `POST`.
    pub method: String,
    /// The path and query.
    pub path: String,
    /// The status of its answer; `None` if the connection was closed without one.
    pub status: Option<u16>,
    /// The range it requested.
    pub range: Option<String>,
}

pub(super) struct State {
    pub(super) publications: Publications,
    pub(super) faults: Faults,
    pub(super) base: String,
    pub(super) file_host: String,
    log: Mutex<Vec<RequestLog>>,
    /// The results of `package_search` while its index lags behind.
    index: Mutex<Option<Vec<Value>>>,
}

impl State {
    pub(super) fn new(publications: Publications, base: String, file_host: String) -> Self {
        Self {
            publications,
            faults: Faults::default(),
            base,
            file_host,
            log: Mutex::default(),
            index: Mutex::default(),
        }
    }

    pub(super) fn requests(&self) -> Vec<RequestLog> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn catalogue(&self) -> Catalogue<'_> {
        Catalogue {
            publications: &self.publications,
            base: &self.base,
            file_host: &self.file_host,
        }
    }

    /// Freezes or unfreezes the results of `package_search`.
    pub(super) fn freeze_search(&self, is_frozen: bool) {
        let packages = is_frozen.then(|| self.catalogue().packages());
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = packages;
    }

    pub(super) fn log(&self, mut log: RequestLog, answer: &anyhow::Result<Response<Body>>) {
        log.status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(log);
    }

    pub(super) async fn ckan(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> anyhow::Result<Response<Bytes>> {
        let path = request.uri().path().to_owned();
        let action = ["/api/3/action/", "/api/action/"]
            .iter()
            .find_map(|prefix| path.strip_prefix(prefix));
        if let Some(action) = action {
            let action = action.to_owned();
            return self.action(&action, request).await;
        }
        let target = {
            let state = Arc::clone(&self);
            tokio::task::spawn_blocking(move || state.catalogue().target(&path)).await?
        };
        self.target(target, &request).await
    }

    pub(super) async fn linked_file(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> anyhow::Result<Response<Bytes>> {
        let target = self.catalogue().linked(request.uri().path());
        self.target(target, &request).await
    }

    async fn action(
        self: Arc<Self>,
        action: &str,
        request: Request<Incoming>,
    ) -> anyhow::Result<Response<Bytes>> {
        let mut parameters = parameters(request.uri().query().unwrap_or_default());
        if request.method() == Method::POST {
            let sent = request.into_body().collect().await?.to_bytes();
            match serde_json::from_slice(&sent) {
                Ok(Value::Object(sent)) => parameters.extend(sent),
                _ if sent.is_empty() => {}
                _ => {
                    let problem = json!("Bad request - JSON Error: Error decoding JSON data.");
                    return Ok(json_answer(StatusCode::BAD_REQUEST, &problem)?);
                }
            }
        }
        let action = action.to_owned();
        let answer = tokio::task::spawn_blocking(move || {
            let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            let searched = index.clone();
            drop(index);
            actions::answer(&self.catalogue(), searched, &action, &parameters)
        });
        let answer = answer.await?;
        Ok(json_answer(answer.status, &answer.body)?)
    }

    async fn target(
        self: Arc<Self>,
        target: Option<Target>,
        request: &Request<Incoming>,
    ) -> anyhow::Result<Response<Bytes>> {
        let Some(target) = target else {
            let not_found = actions::not_found();
            return Ok(json_answer(StatusCode::NOT_FOUND, &not_found)?);
        };
        if let Target::Elsewhere(location) = &target {
            let redirect = Response::builder()
                .status(StatusCode::FOUND)
                .header(header::LOCATION, location);
            return Ok(redirect.body(Bytes::new())?);
        }
        let state = Arc::clone(&self);
        match tokio::task::spawn_blocking(move || state.file(&target)).await? {
            Ok(file) => Ok(download::answer(&file, request)?),
            Err(error) => {
                let problem = json!({"error": format!("{error:#}")});
                Ok(json_answer(StatusCode::NOT_FOUND, &problem)?)
            }
        }
    }

    fn file(&self, target: &Target) -> anyhow::Result<Published> {
        match target {
            Target::Year(year, resource) => self.publications.file(*year, resource),
            Target::Document(document) => self.publications.document(*document),
            Target::Elsewhere(location) => anyhow::bail!("the file is at {location}"),
        }
    }
}

pub(super) fn described(host: &str, request: &Request<Incoming>) -> RequestLog {
    let uri = request.uri();
    let path = uri.path_and_query().map(ToString::to_string);
    let range = request.headers().get(header::RANGE);
    RequestLog {
        host: host.trim_start_matches("http://").to_owned(),
        method: request.method().to_string(),
        path: path.unwrap_or_else(|| uri.path().to_owned()),
        status: None,
        range: range
            .and_then(|range| range.to_str().ok())
            .map(str::to_owned),
    }
}

pub(super) fn json_answer(
    status: StatusCode,
    value: &Value,
) -> hyper::http::Result<Response<Bytes>> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json;charset=utf-8")
        .body(value.to_string().into())
}
