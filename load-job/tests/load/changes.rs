//! How a publication differs from the previous one.

use shared::manifest::{Drift, DriftKind};

use crate::{Fixture, Publication};

const FIRST_RUN: &str = "2026-12-02T06:00:00Z";
const SECOND_RUN: &str = "2026-12-03T06:00:00Z";
const CHANGES: &str = "SELECT load_number, content_changed, rows_before, rows_after, rows_added, rows_gone, \
                       rows_restatused, rows_relabelled FROM publication_changes ORDER BY 1";

fn version(rows: &[(&'static str, &'static str)]) -> Publication {
    Publication::of_year(2024, "2026-11-01T06:00:00", rows)
}

/// A hundred and one requests.
const KEYS: [&str; 101] = {
    let mut keys = ["x"; 101];
    let mut index = 0;
    while index < keys.len() {
        keys[index] = NUMBERS.split_at(3 * index).1.split_at(3).0;
        index += 1;
    }
    keys
};
const NUMBERS: &str = "\
    000001002003004005006007008009010011012013014015016017018019020021022023024025026027028029\
    030031032033034035036037038039040041042043044045046047048049050051052053054055056057058059\
    060061062063064065066067068069070071072073074075076077078079080081082083084085086087088089\
    090091092093094095096097098099100";

#[test]
fn each_load_records_how_the_year_differs_from_the_previous_version() {
    let fixture = Fixture::default();
    let first = version(&[
        ("Noise", "New@Parks, Forestry & Recreation"),
        ("Litter", "New@Parks, Forestry & Recreation"),
        ("Pothole", "Completed@Transportation Services"),
    ]);
    fixture.observing(FIRST_RUN, &[&first]).run().finished();
    let second = version(&[
        ("Noise", "Completed@Environment, Climate & Forestry"),
        ("Litter", "New@Environment, Climate & Forestry"),
        ("Pothole", "Completed@Transportation Services"),
        ("Graffiti", "New@Transportation Services"),
    ]);
    fixture.observing(SECOND_RUN, &[&second]).run().finished();
    let other_rules = Publication {
        logic_version: 2,
        ..version(&[
            ("Noise", "Completed@Environment, Climate & Forestry"),
            ("Litter", "New=Cancelled@Environment, Climate & Forestry"),
            ("Pothole", "Completed@Transportation Services"),
            ("Graffiti", "New@Transportation Services"),
        ])
    };
    fixture
        .observing(SECOND_RUN, &[&other_rules])
        .run()
        .finished();
    assert_eq!(
        fixture.rows(CHANGES),
        [
            "1|true|0|3|3|0|0|0",
            "2|true|3|4|1|0|1|2",
            "3|false|4|4|0|0|0|0"
        ]
    );
    assert_eq!(fixture.rows("SELECT * FROM status_changes").len(), 1);
    assert_eq!(
        fixture.rows(
            "SELECT changes.load_number FROM publication_changes AS changes \
             INNER JOIN load_history AS loads ON loads.partition = changes.source_year::VARCHAR \
             AND loads.load_number = changes.load_number AND loads.fingerprint = changes.new_fingerprint \
             AND loads.observed_at = changes.new_observed_at ORDER BY 1"
        ),
        ["1", "2", "3"]
    );
}

#[test]
fn more_than_one_percent_of_the_requests_gone_is_drift() {
    let fixture = Fixture::default();
    let rows: Vec<_> = KEYS.iter().map(|key| (*key, "New")).collect();
    let lost_by = |lost: usize| version(&rows[lost..]);
    let drift_of_loads = || fixture.rows("SELECT drift FROM load_history ORDER BY load_number");
    fixture
        .observing(FIRST_RUN, &[&lost_by(0)])
        .run()
        .finished();
    // One of 101 is less than 1 %.
    let one = fixture.observing(SECOND_RUN, &[&lost_by(1)]).run();
    assert_eq!(one.finished()["drift"], 0);
    assert_eq!(drift_of_loads(), ["[]", "[]"]);
    let two = fixture
        .observing("2026-12-04T06:00:00Z", &[&lost_by(3)])
        .run();
    assert_eq!(two.finished()["drift"], 1);
    let event = two.event("drift from the previous version");
    assert_eq!(
        (&event["kind"], &event["rows"]),
        (&"requests_gone".into(), &2.into())
    );
    let drift = &drift_of_loads()[2];
    assert!(
        drift.contains(r#""kind":"requests_gone","subject":"2026-11-01","rows":2"#),
        "{drift}"
    );
    // With other rules, requests may have other ids: the loss says nothing about the publisher.
    let by_other_rules = Publication {
        logic_version: 2,
        ..lost_by(50)
    };
    let other = fixture
        .observing("2026-12-05T06:00:00Z", &[&by_other_rules])
        .run();
    assert_eq!(other.finished()["drift"], 0);
    assert_eq!(fixture.rows(CHANGES)[3], "4|true|98|51|0|47|0|0");
}

fn drift(kind: DriftKind, subject: &str) -> Drift {
    Drift {
        kind,
        subject: subject.to_owned(),
        rows: 0,
    }
}

#[test]
fn drift_of_the_content_and_of_the_publication_is_recorded_with_the_load() {
    let fixture = Fixture::default();
    let publication = Publication {
        drift: vec![drift(DriftKind::ExtraColumn, "Mood")],
        generated: true,
        ..version(&[("Noise", "New")])
    };
    let of_publication = drift(DriftKind::DuplicateResource, "311 (2)");
    fixture.hand_over("run", FIRST_RUN, &[&publication], &[of_publication], &[]);
    fixture.of_run("run").run().finished();
    assert_eq!(
        fixture.rows(
            "SELECT drift->>'$[0].kind', drift->>'$[1].kind', json_array_length(drift), generated FROM load_history"
        ),
        ["extra_column|duplicate_resource|2|true"]
    );
}

/// The portal lists a year twice after it was loaded. Only the observation of what is loaded adds to its drift, once.
#[test]
fn drift_of_the_publication_is_recorded_although_the_content_is_loaded() {
    let fixture = Fixture::default();
    let year = Publication {
        drift: vec![drift(DriftKind::ExtraColumn, "Mood")],
        ..version(&[("Noise", "New")])
    };
    let twice = drift(DriftKind::DuplicateResource, "a, b");
    let undated = drift(DriftKind::InvalidPublicationDate, "soon");
    let found = |run: &str, observed_at: &str, drift: &[Drift]| {
        fixture.hand_over(run, observed_at, &[&year], drift, &[]);
        fixture.of_run(run).run().finished();
        fixture
            .rows("SELECT load_number, array_to_string(drift->>'$[*].kind', ' ') FROM load_history")
    };
    let loaded = "1|extra_column";
    assert_eq!(found("first", "2026-12-02T06:00:00Z", &[]), [loaded]);
    let with_two = [format!("{loaded} duplicate_resource")];
    let again = std::slice::from_ref(&twice);
    assert_eq!(found("second", "2026-12-03T06:00:00Z", again), with_two);
    for (run, observed_at, drift) in [
        ("second", "2026-12-03T06:00:00Z", again),
        ("third", "2026-12-04T06:00:00Z", again),
        ("fourth", "2026-12-05T06:00:00Z", &[]),
    ] {
        assert_eq!(found(run, observed_at, drift), with_two, "{run}");
    }
    let all = [format!("{} invalid_publication_date", with_two[0])];
    let both = [twice, undated];
    assert_eq!(found("fifth", "2026-12-06T06:00:00Z", &both), all);
}
