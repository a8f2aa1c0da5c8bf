//! Faults in answers, on demand.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use loopback_server::body::{self, Body};

use super::RequestLog;

/// Breaks the answers to matching requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The method.
    pub method: &'static str,
    /// A substring of the path and query.
    pub target_contains: String,
    /// The number of matching requests that are answered correctly first.
    pub after: u32,
    /// The number of answers that are then broken.
    pub times: u32,
    /// The kind of fault.
    pub kind: FaultKind,
}

/// A kind of fault in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Sends this answer without a request to the service.
    Answer {
        /// The status.
        status: u16,
        /// Headers in addition to the content type.
        headers: Vec<(&'static str, String)>,
        /// The body, JSON.
        body: String,
    },
    /// Closes the connection without an answer and without a request to the service.
    Reset,
    /// Lets the service process the request, and closes the connection without its answer.
    LoseAnswer,
    /// Closes the connection after this many bytes of the body.
    TruncateAt(usize),
    /// Flips a bit in the middle of the body.
    Flip,
    /// Delays the request to the service.
    Delay(Duration),
}

impl FaultKind {
    /// Returns an error in the format of Google's JSON APIs.
    #[must_use]
    pub fn error(status: u16, reason: &str) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: super::error(status, reason, reason),
        }
    }

    /// Returns 429 or 503 with a `Retry-After` of this many seconds.
    #[must_use]
    pub fn retry_after(status: u16, reason: &str, seconds: u32) -> Self {
        Self::Answer {
            status,
            headers: vec![("retry-after", seconds.to_string())],
            body: super::error(status, reason, reason),
        }
    }
}

/// The pending faults.
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

    /// Takes the fault of the answer to `request`.
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

/// Returns `bytes` as a body with `fault`.
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
