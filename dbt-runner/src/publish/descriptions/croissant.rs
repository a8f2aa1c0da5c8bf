//! `croissant.json`, in Croissant 1.1 of MLCommons: <https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html>.
//! One record set per Parquet file, because a set of files is one in an archive or a repository.

use serde_json::{Value, json};

use super::{PUBLISHER, Published, VERSION, name_of};
use crate::publish::catalog::{Format, PublishedColumn, PublishedFile, PublishedTable};

pub(super) fn of(published: &Published<'_>) -> Value {
    let catalog = published.catalog;
    let parquet = || {
        let files = published.files();
        files.filter(|(_, file)| file.format == Format::Parquet)
    };
    let distribution: Vec<Value> = parquet()
        .map(|(table, file)| file_object(published, table, file))
        .collect();
    let record_sets: Vec<Value> = parquet()
        .map(|(table, file)| record_set(table, file))
        .collect();
    let licences: Vec<&str> = published
        .licences()
        .iter()
        .map(|one| one.url.as_str())
        .collect();
    let sources: Vec<&str> = published.sources().map(|(_, page)| page).collect();
    json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": published.title(),
        "description": published.description(),
        "url": published.links.page("use.html"),
        "version": VERSION,
        "datePublished": catalog.as_of,
        "license": (!licences.is_empty()).then_some(licences),
        "isBasedOn": (!sources.is_empty()).then_some(sources),
        "creator": {"@type": "sc:Organization", "name": PUBLISHER},
        "keywords": published.contract.tags,
        "inLanguage": "en",
        "citeAs": published.citation(),
        "isLiveDataset": true,
        "distribution": distribution,
        "recordSet": record_sets,
    })
}

fn file_object(published: &Published<'_>, table: &PublishedTable, file: &PublishedFile) -> Value {
    let name = name_of(table, file);
    json!({
        "@type": "cr:FileObject",
        "@id": format!("{name}.parquet"),
        "name": format!("{name}.parquet"),
        "description": table.description,
        "contentUrl": published.links.data(&file.path),
        "contentSize": format!("{} B", file.bytes),
        // What Croissant's readers know Parquet by; the registered type is newer.
        "encodingFormat": "application/x-parquet",
        "sha256": file.sha256,
    })
}

fn record_set(table: &PublishedTable, file: &PublishedFile) -> Value {
    let name = name_of(table, file);
    let fields = table.columns.iter().map(|column| field(&name, column));
    json!({
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": table.description,
        "field": fields.collect::<Vec<_>>(),
    })
}

fn field(record_set: &str, column: &PublishedColumn) -> Value {
    let kind = match column.kind.as_str() {
        "integer" => "sc:Integer",
        "double" => "sc:Float",
        "boolean" => "sc:Boolean",
        "date" => "sc:Date",
        "timestamp" => "sc:DateTime",
        _ => "sc:Text",
    };
    json!({
        "@type": "cr:Field",
        "@id": format!("{record_set}/{}", column.name),
        "name": column.name,
        "description": column.description,
        "dataType": kind,
        "source": {
            "fileObject": {"@id": format!("{record_set}.parquet")},
            "extract": {"column": column.name},
        },
    })
}

/// Returns the context that the specification recommends: its appendix 1.
fn context() -> Value {
    let mut context = json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
    });
    for term in TERMS {
        context[*term] = format!("cr:{term}").into();
    }
    context
}

const TERMS: &[&str] = &[
    "annotation",
    "arrayShape",
    "citeAs",
    "column",
    "containedIn",
    "equivalentProperty",
    "excludes",
    "extract",
    "field",
    "fileObject",
    "fileProperty",
    "fileSet",
    "format",
    "includes",
    "isArray",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "readLines",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "sdVersion",
    "separator",
    "source",
    "subField",
    "transform",
    "unArchive",
    "value",
];
