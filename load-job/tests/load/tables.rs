//! The content of the warehouse after loads.

use shared::partition::Partition;
use shared::testing::copy_folder;
use shared::warehouse::duckdb::Access;

use crate::{Fixture, Publication};

const NOVEMBER: &str = "2026-11-01T06:00:00.123456";
const DECEMBER: &str = "2026-12-01T06:00:00";

fn november() -> Publication {
    Publication::of_year(
        2024,
        NOVEMBER,
        &[
            ("Noise", "New"),
            ("Litter", "New"),
            ("Pothole", "Completed"),
        ],
    )
}

/// Returns the second version: Noise is completed, Litter is gone, Graffiti is new.
fn december() -> Publication {
    Publication::of_year(
        2024,
        DECEMBER,
        &[
            ("Noise", "Completed"),
            ("Pothole", "Completed"),
            ("Graffiti", "New"),
        ],
    )
}

#[test]
fn a_partition_is_loaded_once_with_its_history_and_receipt() {
    let fixture = Fixture::default();
    let outcome = fixture.job(&[&november()]).run();
    let finished = outcome.finished();
    assert_eq!(
        (finished["produced"].as_u64(), finished["rows"].as_u64()),
        (Some(1), Some(3))
    );
    assert_eq!(
        fixture.requests(),
        [
            "2024|Litter|New",
            "2024|Noise|New",
            "2024|Pothole|Completed"
        ]
    );
    assert_eq!(
        fixture.rows("SELECT source_year, reason, raw_line FROM quarantined_requests"),
        ["2024|field_count|raw"]
    );
    assert_eq!(
        fixture.rows(
            "SELECT partition, load_number, source_last_modified, raw_lines, rows_read, rows_kept, rows_quarantined, \
             quarantined_by_reason, run_id FROM load_history"
        ),
        ["2024|1|2026-11-01 06:00:00.123456|5|4|3|1|{\"field_count\":1}|test"]
    );
    let objects = fixture.lake.objects("loaded/");
    assert_eq!(objects.len(), 1);

    let again = fixture.job(&[&november()]).run();
    assert_eq!(again.finished()["found"].as_u64(), Some(1));
    assert_eq!(fixture.loads(), ["2024|1"]);
    assert_eq!(fixture.lake.objects("loaded/"), objects);
}

#[test]
fn a_corrected_year_replaces_its_own_rows_and_no_others() {
    let fixture = Fixture::default();
    let other = Publication::of_year(2023, NOVEMBER, &[("Noise in 2023", "New")]);
    fixture.job(&[&november(), &other]).run().finished();
    fixture.job(&[&december(), &other]).run().finished();
    assert_eq!(
        fixture.requests(),
        [
            "2023|Noise in 2023|New",
            "2024|Graffiti|New",
            "2024|Noise|Completed",
            "2024|Pothole|Completed"
        ]
    );
    assert_eq!(fixture.loads(), ["2023|1", "2024|1", "2024|2"]);
    assert_eq!(
        fixture.rows(
            "SELECT decode(request_id), old_status, new_status, old_last_modified, new_last_modified FROM status_changes"
        ),
        ["00000000000Noise|New|Completed|2026-11-01 06:00:00.123456|2026-12-01 06:00:00"]
    );
}

#[test]
fn a_status_that_new_rules_read_differently_has_not_changed() {
    let fixture = Fixture::default();
    let versions = [
        (NOVEMBER, 1, "Lost=Unknown"),
        (NOVEMBER, 2, "Lost=Cancelled"),
        (DECEMBER, 3, "Lost=New"),
        ("2027-01-01T06:00:00", 3, "Closed"),
    ];
    for (last_modified, logic_version, status) in versions {
        let version = Publication {
            logic_version,
            ..Publication::of_year(2024, last_modified, &[("Noise", status)])
        };
        fixture.job(&[&version]).run().finished();
    }
    assert_eq!(fixture.loads().len(), 4);
    assert_eq!(
        fixture.rows("SELECT old_status, new_status, new_last_modified FROM status_changes"),
        ["New|Closed|2027-01-01 06:00:00"]
    );
}

#[test]
fn a_version_that_returns_is_loaded_again() {
    let fixture = Fixture::default();
    let back = Publication {
        last_modified: "2027-01-01T06:00:00",
        ..november()
    };
    for publication in [november(), december(), back] {
        fixture.job(&[&publication]).run().finished();
    }
    assert_eq!(
        fixture.requests(),
        [
            "2024|Litter|New",
            "2024|Noise|New",
            "2024|Pothole|Completed"
        ]
    );
    assert_eq!(fixture.loads().len(), 3);
}

#[test]
fn a_warehouse_is_opened_with_settings_that_duckdb_does_not_ignore() {
    let fixture = Fixture::default();
    fixture.job(&[&november()]).run().finished();
    let settings = fixture.rows(
        "SELECT current_setting('disabled_compression_methods'), current_setting('memory_limit'), \
         current_setting('autoload_known_extensions')",
    );
    assert_eq!(settings, ["FSST|381.4 MiB|false"]);
}

#[test]
fn an_altered_table_is_loaded_again() {
    let fixture = Fixture::default();
    fixture.job(&[&november()]).run().finished();
    fixture.alter("DELETE FROM service_requests WHERE service_request_type = 'Noise'");
    let outcome = fixture.job(&[&november()]).run();
    assert_eq!(outcome.finished()["produced"].as_u64(), Some(1));
    assert_eq!(fixture.requests().len(), 3);
}

/// The runbook has an operator rename a table whose layout BigQuery cannot change.
#[test]
fn a_table_that_was_renamed_is_created_and_every_year_loaded_again() {
    let fixture = Fixture::default();
    let other = Publication::of_year(2023, NOVEMBER, &[("Noise", "New")]);
    let columns = "SELECT column_name, is_nullable FROM information_schema.columns \
                   WHERE table_name = 'service_requests' ORDER BY ordinal_position";
    let job = || fixture.job(&[&november(), &other]);
    job().run().finished();
    let before = (fixture.requests(), fixture.rows(columns));
    fixture.alter("ALTER TABLE service_requests RENAME TO service_requests_old");
    assert_eq!(job().run().finished()["produced"].as_u64(), Some(2));
    assert_eq!((fixture.requests(), fixture.rows(columns)), before);
}

/// DuckDB would read the files of every lake whose name matches, or of none.
#[test]
fn a_lake_whose_name_looks_like_a_pattern_is_read_by_its_name() {
    let fixture = Fixture::default();
    let publication = Publication::of_year(2024, "2026-11-01T06:00:00", &[("Noise", "New")]);
    let job = fixture.job(&[&publication]);
    let folder = tempfile::tempdir().unwrap();
    let [lake, other] = ["it's [a]*?", "it's aab"].map(|name| folder.path().join(name));
    copy_folder(fixture.lake.path(), &lake);
    copy_folder(fixture.lake.path(), &other);
    let url = format!("file://{}", lake.display());
    job.env("LAKE_URL", url).run().finished();
    assert_eq!(fixture.requests(), ["2024|Noise|New"]);
}

#[test]
fn boundaries_are_replaced_as_a_whole() {
    let fixture = Fixture::default();
    let wards = |last_modified, rows: &[(&'static str, &'static str)]| Publication {
        partition: Partition::CityWards,
        rows: rows.to_vec(),
        last_modified,
        ..november()
    };
    fixture
        .job(&[&wards(NOVEMBER, &[("1", "One"), ("2", "Two")])])
        .run()
        .finished();
    fixture
        .job(&[&wards(DECEMBER, &[("2", "Two"), ("3", "Three")])])
        .run()
        .finished();
    assert_eq!(
        fixture.rows("SELECT ward_id, ward_name FROM city_wards ORDER BY 1"),
        ["2|Two", "3|Three"]
    );
}

#[test]
fn a_column_that_the_contract_has_gained_is_added() {
    let fixture = Fixture::default();
    fixture.job(&[&november()]).run().finished();
    fixture.alter("ALTER TABLE service_requests DROP COLUMN section");
    let outcome = fixture.job(&[&december()]).run();
    outcome.finished();
    assert_eq!(outcome.event("column added")["column"], "section");
    assert_eq!(fixture.requests().len(), 3);
}

#[test]
fn two_concurrent_loads_are_one() {
    let fixture = Fixture::default();
    let publication = november();
    let jobs = [(); 3].map(|()| fixture.job(&[&publication]));
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let running = jobs.map(|job| scope.spawn(|| job.run()));
        running
            .into_iter()
            .map(|load| load.join().unwrap())
            .collect()
    });
    let produced = outcomes
        .iter()
        .map(|outcome| outcome.finished()["produced"].as_u64().unwrap());
    assert_eq!(produced.sum::<u64>(), 1);
    assert_eq!(fixture.loads(), ["2024|1"]);
    assert_eq!(fixture.requests().len(), 3);
}

#[test]
fn a_load_waits_for_another_writer() {
    let fixture = Fixture::default();
    let writer = fixture.open(Access::ReadWrite);
    let publication = november();
    let outcome = std::thread::scope(|scope| {
        let load = scope.spawn(|| fixture.job(&[&publication]).run());
        std::thread::sleep(std::time::Duration::from_millis(1500));
        drop(writer);
        load.join().unwrap()
    });
    outcome.finished();
    assert_eq!(fixture.requests().len(), 3);
}
