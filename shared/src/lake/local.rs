use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::NamedTempFile;

use super::{Content, Created, Key, LakeError, altered};
use crate::fingerprint::Digest;
use crate::object::{Object, Stated};
use crate::process::scratch::{Scratch, remove_abandoned};

/// A directory below the lake's for files that are not objects yet, in a directory for each process. No key starts with a
/// dot.
const SPOOL: &str = ".spool";

/// A lake in a directory.
///
/// An object appears under its name by `link(2)`, which fails if the name is taken, once its bytes are on disk;
/// `create` syncs the folder before it returns. A killed process leaves at most files in the spool.
#[derive(Debug, Clone)]
pub struct LocalLake {
    directory: PathBuf,
    spool: Scratch,
}

impl LocalLake {
    /// Returns the lake in `directory`, which is created if it does not exist.
    pub fn new(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        let spool = directory.join(SPOOL);
        fs::create_dir_all(&spool)?;
        // What is removed from it must not be elsewhere.
        if fs::symlink_metadata(&spool)?.is_symlink() {
            let problem = format!("{} is a symbolic link: remove it", spool.display());
            return Err(io::Error::other(problem));
        }
        remove_abandoned(&spool, "")?;
        Ok(Self {
            directory,
            spool: Scratch::new(spool),
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn path(&self, key: &Key) -> PathBuf {
        self.directory.join(key.as_str())
    }

    pub(super) fn spool(&self) -> io::Result<NamedTempFile> {
        self.spool.file()
    }

    pub(super) fn create(&self, key: &Key, content: Content) -> Result<Created, LakeError> {
        let failed = |source| LakeError::Io {
            verb: "create",
            key: key.clone(),
            source,
        };
        let path = self.path(key);
        // Checked first because most objects exist in a replay, and comparing writes nothing to disk.
        if self.find(key, "create")?.is_some() {
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
            Content::File(file) => Digest::of_file(file.path()).map_err(failed)?,
        };
        let existing = Digest::of_file(&self.path(key)).map_err(failed)?;
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

    /// Returns the metadata of the object's file; `None` if it does not exist. Anything but a file is refused before it is
    /// opened, because to open a pipe may take forever.
    fn find(&self, key: &Key, verb: &'static str) -> Result<Option<Metadata>, LakeError> {
        match fs::metadata(self.path(key)) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
            Ok(_) => Err(LakeError::NotAFile { key: key.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LakeError::Io {
                verb,
                key: key.clone(),
                source,
            }),
        }
    }

    pub(super) fn read(&self, key: &Key) -> Result<Option<Bytes>, LakeError> {
        if self.find(key, "read")?.is_none() {
            return Ok(None);
        }
        let read = fs::read(self.path(key));
        read.map(|bytes| Some(bytes.into()))
            .map_err(|source| LakeError::Io {
                verb: "read",
                key: key.clone(),
                source,
            })
    }

    pub(super) fn look_up(&self, key: &Key) -> Result<Option<Stated>, LakeError> {
        let found = self.find(key, "look up")?;
        Ok(found.map(|metadata| Stated {
            size_bytes: Some(metadata.len()),
            crc32c: None,
        }))
    }

    pub(super) fn open(&self, object: &Object) -> Result<Box<dyn Read + Send>, LakeError> {
        let key = &object.key;
        let stated = self.look_up(key)?;
        let stated = stated.ok_or_else(|| LakeError::Missing { key: key.clone() })?;
        stated
            .compare(object)
            .map_err(|difference| altered(object, difference))?;
        let file = File::open(self.path(key)).map_err(|source| LakeError::Io {
            verb: "open",
            key: key.clone(),
            source,
        })?;
        Ok(Box::new(file))
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
