//! CKAN's dictionaries of the published packages and their resources.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::publications::{Document, Offer, Publications, Resource, documents_date, numbered_id};
use crate::boundaries::WardFormat;

/// The package of the service requests, by id and name.
pub(super) const SERVICE_REQUESTS_ID: &str = "2e54bc0e-4399-4076-b717-351df5918ae7";
const SERVICE_REQUESTS: &str = "311-service-requests-customer-initiated";
const CITY_WARDS: &str = "city-wards";
const FILE_FOLDER: &str = "/data/311/opendata/servicerequest/";

/// The target of a path.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Year(i16, Box<Resource>),
    Document(Document),
    /// A link, to which CKAN redirects.
    Elsewhere(String),
}

/// The published packages and their addresses.
pub(super) struct Catalogue<'a> {
    pub(super) publications: &'a Publications,
    /// The address of CKAN.
    pub(super) base: &'a str,
    /// The address of the host of linked files.
    pub(super) file_host: &'a str,
}

impl Catalogue<'_> {
    /// Returns every package, ordered by name.
    pub(super) fn packages(&self) -> Vec<Value> {
        vec![self.service_requests(), self.city_wards()]
    }

    /// Returns the file of CKAN at `path`.
    pub(super) fn target(&self, path: &str) -> Option<Target> {
        if path == super::FSA_PATH {
            return Some(Target::Document(Document::ForwardSortationAreas));
        }
        if let Some(id) = path.strip_prefix("/datastore/dump/") {
            return match self.publications.resource(id) {
                Some((year, resource)) if resource.offer == Offer::Datastore => {
                    Some(Target::Year(year, Box::new(resource)))
                }
                Some(_) => None,
                None => ward_file(id).map(Target::Document),
            };
        }
        let parts: Vec<&str> = path.strip_prefix("/dataset/")?.split('/').collect();
        let [_, "resource", id, "download", file_name] = parts[..] else {
            return None;
        };
        if let Some((year, resource)) = self.publications.resource(id) {
            let is_its_name = file_name.eq_ignore_ascii_case(&file_name_of(&resource));
            return match resource.offer {
                Offer::Link => Some(Target::Elsewhere(self.link(&resource))),
                Offer::Zip | Offer::Csv if is_its_name => {
                    Some(Target::Year(year, Box::new(resource)))
                }
                _ => None,
            };
        }
        if id == readme_id() {
            return Some(Target::Document(Document::Readme));
        }
        ward_file(id).map(Target::Document)
    }

    /// Returns the linked file at `path` of the file host.
    pub(super) fn linked(&self, path: &str) -> Option<Target> {
        let name = path.strip_prefix(FILE_FOLDER)?;
        let (year, resource) = self.publications.linked(name)?;
        Some(Target::Year(year, Box::new(resource)))
    }

    fn service_requests(&self) -> Value {
        let mut resources = vec![self.resource(&Description {
            id: &readme_id(),
            package_id: SERVICE_REQUESTS_ID,
            name: "311 Service Requests Readme",
            format: "XLSX",
            mimetype: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            file_name: "readme.xlsx",
            generated: true,
        })];
        let years = self.publications.years();
        resources.extend(years.values().flatten().map(|year| self.year(year)));
        let generated = years.values().flatten().any(Resource::is_generated);
        package(
            &Package {
                id: SERVICE_REQUESTS_ID,
                name: SERVICE_REQUESTS,
                title: "311 Service Requests - Customer Initiated",
                notes: "Service requests that the public made by telephone, e-mail, mobile app or online.",
                generated,
            },
            resources,
        )
    }

    fn year(&self, year: &Resource) -> Value {
        let is_link = year.offer == Offer::Link;
        let (format, mimetype, url_type) = match year.offer {
            Offer::Zip => ("ZIP", json!("application/zip"), json!("upload")),
            Offer::Link => ("ZIP", Value::Null, Value::Null),
            Offer::Csv => ("CSV", json!("text/csv"), json!("upload")),
            Offer::Datastore => ("CSV", Value::Null, json!("datastore")),
        };
        let url = match year.offer {
            Offer::Link => self.link(year),
            Offer::Datastore => format!("{}/datastore/dump/{}", self.base, year.id),
            Offer::Zip | Offer::Csv => {
                self.download(SERVICE_REQUESTS_ID, &year.id, &file_name_of(year))
            }
        };
        let mut resource = json!({
            "id": year.id,
            "package_id": SERVICE_REQUESTS_ID,
            "name": year.name,
            "description": "",
            "format": format,
            "mimetype": mimetype,
            "mimetype_inner": null,
            "url": url,
            "url_type": url_type,
            "resource_type": null,
            "hash": "",
            "size": year.stated_size(),
            "created": written(year.created),
            "last_modified": (!is_link).then(|| written(year.stated)),
            "metadata_modified": written(year.metadata_modified),
            "cache_url": null,
            "cache_last_updated": null,
            "datastore_active": year.offer == Offer::Datastore,
            "state": "active",
        });
        if year.is_generated() {
            mark(&mut resource);
        }
        resource
    }

    fn city_wards(&self) -> Value {
        let generated = self.publications.boundaries_are_generated();
        let package_id = wards_id();
        let resources = WardFormat::ALL.into_iter().map(|format| {
            let id = ward_file_id(format);
            let mut resource = self.resource(&Description {
                id: &id,
                package_id: &package_id,
                name: format.name(),
                format: format.kind(),
                mimetype: format.mimetype(),
                file_name: format.file_name(),
                generated,
            });
            if format == WardFormat::Datastore {
                resource["url"] = format!("{}/datastore/dump/{id}", self.base).into();
                resource["url_type"] = "datastore".into();
                resource["datastore_active"] = true.into();
                resource["mimetype"] = Value::Null;
            }
            resource
        });
        package(
            &Package {
                id: &package_id,
                name: CITY_WARDS,
                title: "City Wards",
                notes: "The City's 25 wards.",
                generated,
            },
            resources.collect(),
        )
    }

    /// Returns an upload that does not change.
    fn resource(&self, description: &Description) -> Value {
        let date = written(documents_date());
        let mut resource = json!({
            "id": description.id,
            "package_id": description.package_id,
            "name": description.name,
            "description": "",
            "format": description.format,
            "mimetype": description.mimetype,
            "mimetype_inner": null,
            "url": self.download(description.package_id, description.id, description.file_name),
            "url_type": "upload",
            "resource_type": null,
            "hash": "",
            "size": null,
            "created": date,
            "last_modified": date,
            "metadata_modified": date,
            "cache_url": null,
            "cache_last_updated": null,
            "datastore_active": false,
            "state": "active",
        });
        if description.generated {
            mark(&mut resource);
        }
        resource
    }

    fn download(&self, package_id: &str, id: &str, file_name: &str) -> String {
        format!(
            "{}/dataset/{package_id}/resource/{id}/download/{file_name}",
            self.base
        )
    }

    fn link(&self, resource: &Resource) -> String {
        format!("{}{FILE_FOLDER}{}", self.file_host, linked_name(resource))
    }
}

struct Description<'a> {
    id: &'a str,
    package_id: &'a str,
    name: &'a str,
    format: &'a str,
    mimetype: &'a str,
    file_name: &'a str,
    generated: bool,
}

struct Package<'a> {
    id: &'a str,
    name: &'a str,
    title: &'a str,
    notes: &'a str,
    generated: bool,
}

fn package(package: &Package, mut resources: Vec<Value>) -> Value {
    for (position, resource) in resources.iter_mut().enumerate() {
        resource["position"] = position.into();
    }
    let modified = resources
        .iter()
        .map(|resource| &resource["metadata_modified"]);
    let modified = modified.filter_map(Value::as_str).max().unwrap_or_default();
    let organization = json!({
        "id": numbered_id(3),
        "name": "311-toronto",
        "title": "311 Toronto",
        "type": "organization",
        "is_organization": true,
        "state": "active",
    });
    let mut described = json!({
        "id": package.id,
        "name": package.name,
        "title": package.title,
        "notes": package.notes,
        "type": "dataset",
        "private": false,
        "state": "active",
        "version": null,
        "url": null,
        "author": null,
        "author_email": null,
        "maintainer": null,
        "maintainer_email": null,
        "license_id": "open-government-licence-toronto",
        "license_title": "Open Government Licence – Toronto",
        "isopen": true,
        "owner_org": numbered_id(3),
        "organization": organization,
        "groups": [],
        "tags": [],
        "num_tags": 0,
        "extras": [],
        "relationships_as_object": [],
        "relationships_as_subject": [],
        "refresh_rate": "Monthly",
        "metadata_created": "2023-02-08T15:15:00",
        "metadata_modified": modified,
        "num_resources": resources.len(),
        "resources": resources,
    });
    if package.generated {
        described["title"] = format!("Generated sample: {}", package.title).into();
        described["license_id"] = "notspecified".into();
        described["license_title"] = "None: generated data".into();
        described["isopen"] = false.into();
        described["extras"] = json!([{"key": "generated", "value": "true"}]);
    }
    described
}

/// Says of a resource that its data are generated: to extract-job, and to who lists the package.
fn mark(resource: &mut Value) {
    resource["generated"] = true.into();
    resource["description"] = "Generated sample, not data of the City of Toronto.".into();
}

/// Returns the resource with that id in one of the `packages`.
pub(super) fn resource_in<'a>(packages: &'a [Value], id: &str) -> Option<&'a Value> {
    let resources = packages
        .iter()
        .filter_map(|package| package["resources"].as_array());
    resources.flatten().find(|resource| resource["id"] == id)
}

/// Returns the package with that id or name.
pub(super) fn package_in<'a>(packages: &'a [Value], id: &str) -> Option<&'a Value> {
    packages
        .iter()
        .find(|package| package["id"] == id || package["name"] == id)
}

/// Returns the packages that a search finds.
///
/// It supports the queries that clients of this portal send: all (`*:*`), values of `name` and `id` joined by `OR`, and
/// words of the name, title or notes. The rest of Solr's syntax is not supported.
pub(super) fn search<'a>(packages: &'a [Value], query: &str, filter: &str) -> Vec<&'a Value> {
    let fits = |package: &Value, query: &str| {
        let query = query.trim();
        if query.is_empty() || query == "*:*" {
            return true;
        }
        if let Some((field @ ("name" | "id"), values)) = query.split_once(':') {
            let values = values.replace(['(', ')'], " ");
            let mut values = values
                .split_whitespace()
                .map(|value| value.trim_matches('"'));
            return values.any(|value| package[field] == value);
        }
        let text =
            ["name", "title", "notes"].map(|field| package[field].as_str().unwrap_or_default());
        let text = text.join(" ").to_lowercase();
        query
            .to_lowercase()
            .split_whitespace()
            .all(|word| text.contains(word.trim_matches(['"', '*'])))
    };
    packages
        .iter()
        .filter(|package| fits(package, query) && fits(package, filter))
        .collect()
}

/// Returns the name of the file in the address of an upload.
fn file_name_of(resource: &Resource) -> String {
    match resource.offer {
        Offer::Csv => resource.file_name.replace(".zip", ".csv"),
        _ => resource.file_name.clone(),
    }
}

/// Returns the name of the file on the file host: `SR2019.zip`.
fn linked_name(resource: &Resource) -> String {
    let stem = resource.file_name.trim_end_matches(".zip");
    format!("SR{}.zip", &stem[stem.len().saturating_sub(4)..])
}

fn ward_file(id: &str) -> Option<Document> {
    let format = WardFormat::ALL
        .into_iter()
        .find(|format| ward_file_id(*format) == id)?;
    Some(Document::Wards(format))
}

fn readme_id() -> String {
    numbered_id(1)
}

fn wards_id() -> String {
    numbered_id(2)
}

fn ward_file_id(format: WardFormat) -> String {
    numbered_id(10 + format as u64)
}

/// Formats a time like CKAN: in UTC, without an offset, with a fraction only if there is one.
fn written(moment: Timestamp) -> String {
    let fraction = if moment.subsec_nanosecond() == 0 {
        ""
    } else {
        "%.6f"
    };
    moment
        .strftime(&format!("%Y-%m-%dT%H:%M:%S{fraction}"))
        .to_string()
}
