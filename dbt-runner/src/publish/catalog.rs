//! `catalog.json`, which describes the site's data. The crate's README shows one.

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
    /// The fingerprint of the marts' inputs.
    pub(crate) fingerprint: Fingerprint,
    /// The run that published them.
    pub(crate) run: RunId,
    /// When the newest source file was published, or when a run last observed the files if the publisher does not date
    /// them, ISO 8601 UTC.
    pub(crate) as_of: Option<String>,
    /// The day of the latest request.
    pub(crate) data_through: Option<String>,
    /// Whether any of the data are synthetic.
    #[serde(default)]
    pub(crate) generated: bool,
    /// The licence of the City's data; `None` if any of the data are synthetic.
    pub(crate) licence: Option<Licence>,
    /// What the licence requires wherever the data are shown; `None` if any of the data are synthetic.
    pub(crate) attribution: Option<String>,
    pub(crate) marts: Vec<PublishedMart>,
    /// Files of the previous publication, which the next one removes.
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

#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// Returns the paths of its files.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let files = self.marts.iter().flat_map(|mart| &mart.files);
        files.map(|file| file.path.clone()).collect()
    }
}
