//! Clean partitions as transform writes them, built from the contract's tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use shared::contract::{Contract, Table};
use shared::fingerprint::{Digest, Fingerprint, Measured};
use shared::key::Key;
use shared::manifest::{
    self, CleanFile, CleanManifest, Drift, Encoding, Object, RowCounts, Source, Version,
};
use shared::partition::{Dataset, Partition};
use shared::testing::{TestLake, variable};
use shared::warehouse::duckdb::{Access, Connection};

/// One version of a partition. Its rows are (key, status), or (area id, area name) for boundaries. A status that is
/// read as another one is written `published=read`; a division follows after `@`.
#[derive(Clone)]
pub(crate) struct Publication {
    pub(crate) partition: Partition,
    pub(crate) last_modified: &'static str,
    pub(crate) logic_version: u32,
    pub(crate) rows: Vec<(&'static str, &'static str)>,
    pub(crate) quarantined: u64,
    /// The manifest's number of kept rows, if it is wrong.
    pub(crate) claimed: Option<u64>,
    pub(crate) generated: bool,
    /// Drift of the content.
    pub(crate) drift: Vec<Drift>,
}

impl Publication {
    pub(crate) fn of_year(
        year: i16,
        last_modified: &'static str,
        rows: &[(&'static str, &'static str)],
    ) -> Self {
        Self {
            partition: Partition::Year(year),
            last_modified,
            logic_version: 1,
            rows: rows.to_vec(),
            quarantined: 1,
            claimed: None,
            generated: false,
            drift: Vec::new(),
        }
    }

    /// Returns the digest of the raw file, which does not depend on the rules.
    fn content(&self) -> Digest {
        let published = |(key, value): &(&str, &str)| {
            let (status, division) = value.split_once('@').unwrap_or((value, ""));
            let (published, _) = status.split_once('=').unwrap_or((status, ""));
            format!("{key},{published},{division}\n")
        };
        let rows: String = self.rows.iter().map(published).collect();
        Digest::of(rows.as_bytes())
    }

    /// Stores it in the lake and returns the manifest's key.
    pub(crate) fn put(&self, lake: &TestLake) -> Key {
        let parts = format!(
            "{} {:?} {} {:?}",
            self.partition, self.rows, self.logic_version, self.claimed
        );
        let fingerprint = Fingerprint::of(&[&parts]);
        let requests = self.partition.dataset() == Dataset::ServiceRequests;
        let clean = Contract::clean_table(self.partition.dataset());
        let write = |name: &str, table: &Table, rows: &[String]| {
            let key = CleanManifest::key(self.partition, &fingerprint, name).unwrap();
            write_parquet(&lake.path().join(key.as_str()), table, rows);
            clean_file(lake, key, rows.len())
        };
        // Two files, as for two months.
        let rows: Vec<String> = self.rows.iter().map(|row| self.clean_row(*row)).collect();
        let (first, second) = rows.split_at(rows.len() / 2);
        let files = vec![
            write("2024-01.parquet", clean, first),
            write("2024-02.parquet", clean, second),
        ];
        let refused: Vec<String> = (0..self.quarantined)
            .map(|line| format!("({}, {line}, 'field_count', 'why', 'raw')", self.partition))
            .collect();
        let quarantine =
            requests.then(|| write("quarantine.parquet", Contract::quarantine_table(), &refused));

        let manifest = CleanManifest {
            manifest: Version::V1,
            partition: self.partition,
            fingerprint: fingerprint.clone(),
            raw_manifest: Key::new("raw/manifest.json").unwrap(),
            source: Source {
                url: "https://portal.test/file.zip".to_owned(),
                resource_id: None,
                last_modified: Some(self.last_modified.to_owned()),
                stated_size_bytes: None,
                generated: self.generated,
            },
            raw_object: Object {
                key: Key::new("raw/file.csv").unwrap(),
                size_bytes: 0,
                crc32c: None,
                sha256: self.content(),
            },
            raw_lines: self.rows.len() as u64 + self.quarantined + 1,
            encoding: Encoding::Utf8,
            contract: "contract".to_owned(),
            contract_version: "1.0.0".to_owned(),
            logic_version: self.logic_version,
            rows: RowCounts {
                blank_lines: 0,
                read: self.rows.len() as u64 + self.quarantined,
                kept: self.claimed.unwrap_or(self.rows.len() as u64),
                quarantined: if requests { self.quarantined } else { 0 },
                quarantined_by_reason: BTreeMap::from([("field_count".to_owned(), 1)]),
                ..RowCounts::default()
            },
            min_created_at: None,
            max_created_at: None,
            drift: self.drift.clone(),
            files,
            quarantine,
        };
        let key = CleanManifest::key(self.partition, &fingerprint, "manifest.json").unwrap();
        lake.put(&key, &manifest::to_json(&manifest));
        key
    }

    /// Returns the row as a list of SQL values in the contract's order.
    fn clean_row(&self, (key, value): (&str, &str)) -> String {
        let Partition::Year(year) = self.partition else {
            return match self.partition {
                Partition::CityWards => format!("({key}, '{value}', 1, '{{}}')"),
                _ => format!("('{key}', 1, '{{}}')"),
            };
        };
        let (status, division) = value.split_once('@').unwrap_or((value, "x"));
        let (published, read) = status.split_once('=').unwrap_or((status, status));
        let mut row = String::from("(");
        for column in &Contract::clean_table(Dataset::ServiceRequests).columns {
            let cell = match column.name.as_str() {
                "request_id" => format!("encode('{key:0>16}')"),
                "created_at" => format!("TIMESTAMPTZ '{year}-01-02 08:00:00+00'"),
                "utc_offset_hours" => "-5".to_owned(),
                "service_request_type" => format!("'{key}'"),
                "status" => format!("'{read}'"),
                "source_status" => format!("'{published}'"),
                "division" => format!("'{division}'"),
                "repaired" => "false".to_owned(),
                "source_year" => year.to_string(),
                "source_row" => "2".to_owned(),
                _ if column.required => "'x'".to_owned(),
                _ => "NULL".to_owned(),
            };
            let comma = if row.len() > 1 { ", " } else { "" };
            write!(row, "{comma}{cell}").unwrap();
        }
        row + ")"
    }
}

fn write_parquet(file: &Path, table: &Table, rows: &[String]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let library = PathBuf::from(variable("DUCKDB_LIBRARY"));
    let mut memory = Connection::open(&library, Path::new(":memory:"), Access::ReadWrite).unwrap();
    memory.execute(&table.duckdb_ddl(), &[]).unwrap();
    if !rows.is_empty() {
        let insert = format!("INSERT INTO {} VALUES {}", table.name, rows.join(", "));
        memory.execute(&insert, &[]).unwrap();
    }
    let copy = format!(
        "COPY {} TO '{}' (FORMAT parquet)",
        table.name,
        file.display()
    );
    memory.execute(&copy, &[]).unwrap();
}

fn clean_file(lake: &TestLake, key: Key, rows: usize) -> CleanFile {
    let bytes = fs::read(lake.path().join(key.as_str())).unwrap();
    CleanFile {
        object: Object::of(key, Measured::of(&bytes)),
        rows: rows as u64,
    }
}
