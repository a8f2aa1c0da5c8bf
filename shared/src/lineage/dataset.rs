//! Names of datasets: <https://openlineage.io/docs/spec/naming>.
//!
//! A dataset keeps its name from run to run, and its facet `version` changes. So a partition in the lake is named by
//! its folder, `clean/service-requests/2023`, and not by the fingerprint of its content.

use crate::contract::Table;
use crate::lake::Lake;
use crate::partition::Partition;

use super::event::Dataset;
use super::facet::{ColumnLineage, DatasetVersion, Facets, Field, InputField, InputFields, Schema};

/// The warehouse in the names of its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// `bigquery`, or `duckdb://FILE`, as OpenLineage's integration of dbt has it.
    pub namespace: String,
    /// The project, or the name of the file as `DuckDB` attaches it.
    pub database: String,
    /// The dataset or schema of the loaded tables.
    pub schema: String,
    /// Whether it is BigQuery, which has its own names of types.
    pub is_bigquery: bool,
}

impl Dataset {
    /// Returns the dataset with this name.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            facets: Facets::default(),
            input_facets: Facets::default(),
            output_facets: Facets::default(),
        }
    }

    /// Returns the dataset at a place of a bucket, `gs://BUCKET/NAME`, of the web, `https://HOST/NAME`, or of this
    /// machine's files, `file:///NAME`. A query, which may have credentials, is left out.
    #[must_use]
    pub fn at(location: &str) -> Self {
        let path = location.split(['?', '#']).next().unwrap_or_default();
        if let Some(path) = path.strip_prefix("file://") {
            return Self::new("file", path);
        }
        let authority = path.find("://").map_or(0, |scheme| scheme + 3);
        let end = path[authority..]
            .find('/')
            .map_or(path.len(), |slash| authority + slash);
        let host = path[authority..end].rsplit('@').next().unwrap_or_default();
        Self::new(
            format!("{}{host}", &path[..authority]),
            path[end..].trim_start_matches('/'),
        )
    }

    /// Returns what the lake has of `partition` below `layer`: `raw` or `clean`.
    pub(super) fn in_lake(lake: &Lake, layer: &str, partition: Partition) -> Self {
        Self::at(&format!("{lake}/{layer}/{}", partition.folder()))
    }

    /// Adds a facet.
    #[must_use]
    pub fn with<F: super::facet::Facet>(mut self, facet: &F) -> Self {
        self.facets = self.facets.with(facet);
        self
    }

    /// Adds a facet of the dataset as an input.
    #[must_use]
    pub fn with_input<F: super::facet::Facet>(mut self, facet: &F) -> Self {
        self.input_facets = self.input_facets.with(facet);
        self
    }

    /// Adds a facet of the dataset as an output.
    #[must_use]
    pub fn with_output<F: super::facet::Facet>(mut self, facet: &F) -> Self {
        self.output_facets = self.output_facets.with(facet);
        self
    }

    /// Adds the name of its content.
    #[must_use]
    pub fn version(self, version: &impl ToString) -> Self {
        self.with(&DatasetVersion {
            dataset_version: version.to_string(),
        })
    }

    /// Adds the columns of `table`, with types in the words of `kind`.
    pub(super) fn columns_of(
        self,
        table: &Table,
        kind: impl Fn(&crate::contract::Column) -> String,
    ) -> Self {
        let fields = table.columns.iter().map(|column| Field {
            name: column.name.clone(),
            kind: Some(kind(column)),
            description: column.description.clone(),
        });
        self.with(&Schema {
            fields: fields.collect(),
        })
    }

    /// Returns its column `field`, as the input of another dataset's.
    #[must_use]
    pub fn field(&self, field: impl Into<String>) -> InputField {
        InputField {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            field: field.into(),
        }
    }

    /// Adds that each of `columns` is a copy of the column of `source` with the same name.
    #[must_use]
    pub fn copied_from(self, source: &Dataset, columns: impl IntoIterator<Item = String>) -> Self {
        let fields = columns.into_iter().map(|column| {
            let input_fields = vec![source.field(column.clone())];
            (column, InputFields { input_fields })
        });
        self.with(&ColumnLineage {
            fields: fields.collect(),
        })
    }
}

impl Tables {
    /// Returns the table `name` of `schema`.
    #[must_use]
    pub fn table(&self, schema: &str, name: &str) -> Dataset {
        Dataset::new(
            &self.namespace,
            format!("{}.{schema}.{name}", self.database),
        )
    }

    /// Returns the loaded table `name`.
    #[must_use]
    pub fn loaded(&self, name: &str) -> Dataset {
        self.table(&self.schema, name)
    }
}

#[cfg(test)]
mod tests {
    use super::Dataset;

    #[test]
    fn names_follow_the_specification_and_have_no_credentials() {
        let name = |location| {
            let Dataset {
                namespace, name, ..
            } = Dataset::at(location);
            [namespace, name]
        };
        assert_eq!(
            name("gs://lake/prefix/raw/city-wards"),
            ["gs://lake", "prefix/raw/city-wards"]
        );
        assert_eq!(
            name("file:///data/lake/raw/city-wards"),
            ["file", "/data/lake/raw/city-wards"]
        );
        assert_eq!(
            name("https://user:secret@portal.test:8443/dataset/SR2023.zip?token=secret#part"),
            ["https://portal.test:8443", "dataset/SR2023.zip"]
        );
        assert_eq!(name("https://portal.test"), ["https://portal.test", ""]);
    }
}
