//! Any bytes as the GeoJSON of boundaries.

use shared::exit::Exit;
use shared::partition::Partition;

use super::parquet_rows::{Cells, rows_of};
use super::{RUNTIME, Raw, check_counts, check_refusal};
use crate::boundaries as transformation;

/// Transforms `geojson` as the wards, and as the forward sortation areas.
///
/// What is not refused for its content becomes a readable Parquet file with one row per area, in the order of their ids.
pub fn boundaries(geojson: &[u8]) {
    let ward = |row: &Cells| row.number("ward_id").map(|id| format!("{id:011}"));
    let area = |row: &Cells| row.text("fsa").map(str::to_owned);
    check(geojson, Partition::CityWards, ward);
    check(geojson, Partition::ForwardSortationAreas, area);
}

fn check(geojson: &[u8], partition: Partition, id: impl Fn(&Cells) -> Option<String>) {
    let raw = Raw::new(partition, geojson);
    let clean = transformation::transform(&raw.lake, &raw.manifest);
    match RUNTIME.block_on(clean) {
        Ok(clean) => {
            check_counts(&clean.rows);
            let [file] = &clean.files[..] else {
                panic!("{} files", clean.files.len());
            };
            let rows = rows_of(file);
            assert_eq!(rows.len() as u64, clean.rows.kept);
            if partition == Partition::CityWards {
                let numbers = rows.iter().map(|row| row.number("ward_id"));
                assert!(numbers.is_sorted_by(|a, b| a < b));
            } else {
                assert!(rows.iter().map(id).is_sorted_by(|a, b| a < b));
            }
            for row in &rows {
                assert!(row.number("land_area_m2") >= Some(0));
                let geometry = row.text("geometry").expect("a geometry");
                assert!(geometry.parse::<geojson::GeoJson>().is_ok(), "{geometry}");
            }
        }
        // Text that is not UTF-8 never comes from extract-job.
        Err(failure) if std::str::from_utf8(geojson).is_err() => {
            assert_eq!(failure.exit(), Exit::Upstream, "{failure}");
        }
        Err(failure) => check_refusal(&failure),
    }
}
