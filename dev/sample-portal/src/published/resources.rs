//! The resources of the yearly files on the City's portal.

use std::sync::LazyLock;

use serde::Deserialize;

use super::data;

/// The resource of a year.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct KnownResource {
    year: i16,
    /// CKAN's id.
    #[serde(rename = "resource_id")]
    pub(crate) id: String,
    /// The file's name in its address.
    pub(crate) file_name: String,
    /// Whether CKAN links to another host instead of storing a file.
    pub(crate) is_link: bool,
}

static RESOURCES: LazyLock<Vec<KnownResource>> =
    LazyLock::new(|| data::rows("resources.csv", include_str!("../../data/resources.csv")));

/// Returns the City's resource of the year, or one with an invented id for a year that the City does not publish.
pub(crate) fn of_year(year: i16) -> KnownResource {
    let known = RESOURCES.iter().find(|resource| resource.year == year);
    known.cloned().unwrap_or_else(|| KnownResource {
        year,
        id: format!("{:08x}-0000-4000-8000-000000000311", year.unsigned_abs()),
        file_name: format!("sr{year}.zip"),
        is_link: false,
    })
}
