//! Where a build works until its result is published: tables of its own, which nobody reads.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::warehouse::{WarehouseSettings, WarehouseUrl, bigquery};

use crate::artifacts::{BuiltNode, Graph};
use crate::mart::MartTable;

/// The name under which the warehouse is attached to a candidate in DuckDB. `profiles.yml` has it too.
pub(crate) const PUBLISHED: &str = "published";
/// The dataset of candidates in BigQuery. Its tables expire after a day: `terraform/warehouse.tf`.
const DATASET: &str = "staging";

/// What a build rebuilds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything.
    Whole,
    /// These years of the marts that are kept by year, and all of the others.
    Years(BTreeSet<i16>),
}

/// The tables of one build.
#[derive(Debug)]
pub(crate) enum Candidate {
    /// A file of its own, to which the warehouse is attached for reading.
    DuckDb(PathBuf),
    /// Tables with a prefix of its own.
    BigQuery {
        project: String,
        /// The dataset of the loaded tables.
        loaded: String,
        /// The dataset of the candidates.
        dataset: String,
        prefix: String,
    },
}

impl Candidate {
    /// Returns the candidate of a new build; in DuckDB, a file that does not exist yet below `target`.
    pub(crate) fn new(warehouse: &WarehouseSettings, target: &Path) -> Result<Self, Failure> {
        match &warehouse.url {
            WarehouseUrl::DuckDb(_) => {
                let folder = target.join("candidate");
                let renewed = || {
                    match fs::remove_dir_all(&folder) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                    fs::create_dir_all(&folder)
                };
                renewed()
                    .or_fail(Exit::Configuration)
                    .while_doing(|| format!("cannot create {}", folder.display()))?;
                Ok(Self::DuckDb(folder.join("warehouse.duckdb")))
            }
            WarehouseUrl::BigQuery(dataset) => Ok(Self::BigQuery {
                project: dataset.project.clone(),
                loaded: dataset.id.clone(),
                dataset: DATASET.to_owned(),
                prefix: format!("c{:.12}_", bigquery::unique_name()),
            }),
        }
    }

    /// Returns the quoted name of a mart's candidate.
    pub(crate) fn table(&self, table: &MartTable) -> String {
        match self {
            Self::DuckDb(_) => format!("\"{}\".\"{}\"", table.schema, table.name),
            Self::BigQuery {
                project,
                dataset,
                prefix,
                ..
            } => format!("`{project}.{dataset}.{prefix}{}`", table.name),
        }
    }

    /// Returns the quoted name of a published mart.
    pub(crate) fn published(&self, table: &MartTable) -> String {
        match self {
            Self::DuckDb(_) => format!("{PUBLISHED}.\"{}\".\"{}\"", table.schema, table.name),
            Self::BigQuery { project, .. } => format!("`{project}.{table}`"),
        }
    }

    /// Returns the attributes of dbt's nodes and sources, by unique id, that say in which warehouse they are: they were
    /// parsed without one.
    pub(crate) fn addresses(&self, graph: &Graph) -> Map<String, Value> {
        let mut addresses = Map::new();
        match self {
            Self::DuckDb(_) => {
                let place = json!({"database": PUBLISHED});
                addresses.extend(graph.sources().map(|id| (id.to_owned(), place.clone())));
            }
            Self::BigQuery {
                project, loaded, ..
            } => {
                let place = json!({"database": project, "schema": loaded});
                addresses.extend(graph.sources().map(|id| (id.to_owned(), place.clone())));
                let place = json!({"database": project});
                addresses.extend(graph.nodes().map(|id| (id.to_owned(), place.clone())));
            }
        }
        addresses
    }

    /// Returns the attributes of dbt's nodes and sources, by unique id, that make it build this candidate. Seeds are only
    /// rebuilt in a whole build: they are files of the project.
    pub(crate) fn moves(&self, graph: &Graph, scope: &Scope) -> Value {
        let mut moves = self.addresses(graph);
        for node in graph.built() {
            let attributes = moves.entry(node.id).or_insert_with(|| json!({}));
            let is_kept = node.is_seed && *scope != Scope::Whole;
            match self {
                Self::DuckDb(_) if is_kept => attributes["database"] = json!(PUBLISHED),
                Self::BigQuery {
                    dataset, prefix, ..
                } if !is_kept => {
                    attributes["schema"] = json!(dataset);
                    attributes["alias"] = json!(format!("{prefix}{}", node.alias));
                }
                _ => {}
            }
            if let Some(materialized) = node.candidate {
                attributes["materialized"] = json!(materialized);
            }
        }
        Value::Object(moves)
    }

    /// Returns the statements that drop its tables and views. In DuckDB there are none: it is a file.
    pub(crate) fn drop_statements(&self, graph: &Graph, scope: &Scope) -> Vec<String> {
        let Self::BigQuery {
            project,
            dataset,
            prefix,
            ..
        } = self
        else {
            return Vec::new();
        };
        let built = graph
            .built()
            .filter(|node| !node.is_seed || *scope == Scope::Whole);
        let drop = |node: BuiltNode<'_>| {
            let kind = if node.is_view() { "view" } else { "table" };
            let name = node.alias;
            format!("drop {kind} if exists `{project}.{dataset}.{prefix}{name}`")
        };
        built.map(drop).collect()
    }

    /// Returns the variables of the dbt project for a build of `scope`.
    pub(crate) fn variables(&self, graph: &Graph, scope: &Scope) -> Value {
        let Scope::Years(years) = scope else {
            return json!({});
        };
        let others = if years.is_empty() {
            String::new()
        } else {
            format!(" where source_year not in ({})", listed(years, ", "))
        };
        let kept = graph.built().filter(|node| node.by_year).map(|node| {
            let mart = node.mart.as_ref();
            let query = mart.map(|mart| format!("select * from {}{others}", self.published(mart)));
            (node.name.to_owned(), json!(query))
        });
        json!({"changed_years": years, "published_years": kept.collect::<Map<_, _>>()})
    }
}

/// Returns `years` in one text.
pub(crate) fn listed(years: &BTreeSet<i16>, separator: &str) -> String {
    let years: Vec<String> = years.iter().map(ToString::to_string).collect();
    years.join(separator)
}

/// The place to look at a candidate, for people.
impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuckDb(file) => write!(f, "{}", file.display()),
            Self::BigQuery {
                project,
                dataset,
                prefix,
                ..
            } => write!(f, "{project}.{dataset}.{prefix}*"),
        }
    }
}

impl Scope {
    /// Whether a mart that is kept `by_year` has rows of `year` that are rebuilt.
    pub(crate) fn has(&self, year: i64) -> bool {
        match self {
            Self::Whole => true,
            Self::Years(years) => years.iter().any(|changed| i64::from(*changed) == year),
        }
    }
}
