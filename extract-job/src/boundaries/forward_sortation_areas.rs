//! The polygons of Toronto's forward sortation areas, extracted from Statistics Canada's shapefile of the whole country
//! and reprojected to GeoJSON.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};

use serde::Serialize;
use shapefile::dbase::encoding::UnicodeLossy;
use shapefile::dbase::{self, FieldValue, Record};
use shapefile::{Point, Polygon, ShapeReader};
use shared::contract::Contract;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::lake::Lake;

use super::Position;
use super::lambert::{ProjectionError, Reprojection};
use super::position::is_around_toronto;
use super::rings::{self, RingError};
use crate::archive::Archive;
use crate::raw_file::{MeasuringWriter, RawFile};

/// The name of the object in the lake.
const NAME: &str = "forward-sortation-areas.geojson";
const MAX_PRJ_BYTES: u64 = 64 << 10;

/// What is wrong with the published areas.
#[derive(Debug, thiserror::Error)]
enum AreasError {
    #[error("cannot be read as a shapefile")]
    Shapefile(#[from] shapefile::Error),
    #[error("cannot be read")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error("record {record} has no {field}")]
    Field { record: usize, field: &'static str },
    #[error("record {record} has the invalid CFSAUID {id:?}")]
    Id { record: usize, id: String },
    #[error("record {record} has the invalid LANDAREA {land_area}")]
    LandArea { record: usize, land_area: f64 },
    #[error(
        "the .shp has {shapes} shapes, the .dbf {records} records: they belong to different files"
    )]
    Counts { shapes: usize, records: usize },
    #[error("{id} {problem}")]
    Rings { id: String, problem: RingError },
    #[error("{id} has a corner at {position:?}, far from Toronto")]
    Elsewhere { id: String, position: Position },
    #[error("{id} occurs twice")]
    Twice { id: String },
    #[error("has no area that starts with {district}")]
    None { district: char },
}

#[derive(Serialize)]
#[serde(tag = "type")]
struct Feature {
    properties: Properties,
    geometry: Geometry,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Properties {
    cfsauid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pruid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prname: Option<String>,
    /// In square kilometres; the file of 2016 has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    landarea: Option<f64>,
}

#[derive(Serialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Vec<Position>>),
    MultiPolygon(Vec<Vec<Vec<Position>>>),
}

/// Returns the GeoJSON of Toronto's areas in `archive`. Blocks the current thread.
pub(crate) fn unpack(lake: &Lake, mut archive: Archive) -> Result<RawFile, Failure> {
    let mut member = |extension: &str| -> Result<File, Failure> {
        let member = archive.only(extension)?;
        let mut file = lake.spool().or_fail(Exit::Upstream)?;
        archive.inflate(&member, &mut file)?;
        let mut file = file.into_file();
        file.seek(SeekFrom::Start(0)).or_fail(Exit::Upstream)?;
        Ok(file)
    };
    let (shp, dbf, prj) = (member("shp")?, member("dbf")?, member("prj")?);
    let areas = read(shp, dbf, prj)
        .or_fail(Exit::Contract)
        .while_doing(|| format!("cannot read the shapefile in {}", archive.name()))?;
    write(lake, areas).or_fail(Exit::Upstream)
}

fn read(shp: File, dbf: File, prj: File) -> Result<BTreeMap<String, Feature>, AreasError> {
    let mut text = Vec::new();
    prj.take(MAX_PRJ_BYTES).read_to_end(&mut text)?;
    let reprojection = Reprojection::of(&String::from_utf8_lossy(&text))?;
    let properties = read_properties(dbf)?;

    let mut areas = BTreeMap::new();
    let mut shapes = 0;
    let mut reader = ShapeReader::new(BufReader::with_capacity(1 << 20, shp))?;
    for (index, shape) in reader.iter_shapes_as::<Polygon>().enumerate() {
        let shape = shape?;
        shapes += 1;
        let Some(Some(properties)) = properties.get(index) else {
            continue;
        };
        let id = properties.cfsauid.clone();
        let feature = Feature {
            properties: properties.clone(),
            geometry: reproject(&id, &shape, &reprojection)?,
        };
        if areas.insert(id.clone(), feature).is_some() {
            return Err(AreasError::Twice { id });
        }
    }
    if shapes != properties.len() {
        let records = properties.len();
        return Err(AreasError::Counts { shapes, records });
    }
    if areas.is_empty() {
        let district = district();
        return Err(AreasError::None { district });
    }
    Ok(areas)
}

/// Returns the first letter of all Toronto areas, and of no others.
fn district() -> char {
    char::from(Contract::rules().postal_district)
}

/// Returns the properties of every record, in order; `None` for those outside Toronto.
fn read_properties(dbf: File) -> Result<Vec<Option<Properties>>, AreasError> {
    // Province names have accents in an encoding that does not matter here.
    let mut reader = dbase::ReaderBuilder::new()
        .with_encoding(UnicodeLossy)
        .build(BufReader::new(dbf))
        .map_err(shapefile::Error::DbaseError)?;
    let mut all = Vec::new();
    for (index, record) in reader.iter_records().enumerate() {
        let record = record.map_err(shapefile::Error::DbaseError)?;
        let cfsauid = text(&record, "CFSAUID").ok_or(AreasError::Field {
            record: index + 1,
            field: "CFSAUID",
        })?;
        if !cfsauid.starts_with(district()) {
            all.push(None);
            continue;
        }
        if !is_area(&cfsauid) {
            return Err(AreasError::Id {
                record: index + 1,
                id: cfsauid,
            });
        }
        let landarea = number(&record, "LANDAREA");
        if let Some(land_area) = landarea.filter(|area| !area.is_finite() || *area < 0.0) {
            return Err(AreasError::LandArea {
                record: index + 1,
                land_area,
            });
        }
        all.push(Some(Properties {
            cfsauid,
            pruid: text(&record, "PRUID"),
            prname: text(&record, "PRNAME"),
            landarea,
        }));
    }
    Ok(all)
}

fn text(record: &Record, name: &str) -> Option<String> {
    match record.get(name)? {
        FieldValue::Character(Some(text)) => Some(text.trim().to_owned()),
        FieldValue::Numeric(Some(number)) => Some(number.to_string()),
        _ => None,
    }
}

fn number(record: &Record, name: &str) -> Option<f64> {
    match record.get(name)? {
        FieldValue::Numeric(number) => *number,
        FieldValue::Double(number) => Some(*number),
        _ => None,
    }
}

fn is_area(id: &str) -> bool {
    matches!(id.as_bytes(), [_, digit, letter] if digit.is_ascii_digit() && letter.is_ascii_uppercase())
}

fn reproject(
    id: &str,
    shape: &Polygon,
    reprojection: &Reprojection,
) -> Result<Geometry, AreasError> {
    let rings = shape
        .rings()
        .iter()
        .map(|ring| ring.points().iter().map(|&Point { x, y }| [x, y]).collect())
        .collect();
    let mut polygons = rings::polygons(rings).map_err(|problem| AreasError::Rings {
        id: id.to_owned(),
        problem,
    })?;
    for position in polygons.iter_mut().flatten().flatten() {
        *position = reprojection.reproject(*position)?.map(rounded);
        if !is_around_toronto(position) {
            return Err(AreasError::Elsewhere {
                id: id.to_owned(),
                position: *position,
            });
        }
    }
    Ok(match polygons.len() {
        1 => Geometry::Polygon(polygons.remove(0)),
        _ => Geometry::MultiPolygon(polygons),
    })
}

/// Rounds to a centimetre, so that the last bits of a library's arithmetic do not change the file.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

/// Returns one feature per line, ordered by id: the same areas always produce the same bytes.
fn write(lake: &Lake, areas: BTreeMap<String, Feature>) -> io::Result<RawFile> {
    let mut out = BufWriter::new(MeasuringWriter::new(lake.spool()?));
    out.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[")?;
    for (index, feature) in areas.into_values().enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut out, &feature)?;
    }
    out.write_all(b"\n]}\n")?;
    let (file, measures) = out.into_inner()?.finish();
    Ok(RawFile {
        name: NAME.to_owned(),
        file,
        measures,
    })
}
