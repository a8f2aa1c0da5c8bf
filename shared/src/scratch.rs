//! Temporary directories that are removed even if a signal or a panic ends the process.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tempfile::{NamedTempFile, TempDir};

/// The directories of this process.
static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A temporary directory, made when it is first used and removed with its last clone.
#[derive(Debug, Clone)]
pub struct Scratch(Arc<Lazy>);

#[derive(Debug)]
struct Lazy {
    parent: PathBuf,
    directory: OnceLock<TempDir>,
}

impl Scratch {
    /// Returns a directory that will be in `parent`.
    #[must_use]
    pub fn new(parent: PathBuf) -> Self {
        Self(Arc::new(Lazy {
            parent,
            directory: OnceLock::new(),
        }))
    }

    /// Returns its path.
    pub fn path(&self) -> io::Result<&Path> {
        let Lazy { parent, directory } = &*self.0;
        if directory.get().is_none() {
            let new = TempDir::new_in(parent)?;
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

fn forget(directory: &Path) {
    live(|live| live.retain(|other| other != directory));
}

fn live<T>(change: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
    change(&mut LIVE.lock().unwrap_or_else(PoisonError::into_inner))
}
