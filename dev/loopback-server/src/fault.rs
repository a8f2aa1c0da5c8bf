//! Faults in answers, on demand.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Response, StatusCode, Version};

use crate::body::{self, Body};

/// Breaks the answers to matching requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    method: Option<&'static str>,
    target_contains: String,
    after: u32,
    times: u32,
    kind: FaultKind,
}

impl Fault {
    /// Breaks the next answer to a request whose path and query contain `target`.
    pub fn new(target: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            method: None,
            target_contains: target.into(),
            after: 0,
            times: 1,
            kind,
        }
    }

    /// Restricts the fault to requests with this method.
    #[must_use]
    pub fn method(self, method: &'static str) -> Self {
        Self {
            method: Some(method),
            ..self
        }
    }

    /// Answers this many matching requests correctly first.
    #[must_use]
    pub fn after(self, after: u32) -> Self {
        Self { after, ..self }
    }

    /// Breaks this many answers instead of one.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    fn matches(&self, method: &Method, target: &str) -> bool {
        self.times > 0
            && self.method.is_none_or(|expected| method == expected)
            && target.contains(&self.target_contains)
    }
}

/// A kind of fault in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Sends this answer, and the handler never sees the request.
    Answer {
        /// The status.
        status: u16,
        /// The headers in addition to the length.
        headers: Vec<(HeaderName, String)>,
        /// The body.
        body: String,
    },
    /// Lets the handler process the request, and sends this body with status 200 in place of its answer.
    ReplaceAnswer(String),
    /// Closes the connection without an answer, and the handler never sees the request.
    Reset,
    /// Lets the handler process the request, and closes the connection without its answer.
    LoseAnswer,
    /// The network delivers the request twice. A handler that proxies requests sees to it; to others it is not a fault.
    Repeat,
    /// Delays the request to the handler.
    Delay(Duration),
    /// Closes the connection after this many bytes of the body.
    TruncateAt(usize),
    /// Sends only this many bytes of the body, and that number as its length.
    ShortenTo(usize),
    /// Stops after this many bytes of the body, and leaves the connection open.
    StallAt(usize),
    /// Sends the body at this many bytes per second.
    Slow(u32),
    /// Sends the body without its length, so that it ends with the connection.
    WithoutLength,
    /// Flips a bit in the middle of the body.
    Flip,
}

impl FaultKind {
    /// Returns an answer with this status and no content.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// Adds a `Retry-After` of this many seconds to an answer.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((RETRY_AFTER, seconds.to_string()));
        }
        self
    }
}

/// Parses `status:503`, `status:429:2`, `truncate:1000`, `stall:1000`, `slow:65536`, `reset`.
impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let kind = match parts[..] {
            ["reset"] => Some(Self::Reset),
            ["truncate", bytes] => bytes.parse().ok().map(Self::TruncateAt),
            ["stall", bytes] => bytes.parse().ok().map(Self::StallAt),
            ["slow", rate] => rate.parse().ok().filter(|rate| *rate > 0).map(Self::Slow),
            ["status", status] => status.parse().ok().map(Self::status),
            ["status", status, seconds] => (status.parse().ok())
                .zip(seconds.parse().ok())
                .map(|(status, seconds)| Self::status(status).retry_after(seconds)),
            _ => None,
        };
        kind.ok_or_else(|| {
            format!(
                "{text:?} is not a fault: use status:503, status:429:2, truncate:1000, stall:1000, slow:65536 or reset"
            )
        })
    }
}

/// The pending faults of a server.
#[derive(Debug, Default)]
pub struct Faults {
    pending: Mutex<Vec<Fault>>,
    happened: AtomicU32,
}

impl Faults {
    fn all(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of answers broken so far.
    #[must_use]
    pub fn happened(&self) -> u32 {
        self.happened.load(Ordering::Relaxed)
    }

    /// Adds a fault, which follows those that match the same requests.
    pub fn add(&self, fault: Fault) {
        self.all().push(fault);
    }

    /// Whether all faults have happened.
    #[must_use]
    pub fn are_over(&self) -> bool {
        self.all().iter().all(|fault| fault.times == 0)
    }

    /// Removes all pending faults.
    pub fn clear(&self) {
        self.all().clear();
    }

    /// Returns the handler's `answer` to a request, broken by the next fault that matches the request.
    ///
    /// # Errors
    /// Fails if the handler does, and if the fault closes the connection.
    pub async fn answer(
        &self,
        method: &Method,
        target: &str,
        answer: impl Future<Output = anyhow::Result<Response<Bytes>>>,
    ) -> anyhow::Result<Response<Body>> {
        send(self.take(method, target), answer).await
    }

    /// Returns the fault of the next answer to such a request, which counts as broken with it.
    pub fn take(&self, method: &Method, target: &str) -> Option<FaultKind> {
        let mut faults = self.all();
        let fault = faults
            .iter_mut()
            .find(|fault| fault.matches(method, target))?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times -= 1;
        self.happened.fetch_add(1, Ordering::Relaxed);
        Some(fault.kind.clone())
    }
}

/// Returns the handler's `answer`, broken by `fault`. It has a length unless the handler set one.
///
/// # Errors
/// Fails if the handler does, and if the fault closes the connection.
pub async fn send(
    fault: Option<FaultKind>,
    answer: impl Future<Output = anyhow::Result<Response<Bytes>>>,
) -> anyhow::Result<Response<Body>> {
    let answer = match &fault {
        Some(FaultKind::Answer {
            status,
            headers,
            body,
        }) => made(*status, headers, body)?,
        Some(FaultKind::Reset) => bail!("a fault on demand"),
        Some(FaultKind::LoseAnswer) => {
            answer.await?;
            bail!("a fault on demand")
        }
        Some(FaultKind::ReplaceAnswer(body)) => {
            answer.await?;
            made(200, &[], body)?
        }
        Some(FaultKind::Delay(duration)) => {
            tokio::time::sleep(*duration).await;
            answer.await?
        }
        _ => answer.await?,
    };
    let (mut head, mut bytes) = answer.into_parts();
    if let Some(FaultKind::ShortenTo(length)) = fault {
        bytes.truncate(length);
        head.headers.remove(CONTENT_LENGTH);
    }
    let has_length = ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&head.status);
    if fault == Some(FaultKind::WithoutLength) {
        // HTTP/1.1 would send chunks.
        head.version = Version::HTTP_10;
    } else if has_length && !head.headers.contains_key(CONTENT_LENGTH) {
        head.headers.insert(CONTENT_LENGTH, bytes.len().into());
    }
    let body = match fault {
        Some(FaultKind::TruncateAt(length)) => body::truncated(&bytes, length),
        Some(FaultKind::StallAt(length)) => body::stalled(&bytes, length),
        Some(FaultKind::Slow(bytes_per_second)) => body::slow(bytes, bytes_per_second),
        Some(FaultKind::Flip) => body::flipped(&bytes),
        _ => body::whole(bytes),
    };
    Ok(Response::from_parts(head, body))
}

fn made(
    status: u16,
    headers: &[(HeaderName, String)],
    body: &str,
) -> anyhow::Result<Response<Bytes>> {
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = StatusCode::from_u16(status)?;
    for (name, value) in headers {
        let value = HeaderValue::from_str(value)?;
        answer.headers_mut().insert(name, value);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::FaultKind;

    #[test]
    fn kinds_are_read() {
        for (text, kind) in [
            ("status:503", FaultKind::status(503)),
            ("status:429:2", FaultKind::status(429).retry_after(2)),
            ("truncate:1000", FaultKind::TruncateAt(1000)),
            ("stall:1000", FaultKind::StallAt(1000)),
            ("slow:65536", FaultKind::Slow(65536)),
            ("reset", FaultKind::Reset),
        ] {
            assert_eq!(text.parse(), Ok(kind));
        }
        for wrong in ["", "stall", "slow:0", "status:abc", "flood"] {
            assert!(wrong.parse::<FaultKind>().is_err(), "{wrong}");
        }
    }
}
