//! `datapackage.json`, a Data Package of Frictionless Data, version 2: <https://datapackage.org/standard/data-package/>.
//! One resource per file, each with the schema of its table.

use serde_json::{Value, json};

use super::{NAME, PUBLISHER, Published, VERSION, is_required, media_type, name_of, primary_key};
use crate::artifacts::TestedTable;
use crate::publish::catalog::{Format, PublishedColumn, PublishedFile, PublishedTable};

pub(super) fn of<'a>(
    published: &Published<'_>,
    rules: impl Fn(&PublishedTable) -> &'a TestedTable,
) -> Value {
    let catalog = published.catalog;
    let licences = published.licences().into_iter();
    let licences: Vec<Value> = licences
        .map(|licence| json!({"title": licence.name, "path": licence.url}))
        .collect();
    let sources: Vec<Value> = published
        .sources()
        .map(|(title, path)| json!({"title": title, "path": path}))
        .collect();
    let resources: Vec<Value> = published
        .files()
        .map(|(table, file)| resource(table, file, rules(table)))
        .collect();
    json!({
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": NAME,
        "title": published.title(),
        "description": published.description(),
        "version": VERSION,
        "created": catalog.as_of,
        "homepage": catalog.site,
        "keywords": published.contract.tags,
        "licenses": some(licences),
        "sources": some(sources),
        "contributors": [{"title": PUBLISHER, "roles": ["publisher"]}],
        "generated": catalog.generated,
        "resources": resources,
    })
}

fn resource(table: &PublishedTable, file: &PublishedFile, rules: &TestedTable) -> Value {
    let format = file.format;
    let fields = table.columns.iter().map(|column| field(column, rules));
    let fields: Vec<Value> = fields.collect();
    let is_csv = format == Format::Csv;
    json!({
        "name": name_of(table, file),
        "type": "table",
        "description": table.description,
        "path": file.path,
        "format": if is_csv { "csv" } else { "parquet" },
        "mediatype": media_type(format),
        "compression": is_csv.then_some("gz"),
        "encoding": is_csv.then_some("utf-8"),
        "bytes": file.bytes,
        "hash": format!("sha256:{}", file.sha256),
        "schema": {
            "fields": fields,
            "missingValues": [""],
            "primaryKey": primary_key(table, rules),
        },
    })
}

fn field(column: &PublishedColumn, rules: &TestedTable) -> Value {
    let kind = match column.kind.as_str() {
        "double" => "number",
        "timestamp" => "datetime",
        kind @ ("integer" | "string" | "boolean" | "date") => kind,
        _ => "any",
    };
    json!({
        "name": column.name,
        "type": kind,
        "description": column.description,
        "constraints": is_required(column, rules).then(|| json!({"required": true})),
    })
}

/// Returns a list that the standard does not allow to be empty.
fn some(values: Vec<Value>) -> Option<Vec<Value>> {
    (!values.is_empty()).then_some(values)
}
