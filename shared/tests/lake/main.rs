//! The guarantees of every lake, and the specifics of each kind.

mod bucket;
mod cloud_storage;
mod local;

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use shared::exit::{Exit, Failure};
use shared::fingerprint::Measured;
use shared::key::Key;
use shared::lake::{Content, Created, Lake, LakeError, read_failure};
use shared::manifest::Object;
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

/// Returns the object under `key` with this content.
pub(crate) fn object(key: &Key, content: &[u8]) -> Object {
    Object::of(key.clone(), Measured::of(content))
}

/// Reads the object's stream to its end.
pub(crate) async fn whole(lake: &Lake, object: &Object) -> std::io::Result<Vec<u8>> {
    let mut stream = lake.open(object).await.expect("there");
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
    let missing = object(&manifest, b"one");
    assert!(matches!(
        lake.open(&missing).await.err(),
        Some(LakeError::Missing { .. })
    ));
    assert!(matches!(
        lake.verify(&missing).await.err(),
        Some(LakeError::Missing { .. })
    ));
    assert!(!lake.has(&missing).await.expect("looked up"));

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
    let content = vec![7; 3 << 20];
    let stated = object(&large, &content);
    assert_eq!(whole(lake, &stated).await.expect("readable"), content);
    lake.verify(&stated).await.expect("intact");
    assert!(lake.has(&stated).await.expect("looked up"));
    reports_what_was_altered(lake, &stated, &content).await;
}

/// An object that is not the one that a manifest states is found before its end, with both sums.
async fn reports_what_was_altered(lake: &Lake, stated: &Object, content: &[u8]) {
    let mut flipped = content.to_vec();
    flipped[1 << 20] ^= 1;
    let other = object(&stated.key, &flipped);
    let of_earlier_versions = Object {
        crc32c: None,
        ..other.clone()
    };
    let longer = Object {
        size_bytes: stated.size_bytes + 1,
        ..stated.clone()
    };
    for other in [other, of_earlier_versions, longer] {
        let read = match lake.open(&other).await {
            Ok(mut stream) => {
                spawn_blocking(move || std::io::copy(&mut stream, &mut std::io::sink()))
                    .await
                    .expect("no panic")
                    .map_err(read_failure)
            }
            Err(error) => Err(error.into()),
        };
        let verified = lake.verify(&other).await.map_err(Failure::from);
        for refused in [read.expect_err("altered"), verified.expect_err("altered")] {
            assert_eq!(refused.exit(), Exit::Bug, "{refused}");
            assert!(
                refused
                    .to_string()
                    .starts_with("raw/city-wards/2/large has "),
                "{refused}"
            );
        }
    }
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
