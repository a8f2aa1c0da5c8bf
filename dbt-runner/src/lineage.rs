//! The lineage of a build: one run per model and seed, one for the tests of each, and one per publication of a mart, of the
//! requests of a year and of boundaries as files.
//!
//! A model is named by the table in which it is published, not by its candidate. A build that is not published has
//! written nothing that anybody reads, so that its runs have no outputs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::fingerprint::{Digest, Fingerprint};
use shared::lineage::{
    Assertion, ColumnLineage, DataQualityAssertions, Dataset, ErrorMessage, EventType, Facets,
    Field, InputFields, JobType, Lineage, OutputStatistics, ProcessingEngine, RunEvent, Schema,
    Tables,
};
use shared::manifest::Mart;
use shared::run::Stage;

use crate::artifacts::{Graph, NodeResult, RunResults, Test};
use crate::candidate::Scope;
use crate::column_lineage::ColumnSources;
use crate::mart::{DescribedColumn, Publishable};

/// A build and its results.
pub(crate) struct Build<'a> {
    pub(crate) lineage: &'a Lineage,
    pub(crate) tables: &'a Tables,
    pub(crate) graph: &'a Graph,
    pub(crate) results: &'a RunResults,
    pub(crate) scope: &'a Scope,
    /// What was published of it; `None` if nothing was.
    pub(crate) published: Option<Published<'a>>,
}

/// What was published of a build.
pub(crate) struct Published<'a> {
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) marts: &'a [Mart],
    pub(crate) columns: &'a ColumnSources,
}

/// A node, or several of them, as one run.
struct Span<'a> {
    name: String,
    kind: &'static str,
    results: Vec<&'a NodeResult>,
}

impl Build<'_> {
    /// Records what the nodes read and wrote, and what the tests found.
    pub(crate) async fn record(&self) {
        let mut events = Vec::new();
        for result in self.results.of_nodes() {
            events.extend(self.of_node(result).into_iter().flatten());
        }
        events.extend(self.of_tests());
        self.lineage.record(Stage::Dbt, events).await;
    }

    fn of_node(&self, result: &NodeResult) -> Option<[RunEvent; 2]> {
        let id = result.unique_id.as_str();
        let (table, columns) = self.graph.table(id)?;
        let inputs = self.graph.selects_from(id).iter();
        let inputs: Vec<Dataset> = inputs.filter_map(|input| self.dataset(input)).collect();
        let published = self.published.as_ref().filter(|_| !result.has_failed());
        let outputs = published.map(|published| {
            let output = self.tables.table(&table.schema, &table.name);
            let output = described(output, columns).version(published.fingerprint);
            let output = match published.columns.of(id) {
                Some(sources) => output.with(&self.computed_from(sources)),
                None => output,
            };
            let name = table.to_string();
            let mart = published.marts.iter().find(|mart| mart.table == name);
            // A mart that is kept by year has rows that this build did not write.
            let is_whole = *self.scope == Scope::Whole
                || self
                    .graph
                    .built()
                    .any(|node| node.id == id && !node.by_year);
            match mart.filter(|_| is_whole) {
                Some(mart) => output.with_output(&OutputStatistics {
                    row_count: Some(mart.rows),
                    ..OutputStatistics::default()
                }),
                None => output,
            }
        });
        let kind = if id.starts_with("seed.") {
            "SEED"
        } else {
            "MODEL"
        };
        let span = Span {
            name: format!("dbt.{}", table.name),
            kind,
            results: vec![result],
        };
        self.events(&span, &inputs, outputs.into_iter().collect())
    }

    /// Returns the runs of the tests, by what they test. A test of several tables is one of each.
    fn of_tests(&self) -> Vec<RunEvent> {
        let mut tested: BTreeMap<&str, Vec<(Test<'_>, &NodeResult)>> = BTreeMap::new();
        for result in self.results.of_nodes() {
            let Some(test) = self.graph.test(&result.unique_id) else {
                continue;
            };
            for id in test.of {
                let test = self.graph.test(&result.unique_id);
                let tests = tested.entry(id).or_default();
                tests.extend(test.map(|test| (test, result)));
            }
        }
        let events = tested.into_iter().filter_map(|(id, tests)| {
            let assertions = tests.iter().map(|(test, result)| assertion(test, result));
            let assertions = assertions.collect();
            let input = self
                .dataset(id)?
                .with_input(&DataQualityAssertions { assertions });
            let (table, _) = self.graph.table(id)?;
            // Sources and marts may have the same name.
            let name = if id.starts_with("source.") {
                format!("dbt.source.{}.test", table.name)
            } else {
                format!("dbt.{}.test", table.name)
            };
            let span = Span {
                name,
                kind: "TEST",
                results: tests.into_iter().map(|(_, result)| result).collect(),
            };
            self.events(&span, &[input], Vec::new())
        });
        events.flatten().collect()
    }

    /// Returns START, and COMPLETE or FAIL.
    fn events(
        &self,
        span: &Span<'_>,
        inputs: &[Dataset],
        outputs: Vec<Dataset>,
    ) -> Option<[RunEvent; 2]> {
        let spans = || span.results.iter().filter_map(|result| result.span());
        let began = spans().map(|(began, _)| began).min()?;
        let ended = spans().map(|(_, ended)| ended).max()?;
        let failed = span.results.iter().filter(|result| result.has_failed());
        let causes: Vec<String> = failed
            .map(|result| format!("{}: {}", result.unique_id, result.cause()))
            .collect();
        let engine = Facets::default().with(&ProcessingEngine {
            version: self.results.dbt_version().to_owned(),
            name: "dbt".to_owned(),
            openlineage_adapter_version: env!("CARGO_PKG_VERSION"),
        });
        let (end, facets) = if causes.is_empty() {
            (EventType::Complete, engine.clone())
        } else {
            let error = ErrorMessage {
                message: causes.join("; "),
                programming_language: "SQL",
            };
            (EventType::Fail, engine.clone().with(&error))
        };
        let event = |kind, at: Timestamp, facets, outputs| {
            let run = self.lineage.run_of(Stage::Dbt, &span.name, facets);
            let job = self.lineage.job(&span.name, of_dbt(span.kind));
            RunEvent::new(kind, at, run, job).with(inputs.to_vec(), outputs)
        };
        Some([
            event(EventType::Start, began, engine, Vec::new()),
            event(end, ended, facets, outputs),
        ])
    }

    fn dataset(&self, unique_id: &str) -> Option<Dataset> {
        let (table, columns) = self.graph.table(unique_id)?;
        let dataset = if unique_id.starts_with("source.") {
            self.tables.loaded(&table.name)
        } else {
            self.tables.table(&table.schema, &table.name)
        };
        Some(described(dataset, columns))
    }

    fn computed_from(&self, sources: &BTreeMap<String, Vec<(String, String)>>) -> ColumnLineage {
        let fields = sources.iter().map(|(column, inputs)| {
            let inputs = inputs.iter().filter_map(|(id, column)| {
                let dataset = self.dataset(id)?;
                Some(dataset.field(column))
            });
            let input_fields = inputs.collect();
            (column.clone(), InputFields { input_fields })
        });
        ColumnLineage {
            fields: fields.collect(),
        }
    }
}

/// Returns the events that a mart was published as files, whose stable address is `place`.
pub(crate) fn of_files(
    lineage: &Lineage,
    tables: &Tables,
    mart: &Publishable,
    place: &str,
    files: &PublishedFiles<'_>,
) -> [RunEvent; 2] {
    let name = &mart.table.name;
    let digests: Vec<&str> = files.digests.iter().map(|digest| digest.as_str()).collect();
    let columns = || mart.columns.iter().map(|column| column.name.clone());
    let input = described(tables.table(&mart.table.schema, name), &mart.columns);
    let output = described(Dataset::at(place), &mart.columns)
        .version(&Fingerprint::of(&digests))
        .copied_from(&input, columns())
        .with_output(&OutputStatistics {
            row_count: Some(files.rows),
            size: Some(files.bytes),
            file_count: Some(files.digests.len()),
        });
    let name = format!("dbt.{name}.publish");
    let span = (files.began, files.ended);
    of_publication(lineage, &name, span, &[input], vec![output])
}

/// Returns the events that `outputs`, files on the site, were written from `inputs` between two times.
pub(crate) fn of_publication(
    lineage: &Lineage,
    name: &str,
    (began, ended): (Timestamp, Timestamp),
    inputs: &[Dataset],
    outputs: Vec<Dataset>,
) -> [RunEvent; 2] {
    let event = |kind, at, outputs| {
        let run = lineage.run_of(Stage::Dbt, name, Facets::default());
        let job = lineage.job(name, of_dbt("PUBLISH"));
        RunEvent::new(kind, at, run, job).with(inputs.to_vec(), outputs)
    };
    [
        event(EventType::Start, began, Vec::new()),
        event(EventType::Complete, ended, outputs),
    ]
}

/// The files of a mart on the site.
pub(crate) struct PublishedFiles<'a> {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) digests: Vec<&'a Digest>,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
}

fn of_dbt(job_type: &'static str) -> JobType {
    JobType {
        processing_type: "BATCH",
        integration: "DBT",
        job_type,
    }
}

fn described(dataset: Dataset, columns: &[DescribedColumn]) -> Dataset {
    let fields = columns.iter().map(|column| Field {
        name: column.name.clone(),
        kind: column.data_type.clone(),
        description: column.description.clone(),
    });
    dataset.with(&Schema {
        fields: fields.collect(),
    })
}

fn assertion(test: &Test<'_>, result: &NodeResult) -> Assertion {
    Assertion {
        assertion: test.kind.to_owned(),
        success: result.status == "pass",
        severity: if test.is_warning { "warn" } else { "error" },
        name: Some(test.name.to_owned()),
        column: test.column.map(str::to_owned),
        description: Some(test.description.to_owned()).filter(|text| !text.is_empty()),
        expected: Some("0".to_owned()),
        actual: result.failures.map(|rows| rows.to_string()),
    }
}
