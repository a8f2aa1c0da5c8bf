//! Writes the boundaries of areas with their people, homes and land as GeoParquet 1.1:
//! <https://geoparquet.org/releases/v1.1.0/>.

use std::sync::Arc;

use anyhow::{bail, ensure};
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, BinaryArray, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take;
use bytes::Bytes;
use geojson::{Geometry, GeometryValue, Position};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use serde_json::json;
use shared::contract::Contract;
use shared::partition::Partition;

use super::parquet_file;
use super::requests::{column_of, published};
use super::spool::{Spool, Spooled};

/// The mart with the people, homes and land of areas.
pub(super) const DENOMINATORS: &str = "area_denominators";
/// The column of polygons.
pub(super) const GEOMETRY: &str = "geometry";
/// The description of [`GEOMETRY`] on the site.
pub(super) const GEOMETRY_DESCRIPTION: &str =
    "The polygons, in WKB: longitude and latitude in degrees, OGC:CRS84.";

/// A kind of areas.
pub(super) struct Areas {
    /// The name of the dataset: `wards` is that of a mart.
    pub(super) name: &'static str,
    /// The name of its file at the stable address.
    pub(super) file: &'static str,
    pub(super) description: &'static str,
    pub(super) partition: Partition,
    /// The columns from the boundaries; the first identifies an area there and in the denominators.
    pub(super) named_by: &'static [&'static str],
    /// Its areas in the denominators: the column `area_type`.
    area_type: &'static str,
}

/// The columns from the denominators.
const MEASURES: [&str; 5] = [
    "population",
    "homes",
    "land_area_km2",
    "census_year",
    "population_basis",
];

pub(super) const ALL: [Areas; 2] = [
    Areas {
        name: "wards_boundaries",
        file: "wards",
        description: "The polygons of Toronto's 25 wards, in force since 1 December 2018, with their people, homes and land",
        partition: Partition::CityWards,
        named_by: &["ward_id", "ward_name"],
        area_type: "ward",
    },
    Areas {
        name: "postal_areas",
        file: "postal_areas",
        description: "The polygons of Toronto's forward sortation areas, the first three characters of postal codes, with \
                      their people, homes and land",
        partition: Partition::ForwardSortationAreas,
        named_by: &["fsa"],
        area_type: "fsa",
    },
];

/// Writes the areas in the clean file `boundaries`, with their rows of the Parquet file `denominators`. Returns the file and
/// its columns.
pub(super) fn write(
    areas: &Areas,
    boundaries: Bytes,
    denominators: Bytes,
) -> anyhow::Result<(Spooled, SchemaRef)> {
    let table = Contract::clean_table(areas.partition.dataset());
    let boundaries = published(&only_batch(boundaries)?, &table.arrow_schema())?;
    let denominators = only_batch(denominators)?;
    let column = |name: &str| column_of(&boundaries, areas.name, name);
    let rows = rows_of(areas, column(areas.named_by[0])?, &denominators)?;
    let polygons = column(GEOMETRY)?.as_string::<i32>().iter();
    let polygons = polygons.map(|text| Polygons::read(text.unwrap_or_default()));
    let polygons = polygons.collect::<anyhow::Result<Vec<_>>>()?;

    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for &name in areas.named_by {
        fields.push(Field::new(name, column(name)?.data_type().clone(), false));
        columns.push(Arc::clone(column(name)?));
    }
    for name in MEASURES {
        let measure = column_of(&denominators, DENOMINATORS, name)?;
        fields.push(Field::new(name, measure.data_type().clone(), true));
        columns.push(take(measure, &rows, None)?);
    }
    fields.push(Field::new(GEOMETRY, DataType::Binary, false));
    let wkb = polygons.iter().map(|polygons| Some(polygons.wkb()));
    columns.push(Arc::new(wkb.collect::<BinaryArray>()));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;

    let (schema, rows) = (batch.schema(), batch.num_rows() as u64);
    let (spool, writer) = Spool::open()?;
    let layout = parquet_file::layout_for_ranges(&schema, &areas.named_by[..1], &[GEOMETRY])?;
    let mut parquet = parquet_file::writer(writer, &schema, layout)?;
    parquet.append_key_value_metadata(KeyValue::new("geo".to_owned(), metadata(&polygons)));
    parquet.write(&batch)?;
    Ok((spool.finish(parquet.into_inner()?, rows)?, schema))
}

/// Reads a small file: boundaries, or a mart.
fn only_batch(file: Bytes) -> anyhow::Result<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let schema = Arc::clone(reader.schema());
    let batches = reader.build()?.collect::<Result<Vec<_>, _>>()?;
    Ok(arrow_select::concat::concat_batches(&schema, &batches)?)
}

/// Returns the row of each area in the denominators; null if they do not have it.
fn rows_of(
    areas: &Areas,
    keys: &ArrayRef,
    denominators: &RecordBatch,
) -> anyhow::Result<UInt32Array> {
    let text = |column: &ArrayRef, row: usize| -> Option<String> {
        match column.data_type() {
            _ if column.is_null(row) => None,
            DataType::Utf8 => Some(column.as_string::<i32>().value(row).to_owned()),
            _ => {
                let numbers = column.as_primitive_opt::<arrow_array::types::Int32Type>()?;
                Some(numbers.value(row).to_string())
            }
        }
    };
    let column = |name: &str| column_of(denominators, DENOMINATORS, name);
    let (kinds, ids) = (column("area_type")?, column(areas.named_by[0])?);
    let row_of = |key: usize| {
        let key = text(keys, key);
        let is_area = |row: &u32| {
            let row = *row as usize;
            text(kinds, row).as_deref() == Some(areas.area_type) && text(ids, row) == key
        };
        (0..u32::try_from(denominators.num_rows()).unwrap_or(u32::MAX)).find(is_area)
    };
    Ok((0..keys.len()).map(row_of).collect())
}

/// The polygons of an area.
struct Polygons {
    /// Whether they are stated as a MultiPolygon.
    is_multi: bool,
    polygons: Vec<Vec<Vec<Position>>>,
}

impl Polygons {
    /// Reads GeoJSON text.
    fn read(geojson: &str) -> anyhow::Result<Self> {
        let geometry: Geometry = geojson.parse()?;
        let (is_multi, polygons) = match geometry.value {
            GeometryValue::Polygon { coordinates } => (false, vec![coordinates]),
            GeometryValue::MultiPolygon { coordinates } => (true, coordinates),
            _ => bail!("an area is neither a Polygon nor a MultiPolygon"),
        };
        let mut positions = polygons.iter().flatten().flatten();
        ensure!(
            positions.all(|position| position.len() >= 2),
            "a position has fewer than two coordinates"
        );
        Ok(Self { is_multi, polygons })
    }

    fn geometry_type(&self) -> &'static str {
        if self.is_multi {
            "MultiPolygon"
        } else {
            "Polygon"
        }
    }

    /// Returns the Well-Known Binary of OGC 06-103r4, section 8: little-endian, and in the plane.
    fn wkb(&self) -> Vec<u8> {
        let mut wkb = Vec::new();
        if self.is_multi {
            begin(&mut wkb, 6);
            count(&mut wkb, self.polygons.len());
        }
        for rings in &self.polygons {
            begin(&mut wkb, 3);
            count(&mut wkb, rings.len());
            for ring in rings {
                count(&mut wkb, ring.len());
                for coordinate in ring.iter().flat_map(|position| &position[..2]) {
                    wkb.extend(coordinate.to_le_bytes());
                }
            }
        }
        wkb
    }
}

/// Begins a geometry of a type: 3 is Polygon, 6 is MultiPolygon.
fn begin(wkb: &mut Vec<u8>, kind: u32) {
    wkb.push(1);
    wkb.extend(kind.to_le_bytes());
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a file of 4 GiB would be refused earlier"
)]
fn count(wkb: &mut Vec<u8>, number: usize) {
    wkb.extend((number as u32).to_le_bytes());
}

/// Returns the file's metadata. Coordinates without a `crs` are those of OGC:CRS84.
fn metadata(areas: &[Polygons]) -> String {
    let mut types: Vec<&str> = areas.iter().map(Polygons::geometry_type).collect();
    types.sort_unstable();
    types.dedup();
    let mut bbox = [
        f64::INFINITY,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NEG_INFINITY,
    ];
    let polygons = areas.iter().flat_map(|area| &area.polygons);
    for position in polygons.flatten().flatten() {
        bbox[0] = bbox[0].min(position[0]);
        bbox[1] = bbox[1].min(position[1]);
        bbox[2] = bbox[2].max(position[0]);
        bbox[3] = bbox[3].max(position[1]);
    }
    json!({
        "version": "1.1.0",
        "primary_column": GEOMETRY,
        "columns": {GEOMETRY: {"encoding": "WKB", "geometry_types": types, "edges": "planar", "bbox": bbox}},
    })
    .to_string()
}
