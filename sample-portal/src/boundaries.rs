//! Polygons of wards and forward sortation areas: the given ones, or schematic ones.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use anyhow::Context as _;
use geojson::{FeatureCollection, GeometryValue};
use proj4rs::Proj;
use proj4rs::transform::transform;
use serde_json::{Value, json};
use shapefile::dbase::{FieldName, FieldValue, Record, TableWriterBuilder};
use shapefile::{Point, Polygon, PolygonRing, ShapeWriter, Writer};
use shared::contract::Contract;

use crate::published::places::FORWARD_SORTATION_AREAS;

/// West, south, east and north of Toronto, in degrees.
const TORONTO: [f64; 4] = [-79.64, 43.58, -79.115, 43.855];

/// Statistics Canada Lambert, EPSG:3347.
const LAMBERT: &str = "+proj=lcc +lat_1=49 +lat_2=77 +lat_0=63.390675 +lon_0=-91.86666666666666 +x_0=6200000 \
     +y_0=3000000 +ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +units=m";

/// The same as the boundary file's `.prj` has it.
const LAMBERT_PRJ: &str = r#"PROJCS["PCS_Lambert_Conformal_Conic",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",6200000.0],PARAMETER["False_Northing",3000000.0],PARAMETER["Central_Meridian",-91.86666666666666],PARAMETER["Standard_Parallel_1",49.0],PARAMETER["Standard_Parallel_2",77.0],PARAMETER["Latitude_Of_Origin",63.390675],UNIT["Meter",1.0]]"#;

/// The ward polygons as GeoJSON in the City's attributes: the file in `files`, or a grid labelled as schematic.
pub(crate) fn city_wards(files: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    if let Some(file) = given(files, "city-wards.geojson") {
        return fs::read(&file).with_context(|| format!("read {}", file.display()));
    }
    let wards = &Contract::rules().ward_models[1].wards;
    let features: Vec<Value> = wards
        .iter()
        .zip(grid(5, 5))
        .map(|(ward, ring)| {
            json!({
                "type": "Feature",
                "properties": {
                    "AREA_SHORT_CODE": ward.id,
                    "AREA_NAME": ward.name,
                    "AREA_DESC": format!("{} ({}): schematic, not the ward's real boundary", ward.name, ward.id),
                },
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            })
        })
        .collect();
    Ok(serde_json::to_vec(
        &json!({"type": "FeatureCollection", "features": features}),
    )?)
}

/// The files of the zipped shapefile of the forward sortation areas: Toronto's from `files`, or a grid labelled as
/// schematic, and some of other places.
pub(crate) fn forward_sortation_areas(
    files: Option<&Path>,
) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let elsewhere = [("K1A", -75.7), ("L4B", -79.4), ("N1C", -80.2)];
    let elsewhere = elsewhere
        .map(|(fsa, longitude)| (fsa.to_owned(), vec![square(longitude, 45.0, 0.02, 0.02)]));
    let mut areas: Vec<(String, Vec<Ring>)> = elsewhere.into();
    let province = if let Some(file) = given(files, "forward-sortation-areas.geojson") {
        areas.extend(areas_of(&file)?);
        "Ontario"
    } else {
        let names = FORWARD_SORTATION_AREAS.map(str::to_owned);
        areas.extend(names.into_iter().zip(grid(12, 8).map(|ring| vec![ring])));
        "Ontario, schematic"
    };
    let (shp, shx, dbf) = shapefile_of(&areas, province)?;
    let name = |extension: &str| format!("lfsa000b16a_e/lfsa000b16a_e.{extension}");
    Ok(vec![
        (name("dbf"), dbf),
        (name("prj"), LAMBERT_PRJ.as_bytes().to_vec()),
        (name("shp"), shp),
        (name("shx"), shx),
    ])
}

/// Longitude and latitude of the corners of a polygon's ring, the first one again at the end.
type Ring = Vec<[f64; 2]>;

fn given(files: Option<&Path>, name: &str) -> Option<std::path::PathBuf> {
    let file = files?.join("boundaries").join(name);
    file.is_file().then_some(file)
}

/// Toronto cut into `columns` by `rows` rectangles, wound clockwise.
fn grid(columns: u32, rows: u32) -> impl Iterator<Item = Ring> {
    let [west, south, east, north] = TORONTO;
    let width = (east - west) / f64::from(columns);
    let height = (north - south) / f64::from(rows);
    (0..rows).flat_map(move |row| {
        (0..columns).map(move |column| {
            let x = west + width * f64::from(column);
            let y = south + height * f64::from(row);
            square(x, y, width, height)
        })
    })
}

fn square(west: f64, south: f64, width: f64, height: f64) -> Ring {
    let (east, north) = (west + width, south + height);
    vec![
        [west, south],
        [west, north],
        [east, north],
        [east, south],
        [west, south],
    ]
}

/// The areas of a GeoJSON file with `CFSAUID`s.
fn areas_of(file: &Path) -> anyhow::Result<Vec<(String, Vec<Ring>)>> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let collection: FeatureCollection = text.parse()?;
    let mut areas = Vec::new();
    for feature in collection.features {
        let fsa = feature
            .property("CFSAUID")
            .and_then(Value::as_str)
            .with_context(|| format!("{}: an area has no CFSAUID", file.display()))?
            .to_owned();
        let polygons = match feature.geometry.map(|geometry| geometry.value) {
            Some(GeometryValue::Polygon { coordinates }) => vec![coordinates],
            Some(GeometryValue::MultiPolygon { coordinates }) => coordinates,
            other => anyhow::bail!("{}: {fsa} is {other:?}", file.display()),
        };
        let ring = |ring: Vec<geojson::Position>| ring.iter().map(|at| [at[0], at[1]]).collect();
        areas.push((fsa, polygons.into_iter().flatten().map(ring).collect()));
    }
    Ok(areas)
}

/// The `.shp`, `.shx` and `.dbf` of `areas`.
fn shapefile_of(
    areas: &[(String, Vec<Ring>)],
    province: &str,
) -> anyhow::Result<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let (mut shp, mut shx, mut dbf) = (Vec::new(), Vec::new(), Vec::new());
    {
        let field = |name| FieldName::try_from(name).map_err(|error| anyhow::anyhow!("{error:?}"));
        let table = TableWriterBuilder::new()
            .add_character_field(field("CFSAUID")?, 3)
            .add_character_field(field("PRUID")?, 2)
            .add_character_field(field("PRNAME")?, 20);
        let shapes = ShapeWriter::with_shx(Cursor::new(&mut shp), Cursor::new(&mut shx));
        let mut writer = Writer::new(shapes, table.build_with_dest(Cursor::new(&mut dbf)));
        for (fsa, rings) in areas {
            let rings: Result<Vec<PolygonRing<Point>>, anyhow::Error> = rings
                .iter()
                .map(|ring| {
                    let points = ring.iter().map(|position| to_lambert(*position));
                    let points = points.collect::<anyhow::Result<Vec<Point>>>()?;
                    Ok(if is_clockwise(ring) {
                        PolygonRing::Outer(points)
                    } else {
                        PolygonRing::Inner(points)
                    })
                })
                .collect();
            let mut record = Record::default();
            let text = |text: &str| FieldValue::Character(Some(text.to_owned()));
            record.insert("CFSAUID".to_owned(), text(fsa));
            record.insert("PRUID".to_owned(), text("35"));
            record.insert("PRNAME".to_owned(), text(province));
            writer.write_shape_and_record(&Polygon::with_rings(rings?), &record)?;
        }
    }
    Ok((shp, shx, dbf))
}

fn to_lambert([longitude, latitude]: [f64; 2]) -> anyhow::Result<Point> {
    let from = Proj::from_proj_string("+proj=longlat +datum=WGS84")?;
    let to = Proj::from_proj_string(LAMBERT)?;
    let mut point = (longitude.to_radians(), latitude.to_radians(), 0.0);
    transform(&from, &to, &mut point)?;
    Ok(Point::new(point.0, point.1))
}

fn is_clockwise(ring: &Ring) -> bool {
    let twice_area = |pair: &[[f64; 2]]| (pair[1][0] - pair[0][0]) * (pair[1][1] + pair[0][1]);
    ring.windows(2).map(twice_area).sum::<f64>() > 0.0
}
