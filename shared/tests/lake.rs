//! What every lake promises, and what the local one does besides.

use std::fs::{self, File, FileTimes};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use shared::lake::{Content, Created, Key, Lake, LakeError, LocalLake};

fn key(text: &str) -> Key {
    Key::new(text).expect("valid key")
}

fn local(directory: &Path) -> Lake {
    Lake::Local(LocalLake::new(directory).expect("a lake"))
}

async fn create(lake: &Lake, text: &str, content: &'static [u8]) -> Result<Created, LakeError> {
    lake.create(&key(text), Content::Bytes(Bytes::from_static(content)))
        .await
}

/// The promises of the interface, for any lake that is empty.
async fn keeps_its_promises(lake: &Lake) {
    let manifest = key("raw/city-wards/1/manifest.json");
    assert!(lake.read(&manifest).await.expect("readable").is_none());
    assert!(matches!(
        lake.open(&manifest).await.err(),
        Some(LakeError::Missing { .. })
    ));

    assert_eq!(
        create(lake, manifest.as_str(), b"one")
            .await
            .expect("created"),
        Created::Created
    );
    assert_eq!(
        create(lake, manifest.as_str(), b"one")
            .await
            .expect("existed"),
        Created::Existed
    );
    let conflict = create(lake, manifest.as_str(), b"two")
        .await
        .expect_err("conflict")
        .to_string();
    assert!(
        conflict.starts_with("raw/city-wards/1/manifest.json is in the lake with another content")
    );
    assert_eq!(
        lake.read(&manifest).await.expect("readable").as_deref(),
        Some(&b"one"[..])
    );

    let large = key("raw/city-wards/2/large");
    for expected in [Created::Created, Created::Existed] {
        let mut file = lake.spool().expect("spool");
        file.write_all(&vec![7; 3 << 20]).expect("written");
        assert_eq!(
            lake.create(&large, Content::File(file))
                .await
                .expect("created"),
            expected
        );
    }
    let mut read = Vec::new();
    lake.open(&large)
        .await
        .expect("there")
        .read_to_end(&mut read)
        .expect("readable");
    assert_eq!(read, vec![7; 3 << 20]);
}

/// Of many that create one object at once, one does, and the others are told so.
async fn settles_races(lake: &Lake) {
    let racers: Vec<_> = (0..16)
        .map(|_| {
            let lake = lake.clone();
            tokio::spawn(async move { create(&lake, "race/same", b"same").await })
        })
        .collect();
    let mut created = 0;
    for racer in racers {
        created +=
            u32::from(racer.await.expect("no panic").expect("no conflict") == Created::Created);
    }
    assert_eq!(created, 1);
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
