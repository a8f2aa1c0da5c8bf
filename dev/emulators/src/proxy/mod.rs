//! A proxy in front of an emulator that records requests and breaks answers on demand.

mod bigquery;
mod layouts;
mod storage;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION, TRANSFER_ENCODING,
};
use hyper::{Method, Request, Response, StatusCode};
use loopback_server::body::Body;
use loopback_server::fault::{self, Fault, FaultKind, Faults};
use loopback_server::{Handler, Listener, Server};
use url::Url;

use bigquery::BigQuery;
use storage::Storage;

/// The service behind the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The Cloud Storage emulator, whose gaps are filled.
    Storage,
    /// The BigQuery emulator, whose gaps are filled.
    BigQuery,
    /// Another proxy.
    Proxy,
}

/// A request seen by a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLog {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path and the query.
    pub target: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's length.
    pub size_bytes: usize,
    /// The body, if it is JSON.
    pub json: Option<serde_json::Value>,
    /// The status of the answer, including faults; 0 if the connection ended without one.
    pub status: u16,
}

/// A proxy on 127.0.0.1 that serves until it is dropped.
pub struct Proxy {
    url: String,
    state: Arc<State>,
    _server: Server,
}

struct State {
    url: String,
    upstream: String,
    client: reqwest::Client,
    faults: Faults,
    log: Mutex<Vec<RequestLog>>,
    gaps: Gaps,
}

enum Gaps {
    Storage(Storage),
    BigQuery(BigQuery),
    None,
}

/// A complete request or answer.
#[derive(Clone)]
struct Message<Head> {
    head: Head,
    headers: HeaderMap,
    body: Bytes,
}

type ProxiedRequest = Message<(Method, String)>;
type Answer = Message<StatusCode>;

impl Proxy {
    /// Starts a proxy of the URL `upstream`.
    pub fn start(service: Service, upstream: &str) -> anyhow::Result<Self> {
        let listener = Listener::bind(0)?;
        let url = listener.url();
        let state = Arc::new(State {
            url: url.clone(),
            upstream: upstream.to_owned(),
            client: reqwest::Client::builder().no_proxy().build()?,
            faults: Faults::default(),
            log: Mutex::default(),
            gaps: match service {
                Service::Storage => Gaps::Storage(Storage::default()),
                Service::BigQuery => Gaps::BigQuery(BigQuery::default()),
                Service::Proxy => Gaps::None,
            },
        });
        let server = listener.serve("proxy", Arc::clone(&state))?;
        Ok(Self {
            url,
            state,
            _server: server,
        })
    }

    /// Returns its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Breaks the next answers that `fault` matches.
    pub fn fault(&self, fault: Fault) {
        self.state.faults.add(fault);
    }

    /// Whether all faults have happened.
    #[must_use]
    pub fn is_through(&self) -> bool {
        self.state.faults.are_over()
    }

    /// Returns the number of answers broken so far.
    #[must_use]
    pub fn broken(&self) -> u32 {
        self.state.faults.happened()
    }

    /// Removes all pending faults.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// Returns the requests so far, in the order of their answers.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestLog> {
        self.state.log().clone()
    }
}

impl Handler for State {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let request = ProxiedRequest {
            head: (parts.method, parts.uri.to_string()),
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
        };
        let entry = RequestLog {
            method: request.head.0.to_string(),
            target: request.head.1.clone(),
            headers: readable(&request.headers),
            size_bytes: request.body.len(),
            json: serde_json::from_slice(&request.body).ok(),
            status: 0,
        };
        let (method, target) = request.head.clone();
        let fault = self.faults.take(&method, &target);
        let is_repeated = fault == Some(FaultKind::Repeat);
        let answer = async {
            if is_repeated {
                self.forward(request.clone()).await?;
            }
            Ok(self.forward(request).await?.into_response())
        };
        let answer = fault::send(fault, answer).await;
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        self.log().push(RequestLog { status, ..entry });
        answer
    }
}

impl State {
    fn log(&self) -> MutexGuard<'_, Vec<RequestLog>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the answer of the service, with its gaps filled.
    async fn forward(&self, request: ProxiedRequest) -> anyhow::Result<Answer> {
        let mut answer = match &self.gaps {
            Gaps::Storage(storage) => storage.answer(self, request).await?,
            Gaps::BigQuery(bigquery) => bigquery.answer(self, request).await?,
            Gaps::None => self.send(request).await?,
        };
        if let Some(location) = answer.headers.get(LOCATION) {
            // The service uses its own host without the port; its clients need the proxy's.
            let location = Url::parse(location.to_str()?)?;
            let query = location
                .query()
                .map_or(String::new(), |query| format!("?{query}"));
            let here = format!("{}{}{query}", self.url, location.path());
            answer
                .headers
                .insert(LOCATION, HeaderValue::from_str(&here)?);
        }
        Ok(answer)
    }

    /// Returns the answer of the service.
    async fn send(&self, request: ProxiedRequest) -> anyhow::Result<Answer> {
        let (method, target) = request.head;
        let mut headers = request.headers;
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
        let request = self
            .client
            .request(method, format!("{}{target}", self.upstream))
            .headers(headers)
            .body(request.body);
        let answer = request.send().await?;
        let head = answer.status();
        let mut headers = answer.headers().clone();
        headers.remove(TRANSFER_ENCODING);
        headers.remove(CONTENT_LENGTH);
        Ok(Answer {
            head,
            headers,
            body: answer.bytes().await?,
        })
    }
}

fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

impl Answer {
    fn json(status: StatusCode, body: String) -> Self {
        let json = HeaderValue::from_static("application/json");
        Self {
            head: status,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            body: body.into(),
        }
    }

    /// Returns an error as JSON.
    fn error(status: StatusCode, reason: &str, message: &str) -> Self {
        Self::json(status, error_body(status.as_u16(), reason, message))
    }

    fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.head;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Returns a fault: an error in the format of Google's JSON APIs, without a request to the service.
#[must_use]
pub fn google_error(status: u16, reason: &str) -> FaultKind {
    FaultKind::Answer {
        status,
        headers: vec![(CONTENT_TYPE, "application/json".to_owned())],
        body: error_body(status, reason, reason),
    }
}

/// Returns an error in the format of Google's JSON APIs: <https://cloud.google.com/apis/design/errors#http_mapping>.
fn error_body(status: u16, reason: &str, message: &str) -> String {
    serde_json::json!({"error": {
        "code": status,
        "message": message,
        "errors": [{"domain": "global", "reason": reason, "message": message}],
    }})
    .to_string()
}
