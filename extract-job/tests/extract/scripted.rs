//! A server that returns exactly what a test specifies, for behaviour that no correct portal has.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{HeaderMap, Response};
use loopback_server::body::Body;
use loopback_server::fault::{self, FaultKind};
use loopback_server::{Handler, Listener, Server};
use serde_json::{Value, json};
use shared::testing::{Job, TestLake};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// The number of earlier requests for this path.
    pub(crate) earlier: usize,
    headers: HeaderMap,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("text"))
    }
}

/// The answer, and how it is broken.
pub(crate) struct Answer {
    response: Response<Bytes>,
    fault: Option<FaultKind>,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Self {
            response: response.body(Bytes::copy_from_slice(body)).unwrap(),
            fault: None,
        }
    }

    pub(crate) fn ok(headers: &[(&str, &str)], body: &[u8]) -> Self {
        Self::new(200, headers, body)
    }

    /// Returns the rest of `body` from byte `start`.
    pub(crate) fn rest(headers: &[(&str, &str)], body: &[u8], start: usize) -> Self {
        let range = format!("bytes {start}-{}/{}", body.len() - 1, body.len());
        let headers = [headers, &[("Content-Range", &range)]].concat();
        Self::new(206, &headers, &body[start..])
    }

    /// Closes the connection `bytes` before the end of the body.
    pub(crate) fn broken(self, bytes: usize) -> Self {
        let length = self.response.body().len() - bytes;
        self.with(FaultKind::TruncateAt(length))
    }

    /// Stalls `bytes` before the end of the body without closing the connection.
    pub(crate) fn stalled(self, bytes: usize) -> Self {
        let length = self.response.body().len() - bytes;
        self.with(FaultKind::StallAt(length))
    }

    /// Closes the connection without an answer.
    pub(crate) fn lost() -> Self {
        Self::ok(&[], b"").with(FaultKind::LoseAnswer)
    }

    /// Sends no length, so that the body ends with the connection.
    pub(crate) fn without_length(self) -> Self {
        self.with(FaultKind::WithoutLength)
    }

    fn with(self, fault: FaultKind) -> Self {
        Self {
            fault: Some(fault),
            ..self
        }
    }
}

/// A portal that publishes the year 2023 at `/sr2023.zip`, and answers as scripted.
pub(crate) struct Scripted {
    pub(crate) lake: TestLake,
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
    _server: Server,
}

/// The path of the request for the published years.
pub(crate) const YEARS: &str =
    "/api/3/action/package_show?id=311-service-requests-customer-initiated";
/// The path of the request for the wards.
pub(crate) const WARDS: &str = "/api/3/action/package_show?id=city-wards";
pub(crate) const FILE: &str = "/sr2023.zip";
/// The path of the forward sortation areas.
pub(crate) const FSA_FILE: &str = "/lfsa000b21a_e.zip";

impl Scripted {
    /// Answers as `script` specifies, and otherwise like a portal that publishes 2023 and nothing else.
    pub(crate) fn start(
        script: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, script)
    }

    /// Returns the same portal at another loopback address.
    pub(crate) fn start_at(
        host: Ipv4Addr,
        script: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = Listener::bind_to(host, 0).unwrap();
        let address = listener.url();
        let requests = Arc::default();
        let handler = Served {
            requests: Arc::clone(&requests),
            address: address.clone(),
            answer: script,
        };
        Self {
            lake: TestLake::default(),
            address,
            requests,
            _server: listener.serve("scripted", Arc::new(handler)).unwrap(),
        }
    }

    /// Returns the job that extracts 2023, and no boundaries, which belong to other tasks.
    pub(crate) fn job(&self) -> Job {
        self.job_on(&self.lake).env("CLOUD_RUN_TASK_COUNT", "3")
    }

    /// Returns the job that extracts everything, to `lake`.
    pub(crate) fn job_on(&self, lake: &TestLake) -> Job {
        self.settings(Job::new(env!("CARGO_BIN_EXE_extract-job")), lake)
    }

    /// Returns `job` with the settings of [`Scripted::job_on`].
    pub(crate) fn settings(&self, job: Job, lake: &TestLake) -> Job {
        job.env("LAKE_URL", lake.url())
            .env("RUN_ID", "test")
            .env("PORTAL_URL", &self.address)
            .env("FSA_URL", format!("{}{FSA_FILE}", self.address))
    }

    /// Returns its address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the requests for the file so far.
    pub(crate) fn downloads(&self) -> Vec<Request> {
        self.requests_for(FILE)
    }

    /// Returns the requests for `path` so far.
    pub(crate) fn requests_for(&self, path: &str) -> Vec<Request> {
        let requests = self.requests.lock().unwrap();
        let of_file = requests.iter().filter(|request| request.path == path);
        of_file.cloned().collect()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| request.path.clone())
            .collect()
    }
}

struct Served<S> {
    requests: Arc<Mutex<Vec<Request>>>,
    address: String,
    answer: S,
}

impl<S: Fn(&Request) -> Option<Answer> + Send + Sync + 'static> Handler for Served<S> {
    async fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
    ) -> anyhow::Result<Response<Body>> {
        let path = request.uri().to_string();
        let request = {
            let mut requests = self.requests.lock().unwrap();
            let earlier = requests.iter().filter(|before| before.path == path).count();
            let request = Request {
                path,
                earlier,
                headers: request.headers().clone(),
            };
            requests.push(request.clone());
            request
        };
        let answer = (self.answer)(&request).unwrap_or_else(|| match request.path.as_str() {
            YEARS => shown(&json!([year_2023(&self.address)])),
            _ => Answer::new(404, &[], b"nothing here"),
        });
        fault::send(answer.fault, async { Ok(answer.response) }).await
    }
}

/// Returns CKAN's answer for a package with these resources.
pub(crate) fn shown(resources: &Value) -> Answer {
    let answer = json!({"help": "", "success": true, "result": {"resources": resources}});
    Answer::ok(&[], answer.to_string().as_bytes())
}

/// Returns CKAN's error answer.
pub(crate) fn declined(status: u16, kind: &str, message: &str) -> Answer {
    let error =
        json!({"help": "", "success": false, "error": {"__type": kind, "message": message}});
    Answer::new(status, &[], error.to_string().as_bytes())
}

/// Returns the only published year.
pub(crate) fn year_2023(base: &str) -> Value {
    json!({
        "id": "079766f3-815d-4257-8731-5ff6b0c84c13",
        "name": "SR2023",
        "format": "ZIP",
        "url": format!("{base}{FILE}"),
        "url_type": "upload",
        "state": "active",
        "created": "2023-02-08T15:15:00.000000",
        "last_modified": "2024-01-05T15:04:05.123456",
        "size": null,
    })
}
