//! A generated year at full size: what the pipeline makes of it is what the City published, row for row.

use std::collections::BTreeMap;

use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};
use shared::contract::{ColumnType, Contract};
use shared::partition::Dataset;

use crate::pipeline::{Path, Pipeline};
use crate::readers::{ask, parquet, query};

const ROWS: u64 = 500_269;
const REPAIRED: u64 = 36_189;

#[test]
fn a_full_year_is_whole_and_typed() {
    let portal = Portal::start(PortalConfig {
        generated_years: vec![2025],
        ..PortalConfig::default()
    })
    .unwrap();
    let pipeline = Pipeline::new(&portal, Path::Local);
    pipeline.run_to_warehouse("full");

    let manifests = pipeline.lake().manifests("clean/service-requests/");
    let manifest = manifests.values().next().unwrap();
    let count = |name: &str| manifest["rows"][name].as_u64().unwrap();
    assert_eq!(count("read"), ROWS);
    assert_eq!(count("kept") + count("quarantined"), ROWS);
    let plan = sample_portal::published::Plan::for_year(2025, None);
    assert_eq!(count("quarantined"), plan.void_rows());
    let repaired_in_quarantine = query(
        &pipeline.warehouse(),
        "select count(*) from quarantined_requests where raw_line like '%Environment, Climate & Forestry%' or raw_line like '%Services,Transfer%'",
    );
    assert_eq!(
        count("repaired") + repaired_in_quarantine[0][0].as_u64().unwrap(),
        REPAIRED
    );

    naive_readers_lose_the_repaired_rows(&pipeline);
    independent_readers_see_the_contract(&pipeline, manifest);
    the_warehouse_is_the_contract(&pipeline);
    rows_are_as_published(&pipeline, &plan);
}

fn naive_readers_lose_the_repaired_rows(pipeline: &Pipeline) {
    let raw = pipeline.lake().manifests("raw/service-requests/");
    let csv = raw.values().next().unwrap()["object"]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let naive = ask(&["naive", pipeline.lake().path().join(csv).to_str().unwrap()]);
    assert_eq!(naive, json!({"kept": ROWS - REPAIRED, "lost": REPAIRED}));
}

fn independent_readers_see_the_contract(pipeline: &Pipeline, manifest: &Value) {
    let seen = parquet(pipeline.lake(), manifest);
    let table = Contract::clean_table(Dataset::ServiceRequests);
    for (reader, name_of) in [
        ("duckdb", duckdb as fn(ColumnType) -> &'static str),
        ("pyarrow", pyarrow),
        ("polars", polars),
    ] {
        assert_eq!(seen[reader]["rows"], manifest["rows"]["kept"], "{reader}");
        let expected: Vec<Value> = table
            .columns
            .iter()
            .map(|column| json!([column.name, name_of(column.kind)]))
            .collect();
        assert_eq!(seen[reader]["columns"], json!(expected), "{reader}");
    }
}

fn duckdb(kind: ColumnType) -> &'static str {
    kind.duckdb()
}

fn pyarrow(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Binary16 => "fixed_size_binary[16]",
        ColumnType::Text => "string",
        ColumnType::Integer => "int32",
        ColumnType::Boolean => "bool",
        ColumnType::Instant => "timestamp[us, tz=UTC]",
    }
}

fn polars(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Binary16 => "Binary",
        ColumnType::Text => "String",
        ColumnType::Integer => "Int32",
        ColumnType::Boolean => "Boolean",
        ColumnType::Instant => "Datetime(time_unit='us', time_zone='UTC')",
    }
}

fn the_warehouse_is_the_contract(pipeline: &Pipeline) {
    let tables = [
        Contract::clean_table(Dataset::ServiceRequests),
        Contract::quarantine_table(),
        Contract::clean_table(Dataset::CityWards),
        Contract::clean_table(Dataset::ForwardSortationAreas),
    ];
    for table in tables {
        let sql = format!(
            "select column_name, data_type, is_nullable from information_schema.columns where table_schema = 'main' and table_name = '{}' order by ordinal_position",
            table.name
        );
        let expected: Vec<Value> = table
            .columns
            .iter()
            .map(|column| {
                json!([
                    column.name,
                    column.kind.duckdb(),
                    if column.required { "NO" } else { "YES" }
                ])
            })
            .collect();
        assert_eq!(
            query(&pipeline.warehouse(), &sql),
            json!(expected),
            "{}",
            table.name
        );
    }
}

/// Months and divisions of all rows, kept and quarantined, are the City's.
fn rows_are_as_published(pipeline: &Pipeline, plan: &sample_portal::published::Plan) {
    let warehouse = pipeline.warehouse();
    let months = query(
        &warehouse,
        "select n::bigint from (
            select month(created_local) as m, count(*) as n from (
                select timezone('UTC', created_at) + utc_offset_hours * interval 1 hour as created_local
                from service_requests
                union all select raw_line[1:19]::timestamp from quarantined_requests
            ) group by 1
        ) order by m",
    );
    let months: Vec<u64> = months
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[0].as_u64().unwrap())
        .collect();
    assert_eq!(
        months,
        [
            32793, 53707, 37317, 38111, 44571, 46971, 48120, 43555, 44851, 37840, 33525, 38908
        ]
    );

    let kept = query(
        &warehouse,
        "select division, count(*) from service_requests group by 1",
    );
    let mut divisions: BTreeMap<String, u64> = BTreeMap::new();
    for row in kept.as_array().unwrap() {
        divisions.insert(
            row[0].as_str().unwrap().to_owned(),
            row[1].as_u64().unwrap(),
        );
    }
    let void = query(&warehouse, "select raw_line from quarantined_requests");
    for (division, published) in plan.by_division() {
        let in_quarantine = void
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| division_of(row[0].as_str().unwrap()) == division)
            .count() as u64;
        let kept = divisions.remove(division.as_str()).unwrap_or_default();
        assert_eq!(kept + in_quarantine, published, "{division}");
    }
    assert_eq!(divisions, BTreeMap::new(), "no other division");
}

/// What lies between the first seven fields of an unquoted line and the last.
fn division_of(line: &str) -> &str {
    let rest = line.splitn(8, ',').nth(7).unwrap();
    rest.rsplit_once(',').unwrap().0
}
