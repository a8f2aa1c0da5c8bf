//! The lake in a directory.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use shared::lake::{Lake, LocalLake};

use crate::{keeps_its_promises, settles_races};

fn local(directory: &Path) -> Lake {
    Lake::Local(LocalLake::new(directory).expect("a lake"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_lake_keeps_the_promises() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let lake = local(directory.path());
    keeps_its_promises(&lake).await;
    settles_races(&lake).await;
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
    local(directory.path());
    let left: Vec<_> = fs::read_dir(&spool)
        .expect("spool")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    assert_eq!(left, ["new"]);
}
