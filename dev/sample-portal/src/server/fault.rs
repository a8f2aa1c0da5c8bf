//! Faults in answers, on demand.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use loopback_server::body::{self, Body};

/// Breaks the next `times` answers whose path contains `path_contains`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A substring of the path.
    pub path_contains: String,
    /// The kind of fault.
    pub kind: FaultKind,
    /// The number of answers to break.
    pub times: u32,
}

/// A kind of fault in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// This status in place of the answer, with a `Retry-After` of this many seconds.
    Status(u16, Option<u64>),
    /// The connection is closed after this many bytes of the body.
    TruncateAt(usize),
    /// The body is sent at this many bytes per second.
    Slow(u32),
    /// The body stops halfway, and the connection stays open.
    Stall,
    /// The connection is closed without an answer.
    Reset,
}

/// Parses `status:503`, `status:429:2`, `truncate:1000`, `slow:65536`, `stall`, `reset`.
impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let kind = match parts[..] {
            ["stall"] => Some(Self::Stall),
            ["reset"] => Some(Self::Reset),
            ["truncate", bytes] => bytes.parse().ok().map(Self::TruncateAt),
            ["slow", rate] => rate.parse().ok().filter(|rate| *rate > 0).map(Self::Slow),
            ["status", status] => status.parse().ok().map(|status| Self::Status(status, None)),
            ["status", status, seconds] => (status.parse().ok())
                .zip(seconds.parse().ok())
                .map(|(status, seconds)| Self::Status(status, Some(seconds))),
            _ => None,
        };
        kind.ok_or_else(|| {
            format!("{text:?} is not a fault: use status:503, status:429:2, truncate:1000, slow:65536, stall or reset")
        })
    }
}

/// The pending faults.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
    }

    /// Takes the fault of the next answer for `path`.
    pub(super) fn take(&self, path: &str) -> Option<FaultKind> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults
            .iter_mut()
            .find(|fault| fault.times > 0 && path.contains(&fault.path_contains))?;
        fault.times -= 1;
        Some(fault.kind)
    }
}

/// Returns `bytes` as a body with `fault`.
pub(super) fn body(bytes: &Bytes, fault: Option<FaultKind>) -> Body {
    match fault {
        Some(FaultKind::TruncateAt(length)) => body::truncated(bytes, length),
        Some(FaultKind::Stall) => body::stalled(bytes),
        Some(FaultKind::Slow(bytes_per_second)) => body::slow(bytes.clone(), bytes_per_second),
        Some(FaultKind::Status(..) | FaultKind::Reset) | None => body::whole(bytes.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::FaultKind;

    #[test]
    fn kinds_are_read() {
        for (text, kind) in [
            ("status:503", FaultKind::Status(503, None)),
            ("status:429:2", FaultKind::Status(429, Some(2))),
            ("truncate:1000", FaultKind::TruncateAt(1000)),
            ("slow:65536", FaultKind::Slow(65536)),
            ("stall", FaultKind::Stall),
            ("reset", FaultKind::Reset),
        ] {
            assert_eq!(text.parse(), Ok(kind));
        }
        for wrong in ["", "slow:0", "status:abc", "flood"] {
            assert!(wrong.parse::<FaultKind>().is_err(), "{wrong}");
        }
    }
}
