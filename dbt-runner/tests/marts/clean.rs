//! The clean files of a year, as transform-job writes them, with the rows that the warehouse contains.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, FixedSizeBinaryArray, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shared::contract::{Contract, Table};
use shared::fingerprint::{Fingerprint, Measured};
use shared::key::Key;
use shared::manifest::{
    self, CleanFile, CleanManifest, Encoding, Object, RowCounts, Source, Version,
};
use shared::partition::{Dataset, Partition};

use crate::Fixture;

impl Fixture {
    /// Writes the clean version `fingerprint` of a year to the lake.
    pub(crate) fn write_clean(&self, year: &str, fingerprint: &Fingerprint) {
        let partition: Partition = year.parse().unwrap();
        let put = |name: &str, table: &Table| {
            let bytes = self.table_as_parquet(table, year);
            let key = CleanManifest::key(partition, fingerprint, name).unwrap();
            self.lake.put(&key, &bytes.1);
            CleanFile {
                object: Object::of(key, Measured::of(&bytes.1)),
                rows: bytes.0,
            }
        };
        let requests = put(
            "2024-01.parquet",
            Contract::clean_table(Dataset::ServiceRequests),
        );
        let quarantine = put("quarantine.parquet", Contract::quarantine_table());
        let raw = Key::new(format!("raw/service-requests/{year}/x/SR{year}.csv")).unwrap();
        let manifest = CleanManifest {
            manifest: Version::V1,
            partition,
            fingerprint: fingerprint.clone(),
            raw_manifest: Key::new(format!("raw/service-requests/{year}/x/manifest.json")).unwrap(),
            source: Source {
                url: format!("https://portal.test/SR{year}.csv"),
                resource_id: None,
                last_modified: Some("2026-11-01T06:00:00".to_owned()),
                stated_size_bytes: None,
                generated: false,
            },
            raw_object: Object::of(raw, Measured::of(year.as_bytes())),
            raw_lines: requests.rows + quarantine.rows + 1,
            encoding: Encoding::Utf8,
            contract: "test".to_owned(),
            contract_version: "1.0.0".to_owned(),
            logic_version: 1,
            rows: RowCounts {
                read: requests.rows + quarantine.rows,
                kept: requests.rows,
                quarantined: quarantine.rows,
                quarantined_by_reason: BTreeMap::new(),
                ..RowCounts::default()
            },
            min_created_at: None,
            max_created_at: None,
            drift: Vec::new(),
            files: vec![requests],
            quarantine: Some(quarantine),
        };
        let key = CleanManifest::key(partition, fingerprint, "manifest.json").unwrap();
        self.lake.put(&key, &manifest::to_json(&manifest));
    }

    /// Returns the number of rows of a year in a table, and its Parquet file with the contract's types.
    fn table_as_parquet(&self, table: &Table, year: &str) -> (u64, Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.parquet");
        self.alter(&format!(
            "COPY (FROM {} WHERE source_year = {year}) TO '{}' (FORMAT parquet)",
            table.name,
            path.display()
        ));
        let file = File::open(&path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let batches = reader.build().unwrap().map(Result::unwrap);
        let schema = table.arrow_schema();
        let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), None).unwrap();
        let mut rows = 0;
        for batch in batches {
            rows += batch.num_rows() as u64;
            writer.write(&with_types(&batch, &schema)).unwrap();
        }
        fs::remove_file(path).unwrap();
        (rows, writer.into_inner().unwrap())
    }
}

/// Returns the batch with ids of fixed size, which DuckDB does not write.
fn with_types(batch: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    let columns = batch.columns().iter().map(|column| -> ArrayRef {
        match column.as_binary_opt::<i32>() {
            Some(ids) => {
                let ids = FixedSizeBinaryArray::try_from_iter(ids.iter().map(Option::unwrap));
                Arc::new(ids.unwrap())
            }
            None => Arc::clone(column),
        }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect()).unwrap()
}
