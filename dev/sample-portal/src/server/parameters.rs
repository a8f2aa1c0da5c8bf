//! The parameters of an action of CKAN's API, from a query or a JSON body.

use serde_json::{Map, Value};

/// Parameters by name.
pub(super) type Parameters = Map<String, Value>;
