//! The City's own rows, in each year's own quoting.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;
use shared::testing::{TestLake, city_files};

use crate::parquet::rows;
use crate::{clean_manifest, put_year, transform};

#[test]
fn every_real_row_arrives() {
    let mut total = 0;
    let mut duplicates = 0;
    for entry in fs::read_dir(city_files().join("service-requests")).unwrap() {
        let path = entry.unwrap().path();
        let year: i16 = path.file_stem().unwrap().to_str().unwrap()[2..]
            .parse()
            .unwrap();
        let csv = fs::read(&path).unwrap();
        let lines = csv
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .count() as u64
            - 1;

        let lake = TestLake::default();
        let key = put_year(&lake, year, &csv);
        transform(&lake, &key).finished();
        let manifest = clean_manifest(&lake);
        assert_eq!(manifest["rows"]["read"], lines, "{year}");
        assert_eq!(manifest["rows"]["kept"], lines, "{year}");
        assert_eq!(manifest["drift"], json!([]), "{year}");
        total += lines;
        duplicates += manifest["rows"]["duplicates"].as_u64().unwrap();

        let rows = rows(&lake, &manifest);
        let ids: BTreeSet<&str> = rows
            .iter()
            .map(|row| row["request_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len() as u64, lines, "ids of {year} are distinct");
        for row in &rows {
            let model = if year < 2018 { 44 } else { 25 };
            assert_eq!(row["ward_model"], model, "{row:#}");
            assert!(
                row["fsa"].is_string() || row["intersection_street_1"].is_string(),
                "{row:#}"
            );
        }
    }
    assert_eq!((total, duplicates), (81, 5));
}
