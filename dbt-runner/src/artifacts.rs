//! The files that dbt writes to its target directory. Their formats: <https://schemas.getdbt.com>, run-results v6 and
//! manifest v12.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};

use crate::mart::{Definition, DescribedColumn, MartTable, PartitionBy, Publishable};

/// The result of each node.
#[derive(Debug, Deserialize)]
pub(crate) struct RunResults {
    #[serde(default)]
    metadata: Metadata,
    results: Vec<NodeResult>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    dbt_version: String,
}

/// The result of a node.
#[derive(Debug, Deserialize)]
pub(crate) struct NodeResult {
    pub(crate) unique_id: String,
    pub(crate) status: String,
    pub(crate) message: Option<String>,
    /// The number of rows that a test found.
    pub(crate) failures: Option<u64>,
    #[serde(default)]
    adapter_response: AdapterResponse,
    /// Its steps; none if it was skipped.
    #[serde(default)]
    timing: Vec<Timing>,
}

#[derive(Debug, Deserialize)]
struct Timing {
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
}

/// What the warehouse reported of a node; empty in DuckDB.
#[derive(Debug, Default, Deserialize)]
struct AdapterResponse {
    bytes_billed: Option<u64>,
}

/// The macro that measures the ages of requests.
const AGES: &str = "macro.toronto_311.requests_by_age";

/// The project's nodes.
#[derive(Debug, Deserialize)]
pub(crate) struct Graph {
    nodes: BTreeMap<String, GraphNode>,
    #[serde(default)]
    sources: BTreeMap<String, Source>,
    #[serde(default)]
    exposures: BTreeMap<String, Exposure>,
}

/// A use of the marts outside the project.
#[derive(Debug, Deserialize)]
struct Exposure {
    name: String,
    #[serde(default)]
    depends_on: DependsOn,
}

/// A table that dbt does not build.
#[derive(Debug, Deserialize)]
struct Source {
    schema: String,
    identifier: String,
    #[serde(default)]
    columns: IndexedColumns,
}

#[derive(Debug, Deserialize)]
struct GraphNode {
    resource_type: String,
    #[serde(default)]
    name: String,
    schema: String,
    #[serde(default)]
    alias: String,
    /// The name of the project, the folders below `models` and the name of the model.
    #[serde(default)]
    fqn: Vec<String>,
    compiled_path: Option<String>,
    compiled_code: Option<String>,
    #[serde(default)]
    description: String,
    /// In the order of the project's YAML, which model contracts make the order of the table.
    #[serde(default)]
    columns: IndexedColumns,
    #[serde(default)]
    config: NodeConfig,
    #[serde(default)]
    depends_on: DependsOn,
    /// The node that a test of the YAML is about.
    attached_node: Option<String>,
    /// The column that a test is about.
    column_name: Option<String>,
    test_metadata: Option<TestMetadata>,
}

#[derive(Debug, Default, Deserialize)]
struct DependsOn {
    #[serde(default)]
    nodes: Vec<String>,
    /// What the node itself calls.
    #[serde(default)]
    macros: Vec<String>,
}

/// The kind of a test and its arguments.
#[derive(Debug, Deserialize)]
struct TestMetadata {
    name: String,
    #[serde(default)]
    kwargs: TestArguments,
}

/// The columns that a test is about.
#[derive(Debug, Default, Deserialize)]
struct TestArguments {
    #[serde(default)]
    column_name: Option<String>,
    #[serde(default)]
    columns: Vec<String>,
}

/// The columns of a node, in the order of the JSON object.
#[derive(Debug, Clone, Default)]
struct IndexedColumns(Vec<DescribedColumn>);

impl<'de> Deserialize<'de> for IndexedColumns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = IndexedColumns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("columns by name")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut columns = Vec::new();
                while let Some((_, column)) = map.next_entry::<String, DescribedColumn>()? {
                    columns.push(column);
                }
                Ok(IndexedColumns(columns))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[derive(Debug, Default, Deserialize)]
struct NodeConfig {
    #[serde(default)]
    meta: NodeMeta,
    #[serde(default)]
    materialized: String,
    /// Of a test: `error` or `warn`, in any case.
    #[serde(default)]
    severity: String,
    partition_by: Option<PartitionBy>,
    cluster_by: Option<Vec<String>>,
    /// The types of a seed's columns.
    #[serde(default)]
    column_types: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
struct NodeMeta {
    publish: Option<Publish>,
    /// Whether the model is rebuilt year by year.
    #[serde(default)]
    by_year: bool,
    /// How a candidate of the model is materialized, if not as the model.
    candidate: Option<String>,
    /// What each row is of.
    one_row_per: Option<String>,
}

/// `meta.publish` of a published model or seed.
#[derive(Debug, Deserialize)]
struct Publish {
    order_by: Vec<String>,
    file_per: Option<String>,
    /// Whether it describes runs and loads, and not the requests.
    #[serde(default)]
    operational: bool,
}

/// A failed node, as shown to the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedNode {
    unique_id: String,
    pub(crate) message: String,
    compiled_path: Option<String>,
}

impl FailedNode {
    /// Returns the file with the query for the rows that failed a test; `None` if the node is not a test or could not
    /// run.
    pub(crate) fn failing_rows(&self) -> Option<&str> {
        let compiled = self.compiled_path.as_deref()?;
        (self.unique_id.starts_with("test.") && self.message.starts_with("Got "))
            .then_some(compiled)
    }
}

impl RunResults {
    pub(crate) const FILE: &str = "run_results.json";

    pub(crate) fn read(target: &Path) -> Result<Self, Failure> {
        read(&target.join(Self::FILE))
    }

    /// Returns the number of nodes that were built and tested.
    pub(crate) fn len(&self) -> usize {
        self.results.len()
    }

    /// Returns the bytes that the warehouse billed.
    pub(crate) fn bytes_billed(&self) -> u64 {
        let results = self.results.iter();
        results
            .filter_map(|result| result.adapter_response.bytes_billed)
            .sum()
    }

    /// Returns the version of dbt.
    pub(crate) fn dbt_version(&self) -> &str {
        &self.metadata.dbt_version
    }

    /// Returns the results of the nodes that ran.
    pub(crate) fn of_nodes(&self) -> impl Iterator<Item = &NodeResult> {
        self.results.iter().filter(|result| result.span().is_some())
    }

    /// Whether any node failed.
    pub(crate) fn have_failed(&self) -> bool {
        self.results.iter().any(NodeResult::has_failed)
    }

    /// Returns the nodes that failed themselves, not because of another node.
    pub(crate) fn failed(&self, graph: &Graph) -> Vec<FailedNode> {
        let mut nodes: Vec<FailedNode> = self
            .results
            .iter()
            .filter(|result| result.has_failed())
            .map(|result| FailedNode {
                unique_id: result.unique_id.clone(),
                message: result.cause(),
                compiled_path: graph
                    .nodes
                    .get(&result.unique_id)
                    .and_then(|node| node.compiled_path.clone()),
            })
            .collect();
        nodes.sort_by(|one, other| one.unique_id.cmp(&other.unique_id));
        nodes
    }
}

impl NodeResult {
    /// Whether it failed itself, and not because of another node.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(&*self.status, "error" | "fail" | "runtime error")
    }

    /// Returns when it began and ended; `None` if it did not run.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let began = self.timing.iter().filter_map(|step| step.started_at).min();
        let ended = self
            .timing
            .iter()
            .filter_map(|step| step.completed_at)
            .max();
        began.zip(ended)
    }

    /// Returns its message in one line.
    pub(crate) fn cause(&self) -> String {
        one_line(self.message.as_deref().unwrap_or(&self.status))
    }
}

impl Graph {
    pub(crate) fn read(target: &Path) -> Result<Self, Failure> {
        read(&target.join("manifest.json"))
    }

    /// Returns the definitions of the models in the folder `marts`, in order.
    pub(crate) fn marts(&self) -> Vec<Definition> {
        self.definitions(GraphNode::is_mart)
    }

    /// Returns the definitions of the seeds, in order.
    pub(crate) fn seeds(&self) -> Vec<Definition> {
        self.definitions(GraphNode::is_seed)
    }

    fn definitions(&self, wanted: impl Fn(&GraphNode) -> bool) -> Vec<Definition> {
        let nodes = self.nodes.values().filter(|node| wanted(node));
        let mut definitions: Vec<Definition> = nodes.map(GraphNode::definition).collect();
        definitions.sort_by(|one, other| one.table.cmp(&other.table));
        definitions
    }

    /// Returns the models, and the seeds.
    pub(crate) fn built(&self) -> impl Iterator<Item = BuiltNode<'_>> {
        let built = |node: &GraphNode| node.resource_type == "model" || node.is_seed();
        self.nodes
            .iter()
            .filter(move |(_, node)| built(node))
            .map(|(id, node)| BuiltNode {
                id,
                name: &node.name,
                alias: &node.alias,
                is_seed: node.is_seed(),
                by_year: node.config.meta.by_year,
                mart: node.is_mart().then(|| node.table()),
                materialized: &node.config.materialized,
                candidate: node.config.meta.candidate.as_deref(),
            })
    }

    /// Returns the unique ids of all nodes: models, seeds and tests.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// Returns the compiled queries of tests, and of models that are tables.
    pub(crate) fn queries(&self) -> impl Iterator<Item = (&str, String)> {
        self.nodes.iter().filter_map(|(id, node)| {
            let query = node.compiled_code.as_ref()?;
            let query = match node.resource_type.as_str() {
                // As dbt's macro `get_test_sql` does.
                "test" => {
                    format!("select count(*) as failures from ({query}\n) as dbt_internal_test")
                }
                "model" if node.config.materialized == "table" => query.clone(),
                _ => return None,
            };
            Some((id.as_str(), query))
        })
    }

    /// Returns the unique ids of the sources.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// Returns the node or source with this unique id, as a table: its schema, name and columns.
    pub(crate) fn table(&self, unique_id: &str) -> Option<(MartTable, &[DescribedColumn])> {
        let node = || {
            let node = self.nodes.get(unique_id)?;
            let is_table = node.resource_type == "model" || node.is_seed();
            is_table.then(|| (node.table(), node.columns.0.as_slice()))
        };
        let source = || {
            let source = self.sources.get(unique_id)?;
            let table = MartTable {
                schema: source.schema.clone(),
                name: source.identifier.clone(),
            };
            Some((table, source.columns.0.as_slice()))
        };
        node().or_else(source)
    }

    /// Returns the first table that the exposure `name` reads.
    pub(crate) fn exposed(&self, name: &str) -> Option<MartTable> {
        let mut exposures = self.exposures.values();
        let exposure = exposures.find(|exposure| exposure.name == name)?;
        let (table, _) = self.table(exposure.depends_on.nodes.first()?)?;
        Some(table)
    }

    /// Returns the unique ids of the tables, views and sources that a node selects from.
    pub(crate) fn selects_from(&self, unique_id: &str) -> &[String] {
        let node = self.nodes.get(unique_id);
        node.map_or(&[], |node| &node.depends_on.nodes)
    }

    /// Returns the test with this unique id.
    pub(crate) fn test(&self, unique_id: &str) -> Option<Test<'_>> {
        let node = self.nodes.get(unique_id)?;
        (node.resource_type == "test").then(|| Test {
            name: &node.name,
            kind: node
                .test_metadata
                .as_ref()
                .map_or("custom_sql", |metadata| &metadata.name),
            column: node.column_name.as_deref(),
            is_warning: node.config.severity.eq_ignore_ascii_case("warn"),
            description: &node.description,
            of: match &node.attached_node {
                Some(attached) => std::slice::from_ref(attached),
                None => &node.depends_on.nodes,
            },
        })
    }

    /// Returns the compiled queries of the models.
    pub(crate) fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        let models = self
            .nodes
            .iter()
            .filter(|(_, node)| node.resource_type == "model");
        models.filter_map(|(id, node)| Some((id.as_str(), node.compiled_code.as_deref()?)))
    }

    /// Returns the unique ids of everything that a query may select from: models, seeds and sources.
    pub(crate) fn selectable(&self) -> impl Iterator<Item = &str> {
        let built = self.built().map(|node| node.id);
        built.chain(self.sources())
    }

    /// Returns the tables that are published, by name.
    pub(crate) fn publishable(&self) -> Vec<Publishable> {
        let mut tables: Vec<Publishable> = self
            .nodes
            .iter()
            .filter_map(|(id, node)| {
                let publish = node.config.meta.publish.as_ref()?;
                Some(Publishable {
                    table: node.table(),
                    by_year: node.config.meta.by_year,
                    description: node.description.clone(),
                    columns: node.columns.0.clone(),
                    order_by: publish.order_by.clone(),
                    file_per: publish.file_per.clone(),
                    operational: publish.operational,
                    aged: self.is_aged(id),
                })
            })
            .collect();
        tables.sort_by(|one, other| one.table.name.cmp(&other.table.name));
        tables
    }

    /// Whether a node measures the ages of requests, or selects from one that does.
    fn is_aged(&self, id: &str) -> bool {
        self.nodes.get(id).is_some_and(|node| {
            let DependsOn { nodes, macros } = &node.depends_on;
            macros.iter().any(|called| called == AGES) || nodes.iter().any(|id| self.is_aged(id))
        })
    }

    /// Returns what the project tests of the tables that are published, by name.
    pub(crate) fn tested(&self) -> BTreeMap<String, TestedTable> {
        let published = self.nodes.iter();
        let published = published.filter(|(_, node)| node.config.meta.publish.is_some());
        published
            .map(|(id, node)| (node.alias.clone(), self.tested_table(id, node)))
            .collect()
    }

    fn tested_table(&self, id: &str, node: &GraphNode) -> TestedTable {
        let constrained = node.columns.0.iter().filter(|column| column.is_required());
        let mut tested = TestedTable {
            one_row_per: node.config.meta.one_row_per.clone(),
            required: constrained.map(|column| column.name.clone()).collect(),
            keys: BTreeSet::new(),
        };
        let of_node = |test: &&GraphNode| test.attached_node.as_deref() == Some(id);
        let tests = self.nodes.values().filter(of_node);
        for TestMetadata { name, kwargs } in tests.filter_map(|test| test.test_metadata.as_ref()) {
            // dbt quotes the names that are words of SQL.
            let column = kwargs.column_name.iter();
            let columns = kwargs.columns.iter().chain(column);
            let columns: Vec<String> = columns.map(|name| name.replace('"', "")).collect();
            match name.as_str() {
                "not_null" => tested.required.extend(columns),
                "unique" | "unique_combination" => drop(tested.keys.insert(columns)),
                _ => {}
            }
        }
        tested
    }
}

/// What the project tests of a table.
#[derive(Debug, Default)]
pub(crate) struct TestedTable {
    /// What each row is of; `None` for a seed.
    pub(crate) one_row_per: Option<String>,
    /// The columns that are never null.
    pub(crate) required: BTreeSet<String>,
    /// The combinations of columns that are unique.
    pub(crate) keys: BTreeSet<Vec<String>>,
}

/// A test of the data.
pub(crate) struct Test<'a> {
    pub(crate) name: &'a str,
    /// Its kind: `not_null`, for example, or `custom_sql`.
    pub(crate) kind: &'a str,
    pub(crate) column: Option<&'a str>,
    /// Whether what it finds is only a warning.
    pub(crate) is_warning: bool,
    pub(crate) description: &'a str,
    /// The unique ids of what it tests.
    pub(crate) of: &'a [String],
}

/// A node that a build creates.
pub(crate) struct BuiltNode<'a> {
    pub(crate) id: &'a str,
    /// The name by which others refer to it.
    pub(crate) name: &'a str,
    pub(crate) alias: &'a str,
    pub(crate) is_seed: bool,
    /// Whether it is rebuilt year by year.
    pub(crate) by_year: bool,
    /// Its table, if it is a mart.
    pub(crate) mart: Option<MartTable>,
    /// How it is materialized.
    materialized: &'a str,
    /// How a candidate of it is materialized, if not as configured.
    pub(crate) candidate: Option<&'a str>,
}

impl BuiltNode<'_> {
    /// Whether its candidate is a view.
    pub(crate) fn is_view(&self) -> bool {
        self.candidate.unwrap_or(self.materialized) == "view"
    }
}

impl GraphNode {
    fn is_mart(&self) -> bool {
        let folder = self.fqn.get(1);
        self.resource_type == "model" && folder.is_some_and(|folder| folder == "marts")
    }

    fn is_seed(&self) -> bool {
        self.resource_type == "seed"
    }

    fn table(&self) -> MartTable {
        MartTable {
            schema: self.schema.clone(),
            name: self.alias.clone(),
        }
    }

    fn definition(&self) -> Definition {
        let mut columns = self.columns.0.clone();
        for column in &mut columns {
            let of_seed = self.config.column_types.get(&column.name);
            column.data_type = column.data_type.take().or_else(|| of_seed.cloned());
        }
        Definition {
            table: self.table(),
            columns,
            by_year: self.config.meta.by_year,
            partition_by: self.config.partition_by.clone(),
            cluster_by: self.config.cluster_by.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for FailedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.unique_id, self.message)?;
        match &self.compiled_path {
            Some(path) => write!(f, " (compiled SQL: {path})"),
            None => Ok(()),
        }
    }
}

/// Joins the lines of dbt's message.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let what = || format!("cannot read dbt's {}", path.display());
    let json = fs::read(path).or_fail(Exit::Upstream).while_doing(what)?;
    serde_json::from_slice(&json)
        .or_fail(Exit::Configuration)
        .while_doing(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph() -> Graph {
        serde_json::from_str(
            r#"{"nodes": {
                "model.p.b": {"resource_type": "model", "schema": "marts", "alias": "b", "fqn": ["p", "marts", "b"]},
                "model.p.a": {"resource_type": "model", "schema": "marts", "alias": "a", "fqn": ["p", "marts", "core", "a"]},
                "model.p.stg": {"resource_type": "model", "schema": "staging", "alias": "stg", "fqn": ["p", "staging", "stg"]},
                "test.p.t": {"resource_type": "test", "schema": "tests", "alias": "t", "fqn": ["p", "marts", "t"],
                             "compiled_path": "/target/compiled/t.sql"}
            }, "exposures": {
                "exposure.p.report": {"name": "report", "depends_on": {"nodes": ["model.p.b", "model.p.a"]}}
            }}"#,
        )
        .expect("valid")
    }

    #[test]
    fn marts_are_the_models_in_the_marts_folder() {
        let marts = graph().marts();
        let marts: Vec<String> = marts.iter().map(|mart| mart.table.to_string()).collect();
        assert_eq!(marts, ["marts.a", "marts.b"]);
    }

    #[test]
    fn an_exposure_names_the_table_that_it_reads() {
        let table = graph().exposed("report");
        assert_eq!(
            table.map(|table| table.to_string()).as_deref(),
            Some("marts.b")
        );
        assert!(graph().exposed("dashboard").is_none());
    }

    #[test]
    fn failed_nodes_are_listed_with_their_sql_and_skipped_ones_are_not() {
        let results: RunResults = serde_json::from_str(
            r#"{"results": [
                {"unique_id": "test.p.t", "status": "fail", "message": "Got 2\n  results", "failures": 2},
                {"unique_id": "model.p.b", "status": "skipped", "message": null, "failures": null},
                {"unique_id": "model.p.a", "status": "error", "message": null, "failures": null},
                {"unique_id": "test.p.w", "status": "warn", "message": "Got 1 result", "failures": 1}
            ]}"#,
        )
        .expect("valid");
        let failed = results.failed(&graph());
        let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
        assert_eq!(
            failed,
            [
                "model.p.a: error",
                "test.p.t: Got 2 results (compiled SQL: /target/compiled/t.sql)"
            ]
        );
    }
}
