//! The parameters of an action of CKAN's API, from a query or a JSON body.

use serde_json::{Map, Value};

/// Parameters by name.
pub(super) type Parameters = Map<String, Value>;
/// The names and values of a query string.
pub(super) fn parameters(query: &str) -> Parameters {
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}
