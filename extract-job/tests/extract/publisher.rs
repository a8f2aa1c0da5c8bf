//! A well-behaved portal whose files a test can change while it runs.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use shared::fingerprint::Digest;
use shared::testing::city_files;

use crate::scripted::{Answer, FSA_FILE, Request, Scripted, WARDS, YEARS, shown};
use crate::shapefiles;
use crate::zips::zip;

/// The published files and their portal.
pub(crate) struct Publisher {
    portal: Scripted,
    years: Arc<Mutex<BTreeMap<i16, Year>>>,
}

#[derive(Clone)]
struct Year {
    csv: Vec<u8>,
    last_modified: String,
}

impl Deref for Publisher {
    type Target = Scripted;

    fn deref(&self) -> &Scripted {
        &self.portal
    }
}

impl Publisher {
    /// Publishes real rows and boundaries where they exist, synthetic ones elsewhere.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| None)
    }

    /// Returns the same portal, except for the requests that `script` answers.
    pub(crate) fn start_with(
        script: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let years = Arc::new(Mutex::new(years()));
        let (wards, areas) = (city_wards(), shapefiles::zipped(&shapefiles::areas()));
        let published = years.clone();
        let portal = Scripted::start(move |request| {
            script(request).or_else(|| answer(request, &published, &wards, &areas))
        });
        Self { portal, years }
    }

    /// Returns the published years.
    pub(crate) fn years(&self) -> Vec<i16> {
        self.years.lock().unwrap().keys().copied().collect()
    }

    /// Returns the published CSV of `year`.
    pub(crate) fn csv(&self, year: i16) -> Vec<u8> {
        self.years.lock().unwrap()[&year].csv.clone()
    }

    /// Publishes `year` again, with the same content.
    pub(crate) fn touch(&self, year: i16) {
        let mut years = self.years.lock().unwrap();
        let year = years.get_mut(&year).unwrap();
        "2026-11-02T03:04:05".clone_into(&mut year.last_modified);
    }

    /// Publishes `year` with one more row.
    pub(crate) fn correct(&self, year: i16) {
        self.touch(year);
        let mut years = self.years.lock().unwrap();
        let csv = &mut years.get_mut(&year).unwrap().csv;
        csv.extend(format!("{year}-12-31 23:59:59.0000000,New,M4C,,,,,,\r\n").bytes());
    }
}

fn answer(
    request: &Request,
    years: &Mutex<BTreeMap<i16, Year>>,
    wards: &[u8],
    areas: &[u8],
) -> Option<Answer> {
    let base = format!("http://{}", request.header("host")?);
    let path = request.path.as_str();
    let years = years.lock().unwrap();
    if path == YEARS {
        let readme = json!({
            "id": "readme", "name": "311 readme 2023", "format": "XLSX",
            "url": format!("{base}/readme-2023.xlsx"), "last_modified": null, "size": null,
        });
        let resources: Vec<Value> = years
            .iter()
            .map(|(year, published)| {
                json!({
                    "id": format!("id-of-{year}"), "name": format!("SR{year}"), "format": "ZIP",
                    "url": format!("{base}/sr{year}.zip"), "url_type": "upload",
                    "last_modified": published.last_modified, "size": null,
                })
            })
            .chain([readme])
            .collect();
        return Some(shown(&json!(resources)));
    }
    if path == WARDS {
        let of_system = |system: u16| {
            json!({
                "id": format!("wards-{system}"), "name": format!("City Wards Data - {system}.geojson"),
                "format": "GeoJSON", "url": format!("{base}/city-wards-{system}.geojson"), "url_type": "upload",
                "last_modified": "2018-08-07T18:11:06", "size": 3_804_620,
            })
        };
        return Some(shown(&json!([of_system(2952), of_system(4326)])));
    }
    if path == "/city-wards-4326.geojson" {
        return Some(file(request, wards));
    }
    if path == FSA_FILE {
        return Some(file(request, areas));
    }
    let year: i16 = path
        .strip_prefix("/sr")?
        .strip_suffix(".zip")?
        .parse()
        .ok()?;
    let csv = &years.get(&year)?.csv;
    Some(file(request, &zip(&[(&format!("SR{year}.csv"), csv)])))
}

fn file(request: &Request, content: &[u8]) -> Answer {
    let etag = format!("\"{}\"", Digest::of(content));
    if request.header("if-none-match") == Some(&etag) {
        return Answer::new(304, &[("ETag", &etag)], b"");
    }
    Answer::ok(&[("ETag", &etag)], content)
}

fn years() -> BTreeMap<i16, Year> {
    let year = |csv: Vec<u8>| Year {
        csv,
        last_modified: "2026-10-05T15:04:05.123456".to_owned(),
    };
    let files = fs::read_dir(city_files().join("service-requests")).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let number = name.strip_prefix("SR").unwrap().parse().unwrap();
            (number, year(fs::read(&path).unwrap()))
        })
        .collect()
}

/// Returns the published wards.
pub(crate) fn city_wards() -> Vec<u8> {
    fs::read(city_files().join("boundaries/city-wards.geojson")).unwrap()
}
