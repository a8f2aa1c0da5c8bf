//! `dcat.jsonld`, a catalogue of data in DCAT-AP 3: <https://semiceu.github.io/DCAT-AP/releases/3.0.0/>. Each table is a
//! data set, and each of its files a distribution.

use serde_json::{Value, json};

use super::{PUBLISHER, Published, contract_path, media_type, titled};
use crate::publish::catalog::{Format, PublishedFile, PublishedTable};

pub(super) fn of(published: &Published<'_>) -> Value {
    let catalog = published.catalog;
    let datasets: Vec<Value> = catalog
        .tables()
        .map(|table| dataset(published, table))
        .collect();
    json!({
        "@context": context(),
        "@id": published.links.data("dcat.jsonld"),
        "@type": "dcat:Catalog",
        "title": text(&published.title()),
        "description": text(&published.description()),
        "publisher": publisher(),
        "language": english(),
        "modified": catalog.as_of,
        "homepage": {"@id": published.links.page("index.html"), "@type": "foaf:Document"},
        "license": licence(published),
        "spatial": toronto(),
        "dataset": datasets,
    })
}

fn dataset(published: &Published<'_>, table: &PublishedTable) -> Value {
    let catalog = published.catalog;
    let links = &published.links;
    let distributions: Vec<Value> = table
        .files
        .iter()
        .map(|file| distribution(published, table, file))
        .collect();
    let sources: Vec<Value> = published
        .sources()
        .map(|(title, page)| {
            let description = text(title);
            json!({"@id": page, "@type": "dcat:Dataset", "title": text(title), "description": description})
        })
        .collect();
    let description = if catalog.generated {
        format!("{}. {}", super::GENERATED, table.description)
    } else {
        table.description.clone()
    };
    let contract = contract_path(&table.name);
    json!({
        "@id": format!("{}#{}", links.data("dcat.jsonld"), table.name),
        "@type": "dcat:Dataset",
        "title": text(&titled(catalog, &table.name)),
        "description": text(&description),
        "identifier": table.name,
        "publisher": publisher(),
        "keyword": published.contract.tags.iter().map(|tag| text(tag)).collect::<Vec<_>>(),
        "language": english(),
        "modified": catalog.as_of,
        "accrualPeriodicity": {
            "@id": "http://publications.europa.eu/resource/authority/frequency/MONTHLY",
            "@type": "dct:Frequency",
        },
        "spatial": toronto(),
        "temporal": published.period().map(|(first, last)| json!({
            "@type": "dct:PeriodOfTime", "startDate": first, "endDate": last,
        })),
        "source": (!sources.is_empty()).then_some(sources),
        "landingPage": {"@id": links.page("use.html"), "@type": "foaf:Document"},
        "page": {"@id": links.page(&contract), "@type": "foaf:Document"},
        "distribution": distributions,
    })
}

fn distribution(published: &Published<'_>, table: &PublishedTable, file: &PublishedFile) -> Value {
    let format = file.format;
    let address = published.links.data(&file.path);
    let year = file
        .year
        .map(|year| format!(", {year}"))
        .unwrap_or_default();
    let media_types = "https://www.iana.org/assignments/media-types";
    let compressed = (format == Format::Csv).then(
        || json!({"@id": format!("{media_types}/application/gzip"), "@type": "dct:MediaType"}),
    );
    json!({
        "@id": format!("{address}#distribution"),
        "@type": "dcat:Distribution",
        "title": text(&format!("{}{year}", table.name)),
        "accessURL": {"@id": address, "@type": "rdfs:Resource"},
        "downloadURL": {"@id": address, "@type": "rdfs:Resource"},
        "mediaType": {"@id": format!("{media_types}/{}", media_type(format)), "@type": "dct:MediaType"},
        "compressFormat": compressed,
        "byteSize": file.bytes.to_string(),
        "modified": published.catalog.as_of,
        "license": licence(published),
        "checksum": {
            "@type": "spdx:Checksum",
            "algorithm": {"@id": "spdx:checksumAlgorithm_sha256", "@type": "spdx:ChecksumAlgorithm"},
            "checksumValue": file.sha256,
        },
    })
}

fn text(value: &str) -> Value {
    json!({"@value": value, "@language": "en"})
}

fn publisher() -> Value {
    json!({"@id": "urn:toronto-311:publisher", "@type": "foaf:Agent", "name": text(PUBLISHER)})
}

fn english() -> Value {
    json!({
        "@id": "http://publications.europa.eu/resource/authority/language/ENG",
        "@type": "dct:LinguisticSystem",
    })
}

fn toronto() -> Value {
    json!({"@id": "https://sws.geonames.org/6167865/", "@type": "dct:Location"})
}

/// Returns the licence of the requests; a catalogue and a distribution have at most one.
fn licence(published: &Published<'_>) -> Option<Value> {
    let licence = published.catalog.licence.as_ref()?;
    Some(json!({"@id": licence.url, "@type": "dct:LicenseDocument"}))
}

fn context() -> Value {
    json!({
        "adms": "http://www.w3.org/ns/adms#",
        "dcat": "http://www.w3.org/ns/dcat#",
        "dct": "http://purl.org/dc/terms/",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "spdx": "http://spdx.org/rdf/terms#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "title": "dct:title",
        "description": "dct:description",
        "identifier": "dct:identifier",
        "publisher": "dct:publisher",
        "language": "dct:language",
        "license": "dct:license",
        "spatial": "dct:spatial",
        "temporal": "dct:temporal",
        "source": "dct:source",
        "accrualPeriodicity": "dct:accrualPeriodicity",
        "modified": {"@id": "dct:modified", "@type": "xsd:dateTime"},
        "name": "foaf:name",
        "homepage": "foaf:homepage",
        "page": "foaf:page",
        "dataset": "dcat:dataset",
        "keyword": "dcat:keyword",
        "landingPage": "dcat:landingPage",
        "distribution": "dcat:distribution",
        "accessURL": "dcat:accessURL",
        "downloadURL": "dcat:downloadURL",
        "mediaType": "dcat:mediaType",
        "compressFormat": "dcat:compressFormat",
        "byteSize": {"@id": "dcat:byteSize", "@type": "xsd:nonNegativeInteger"},
        "startDate": {"@id": "dcat:startDate", "@type": "xsd:date"},
        "endDate": {"@id": "dcat:endDate", "@type": "xsd:date"},
        "checksum": "spdx:checksum",
        "algorithm": "spdx:algorithm",
        "checksumValue": {"@id": "spdx:checksumValue", "@type": "xsd:hexBinary"},
    })
}
