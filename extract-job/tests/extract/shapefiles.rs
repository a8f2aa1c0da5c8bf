//! Shapefiles in Statistics Canada's projection, intact and damaged.

use std::fs;
use std::io::Cursor;

use geojson::{FeatureCollection, GeometryValue};
use proj4rs::Proj;
use proj4rs::transform::transform;
use shapefile::dbase::{Record, TableWriterBuilder};
use shapefile::{Point, Polygon, PolygonRing, ShapeWriter};
use shared::testing::city_files;

use crate::zips::zip;

/// EPSG:3347 as Statistics Canada's files describe it.
pub(crate) const PRJ: &str = r#"PROJCS["PCS_Lambert_Conformal_Conic",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",6200000.0],PARAMETER["False_Northing",3000000.0],PARAMETER["Central_Meridian",-91.86666666666666],PARAMETER["Standard_Parallel_1",49.0],PARAMETER["Standard_Parallel_2",77.0],PARAMETER["Latitude_Of_Origin",63.390675],UNIT["Meter",1.0]]"#;

/// The land area of every area that [`dbf`] writes, in square kilometres.
pub(crate) const LAND_AREA: f64 = 4.5678;

/// A ring of longitudes and latitudes.
pub(crate) type Ring = Vec<[f64; 2]>;

/// An area: its id, and its polygons of an outer ring and holes.
pub(crate) type Area = (String, Vec<Vec<Ring>>);

/// Returns the published areas of Toronto, and one of Montreal.
pub(crate) fn areas() -> Vec<Area> {
    let triangle = |x: f64, y: f64| vec![vec![vec![[x, y], [x, y + 0.1], [x + 0.1, y], [x, y]]]];
    let mut areas = published_areas();
    areas.push(("H2X".to_owned(), triangle(-73.6, 45.5)));
    areas
}

/// Returns the published areas.
pub(crate) fn published_areas() -> Vec<Area> {
    let path = city_files().join("boundaries/forward-sortation-areas.geojson");
    areas_in(&fs::read(path).unwrap())
}

/// Returns the areas in a GeoJSON.
pub(crate) fn areas_in(geojson: &[u8]) -> Vec<Area> {
    let collection: FeatureCollection = serde_json::from_slice(geojson).unwrap();
    let area = |feature: geojson::Feature| {
        let id = feature.property("CFSAUID").unwrap().as_str().unwrap();
        let polygons = match &feature.geometry.as_ref().unwrap().value {
            GeometryValue::Polygon { coordinates } => vec![coordinates.clone()],
            GeometryValue::MultiPolygon { coordinates } => coordinates.clone(),
            other => panic!("{}", other.type_name()),
        };
        let rings = |polygon: Vec<Vec<geojson::Position>>| {
            polygon.into_iter().map(|ring| {
                let points = ring.into_iter().map(|point| [point[0], point[1]]);
                points.collect()
            })
        };
        let polygons = polygons.into_iter().map(|polygon| rings(polygon).collect());
        (id.to_owned(), polygons.collect())
    };
    collection.features.into_iter().map(area).collect()
}

/// Returns the ZIP that publishes `areas`.
pub(crate) fn zipped(areas: &[Area]) -> Vec<u8> {
    let ids: Vec<&str> = areas.iter().map(|(id, _)| id.as_str()).collect();
    zipped_as(&shp(areas), &dbf(&ids), PRJ)
}

/// Returns the ZIP of these parts and of irrelevant ones.
pub(crate) fn zipped_as(shp: &[u8], dbf: &[u8], prj: &str) -> Vec<u8> {
    zip(&[
        ("lfsa000b21a_e.shp", shp),
        ("lfsa000b21a_e.dbf", dbf),
        ("lfsa000b21a_e.prj", prj.as_bytes()),
        ("lfsa000b21a_e.xml", b"<metadata/>"),
        ("92-160-g2021002-eng.pdf", b"%PDF-1.4"),
    ])
}

/// Returns the shapes of `areas`.
pub(crate) fn shp(areas: &[Area]) -> Vec<u8> {
    let to = Proj::from_proj_string(
        "+proj=lcc +lat_1=49 +lat_2=77 +lat_0=63.390675 +lon_0=-91.86666666666666 +x_0=6200000 \
         +y_0=3000000 +ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +units=m",
    )
    .unwrap();
    let from = Proj::from_proj_string("+proj=longlat +datum=WGS84").unwrap();
    let metres = |degrees: &[f64; 2]| {
        let mut point = (degrees[0].to_radians(), degrees[1].to_radians(), 0.0);
        transform(&from, &to, &mut point).unwrap();
        Point::new(point.0, point.1)
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = ShapeWriter::new(&mut bytes);
    for (_, polygons) in areas {
        let mut rings = Vec::new();
        for polygon in polygons {
            for (index, ring) in polygon.iter().enumerate() {
                let points = ring.iter().map(metres).collect();
                rings.push(match index {
                    0 => PolygonRing::Outer(points),
                    _ => PolygonRing::Inner(points),
                });
            }
        }
        // Holes first: the order of rings in a shapefile means nothing.
        rings.reverse();
        writer.write_shape(&Polygon::with_rings(rings)).unwrap();
    }
    writer.finalize().unwrap();
    drop(writer);
    bytes.into_inner()
}

/// Returns records of areas that have only these ids.
pub(crate) fn ids_only(ids: &[&str]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = TableWriterBuilder::new()
        .add_character_field("CFSAUID".try_into().unwrap(), 3)
        .build_with_dest(&mut bytes);
    for id in ids {
        let mut record = Record::default();
        record.insert("CFSAUID".to_owned(), (*id).to_owned().into());
        writer.write_record(&record).unwrap();
    }
    writer.finalize().unwrap();
    drop(writer);
    bytes.into_inner()
}

/// Returns the records of areas with these ids, as the file of the 2021 census has them.
pub(crate) fn dbf(ids: &[&str]) -> Vec<u8> {
    let records: Vec<(&str, f64)> = ids.iter().map(|id| (*id, LAND_AREA)).collect();
    dbf_of(&records)
}

/// Returns the records of areas with these ids and land areas in square kilometres.
pub(crate) fn dbf_of(records: &[(&str, f64)]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = TableWriterBuilder::new()
        .add_character_field("CFSAUID".try_into().unwrap(), 3)
        .add_character_field("PRUID".try_into().unwrap(), 2)
        .add_character_field("PRNAME".try_into().unwrap(), 100)
        .add_numeric_field("LANDAREA".try_into().unwrap(), 14, 4)
        .build_with_dest(&mut bytes);
    for (id, land_area) in records {
        let mut record = Record::default();
        let name = if id.starts_with('H') {
            "Québec"
        } else {
            "Ontario"
        };
        for (field, value) in [("CFSAUID", *id), ("PRUID", "35"), ("PRNAME", name)] {
            record.insert(field.to_owned(), value.to_owned().into());
        }
        record.insert("LANDAREA".to_owned(), Some(*land_area).into());
        writer.write_record(&record).unwrap();
    }
    writer.finalize().unwrap();
    drop(writer);
    bytes.into_inner()
}
