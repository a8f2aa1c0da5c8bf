//! A CKAN portal that publishes the files of a case, at the City's own addresses mapped to this machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, header};
use loopback_server::body::{self, Body};
use loopback_server::{Handler, Listener, Server};
use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};
use shared::fingerprint::Digest;
use shared::testing::{city_files, fixtures};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The City's hosts: CKAN's, and the one to which some years link.
const CITY_HOSTS: [&str; 2] = [
    "https://ckan0.cf.opendata.inter.prod-toronto.ca",
    "https://www.toronto.ca",
];

const CITY_WARDS: &str = "/city-wards.geojson";

/// A portal with the service requests of a case. Its boundaries are the City's.
pub(crate) struct CasePortal {
    url: String,
    published: Arc<Published>,
    boundaries: Portal,
    _server: Server,
}

/// The state of the portal.
struct Published {
    url: String,
    now: Mutex<Now>,
}

/// The currently published resources.
#[derive(Default)]
struct Now {
    resources: Vec<Value>,
    files: BTreeMap<String, Bytes>,
}

impl CasePortal {
    /// Returns a portal without any year.
    pub(crate) fn start() -> Self {
        let boundaries = Portal::start(PortalConfig {
            files: Some(city_files()),
            ..PortalConfig::default()
        })
        .unwrap();
        let listener = Listener::bind(0).unwrap();
        let url = listener.url();
        let published = Arc::new(Published {
            url: url.clone(),
            now: Mutex::default(),
        });
        let server = listener
            .serve("case-portal", Arc::clone(&published))
            .unwrap();
        let wards = fs::read(city_files().join("boundaries/city-wards.geojson")).unwrap();
        published
            .now
            .lock()
            .unwrap()
            .files
            .insert(CITY_WARDS.to_owned(), wards.into());
        Self {
            url,
            published,
            boundaries,
            _server: server,
        }
    }

    /// Returns the value of `PORTAL_URL`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the value of `FSA_URL`.
    pub(crate) fn fsa_url(&self) -> String {
        self.boundaries.fsa_url()
    }

    /// Publishes the resources in a case's CKAN response, in place of all others.
    pub(crate) fn list(&self, answer: &Path) {
        let mut text = fs::read_to_string(answer).unwrap();
        for host in CITY_HOSTS {
            text = text.replace(host, &self.url);
        }
        let answer: Value = serde_json::from_str(&text).unwrap();
        let resources = answer["result"]["results"][0]["resources"].as_array();
        let mut now = self.published.now.lock().unwrap();
        now.resources.clone_from(resources.unwrap());
    }

    /// Publishes a ZIP of `csv` as the only resource of `year`, last modified at that time; other years stay.
    pub(crate) fn publish_year(&self, year: i16, csv: &[u8], last_modified: &str) {
        self.publish(year, csv, last_modified, Some("upload"));
    }

    /// The same, as a link with a date in CKAN, to a server that does not date its files.
    pub(crate) fn link_year(&self, year: i16, csv: &[u8], last_modified: &str) {
        self.publish(year, csv, last_modified, None);
    }

    fn publish(&self, year: i16, csv: &[u8], last_modified: &str, url_type: Option<&str>) {
        let id = format!("00000000-0000-4000-8000-00000000{year}");
        let path = format!("/download/{id}/SR{year}.zip");
        let resource = json!({
            "id": id, "name": format!("311 Service Requests {year}"), "format": "ZIP",
            "url": format!("{}{path}", self.url), "url_type": url_type, "state": "active",
            "created": "2023-02-08T15:15:00.000000", "last_modified": last_modified, "size": null,
        });
        self.serve(&path, zip(year, csv));
        let mut now = self.published.now.lock().unwrap();
        now.resources.retain(|other| other["id"] != json!(id));
        now.resources.push(resource);
    }

    /// Adds a query to the address of every resource, as a signed link has one.
    pub(crate) fn sign(&self, query: &str) {
        let mut now = self.published.now.lock().unwrap();
        for resource in &mut now.resources {
            let url = resource["url"].as_str().unwrap();
            resource["url"] = format!("{url}?{query}").into();
        }
    }

    /// Removes the resource with that id.
    pub(crate) fn withdraw(&self, id: &str) {
        let mut now = self.published.now.lock().unwrap();
        now.resources.retain(|resource| resource["id"] != json!(id));
    }

    /// Serves a ZIP of `csv` at the addresses whose path has this suffix.
    pub(crate) fn serve_zip(&self, path: &str, year: i16, csv: &[u8]) {
        self.serve(path, zip(year, csv));
    }

    /// Serves `bytes` at the addresses whose path has this suffix, in any case.
    pub(crate) fn serve(&self, path: &str, bytes: impl Into<Bytes>) {
        let mut now = self.published.now.lock().unwrap();
        now.files.insert(path.to_lowercase(), bytes.into());
    }
}

impl Published {
    fn package(&self, name: &str) -> Value {
        let resources = match name {
            "city-wards" => json!([{
                "id": "wards", "name": "City Wards Data - 4326.geojson", "format": "GeoJSON",
                "url": format!("{}{CITY_WARDS}", self.url),
                "url_type": "upload", "state": "active", "last_modified": "2018-08-07T18:11:06",
            }]),
            _ => json!(self.now.lock().unwrap().resources),
        };
        json!({"id": name, "name": name, "resources": resources})
    }
}

impl Handler for Published {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let uri = request.uri();
        if uri.path() == "/api/3/action/package_show" {
            let name = uri.query().and_then(|query| query.strip_prefix("id="));
            let package = self.package(name.unwrap_or_default());
            let answer = json!({"help": self.url, "success": true, "result": package});
            return document(StatusCode::OK, &answer);
        }
        let now = self.now.lock().unwrap();
        let requested = uri.path().to_lowercase();
        let file = now
            .files
            .iter()
            .find(|(path, _)| requested.ends_with(path.as_str()));
        let Some((_, bytes)) = file else {
            let error = json!({"success": false, "error": {"__type": "Not Found Error"}});
            return document(StatusCode::NOT_FOUND, &error);
        };
        let etag = format!("\"{}\"", Digest::of(bytes));
        let response = Response::builder().header(header::ETAG, &etag);
        if request
            .headers()
            .get(header::IF_NONE_MATCH)
            .is_some_and(|known| known == etag.as_str())
        {
            let unchanged = response.status(StatusCode::NOT_MODIFIED);
            return Ok(unchanged.body(body::whole(Bytes::new()))?);
        }
        Ok(response
            .header(header::CONTENT_LENGTH, bytes.len())
            .body(body::whole(bytes.clone()))?)
    }
}

fn document(status: StatusCode, document: &Value) -> anyhow::Result<Response<Body>> {
    let bytes = Bytes::from(serde_json::to_vec(document)?);
    Ok(Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body::whole(bytes))?)
}

/// Returns the folder of a case.
pub(crate) fn case(name: &str) -> PathBuf {
    fixtures().join("publication-cases").join(name)
}

/// Returns a ZIP like the City's of a year's file.
fn zip(year: i16, csv: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(format!("SR{year}.csv"), SimpleFileOptions::default())
        .unwrap();
    zip.write_all(csv).unwrap();
    zip.finish().unwrap().into_inner()
}
