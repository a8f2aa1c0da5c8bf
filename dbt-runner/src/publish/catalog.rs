//! `catalog.json`: what the site's data are. The crate's README shows one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared::contract::Licence;
use shared::fingerprint::{Digest, Fingerprint};
use shared::manifest::Version;
use shared::run::RunId;

/// The catalog of a publication.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Catalog {
    /// The format.
    #[serde(rename = "catalog")]
    pub(crate) version: Version,
    /// What the marts are built from.
    pub(crate) fingerprint: Fingerprint,
    /// The run that published them.
    pub(crate) run: RunId,
    /// When the newest of the files in it was published by its publisher, or when a run last observed them if the publisher
    /// dates none, ISO 8601 UTC.
    pub(crate) as_of: Option<String>,
    /// The day of the latest request.
    pub(crate) data_through: Option<String>,
    /// Whether any of the data are generated, and nobody's requests.
    #[serde(default)]
    pub(crate) generated: bool,
    /// The licence of the City's data; `None` if any are generated.
    pub(crate) licence: Option<Licence>,
    /// What the licence requires wherever the data are shown; `None` if any are generated.
    pub(crate) attribution: Option<String>,
    pub(crate) marts: Vec<PublishedMart>,
    /// Files of the publication before this one, which the next one removes.
    pub(crate) superseded: BTreeSet<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PublishedMart {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) columns: Vec<PublishedColumn>,
    pub(crate) files: Vec<PublishedFile>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PublishedColumn {
    pub(crate) name: String,
    /// `integer`, `double`, `string`, `boolean`, `date` or `timestamp`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) description: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PublishedFile {
    /// Relative to the catalog.
    pub(crate) path: String,
    /// The year of all its rows; none for a mart in one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) year: Option<i64>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: Digest,
}

impl Catalog {
    /// The paths of its files.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let files = self.marts.iter().flat_map(|mart| &mart.files);
        files.map(|file| file.path.clone()).collect()
    }
}
