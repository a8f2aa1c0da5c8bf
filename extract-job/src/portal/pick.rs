//! Which of a package's resources are meant: structured rules, and an error where they leave a doubt.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use shared::exit::{Exit, Failure};

use super::{Package, Resource};

/// Why no resource was picked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PickError {
    /// Several resources fit, and none is newer than the others.
    #[error(
        "the portal publishes {what} as resources {first} and {second}, neither newer than the other: one of them has to \
         be withdrawn or renamed"
    )]
    Ambiguous {
        /// What was looked for.
        what: String,
        /// CKAN id of one.
        first: String,
        /// CKAN id of another.
        second: String,
    },
    /// No resource fits.
    #[error("the portal publishes no {what}, only {only}")]
    Missing {
        /// What was looked for.
        what: String,
        /// What there is.
        only: String,
    },
}

impl From<PickError> for Failure {
    fn from(error: PickError) -> Self {
        Failure::new(Exit::Contract, error)
    }
}

/// The resource of every year for which one is published, or why it is not clear which.
pub(crate) type Yearly = BTreeMap<i16, Result<Resource, PickError>>;

/// The yearly files of `package`: ZIPs with exactly one year in their name, else in the file name of their address.
pub(crate) fn yearly(package: &Package) -> Yearly {
    let mut by_year: BTreeMap<i16, Vec<&Resource>> = BTreeMap::new();
    for resource in &package.resources {
        if has_format(resource, "zip")
            && let Some(year) = year_of(resource)
        {
            by_year.entry(year).or_default().push(resource);
        }
    }
    by_year
        .into_iter()
        .map(|(year, resources)| {
            let what = || format!("the year {year}");
            (year, newest(&resources, what).cloned())
        })
        .collect()
}

/// The polygons of `package` in longitude and latitude: the GeoJSON that says so, else the one that says nothing of it.
pub(crate) fn wgs84_polygons(package: &Package) -> Result<Resource, PickError> {
    let what = "GeoJSON in WGS84 (EPSG:4326)";
    let geojson: Vec<&Resource> = package
        .resources
        .iter()
        .filter(|resource| has_format(resource, "geojson"))
        .collect();
    let says_so = |resource: &&Resource| {
        texts(resource).any(|text| {
            text.to_ascii_lowercase().contains("wgs84")
                || numbers(text).any(|number| number == WGS84)
        })
    };
    // A number of four digits is taken for another reference system, such as 2952.
    let says_nothing = |resource: &&Resource| {
        !texts(resource).any(|text| numbers(text).any(|number| number.len() == 4))
    };
    let mut fitting: Vec<&Resource> = geojson.iter().copied().filter(says_so).collect();
    if fitting.is_empty() {
        fitting = geojson.into_iter().filter(says_nothing).collect();
    }
    if fitting.is_empty() {
        let formats: BTreeSet<&str> = package
            .resources
            .iter()
            .map(|resource| resource.name.as_deref().unwrap_or(&resource.id))
            .collect();
        return Err(PickError::Missing {
            what: what.to_owned(),
            only: formats.into_iter().collect::<Vec<_>>().join(", "),
        });
    }
    newest(&fitting, || what.to_owned()).cloned()
}

const WGS84: &str = "4326";

fn has_format(resource: &Resource, format: &str) -> bool {
    let stated = resource.format.as_deref().unwrap_or_default();
    stated.trim().eq_ignore_ascii_case(format)
}

fn year_of(resource: &Resource) -> Option<i16> {
    texts(resource).find_map(only_year)
}

/// What a resource is called: its name, then the file name of its address.
fn texts(resource: &Resource) -> impl Iterator<Item = &str> {
    let path = resource.url.split(['?', '#']).next().unwrap_or_default();
    let file_name = path.rsplit('/').next().unwrap_or_default();
    resource.name.as_deref().into_iter().chain([file_name])
}

/// The year in `text`, if there is just one.
fn only_year(text: &str) -> Option<i16> {
    let mut years = numbers(text)
        .filter(|number| number.len() == 4)
        .filter_map(|number| number.parse().ok())
        .filter(|year| (2000..=2199).contains(year));
    let year = years.next()?;
    years.all(|other| other == year).then_some(year)
}

/// The longest runs of digits in `text`.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_digit())
        .filter(|run| !run.is_empty())
}

/// The one of `resources` that changed last.
fn newest<'a>(
    resources: &[&'a Resource],
    what: impl FnOnce() -> String,
) -> Result<&'a Resource, PickError> {
    let mut sorted = resources.to_vec();
    sorted.sort_by_key(|resource| std::cmp::Reverse(changed_at(resource)));
    match sorted[..] {
        [only] => Ok(only),
        [first, second, ..] if changed_at(first) > changed_at(second) => Ok(first),
        [first, second, ..] => Err(PickError::Ambiguous {
            what: what(),
            first: first.id.clone(),
            second: second.id.clone(),
        }),
        [] => Err(PickError::Missing {
            what: what(),
            only: "others".to_owned(),
        }),
    }
}

/// CKAN states UTC, mostly without saying so.
fn changed_at(resource: &Resource) -> Option<Timestamp> {
    let text = resource.changed()?;
    Timestamp::from_str(text).ok().or_else(|| {
        let wall_clock = DateTime::from_str(text).ok()?;
        TimeZone::UTC.to_timestamp(wall_clock).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn package(resources: &Value) -> Package {
        serde_json::from_value(json!({ "name": "package", "resources": resources }))
            .expect("a package")
    }

    fn picked(resources: &Value) -> Vec<(i16, Result<String, PickError>)> {
        yearly(&package(resources))
            .into_iter()
            .map(|(year, picked)| (year, picked.map(|resource| resource.id)))
            .collect()
    }

    #[test]
    fn one_zip_a_year_by_name_then_by_file_name() {
        let picks = picked(&json!([
            {"id": "a", "name": "311 Service Requests 2023", "format": "ZIP", "url": "https://x/SR.zip"},
            {"id": "b", "name": "SR2015", "format": "zip", "url": "https://x/20151231/file.zip"},
            {"id": "c", "name": "Requests 2010-2013, corrected", "format": "ZIP", "url": "https://x/2012/sr2011.zip"},
            {"id": "d", "name": null, "format": "ZIP", "url": "https://x/sr2012.zip?v=2019"},
            {"id": "e", "name": "Readme 2024", "format": "XLSX", "url": "https://x/readme-2024.xlsx"},
            {"id": "f", "name": "Notes", "url": "https://x/notes-2025.txt"},
            {"id": "g", "name": "Export 120231", "format": "ZIP", "url": "https://x/20230101.zip"},
            {"id": "h", "name": "Before 1999", "format": "ZIP", "url": "https://x/1999.zip"},
        ]));
        let expected = [(2011, "c"), (2012, "d"), (2015, "b"), (2023, "a")];
        assert_eq!(
            picks,
            expected
                .map(|(year, id)| (year, Ok(id.to_owned())))
                .to_vec()
        );
    }

    #[test]
    fn of_two_resources_the_newer_one_counts() {
        let two = |first: Value, second: Value| {
            picked(&json!([
                {"id": "a", "name": "2023", "format": "ZIP", "url": "https://x/a.zip", "last_modified": first},
                {"id": "b", "name": "2023", "format": "ZIP", "url": "https://x/b.zip", "last_modified": second},
            ]))
            .remove(0)
            .1
            .map_err(|error| error.to_string())
        };
        assert_eq!(
            two(
                json!("2024-01-31T10:00:00"),
                json!("2024-01-31T10:00:00.25")
            ),
            Ok("b".to_owned())
        );
        assert_eq!(
            two(json!("2024-01-01T00:00:00+00:00"), json!(null)),
            Ok("a".to_owned())
        );
        for (first, second) in [
            (json!("2024-01-31T10:00:00"), json!("2024-01-31T10:00:00Z")),
            (json!(null), json!(null)),
            (json!("lately"), json!("of late")),
        ] {
            let message = two(first, second).expect_err("ambiguous");
            assert!(message.contains("resources a and b"), "{message}");
        }
    }

    #[test]
    fn the_polygons_in_longitude_and_latitude() {
        let pick = |names: &[&str]| {
            let resources: Vec<Value> = names
                .iter()
                .map(|name| {
                    let format = if name.contains("gpkg") { "GPKG" } else { "GeoJSON" };
                    json!({"id": name, "name": name, "format": format, "url": "https://x/download/city-wards"})
                })
                .collect();
            wgs84_polygons(&package(&json!(resources))).map(|resource| resource.id)
        };
        let ok = |name: &str| Ok(name.to_owned());
        assert_eq!(
            pick(&[
                "wards - 2952.geojson",
                "wards - 4326.geojson",
                "wards - 4326.gpkg"
            ]),
            ok("wards - 4326.geojson")
        );
        assert_eq!(pick(&["Wards WGS84", "Wards"]), ok("Wards WGS84"));
        assert_eq!(pick(&["Wards - 2952", "Wards"]), ok("Wards"));
        assert!(matches!(
            pick(&["a - 4326", "b - 4326"]),
            Err(PickError::Ambiguous { .. })
        ));
        assert!(matches!(
            pick(&["a - 2952", "b.gpkg"]),
            Err(PickError::Missing { .. })
        ));
        assert!(matches!(pick(&[]), Err(PickError::Missing { .. })));
    }

    proptest! {
        #[test]
        fn a_year_is_found_wherever_it_stands_alone(
            before in "([^0-9]*[0-9]{1,3}[^0-9])?[^0-9]{0,8}",
            year in 2000_i16..=2199,
            after in "([^0-9]{1,8}[0-9]{5,9})?[^0-9]{0,8}",
        ) {
            prop_assert_eq!(only_year(&format!("{before}{year}{after}")), Some(year));
        }
    }
}
