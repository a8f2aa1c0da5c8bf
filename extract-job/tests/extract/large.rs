//! Memory does not grow with the file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use shared::testing::{Job, TestLake};

use crate::scripted::{Answer, FILE, Scripted};
use crate::zips::zip;

const CSV_BYTES: usize = 192 << 20;
/// The memory limit of the process, in KiB: a quarter of the file.
const MEMORY_KIB: usize = 48 << 10;

#[test]
fn a_file_larger_than_the_memory_is_extracted() {
    // Compresses by a factor of a hundred, not more.
    let line = |number: usize| format!("2023-01-01 00:10:38.0000000,Completed,{number:07}\r\n");
    let block: String = (0..2000).map(line).collect();
    let csv = block.repeat(CSV_BYTES / block.len());
    let lines = 2000 * (CSV_BYTES / block.len());
    let published = zip(&[("SR2023.csv", csv.as_bytes())]);
    drop(csv);
    let portal =
        Scripted::start(move |request| (request.path == FILE).then(|| Answer::ok(&[], &published)));

    let folder = TestLake::default();
    let limited = folder.path().join("limited");
    let job = env!("CARGO_BIN_EXE_extract-job");
    let script = format!("#!/bin/sh\nulimit -d {MEMORY_KIB} || exit 99\nexec '{job}'\n");
    fs::write(&limited, script).unwrap();
    fs::set_permissions(&limited, fs::Permissions::from_mode(0o755)).unwrap();
    let outcome = portal
        .settings(Job::new(&limited), &portal.lake)
        .env("CLOUD_RUN_TASK_COUNT", "3")
        .run();
    assert_eq!(outcome.finished()["rows"], lines);
}
