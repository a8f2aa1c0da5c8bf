//! Transforms boundaries from GeoJSON to one Parquet file with one row per area.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use geojson::{Feature, FeatureCollection, GeoJson, Geometry};
use shared::contract::Contract;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::lake::Lake;
use shared::manifest::{RawManifest, RowCounts};
use shared::partition::Dataset;

use crate::clean::{Clean, Phases};
use crate::parquet_file::Layout;

/// An area's name, and its geometry as GeoJSON text.
struct Area {
    name: Option<String>,
    geometry: String,
}

/// Transforms the raw GeoJSON of `raw`. Areas are sorted by their number or code.
///
/// # Errors
/// [`Exit::Contract`] if it is not a collection of polygons with the properties that identify them.
pub(crate) async fn transform(lake: &Lake, raw: &RawManifest) -> Result<Clean, Failure> {
    let mut text = String::new();
    lake.open(&raw.object.key)
        .await?
        .read_to_string(&mut text)
        .or_fail(Exit::Upstream)?;
    let collection = text
        .parse::<GeoJson>()
        .and_then(FeatureCollection::try_from)
        .or_fail(Exit::Contract)
        .while_doing(|| {
            format!(
                "cannot read {} as a GeoJSON feature collection",
                raw.object.key
            )
        })?;
    let batch = match raw.partition.dataset() {
        Dataset::CityWards => city_wards(&collection),
        _ => forward_sortation_areas(&collection),
    }
    .while_doing(|| raw.object.key.to_string())?;
    let layout = Layout::new(&[]);
    let file = layout.write(lake, format!("{}.parquet", raw.partition), &batch)?;
    Ok(Clean {
        rows: RowCounts {
            read: file.rows,
            kept: file.rows,
            ..RowCounts::default()
        },
        min_created_at: None,
        max_created_at: None,
        drift: Vec::new(),
        files: vec![file],
        quarantine: None,
        horizon_effect: None,
        phases: Phases::default(),
    })
}

fn city_wards(collection: &FeatureCollection) -> Result<RecordBatch, Failure> {
    let wards = areas(collection, |feature| {
        let number = feature.property("AREA_SHORT_CODE")?;
        let number = number
            .as_i64()
            .or_else(|| number.as_str()?.trim().parse().ok())?;
        let name = feature.property("AREA_NAME")?.as_str()?;
        Some((i32::try_from(number).ok()?, Some(name.to_owned())))
    })?;
    batch(Dataset::CityWards, |column| match column {
        "ward_id" => Some(Arc::new(Int32Array::from_iter_values(
            wards.keys().copied(),
        ))),
        "ward_name" => Some(Arc::new(
            wards
                .values()
                .map(|ward| ward.name.as_deref())
                .collect::<StringArray>(),
        )),
        "geometry" => Some(geometries(wards.values())),
        _ => None,
    })
}

fn forward_sortation_areas(collection: &FeatureCollection) -> Result<RecordBatch, Failure> {
    let areas = areas(collection, |feature| {
        Some((feature.property("CFSAUID")?.as_str()?.to_owned(), None))
    })?;
    batch(Dataset::ForwardSortationAreas, |column| match column {
        "fsa" => Some(Arc::new(StringArray::from_iter_values(areas.keys()))),
        "geometry" => Some(geometries(areas.values())),
        _ => None,
    })
}

/// Returns the areas by the key that `identify` finds in their properties.
fn areas<K: Ord>(
    collection: &FeatureCollection,
    identify: impl Fn(&Feature) -> Option<(K, Option<String>)>,
) -> Result<BTreeMap<K, Area>, Failure> {
    let mut areas = BTreeMap::new();
    for (index, feature) in collection.features.iter().enumerate() {
        let refused =
            |problem: &str| Failure::contract(anyhow::anyhow!("feature {index} {problem}"));
        let (key, name) = identify(feature)
            .ok_or_else(|| refused("does not have the properties that identify an area"))?;
        let geometry = feature
            .geometry
            .as_ref()
            .filter(|geometry| is_polygon(geometry))
            .ok_or_else(|| refused("is neither a Polygon nor a MultiPolygon"))?
            .to_string();
        if areas.insert(key, Area { name, geometry }).is_some() {
            return Err(refused("is an area that already exists"));
        }
    }
    if areas.is_empty() {
        return Err(Failure::contract(anyhow::anyhow!(
            "the feature collection is empty"
        )));
    }
    Ok(areas)
}

fn is_polygon(geometry: &Geometry) -> bool {
    matches!(geometry.value.type_name(), "Polygon" | "MultiPolygon")
}

fn geometries<'a>(areas: impl Iterator<Item = &'a Area>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(
        areas.map(|area| &area.geometry),
    ))
}

fn batch(
    dataset: Dataset,
    array: impl Fn(&str) -> Option<ArrayRef>,
) -> Result<RecordBatch, Failure> {
    let table = Contract::clean_table(dataset);
    let arrays = table.column_names().map(|name| {
        array(name).unwrap_or_else(|| {
            unreachable!("{name} is not a column of the contract's {dataset}, which a test checks")
        })
    });
    RecordBatch::try_new(table.arrow_schema(), arrays.collect()).or_fail(Exit::Bug)
}
