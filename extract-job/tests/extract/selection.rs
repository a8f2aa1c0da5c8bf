//! Tests of `YEARS`, which selects the published years to extract.

use shared::testing::TestLake;

use crate::publisher::Publisher;
use crate::runs::handed_over;

/// Returns the partitions that a run with `years` hands over.
fn selected(portal: &Publisher, lake: &TestLake, years: &str) -> Vec<String> {
    let run = format!("run-{}", years.replace(',', "_"));
    let job = portal.job_on(lake).env("RUN_ID", &run);
    job.env("YEARS", years).run().finished();
    handed_over(lake, &run, 0).into_keys().collect()
}

#[test]
fn years_are_single_ranges_the_latest_or_all_and_include_the_boundaries() {
    let portal = Publisher::start();
    let all = portal.years();
    let with_boundaries = |years: &[i16]| -> Vec<String> {
        let years = years.iter().map(i16::to_string);
        let boundaries = ["city-wards", "forward-sortation-areas"];
        years.chain(boundaries.map(str::to_owned)).collect()
    };
    let (last, two) = (all[all.len() - 1], &all[all.len() - 2..]);
    let range = format!("{}-{}", two[0], two[1]);
    let listed = format!("{},{range}", all[0]);
    let lake = TestLake::default();
    for (years, expected) in [
        ("latest", vec![last]),
        (&range, two.to_vec()),
        (&listed, [&all[..1], two].concat()),
        (&last.to_string(), vec![last]),
        ("all", all.clone()),
        ("changed", all.clone()),
    ] {
        let found = selected(&portal, &lake, years);
        assert_eq!(found, with_boundaries(&expected), "{years}");
    }
    // Nothing else was requested, for any selection in any order.
    let mut files = portal.requests();
    files.retain(|path| !path.starts_with("/api/"));
    files.sort();
    files.dedup();
    assert_eq!(files.len(), all.len() + 2);
}
