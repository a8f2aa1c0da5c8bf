//! The object store that the stages share, behind three verbs: create, read, open.
//!
//! There is no listing (every key is computed), no overwrite and no delete, so that no bug can destroy data. An object,
//! once created, never changes; creating it again with the same content succeeds, with other content it is a conflict.

mod gcs;
mod local;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use tempfile::NamedTempFile;
use tracing::debug;

pub use gcs::GcsLake;
pub use local::LocalLake;

use crate::exit::{Exit, Failure};
use crate::fingerprint::{Digest, Hasher};
use crate::key::Key;

/// The object store named by `LAKE_URL`.
#[derive(Debug, Clone)]
pub enum Lake {
    /// A directory.
    Local(LocalLake),
    /// A bucket of Cloud Storage.
    Gcs(GcsLake),
}

/// What [`Lake::create`] is given.
pub enum Content {
    /// A small object, whole in memory.
    Bytes(Bytes),
    /// A large one, in a file made by [`Lake::spool`]. It is gone afterwards.
    File(NamedTempFile),
}

/// What [`Lake::create`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The object is new.
    Created,
    /// The same object was there already.
    Existed,
}

/// Why the lake could not do what it was asked. Messages name the key.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// There is an object of that key with another content.
    #[error(
        "{key} is in the lake with another content: new {new}, held {held}. Objects never change: either two executions \
         of different code made it, or the lake was altered"
    )]
    Conflict {
        /// The object's key.
        key: Key,
        /// SHA-256 of the refused content.
        new: String,
        /// SHA-256 of the content that is there, and its generation, where the store has one.
        held: String,
    },
    /// There is no such object.
    #[error("{key} is not in the lake")]
    Missing {
        /// The object's key.
        key: Key,
    },
    /// The store refuses: there is no such bucket, or no permission.
    #[error("not allowed to {verb} {key}, or there is no such bucket")]
    Refused {
        /// What was tried.
        verb: &'static str,
        /// The object's key.
        key: Key,
        /// What the store says.
        source: io::Error,
    },
    /// The store failed.
    #[error("cannot {verb} {key}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The object's key.
        key: Key,
        /// Why it failed.
        source: io::Error,
    },
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        let exit = match &error {
            LakeError::Conflict { .. } => Exit::Bug,
            LakeError::Refused { .. } => Exit::Configuration,
            LakeError::Missing { .. } | LakeError::Io { .. } => Exit::Upstream,
        };
        Failure::new(exit, error)
    }
}

/// The lake's URL.
impl fmt::Display for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lake::Local(lake) => write!(f, "file://{}", lake.directory().display()),
            Lake::Gcs(lake) => f.write_str(&lake.url()),
        }
    }
}

impl Lake {
    /// Puts `content` under `key`, whole and durable, unless it is there already.
    ///
    /// # Errors
    /// [`LakeError::Conflict`] if another content is there, [`LakeError::Io`] if the store fails. Nothing is left
    /// half-done.
    pub async fn create(&self, key: &Key, content: Content) -> Result<Created, LakeError> {
        match self {
            Lake::Local(lake) => {
                let (lake, key) = (lake.clone(), key.clone());
                blocking(move || lake.create(&key, content)).await
            }
            Lake::Gcs(lake) => lake.create(key, content).await,
        }
    }

    /// The whole object, or `None` if there is none. For small objects: manifests, hand-overs, receipts.
    pub async fn read(&self, key: &Key) -> Result<Option<Bytes>, LakeError> {
        let object = match self {
            Lake::Local(lake) => {
                let (lake, key) = (lake.clone(), key.clone());
                blocking(move || lake.read(&key)).await?
            }
            Lake::Gcs(lake) => lake.read(key).await?,
        };
        debug!(%key, found = object.is_some(), "object read");
        Ok(object)
    }

    /// A stream of the object's bytes, for a thread that may block.
    ///
    /// # Errors
    /// [`LakeError::Missing`] if there is none.
    pub async fn open(&self, key: &Key) -> Result<Box<dyn Read + Send>, LakeError> {
        match self {
            Lake::Local(lake) => {
                let (lake, key) = (lake.clone(), key.clone());
                blocking(move || lake.open(&key)).await
            }
            Lake::Gcs(lake) => lake.open(key).await,
        }
    }

    /// An empty temporary file to write a large content to, where [`Lake::create`] can take it over.
    pub fn spool(&self) -> io::Result<NamedTempFile> {
        match self {
            Lake::Local(lake) => lake.spool(),
            Lake::Gcs(_) => GcsLake::spool(),
        }
    }

    /// Where a person finds `key`.
    #[must_use]
    pub fn locate(&self, key: &Key) -> String {
        match self {
            Lake::Local(lake) => lake.path(key).display().to_string(),
            Lake::Gcs(lake) => format!("{}/{key}", lake.url()),
        }
    }
}

/// Runs file operations off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn digest_of_file(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..length]);
    }
}
