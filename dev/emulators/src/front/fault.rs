//! Answers broken on demand.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use loopback_server::body::{self, Body};

use super::RequestLog;

/// Breaks answers to the requests it fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The method.
    pub method: &'static str,
    /// A part of the path and query.
    pub target_contains: String,
    /// So many requests that fit are answered well before.
    pub after: u32,
    /// So many are broken then.
    pub times: u32,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// What goes wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// This answer comes in place of the service's, which is not asked.
    Answer {
        /// The status.
        status: u16,
        /// Headers beside the content type.
        headers: Vec<(&'static str, String)>,
        /// JSON.
        body: String,
    },
    /// The connection ends without an answer, and the service is not asked.
    Reset,
    /// The service does what it is asked, and the connection ends without its answer.
    LoseAnswer,
    /// The connection ends after so many bytes of the body.
    TruncateAt(usize),
    /// A bit in the middle of the body is flipped.
    Flip,
    /// The service is asked after so long.
    Delay(Duration),
}

impl FaultKind {
    /// An error as Google's JSON APIs answer it.
    #[must_use]
    pub fn error(status: u16, reason: &str) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: super::error(status, reason, reason),
        }
    }

    /// 429 or 503 with a `Retry-After` of so many seconds.
    #[must_use]
    pub fn retry_after(status: u16, reason: &str, seconds: u32) -> Self {
        Self::Answer {
            status,
            headers: vec![("retry-after", seconds.to_string())],
            body: super::error(status, reason, reason),
        }
    }
}

/// The faults that are still to happen.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    fn all(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, fault: Fault) {
        self.all().push(fault);
    }

    pub(super) fn are_over(&self) -> bool {
        self.all().iter().all(|fault| fault.times == 0)
    }

    pub(super) fn clear(&self) {
        self.all().clear();
    }

    /// The fault of the answer to `request`, which is used up by it.
    pub(super) fn take(&self, request: &RequestLog) -> Option<FaultKind> {
        let mut faults = self.all();
        let fault = faults.iter_mut().find(|fault| {
            fault.times > 0
                && request.method == fault.method
                && request.target.contains(&fault.target_contains)
        })?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.kind.clone())
    }
}

/// `bytes` as a body that `fault` happens to.
pub(super) fn body(bytes: &Bytes, fault: Option<&FaultKind>) -> Body {
    match fault {
        Some(FaultKind::TruncateAt(length)) => body::truncated(bytes, *length),
        Some(FaultKind::Flip) => {
            let mut flipped = bytes.to_vec();
            let middle = flipped.len() / 2;
            if let Some(byte) = flipped.get_mut(middle) {
                *byte ^= 1;
            }
            body::whole(flipped.into())
        }
        _ => body::whole(bytes.clone()),
    }
}
