//! Builds of the changed years end with the marts of a whole build.

use std::collections::BTreeMap;
use std::fs;

use shared::testing::JobOutcome;

use crate::{Fixture, Request};

/// A reproducible sequence of numbers: splitmix64, <https://prng.di.unimi.it/splitmix64.c>.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).unwrap()
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Returns up to some hundred requests of a year, at least one.
    fn requests(&mut self, year: i16) -> Vec<Request> {
        let types = ["Noise", "Litter", "Road - Pot hole", "Dragons", "Sinkholes"];
        let statuses = ["New", "In Progress", "Completed", "Closed", "Cancelled"];
        let count = 1 + self.below(400);
        (0..count)
            .map(|_| {
                let ward = self.one_of(&[None, Some(3), Some(10), Some(11)]);
                (year, ward, self.one_of(&types), self.one_of(&statuses))
            })
            .collect()
    }
}

/// Replaces a year by another version, as load-job does.
fn correct(fixture: &Fixture, random: &mut Random, year: i16, number: usize) {
    fixture.alter(&format!(
        "INSERT INTO status_changes SELECT source_year, request_id, status, 'Cancelled', NULL, NULL, '', '', \
         '2026-01-01 00:00:00+00', '2026-02-01 00:00:00+00', {} FROM service_requests \
         WHERE source_year = {year} AND status != 'Cancelled'",
        number + 1
    ));
    fixture.alter(&format!(
        "DELETE FROM service_requests WHERE source_year = {year}"
    ));
    let ids = 10_000 * number + 1_000 * usize::try_from(year - 2020).unwrap();
    insert(fixture, random, year, ids);
    // A version may be loaded again, with others in between.
    fixture.load(&year.to_string(), "version");
    fixture.alter(&format!(
        "INSERT INTO publication_changes SELECT {year}, (SELECT count(*) FROM load_history WHERE partition = '{year}'), \
         NULL, '', true, NULL, '2026-11-02 06:00:00+00', 1, count(*), count(*), 1, 0, {number} \
         FROM service_requests WHERE source_year = {year}"
    ));
}

/// Inserts requests of the first weeks of a year, most of them with an area.
fn insert(fixture: &Fixture, random: &mut Random, year: i16, ids: usize) {
    fixture.insert(ids, &random.requests(year));
    if year == 2024 {
        rise(fixture, ids + 500);
    }
    spread(fixture, year);
}

/// Adds many requests of one type in one ward to 2024, so that its January is unusual.
fn rise(fixture: &Fixture, id: usize) {
    fixture.insert(id, &[(2024, Some(3), "Noise", "New")]);
    fixture.alter(&format!(
        "INSERT INTO service_requests SELECT one.* REPLACE (encode(format('rise{{:012}}', {id}000 + number)) AS request_id) \
         FROM service_requests AS one, range(2000) AS numbers(number) WHERE one.request_id = encode('{id:016}')"
    ));
}

/// Spreads the requests of a year over its first 50 days, to the last of them, so that the year has its last 30 days.
fn spread(fixture: &Fixture, year: i16) {
    fixture.alter(&format!(
        "UPDATE service_requests SET created_at = created_at + to_days(CASE WHEN request_id = \
         (SELECT min(request_id) FROM service_requests WHERE source_year = {year}) THEN 49 \
         ELSE CAST(hash(request_id) % 50 AS INTEGER) END), \
         fsa = CASE WHEN hash(request_id) % 7 > 0 THEN 'M' || hash(request_id) % 3 || 'A' END \
         WHERE source_year = {year}"
    ));
}

/// Returns the years that a build rebuilt.
fn rebuilt(outcome: &JobOutcome) -> &str {
    outcome.finished();
    outcome.event("build started")["years"].as_str().unwrap()
}

/// Returns the rows of every mart, sorted, without what the builds spent on it.
pub(crate) fn marts(fixture: &Fixture) -> BTreeMap<String, Vec<String>> {
    let names = fixture.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'marts' ORDER BY 1",
    );
    let rows = |name: String| {
        let columns = "COLUMNS(name -> NOT starts_with(name, 'dbt_') AND name <> 'dollars')";
        let rows = fixture.rows(&format!("SELECT {columns} FROM marts.{name} ORDER BY ALL"));
        (name, rows)
    };
    names.into_iter().map(rows).collect()
}

fn partial_builds_equal_a_whole_one(seed: u64) {
    let mut random = Random(seed);
    let fixture = Fixture::with(&random.requests(2024));
    rise(&fixture, 600);
    spread(&fixture, 2024);
    fixture.load("2024", "second");
    insert(&fixture, &mut random, 2023, 1_000);
    fixture.load("2023", "second");
    insert(&fixture, &mut random, 2022, 2_000);
    fixture.load("2022", "first");
    let artifacts = tempfile::tempdir().unwrap();
    let job = || {
        let target = artifacts.path().to_string_lossy();
        fixture.job().env("DBT_TARGET_DIR", target)
    };
    assert_eq!(rebuilt(&job().run()), "all");

    for number in 1..=5 {
        // Usually one year, sometimes two, a new one, or none.
        let years = match random.below(5) {
            0 => vec![2023, 2024],
            1 => vec![2021 + i16::try_from(number % 2).unwrap()],
            2 => {
                fixture.refuse("2024", 1, &format!("cause {number}"));
                Vec::new()
            }
            _ => vec![random.one_of(&[2023, 2024])],
        };
        for &year in &years {
            correct(&fixture, &mut random, year, number);
        }
        let names: Vec<String> = years.iter().map(ToString::to_string).collect();
        assert_eq!(rebuilt(&job().run()), names.join(" "), "seed {seed}");
    }
    // The last days are counted from the latest three years, so that BigQuery skips the partitions of the others.
    let last_days = "compiled/toronto_311/models/marts/requests_in_last_days_ward.sql";
    let last_days = fs::read_to_string(artifacts.path().join(last_days)).unwrap();
    assert!(
        last_days.contains("created_on >= date '2022-01-01'"),
        "{last_days}"
    );
    let partial = marts(&fixture);
    assert!(partial.len() > 15);
    let is_empty = |(mart, rows): (_, &Vec<_>)| rows.is_empty().then_some(mart);
    let mut empty: Vec<&String> = partial.iter().filter_map(is_empty).collect();
    // Not every sequence leaves a year refused.
    empty.retain(|mart| *mart != "refused_publications");
    assert_eq!(empty, Vec::<&String>::new());
    assert_eq!(rebuilt(&job().env("FORCE", "1").run()), "all");
    for (mart, rows) in marts(&fixture) {
        assert_eq!(partial[&mart], rows, "{mart} with seed {seed}");
    }
}

#[test]
fn any_sequence_of_corrections_ends_with_the_marts_of_a_whole_build() {
    partial_builds_equal_a_whole_one(311);
}

#[test]
fn another_sequence_of_corrections_ends_with_the_marts_of_a_whole_build() {
    partial_builds_equal_a_whole_one(2026);
}
