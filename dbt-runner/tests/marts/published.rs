//! What readers of the warehouse and of the site see while builds of a few marts fail, die and overtake each other.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use shared::testing::{rounds, variable};

use crate::partial::marts;
use crate::{Fixture, REQUESTS};

/// Adds a request of 2024 with `status`, in another version of the year.
fn correct(fixture: &Fixture, number: usize, status: &'static str) {
    fixture.insert(number, &[(2024, Some(11), "Noise", status)]);
    fixture.load("2024", &format!("version {number}"));
}

/// Returns every file below `directory` with its content.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            let name = path.to_string_lossy().into_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn a_failing_test_leaves_readers_the_set_of_before_and_names_the_candidate() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let (target, site) = (home.path().join("target"), home.path().join("site"));
    let run = || {
        let job = fixture.job_with_site(&site);
        job.env("DBT_TARGET_DIR", target.to_string_lossy()).run()
    };
    run().finished();
    let (before, site_before) = (marts(&fixture), files(&site));

    correct(&fixture, 100, "Mislaid");
    let failed = run();
    let cause = failed.failed(20);
    assert!(cause.contains("nothing was published"), "{cause}");
    let candidate = target.join("candidate/warehouse.duckdb");
    assert!(cause.contains(&*candidate.to_string_lossy()), "{cause}");
    assert_eq!(marts(&fixture), before);
    assert_eq!(files(&site), site_before);
    // The candidate shows what was tested.
    let statement = format!("ATTACH '{}' AS candidate (READ_ONLY)", candidate.display());
    let mut warehouse = fixture.open();
    warehouse.execute(&statement, &[]).unwrap();
    let tested = "SELECT count(*) FROM duckdb_views() \
                  WHERE database_name = 'candidate' AND view_name = 'stg_service_requests'";
    assert_eq!(warehouse.query_count(tested, &[]).unwrap(), 1);
    drop(warehouse);

    fixture.alter("UPDATE service_requests SET status = 'New' WHERE status = 'Mislaid'");
    run().finished();
    assert_ne!(marts(&fixture), before);
}

/// Returns the processes that any thread of `process` started.
fn children_of(process: u32) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let lists = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("children")));
    lists
        .flat_map(|list| {
            let children = list.unwrap_or_default();
            let ids = children.split_whitespace().map(str::to_owned);
            ids.collect::<Vec<_>>()
        })
        .collect()
}

/// Whether the process exists, and not just as a name until its new parent notices its end.
fn is_running(id: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// `make chaos` kills builds at every point, and readers see one whole set. A signal that the job handles also ends dbt.
#[test]
fn a_build_that_is_told_to_end_ends_dbt_and_publishes_nothing() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    fixture.job().run().finished();
    let before = marts(&fixture);
    correct(&fixture, 100, "New");

    let temporary = tempfile::tempdir().unwrap();
    let job = fixture
        .job()
        .env("TMPDIR", temporary.path().to_string_lossy());
    let mut child = job.spawn_logging();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut events = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    assert!(events.any(|event| event["message"] == "dbt node finished"));
    let dbt = children_of(child.id());
    assert!(!dbt.is_empty(), "dbt is a child");
    let told = Command::new("kill").arg(child.id().to_string()).status();
    assert!(told.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(30));
    let failed = events.filter(|event| event["message"] == "stage failed");
    assert_eq!(failed.count(), 1);
    assert!(!dbt.iter().any(|id| is_running(id)), "dbt is still running");
    assert_eq!(files(temporary.path()), BTreeMap::new());
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    assert_eq!(marts(&fixture), before);

    fixture.job().run().finished();
    assert_ne!(marts(&fixture), before);
}

/// dbt's folder stays if a failure names files in it, until a day later.
#[test]
fn the_folder_of_a_build_stays_only_if_a_node_failed() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let temporary = tempfile::tempdir().unwrap();
    let run = || {
        let job = fixture.job();
        job.env("TMPDIR", temporary.path().to_string_lossy()).run()
    };
    let left = || -> Vec<PathBuf> {
        let entries = fs::read_dir(temporary.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    correct(&fixture, 100, "Mislaid");
    let failed = run();
    let kept = left();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let name = kept[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("toronto-311-dbt-"), "{name}");
    assert!(failed.failed(20).contains(&name), "{failed}");

    let day = Duration::from_hours(25);
    File::open(&kept[0])
        .unwrap()
        .set_modified(SystemTime::now() - day)
        .unwrap();
    fixture.alter("UPDATE service_requests SET status = 'New' WHERE status = 'Mislaid'");
    run().finished();
    assert_eq!(left(), Vec::<PathBuf>::new());
}

/// They publish the same or one of them finds what the other published, and neither needs the other.
#[test]
fn two_builds_at_once_end_in_one_result() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    for round in 1..=rounds() {
        if round > 1 {
            correct(&fixture, 100 * round, "New");
        }
        let outcomes = thread::scope(|scope| {
            let running = [(); 2].map(|()| scope.spawn(|| fixture.job().run()));
            running.map(|build| build.join().unwrap())
        });
        for outcome in outcomes {
            outcome.finished();
        }
        every_request_is_counted_once(&fixture);
    }
}

/// The one starts from the loads before a correction, and the other from those after it, as soon as the warehouse is free.
#[test]
fn two_builds_at_once_of_different_loads_end_with_the_later_one() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    for round in 1..=rounds() {
        correct(&fixture, 100 * round, "New");
        let mut older = fixture.job().spawn_logging();
        let mut log = BufReader::new(older.stdout.take().unwrap()).lines();
        let is_building = |line: String| line.contains("dbt node finished");
        assert!(log.by_ref().any(|line| is_building(line.unwrap())));
        let exits = thread::scope(|scope| {
            scope.spawn(|| log.for_each(drop));
            correct(&fixture, 100 * round + 1, "New");
            let newer = fixture.job().run().exit;
            [newer, older.wait().unwrap().code().unwrap()]
        });
        let are_honest = exits.iter().all(|exit| [0, 30].contains(exit));
        assert!(are_honest, "{exits:?}");
        fixture.job().run().finished();
        every_request_is_counted_once(&fixture);
    }
}

fn every_request_is_counted_once(fixture: &Fixture) {
    let counted = "SELECT count(*), count(DISTINCT request_id) FROM ";
    assert_eq!(
        fixture.rows(&format!("{counted} marts.fct_service_requests")),
        fixture.rows(&format!("{counted} service_requests")),
    );
    let added_up = "SELECT sum(requests) FROM marts.requests_by_ward";
    assert_eq!(
        fixture.rows(added_up),
        fixture.rows("SELECT count(*) FROM service_requests")
    );
}

/// A load that is committed while dbt builds is not published untested.
#[test]
fn a_build_that_a_load_overtakes_publishes_nothing() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    fixture.job().run().finished();
    let before = marts(&fixture);
    correct(&fixture, 100, "New");
    let mut child = fixture.job().spawn_logging();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let event = |line: String| serde_json::from_str::<Value>(&line).unwrap();
    let started = lines.by_ref().map(|line| event(line.unwrap()));
    let found = started.filter(|event| event["message"] == "dbt node finished");
    assert_eq!(found.take(1).count(), 1);
    // The load waits until dbt has closed the warehouse, and competes with the publication.
    correct(&fixture, 200, "New");
    let rest: Vec<Value> = lines.map(|line| event(line.unwrap())).collect();
    let ended = child.wait().unwrap().code();
    let seen = marts(&fixture);
    match ended {
        Some(30) => {
            let failed = rest.iter().find(|event| event["message"] == "stage failed");
            let cause = failed.unwrap()["cause"].as_str().unwrap();
            assert!(cause.contains("another load finished meanwhile"), "{cause}");
            assert!(seen == before);
        }
        // The publication came first.
        Some(0) => assert!(seen != before),
        other => panic!("{other:?}"),
    }
    fixture.job().run().finished();
    let total = "SELECT sum(requests) FROM marts.requests_by_ward";
    assert_eq!(fixture.rows(total), ["7"]);
}

/// Returns a folder whose command dbt is held up once its build is published in the warehouse, when it looks for the sources
/// of columns: it opens the FIFO `reached` there, and then waits for the FIFO `go`.
fn dbt_held_before_the_site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let dbt = fs::canonicalize(variable("DBT_EXECUTABLE")).unwrap();
    let python = dbt.with_file_name("python");
    fs::write(at("dbt"), "").unwrap();
    let (reached, go) = (at("reached"), at("go"));
    let script = format!(
        "#!/bin/sh\ncase $2 in *sqlglot*) : > '{}'; : < '{}';; esac\nexec '{}' \"$@\"\n",
        reached.display(),
        go.display(),
        python.display()
    );
    fs::write(at("python"), script).unwrap();
    fs::set_permissions(at("python"), Permissions::from_mode(0o755)).unwrap();
    let made = Command::new("mkfifo").args([&reached, &go]).status();
    assert!(made.unwrap().success());
    folder
}

/// The site has either the one or the other, and never the marts of one as those of the other.
#[test]
fn a_build_that_is_overtaken_does_not_publish_the_site() {
    let fixture = Fixture::of_few_marts(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let site = home.path().join("site");
    let held = dbt_held_before_the_site();
    let job = || fixture.job_with_site(&site);
    thread::scope(|scope| {
        let dbt = held.path().join("dbt");
        let older = job().env("DBT_EXECUTABLE", dbt.to_string_lossy());
        let older = scope.spawn(|| older.run());
        fs::read(held.path().join("reached")).unwrap();
        correct(&fixture, 100, "Completed");
        job().run().finished();
        let of_newer = files(&site);
        fs::write(held.path().join("go"), "").unwrap();
        let cause = older.join().unwrap();
        let cause = cause.failed(30);
        assert!(cause.contains("another build was published"), "{cause}");
        assert_eq!(files(&site), of_newer);
    });
    let again = job().run();
    assert_eq!(again.finished()["found"].as_u64(), Some(1), "{again}");
}
