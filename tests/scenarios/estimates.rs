//! What the marts estimate, where the truth is known: how long requests take, against the laws by which the sample portal
//! closes them, and unusual months, on simulated numbers.

use std::fmt::Write as _;
use std::path::Path as FilePath;

use sample_portal::published::ClosingLaw;
use sample_portal::{Date, Portal, PortalConfig};
use serde_json::Value;
use shared::run::Stage;

use crate::pipeline::{Path, Pipeline};
use crate::readers::{rates_of_closing_times, rates_of_unusual_months, run_reader};

const YEARS: [i16; 3] = [2024, 2025, 2026];
/// The publications of the latest year that the runs see.
const PUBLICATIONS: [u32; 3] = [8, 9, 10];

#[test]
fn estimates_hold_where_the_truth_is_known() {
    let portal = Portal::start(PortalConfig {
        generated_years: YEARS.to_vec(),
        rows_per_year: Some(60_000),
        today: Some(Date::constant(2026, 11, 26)),
        ..PortalConfig::default()
    })
    .unwrap();
    let pipeline = Pipeline::new(&portal, Path::Local);
    for publication in PUBLICATIONS {
        portal.publish(YEARS[2], publication).unwrap();
        pipeline.run_to_warehouse(&format!("run-{publication}"));
    }
    let target = tempfile::tempdir().unwrap();
    let dbt = pipeline.job(Stage::Dbt, "run-10");
    let dbt = dbt.env("DBT_TARGET_DIR", target.path().to_str().unwrap());
    dbt.run().finished();

    quartiles_are_within_their_bounds(&pipeline);
    requests_seen_open_and_then_done_are_slower(&pipeline);
    another_implementation_agrees(&pipeline);
    let marts = target.path().join("compiled/toronto_311/models/marts");
    bounds_are_right_in_95_of_100_of_the_hardest_curves(&marts);
    unusual_months_are_found_at_the_stated_rates(&marts);
}

/// Returns the share of the requests that are not cancelled by then that is completed within `days`.
fn done(law: &ClosingLaw, days: f64) -> f64 {
    law.share_closed_by(days) / (1.0 - law.share_cancelled_by(days))
}

/// Returns the days within which `share` of them are completed; infinite if never.
fn quantile(law: &ClosingLaw, share: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e9);
    if done(law, high) < share {
        return f64::INFINITY;
    }
    while high - low > 1e-6 {
        let middle = f64::midpoint(low, high);
        if done(law, middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Returns the rows of the types that the portal generates under their current name, with their laws.
fn with_laws(rows: &Value) -> Vec<(&'static ClosingLaw, &Value)> {
    let rows = rows.as_array().unwrap().iter();
    rows.filter_map(|row| Some((ClosingLaw::of_type(row[0].as_str().unwrap())?, row)))
        .collect()
}

/// The laws are not the hardest curves, so that fewer bounds are wrong than 5 in 100.
fn quartiles_are_within_their_bounds(pipeline: &Pipeline) {
    let rows = pipeline.query(
        "select type_name, requests, lower_days_q25, upper_days_q25, lower_days_median, upper_days_median, lower_days_q75,
                upper_days_q75, open_share_90_days
         from marts.time_to_close where type_name is not null",
    );
    let rows = with_laws(&rows);
    assert!(rows.len() > 80, "{}", rows.len());
    let (mut outside, mut two_sided) = (Vec::new(), 0);
    for &(law, row) in &rows {
        for (index, share) in [(2, 0.25), (4, 0.5), (6, 0.75)] {
            let lower = row[index].as_f64().unwrap();
            let upper = row[index + 1].as_f64().unwrap_or(f64::INFINITY);
            let days = quantile(law, share);
            if days < lower || days > upper {
                outside.push(format!("{}: {days} of {row}", law.name));
            }
            two_sided += usize::from(lower > 0.0 && upper.is_finite());
        }
    }
    // They also say something.
    assert!(
        two_sided * 7 > rows.len() * 3,
        "{two_sided} of {}",
        rows.len() * 3
    );
    assert!(
        outside.len() * 100 <= rows.len() * 3,
        "more than 1 % of {} quartiles: {outside:#?}",
        rows.len() * 3
    );
}

/// The usual way: the times between the file that shows a request open and the next one, which shows it done. Most
/// requests are done before any file shows them open, so that even the lower bounds are too long.
fn requests_seen_open_and_then_done_are_slower(pipeline: &Pipeline) {
    let rows = pipeline.query(
        "with closings as (
             select requests.type_name,
                    epoch(opened.last_as_of - requests.created_at) / 86400 as lower_days,
                    epoch(closed.first_as_of - requests.created_at) / 86400 as upper_days
             from marts.status_history as opened
             inner join marts.status_history as closed
                 on opened.request_id = closed.request_id and opened.period_number + 1 = closed.period_number
             inner join marts.fct_service_requests as requests on opened.request_id = requests.request_id
             where opened.status_group = 'open' and closed.status_group = 'done'
         )
         select type_name, quantile_disc(lower_days, 0.5), quantile_disc(upper_days, 0.5)
         from closings group by type_name having count(*) >= 30",
    );
    let rows = with_laws(&rows);
    assert!(rows.len() > 20, "{}", rows.len());
    let [mut too_long, mut within] = [0, 0];
    for &(law, row) in &rows {
        let days = quantile(law, 0.5);
        if days < row[1].as_f64().unwrap() {
            too_long += 1;
        } else if days <= row[2].as_f64().unwrap() {
            within += 1;
        }
    }
    assert!(
        too_long > within && too_long * 2 > rows.len(),
        "{too_long} too long and {within} right, of {}",
        rows.len()
    );
}

fn another_implementation_agrees(pipeline: &Pipeline) {
    let found = run_reader(&["closing", pipeline.warehouse().to_str().unwrap()]);
    assert!(found["curves"].as_u64().unwrap() > 300, "{found}");
    assert_eq!(found["other_points"], 0, "{found}");
    assert!(
        found["greatest_difference"].as_f64().unwrap() < 1e-9,
        "{found}"
    );
    assert_eq!(
        found["other_bounds"].as_array().unwrap().len(),
        0,
        "{found}"
    );
}

/// The guarantee in `docs/data.md`, which holds although each curve is tested by every run of ages.
fn bounds_are_right_in_95_of_100_of_the_hardest_curves(marts: &FilePath) {
    let [curve, times] =
        ["time_to_close_curve.sql", "time_to_close.sql"].map(|query| marts.join(query));
    let found = rates_of_closing_times(&curve, &times);
    let rates: Vec<f64> = found
        .as_object()
        .unwrap()
        .values()
        .map(|rate| rate.as_f64().unwrap())
        .collect();
    assert_eq!(rates.len(), 3 * 2 * 3, "{found}");
    assert!(rates.iter().all(|rate| *rate < 0.05), "{found}");
    // They are wrong sometimes, or else they would be wider than they say.
    assert!(rates.iter().any(|rate| *rate > 0.02), "{found}");
}

/// The table in `docs/data.md`: how many usual months are listed, and how many planted rises are found.
fn unusual_months_are_found_at_the_stated_rates(marts: &FilePath) {
    let found = rates_of_unusual_months(&marts.join("unusual_months.sql"));
    let mut table = String::new();
    for years in ["2", "3", "5"] {
        let of = &found[years];
        let [listed, compared] = ["listed", "compared"].map(|count| of[count].as_f64().unwrap());
        assert!(compared > 10_000.0, "{years}: {of}");
        let mut usual = format!("| {years} | {:.2} % |", 100.0 * listed / compared);
        for rise in ["1.5", "2.0", "3.0"] {
            let shares = ["20", "40", "80", "160"].map(|size| {
                let share = of["found"][rise][size].as_f64().unwrap();
                format!(" {:.0} % |", 100.0 * share)
            });
            let times = rise.trim_end_matches(".0");
            writeln!(table, "{usual} {times} times |{}", shares.concat()).unwrap();
            "| | |".clone_into(&mut usual);
        }
    }
    let stated = include_str!("../../docs/data.md");
    assert!(
        stated.contains(&table),
        "docs/data.md has other rates than:\n{table}"
    );
}
