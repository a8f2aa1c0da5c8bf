//! Invariants that hold for any input: the entry points of the fuzz targets in `dev/fuzz`, which the tests of this crate
//! call with the same corpus and with random input. Each panics if an invariant does not hold.

use std::fs;
use std::io::{Cursor, Write as _};

use geojson::{Feature, FeatureCollection, GeometryValue, Position};
use shared::exit::{Exit, Failure};
use shared::fingerprint::Digest;
use shared::lake::{Lake, LocalLake};
use shared::testing::TestLake;
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::archive::Archive;
use crate::boundaries::{city_wards, forward_sortation_areas};
use crate::raw_file::RawFile;
use crate::settings::Limits;
use crate::year_file;

pub use crate::portal::fuzzing::package;

const LIMITS: Limits = Limits {
    download_bytes: 1 << 20,
    content_bytes: 1 << 20,
};
const ADDRESS: &str = "https://portal.test/input";
/// More than any message needs.
const MAX_MESSAGE_BYTES: usize = 16 << 10;
/// EPSG:3347 as Statistics Canada's files describe it.
const PRJ: &str = include_str!("../../../dev/fuzz/lambert.prj");

/// Unpacks `bytes` as the file of a year, a ZIP or a CSV.
///
/// What is not refused is within the limit and is what its measures state; a file that is not a ZIP is unchanged.
pub fn year_file(bytes: &[u8]) {
    let directory = TestLake::default();
    // The file is gone with the lake.
    let lake = lake(&directory);
    let unpacked = year_file::unpack(&lake, ADDRESS, file_of(bytes), 2023, LIMITS);
    if let Some(content) = check(unpacked, &[Exit::Contract, Exit::Upstream]) {
        assert!(content.len() as u64 <= LIMITS.content_bytes);
        assert!(content == bytes || bytes.starts_with(b"PK"));
    }
}

/// Extracts the areas of a shapefile: the length of the shapes in 4 little-endian bytes, the shapes, and the table.
///
/// What is not refused are closed polygons in Toronto, each with an id of its own, in their order.
pub fn areas(bytes: &[u8]) {
    let (length, rest) = bytes.split_first_chunk().unwrap_or((&[0; 4], bytes));
    let length = rest.len().min(u32::from_le_bytes(*length) as usize);
    let (shp, dbf) = rest.split_at(length);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in [("a.shp", shp), ("a.dbf", dbf), ("a.prj", PRJ.as_bytes())] {
        zip.start_file(name, stored).expect("a name");
        zip.write_all(content).expect("memory");
    }
    let zip = zip.finish().expect("memory").into_inner();

    let directory = TestLake::default();
    let archive = Archive::open(ADDRESS, file_of(&zip).into_file(), LIMITS).expect("a ZIP");
    // The file is gone with the lake.
    let lake = lake(&directory);
    let unpacked = forward_sortation_areas::unpack(&lake, archive);
    if let Some(content) = check(unpacked, &[Exit::Contract]) {
        let areas: FeatureCollection = serde_json::from_slice(&content).expect("GeoJSON");
        let id = |area: &Feature| {
            area.property("CFSAUID")
                .and_then(|id| id.as_str())
                .map(str::to_owned)
        };
        assert!(
            areas
                .features
                .iter()
                .all(|area| id(area).is_some_and(|id| id.starts_with('M')))
        );
        assert!(areas.features.is_sorted_by(|a, b| id(a) < id(b)));
        areas.features.iter().for_each(check_polygons);
    }
}

/// Checks `bytes` as the GeoJSON of the wards. What is not refused is unchanged, and has polygons.
pub fn wards(bytes: &[u8]) {
    let unpacked = city_wards::unpack(ADDRESS, file_of(bytes));
    if let Some(content) = check(unpacked, &[Exit::Contract, Exit::Upstream]) {
        assert_eq!(content, bytes);
        let wards: FeatureCollection = serde_json::from_slice(&content).expect("GeoJSON");
        wards.features.iter().for_each(check_polygons);
    }
}

fn check_polygons(area: &Feature) {
    let polygons = match area.geometry.as_ref().map(|geometry| &geometry.value) {
        Some(GeometryValue::Polygon { coordinates }) => std::slice::from_ref(coordinates),
        Some(GeometryValue::MultiPolygon { coordinates }) => coordinates,
        other => panic!("{other:?}"),
    };
    for ring in polygons.iter().flatten() {
        assert!(ring.len() >= 4 && ring.first() == ring.last(), "{ring:?}");
        let is_in_toronto = |position: &Position| {
            (-80.5..=-78.5).contains(&position[0]) && (43.0..=44.5).contains(&position[1])
        };
        assert!(ring.iter().all(is_in_toronto), "{ring:?}");
    }
}

fn lake(directory: &TestLake) -> Lake {
    Lake::Local(LocalLake::new(directory.path()).expect("a writable directory"))
}

fn file_of(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a writable file");
    file
}

/// Returns the content of a file that was accepted, which is what its measures state. A refusal has one of the exit codes, and
/// a message that fits into a log.
fn check(unpacked: Result<RawFile, Failure>, exits: &[Exit]) -> Option<Vec<u8>> {
    match unpacked {
        Ok(RawFile { file, measures, .. }) => {
            let content = fs::read(file.path()).expect("a readable file");
            assert_eq!(content.len() as u64, measures.content.size_bytes);
            assert_eq!(Digest::of(&content), measures.content.sha256);
            assert_eq!(
                content.split_inclusive(|&byte| byte == b'\n').count() as u64,
                measures.lines
            );
            Some(content)
        }
        Err(failure) => {
            let message = failure.to_string();
            assert!(
                exits.contains(&failure.exit()),
                "{:?}: {message}",
                failure.exit()
            );
            assert!(
                message.len() <= MAX_MESSAGE_BYTES,
                "{} bytes: {message}",
                message.len()
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
