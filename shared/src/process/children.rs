//! Child processes that end before this process does, even if a signal or a panic ends it.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The children of this process.
static LIVE: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

/// A child process, which is killed when this is dropped.
#[derive(Debug)]
pub struct OwnChild(Arc<Mutex<Child>>);

impl OwnChild {
    /// Takes charge of `child`.
    #[must_use]
    pub fn new(child: Child) -> Self {
        let child = Arc::new(Mutex::new(child));
        locked(&LIVE).push(Arc::clone(&child));
        Self(child)
    }

    /// Kills it, unless it has ended, and waits until it has.
    pub fn kill(&self) -> io::Result<ExitStatus> {
        end(&self.0)
    }

    /// Waits until it has ended.
    pub fn wait(&self) -> io::Result<ExitStatus> {
        locked(&self.0).wait()
    }
}

impl Drop for OwnChild {
    fn drop(&mut self) {
        self.kill().ok();
        locked(&LIVE).retain(|other| !Arc::ptr_eq(other, &self.0));
    }
}

/// Kills every child of this process, because it ends now, and waits until they have ended: they write no more files.
pub(crate) fn kill_all() {
    for child in &*locked(&LIVE) {
        end(child).ok();
    }
}

fn end(child: &Mutex<Child>) -> io::Result<ExitStatus> {
    let mut child = locked(child);
    child.kill()?;
    child.wait()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
