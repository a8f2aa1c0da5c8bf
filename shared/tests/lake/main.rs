//! The guarantees of every lake, and the specifics of each kind.

mod bucket;
mod cloud_storage;
mod local;

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use shared::key::Key;
use shared::lake::{Content, Created, Lake, LakeError};
use tokio::task::spawn_blocking;

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).expect("valid key")
}

pub(crate) async fn create(
    lake: &Lake,
    text: &str,
    content: &'static [u8],
) -> Result<Created, LakeError> {
    lake.create(&key(text), Content::Bytes(Bytes::from_static(content)))
        .await
}

/// Reads the object's stream to its end.
pub(crate) async fn whole(lake: &Lake, key: &Key) -> std::io::Result<Vec<u8>> {
    let mut stream = lake.open(key).await.expect("there");
    let read = spawn_blocking(move || {
        let mut content = Vec::new();
        stream.read_to_end(&mut content).map(|_| content)
    });
    read.await.expect("no panic")
}

/// Checks the guarantees of the interface on an empty lake.
pub(crate) async fn keeps_its_promises(lake: &Lake) {
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
        conflict.starts_with(
            "cannot create raw/city-wards/1/manifest.json: it exists with other content"
        )
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
    assert_eq!(
        whole(lake, &large).await.expect("readable"),
        vec![7; 3 << 20]
    );
}

/// If many create one object concurrently, one does and the others find it existing.
pub(crate) async fn settles_races(lake: &Lake) {
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
