//! Transforms boundaries from GeoJSON to one Parquet file with one row per area.

mod surface;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use anyhow::Context as _;
use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use geojson::{Feature, FeatureCollection, GeoJson, Geometry};
use serde_json::Value;
use shared::contract::Contract;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::lake::{Lake, read_failure};
use shared::manifest::{RawManifest, RowCounts};
use shared::partition::Dataset;

use crate::clean::{Clean, Phases};
use crate::parquet_file::Layout;

/// An area's name, its land area, and its geometry as GeoJSON text.
struct Area {
    name: Option<String>,
    land_area_m2: i32,
    geometry: String,
}

/// Transforms the raw GeoJSON of `raw`. Areas are sorted by their number or code.
///
/// # Errors
/// [`Exit::Contract`] if it is not a collection of polygons with the properties that identify them.
pub(crate) async fn transform(lake: &Lake, raw: &RawManifest) -> Result<Clean, Failure> {
    let mut text = String::new();
    lake.open(&raw.object)
        .await?
        .read_to_string(&mut text)
        .map_err(read_failure)
        .while_doing(|| format!("cannot read {}", raw.object.key))?;
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
        "land_area_m2" => Some(land_areas(wards.values())),
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
        "land_area_m2" => Some(land_areas(areas.values())),
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
            .ok_or_else(|| refused("has no geometry"))?;
        let area = Area {
            name,
            land_area_m2: land_area_m2(feature, geometry)
                .with_context(|| format!("feature {index}"))
                .or_fail(Exit::Contract)?,
            geometry: geometry.to_string(),
        };
        if areas.insert(key, area).is_some() {
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

/// Returns the published land area, or else the area of the polygons, in square metres. Both are exact to a hundred of
/// them: Statistics Canada publishes ten-thousandths of a square kilometre, and the last bits of a library's arithmetic
/// do not change the file.
fn land_area_m2(feature: &Feature, geometry: &Geometry) -> anyhow::Result<i32> {
    let polygons = surface::square_metres(geometry)?;
    let published = feature.property("LANDAREA").and_then(Value::as_f64);
    let hundreds = published.map_or(polygons, |square_kilometres| square_kilometres * 1e6) / 1e2;
    anyhow::ensure!(
        (0.0..=f64::from(i32::MAX / 100)).contains(&hundreds),
        "has an area of {} square metres",
        hundreds * 1e2
    );
    #[expect(clippy::cast_possible_truncation, reason = "in the range of i32")]
    let hundreds = hundreds.round() as i32;
    Ok(hundreds * 100)
}

fn land_areas<'a>(areas: impl Iterator<Item = &'a Area>) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(
        areas.map(|area| area.land_area_m2),
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: &str =
        "[[[-79.4,43.645],[-79.39,43.645],[-79.39,43.655],[-79.4,43.655],[-79.4,43.645]]]";

    fn area_of(properties: &str) -> anyhow::Result<i32> {
        let text = format!(
            r#"{{"type":"Feature","properties":{properties},"geometry":{{"type":"Polygon","coordinates":{CELL}}}}}"#
        );
        let feature: Feature = text.parse().expect("GeoJSON");
        land_area_m2(&feature, feature.geometry.as_ref().expect("a geometry"))
    }

    #[test]
    fn the_published_land_area_precedes_that_of_the_polygon() {
        let area = |properties| area_of(properties).expect("an area");
        assert_eq!(area(r#"{"CFSAUID":"M5V","LANDAREA":4.5678}"#), 4_567_800);
        assert_eq!(area(r#"{"CFSAUID":"M5V"}"#), 896_400);
    }

    #[test]
    fn an_impossible_land_area_is_refused() {
        let refused = area_of(r#"{"LANDAREA":9984670.0}"#).expect_err("all of Canada");
        assert_eq!(
            refused.to_string(),
            "has an area of 9984670000000 square metres"
        );
    }
}
