//! `files.json`, all of the catalog that the dashboard reads: the files of the marts, without what describes them. A first
//! visit waits for it, so that it is small.

use bytes::Bytes;
use serde::Serialize;
use shared::contract::Licence;
use shared::fingerprint::Digest;
use shared::manifest::Version;

use super::catalog::{Catalog, PublishedFile, PublishedTable};

/// A part of the catalog, with the same names and the same paths.
#[derive(Serialize)]
struct Listing<'a> {
    catalog: Version,
    as_of: Option<&'a str>,
    data_through: Option<&'a str>,
    generated: bool,
    licence: Option<&'a Licence>,
    attribution: Option<&'a str>,
    source_code: Option<&'a str>,
    marts: Vec<ListedMart<'a>>,
}

#[derive(Serialize)]
struct ListedMart<'a> {
    name: &'a str,
    rows: u64,
    files: Vec<ListedFile<'a>>,
}

#[derive(Serialize)]
struct ListedFile<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<i64>,
    bytes: u64,
    sha256: &'a Digest,
}

/// Returns the listing of a catalog.
pub(super) fn of(catalog: &Catalog) -> Bytes {
    let listing = Listing {
        catalog: catalog.version,
        as_of: catalog.as_of.as_deref(),
        data_through: catalog.data_through.as_deref(),
        generated: catalog.generated,
        licence: catalog.licence.as_ref(),
        attribution: catalog.attribution.as_deref(),
        source_code: catalog.source_code.as_deref(),
        marts: catalog.marts.iter().map(mart).collect(),
    };
    serde_json::to_vec(&listing)
        .expect("listings have string keys and no failing serializer")
        .into()
}

fn mart(table: &PublishedTable) -> ListedMart<'_> {
    ListedMart {
        name: &table.name,
        rows: table.rows,
        files: table.files.iter().map(file).collect(),
    }
}

fn file(file: &PublishedFile) -> ListedFile<'_> {
    ListedFile {
        path: &file.path,
        year: file.year,
        bytes: file.bytes,
        sha256: &file.sha256,
    }
}
