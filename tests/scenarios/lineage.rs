//! The events of OpenLineage that a pipeline leaves in its lake and posts to a collector.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use loopback_server::body::{self, Body};
use loopback_server::{Handler, Listener, Server};
use serde_json::Value;
use shared::testing::{Job, fixtures};
use tempfile::NamedTempFile;

use crate::pipeline::Pipeline;
use crate::readers::run_python_reader;

/// The key that the collector requires.
const KEY: &str = "a-secret-key";
const SOURCE_CODE: &str = "https://code.test/owner/repository/tree/0123456789abcdef";

/// A collector, to which the jobs of one pipeline post.
pub(crate) struct Collector {
    url: String,
    events: Arc<Events>,
    _server: Server,
}

#[derive(Default)]
struct Events(Mutex<Vec<Value>>);

impl Handler for Events {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        ensure!(request.uri().path() == "/api/v1/lineage");
        ensure!(request.headers()["authorization"] == format!("Bearer {KEY}"));
        let event = request.into_body().collect().await?.to_bytes();
        let event = serde_json::from_slice(&event)?;
        self.0.lock().unwrap().push(event);
        Ok(Response::new(body::whole(Bytes::new())))
    }
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = Listener::bind(0).unwrap();
        let events = Arc::new(Events::default());
        Self {
            url: listener.url(),
            _server: listener.serve("collector", Arc::clone(&events)).unwrap(),
            events,
        }
    }

    /// Lets `job` post to it.
    pub(crate) fn collects(&self, job: Job) -> Job {
        job.env("OPENLINEAGE_URL", &self.url)
            .env("OPENLINEAGE_API_KEY", KEY)
            .env("SOURCE_CODE_URL", SOURCE_CODE)
    }

    /// Holds what was posted against the lake of `pipeline` and the schemas of OpenLineage, and returns the graph.
    pub(crate) fn graph(&self, pipeline: &Pipeline) -> Graph {
        let lake = pipeline.copy_of_lake();
        let mut written = Vec::new();
        let mut roots: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for key in lake.objects("lineage/").into_keys() {
            if !key.ends_with(".ndjson") {
                continue;
            }
            let text = std::fs::read_to_string(lake.path().join(&key)).unwrap();
            assert!(!text.contains(KEY), "{key}");
            let run = key.split('/').nth(1).unwrap().to_owned();
            for line in text.lines() {
                let event: Value = serde_json::from_str(line).unwrap();
                let root = &event["run"]["facets"]["parent"]["root"]["run"]["runId"];
                let roots = roots.entry(run.clone()).or_default();
                roots.insert(root.as_str().unwrap().to_owned());
                written.push(event);
            }
        }
        // All that a pipeline run did is below it, and below nothing else.
        let roots: Vec<BTreeSet<String>> = roots.into_values().collect();
        let all: BTreeSet<&String> = roots.iter().flatten().collect();
        assert!(roots.iter().all(|roots| roots.len() == 1), "{roots:?}");
        assert_eq!(all.len(), roots.len());

        let mut posted = self.events.0.lock().unwrap().clone();
        written.sort_by_key(Value::to_string);
        posted.sort_by_key(Value::to_string);
        assert_eq!(posted, written);
        Graph::read(&written)
    }
}

/// What events say, as a program that shares no code with the pipeline reads them.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) events: Vec<Value>,
    answer: Value,
}

impl Graph {
    fn read(events: &[Value]) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        let mut ordered: Vec<&Value> = events.iter().collect();
        ordered.sort_by_key(|event| event["eventTime"].as_str().unwrap().to_owned());
        for event in ordered {
            writeln!(file, "{event}").unwrap();
        }
        let schemas = fixtures().join("openlineage");
        let paths = [schemas.as_path(), file.path()].map(|path| path.to_str().unwrap());
        Self {
            events: events.to_vec(),
            answer: run_python_reader("openlineage.py", &paths),
        }
    }

    /// Returns the datasets that are not connected with most others.
    pub(crate) fn apart(&self) -> Vec<&str> {
        let parts = self.answer["parts"].as_array().unwrap().iter();
        let smaller = parts
            .rev()
            .skip(1)
            .flat_map(|part| part.as_array().unwrap());
        smaller.map(|dataset| dataset.as_str().unwrap()).collect()
    }

    /// Returns the states of the runs of `job`, in the order of the pipeline's runs.
    pub(crate) fn states(&self, job: &str) -> Vec<Vec<&str>> {
        let runs = self.answer["runs"].as_object().unwrap().iter();
        let of_job = runs.filter(|(name, _)| name.split(' ').next() == Some(job));
        of_job
            .map(|(_, states)| {
                let states = states.as_array().unwrap().iter();
                states.map(|state| state.as_str().unwrap()).collect()
            })
            .collect()
    }

    /// Returns the runs, with their states, that have not begun and ended once.
    pub(crate) fn unended(&self) -> BTreeMap<&str, &Value> {
        let runs = self.answer["runs"].as_object().unwrap().iter();
        let has_ended = |states: &Value| {
            let mut states: Vec<&str> = states
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            states.sort_unstable();
            [["COMPLETE", "START"], ["FAIL", "START"]]
                .iter()
                .any(|ended| states == ended)
        };
        let unended = runs.filter(|(_, states)| !has_ended(states));
        unended
            .map(|(run, states)| (run.as_str(), states))
            .collect()
    }

    /// Returns the names of all jobs.
    pub(crate) fn jobs(&self) -> BTreeSet<&str> {
        let runs = self.answer["runs"].as_object().unwrap().keys();
        runs.map(|run| run.split(' ').next().unwrap()).collect()
    }

    /// Returns the columns that nothing is known to precede, of which `column` is computed.
    pub(crate) fn origins(&self, column: &str) -> BTreeSet<String> {
        match self.answer["columns"].get(column) {
            Some(sources) if sources.as_array().is_some_and(|all| !all.is_empty()) => {
                let sources = sources.as_array().unwrap().iter();
                sources
                    .flat_map(|source| self.origins(source.as_str().unwrap()))
                    .collect()
            }
            _ => [column.to_owned()].into(),
        }
    }

    /// Returns the edges between datasets and the sources of all columns, with the names of the stores replaced.
    pub(crate) fn without_stores(&self, stores: &[(String, &str)]) -> Value {
        let mut text =
            serde_json::json!([self.answer["edges"], self.answer["columns"]]).to_string();
        for (store, name) in stores {
            text = text.replace(store, name);
        }
        serde_json::from_str(&text).unwrap()
    }
}
