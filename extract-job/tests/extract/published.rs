//! A portal with resources and files set by a test, on loopback in place of the City's two hosts.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use jiff::fmt::rfc2822;
use serde_json::Value;
use shared::testing::{JobOutcome, fixtures};

use crate::publisher::Publisher;
use crate::runs::{drift, handed_over};
use crate::scripted::{Answer, Request, Scripted, YEARS, shown};

/// A served file and its headers.
#[derive(Clone, Default)]
pub(crate) struct File {
    bytes: Vec<u8>,
    headers: Vec<(String, String)>,
    /// Whether any condition is answered as if the file were unchanged.
    unmodified: bool,
}

impl File {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            ..Self::default()
        }
    }

    /// Answers 304 to any condition.
    pub(crate) fn unmodified(mut self) -> Self {
        self.unmodified = true;
        self
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns a redirect, in place of a file.
    pub(crate) fn redirect(location: &str) -> Self {
        Self::default().with("Location", location)
    }

    /// Answers conditional requests as RFC 9110, section 13.1, defines: tags are compared without regard to weakness, and
    /// a file is unmodified if its date is not later than the requested one. A 304 does not repeat the date.
    fn answer(&self, request: &Request) -> Answer {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let stated = |header: &str| {
            let stated = headers.iter().find(|(name, _)| *name == header);
            stated.map(|(_, value)| *value)
        };
        let tag = |text: &str| text.trim_start_matches("W/").to_owned();
        let date = |text: &str| rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
        if headers.iter().any(|(name, _)| *name == "Location") {
            return Answer::new(302, &headers, b"");
        }
        let none_match = request.header("if-none-match");
        let modified_since = request.header("if-modified-since");
        let unmodified = match (none_match, modified_since) {
            (None, None) => false,
            _ if self.unmodified => true,
            (Some(known), _) => stated("ETag").map(tag) == Some(tag(known)),
            (None, Some(known)) => {
                stated("Last-Modified").is_some_and(|modified| date(modified) <= date(known))
            }
        };
        if unmodified {
            let mut headers = headers;
            headers.retain(|(name, _)| *name != "Last-Modified");
            return Answer::new(304, &headers, b"");
        }
        Answer::ok(&headers, &self.bytes)
    }
}

#[derive(Default)]
struct Now {
    resources: Value,
    files: BTreeMap<String, File>,
}

/// The portal at 127.0.0.1, which publishes the boundaries too, and the City's other host at 127.0.0.2.
pub(crate) struct Published {
    portal: Publisher,
    city: Scripted,
    now: Arc<Mutex<Now>>,
}

impl Deref for Published {
    type Target = Scripted;

    fn deref(&self) -> &Scripted {
        &self.portal
    }
}

impl Published {
    pub(crate) fn start() -> Self {
        let now = Arc::new(Mutex::new(Now::default()));
        let serve = |now: &Arc<Mutex<Now>>| {
            let now = now.clone();
            move |request: &Request| {
                let now = now.lock().unwrap();
                if request.path == YEARS {
                    return Some(shown(&now.resources));
                }
                now.files
                    .get(&request.path)
                    .map(|file| file.answer(request))
            }
        };
        Self {
            portal: Publisher::start_with(serve(&now)),
            city: Scripted::start_at(Ipv4Addr::new(127, 0, 0, 2), serve(&now)),
            now,
        }
    }

    /// Publishes these resources, in place of all others. `PORTAL` and `CITY` in them are placeholders for the two
    /// hosts.
    pub(crate) fn list(&self, resources: &Value) {
        let text = resources
            .to_string()
            .replace("https://ckan0.cf.opendata.inter.prod-toronto.ca", "PORTAL")
            .replace("https://www.toronto.ca", "CITY")
            .replace("PORTAL", self.portal.address())
            .replace("CITY", self.city.address());
        self.now.lock().unwrap().resources = serde_json::from_str(&text).unwrap();
    }

    /// Publishes the resources in a case's CKAN response.
    pub(crate) fn list_case(&self, answer: &str) {
        let json: Value = serde_json::from_slice(&case_file(answer)).unwrap();
        self.list(&json["result"]["results"][0]["resources"]);
    }

    /// Serves `file` at `path` on both hosts, in place of any earlier file.
    pub(crate) fn serve(&self, path: &str, file: File) {
        let mut now = self.now.lock().unwrap();
        now.files.insert(path.to_owned(), file);
    }

    /// Returns the address of the City's other host.
    pub(crate) fn city(&self) -> &str {
        self.city.address()
    }

    /// Extracts the only listed year, and no boundaries.
    pub(crate) fn run(&self, run: &str) -> JobOutcome {
        self.portal.job().env("RUN_ID", run).run()
    }

    /// Returns the raw manifest's key and the CSV that `run` handed over for `year`.
    pub(crate) fn csv(&self, run: &str, year: i16) -> (String, Vec<u8>) {
        let key = handed_over(&self.lake, run, 0)
            .remove(&year.to_string())
            .unwrap();
        let manifest = self.manifest(&key);
        let object = manifest["object"]["key"].as_str().unwrap();
        (key, fs::read(self.lake.path().join(object)).unwrap())
    }

    /// Returns the manifest under `key`.
    pub(crate) fn manifest(&self, key: &str) -> Value {
        let json = fs::read(self.lake.path().join(key)).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    /// Returns the kinds of drift that `run` handed over for `year`.
    pub(crate) fn drift(&self, run: &str, year: i16) -> Vec<String> {
        let drift = drift(&self.lake, run, &year.to_string()).into_iter();
        drift.map(|(kind, _)| kind).collect()
    }

    /// Returns the requests for `path` on both hosts.
    pub(crate) fn requests_for(&self, path: &str) -> Vec<Request> {
        let all = [self.portal.requests_for(path), self.city.requests_for(path)];
        all.concat()
    }
}

/// Returns a file of the publication cases.
pub(crate) fn case_file(path: &str) -> Vec<u8> {
    fs::read(fixtures().join("publication-cases").join(path)).unwrap()
}
