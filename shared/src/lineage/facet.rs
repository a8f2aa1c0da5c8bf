//! The facets of the specification that the events have. Their schemas: <https://openlineage.io/spec/facets>.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::address::Address;

/// The producer of the events, a URI.
pub(super) const PRODUCER: &str = concat!("urn:toronto-311:", env!("CARGO_PKG_VERSION"));

/// A facet: its name in events and its schema.
pub trait Facet: Serialize {
    /// Its name among the facets of its owner.
    const NAME: &'static str;
    /// Its schema: version and title.
    const SCHEMA: (&'static str, &'static str);
}

/// The facets of a run, a job or a dataset, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Facets(BTreeMap<&'static str, Value>);

impl Facets {
    /// Adds a facet, or replaces the one of its kind.
    #[must_use]
    pub fn with<F: Facet>(mut self, facet: &F) -> Self {
        let (version, title) = F::SCHEMA;
        let mut value =
            serde_json::to_value(facet).expect("facets have string keys and no failing serializer");
        value["_producer"] = json!(PRODUCER);
        value["_schemaURL"] = json!(format!(
            "https://openlineage.io/spec/facets/{version}/{title}.json#/$defs/{title}"
        ));
        self.0.insert(F::NAME, value);
        self
    }

    /// Adds a facet if there is one.
    #[must_use]
    pub fn with_some<F: Facet>(self, facet: Option<&F>) -> Self {
        match facet {
            Some(facet) => self.with(facet),
            None => self,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

macro_rules! facets {
    ($($(#[$meta:meta])* $facet:ident, $name:literal, $version:literal, $title:literal;)*) => {
        $(impl Facet for $facet {
            const NAME: &'static str = $name;
            const SCHEMA: (&'static str, &'static str) = ($version, $title);
        })*
    };
}

facets! {
    NominalTime, "nominalTime", "1-0-1", "NominalTimeRunFacet";
    ProcessingEngine, "processing_engine", "1-1-1", "ProcessingEngineRunFacet";
    ErrorMessage, "errorMessage", "1-0-1", "ErrorMessageRunFacet";
    JobType, "jobType", "2-0-4", "JobTypeJobFacet";
    SourceCodeLocation, "sourceCodeLocation", "1-1-0", "SourceCodeLocationJobFacet";
    Schema, "schema", "1-2-0", "SchemaDatasetFacet";
    DatasetVersion, "version", "1-0-1", "DatasetVersionDatasetFacet";
    ColumnLineage, "columnLineage", "1-2-0", "ColumnLineageDatasetFacet";
    InputStatistics, "inputStatistics", "1-0-0", "InputStatisticsInputDatasetFacet";
    OutputStatistics, "outputStatistics", "1-0-2", "OutputStatisticsOutputDatasetFacet";
    DataQualityMetrics, "dataQualityMetrics", "1-0-3", "DataQualityMetricsInputDatasetFacet";
    DataQualityAssertions, "dataQualityAssertions", "1-1-0", "DataQualityAssertionsDatasetFacet";
}

/// When a run is about, as opposed to when it happens.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NominalTime {
    /// When the run observed the portal.
    pub nominal_start_time: Timestamp,
}

/// The program that does the work.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingEngine {
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// The version of what writes the events.
    pub openlineage_adapter_version: &'static str,
}

/// Why a run failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorMessage {
    /// The failure.
    pub message: String,
    /// The language of the program that failed.
    pub programming_language: &'static str,
}

/// The kind of a job.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobType {
    /// `BATCH`.
    pub processing_type: &'static str,
    /// What runs the job.
    pub integration: &'static str,
    /// Its kind there.
    pub job_type: &'static str,
}

/// Where the code of a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceCodeLocation {
    /// `git`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The address of the code at the commit.
    pub url: String,
    /// The address of the repository.
    pub repo_url: String,
    /// The commit.
    pub version: String,
}

impl FromStr for SourceCodeLocation {
    type Err = String;

    /// Parses `https://HOST/OWNER/REPOSITORY/tree/COMMIT`, as GitHub and others name the files of a commit.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_commit = |commit: &str| {
            (7..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        match text.split_once("/tree/") {
            Some((repository, commit))
                if repository.starts_with("https://")
                    && !repository.contains(['@', '?', '#'])
                    && is_commit(commit) =>
            {
                Ok(Self {
                    kind: "git",
                    url: text.to_owned(),
                    repo_url: repository.to_owned(),
                    version: commit.to_owned(),
                })
            }
            _ => {
                let shown = Address::of_text(text).to_string();
                Err(format!(
                    "is {shown:?}: use https://HOST/OWNER/REPOSITORY/tree/COMMIT without user, password or query"
                ))
            }
        }
    }
}

/// The columns of a dataset.
#[derive(Debug, Serialize)]
pub struct Schema {
    /// The columns, in order.
    pub fields: Vec<Field>,
}

/// A column.
#[derive(Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type, as its system spells it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its description.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// Names the content of a dataset.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetVersion {
    /// A digest or a fingerprint.
    pub dataset_version: String,
}

/// The columns that each column of a dataset is computed from.
#[derive(Debug, Default, Serialize)]
pub struct ColumnLineage {
    /// By the dataset's column.
    pub fields: BTreeMap<String, InputFields>,
}

/// The columns that a column is computed from.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputFields {
    /// These.
    pub input_fields: Vec<InputField>,
}

/// A column of another dataset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct InputField {
    /// The namespace of the dataset.
    pub namespace: String,
    /// The name of the dataset.
    pub name: String,
    /// The name of the column.
    pub field: String,
}

/// What was read of a dataset.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputStatistics {
    /// Rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_count: Option<u64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_count: Option<usize>,
}

/// What was written to a dataset.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputStatistics {
    /// Rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_count: Option<u64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_count: Option<usize>,
}

/// The numbers of a dataset that was read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataQualityMetrics {
    /// Rows.
    pub row_count: u64,
    /// Bytes.
    pub bytes: u64,
    /// Numbers by column, which the specification requires; none are counted.
    pub column_metrics: BTreeMap<String, Value>,
}

/// What a dataset was tested for.
#[derive(Debug, Serialize)]
pub struct DataQualityAssertions {
    /// The tests.
    pub assertions: Vec<Assertion>,
}

/// A test of a dataset.
#[derive(Debug, Serialize)]
pub struct Assertion {
    /// The kind of test.
    pub assertion: String,
    /// Whether it found nothing.
    pub success: bool,
    /// `error` if a failure refuses the data, else `warn`.
    pub severity: &'static str,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The column that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What it tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}
