//! The ward polygons, stored as the City publishes them after a check that they are complete.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};

use geojson::{Feature, FeatureCollection, GeometryValue, JsonValue};
use serde_json::error::Category;
use shared::contract::Contract;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::manifest::Encoding;
use tempfile::NamedTempFile;

use super::position::is_around_toronto;
use crate::portal::{A_JSON_DOCUMENT, looks_like};
use crate::raw_file::{MeasuringWriter, RawFile};

/// The name of the object in the lake.
const NAME: &str = "city-wards.geojson";
/// Ten times the published size: the file is read into memory for the check.
const MAX_BYTES: u64 = 40 << 20;

/// Why the published wards are refused.
#[derive(Debug, thiserror::Error)]
#[error("{url} {problem}")]
struct Refused {
    url: String,
    problem: WardsError,
}

/// What is wrong with the published wards, as the predicate of a sentence that starts with their address.
#[derive(Debug, thiserror::Error)]
enum WardsError {
    #[error("has {size} bytes, more than {MAX_BYTES}")]
    TooLarge { size: u64 },
    #[error("is not UTF-8 text, as GeoJSON has to be")]
    NotUtf8,
    #[error("is not GeoJSON but {looks_like}: the server may be down or require a sign-in")]
    OtherKind { looks_like: &'static str },
    #[error("is truncated ({0}): download it again")]
    Truncated(serde_json::Error),
    #[error("cannot be read from disk: {0}")]
    Disk(io::Error),
    #[error("is not a GeoJSON FeatureCollection ({0})")]
    NotGeoJson(serde_json::Error),
    #[error("feature {feature} has an invalid {property}: {value}")]
    Property {
        feature: usize,
        property: &'static str,
        value: String,
    },
    #[error("ward {ward} is neither a Polygon nor a MultiPolygon with closed rings")]
    Geometry { ward: i32 },
    #[error(
        "ward {ward} has a corner at {position:?}, which is not in Toronto: check that it is in WGS84"
    )]
    Elsewhere { ward: i32, position: Vec<f64> },
    #[error("has ward {ward} twice, as {first} and as {second}")]
    Twice {
        ward: i32,
        first: String,
        second: String,
    },
    #[error("lacks wards {missing:?} of {of}")]
    Missing { missing: Vec<i32>, of: i32 },
}

impl WardsError {
    fn exit(&self) -> Exit {
        match self {
            Self::OtherKind { .. } | Self::Truncated(_) | Self::Disk(_) => Exit::Upstream,
            _ => Exit::Contract,
        }
    }
}

/// Returns the file to store for the GeoJSON `downloaded` from `url`, its bytes unchanged. Blocks the current thread.
pub(crate) fn unpack(url: &str, mut downloaded: NamedTempFile) -> Result<RawFile, Failure> {
    downloaded
        .seek(SeekFrom::Start(0))
        .or_fail(Exit::Upstream)?;
    let mut measuring = MeasuringWriter::new(std::io::sink());
    std::io::copy(&mut downloaded, &mut measuring).or_fail(Exit::Upstream)?;
    let (_, measures) = measuring.finish();

    let size_bytes = measures.content.size_bytes;
    check(&mut downloaded, size_bytes, measures.encoding).map_err(|problem| {
        let url = url.to_owned();
        Failure::new(problem.exit(), Refused { url, problem })
    })?;
    Ok(RawFile {
        name: NAME.to_owned(),
        file: downloaded,
        measures,
    })
}

fn check(file: &mut NamedTempFile, size: u64, encoding: Encoding) -> Result<(), WardsError> {
    if size > MAX_BYTES {
        return Err(WardsError::TooLarge { size });
    }
    if encoding != Encoding::Utf8 {
        return Err(WardsError::NotUtf8);
    }
    file.seek(SeekFrom::Start(0)).map_err(WardsError::Disk)?;
    let mut reader = BufReader::new(file);
    let looks_like = looks_like(reader.fill_buf().map_err(WardsError::Disk)?);
    let wards: FeatureCollection =
        serde_json::from_reader(reader).map_err(|error| match error.classify() {
            Category::Io => WardsError::Disk(error.into()),
            _ if looks_like != A_JSON_DOCUMENT => WardsError::OtherKind { looks_like },
            Category::Eof => WardsError::Truncated(error),
            Category::Syntax | Category::Data => WardsError::NotGeoJson(error),
        })?;
    check_wards(&wards.features)
}

fn check_wards(features: &[Feature]) -> Result<(), WardsError> {
    let model = Contract::rules().current_wards();
    let mut names: BTreeMap<i32, &str> = BTreeMap::new();
    for (index, feature) in features.iter().enumerate() {
        let wrong = |property| WardsError::Property {
            feature: index + 1,
            property,
            value: feature
                .property(property)
                .map_or_else(|| "nothing".to_owned(), JsonValue::to_string),
        };
        let ward = feature
            .property("AREA_SHORT_CODE")
            .and_then(whole_number)
            .filter(|number| model.wards.iter().any(|ward| ward.id == *number))
            .ok_or_else(|| wrong("AREA_SHORT_CODE"))?;
        let name = feature
            .property("AREA_NAME")
            .and_then(JsonValue::as_str)
            .filter(|name| !name.trim().is_empty())
            .ok_or_else(|| wrong("AREA_NAME"))?;
        check_geometry(ward, feature)?;
        if let Some(first) = names.insert(ward, name) {
            return Err(WardsError::Twice {
                ward,
                first: first.to_owned(),
                second: name.to_owned(),
            });
        }
    }
    let numbers = model.wards.iter().map(|ward| ward.id);
    let missing: Vec<i32> = numbers.filter(|ward| !names.contains_key(ward)).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        let of = model.size;
        Err(WardsError::Missing { missing, of })
    }
}

/// Parses a number or a string of one: the City has published both.
fn whole_number(value: &JsonValue) -> Option<i32> {
    match value {
        JsonValue::String(text) => text.trim().parse().ok(),
        value => value.as_i64()?.try_into().ok(),
    }
}

fn check_geometry(ward: i32, feature: &Feature) -> Result<(), WardsError> {
    let polygons = match feature.geometry.as_ref().map(|geometry| &geometry.value) {
        Some(GeometryValue::Polygon { coordinates }) => std::slice::from_ref(coordinates),
        Some(GeometryValue::MultiPolygon { coordinates }) => coordinates.as_slice(),
        _ => return Err(WardsError::Geometry { ward }),
    };
    let closed = |ring: &Vec<geojson::Position>| ring.len() >= 4 && ring.first() == ring.last();
    let whole =
        |polygon: &Vec<Vec<geojson::Position>>| !polygon.is_empty() && polygon.iter().all(closed);
    if polygons.is_empty() || !polygons.iter().all(whole) {
        return Err(WardsError::Geometry { ward });
    }
    let mut corners = polygons.iter().flatten().flatten();
    match corners.find(|corner| !is_around_toronto(corner.as_slice())) {
        None => Ok(()),
        Some(corner) => Err(WardsError::Elsewhere {
            ward,
            position: corner.as_slice().to_vec(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Write as _;

    fn wards() -> JsonValue {
        let ward = |ward: i32| {
            let code = if ward % 2 == 0 {
                json!(ward)
            } else {
                json!(format!("{ward:02}"))
            };
            json!({
                "type": "Feature",
                "properties": {"AREA_SHORT_CODE": code, "AREA_NAME": format!("Ward {ward}")},
                "geometry": {"type": "Polygon", "coordinates": [[[-79.4, 43.7], [-79.3, 43.7], [-79.3, 43.8], [-79.4, 43.7]]]},
            })
        };
        json!({"type": "FeatureCollection", "features": (1..=25).map(ward).collect::<Vec<_>>()})
    }

    fn outcome(content: &[u8]) -> Result<RawFile, (Exit, String)> {
        let mut file = NamedTempFile::new().expect("temporary file");
        file.write_all(content).expect("written");
        unpack("https://x/wards", file).map_err(|failure| (failure.exit(), failure.to_string()))
    }

    #[test]
    fn complete_wards_are_stored_unchanged() {
        let published = serde_json::to_vec_pretty(&wards()).expect("JSON");
        let raw = outcome(&published).expect("valid");
        assert_eq!(std::fs::read(raw.file.path()).expect("readable"), published);
        assert_eq!(raw.measures.content.size_bytes, published.len() as u64);
        assert_eq!(raw.measures.encoding, Encoding::Utf8);
    }

    #[test]
    fn anything_less_is_refused() {
        type Change = fn(&mut JsonValue);
        let table: [(&str, Change); 9] = [
            ("lacks wards [7]", |wards| {
                wards["features"].as_array_mut().expect("array").remove(6);
            }),
            ("ward 8 twice, as Ward 7 and as Ward 8", |wards| {
                wards["features"][6]["properties"]["AREA_SHORT_CODE"] = json!(8);
            }),
            ("feature 1 has an invalid AREA_SHORT_CODE: 26", |wards| {
                wards["features"][0]["properties"]["AREA_SHORT_CODE"] = json!(26);
            }),
            ("an invalid AREA_SHORT_CODE: \"one\"", |wards| {
                wards["features"][0]["properties"]["AREA_SHORT_CODE"] = json!("one");
            }),
            ("feature 3 has an invalid AREA_NAME: nothing", |wards| {
                wards["features"][2]["properties"]
                    .as_object_mut()
                    .expect("object")
                    .remove("AREA_NAME");
            }),
            ("ward 2 is neither a Polygon", |wards| {
                wards["features"][1]["geometry"] =
                    json!({"type": "Point", "coordinates": [-79.4, 43.7]});
            }),
            ("ward 2 is neither a Polygon", |wards| {
                wards["features"][1]["geometry"] = json!(null);
            }),
            ("check that it is in WGS84", |wards| {
                wards["features"][0]["geometry"]["coordinates"][0][1] =
                    json!([313_000.0, 4_833_000.0]);
            }),
            ("check that it is in WGS84", |wards| {
                wards["features"][0]["geometry"]["coordinates"][0][1] = json!([43.7, -79.3]);
            }),
        ];
        for (expected, change) in table {
            let mut wards = wards();
            change(&mut wards);
            let (exit, message) = outcome(wards.to_string().as_bytes()).err().expect(expected);
            assert!(message.contains(expected), "{message}");
            assert_eq!(exit, Exit::Contract, "{message}");
        }
        for (expected, expected_exit, content) in [
            (
                "is not GeoJSON but an HTML page",
                Exit::Upstream,
                b"<html>".as_slice(),
            ),
            ("is not GeoJSON but nothing", Exit::Upstream, b""),
            ("is truncated", Exit::Upstream, b"{\"type\":"),
            (
                "is not a GeoJSON FeatureCollection",
                Exit::Contract,
                b"{\"type\":\"Feature\"}",
            ),
            ("is not UTF-8", Exit::Contract, b"{\"\xe9\":1}"),
        ] {
            let (exit, message) = outcome(content).err().expect(expected);
            assert!(message.contains(expected), "{message}");
            assert_eq!(exit, expected_exit, "{message}");
        }
    }
}
