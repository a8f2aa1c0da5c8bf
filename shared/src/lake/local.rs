use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tempfile::NamedTempFile;

use super::{Content, Created, Key, LakeError, digest_of_file};
use crate::fingerprint::Digest;

/// A directory below the lake's for files that are not objects yet. No key starts with a dot.
const SPOOL: &str = ".spool";

/// A file that stays in the spool for longer was left by a killed process.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);

/// A lake in a directory.
///
/// An object appears under its name by `link(2)`, which fails if the name is taken, once its bytes are on disk;
/// `create` syncs the folder before it returns. A killed process leaves at most a file in the spool.
#[derive(Debug, Clone)]
pub struct LocalLake {
    directory: PathBuf,
}

impl LocalLake {
    /// Returns the lake in `directory`, which is created if it does not exist.
    pub fn new(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        let spool = directory.join(SPOOL);
        fs::create_dir_all(&spool)?;
        remove_abandoned(&spool)?;
        Ok(Self { directory })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn path(&self, key: &Key) -> PathBuf {
        self.directory.join(key.as_str())
    }

    pub(super) fn spool(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.directory.join(SPOOL))
    }

    pub(super) fn create(&self, key: &Key, content: Content) -> Result<Created, LakeError> {
        let failed = |source| LakeError::Io {
            verb: "create",
            key: key.clone(),
            source,
        };
        let path = self.path(key);
        // Checked first because most objects exist in a replay, and comparing writes nothing to disk.
        if path.try_exists().map_err(failed)? {
            return self.existed(key, content);
        }
        let file = match content {
            Content::File(file) => file,
            Content::Bytes(bytes) => {
                let mut file = self.spool().map_err(failed)?;
                file.write_all(&bytes).map_err(failed)?;
                file
            }
        };
        file.as_file().sync_all().map_err(failed)?;
        let folder = path.parent().unwrap_or(&self.directory);
        self.create_folder(folder).map_err(failed)?;
        match fs::hard_link(file.path(), &path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return self.existed(key, Content::File(file));
            }
            Err(error) => return Err(failed(error)),
        }
        sync_directory(folder).map_err(failed)?;
        Ok(Created::Created)
    }

    /// Creates `folder` and its missing parents, and syncs each one's parent.
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent()
            && folder != self.directory
        {
            self.create_folder(parent)?;
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => sync_directory(parent)?,
            }
        }
        Ok(())
    }

    /// Returns the outcome of creating `content` under a key that is taken.
    fn existed(&self, key: &Key, content: Content) -> Result<Created, LakeError> {
        let failed = |source| LakeError::Io {
            verb: "compare",
            key: key.clone(),
            source,
        };
        let new = match content {
            Content::Bytes(bytes) => Digest::of(&bytes),
            Content::File(file) => digest_of_file(file.path()).map_err(failed)?,
        };
        let existing = digest_of_file(&self.path(key)).map_err(failed)?;
        if new == existing {
            Ok(Created::Existed)
        } else {
            Err(LakeError::Conflict {
                key: key.clone(),
                new: new.to_string(),
                existing: existing.to_string(),
            })
        }
    }

    pub(super) fn read(&self, key: &Key) -> Result<Option<Bytes>, LakeError> {
        match fs::read(self.path(key)) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LakeError::Io {
                verb: "read",
                key: key.clone(),
                source,
            }),
        }
    }

    pub(super) fn open(&self, key: &Key) -> Result<Box<dyn Read + Send>, LakeError> {
        match File::open(self.path(key)) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(LakeError::Missing { key: key.clone() })
            }
            Err(source) => Err(LakeError::Io {
                verb: "open",
                key: key.clone(),
                source,
            }),
        }
    }
}

fn remove_abandoned(spool: &Path) -> io::Result<()> {
    for entry in fs::read_dir(spool)? {
        let path = entry?.path();
        let written = match fs::metadata(&path) {
            Ok(metadata) => metadata.modified()?,
            // Another process moved it into the lake or removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if written.elapsed().is_ok_and(|age| age > ABANDONED_AFTER) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
