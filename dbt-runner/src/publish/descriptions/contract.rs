//! The contract of a published table, in the Open Data Contract Standard v3.1:
//! <https://bitol-io.github.io/open-data-contract-standard/v3.1.0/>.

use serde_json::{Value, json};

use super::{NAME, Published, VERSION, is_required, primary_key, titled};
use crate::artifacts::TestedTable;
use crate::publish::catalog::{PublishedColumn, PublishedTable};

pub(super) fn of(published: &Published<'_>, table: &PublishedTable, rules: &TestedTable) -> Value {
    let (catalog, contract) = (published.catalog, published.contract);
    let name = &table.name;
    let key = primary_key(table, rules).unwrap_or_default();
    let columns = table.columns.iter();
    let columns = columns.map(|column| property(column, key, rules));
    let granularity = rules.one_row_per.as_ref();
    json!({
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": format!("{NAME}-published-{}", name.replace('_', "-")),
        "name": titled(catalog, name),
        "version": VERSION,
        "status": "active",
        "dataProduct": NAME,
        "tags": contract.tags,
        "description": {
            "purpose": table.description,
            "limitations": contract.limitations,
            "usage": contract.usage,
            "authoritativeDefinitions": [
                {"type": "canonical", "url": published.links.page("docs/index.html")},
            ],
        },
        "schema": [{
            "name": name,
            "physicalName": name,
            "physicalType": "parquet",
            "logicalType": "object",
            "description": table.description,
            "dataGranularityDescription": granularity.map(|of| format!("One row per {of}.")),
            "properties": columns.collect::<Vec<_>>(),
            "quality": quality(rules),
        }],
        "customProperties": custom_properties(published, table),
    })
}

fn property(column: &PublishedColumn, key: &[String], rules: &TestedTable) -> Value {
    let (logical, physical) = match column.kind.as_str() {
        "integer" => ("integer", "INTEGER"),
        "double" => ("number", "DOUBLE"),
        "boolean" => ("boolean", "BOOLEAN"),
        "date" => ("date", "DATE"),
        "timestamp" => ("timestamp", "TIMESTAMP"),
        // Well-Known Binary.
        "geometry" => ("string", "BINARY"),
        _ => ("string", "STRING"),
    };
    let options =
        (logical == "timestamp").then(|| json!({"timezone": true, "defaultTimezone": "UTC"}));
    let position = key.iter().position(|name| *name == column.name);
    json!({
        "name": column.name,
        "primaryKey": position.map(|_| true),
        "primaryKeyPosition": position.map(|index| index + 1),
        "logicalType": logical,
        "logicalTypeOptions": options,
        "physicalType": physical,
        "required": is_required(column, rules),
        "unique": rules.keys.contains(std::slice::from_ref(&column.name)),
        "description": column.description,
    })
}

/// Returns the combinations of columns that are unique, as rules.
fn quality(rules: &TestedTable) -> Option<Vec<Value>> {
    let combinations = rules.keys.iter().map(|columns| {
        json!({
            "name": format!("unique_{}", columns.join("_")),
            "type": "library",
            "metric": "duplicateValues",
            "arguments": {"properties": columns},
            "mustBe": 0,
        })
    });
    let combinations: Vec<Value> = combinations.collect();
    (!combinations.is_empty()).then_some(combinations)
}

fn custom_properties(published: &Published<'_>, table: &PublishedTable) -> Vec<Value> {
    let catalog = published.catalog;
    let files = table
        .files
        .iter()
        .map(|file| published.links.page(&format!("data/{}", file.path)));
    let facts = [
        ("generated", Some(json!(catalog.generated))),
        (
            "licence",
            catalog.licence.as_ref().map(|licence| json!(licence)),
        ),
        (
            "attribution",
            catalog.attribution.as_ref().map(|text| json!(text)),
        ),
        ("files", Some(json!(files.collect::<Vec<_>>()))),
    ];
    let given = facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    given
        .map(|(property, value)| json!({"property": property, "value": value}))
        .collect()
}
