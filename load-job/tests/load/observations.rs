//! What the portal shows now is the truth, whatever date the publisher gives it.

use crate::{Place, Publication};

const NOVEMBER: &str = "2026-11-01T06:00:00";
const DECEMBER: &str = "2026-12-01T06:00:00";
const FIRST_RUN: &str = "2026-12-02T06:00:00.123456789Z";
const SECOND_RUN: &str = "2026-12-03T06:00:00Z";
const THIRD_RUN: &str = "2026-12-04T06:00:00Z";

fn version(last_modified: &'static str, status: &'static str) -> Publication {
    Publication::of_year(2024, last_modified, &[("Noise", status)])
}

fn observations(place: &Place) -> Vec<String> {
    place.rows(
        "SELECT load_number, epoch_us(observed_at) // 1000000, epoch_us(last_observed_at) // 1000000 \
         FROM load_history ORDER BY 1",
    )
}

fn seconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// The City uploads a file: the portal first states the time of the upload, then the date of the file, and later puts
/// the file from before back.
#[test]
fn a_date_that_goes_back_is_loaded() {
    let place = Place::default();
    place
        .observing(FIRST_RUN, &[&version("2026-12-01T14:15:09", "New")])
        .run()
        .finished();
    let same_bytes = place
        .observing(SECOND_RUN, &[&version("2026-12-01T13:02:11", "New")])
        .run();
    assert_eq!(same_bytes.finished()["found"], 1);
    let put_back = place
        .observing(THIRD_RUN, &[&version(NOVEMBER, "Completed")])
        .run();
    assert_eq!(put_back.finished()["produced"], 1);
    assert_eq!(place.requests(), ["2024|Noise|Completed"]);
    let [first, second, third] = [FIRST_RUN, SECOND_RUN, THIRD_RUN].map(seconds);
    assert_eq!(
        observations(&place),
        [format!("1|{first}|{second}"), format!("2|{third}|{third}")]
    );
    assert_eq!(
        place.rows(
            "SELECT load_number, old_status, new_status, epoch_us(old_observed_at) // 1000000, \
             epoch_us(new_observed_at) // 1000000 FROM status_changes"
        ),
        [format!("2|New|Completed|{first}|{third}")]
    );
}

#[test]
fn a_slow_old_run_does_not_replace_what_a_newer_one_loaded() {
    let place = Place::default();
    place
        .observing(SECOND_RUN, &[&version(NOVEMBER, "New")])
        .run()
        .finished();
    let slow = || place.observing(FIRST_RUN, &[&version(DECEMBER, "Completed")]);
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
    assert_eq!(place.requests(), ["2024|Noise|New"]);
    slow().env("FORCE", "1").run().finished();
    assert_eq!(place.requests(), ["2024|Noise|Completed"]);
}

/// The first run and the third saw one content; the second is slow, and saw another in between.
#[test]
fn a_version_that_is_found_again_is_not_replaced_by_what_was_seen_in_between() {
    let place = Place::default();
    for run in [FIRST_RUN, THIRD_RUN] {
        place
            .observing(run, &[&version(NOVEMBER, "New")])
            .run()
            .finished();
    }
    let in_between = place
        .observing(SECOND_RUN, &[&version(DECEMBER, "Completed")])
        .run();
    assert!(in_between.failed(20).contains("stale"), "{in_between}");
    assert_eq!(place.requests(), ["2024|Noise|New"]);
    assert_eq!(place.loads(), ["2024|1"]);
}

#[test]
fn what_is_put_back_is_loaded_again_without_duplicates() {
    let place = Place::default();
    for (run, status) in [
        (FIRST_RUN, "New"),
        (SECOND_RUN, "Completed"),
        (THIRD_RUN, "New"),
    ] {
        place
            .observing(run, &[&version(NOVEMBER, status)])
            .run()
            .finished();
    }
    assert_eq!(place.requests(), ["2024|Noise|New"]);
    assert_eq!(place.loads(), ["2024|1", "2024|2", "2024|3"]);
    // The runs again, in order: the older ones are stale, and the last finds what it loaded.
    for (run, status) in [(FIRST_RUN, "New"), (SECOND_RUN, "Completed")] {
        let replay = place.observing(run, &[&version(NOVEMBER, status)]).run();
        assert_eq!(
            replay.exit,
            if status == "New" { 0 } else { 20 },
            "{replay}"
        );
    }
    assert_eq!(place.loads().len(), 3);
    assert_eq!(place.rows("SELECT * FROM status_changes").len(), 2);
}

#[test]
fn an_operator_replaces_what_a_run_observed_by_force_only() {
    let place = Place::default();
    let named = version(DECEMBER, "Completed");
    place
        .observing(FIRST_RUN, &[&version(NOVEMBER, "New")])
        .run()
        .finished();
    let refused = place.job(&[&named]).run();
    let cause = refused.failed(20);
    for part in ["2024 is stale", "no run observed", "RUN_ID", "FORCE=1"] {
        assert!(cause.contains(part), "{cause}");
    }
    place.job(&[&named]).env("FORCE", "1").run().finished();
    assert_eq!(place.requests(), ["2024|Noise|Completed"]);
    assert!(observations(&place)[1].starts_with("2||"), "not observed");

    // What no run observed is replaced by whatever one does.
    place
        .observing(FIRST_RUN, &[&version(NOVEMBER, "New")])
        .run()
        .finished();
    assert_eq!(place.requests(), ["2024|Noise|New"]);
}

/// New rules on old content, named by an operator, are not another content: its observations stay.
#[test]
fn new_rules_keep_the_observations_of_the_content() {
    let place = Place::default();
    let rules = |logic_version, status| Publication {
        logic_version,
        ..version(NOVEMBER, status)
    };
    place
        .observing(FIRST_RUN, &[&rules(1, "Lost=Unknown")])
        .run()
        .finished();
    place
        .observing(THIRD_RUN, &[&rules(1, "Lost=Unknown")])
        .run()
        .finished();
    place.job(&[&rules(2, "Lost=Closed")]).run().finished();
    let [first, third] = [FIRST_RUN, THIRD_RUN].map(seconds);
    assert_eq!(
        observations(&place),
        [format!("1|{first}|{third}"), format!("2|{first}|{third}")]
    );
    let older = place.job(&[&rules(1, "Lost=Unknown")]).run();
    assert!(older.failed(20).contains("rules 2"), "{older}");
    let in_between = place
        .observing(SECOND_RUN, &[&version(DECEMBER, "Completed")])
        .run();
    in_between.failed(20);
}

/// Tables of a release that kept no observations.
#[test]
fn tables_made_before_get_the_columns_they_lack() {
    let place = Place::default();
    place.job(&[&version(NOVEMBER, "New")]).run().finished();
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
        place.alter(&format!(
            "CREATE TABLE before AS {all} ({}) FROM {table}",
            columns.join(", ")
        ));
        place.alter(&format!("DROP TABLE {table}"));
        place.alter(&format!("ALTER TABLE before RENAME TO {table}"));
    }
    place
        .observing(FIRST_RUN, &[&version(DECEMBER, "Completed")])
        .run()
        .finished();
    let first = seconds(FIRST_RUN);
    assert_eq!(
        observations(&place),
        ["1||".to_owned(), format!("2|{first}|{first}")]
    );
}
