//! Descriptions of the published data for other programs, in the formats of their communities. Each states what the
//! catalog, the dbt project and the contracts state, and nothing else.

mod contract;
mod croissant;
mod data_package;
mod dcat;
mod guide;
mod schema_org;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use shared::contract::{Contract, Licence};
use shared::manifest;
use shared::partition::Dataset;

use super::DATA;
use super::catalog::{Catalog, Format, PublishedColumn, PublishedFile, PublishedTable};
use crate::artifacts::TestedTable;

/// The name of the data in identifiers.
const NAME: &str = "toronto-311";
/// Who publishes the site.
pub(super) const PUBLISHER: &str =
    "Toronto 311, a project that is independent of the City of Toronto";
/// How generated data are called, wherever they are described.
pub(super) const GENERATED: &str = "Generated data: not the City of Toronto's, not real requests";
/// The version of the published tables: that of the addresses below `data/v1`.
const VERSION: &str = "1.0.0";

/// Returns every description of the data, with its path on the site. `tested` has what is known of tables, by name.
pub(super) fn all(
    catalog: &Catalog,
    tested: &BTreeMap<String, TestedTable>,
) -> BTreeMap<String, Bytes> {
    let published = Published::new(catalog, Links::from_data(catalog));
    let untested = TestedTable::default();
    let rules = |table: &PublishedTable| tested.get(&table.name).unwrap_or(&untested);
    let mut documents = BTreeMap::from([
        ("data/datapackage.json", data_package::of(&published, rules)),
        ("data/croissant.json", croissant::of(&published)),
        ("data/dcat.jsonld", dcat::of(&published)),
    ])
    .into_iter()
    .map(|(path, document)| (path.to_owned(), json(document)))
    .collect::<BTreeMap<_, _>>();
    let published = Published::new(catalog, Links::from_contracts(catalog));
    for table in catalog.tables() {
        let contract = contract::of(&published, table, rules(table));
        documents.insert(contract_path(&table.name), json(contract));
    }
    let guide = guide::of(&Published::new(catalog, Links::from_root(catalog)));
    documents.insert("llms.txt".to_owned(), guide.into());
    documents
}

/// Returns the block that describes the data in a page at the root of the site.
pub(super) fn in_page(catalog: &Catalog) -> String {
    let published = Published::new(catalog, Links::from_root(catalog));
    let json = without_nulls(schema_org::of(&published)).to_string();
    // No value can end the element.
    let json = json.replace('<', "\\u003c");
    format!(r#"<script type="application/ld+json">{json}</script>"#)
}

/// Returns the path of a table's contract.
pub(super) fn contract_path(table: &str) -> String {
    format!("{DATA}/{}", contract_address(table))
}

/// Returns the path of the contract of a table, relative to the catalog.
pub(super) fn contract_address(table: &str) -> String {
    format!("contracts/{table}.odcs.json")
}

/// Whether a column is never null: the warehouse refuses nulls, or the project tests that there are none.
fn is_required(column: &PublishedColumn, rules: &TestedTable) -> bool {
    !column.nullable || rules.required.contains(&column.name)
}

/// Returns the columns of the primary key: the first combination that is unique and never null.
fn primary_key<'a>(table: &PublishedTable, rules: &'a TestedTable) -> Option<&'a [String]> {
    let is_never_null = |name: &String| {
        let mut columns = table.columns.iter();
        columns.any(|column| column.name == *name && is_required(column, rules))
    };
    let mut keys = rules.keys.iter().map(Vec::as_slice);
    keys.find(|key| key.iter().all(is_never_null))
}

fn json(document: Value) -> Bytes {
    manifest::to_json(&without_nulls(document)).into()
}

/// Leaves out the members without a value.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let given = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                given
                    .map(|(name, value)| (name, without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// The addresses that a document links to: absolute if the site's is known, and otherwise relative to the document.
pub(super) struct Links {
    /// Of the site's pages.
    root: String,
    /// Of the catalog's folder.
    data: String,
}

impl Links {
    /// For a document beside the catalog.
    fn from_data(catalog: &Catalog) -> Self {
        Self::new(catalog, "../", "")
    }

    /// For a contract, in a folder of the catalog's.
    fn from_contracts(catalog: &Catalog) -> Self {
        Self::new(catalog, "../../", "../")
    }

    /// For a document at the root of the site.
    fn from_root(catalog: &Catalog) -> Self {
        Self::new(catalog, "", "data/")
    }

    /// For a document in another folder of the site.
    pub(super) fn from_folder(catalog: &Catalog) -> Self {
        Self::new(catalog, "../", "../data/")
    }

    fn new(catalog: &Catalog, root: &str, data: &str) -> Self {
        match &catalog.site {
            Some(address) => Self {
                root: address.clone(),
                data: format!("{address}{DATA}/"),
            },
            None => Self {
                root: root.to_owned(),
                data: data.to_owned(),
            },
        }
    }

    /// Returns the address of a page or a file at `path` of the site.
    pub(super) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// Returns the address of a file at `path` relative to the catalog.
    fn data(&self, path: &str) -> String {
        format!("{}{path}", self.data)
    }
}

/// The published data, in the words of the contract.
struct Published<'a> {
    catalog: &'a Catalog,
    links: Links,
    contract: &'static Contract,
}

impl<'a> Published<'a> {
    fn new(catalog: &'a Catalog, links: Links) -> Self {
        Self {
            catalog,
            links,
            contract: Contract::of(Dataset::ServiceRequests),
        }
    }

    fn title(&self) -> String {
        titled(self.catalog, &self.contract.name)
    }

    fn description(&self) -> String {
        let Contract {
            purpose,
            limitations,
            ..
        } = self.contract;
        let origin = match (self.catalog.generated, &self.catalog.attribution) {
            (true, _) => Some(format!("{GENERATED}. They have the form of:")),
            (false, attribution) => attribution.clone(),
        };
        let sentences = [origin, Some(purpose.clone()), limitations.clone()];
        sentences
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Returns the licences of the data; none for generated data.
    fn licences(&self) -> Vec<&'static Licence> {
        let mut licences = Vec::new();
        for licence in self
            .contracts()
            .filter_map(|contract| contract.licence.as_ref())
        {
            if !licences.contains(&licence) {
                licences.push(licence);
            }
        }
        licences
    }

    /// Returns the publishers' data sets from which the data come, name and page; none for generated data.
    fn sources(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.contracts()
            .filter_map(|contract| Some((contract.name.as_str(), contract.source.as_deref()?)))
    }

    fn contracts(&self) -> impl Iterator<Item = &'static Contract> {
        let of_the_city = (!self.catalog.generated).then(Contract::all);
        of_the_city.into_iter().flatten()
    }

    /// Returns the first day and the last one that the data cover.
    fn period(&self) -> Option<(String, String)> {
        let files = self.catalog.tables().flat_map(|table| &table.files);
        let first = files.filter_map(|file| file.year).min()?;
        Some((format!("{first}-01-01"), self.catalog.data_through.clone()?))
    }

    /// Returns how to cite the data, with the site's address if it is known.
    fn citation(&self) -> String {
        let Catalog { citation, site, .. } = self.catalog;
        let parts = [citation, site].into_iter().flatten().cloned();
        parts.collect::<Vec<_>>().join(" ")
    }

    /// Returns every file with its table.
    fn files(&self) -> impl Iterator<Item = (&'a PublishedTable, &'a PublishedFile)> {
        let tables = self.catalog.tables();
        tables.flat_map(|table| table.files.iter().map(move |file| (table, file)))
    }
}

/// Returns how to cite the data, without their address.
pub(super) fn citation(catalog: &Catalog) -> String {
    let title = &Contract::of(Dataset::ServiceRequests).name;
    let origin = if catalog.generated {
        Some(format!("{GENERATED}."))
    } else {
        catalog.attribution.clone()
    };
    let through = catalog.data_through.as_ref();
    let parts = [
        Some(format!("{}.", titled(catalog, title))),
        origin,
        through.map(|day| format!("Data to {day}.")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Marks the title of generated data.
pub(super) fn titled(catalog: &Catalog, title: &str) -> String {
    if catalog.generated {
        format!("Generated sample: {title}")
    } else {
        title.to_owned()
    }
}

/// Returns the registered media type of a format: <https://www.iana.org/assignments/media-types>.
fn media_type(format: Format) -> &'static str {
    match format {
        Format::Parquet => "application/vnd.apache.parquet",
        Format::Csv => "text/csv",
    }
}

/// Returns a name of a file that is unique in the catalog and stays when its content changes: `requests_by_ward-2024`.
fn name_of(table: &PublishedTable, file: &PublishedFile) -> String {
    let year = file.year.map(|year| format!("-{year}")).unwrap_or_default();
    let format = match file.format {
        Format::Parquet => "",
        Format::Csv => "-csv",
    };
    format!("{}{year}{format}", table.name)
}
