//! A proxy in front of an emulator that records requests and breaks answers on demand.

mod bigquery;
mod fault;
mod storage;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, LOCATION, TRANSFER_ENCODING};
use hyper::{Method, Request, Response, StatusCode};
use loopback_server::body::Body;
use loopback_server::{Handler, Listener, Server};
use url::Url;

pub use fault::{Fault, FaultKind};

use bigquery::BigQuery;
use fault::Faults;
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
        let fault = self.faults.take(&entry);
        let answer = match &fault {
            Some(FaultKind::Reset) => None,
            Some(FaultKind::Answer {
                status,
                headers,
                body,
            }) => Some(made(*status, headers, body)?),
            Some(FaultKind::LoseAnswer) => {
                self.forward(request).await?;
                None
            }
            Some(FaultKind::Delay(duration)) => {
                tokio::time::sleep(*duration).await;
                Some(self.forward(request).await?)
            }
            Some(FaultKind::TruncateAt(_) | FaultKind::Flip) | None => {
                Some(self.forward(request).await?)
            }
        };
        let status = answer.as_ref().map_or(0, |answer| answer.head.as_u16());
        self.log().push(RequestLog { status, ..entry });
        let answer = answer.ok_or_else(|| anyhow::anyhow!("a fault on demand"))?;
        let length = answer.body.len();
        let mut response = Response::new(fault::body(&answer.body, fault.as_ref()));
        *response.status_mut() = answer.head;
        *response.headers_mut() = answer.headers;
        if parts_have_body(answer.head) {
            response
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        Ok(response)
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

/// Whether answers with this status have a body, and therefore a length.
fn parts_have_body(status: StatusCode) -> bool {
    status != StatusCode::NO_CONTENT
}

fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

fn made(status: u16, headers: &[(&'static str, String)], body: &str) -> anyhow::Result<Answer> {
    let mut all = HeaderMap::new();
    all.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        all.insert(*name, HeaderValue::from_str(value)?);
    }
    Ok(Answer {
        head: StatusCode::from_u16(status)?,
        headers: all,
        body: Bytes::copy_from_slice(body.as_bytes()),
    })
}

/// Returns an error in the format of Google's JSON APIs: <https://cloud.google.com/apis/design/errors#http_mapping>.
fn error(status: u16, reason: &str, message: &str) -> String {
    serde_json::json!({"error": {
        "code": status,
        "message": message,
        "errors": [{"domain": "global", "reason": reason, "message": message}],
    }})
    .to_string()
}
