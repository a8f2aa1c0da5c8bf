//! A server that says exactly what a test wants it to say, for what no well-behaved portal does.

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
    /// How many requests for this path came before it.
    pub(crate) earlier: usize,
    headers: BTreeMap<String, String>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What is sent back, byte for byte, and what happens then.
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

    /// The end of the connection is the end of the body.
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

    /// The rest of `body` from byte `start`.
    pub(crate) fn rest(headers: &[(&str, &str)], body: &[u8], start: usize) -> Self {
        let range = format!("bytes {start}-{}/{}", body.len() - 1, body.len());
        let headers = [headers, &[("Content-Range", &range)]].concat();
        Self::new("206 Partial Content", &headers, &body[start..])
    }

    /// Breaks the connection `bytes` before the end.
    pub(crate) fn broken(mut self, bytes: usize) -> Self {
        self.bytes.truncate(self.bytes.len() - bytes);
        self
    }

    /// Stays connected `bytes` before the end, silently.
    pub(crate) fn stalled(self, bytes: usize) -> Self {
        Self {
            stall: true,
            ..self.broken(bytes)
        }
    }
}

/// A portal that publishes the year 2023 at `/sr2023.zip`, and whatever the script says.
pub(crate) struct Scripted {
    pub(crate) lake: TestLake,
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// What is requested to learn which years are published.
pub(crate) const YEARS: &str =
    "/api/3/action/package_show?id=311-service-requests-customer-initiated";
/// What is requested to learn where the wards are.
pub(crate) const WARDS: &str = "/api/3/action/package_show?id=city-wards";
pub(crate) const FILE: &str = "/sr2023.zip";
/// Where the forward sortation areas are.
pub(crate) const FSA_FILE: &str = "/lfsa000b16a_e.zip";

impl Scripted {
    /// Answers as `script` says; where it says nothing, as a portal does that publishes 2023 and nothing else.
    pub(crate) fn start(
        script: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1:0", script)
    }

    /// The same, at another loopback address.
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

    /// The job that extracts 2023, and no boundaries: those are other tasks'.
    pub(crate) fn job(&self) -> Job {
        self.job_on(&self.lake).env("CLOUD_RUN_TASK_COUNT", "3")
    }

    /// The job that extracts everything, to `lake`.
    pub(crate) fn job_on(&self, lake: &TestLake) -> Job {
        self.settings(Job::new(env!("CARGO_BIN_EXE_extract-job")), lake)
    }

    /// `job` with the settings of [`Scripted::job_on`].
    pub(crate) fn settings(&self, job: Job, lake: &TestLake) -> Job {
        job.env("LAKE_URL", lake.url())
            .env("RUN_ID", "test")
            .env("PORTAL_URL", &self.address)
            .env("FSA_URL", format!("{}{FSA_FILE}", self.address))
    }

    /// Its address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The requests for the file so far.
    pub(crate) fn downloads(&self) -> Vec<Request> {
        self.requests_for(FILE)
    }

    /// The requests for `path` so far.
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

/// What CKAN answers for a package of these resources.
pub(crate) fn shown(resources: &Value) -> Answer {
    let answer = json!({"help": "", "success": true, "result": {"resources": resources}});
    Answer::ok(&[], answer.to_string().as_bytes())
}

/// What CKAN answers instead.
pub(crate) fn declined(status: &str, kind: &str, message: &str) -> Answer {
    let error =
        json!({"help": "", "success": false, "error": {"__type": kind, "message": message}});
    Answer::new(status, &[], error.to_string().as_bytes())
}

/// The one year that is published.
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
