//! The polygons of wards and forward sortation areas: real ones if given, else schematic ones.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use anyhow::Context as _;
use geojson::{Feature, FeatureCollection, GeometryValue};
use proj4rs::Proj;
use proj4rs::transform::transform;
use serde_json::{Value, json};
use shapefile::dbase::{FieldName, FieldValue, Record, TableWriterBuilder};
use shapefile::{Point, Polygon, PolygonRing, ShapeWriter, Writer};
use shared::contract::Contract;

use crate::published::places::forward_sortation_areas as toronto;
use crate::server::zip_of;

/// West, south, east and north of Toronto, in degrees.
const TORONTO: [f64; 4] = [-79.64, 43.58, -79.115, 43.855];

/// Statistics Canada Lambert, EPSG:3347.
const LAMBERT: &str = "+proj=lcc +lat_1=49 +lat_2=77 +lat_0=63.390675 +lon_0=-91.86666666666666 +x_0=6200000 \
     +y_0=3000000 +ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +units=m";

/// An equal-area projection, in metres.
const EQUAL_AREA: &str = "+proj=cea +datum=WGS84";

/// MTM zone 10, EPSG:2952.
const MTM_10: &str = "+proj=tmerc +lat_0=0 +lon_0=-79.5 +k=0.9999 +x_0=304800 +y_0=0 +ellps=GRS80 \
     +towgs84=0,0,0,0,0,0,0 +units=m";

const WGS84_PRJ: &str = r#"GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]"#;

/// The same in the boundary file's `.prj`.
const LAMBERT_PRJ: &str = r#"PROJCS["PCS_Lambert_Conformal_Conic",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",6200000.0],PARAMETER["False_Northing",3000000.0],PARAMETER["Central_Meridian",-91.86666666666666],PARAMETER["Standard_Parallel_1",49.0],PARAMETER["Standard_Parallel_2",77.0],PARAMETER["Latitude_Of_Origin",63.390675],UNIT["Meter",1.0]]"#;

/// The formats of the ward polygons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WardFormat {
    /// A table of the DataStore, with polygons as GeoJSON.
    Datastore,
    /// In MTM zone 10, EPSG:2952.
    GeoJson2952,
    /// In longitude and latitude.
    GeoJson4326,
    Csv4326,
    Shapefile4326,
}

impl WardFormat {
    /// All formats, in the order of the package.
    pub(crate) const ALL: [Self; 5] = [
        Self::Datastore,
        Self::GeoJson2952,
        Self::GeoJson4326,
        Self::Csv4326,
        Self::Shapefile4326,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Datastore => "City Wards Data",
            Self::GeoJson2952 => "City Wards Data - 2952.geojson",
            Self::GeoJson4326 => "City Wards Data - 4326.geojson",
            Self::Csv4326 => "City Wards Data - 4326.csv",
            Self::Shapefile4326 => "City Wards Data - 4326.zip",
        }
    }

    /// Returns CKAN's name of the format.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::GeoJson2952 | Self::GeoJson4326 => "GeoJSON",
            Self::Datastore | Self::Csv4326 => "CSV",
            Self::Shapefile4326 => "SHP",
        }
    }

    pub(crate) fn mimetype(self) -> &'static str {
        match self {
            Self::GeoJson2952 | Self::GeoJson4326 => "application/geo+json",
            Self::Datastore | Self::Csv4326 => "text/csv",
            Self::Shapefile4326 => "application/zip",
        }
    }

    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Datastore => "city-wards-data.csv",
            Self::GeoJson2952 => "city-wards-data-2952.geojson",
            Self::GeoJson4326 => "city-wards-data-4326.geojson",
            Self::Csv4326 => "city-wards-data-4326.csv",
            Self::Shapefile4326 => "city-wards-data-4326.zip",
        }
    }
}

/// Whether `files` has the ward polygons, so that they are not schematic.
pub(crate) fn are_given(files: Option<&Path>) -> bool {
    given(files, WARDS).is_some()
}

const WARDS: &str = "city-wards.geojson";

/// Returns the ward polygons in `format`: those in `files`, or a grid labelled as schematic.
pub(crate) fn city_wards(files: Option<&Path>, format: WardFormat) -> anyhow::Result<Vec<u8>> {
    let geojson = wards_as_geojson(files)?;
    let features = || -> anyhow::Result<Vec<Feature>> {
        let text = std::str::from_utf8(&geojson)?;
        Ok(text.parse::<FeatureCollection>()?.features)
    };
    match format {
        WardFormat::GeoJson4326 => Ok(geojson),
        WardFormat::GeoJson2952 => in_mtm(features()?),
        WardFormat::Datastore | WardFormat::Csv4326 => as_csv(features()?),
        WardFormat::Shapefile4326 => {
            let mut wards = Vec::new();
            for feature in features()? {
                let name = text_of(&feature, "AREA_NAME");
                wards.push((name, rings_of(&feature)?));
            }
            let (shp, shx, dbf) = shapefile_of(
                &wards,
                TableWriterBuilder::new().add_character_field(field("AREA_NAME")?, 40),
                |ward, _| Ok(vec![("AREA_NAME", text_value(ward))]),
                |at| Ok(Point::new(at[0], at[1])),
            )?;
            let name = |extension: &str| format!("City Wards Data - 4326.{extension}");
            Ok(zip_of(&[
                (name("dbf"), dbf),
                (name("prj"), WGS84_PRJ.as_bytes().to_vec()),
                (name("shp"), shp),
                (name("shx"), shx),
            ]))
        }
    }
}

fn wards_as_geojson(files: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    if let Some(file) = given(files, WARDS) {
        return fs::read(&file).with_context(|| format!("cannot read {}", file.display()));
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

/// Returns a property as a string.
fn text_of(feature: &Feature, name: &str) -> String {
    match feature.property(name) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Returns the features with an `_id`, their properties, and their polygons as text.
fn as_csv(features: Vec<Feature>) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names: Vec<String> = features
        .first()
        .and_then(|feature| feature.properties.as_ref())
        .map(|properties| {
            properties
                .keys()
                .filter(|name| *name != "_id")
                .cloned()
                .collect()
        })
        .unwrap_or_default();
    let header = ["_id".to_owned()].into_iter().chain(names.clone());
    writer.write_record(header.chain(["geometry".to_owned()]))?;
    for (index, feature) in features.into_iter().enumerate() {
        let mut fields = vec![(index + 1).to_string()];
        fields.extend(names.iter().map(|name| text_of(&feature, name)));
        let geometry = feature.geometry.map(|geometry| geometry.to_string());
        fields.push(geometry.unwrap_or_default());
        writer.write_record(fields)?;
    }
    Ok(writer.into_inner()?)
}

/// Returns the features in metres of MTM zone 10.
fn in_mtm(features: Vec<Feature>) -> anyhow::Result<Vec<u8>> {
    let to_mtm = Projection::to(MTM_10)?;
    let mut projected = Vec::new();
    for feature in features {
        let rings = rings_of(&feature)?;
        let rings: anyhow::Result<Vec<Ring>> = rings
            .iter()
            .map(|ring| {
                ring.iter()
                    .map(|position| to_mtm.project(*position))
                    .collect()
            })
            .collect();
        projected.push(json!({
            "type": "Feature",
            "properties": feature.properties,
            "geometry": {"type": "Polygon", "coordinates": rings?},
        }));
    }
    Ok(serde_json::to_vec(&json!({
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2952"}},
        "features": projected,
    }))?)
}

/// Returns the files of the zipped shapefile of the forward sortation areas: Toronto's from `files`, or a grid labelled
/// as schematic, and some areas elsewhere.
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
        let names = toronto().map(str::to_owned);
        areas.extend(names.zip(grid(12, 8).map(|ring| vec![ring])));
        "Ontario, schematic"
    };
    let (to_lambert, to_equal_area) = (Projection::to(LAMBERT)?, Projection::to(EQUAL_AREA)?);
    let table = TableWriterBuilder::new()
        .add_character_field(field("CFSAUID")?, 3)
        .add_character_field(field("DGUID")?, 21)
        .add_character_field(field("PRUID")?, 2)
        .add_character_field(field("PRNAME")?, 100)
        .add_numeric_field(field("LANDAREA")?, 14, 4);
    let (shp, shx, dbf) = shapefile_of(
        &areas,
        table,
        |fsa, rings| {
            let land_area = square_kilometres(rings, &to_equal_area)?;
            Ok(vec![
                ("CFSAUID", text_value(fsa)),
                ("DGUID", text_value(&format!("2021A0011{fsa}"))),
                ("PRUID", text_value("35")),
                ("PRNAME", text_value(province)),
                ("LANDAREA", FieldValue::Numeric(Some(land_area))),
            ])
        },
        |position| to_lambert.project(position).map(|[x, y]| Point::new(x, y)),
    )?;
    let name = |extension: &str| format!("lfsa000b21a_e/lfsa000b21a_e.{extension}");
    Ok(vec![
        (name("dbf"), dbf),
        (name("prj"), LAMBERT_PRJ.as_bytes().to_vec()),
        (name("shp"), shp),
        (name("shx"), shx),
    ])
}

/// The longitudes and latitudes of a polygon's ring, with the first corner repeated at the end.
type Ring = Vec<[f64; 2]>;

fn given(files: Option<&Path>, name: &str) -> Option<std::path::PathBuf> {
    let file = files?.join("boundaries").join(name);
    file.is_file().then_some(file)
}

/// Returns Toronto divided into `columns` by `rows` rectangles, wound clockwise.
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

/// Returns the areas of a GeoJSON file with `CFSAUID`s.
fn areas_of(file: &Path) -> anyhow::Result<Vec<(String, Vec<Ring>)>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let collection: FeatureCollection = text.parse()?;
    let mut areas = Vec::new();
    for feature in collection.features {
        let fsa = feature
            .property("CFSAUID")
            .and_then(Value::as_str)
            .with_context(|| format!("{}: an area has no CFSAUID", file.display()))?
            .to_owned();
        let rings = rings_of(&feature).with_context(|| format!("{}: {fsa}", file.display()))?;
        areas.push((fsa, rings));
    }
    Ok(areas)
}

/// Returns the rings of a feature's polygons.
fn rings_of(feature: &Feature) -> anyhow::Result<Vec<Ring>> {
    let polygons = match feature.geometry.as_ref().map(|geometry| &geometry.value) {
        Some(GeometryValue::Polygon { coordinates }) => vec![coordinates],
        Some(GeometryValue::MultiPolygon { coordinates }) => coordinates.iter().collect(),
        other => anyhow::bail!("a feature is {other:?} and not a polygon"),
    };
    let ring = |ring: &Vec<geojson::Position>| ring.iter().map(|at| [at[0], at[1]]).collect();
    Ok(polygons.into_iter().flatten().map(ring).collect())
}

/// Returns the area of polygons with these rings, in ten-thousandths of a square kilometre.
fn square_kilometres(rings: &[Ring], to_equal_area: &Projection) -> anyhow::Result<f64> {
    let mut square_metres = 0.0;
    for ring in rings {
        let projected: anyhow::Result<Ring> = ring
            .iter()
            .map(|position| to_equal_area.project(*position))
            .collect();
        // Holes are wound the other way.
        square_metres += twice_area(&projected?) / 2.0;
    }
    Ok((square_metres / 1e2).round() / 1e4)
}

fn field(name: &str) -> anyhow::Result<FieldName> {
    FieldName::try_from(name).map_err(|error| anyhow::anyhow!("{error:?}"))
}

fn text_value(text: &str) -> FieldValue {
    FieldValue::Character(Some(text.to_owned()))
}

/// Returns the `.shp`, `.shx` and `.dbf` of `areas`, with the values of each in the columns of `table`.
fn shapefile_of(
    areas: &[(String, Vec<Ring>)],
    table: TableWriterBuilder,
    values: impl Fn(&str, &[Ring]) -> anyhow::Result<Vec<(&'static str, FieldValue)>>,
    project: impl Fn([f64; 2]) -> anyhow::Result<Point>,
) -> anyhow::Result<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let (mut shp, mut shx, mut dbf) = (Vec::new(), Vec::new(), Vec::new());
    {
        let shapes = ShapeWriter::with_shx(Cursor::new(&mut shp), Cursor::new(&mut shx));
        let mut writer = Writer::new(shapes, table.build_with_dest(Cursor::new(&mut dbf)));
        for (name, rings) in areas {
            let polygon_rings: anyhow::Result<Vec<PolygonRing<Point>>> = rings
                .iter()
                .map(|ring| {
                    let points = ring.iter().map(|position| project(*position));
                    let points = points.collect::<anyhow::Result<Vec<Point>>>()?;
                    Ok(if is_clockwise(ring) {
                        PolygonRing::Outer(points)
                    } else {
                        PolygonRing::Inner(points)
                    })
                })
                .collect();
            let mut record = Record::default();
            for (column, value) in values(name, rings)? {
                record.insert(column.to_owned(), value);
            }
            writer.write_shape_and_record(&Polygon::with_rings(polygon_rings?), &record)?;
        }
    }
    Ok((shp, shx, dbf))
}

/// A projection from longitude and latitude in degrees.
struct Projection {
    from: Proj,
    to: Proj,
}

impl Projection {
    fn to(definition: &str) -> anyhow::Result<Self> {
        Ok(Self {
            from: Proj::from_proj_string("+proj=longlat +datum=WGS84")?,
            to: Proj::from_proj_string(definition)?,
        })
    }

    fn project(&self, [longitude, latitude]: [f64; 2]) -> anyhow::Result<[f64; 2]> {
        let mut point = (longitude.to_radians(), latitude.to_radians(), 0.0);
        transform(&self.from, &self.to, &mut point)?;
        Ok([point.0, point.1])
    }
}

fn is_clockwise(ring: &Ring) -> bool {
    twice_area(ring) > 0.0
}

/// Returns twice the area within `ring`, positive if it is clockwise.
fn twice_area(ring: &Ring) -> f64 {
    let trapezoid = |pair: &[[f64; 2]]| (pair[1][0] - pair[0][0]) * (pair[1][1] + pair[0][1]);
    ring.windows(2).map(trapezoid).sum()
}
