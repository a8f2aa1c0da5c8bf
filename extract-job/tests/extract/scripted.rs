//! A server that returns exactly what a test specifies, for behaviour that no correct portal has.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use shared::testing::{Job, TestLake};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// The number of earlier requests for this path.
    pub(crate) earlier: usize,
    headers: BTreeMap<String, String>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// The response, byte for byte, and what happens after it.
pub(crate) struct Answer {
    bytes: Vec<u8>,
    stall: bool,
}

impl Answer {
    pub(crate) fn new(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let length = body.len().to_string();
        Self::without_length(
            status,
            &[headers, &[("Content-Length", &length)]].concat(),
            body,
        )
    }

    /// Returns a response whose body ends with the connection.
    pub(crate) fn without_length(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut bytes = format!("HTTP/1.1 {status}\r\nConnection: close\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        Self {
            bytes,
            stall: false,
        }
    }

    pub(crate) fn ok(headers: &[(&str, &str)], body: &[u8]) -> Self {
        Self::new("200 OK", headers, body)
    }

    /// Returns the rest of `body` from byte `start`.
    pub(crate) fn rest(headers: &[(&str, &str)], body: &[u8], start: usize) -> Self {
        let range = format!("bytes {start}-{}/{}", body.len() - 1, body.len());
        let headers = [headers, &[("Content-Range", &range)]].concat();
        Self::new("206 Partial Content", &headers, &body[start..])
    }

    /// Closes the connection `bytes` before the end.
    pub(crate) fn broken(mut self, bytes: usize) -> Self {
        self.bytes.truncate(self.bytes.len() - bytes);
        self
    }

    /// Stalls `bytes` before the end without closing the connection.
    pub(crate) fn stalled(self, bytes: usize) -> Self {
        Self {
            stall: true,
            ..self.broken(bytes)
        }
    }
}

/// A portal that publishes the year 2023 at `/sr2023.zip`, and answers as scripted.
pub(crate) struct Scripted {
    pub(crate) lake: TestLake,
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// The path of the request for the published years.
pub(crate) const YEARS: &str =
    "/api/3/action/package_show?id=311-service-requests-customer-initiated";
/// The path of the request for the wards.
pub(crate) const WARDS: &str = "/api/3/action/package_show?id=city-wards";
pub(crate) const FILE: &str = "/sr2023.zip";
/// The path of the forward sortation areas.
pub(crate) const FSA_FILE: &str = "/lfsa000b16a_e.zip";

impl Scripted {
    /// Answers as `script` specifies, and otherwise like a portal that publishes 2023 and nothing else.
    pub(crate) fn start(
        script: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1:0", script)
    }

    /// Returns the same portal at another loopback address.
    pub(crate) fn start_at(
        address: &str,
        script: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, base, script) = (requests.clone(), address.clone(), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, base, script) = (log.clone(), base.clone(), script.clone());
                thread::spawn(move || serve(&stream.unwrap(), &log, &base, script.as_ref()));
            }
        });
        Self {
            lake: TestLake::default(),
            address,
            requests,
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

fn serve(
    mut stream: &TcpStream,
    log: &Mutex<Vec<Request>>,
    base: &str,
    script: &dyn Fn(&Request) -> Option<Answer>,
) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let request = {
        let mut log = log.lock().unwrap();
        let earlier = log.iter().filter(|before| before.path == path).count();
        let request = Request {
            path,
            earlier,
            headers,
        };
        log.push(request.clone());
        request
    };
    let answer = script(&request).unwrap_or_else(|| match request.path.as_str() {
        YEARS => shown(&json!([year_2023(base)])),
        _ => Answer::new("404 Not Found", &[], b"nothing here"),
    });
    // The client may have left.
    stream.write_all(&answer.bytes).ok();
    if answer.stall {
        thread::sleep(Duration::from_secs(30));
    }
}

/// Returns CKAN's answer for a package with these resources.
pub(crate) fn shown(resources: &Value) -> Answer {
    let answer = json!({"help": "", "success": true, "result": {"resources": resources}});
    Answer::ok(&[], answer.to_string().as_bytes())
}

/// Returns CKAN's error answer.
pub(crate) fn declined(status: &str, kind: &str, message: &str) -> Answer {
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
        "size": "1234",
    })
}
