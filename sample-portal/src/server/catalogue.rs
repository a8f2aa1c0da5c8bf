//! What CKAN's `package_search` says of the published packages.

use serde_json::{Value, json};

use super::files::{FileId, Files};

/// The package of the service requests.
const SERVICE_REQUESTS: &str = "311-service-requests-customer-initiated";
const CITY_WARDS: &str = "city-wards";

/// The answer to `package_search?fq=`: the packages whose names `filter` has in quotes. `base` is the portal's address.
pub(super) fn package_search(files: &Files, base: &str, filter: &str) -> Value {
    let asked = |name: &str| filter.contains(&format!("\"{name}\""));
    let mut results = Vec::new();
    if asked(SERVICE_REQUESTS) {
        results.push(package(SERVICE_REQUESTS, &service_requests(files, base)));
    }
    if asked(CITY_WARDS) {
        results.push(package(CITY_WARDS, &city_wards(files, base)));
    }
    json!({
        "help": format!("{base}/api/3/action/help_show?name=package_search"),
        "success": true,
        "result": {"count": results.len(), "results": results},
    })
}

fn package(name: &str, resources: &[Value]) -> Value {
    json!({
        "id": uuid(name.len() as u64),
        "name": name,
        "title": name,
        "license_title": "Open Government Licence – Toronto",
        "notes": "Published by the sample portal.",
        "state": "active",
        "num_resources": resources.len(),
        "resources": resources,
    })
}

/// What CKAN answers for a package that is not there.
pub(super) fn not_found() -> Value {
    json!({"success": false, "error": {"__type": "Not Found Error", "message": "Not found"}})
}

/// The file at the path of a download.
pub(super) fn file_at(path: &str) -> Option<FileId> {
    if path == super::files::FSA_PATH {
        return Some(FileId::ForwardSortationAreas);
    }
    let name = path.strip_prefix("/dataset/")?.rsplit('/').next()?;
    if name == "city-wards-data-4326.geojson" {
        return Some(FileId::CityWards);
    }
    let year = name.strip_prefix("sr")?.strip_suffix(".zip")?;
    year.parse().ok().map(FileId::Year)
}

fn service_requests(files: &Files, base: &str) -> Vec<Value> {
    let readme = resource(
        base,
        SERVICE_REQUESTS,
        &uuid(1),
        "311 Service Requests Readme 2010-2025",
        "XLSX",
        "readme.xlsx",
    );
    let years = files.years().into_iter().map(|year| {
        let file = FileId::Year(year);
        let name = format!("311-service-requests-{year}");
        let file_name = format!("sr{year}.zip");
        let mut resource = resource(
            base,
            SERVICE_REQUESTS,
            &resource_id(year),
            &name,
            "ZIP",
            &file_name,
        );
        resource["last_modified"] = last_modified(files, file).into();
        resource["size"] = files.stated_size(file).into();
        resource
    });
    std::iter::once(readme).chain(years).collect()
}

fn city_wards(files: &Files, base: &str) -> Vec<Value> {
    let of = |number, name: &str, format: &str, file_name: &str| {
        let mut resource = resource(base, CITY_WARDS, &uuid(number), name, format, file_name);
        resource["last_modified"] = last_modified(files, FileId::CityWards).into();
        resource
    };
    vec![
        of(
            10,
            "City Wards Data - 2952.geojson",
            "GeoJSON",
            "city-wards-data-2952.geojson",
        ),
        of(
            11,
            "City Wards Data - 4326.geojson",
            "GeoJSON",
            "city-wards-data-4326.geojson",
        ),
        of(
            12,
            "City Wards Data - 4326.csv",
            "CSV",
            "city-wards-data-4326.csv",
        ),
        of(
            13,
            "City Wards Data - 4326.zip",
            "SHP",
            "city-wards-data-4326.zip",
        ),
    ]
}

fn resource(
    base: &str,
    package: &str,
    id: &str,
    name: &str,
    format: &str,
    file_name: &str,
) -> Value {
    json!({
        "id": id,
        "name": name,
        "format": format,
        "url": format!("{base}/dataset/{package}/resource/{id}/download/{file_name}"),
        "last_modified": "2026-11-01T06:00:00",
        "size": null,
        "state": "active",
        "datastore_active": false,
    })
}

/// As CKAN writes it: UTC, without an offset.
fn last_modified(files: &Files, file: FileId) -> String {
    let moment = files.last_modified(file);
    moment.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// The City's own ids where they are known.
fn resource_id(year: i16) -> String {
    match year {
        2023 => "079766f3-815d-4257-8731-5ff6b0c84c13".to_owned(),
        2024 => "f46b640d-d465-4f8b-9db5-5000a08295cd".to_owned(),
        2025 => "f3db05ab-2588-4159-89f7-56c74d1d8201".to_owned(),
        2026 => "99b7f283-7345-4f5a-a126-d078ed4f3419".to_owned(),
        _ => uuid(year.unsigned_abs().into()),
    }
}

fn uuid(number: u64) -> String {
    format!("{number:08x}-0000-4000-8000-000000000311")
}
