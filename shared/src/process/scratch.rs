//! Temporary directories that are removed even if a signal or a panic ends the process.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tempfile::{NamedTempFile, TempDir};

/// The directories of this process.
static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A temporary directory, made when it is first used and removed with its last clone.
#[derive(Debug, Clone)]
pub struct Scratch(Arc<Lazy>);

/// What stays where temporary files are for longer was left by a killed process.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);

#[derive(Debug)]
struct Lazy {
    parent: PathBuf,
    /// How its name begins.
    prefix: &'static str,
    directory: OnceLock<TempDir>,
}

impl Scratch {
    /// Returns a directory that will be in `parent`.
    #[must_use]
    pub fn new(parent: PathBuf) -> Self {
        Self::with_prefix(parent, ".tmp")
    }

    /// Returns a directory whose name will begin with `prefix`, where the system keeps temporary files. Those of the
    /// same prefix that were left there a day ago are removed, as far as possible.
    #[must_use]
    pub fn named(prefix: &'static str) -> Self {
        let parent = env::temp_dir();
        remove_abandoned(&parent, prefix).ok();
        Self::with_prefix(parent, prefix)
    }

    fn with_prefix(parent: PathBuf, prefix: &'static str) -> Self {
        Self(Arc::new(Lazy {
            parent,
            prefix,
            directory: OnceLock::new(),
        }))
    }

    /// Returns its path.
    pub fn path(&self) -> io::Result<&Path> {
        let Lazy {
            parent,
            prefix,
            directory,
        } = &*self.0;
        if directory.get().is_none() {
            let new = TempDir::with_prefix_in(prefix, parent)?;
            live(|live| live.push(new.path().to_owned()));
            // If another thread was first, this one's is removed again.
            if let Err(second) = directory.set(new) {
                forget(second.path());
            }
        }
        // It was set above.
        directory
            .get()
            .map(TempDir::path)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// Returns a new file in it, which is removed when dropped.
    pub fn file(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.path()?)
    }

    /// Leaves the directory for people to look into, if this is the last clone.
    pub fn keep(self) {
        if let Some(directory) = Arc::into_inner(self.0).and_then(|mut lazy| lazy.directory.take())
        {
            forget(&directory.keep());
        }
    }
}

/// A directory where the system keeps temporary files.
impl Default for Scratch {
    fn default() -> Self {
        Self::new(env::temp_dir())
    }
}

impl Drop for Lazy {
    fn drop(&mut self) {
        if let Some(directory) = self.directory.get() {
            forget(directory.path());
        }
    }
}

/// Removes every directory of this process, because it ends now. Threads that still write into one get errors.
pub(crate) fn remove_all() {
    for directory in live(std::mem::take) {
        // A file may be created meanwhile. What is left in a lake's spool is removed a day later.
        for _ in 0..3 {
            if fs::remove_dir_all(&directory).is_ok() {
                break;
            }
        }
    }
}

/// Removes what was left in `folder` a day ago and has a name that begins with `prefix`.
pub(crate) fn remove_abandoned(folder: &Path, prefix: &str) -> io::Result<()> {
    // Another process may move an entry into the lake or remove it.
    let unless_gone = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let path = entry.path();
        // Of a link itself, which is not followed.
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) => {
                unless_gone(error)?;
                continue;
            }
        };
        let age = metadata.modified()?.elapsed();
        if age.is_ok_and(|age| age > ABANDONED_AFTER) {
            let removed = if metadata.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.or_else(unless_gone)?;
        }
    }
    Ok(())
}

fn forget(directory: &Path) {
    live(|live| live.retain(|other| other != directory));
}

fn live<T>(change: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
    change(&mut LIVE.lock().unwrap_or_else(PoisonError::into_inner))
}
