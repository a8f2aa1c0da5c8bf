//! The CKAN portal, which lists the published files and their addresses.

mod date;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod pick;
mod resource;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use shared::address::Address;
use shared::exit::{Exit, Failure};
use url::Url;

use crate::http::{self, Document, HttpClient, HttpError};

pub(crate) use date::StatedDate;
pub(crate) use pick::{Choice, Yearly, wgs84_polygons, yearly};
pub(crate) use resource::{Offer, Resource};

/// The portal behind `PORTAL_URL`.
pub(crate) struct Portal {
    http: HttpClient,
    base: Url,
}

/// Why a package's description cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortalError {
    /// The request failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The package does not exist.
    #[error(
        "the portal has no package {package:?} ({url}, 404): check whether it was renamed or withdrawn"
    )]
    UnknownPackage {
        /// The package.
        package: String,
        /// What was requested.
        url: Address,
    },
    /// The portal is CKAN but refuses.
    #[error("the portal refuses to describe package {package:?} ({url}, {status}): {reason}")]
    Declined {
        /// The package.
        package: String,
        /// What was requested.
        url: Address,
        /// The status of the answer.
        status: u16,
        /// CKAN's message.
        reason: String,
    },
    /// The answer is not CKAN's.
    #[error(
        "{url} answered {status} with {content}, unlike a CKAN portal: check PORTAL_URL, or whether the portal is down"
    )]
    NotCkan {
        /// What was requested.
        url: Address,
        /// The status of the answer.
        status: u16,
        /// A description of the answer.
        content: String,
    },
}

impl From<PortalError> for Failure {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::Http(error) => error.into(),
            _ => Failure::new(Exit::Upstream, error),
        }
    }
}

/// CKAN's envelope of every answer: see the [API guide](https://docs.ckan.org/en/latest/api/#making-an-api-request).
#[derive(Deserialize)]
struct Answer {
    success: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: Value,
}

impl Portal {
    /// Returns the portal at `base`.
    pub(crate) fn new(http: HttpClient, base: Url) -> Self {
        Self { http, base }
    }

    /// Returns the resources of a package, and the moment at which the portal listed them, which may be long after the first
    /// attempt.
    ///
    /// Uses [`package_show`](https://docs.ckan.org/en/latest/api/#ckan.logic.action.get.package_show), which CKAN
    /// answers from its database. `package_search` answers from the search index, which lags behind and has been seen
    /// to revert (ckan/ckan#8971).
    pub(crate) async fn package(
        &self,
        name: &str,
    ) -> Result<(Vec<Resource>, Timestamp), PortalError> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["api", "3", "action", "package_show"]);
        }
        url.query_pairs_mut().append_pair("id", name);

        let document = http::fetch(&self.http, &url).await?;
        let listed_at = Timestamp::now();
        let resources = resources(name, &document, Address::of(&url), listed_at)?;
        Ok((resources, listed_at))
    }
}

/// Returns the resources in the portal's answer to the request `url` for the package `name`.
fn resources(
    name: &str,
    document: &Document,
    url: Address,
    now: Timestamp,
) -> Result<Vec<Resource>, PortalError> {
    let status = document.status.as_u16();
    let not_ckan = |content: String| PortalError::NotCkan {
        url: url.clone(),
        status,
        content,
    };
    let answer = serde_json::from_slice::<Answer>(&document.body)
        .or_else(|_| serde_json::from_slice(&with_odd_numbers_quoted(&document.body)));
    let Ok(answer) = answer else {
        return Err(not_ckan(looks_like(&document.body).to_owned()));
    };
    if answer.success && document.status.is_success() {
        let Some(resources) = answer.result["resources"].as_array() else {
            return Err(not_ckan(format!("a package {name:?} without resources")));
        };
        let resources = resources.iter();
        return Ok(resources
            .filter_map(|fields| Resource::read(fields, now))
            .collect());
    }
    let package = name.to_owned();
    let kind = answer.error["__type"].as_str();
    if kind == Some("Not Found Error") {
        return Err(PortalError::UnknownPackage { package, url });
    }
    let words = answer.error["message"].as_str().or(kind);
    Err(PortalError::Declined {
        package,
        url,
        status,
        reason: one_line(words.unwrap_or("no reason given")),
    })
}

/// Returns `json` with a string in place of each number that JSON does not have: `NaN`, `Infinity`, which Python writes, and
/// those that are too large, such as `1e999`.
fn with_odd_numbers_quoted(json: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some(&first) = rest.first() {
        let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = if first == b'"' {
            string_length(rest)
        } else {
            rest.iter().take_while(|byte| in_word(byte)).count().max(1)
        };
        let (part, after) = rest.split_at(length);
        let number = str::from_utf8(part)
            .ok()
            .and_then(|text| text.parse::<f64>().ok());
        if number.is_some_and(|number| !number.is_finite()) {
            quoted.push(b'"');
            quoted.extend_from_slice(part);
            quoted.push(b'"');
        } else {
            quoted.extend_from_slice(part);
        }
        rest = after;
    }
    quoted
}

/// Returns the length of the JSON string at the start of `json`, with its quotes.
fn string_length(json: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = json.iter().skip(1).position(|&byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 2)
}

/// Returns the start of `text`, without control characters that would change the output of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    let printable = text.chars().map(|character| match character {
        control if control.is_control() => ' ',
        other => other,
    });
    printable.take(300).collect()
}

/// One of the answers of [`looks_like`].
pub(crate) const A_JSON_DOCUMENT: &str = "a JSON document";

/// Describes `bytes` for people.
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
