use std::io::{self, Read};

use bytes::Bytes;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::task::block_in_place;

use super::{Content, Created, Key, LakeError, altered, blocking};
use crate::fingerprint::{Digest, Hasher};
use crate::google::Emulator;
use crate::google::storage::{Bucket, BucketError, WriteMode};
use crate::object::{Object, Stated};
use crate::process::scratch::Scratch;

/// Chunks of an object buffered ahead of the reader: some hundred KiB.
const READ_AHEAD: usize = 8;

/// A lake in a bucket of Cloud Storage.
///
/// Objects are created with `ifGenerationMatch=0`, so that none is ever replaced, and with their CRC32C, which the
/// service checks before the object appears. The roles `roles/storage.objectCreator` and `roles/storage.objectViewer`
/// suffice.
#[derive(Debug, Clone)]
pub struct GcsLake {
    bucket: Bucket,
    /// For files that are not objects yet.
    spool: Scratch,
}

/// An object that exists in the bucket.
struct Existing {
    digest: Digest,
    generation: i64,
}

impl GcsLake {
    /// Returns the lake at `location`: `BUCKET` or `BUCKET/PREFIX`.
    ///
    /// # Errors
    /// Describes what is wrong with `location`.
    pub fn new(location: &str, emulator: Option<Emulator>) -> Result<Self, String> {
        Ok(Self {
            bucket: Bucket::new(location, emulator)?,
            spool: Scratch::default(),
        })
    }

    /// Returns `gs://BUCKET/PREFIX`.
    pub(super) fn url(&self) -> String {
        self.bucket.to_string()
    }

    pub(super) fn spool(&self) -> io::Result<NamedTempFile> {
        self.spool.file()
    }

    pub(super) async fn create(&self, key: &Key, content: Content) -> Result<Created, LakeError> {
        let failed = |source| LakeError::Io {
            verb: "create",
            key: key.clone(),
            source,
        };
        let (new, sent) = match content {
            Content::Bytes(bytes) => {
                let new = Digest::of(&bytes);
                let upload = self.bucket.upload(key.as_str(), bytes, WriteMode::New);
                (new, upload.await)
            }
            Content::File(file) => {
                let path = file.path().to_owned();
                let new = blocking(move || Digest::of_file(&path))
                    .await
                    .map_err(failed)?;
                // Checked first because most objects exist in a replay, and uploading a large one takes long.
                if let Some(existing) = self.existing(key).await? {
                    return settle(key, &new, &existing);
                }
                let opened = tokio::fs::File::open(file.path()).await.map_err(failed)?;
                let size_bytes = opened.metadata().await.map_err(failed)?.len();
                let upload =
                    self.bucket
                        .upload_file(key.as_str(), opened, size_bytes, WriteMode::New);
                (new, upload.await)
            }
        };
        match sent {
            Ok(()) => Ok(Created::Created),
            // Another writer was first, or an earlier attempt was and its answer was lost.
            Err(error) if error.http_status() == Some(412) => match self.existing(key).await? {
                Some(existing) => settle(key, &new, &existing),
                None => Err(failed(io::Error::other(error))),
            },
            // If the object exists, an account without permission to delete may get 403 instead of 412.
            Err(error) if error.http_status() == Some(403) => match self.existing(key).await {
                Ok(Some(existing)) => settle(key, &new, &existing),
                _ => Err(failure(error, "create", key)),
            },
            Err(error) => Err(failure(error, "create", key)),
        }
    }

    /// Returns the object's digest and generation, `None` if it does not exist.
    async fn existing(&self, key: &Key) -> Result<Option<Existing>, LakeError> {
        let failed = |error| failure(error, "compare", key);
        let Some(mut object) = self.bucket.download(key.as_str()).await.map_err(failed)? else {
            return Ok(None);
        };
        let generation = object.generation();
        let mut hasher = Hasher::default();
        while let Some(bytes) = object.next().await.map_err(failed)? {
            hasher.update(&bytes);
        }
        Ok(Some(Existing {
            digest: hasher.finish(),
            generation,
        }))
    }

    pub(super) async fn read(&self, key: &Key) -> Result<Option<Bytes>, LakeError> {
        let read = self.bucket.read(key.as_str()).await;
        read.map_err(|error| failure(error, "read", key))
    }

    pub(super) async fn look_up(&self, key: &Key) -> Result<Option<Stated>, LakeError> {
        let stated = self.bucket.look_up(key.as_str()).await;
        stated.map_err(|error| failure(error, "look up", key))
    }

    pub(super) async fn open(&self, object: &Object) -> Result<Box<dyn Read + Send>, LakeError> {
        let key = &object.key;
        let download = self.bucket.download(key.as_str()).await;
        let Some(mut download) = download.map_err(|error| failure(error, "open", key))? else {
            return Err(LakeError::Missing { key: key.clone() });
        };
        download
            .stated()
            .compare(object)
            .map_err(|difference| altered(object, difference))?;
        let (sender, pieces) = mpsc::channel(READ_AHEAD);
        tokio::spawn(async move {
            while let Some(piece) = download.next().await.transpose() {
                let failed = piece.is_err();
                let sent = sender.send(piece.map_err(io::Error::other)).await;
                if sent.is_err() || failed {
                    // The reader is gone, or has the error.
                    return;
                }
            }
        });
        Ok(Box::new(ObjectReader {
            pieces,
            piece: Bytes::new(),
        }))
    }
}

/// Returns the outcome of creating an object with the digest `new` where `existing` is.
fn settle(key: &Key, new: &Digest, existing: &Existing) -> Result<Created, LakeError> {
    if existing.digest == *new {
        return Ok(Created::Existed);
    }
    Err(LakeError::Conflict {
        key: key.clone(),
        new: new.to_string(),
        existing: format!("{} in generation {}", existing.digest, existing.generation),
    })
}

/// A blocking reader of an object's bytes.
struct ObjectReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match block_in_place(|| self.pieces.blocking_recv()) {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

fn failure(error: BucketError, verb: &'static str, key: &Key) -> LakeError {
    let (refused, key) = (error.is_refusal(), key.clone());
    let source = io::Error::other(error);
    if refused {
        LakeError::Refused { verb, key, source }
    } else {
        LakeError::Io { verb, key, source }
    }
}
