//! The latest observation of the portal counts, whatever its date of publication.

use crate::{Fixture, Publication};

const NOVEMBER: &str = "2026-11-01T06:00:00";
const DECEMBER: &str = "2026-12-01T06:00:00";
const FIRST_RUN: &str = "2026-12-02T06:00:00.123456789Z";
const SECOND_RUN: &str = "2026-12-03T06:00:00Z";
const THIRD_RUN: &str = "2026-12-04T06:00:00Z";

fn version(last_modified: &'static str, status: &'static str) -> Publication {
    Publication::of_year(2024, last_modified, &[("Noise", status)])
}

fn observations(fixture: &Fixture) -> Vec<String> {
    fixture.rows(
        "SELECT load_number, epoch_us(observed_at) // 1000000, epoch_us(last_observed_at) // 1000000 \
         FROM load_history ORDER BY 1",
    )
}

fn seconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// The City uploads a file: the portal first reports the time of the upload, then the date of the file, and later the
/// previous file returns.
#[test]
fn a_date_that_goes_back_is_loaded() {
    let fixture = Fixture::default();
    fixture
        .observing(FIRST_RUN, &[&version("2026-12-01T14:15:09", "New")])
        .run()
        .finished();
    let same_bytes = fixture
        .observing(SECOND_RUN, &[&version("2026-12-01T13:02:11", "New")])
        .run();
    assert_eq!(same_bytes.finished()["found"], 1);
    let put_back = fixture
        .observing(THIRD_RUN, &[&version(NOVEMBER, "Completed")])
        .run();
    assert_eq!(put_back.finished()["produced"], 1);
    assert_eq!(fixture.requests(), ["2024|Noise|Completed"]);
    let [first, second, third] = [FIRST_RUN, SECOND_RUN, THIRD_RUN].map(seconds);
    assert_eq!(
        observations(&fixture),
        [format!("1|{first}|{second}"), format!("2|{third}|{third}")]
    );
    assert_eq!(
        fixture.rows(
            "SELECT load_number, old_status, new_status, epoch_us(old_observed_at) // 1000000, \
             epoch_us(new_observed_at) // 1000000 FROM status_changes"
        ),
        [format!("2|New|Completed|{first}|{third}")]
    );
}

#[test]
fn a_slow_old_run_does_not_replace_the_load_of_a_newer_one() {
    let fixture = Fixture::default();
    fixture
        .observing(SECOND_RUN, &[&version(NOVEMBER, "New")])
        .run()
        .finished();
    let slow = || fixture.observing(FIRST_RUN, &[&version(DECEMBER, "Completed")]);
    let refused = slow().run();
    let cause = refused.failed(20);
    for part in [
        "the load of 2024 is stale",
        "2026-12-03T06:00:00Z",
        "2026-12-02T06:00:00.123456Z",
        "FORCE=1",
    ] {
        assert!(cause.contains(part), "{cause}");
    }
    assert_eq!(fixture.requests(), ["2024|Noise|New"]);
    slow().env("FORCE", "1").run().finished();
    assert_eq!(fixture.requests(), ["2024|Noise|Completed"]);
}

/// The first and the third run saw the same content; the second is slow, and saw another in between.
#[test]
fn a_version_that_returned_is_not_replaced_by_the_one_in_between() {
    let fixture = Fixture::default();
    for run in [FIRST_RUN, THIRD_RUN] {
        fixture
            .observing(run, &[&version(NOVEMBER, "New")])
            .run()
            .finished();
    }
    let in_between = fixture
        .observing(SECOND_RUN, &[&version(DECEMBER, "Completed")])
        .run();
    assert!(in_between.failed(20).contains("stale"), "{in_between}");
    assert_eq!(fixture.requests(), ["2024|Noise|New"]);
    assert_eq!(fixture.loads(), ["2024|1"]);
}

#[test]
fn a_version_that_returns_is_loaded_again_without_duplicates() {
    let fixture = Fixture::default();
    for (run, status) in [
        (FIRST_RUN, "New"),
        (SECOND_RUN, "Completed"),
        (THIRD_RUN, "New"),
    ] {
        fixture
            .observing(run, &[&version(NOVEMBER, status)])
            .run()
            .finished();
    }
    assert_eq!(fixture.requests(), ["2024|Noise|New"]);
    assert_eq!(fixture.loads(), ["2024|1", "2024|2", "2024|3"]);
    // The runs again, in order: the older ones are stale, and the last one finds its load.
    for (run, status) in [(FIRST_RUN, "New"), (SECOND_RUN, "Completed")] {
        let replay = fixture.observing(run, &[&version(NOVEMBER, status)]).run();
        assert_eq!(
            replay.exit,
            if status == "New" { 0 } else { 20 },
            "{replay}"
        );
    }
    assert_eq!(fixture.loads().len(), 3);
    assert_eq!(fixture.rows("SELECT * FROM status_changes").len(), 2);
}

#[test]
fn an_operator_replaces_an_observed_version_only_with_force() {
    let fixture = Fixture::default();
    let named = version(DECEMBER, "Completed");
    fixture
        .observing(FIRST_RUN, &[&version(NOVEMBER, "New")])
        .run()
        .finished();
    let refused = fixture.job(&[&named]).run();
    let cause = refused.failed(20);
    for part in ["2024 is stale", "no run observed", "RUN_ID", "FORCE=1"] {
        assert!(cause.contains(part), "{cause}");
    }
    fixture.job(&[&named]).env("FORCE", "1").run().finished();
    assert_eq!(fixture.requests(), ["2024|Noise|Completed"]);
    assert!(observations(&fixture)[1].starts_with("2||"), "not observed");

    // An unobserved version is replaced by any observed one.
    fixture
        .observing(FIRST_RUN, &[&version(NOVEMBER, "New")])
        .run()
        .finished();
    assert_eq!(fixture.requests(), ["2024|Noise|New"]);
}

/// With new rules on old content, listed by an operator, the content is the same and its observations stay.
#[test]
fn new_rules_keep_the_observations_of_the_content() {
    let fixture = Fixture::default();
    let rules = |logic_version, status| Publication {
        logic_version,
        ..version(NOVEMBER, status)
    };
    fixture
        .observing(FIRST_RUN, &[&rules(1, "Lost=Unknown")])
        .run()
        .finished();
    fixture
        .observing(THIRD_RUN, &[&rules(1, "Lost=Unknown")])
        .run()
        .finished();
    fixture.job(&[&rules(2, "Lost=Closed")]).run().finished();
    let [first, third] = [FIRST_RUN, THIRD_RUN].map(seconds);
    assert_eq!(
        observations(&fixture),
        [format!("1|{first}|{third}"), format!("2|{first}|{third}")]
    );
    let older = fixture.job(&[&rules(1, "Lost=Unknown")]).run();
    assert!(older.failed(20).contains("rules 2"), "{older}");
    let in_between = fixture
        .observing(SECOND_RUN, &[&version(DECEMBER, "Completed")])
        .run();
    in_between.failed(20);
}

/// Tables of a release that did not record observations.
#[test]
fn older_tables_get_the_columns_they_lack() {
    let fixture = Fixture::default();
    fixture.job(&[&version(NOVEMBER, "New")]).run().finished();
    for (table, columns) in [
        (
            "load_history",
            ["observed_at", "last_observed_at", "generated"],
        ),
        (
            "status_changes",
            ["old_observed_at", "new_observed_at", "load_number"],
        ),
    ] {
        let all = "SELECT * EXCLUDE";
        fixture.alter(&format!(
            "CREATE TABLE before AS {all} ({}) FROM {table}",
            columns.join(", ")
        ));
        fixture.alter(&format!("DROP TABLE {table}"));
        fixture.alter(&format!("ALTER TABLE before RENAME TO {table}"));
    }
    fixture
        .observing(FIRST_RUN, &[&version(DECEMBER, "Completed")])
        .run()
        .finished();
    let first = seconds(FIRST_RUN);
    assert_eq!(
        observations(&fixture),
        ["1||".to_owned(), format!("2|{first}|{first}")]
    );
}
