//! The CKAN portal, which says what is published and where.

mod pick;

use serde::Deserialize;
use serde_json::Value;
use shared::exit::{Exit, Failure};
use shared::manifest::Source;
use url::Url;

use crate::http::{self, HttpClient, HttpError};

pub(crate) use pick::{Yearly, wgs84_polygons, yearly};

/// The portal behind `PORTAL_URL`.
pub(crate) struct Portal {
    http: HttpClient,
    base: Url,
}

/// What the portal publishes under one name.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    name: String,
    /// Its files.
    pub(crate) resources: Vec<Resource>,
}

/// One published file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Resource {
    /// CKAN's id for it, which survives a change of name or content.
    pub(crate) id: String,
    /// Its title.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The kind of file, as the publisher spells it.
    #[serde(default)]
    pub(crate) format: Option<String>,
    /// Where it is.
    pub(crate) url: String,
    /// When its content changed last.
    #[serde(default)]
    last_modified: Option<String>,
    /// When its description changed last.
    #[serde(default)]
    metadata_modified: Option<String>,
    /// Its length: a number, a text or nothing.
    #[serde(default)]
    size: Value,
    /// Whether its data are generated: an extra field of our sample portal.
    #[serde(default)]
    generated: bool,
}

impl Resource {
    /// The best the portal says of when the file changed.
    pub(crate) fn changed(&self) -> Option<&str> {
        let changed = self.last_modified.as_deref();
        changed.or(self.metadata_modified.as_deref())
    }

    /// What identifies this version of the file.
    pub(crate) fn source(&self) -> Source {
        let size = match &self.size {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        Source {
            url: self.url.clone(),
            resource_id: Some(self.id.clone()),
            last_modified: self.changed().map(str::to_owned),
            stated_size_bytes: size,
            generated: self.generated,
        }
    }
}

/// What the portal says of the packages it was asked for.
pub(crate) struct Packages {
    found: Vec<Package>,
    url: Url,
}

impl Packages {
    /// The package of that name.
    ///
    /// # Errors
    /// [`PortalError::UnknownPackage`] if the portal has none.
    pub(crate) fn named(&self, name: &str) -> Result<&Package, PortalError> {
        let found = self.found.iter().find(|package| package.name == name);
        found.ok_or_else(|| PortalError::UnknownPackage {
            package: name.to_owned(),
            url: self.url.clone(),
        })
    }
}

/// Why the portal did not describe a package.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortalError {
    /// It could not be asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It knows no such package.
    #[error("the portal has no package {package:?} ({url}): was it renamed or withdrawn?")]
    UnknownPackage {
        /// The package.
        package: String,
        /// What was asked.
        url: Url,
    },
    /// It is a CKAN portal, and declines.
    #[error("the portal declines to describe its packages ({url}, {status}): {reason}")]
    Declined {
        /// What was asked.
        url: Url,
        /// The status of the answer.
        status: u16,
        /// CKAN's words.
        reason: String,
    },
    /// It does not answer as CKAN does.
    #[error(
        "{url} answered {status} with {content}, which no CKAN portal does: is PORTAL_URL right, or is the portal down?"
    )]
    NotCkan {
        /// What was asked.
        url: Url,
        /// The status of the answer.
        status: u16,
        /// What the answer looks like.
        content: String,
    },
}

impl From<PortalError> for Failure {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::Http(error) => error.into(),
            PortalError::UnknownPackage { .. } => Failure::new(Exit::Contract, error),
            _ => Failure::new(Exit::Upstream, error),
        }
    }
}

/// CKAN's envelope around every answer.
#[derive(Deserialize)]
struct Answer {
    success: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: Value,
}

#[derive(Deserialize)]
struct SearchResult {
    results: Vec<Package>,
}

impl Portal {
    /// The portal at `base`.
    pub(crate) fn new(http: HttpClient, base: Url) -> Self {
        Self { http, base }
    }

    /// What is published under `names`, asked for at once: see CKAN's
    /// [`package_search`](https://docs.ckan.org/en/latest/api/#ckan.logic.action.get.package_search).
    pub(crate) async fn packages(&self, names: &[&str]) -> Result<Packages, PortalError> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["api", "3", "action", "package_search"]);
        }
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        url.query_pairs_mut()
            .append_pair("fq", &format!("name:({})", quoted.join(" OR ")))
            .append_pair("rows", &names.len().to_string());

        let document = http::fetch(&self.http, &url).await?;
        let status = document.status.as_u16();
        let not_ckan = |content: String| PortalError::NotCkan {
            url: url.clone(),
            status,
            content,
        };
        let Ok(answer) = serde_json::from_slice::<Answer>(&document.body) else {
            return Err(not_ckan(looks_like(&document.body).to_owned()));
        };
        if answer.success && document.status.is_success() {
            let found: SearchResult = serde_json::from_value(answer.result)
                .map_err(|error| not_ckan(format!("packages that cannot be read ({error})")))?;
            return Ok(Packages {
                found: found.results,
                url,
            });
        }
        let kind = answer.error["__type"].as_str();
        let words = answer.error["message"].as_str().or(kind);
        Err(PortalError::Declined {
            url: url.clone(),
            status,
            reason: words.unwrap_or("no reason given").to_owned(),
        })
    }
}

/// One of the answers of [`looks_like`].
pub(crate) const A_JSON_DOCUMENT: &str = "a JSON document";

/// What a person would say `bytes` are.
pub(crate) fn looks_like(bytes: &[u8]) -> &'static str {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]).to_ascii_lowercase();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    if bytes.is_empty() {
        "nothing"
    } else if start.starts_with("<!doctype html") || start.starts_with("<html") {
        "an HTML page"
    } else if start.starts_with('<') {
        "an XML document"
    } else if start.starts_with('{') || start.starts_with('[') {
        A_JSON_DOCUMENT
    } else if start.contains(['\0', '\u{fffd}']) {
        "binary data"
    } else {
        "a text"
    }
}
