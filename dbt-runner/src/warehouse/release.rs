//! Publishes a candidate in the warehouse: all marts in one transaction, so that every reader always sees one whole set.

use std::collections::BTreeMap;

use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Fingerprint;

use crate::candidate::{Candidate, Scope, listed};
use crate::mart::{Definition, MartTable};

/// The table that records what is published, beside the tables of load-job.
pub(crate) const RECORD: &str = "published_marts";

/// The error of the transaction if another build was published or another load finished since the build began.
pub(super) const OVERTAKEN: &str = "another build or load came first";

/// The layout of a table that a build may have replaced. It differs from any other in columns and storage.
const UNKNOWN_LAYOUT: &str = "unknown";

/// What the published marts were built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublishedMarts {
    /// The fingerprint of their inputs.
    pub(crate) fingerprint: String,
    /// The fingerprint of the project.
    pub(crate) project: String,
    /// The loaded version of each year: the number of its loads and the fingerprint of the last one.
    pub(crate) years: BTreeMap<i16, (u32, String)>,
    /// The layout of each table, by name.
    pub(crate) layouts: BTreeMap<String, String>,
}

/// A candidate to publish.
pub(crate) struct Release<'a> {
    pub(crate) candidate: &'a Candidate,
    pub(crate) scope: &'a Scope,
    /// The tables to publish.
    pub(crate) definitions: Vec<Definition>,
    /// What was published when the build began.
    pub(crate) before: Option<&'a PublishedMarts>,
    /// What is published afterwards.
    pub(crate) after: PublishedMarts,
    /// The number of loads in the history when the build began.
    pub(crate) loads: usize,
}

impl PublishedMarts {
    /// Parses the cells of a row of [`RECORD`]; `None` for the row of a warehouse where nothing is published yet.
    pub(super) fn from_cells(cells: Vec<Option<String>>) -> Result<Option<Self>, Failure> {
        let unreadable = |cause: String| {
            let advice =
                "drop it and the tables of the marts, and run again, which builds all marts";
            Failure::contract(anyhow::anyhow!("cannot read {RECORD}: {cause}: {advice}"))
        };
        let cells: Option<Vec<String>> = cells.into_iter().collect();
        let Some([fingerprint, project, years, layouts]) =
            cells.and_then(|cells| <[String; 4]>::try_from(cells).ok())
        else {
            return Err(unreadable("a cell of its row is null".to_owned()));
        };
        if fingerprint.is_empty() {
            return Ok(None);
        }
        let parsed =
            serde_json::from_str(&years).map_err(|error| format!("years {years:?}: {error}"));
        let years = parsed.map_err(unreadable)?;
        let parsed =
            serde_json::from_str(&layouts).map_err(|error| format!("layouts {layouts:?}: {error}"));
        Ok(Some(Self {
            fingerprint,
            project,
            years,
            layouts: parsed.map_err(unreadable)?,
        }))
    }

    /// Returns the cells of its row: fingerprint, project, years and layouts.
    pub(super) fn row(&self) -> Result<[String; 4], Failure> {
        Ok([
            self.fingerprint.clone(),
            self.project.clone(),
            serde_json::to_string(&self.years).or_fail(Exit::Bug)?,
            serde_json::to_string(&self.layouts).or_fail(Exit::Bug)?,
        ])
    }
}

impl Release<'_> {
    /// Returns the fingerprint of what was published when the build began; empty if nothing was.
    pub(super) fn before(&self) -> &str {
        self.before.map_or("", |before| &before.fingerprint)
    }

    /// Returns what is recorded while this build adds and replaces tables. A build that finds it, because that was
    /// interrupted, rebuilds all marts and replaces these tables again.
    pub(super) fn unfinished(&self) -> PublishedMarts {
        let before = self.before.map(|before| before.layouts.clone());
        let unknown = self.changed();
        let unknown = unknown.map(|one| (one.table.to_string(), UNKNOWN_LAYOUT.to_owned()));
        let fingerprint = Fingerprint::of(&["unfinished", &self.candidate.to_string()]);
        PublishedMarts {
            fingerprint: fingerprint.to_string(),
            project: String::new(),
            years: BTreeMap::new(),
            layouts: before.into_iter().flatten().chain(unknown).collect(),
        }
    }

    /// Returns the tables of which [`Release::is_changed`].
    pub(super) fn changed(&self) -> impl Iterator<Item = &Definition> {
        let definitions = self.definitions.iter();
        definitions.filter(|definition| self.is_changed(definition))
    }

    /// Whether marts are published, but not this table with this layout.
    pub(super) fn is_changed(&self, definition: &Definition) -> bool {
        self.before.is_some() && self.is_created(definition)
    }

    /// Whether the table is published with other partitions or clusters.
    pub(super) fn is_stored_otherwise(&self, definition: &Definition) -> bool {
        let storage = |layout: &str| layout.rsplit('/').next().map(str::to_owned);
        let published = self.published_layout(definition);
        published.is_some_and(|layout| storage(layout) != storage(&definition.layout()))
    }

    /// Whether the table has to be created: it is new, or its layout differs from the published one.
    pub(super) fn is_created(&self, definition: &Definition) -> bool {
        self.published_layout(definition) != Some(&definition.layout())
    }

    fn published_layout(&self, definition: &Definition) -> Option<&String> {
        let name = definition.table.to_string();
        self.before?.layouts.get(&name)
    }

    /// Returns the tables that are published and no longer part of the project.
    pub(super) fn dropped(&self) -> Vec<MartTable> {
        let before = self
            .before
            .into_iter()
            .flat_map(|before| before.layouts.keys());
        let gone = before.filter(|name| !self.after.layouts.contains_key(*name));
        gone.filter_map(|name| name.parse().ok()).collect()
    }

    /// Returns the statements that replace the rows of `published`, or of what becomes that table, by those of its
    /// candidate.
    pub(super) fn replacing(
        &self,
        definition: &Definition,
        published: &str,
        quoted: impl Fn(&str) -> String,
    ) -> Vec<String> {
        let columns = definition.column_list(&quoted);
        let Some(condition) = replaced(self.scope, definition, quoted) else {
            return Vec::new();
        };
        vec![
            format!("delete from {published} where {condition}"),
            format!(
                "insert into {published} ({columns}) select {columns} from {}",
                self.candidate.table(&definition.table)
            ),
        ]
    }
}

/// Returns the condition that selects the rows of a published table that a build of `scope` replaces; `None` if it
/// replaces none.
pub(super) fn replaced(
    scope: &Scope,
    definition: &Definition,
    quoted: impl Fn(&str) -> String,
) -> Option<String> {
    let years = match scope {
        Scope::Years(years) if definition.by_year => years,
        _ => return Some("true".to_owned()),
    };
    if years.is_empty() {
        return None;
    }
    let mut condition = format!("source_year in ({})", listed(years, ", "));
    if let Some(partition) = &definition.partition_by {
        // The dates of a year's rows are in that year, so that only its partitions are read.
        let field = quoted(&partition.field);
        let of_year = years
            .iter()
            .map(|year| format!("{field} between date '{year}-01-01' and date '{year}-12-31'"));
        let of_years = of_year.collect::<Vec<_>>().join(" or ");
        condition = format!("{condition} and ({of_years})");
    }
    Some(condition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_record_is_named_with_what_to_do() {
        let row = |cells: [Option<&str>; 4]| cells.map(|cell| cell.map(str::to_owned)).to_vec();
        for (cells, cause) in [
            (
                [Some("f"), Some("p"), Some("{2025"), Some("{}")],
                "years \"{2025\"",
            ),
            (
                [Some("f"), Some("p"), Some("{}"), Some("[]")],
                "layouts \"[]\"",
            ),
            ([Some("f"), None, Some("{}"), Some("{}")], "null"),
        ] {
            let failure = PublishedMarts::from_cells(row(cells))
                .unwrap_err()
                .to_string();
            for part in [
                "cannot read published_marts: ",
                cause,
                "drop it and the tables",
            ] {
                assert!(failure.contains(part), "{failure}");
            }
        }
    }
}
