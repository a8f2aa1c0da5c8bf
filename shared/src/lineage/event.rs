//! Events of runs, as the specification defines them: <https://openlineage.io/spec/2-0-2/OpenLineage.json>.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Builder;

use super::facet::{Facet, Facets, PRODUCER};
use crate::fingerprint::Fingerprint;

const SCHEMA_URL: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// What happened to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    /// It began.
    Start,
    /// It succeeded.
    Complete,
    /// It failed.
    Fail,
}

/// A run, which may have begun several times: a retry is the same run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// A UUID.
    pub run_id: String,
    /// Its facets.
    #[serde(skip_serializing_if = "Facets::is_empty")]
    pub facets: Facets,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// The namespace, which `OPENLINEAGE_NAMESPACE` sets.
    pub namespace: String,
    /// Its name in the namespace.
    pub name: String,
    /// Its facets.
    #[serde(skip_serializing_if = "Facets::is_empty")]
    pub facets: Facets,
}

/// The run that a run is a part of, and the one at the top.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Parent {
    pub(super) run: Run,
    pub(super) job: Job,
    pub(super) root: Root,
}

/// The run at the top.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Root {
    pub(super) run: Run,
    pub(super) job: Job,
}

impl Facet for Parent {
    const NAME: &'static str = "parent";
    const SCHEMA: (&'static str, &'static str) = ("1-2-0", "ParentRunFacet");
}

/// What is read or written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dataset {
    /// The store.
    pub namespace: String,
    /// The name in the store.
    pub name: String,
    /// What is true of the dataset whether it is read or written.
    #[serde(skip_serializing_if = "Facets::is_empty")]
    pub facets: Facets,
    /// What is true of it as an input.
    #[serde(skip_serializing_if = "Facets::is_empty")]
    pub input_facets: Facets,
    /// What is true of it as an output.
    #[serde(skip_serializing_if = "Facets::is_empty")]
    pub output_facets: Facets,
}

/// An event.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEvent {
    event_type: EventType,
    event_time: Timestamp,
    run: Run,
    job: Job,
    inputs: Vec<Dataset>,
    outputs: Vec<Dataset>,
    producer: &'static str,
    #[serde(rename = "schemaURL")]
    schema_url: &'static str,
}

impl RunEvent {
    /// Returns the event that something happened to a run of `job` at a time.
    #[must_use]
    pub fn new(event_type: EventType, event_time: Timestamp, run: Run, job: Job) -> Self {
        Self {
            event_type,
            event_time,
            run,
            job,
            inputs: Vec::new(),
            outputs: Vec::new(),
            producer: PRODUCER,
            schema_url: SCHEMA_URL,
        }
    }

    /// Adds what the run reads and writes.
    #[must_use]
    pub fn with(self, inputs: Vec<Dataset>, outputs: Vec<Dataset>) -> Self {
        Self {
            inputs,
            outputs,
            ..self
        }
    }
}

/// Returns the UUID that `parts` name: version 8 of RFC 9562, of which the 122 free bits are of a SHA-256.
pub(super) fn uuid(parts: &[&str]) -> String {
    let digits = Fingerprint::of(parts);
    let bits =
        u128::from_str_radix(digits.as_str(), 16).expect("a fingerprint has 32 hexadecimal digits");
    Builder::from_custom_bytes(bits.to_be_bytes())
        .into_uuid()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn the_same_parts_name_the_same_run() {
        assert_eq!(
            uuid(&["lake", "run", "extract"]),
            uuid(&["lake", "run", "extract"])
        );
        assert_ne!(
            uuid(&["lake", "run", "extract"]),
            uuid(&["lake", "runextract", ""])
        );
        let parsed: uuid::Uuid = uuid(&["a"]).parse().expect("a UUID");
        assert_eq!(parsed.get_version_num(), 8);
        assert_eq!(parsed.get_variant(), uuid::Variant::RFC4122);
    }
}
