//! How dbt is run: once, and not at all in place of unit tests or because of its docs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use shared::testing::{copy_folder, variable};

use crate::{Fixture, REQUESTS, copy_of_project};

/// Returns a folder with a `dbt` and a Python interpreter that notes in `starts` that it was started to run dbt.
fn counting_dbt(starts: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dbt = fs::canonicalize(variable("DBT_EXECUTABLE")).unwrap();
    fs::write(folder.path().join("dbt"), "").unwrap();
    let python = folder.path().join("python");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *dbtRunner*) echo started >> '{}' ;; esac\nexec '{}' \"$@\"\n",
        starts.display(),
        dbt.with_file_name("python").display()
    );
    fs::write(&python, script).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn dbt_starts_once_to_build_and_document_and_not_at_all_without_news() {
    let fixture = Fixture::with(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let starts = home.path().join("starts");
    let dbt = counting_dbt(&starts);
    let site = home.path().join("site");
    let run = || {
        let job = fixture.job_with_site(&site);
        job.env("DBT_EXECUTABLE", dbt.path().join("dbt").to_string_lossy())
            .run()
    };
    run().finished();
    assert!(site.join("docs/index.html").is_file());
    assert_eq!(fs::read_to_string(&starts).unwrap(), "started\n");
    assert_eq!(run().finished()["found"], 1);
    assert_eq!(fs::read_to_string(&starts).unwrap(), "started\n");

    // The site is lost: it is published again by a process that did not build the marts.
    fs::remove_dir_all(&site).unwrap();
    let third = run();
    assert_eq!(third.finished()["found"], 1);
    assert!(third.event("site published")["bytes"].as_u64() > Some(0));
    assert!(site.join("docs/index.html").is_file());
    assert_eq!(fs::read_to_string(&starts).unwrap(), "started\nstarted\n");
}

#[test]
fn what_dbt_parsed_counts_for_any_warehouse() {
    let project = copy_of_project();
    let of_project = project.path().join("target/duckdb");
    fs::remove_dir_all(&of_project).ok();
    let parsed_files = |target: &Path| {
        let fixture = Fixture::with(REQUESTS);
        let job = fixture.job();
        job.env("DBT_PROJECT_DIR", project.path().to_string_lossy())
            .env("DBT_TARGET_DIR", target.to_string_lossy())
            .run()
            .finished();
        let info = fs::read(target.join("perf_info.json")).unwrap();
        let info: Value = serde_json::from_slice(&info).unwrap();
        info["parsed_path_count"].as_u64().unwrap()
    };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(parsed_files(one.path()) > 100);
    assert_eq!(parsed_files(one.path()), 0);
    copy_folder(one.path(), &of_project);
    assert_eq!(parsed_files(other.path()), 0);
}

#[test]
fn docs_that_cannot_be_generated_do_not_fail_a_good_build() {
    let fixture = Fixture::with(REQUESTS);
    let home = tempfile::tempdir().unwrap();
    let (target, site) = (home.path().join("target"), home.path().join("site"));
    // dbt writes a file of that name.
    fs::create_dir_all(target.join("catalog.json")).unwrap();
    let job = fixture.job_with_site(&site);
    let outcome = job.env("DBT_TARGET_DIR", target.to_string_lossy()).run();
    assert_eq!(outcome.finished()["produced"], 1);
    let warning = outcome.event("docs not generated");
    assert_eq!(warning["severity"], "WARNING");
    assert!(
        warning["cause"]
            .as_str()
            .unwrap()
            .contains("dbt docs generate failed"),
        "{warning}"
    );
    assert!(site.join("data/catalog.json").is_file());
    assert!(!site.join("docs").exists());
}

/// In production they are left out: they test the models, not the data.
#[test]
fn models_pass_their_unit_tests() {
    let fixture = Fixture::with(&[]);
    let target = tempfile::tempdir().unwrap();
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/project");
    let built = Command::new(variable("DBT_EXECUTABLE"))
        .args(["build", "--exclude-resource-type", "test"])
        .args(["--project-dir", project, "--profiles-dir", project])
        .arg("--target-path")
        .arg(target.path())
        .arg("--log-path")
        .arg(target.path())
        .args(["--target", "duckdb", "--no-use-colors", "--quiet"])
        .args(["--log-level-file", "none"])
        .env("DUCKDB_FILE", fixture.file())
        .env("DO_NOT_TRACK", "1")
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stdout)
    );
    let results = fs::read(target.path().join("run_results.json")).unwrap();
    let results: Value = serde_json::from_slice(&results).unwrap();
    let results = results["results"].as_array().unwrap().iter();
    let unit_tests: Vec<&Value> = results
        .filter(|result| {
            let id = result["unique_id"].as_str();
            id.is_some_and(|id| id.starts_with("unit_test."))
        })
        .map(|result| &result["status"])
        .collect();
    assert!(unit_tests.len() > 10, "{unit_tests:?}");
    assert!(
        unit_tests.iter().all(|status| **status == "pass"),
        "{unit_tests:?}"
    );
}
