//! Three monthly publications of one year: what they say of statuses, and that it can be told anew from the lake.

use std::path::Path;

use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};
use shared::run::Stage;

use crate::pipeline::{Path as OnPath, Pipeline};
use crate::readers::query;

const YEAR: i16 = 2025;
const OTHER_YEAR: i16 = 2024;

#[test]
fn three_versions_tell_when_requests_were_closed_and_tell_it_again_from_the_lake() {
    let portal = Portal::start(PortalConfig {
        generated_years: vec![OTHER_YEAR, YEAR],
        rows_per_year: Some(3_000),
        ..PortalConfig::default()
    })
    .unwrap();
    let pipeline = Pipeline::new(&portal, OnPath::Local);
    pipeline.run_to_warehouse("november");
    pipeline.run(Stage::Dbt, "november").finished();
    let before = rows_in_the_fact(&pipeline.warehouse());
    for run in ["december", "january"] {
        portal.correct(YEAR);
        pipeline.run_to_warehouse(run);
    }
    pipeline.run(Stage::Dbt, "january").finished();

    let warehouse = pipeline.warehouse();
    only_the_corrected_year_was_touched(&before, &rows_in_the_fact(&warehouse));
    let versions = versions_in_order(&pipeline);
    changes_are_those_of_the_files(&warehouse, &versions);
    history_is_that_of_the_files(&warehouse, &versions);
    bounds_are_those_of_the_files(&warehouse, &versions);

    let told = [history(&warehouse), bounds(&warehouse)];
    assert_ne!(told[0], json!([]));
    assert_ne!(told[1], json!([]));

    // From nothing: the kept versions, in order.
    pipeline.remove_warehouse();
    let every = pipeline.lake().manifests("clean/");
    let of_others: Vec<&str> = every
        .keys()
        .map(String::as_str)
        .filter(|key| !key.contains(&format!("/{YEAR}/")))
        .collect();
    let load = |run: &str, keys: &[&str]| {
        let job = pipeline.job(Stage::Load, run);
        job.env("MANIFESTS", keys.join(",")).run().finished();
    };
    load("rebuild", &of_others);
    for version in &versions {
        load("rebuild", &[&version.manifest]);
    }
    pipeline.run(Stage::Dbt, "rebuild").finished();
    let warehouse = pipeline.warehouse();
    changes_are_those_of_the_files(&warehouse, &versions);
    assert_eq!([history(&warehouse), bounds(&warehouse)], told);
}

/// A version of the year: its manifest, the date it was published, and its Parquet files as a list in SQL.
struct Version {
    manifest: String,
    published: String,
    files: String,
}

fn versions_in_order(pipeline: &Pipeline) -> Vec<Version> {
    let manifests = pipeline
        .lake()
        .manifests(&format!("clean/service-requests/{YEAR}/"));
    let mut versions: Vec<Version> = manifests
        .into_iter()
        .map(|(key, manifest)| {
            let files = manifest["files"].as_array().unwrap().iter().map(|file| {
                let path = pipeline.lake().path().join(file["key"].as_str().unwrap());
                format!("'{}'", path.display())
            });
            Version {
                published: manifest["source"]["last_modified"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                files: files.collect::<Vec<_>>().join(", "),
                manifest: key,
            }
        })
        .collect();
    versions.sort_by(|one, other| one.published.cmp(&other.published));
    assert_eq!(versions.len(), 3);
    versions
}

/// `seen`: for each request, each version that has it and what it says, in order; and what the version before said.
fn seen(versions: &[Version]) -> String {
    let each = versions.iter().map(|Version { published, files, .. }| {
        format!(
            "select request_id, status, created_at, '{published}'::timestamp as published from read_parquet([{files}])"
        )
    });
    let each = each.collect::<Vec<_>>().join(" union all ");
    format!(
        "with seen as (
            select *, lag(status) over w as status_before, lag(published) over w as published_before
            from ({each}) window w as (partition by request_id order by published)
        )"
    )
}

fn changes_are_those_of_the_files(warehouse: &Path, versions: &[Version]) {
    let expected = query(
        warehouse,
        &format!(
            "{} select hex(request_id), status_before, status, published_before::varchar, published::varchar
             from seen where status <> status_before order by all",
            seen(versions)
        ),
    );
    let found = query(
        warehouse,
        "select hex(request_id), old_status, new_status, old_last_modified::varchar, new_last_modified::varchar
         from status_changes order by all",
    );
    assert!(expected.as_array().unwrap().len() > 10, "{expected}");
    assert_eq!(found, expected);
}

/// A request that changed has a period for each run of versions with one status, from the first that is known to be of
/// it to the last.
fn history_is_that_of_the_files(warehouse: &Path, versions: &[Version]) {
    let expected = query(
        warehouse,
        &format!(
            "{},
             numbered as (
                 select *, sum((status is distinct from status_before)::int) over (partition by request_id order by published) as period
                 from seen
             ),
             periods as (
                 select request_id, period, any_value(status) as status, min(published) as first_seen, max(published) as last_seen,
                        max(period) over (partition by request_id) as periods
                 from numbered group by request_id, period
             )
             select hex(request_id), period::bigint, status,
                    case when period > 1 then first_seen::varchar end,
                    case when period < periods then last_seen::varchar end
             from periods where periods > 1 order by all",
            seen(versions)
        ),
    );
    // How long the first status was seen before is not told: no version before says otherwise.
    let found = query(
        warehouse,
        "select hex(request_id), period_number, status,
                case when period_number > 1 then (first_seen_at at time zone 'UTC')::varchar end,
                (last_seen_at at time zone 'UTC')::varchar
         from marts.status_history order by all",
    );
    assert_eq!(found, expected);
}

fn bounds_are_those_of_the_files(warehouse: &Path, versions: &[Version]) {
    let expected = query(
        warehouse,
        &format!(
            "{},
             closings as (
                 select request_id,
                        epoch(published_before - created_at::timestamp) / 86400 as lower_days,
                        epoch(published - created_at::timestamp) / 86400 as upper_days
                 from seen
                 where status_before in ('New', 'Initiated', 'In Progress') and status in ('Completed', 'Closed')
             )
             select type_name, ward_id, count(*), round(quantile_disc(lower_days, 0.5), 6), round(quantile_disc(upper_days, 0.9), 6)
             from closings join marts.fct_service_requests using (request_id) group by all order by all",
            seen(versions)
        ),
    );
    let found = query(
        warehouse,
        "select type_name, ward_id, requests, round(lower_days_median, 6), round(upper_days_p90, 6)
         from marts.time_to_close_bounds order by all",
    );
    assert_eq!(found, expected);
}

fn history(warehouse: &Path) -> Value {
    query(
        warehouse,
        "select * replace (hex(request_id) as request_id, first_seen_at::varchar as first_seen_at, last_seen_at::varchar as last_seen_at)
         from marts.status_history order by all",
    )
}

fn bounds(warehouse: &Path) -> Value {
    query(
        warehouse,
        "from marts.time_to_close_bounds order by type_name, ward_model, ward_id",
    )
}

/// Where each year's rows are in the fact table, by year.
fn rows_in_the_fact(warehouse: &Path) -> Value {
    query(
        warehouse,
        "select source_year, count(*), min(rowid), max(rowid) from marts.fct_service_requests group by 1 order by 1",
    )
}

fn only_the_corrected_year_was_touched(before: &Value, after: &Value) {
    assert_eq!(before[0][0], OTHER_YEAR);
    assert_eq!(before[0], after[0], "{OTHER_YEAR} lies where it lay");
    assert!(
        after[1][2].as_u64() > before[1][3].as_u64(),
        "{YEAR} was written anew, behind all that was there: {after}"
    );
}
