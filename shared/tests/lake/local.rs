//! The lake in a directory.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use shared::exit::{Exit, Failure};
use shared::lake::{Lake, LocalLake};

use crate::{create, keeps_its_promises, key, object, settles_races};

fn local(directory: &Path) -> Lake {
    Lake::Local(LocalLake::new(directory).expect("a lake"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_lake_keeps_the_promises() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let lake = local(directory.path());
    keeps_its_promises(&lake).await;
    settles_races(&lake).await;
    drop(lake);
    let spool = fs::read_dir(directory.path().join(".spool")).expect("spool");
    assert_eq!(spool.count(), 0, "nothing is left in the spool");
}

#[tokio::test]
async fn files_of_killed_processes_are_removed_a_day_later() {
    let directory = tempfile::tempdir().expect("temporary directory");
    local(directory.path());
    let spool = directory.path().join(".spool");
    let old = File::create(spool.join("old")).expect("file");
    let two_days_ago = SystemTime::now() - Duration::from_hours(48);
    old.set_times(FileTimes::new().set_modified(two_days_ago))
        .expect("time set");
    File::create(spool.join("new")).expect("file");
    let killed = spool.join("killed");
    fs::create_dir(&killed).expect("directory");
    File::create(killed.join("file")).expect("file");
    let elsewhere = directory.path().join("elsewhere");
    File::create(&elsewhere).expect("file");
    symlink(&elsewhere, killed.join("link")).expect("link");
    File::open(&killed)
        .and_then(|killed| killed.set_times(FileTimes::new().set_modified(two_days_ago)))
        .expect("time set");
    local(directory.path());
    assert!(elsewhere.exists(), "what a link leads to is not removed");
    let left: Vec<_> = fs::read_dir(&spool)
        .expect("spool")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    assert_eq!(left, ["new"]);
}

#[test]
fn a_spool_that_is_a_link_is_refused() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let elsewhere = tempfile::tempdir().expect("temporary directory");
    symlink(elsewhere.path(), directory.path().join(".spool")).expect("link");
    let refused = LocalLake::new(directory.path()).expect_err("a link");
    assert!(
        refused.to_string().contains(".spool is a symbolic link"),
        "{refused}"
    );
}

/// To open a pipe that nobody writes to would take forever.
#[tokio::test]
async fn anything_but_a_file_is_refused() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let lake = local(directory.path());
    fs::create_dir(directory.path().join("folder")).expect("folder");
    let pipe = directory.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    symlink("/dev/zero", directory.path().join("device")).expect("link");
    for name in ["folder", "pipe", "device"] {
        let object = object(&key(name), b"content");
        let outcomes = [
            lake.read(&object.key).await.map(|_| ()),
            lake.open(&object).await.map(|_| ()),
            lake.has(&object).await.map(|_| ()),
            create(&lake, name, b"content").await.map(|_| ()),
        ];
        for outcome in outcomes {
            let refused = Failure::from(outcome.expect_err("not a file"));
            assert_eq!(refused.exit(), Exit::Configuration, "{refused}");
            assert!(
                refused
                    .to_string()
                    .contains(&format!("{name} is not a file")),
                "{refused}"
            );
        }
    }
}
