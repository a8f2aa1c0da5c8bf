//! The data as a `Dataset` of schema.org, which search engines for data read from pages:
//! <https://developers.google.com/search/docs/appearance/structured-data/dataset>.

use serde_json::{Value, json};

use super::{PUBLISHER, Published, VERSION};

pub(super) fn of(published: &Published<'_>) -> Value {
    let (catalog, links) = (published.catalog, &published.links);
    let licences: Vec<&str> = published
        .licences()
        .iter()
        .map(|one| one.url.as_str())
        .collect();
    let sources: Vec<Value> = published
        .sources()
        .map(|(name, page)| json!({"@type": "Dataset", "name": name, "url": page, "description": name}))
        .collect();
    let descriptions = [
        ("data/datapackage.json", "application/json"),
        ("data/croissant.json", "application/ld+json"),
        ("data/dcat.jsonld", "application/ld+json"),
    ];
    let distribution = descriptions.map(|(path, kind)| {
        json!({"@type": "DataDownload", "contentUrl": links.page(path), "encodingFormat": kind})
    });
    json!({
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": published.title(),
        "description": published.description(),
        "url": links.page("use.html"),
        "version": VERSION,
        "license": (!licences.is_empty()).then_some(licences),
        "isBasedOn": (!sources.is_empty()).then_some(sources),
        "creator": {"@type": "Organization", "name": PUBLISHER},
        "keywords": published.contract.tags,
        "dateModified": catalog.as_of,
        "temporalCoverage": published.period().map(|(first, last)| format!("{first}/{last}")),
        "spatialCoverage": "Toronto, Ontario, Canada",
        "isAccessibleForFree": true,
        "distribution": distribution,
    })
}
