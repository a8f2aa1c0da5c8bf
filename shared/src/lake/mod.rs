//! The object store that the stages share: objects are created, and read again.
//!
//! There is no listing (every key is computed), no overwrite and no delete, so that no bug can destroy data. An object
//! never changes once it is created: creating it again with the same content succeeds, with other content it is a
//! conflict. Data objects are read against what their manifest states: [`Lake::open`].

mod gcs;
mod intact;
mod local;

use std::fmt;
use std::io::{self, Read};

use bytes::Bytes;
use tempfile::NamedTempFile;
use tracing::debug;

pub use gcs::GcsLake;
pub use local::LocalLake;

use intact::Intact;

use crate::exit::{Exit, Failure};
use crate::key::Key;
use crate::object::{Difference, Object, Stated};

/// The object store named by `LAKE_URL`.
#[derive(Debug, Clone)]
pub enum Lake {
    /// A directory.
    Local(LocalLake),
    /// A bucket of Cloud Storage.
    Gcs(GcsLake),
}

/// The content given to [`Lake::create`].
pub enum Content {
    /// A small object, whole in memory.
    Bytes(Bytes),
    /// A large one, in a file from [`Lake::spool`], which is consumed.
    File(NamedTempFile),
}

/// What [`Lake::create`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The object is new.
    Created,
    /// The same object already existed.
    Existed,
}

/// Why a lake operation failed. Messages contain the key.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// An object with that key and other content exists.
    #[error(
        "cannot create {key}: it exists with other content (new {new}, existing {existing}). Objects never change: \
         either two executions of different code created it, or the lake was altered; if so, remove the object and run \
         again"
    )]
    Conflict {
        /// The object's key.
        key: Key,
        /// SHA-256 of the refused content.
        new: String,
        /// SHA-256 of the existing content, and its generation if the store has generations.
        existing: String,
    },
    /// The object does not exist.
    #[error("{key} is not in the lake")]
    Missing {
        /// The object's key.
        key: Key,
    },
    /// The object is not the one that its manifest states.
    #[error(
        "{key} {difference}. Objects never change: find out what altered the lake, remove the object and run the stage \
         that creates it again"
    )]
    Altered {
        /// The object's key.
        key: Key,
        /// How it differs.
        difference: Difference,
    },
    /// There is something other than a file under the object's name, such as a pipe, from which nothing may be read.
    #[error("{key} is not a file: remove it from the lake and run again")]
    NotAFile {
        /// The object's key.
        key: Key,
    },
    /// The store refuses: the bucket does not exist, or permission is missing.
    #[error("not allowed to {verb} {key}, or the bucket does not exist")]
    Refused {
        /// What was tried.
        verb: &'static str,
        /// The object's key.
        key: Key,
        /// The store's error.
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
            LakeError::Conflict { .. } | LakeError::Altered { .. } => Exit::Bug,
            LakeError::Refused { .. } | LakeError::NotAFile { .. } => Exit::Configuration,
            LakeError::Missing { .. } | LakeError::Io { .. } => Exit::Upstream,
        };
        Failure::new(exit, error)
    }
}

fn altered(object: &Object, difference: Difference) -> LakeError {
    LakeError::Altered {
        key: object.key.clone(),
        difference,
    }
}

/// Returns the failure of reading from [`Lake::open`].
#[must_use]
pub fn read_failure(error: io::Error) -> Failure {
    match error.downcast::<LakeError>() {
        Ok(error) => error.into(),
        Err(error) => Failure::upstream(error),
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
    /// Stores `content` under `key`, atomically and durably, unless it already exists.
    ///
    /// # Errors
    /// [`LakeError::Conflict`] if the object exists with other content, [`LakeError::Io`] if the store fails. Nothing
    /// is left half done.
    pub async fn create(&self, key: &Key, content: Content) -> Result<Created, LakeError> {
        match self {
            Lake::Local(lake) => {
                let (lake, key) = (lake.clone(), key.clone());
                blocking(move || lake.create(&key, content)).await
            }
            Lake::Gcs(lake) => lake.create(key, content).await,
        }
    }

    /// Returns the whole object, or `None` if it does not exist. Meant for small objects: manifests, hand-overs,
    /// receipts.
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

    /// Returns a blocking reader of the object's bytes, which fails in place of its end if they are not those that the
    /// manifest states. [`read_failure`] has the exit of its errors.
    ///
    /// # Errors
    /// [`LakeError::Missing`] if it does not exist, [`LakeError::Altered`] if the store already states something else.
    pub async fn open(&self, object: &Object) -> Result<Box<dyn Read + Send>, LakeError> {
        let content = match self {
            Lake::Local(lake) => {
                let (lake, object) = (lake.clone(), object.clone());
                blocking(move || lake.open(&object)).await?
            }
            Lake::Gcs(lake) => lake.open(object).await?,
        };
        Ok(Box::new(Intact::new(content, object.clone())))
    }

    /// Whether the lake has the object as its manifest states it, as far as the store knows without reading it: the
    /// length, and in Cloud Storage the checksum.
    pub async fn has(&self, object: &Object) -> Result<bool, LakeError> {
        let stated = self.look_up(object).await?;
        Ok(stated.is_some_and(|stated| stated.compare(object).is_ok()))
    }

    /// Checks that the object is the one that its manifest states, for a reader that does not check this itself. Cloud
    /// Storage states the checksum of what it stores; a file is read.
    ///
    /// # Errors
    /// [`LakeError::Missing`] if it does not exist, [`LakeError::Altered`] if it is another one.
    pub async fn verify(&self, object: &Object) -> Result<(), LakeError> {
        let key = || object.key.clone();
        let stated = self.look_up(object).await?;
        let stated = stated.ok_or_else(|| LakeError::Missing { key: key() })?;
        stated
            .compare(object)
            .map_err(|difference| altered(object, difference))?;
        if stated.crc32c.is_some() && object.crc32c.is_some() {
            return Ok(());
        }
        let mut content = self.open(object).await?;
        let read = blocking(move || io::copy(&mut content, &mut io::sink())).await;
        read.map(|_| ()).map_err(|error| {
            error.downcast().unwrap_or_else(|source| LakeError::Io {
                verb: "read",
                key: key(),
                source,
            })
        })
    }

    /// Returns what the store states of the object; `None` if it does not exist.
    async fn look_up(&self, object: &Object) -> Result<Option<Stated>, LakeError> {
        match self {
            Lake::Local(lake) => {
                let (lake, key) = (lake.clone(), object.key.clone());
                blocking(move || lake.look_up(&key)).await
            }
            Lake::Gcs(lake) => lake.look_up(&object.key).await,
        }
    }

    /// Returns an empty temporary file for large content, which [`Lake::create`] can take over.
    pub fn spool(&self) -> io::Result<NamedTempFile> {
        match self {
            Lake::Local(lake) => lake.spool(),
            Lake::Gcs(lake) => lake.spool(),
        }
    }

    /// Returns the location of `key`, for people.
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
