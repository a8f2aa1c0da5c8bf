//! `ro-crate-metadata.json`: RO-Crate 1.2, <https://w3id.org/ro/crate/1.2>.

use serde_json::{Value, json};
use shared::contract::{Contract, Licence};
use shared::manifest;
use shared::partition::Partition;

use super::words::{DESCRIPTION, GENERATED, subject};
use super::{CITATION, CRATE, Contents, SUMS, undated};
use crate::publish::catalog::Format;

/// Returns the file.
pub(super) fn of(contents: &Contents<'_>) -> String {
    let licence = licence(contents);
    let mut entities = vec![
        json!({
            "@id": CRATE,
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
            "about": {"@id": "./"},
        }),
        root(contents, &licence),
        json!({
            "@id": publisher(contents),
            "@type": "Organization",
            "name": subject(contents.catalog.generated).1,
        }),
        described(&licence),
    ];
    entities.extend(build(contents));
    entities.extend(files(contents, &licence));
    let document = json!({
        "@context": "https://w3id.org/ro/crate/1.2/context",
        "@graph": entities.into_iter().map(without_null).collect::<Vec<_>>(),
    });
    String::from_utf8_lossy(&manifest::to_json(&document)).into_owned()
}

/// Returns the licence of the requests. Generated data are part of the program.
fn licence(contents: &Contents<'_>) -> Licence {
    contents.catalog.licence.clone().unwrap_or_else(|| Licence {
        name: "MIT License".to_owned(),
        url: "https://spdx.org/licenses/MIT".to_owned(),
    })
}

fn publisher(contents: &Contents<'_>) -> &'static str {
    if contents.catalog.generated {
        "#pipeline"
    } else {
        "https://www.toronto.ca/"
    }
}

/// Describes the release as a whole.
fn root(contents: &Contents<'_>, licence: &Licence) -> Value {
    let Contents {
        name,
        catalog,
        date,
        sources,
        files,
        ..
    } = contents;
    let first_year = sources
        .keys()
        .filter_map(|partition| partition.year())
        .min();
    let coverage = first_year.zip(catalog.data_through.as_deref());
    let parts = files.keys().map(String::as_str).chain([CITATION, SUMS]);
    json!({
        "@id": "./",
        "@type": "Dataset",
        "name": format!("{}, release {name}", subject(catalog.generated).0),
        "description": description(contents),
        "version": name.to_string(),
        "datePublished": date.to_string(),
        "temporalCoverage": coverage.map(|(first, last)| format!("{first}-01-01/{last}")),
        "license": {"@id": licence.url},
        "creditText": catalog.attribution.as_deref().unwrap_or(GENERATED),
        "publisher": {"@id": publisher(contents)},
        "hasPart": parts.map(|id| json!({"@id": id})).collect::<Vec<_>>(),
    })
}

/// Returns what the release is, and why tables are missing from it, if they are.
fn description(contents: &Contents<'_>) -> String {
    let undated: Vec<String> = undated(&contents.sources)
        .map(|year| year.to_string())
        .collect();
    if undated.is_empty() {
        return DESCRIPTION.to_owned();
    }
    format!(
        "{DESCRIPTION} The tables with ages of requests are left out: the file of {} has no date of publication, so \
         that ages in it would depend on when it was seen.",
        undated.join(", ")
    )
}

/// Describes how the release was built: by which program, and from which files.
fn build(contents: &Contents<'_>) -> Vec<Value> {
    let Contents {
        commit,
        project,
        sources,
        ..
    } = contents;
    let ids = sources
        .keys()
        .map(|partition| json!({"@id": source_id(*partition)}));
    let mut entities = vec![
        json!({
            "@id": "#build",
            "@type": "CreateAction",
            "name": "The build of this release",
            "instrument": {"@id": "#program"},
            "object": ids.collect::<Vec<_>>(),
            "result": {"@id": "./"},
        }),
        json!({
            "@id": "#program",
            "@type": "CreativeWork",
            "name": "Toronto 311 pipeline",
            "version": commit,
            // <https://www.swhid.org/specification/v1.2/>
            "identifier": format!("swh:1:rev:{commit}"),
            "description": format!("The program at the git commit {commit}, with the dbt project {project}"),
        }),
    ];
    for (partition, source) in sources {
        entities.push(json!({
            "@id": source_id(*partition),
            "@type": "CreativeWork",
            "name": format!("{partition} as published"),
            "url": source.source.url,
            "sha256": source.raw_object.sha256.as_str(),
            "dateModified": source.source.last_modified,
            "identifier": format!("clean version {}", source.fingerprint),
        }));
    }
    entities
}

/// Describes each file, and the licences that are not that of the release.
fn files(contents: &Contents<'_>, licence: &Licence) -> Vec<Value> {
    let mut entities = vec![
        json!({"@id": CITATION, "@type": "File", "name": "How to cite", "encodingFormat": "application/yaml"}),
        json!({"@id": SUMS, "@type": "File", "name": "SHA-256 of every other file", "encodingFormat": "text/plain"}),
    ];
    for (path, file) in &contents.files {
        let mut entity = json!({
            "@id": path,
            "@type": "File",
            "name": path,
            "encodingFormat": match file.format {
                Format::Parquet => "application/vnd.apache.parquet",
                Format::Csv => "application/gzip",
            },
            "contentSize": file.bytes.to_string(),
            "sha256": file.sha256.as_str(),
        });
        let mut sources = contents.sources.iter();
        let source = sources.find(|(_, source)| file.clean.as_ref() == Some(&source.fingerprint));
        if let Some((partition, _)) = source {
            entity["isBasedOn"] = json!({"@id": source_id(*partition)});
            let own = Contract::of(partition.dataset()).licence.as_ref();
            if let Some(own) = own.filter(|own| !contents.catalog.generated && *own != licence) {
                entity["license"] = json!({"@id": own.url});
                entities.push(described(own));
            }
        }
        entities.push(entity);
    }
    entities
}

fn described(licence: &Licence) -> Value {
    json!({"@id": licence.url, "@type": "CreativeWork", "name": licence.name, "url": licence.url})
}

fn source_id(partition: Partition) -> String {
    format!("#source-{partition}")
}

/// Leaves out what is not known.
fn without_null(mut entity: Value) -> Value {
    if let Some(fields) = entity.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    entity
}
