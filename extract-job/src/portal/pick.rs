//! Picks the resources of a package to extract.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::exit::{Exit, Failure};
use tracing::warn;

use super::{Offer, Resource};

/// Why no resource was picked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PickError {
    /// The matching resource cannot be downloaded.
    #[error(
        "the portal publishes {what} as resource {resource}, whose address {address:?} is not a URL: the publisher has to \
         correct it"
    )]
    NoAddress {
        /// What was looked for.
        what: String,
        /// The resource.
        resource: String,
        /// The text in place of an address.
        address: String,
    },
    /// No resource matches.
    #[error("the portal does not publish {what}; available: {only}")]
    Missing {
        /// What was looked for.
        what: String,
        /// The available resources.
        only: String,
    },
}

impl From<PickError> for Failure {
    fn from(error: PickError) -> Self {
        Failure::new(Exit::Contract, error)
    }
}

/// The resources of one partition with the latest date. There are several if an editor or a program published a file
/// twice; then their contents are compared.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The one that was created last, which is used.
    pub(crate) first: Offer,
    /// The others with the same date.
    pub(crate) others: Vec<Offer>,
    /// The impossible dates that resources of the partition state.
    pub(crate) invalid_dates: Vec<String>,
}

impl Choice {
    /// Returns the choice of a single offer.
    pub(crate) fn only(offer: Offer) -> Self {
        Self {
            first: offer,
            others: Vec::new(),
            invalid_dates: Vec::new(),
        }
    }
}

/// The choice for every published year, or why there is none.
pub(crate) type Yearly = BTreeMap<i16, Result<Choice, PickError>>;

/// Returns the yearly files among `resources`: ZIPs and CSVs with exactly one year in their name, or else in the file
/// name of their address. A file without a format, whose content has to decide, counts if the year has no other. Other
/// formats are copies that a portal creates from its DataStore; one that may be the year's file under another name of its
/// format is logged.
pub(crate) fn yearly(resources: &[Resource]) -> Yearly {
    let mut by_year: BTreeMap<i16, Vec<Resource>> = BTreeMap::new();
    let mut of_other_formats = Vec::new();
    for resource in resources {
        let year = texts(resource).find_map(only_year);
        if !matches!(resource.format.as_str(), "zip" | "csv" | "") {
            of_other_formats.extend(year.map(|year| (year, resource)));
            continue;
        }
        let Some(year) = year else {
            let id = resource.label();
            warn!(
                resource = id,
                name = resource.name,
                "resource without a year ignored"
            );
            continue;
        };
        let resource = resource.clone().of_year(year);
        by_year.entry(year).or_default().push(resource);
    }
    for (year, resource) in of_other_formats {
        let format = &resource.format;
        if by_year.contains_key(&year) && !["zip", "csv"].iter().any(|name| format.contains(name)) {
            continue;
        }
        let id = resource.label();
        warn!(
            resource = id,
            name = resource.name,
            format,
            year,
            "resource of a year in another format ignored"
        );
    }
    by_year
        .into_iter()
        .map(|(year, resources)| {
            let choice = choose(resources.iter().collect(), &format!("the year {year}"));
            (year, choice)
        })
        .collect()
}

/// Returns the polygons among `resources` in longitude and latitude: the GeoJSON whose name says so, or else the one
/// whose name does not mention a reference system.
pub(crate) fn wgs84_polygons(resources: &[Resource]) -> Result<Choice, PickError> {
    let what = "GeoJSON in WGS84 (EPSG:4326)";
    let geojson: Vec<&Resource> = resources
        .iter()
        .filter(|resource| resource.format == "geojson")
        .collect();
    let says_so = |resource: &&Resource| {
        texts(resource).any(|text| {
            text.to_ascii_lowercase().contains("wgs84")
                || numbers(text).any(|number| number == WGS84)
        })
    };
    // A four-digit number is considered another reference system, such as 2952.
    let says_nothing = |resource: &&Resource| {
        !texts(resource).any(|text| numbers(text).any(|number| number.len() == 4))
    };
    let mut fitting: Vec<&Resource> = geojson.iter().copied().filter(says_so).collect();
    if fitting.is_empty() {
        fitting = geojson.into_iter().filter(says_nothing).collect();
    }
    if fitting.is_empty() {
        let others: BTreeSet<String> = resources.iter().map(other_name).collect();
        return Err(PickError::Missing {
            what: what.to_owned(),
            only: others.into_iter().collect::<Vec<_>>().join(", "),
        });
    }
    choose(fitting, what)
}

const WGS84: &str = "4326";

fn other_name(resource: &Resource) -> String {
    let name = resource.name.clone();
    name.unwrap_or_else(|| resource.label())
}

/// Returns the names of a resource: its name, then the file name of its address.
fn texts(resource: &Resource) -> impl Iterator<Item = &str> {
    let file_name = resource.file_name.as_str();
    resource.name.as_deref().into_iter().chain([file_name])
}

/// Whether its name is that of a description of the data, such as `Read-me 2023.csv`.
fn describes_data(resource: &Resource) -> bool {
    texts(resource).any(|text| {
        let letters = text.chars().filter(char::is_ascii_alphabetic);
        let letters: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
        let words = ["readme", "dictionary", "metadata"];
        words.iter().any(|word| letters.contains(word))
    })
}

/// Returns the year in `text`, if there is exactly one.
fn only_year(text: &str) -> Option<i16> {
    let mut years = numbers(text)
        .filter(|number| number.len() == 4)
        .filter_map(|number| number.parse().ok())
        .filter(|year| (2000..=2199).contains(year));
    let year = years.next()?;
    years.all(|other| other == year).then_some(year)
}

/// Returns the longest runs of digits in `text`.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_digit())
        .filter(|run| !run.is_empty())
}

/// Chooses among the resources of `what`: the latest date wins, and any date wins over none. Descriptions of the data,
/// copies that the portal keeps of other resources, and resources without a format or an address, are ignored if there is
/// anything else.
fn choose(mut resources: Vec<&Resource>, what: &str) -> Result<Choice, PickError> {
    let is_original = |resource: &&Resource| !resource.copy;
    let is_data = |resource: &&Resource| !describes_data(resource);
    let has_format = |resource: &&Resource| !resource.format.is_empty();
    for is_preferred in [is_data, is_original, has_format] {
        if resources.iter().any(is_preferred) {
            resources.retain(is_preferred);
        }
    }
    let mut ranked: Vec<(Rank, Offer)> = Vec::new();
    let mut without_address = Vec::new();
    for resource in &resources {
        match resource.offer() {
            Ok(offer) => ranked.push((Rank::of(resource), offer)),
            Err(address) => without_address.push((resource.label(), address)),
        }
    }
    ranked.sort_by(|(one, _), (other, _)| other.cmp(one));
    let mut ranked = ranked.into_iter();
    let Some((latest, first)) = ranked.next() else {
        return Err(match without_address.pop() {
            Some((resource, address)) => PickError::NoAddress {
                what: what.to_owned(),
                resource,
                address: address.to_owned(),
            },
            None => PickError::Missing {
                what: what.to_owned(),
                only: "others".to_owned(),
            },
        });
    };
    for (resource, address) in without_address {
        warn!(
            what,
            resource, address, "resource without an address ignored"
        );
    }
    let others = ranked
        .take_while(|(rank, _)| rank.last_modified == latest.last_modified)
        .map(|(_, offer)| offer)
        .collect();
    let invalid_dates = resources
        .iter()
        .filter_map(|resource| resource.last_modified.invalid())
        .map(str::to_owned)
        .collect();
    Ok(Choice {
        first,
        others,
        invalid_dates,
    })
}

/// Orders the resources of one partition, with the chosen one last. The id makes the order stable between runs.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    last_modified: Option<Timestamp>,
    created: Option<Timestamp>,
    id: Option<String>,
}

impl Rank {
    fn of(resource: &Resource) -> Self {
        Self {
            last_modified: resource.last_modified.at(),
            created: resource.created,
            id: resource.id.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(resources: &Value) -> Vec<Resource> {
        let now = "2026-11-26T12:00:00Z".parse().expect("a moment");
        let resources = resources.as_array().expect("an array").iter();
        resources
            .filter_map(|fields| Resource::read(fields, now))
            .collect()
    }

    fn id(offer: &Offer) -> String {
        offer.source.resource_id.clone().expect("an id")
    }

    /// Returns the ids of the resources chosen for each year, with the one that is used first.
    fn picked(resources: &Value) -> Vec<(i16, Result<Vec<String>, PickError>)> {
        let ids = |choice: Choice| {
            [&choice.first]
                .into_iter()
                .chain(&choice.others)
                .map(id)
                .collect()
        };
        yearly(&read(resources))
            .into_iter()
            .map(|(year, choice)| (year, choice.map(ids)))
            .collect()
    }

    #[test]
    fn each_year_has_one_file_by_name_then_by_file_name() {
        let picks = picked(&json!([
            {"id": "a", "name": "311 Service Requests 2023", "format": "ZIP", "url": "https://x/SR.zip"},
            {"id": "b", "name": "SR2015", "format": "zip", "url": "https://x/20151231/file.zip"},
            {"id": "c", "name": "Requests 2010-2013, corrected", "format": "ZIP", "url": "https://x/2012/sr2011.zip"},
            {"id": "d", "name": null, "format": "ZIP", "url": "https://x/sr2012.zip?v=2019"},
            {"id": "e", "name": "Readme 2024", "format": "XLSX", "url": "https://x/readme-2024.xlsx"},
            {"id": "f", "name": "Notes", "url": "https://x/notes-2025.txt"},
            {"id": "g", "name": "Export 120231", "format": "ZIP", "url": "https://x/20230101.zip"},
            {"id": "h", "name": "Before 1999", "format": "ZIP", "url": "https://x/1999.zip"},
            {"id": "i", "name": "SR2026", "format": " csv ", "url": "https://x/datastore/dump/i"},
            {"id": "j", "name": "SR2026.json", "format": "JSON", "url": "https://x/sr2026.json"},
            {"id": "k", "name": "SR2026.xml", "format": "XML", "url": "https://x/sr2026.xml"},
            {"id": "m", "name": "SR2026", "format": "", "url": "https://x/m", "last_modified": "2026-05-01"},
            {"id": "n", "name": "SR2021", "format": null, "url": "https://x/SR2021"},
            {"id": "l", "name": "SR2022", "format": "ZIP", "url": "https://x/a.zip", "state": "deleted"},
        ]));
        let expected = [
            (2011, "c"),
            (2012, "d"),
            (2015, "b"),
            (2021, "n"),
            (2023, "a"),
            (2026, "i"),
        ];
        assert_eq!(
            picks,
            expected
                .map(|(year, id)| (year, Ok(vec![id.to_owned()])))
                .to_vec()
        );
    }

    #[test]
    fn the_later_date_wins_and_equal_dates_are_compared() {
        let date = |last_modified: &str, created: &str| json!({"last_modified": last_modified, "created": created});
        let undated = |created: &str| json!({"last_modified": null, "metadata_modified": "2026-01-01", "created": created});
        let january = "2024-01-31T10:00:00";
        for (first, second, expected) in [
            (
                date(january, ""),
                date("2024-01-31T10:00:00.25", ""),
                vec!["b"],
            ),
            (
                date(january, "2030-01-01"),
                date("2024-02-01", "2023-01-01"),
                vec!["b"],
            ),
            (
                date("2024-01-01T00:00:00+00:00", ""),
                undated(""),
                vec!["a"],
            ),
            (date("2024-01-01", ""), date("2099-01-01", ""), vec!["a"]),
            (
                date(january, "2023-01-01"),
                date("2024-01-31T10:00:00Z", "2022-01-01"),
                vec!["a", "b"],
            ),
            (
                date(january, "2022-01-01"),
                date(january, "2023-01-01"),
                vec!["b", "a"],
            ),
            (
                date(january, ""),
                date(january, "2023-01-01"),
                vec!["b", "a"],
            ),
            (date(january, ""), date(january, ""), vec!["b", "a"]),
            (undated("2023-01-01"), undated("2022-01-01"), vec!["a", "b"]),
            (
                date("lately", "2023-01-01"),
                date("of late", "2022-01-01"),
                vec!["a", "b"],
            ),
        ] {
            let resource = |id: &str, dates: &Value| {
                let mut resource =
                    json!({"id": id, "name": "2023", "format": "ZIP", "url": "https://x/a.zip"});
                let fields = resource.as_object_mut().expect("an object");
                fields.extend(dates.as_object().expect("an object").clone());
                resource
            };
            let (a, b) = (resource("a", &first), resource("b", &second));
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            for resources in [json!([a, b]), json!([b, a])] {
                assert_eq!(
                    picked(&resources),
                    [(2023, Ok(expected.clone()))],
                    "{resources}"
                );
            }
        }
    }

    #[test]
    fn a_resource_without_an_address_is_chosen_only_if_there_is_no_other() {
        let without =
            json!({"id": "a", "name": "2023", "format": "ZIP", "last_modified": "2024-01-01"});
        let with = json!({"id": "b", "name": "2023", "format": "ZIP", "url": "https://x/b.zip"});
        let both = picked(&json!([without, with]));
        assert_eq!(both, [(2023, Ok(vec!["b".to_owned()]))]);
        let (_, alone) = picked(&json!([without])).remove(0);
        let message = alone.expect_err("no address").to_string();
        assert!(message.contains("the year 2023 as resource a"), "{message}");
    }

    #[test]
    fn copies_that_the_portal_keeps_are_chosen_only_if_there_is_no_other() {
        let copy = json!({
            "id": "a", "name": "2023.csv", "format": "CSV", "url": "https://x/a.csv", "is_datastore_cache_file": "True",
            "last_modified": "2024-02-01",
        });
        let dump = json!({"id": "b", "name": "2023", "format": "CSV", "url": "https://x/datastore/dump/b"});
        let both = picked(&json!([copy, dump]));
        assert_eq!(both, [(2023, Ok(vec!["b".to_owned()]))]);
        assert_eq!(picked(&json!([copy])), [(2023, Ok(vec!["a".to_owned()]))]);
    }

    #[test]
    fn descriptions_of_the_data_are_chosen_only_if_there_is_no_other() {
        let data = |copy: bool| {
            json!({
                "id": "a", "name": "SR2023", "format": "ZIP", "url": "https://x/a.zip", "is_datastore_cache_file": copy,
            })
        };
        for name in [
            "Readme 2023",
            "SR2023 read-me",
            "311 Data Dictionary, 2023",
            "2023_metadata.csv",
        ] {
            let description = json!({
                "id": "b", "name": name, "format": "CSV", "url": "https://x/b.csv", "last_modified": "2024-02-01",
            });
            for copy in [false, true] {
                let both = picked(&json!([data(copy), description]));
                assert_eq!(both, [(2023, Ok(vec!["a".to_owned()]))], "{name}");
            }
            assert_eq!(
                picked(&json!([description])),
                [(2023, Ok(vec!["b".to_owned()]))]
            );
        }
    }

    #[test]
    fn an_impossible_date_is_kept() {
        let resources = json!([
            {"id": "a", "name": "2023", "format": "ZIP", "url": "https://x/a.zip", "last_modified": "infinity"},
            {"id": "b", "name": "2023", "format": "ZIP", "url": "https://x/b.zip", "last_modified": null},
        ]);
        let choice = yearly(&read(&resources)).remove(&2023).expect("a year");
        assert_eq!(choice.expect("a choice").invalid_dates, ["infinity"]);
    }

    #[test]
    fn the_polygons_in_longitude_and_latitude_are_picked() {
        let pick = |names: &[&str]| {
            let resources: Vec<Value> = names
                .iter()
                .map(|name| {
                    let format = if name.contains("gpkg") { "GPKG" } else { "GeoJSON" };
                    json!({"id": name, "name": name, "format": format, "url": "https://x/download/city-wards"})
                })
                .collect();
            let choice = wgs84_polygons(&read(&json!(resources)))?;
            Ok(id(&choice.first))
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
        assert_eq!(pick(&["a - 4326", "b - 4326"]), ok("b - 4326"));
        assert!(matches!(
            pick(&["a - 2952", "b.gpkg"]),
            Err(PickError::Missing { .. })
        ));
        assert!(matches!(pick(&[]), Err(PickError::Missing { .. })));
    }

    proptest! {
        #[test]
        fn a_year_is_found_wherever_it_is_alone(
            before in "([^0-9]*[0-9]{1,3}[^0-9])?[^0-9]{0,8}",
            year in 2000_i16..=2199,
            after in "([^0-9]{1,8}[0-9]{5,9})?[^0-9]{0,8}",
        ) {
            prop_assert_eq!(only_year(&format!("{before}{year}{after}")), Some(year));
        }
    }
}
