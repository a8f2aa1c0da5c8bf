//! Answers broken on demand.

use std::io;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Frame;

/// Breaks the next `times` answers whose path contains `path_contains`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A part of the path.
    pub path_contains: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How often.
    pub times: u32,
}

/// What goes wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// This status in place of the answer, with a `Retry-After` of so many seconds.
    Status(u16, Option<u64>),
    /// The connection ends after so many bytes of the body.
    TruncateAt(u64),
    /// The body comes at so many bytes a second.
    Slow(u32),
    /// The body stops half-way, and the connection stays open.
    Stall,
    /// The connection ends without an answer.
    Reset,
}

/// `status:503`, `status:429:2`, `truncate:1000`, `slow:65536`, `stall`, `reset`.
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
            format!("{text:?} is no fault: status:503, status:429:2, truncate:1000, slow:65536, stall or reset")
        })
    }
}

/// The faults that are still to happen.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
    }

    /// The fault of the next answer for `path`, which is used up by it.
    pub(super) fn take(&self, path: &str) -> Option<FaultKind> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults
            .iter_mut()
            .find(|fault| fault.times > 0 && path.contains(&fault.path_contains))?;
        fault.times -= 1;
        Some(fault.kind)
    }
}

/// A body that may break off.
pub(super) type Body = BoxBody<Bytes, io::Error>;

/// `bytes` as a body that `fault` happens to.
pub(super) fn body(bytes: &Bytes, fault: Option<FaultKind>) -> Body {
    let broken = || Err(io::Error::other("a fault on demand"));
    let whole = |bytes: Bytes| stream::iter([Ok(Frame::data(bytes))]);
    match fault {
        Some(FaultKind::TruncateAt(length)) => {
            let length = usize::try_from(length)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let sent = whole(bytes.slice(..length));
            // The pause lets what was sent leave before the connection ends.
            let end = stream::once(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                broken()
            });
            BoxBody::new(StreamBody::new(sent.chain(end)))
        }
        Some(FaultKind::Stall) => {
            let sent = whole(bytes.slice(..bytes.len() / 2));
            BoxBody::new(StreamBody::new(sent.chain(stream::pending())))
        }
        Some(FaultKind::Slow(bytes_per_second)) => {
            let step = usize::try_from(bytes_per_second / 20)
                .unwrap_or(usize::MAX)
                .max(1);
            let pieces = (0..bytes.len()).step_by(step);
            let bytes = bytes.clone();
            let pieces = stream::iter(pieces).then(move |start| {
                let piece = bytes.slice(start..bytes.len().min(start + step));
                async {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok(Frame::data(piece))
                }
            });
            BoxBody::new(StreamBody::new(pieces))
        }
        Some(FaultKind::Status(..) | FaultKind::Reset) | None => {
            BoxBody::new(StreamBody::new(whole(bytes.clone())))
        }
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
