//! Synthetic years at full size: the pipeline's results match the City's published counts exactly.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use sample_portal::published::Plan;
use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};
use shared::contract::{ColumnType, Contract};
use shared::partition::Dataset;
use shared::run::Stage;

use crate::pipeline::{Path, Pipeline};
use crate::readers::{parquet, query, run_reader};

const ROWS: u64 = 500_269;
const REPAIRED: u64 = 36_189;

#[test]
fn a_full_year_is_complete_and_typed() {
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
    let plan = Plan::for_year(2025, None);
    assert_eq!(count("quarantined"), plan.void_rows());
    let repaired_in_quarantine = query(
        &pipeline.warehouse(),
        "select count(*) from quarantined_requests where raw_line like '%Environment, Climate & Forestry%' or raw_line like '%,Transfer, Disposal & Operations%'",
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
    let naive = run_reader(&["naive", pipeline.lake().path().join(csv).to_str().unwrap()]);
    assert_eq!(naive, json!({"kept": ROWS - REPAIRED, "lost": REPAIRED}));
}

fn independent_readers_see_the_contract(pipeline: &Pipeline, manifest: &Value) {
    let files = manifest["files"].as_array().unwrap();
    let file = pipeline
        .lake()
        .path()
        .join(files[0]["key"].as_str().unwrap());
    let values = run_reader(&["values", file.to_str().unwrap()]);
    for reader in [
        "pyarrow",
        "polars",
        "fastparquet",
        "hyparquet",
        "parquet-wasm",
    ] {
        assert_eq!(values[reader], values["duckdb"], "{reader}");
    }
    let seen = parquet(pipeline.lake(), manifest);
    // Other encodings are refused by some readers, and BigQuery documents none.
    assert_eq!(
        seen["pyarrow"]["encodings"],
        json!(["PLAIN", "RLE", "RLE_DICTIONARY"])
    );
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
        ColumnType::Text | ColumnType::Json => "string",
        ColumnType::Integer => "int32",
        ColumnType::Long => "int64",
        ColumnType::Boolean => "bool",
        ColumnType::Instant => "timestamp[us, tz=UTC]",
        ColumnType::WallClock => "timestamp[us]",
    }
}

fn polars(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Binary16 => "Binary",
        ColumnType::Text | ColumnType::Json => "String",
        ColumnType::Integer => "Int32",
        ColumnType::Long => "Int64",
        ColumnType::Boolean => "Boolean",
        ColumnType::Instant => "Datetime(time_unit='us', time_zone='UTC')",
        ColumnType::WallClock => "Datetime(time_unit='us', time_zone=None)",
    }
}

fn the_warehouse_is_the_contract(pipeline: &Pipeline) {
    for table in Contract::all_tables() {
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

/// The divisions of all rows, kept and quarantined, are the City's.
fn rows_are_as_published(pipeline: &Pipeline, plan: &Plan) {
    let warehouse = pipeline.warehouse();
    let divisions = counts(&query(
        &warehouse,
        "select division, count(*) from service_requests group by 1",
    ));
    let quarantined = quarantined_divisions(&warehouse);
    let all = added_up(divisions.into_iter().chain(quarantined));
    assert_eq!(all, plan.by_division().collect());
}

/// The marts plus the quarantined rows have the City's counts of the eight years of which they are known. The portal's plans
/// have them, which its own tests hold against the published totals.
#[test]
fn the_marts_match_the_published_counts() {
    let portal = Portal::start(PortalConfig {
        generated_years: (2010..=2013).chain(2022..=2025).collect(),
        ..PortalConfig::default()
    })
    .unwrap();
    let pipeline = Pipeline::new(&portal, Path::Local);
    pipeline.run_to_warehouse("full");
    pipeline.run(Stage::Dbt, "full").finished();
    let warehouse = pipeline.warehouse();
    let count = |sql: &str| counts(&query(&warehouse, sql));

    assert_eq!(
        count(&with_quarantine(
            "select season, requests from marts.requests_by_season",
            "case when month(created) in (12, 1, 2) then 'winter' when month(created) < 6 then 'spring'
                  when month(created) < 9 then 'summer' else 'fall' end",
        )),
        published([
            ("winter", 661_748),
            ("spring", 739_238),
            ("summer", 885_841),
            ("fall", 740_437),
        ])
    );
    // From 2022 on, statuses follow the laws of closing instead of published totals: see the README of sample-portal.
    let statuses = count(&with_quarantine(
        "select status, requests from marts.requests_by_status where source_year < 2022",
        "case when source_year < 2022 then status end",
    ));
    let plans = |years: RangeInclusive<i16>| years.map(|year| Plan::for_year(year, None));
    let planned = plans(2010..=2013).flat_map(|plan| plan.statuses);
    assert_eq!(
        statuses,
        added_up(planned.map(|(status, rows)| (status.to_owned(), rows)))
    );
    let divisions = count(
        "select division, sum(requests)::bigint from marts.requests_by_status where source_year >= 2022 group by 1",
    );
    let quarantined = quarantined_divisions(&warehouse);
    let planned = plans(2022..=2025).flat_map(|plan| plan.by_division().collect::<Vec<_>>());
    assert_eq!(
        added_up(divisions.into_iter().chain(quarantined)),
        added_up(planned)
    );
    let months = count(&with_quarantine(
        "select strftime(created_on, '%Y-%m'), requests from marts.requests_by_day",
        "strftime(created, '%Y-%m')",
    ));
    for plan in plans(2010..=2013).chain(plans(2022..=2025)) {
        for (month, rows) in (1..).zip(plan.months) {
            assert_eq!(months[&format!("{}-{month:02}", plan.year)], rows);
        }
    }
}

/// Adds up the counts of each name.
fn added_up(counts: impl Iterator<Item = (String, u64)>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (name, rows) in counts {
        *sums.entry(name).or_default() += rows;
    }
    sums
}

/// Adds up a mart's counts and the quarantined rows, whose `created` and `status` are as published.
fn with_quarantine(mart: &str, name: &str) -> String {
    format!(
        "select name, sum(requests)::bigint from (
            select * from ({mart}) as counted(name, requests)
            union all
            select {name}, 1 from (
                select fields[1][1:10]::date as created, trim(fields[2]) as status, source_year
                from (select string_split(replace(raw_line, '\"', ''), ',') as fields, source_year from quarantined_requests)
            )
            where {name} is not null
        ) group by 1"
    )
}

fn published<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.map(|(name, rows)| (name.to_owned(), rows)).into()
}

/// Returns rows of a name and a count.
fn counts(rows: &Value) -> BTreeMap<String, u64> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        (
            row[0].as_str().unwrap().to_owned(),
            row[1].as_u64().unwrap(),
        )
    })
    .collect()
}

/// Returns the quarantined rows of each division, for years whose lines are not quoted.
fn quarantined_divisions(warehouse: &std::path::Path) -> BTreeMap<String, u64> {
    let lines = query(
        warehouse,
        "select raw_line from quarantined_requests where source_year >= 2022",
    );
    let divisions = lines.as_array().unwrap().iter().map(|line| {
        let division = division_of(line[0].as_str().unwrap());
        (division.to_owned(), 1)
    });
    added_up(divisions)
}

/// Returns the part between the first seven fields of an unquoted line and the section, which may contain a comma.
fn division_of(line: &str) -> &str {
    let rest = line.splitn(8, ',').nth(7).unwrap();
    let section_with_a_comma = rest.strip_suffix(",Transfer, Disposal & Operations");
    section_with_a_comma.unwrap_or_else(|| rest.rsplit_once(',').unwrap().0)
}
