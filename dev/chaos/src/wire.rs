//! The ways in which a service answers wrongly, drawn from a seed.

use std::fmt;

use emulators::google_error;
use fastrand::Rng;
use hyper::header::LOCATION;
use loopback_server::fault::{Fault, FaultKind};

use crate::scenario::Service;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The service is down: connections are refused.
    Refused,
    /// The connection is closed without an answer, and the service has not seen the request.
    Reset,
    /// The connection is closed within the answer.
    Truncated,
    /// The answer stops, and the connection stays open.
    Stalled,
    /// 429, with a `Retry-After`.
    TooMany,
    /// 500, 502, 503 or 504.
    Failed,
    /// The answer is shorter than it should be, and states that length.
    Shortened,
    /// A bit of the answer is wrong.
    Corrupted,
    /// The service gets the request twice.
    Repeated,
    /// The service processes the request, and the connection is closed without its answer.
    LostAnswer,
    /// 401: the token has expired.
    Expired,
    /// A redirect to a host that has nothing to do with it.
    Elsewhere,
}

impl Kind {
    /// Those that a service can have, in the order in which seeds go through them.
    #[must_use]
    pub fn of(service: Service) -> Vec<Self> {
        use Kind::{
            Corrupted, Elsewhere, Expired, Failed, LostAnswer, Refused, Repeated, Reset, Shortened,
            Stalled, TooMany, Truncated,
        };
        let mut kinds = vec![
            Reset, Failed, Truncated, LostAnswer, TooMany, Shortened, Elsewhere, Refused, Stalled,
        ];
        match service {
            // It has no token, and requests to it change nothing.
            Service::Portal => kinds.push(Corrupted),
            Service::Storage => kinds.extend([Corrupted, Repeated, Expired]),
            // Nothing but TLS protects its answers, which are JSON without a checksum.
            Service::Warehouse => kinds.extend([Repeated, Expired]),
        }
        kinds
    }

    /// The exit codes that advise rightly about it. A job may also get over it.
    #[must_use]
    pub fn honest_exits(self) -> &'static [i32] {
        match self {
            Self::Refused
            | Self::Reset
            | Self::Truncated
            | Self::Stalled
            | Self::TooMany
            | Self::Failed
            | Self::Shortened
            | Self::Corrupted
            | Self::Repeated
            | Self::LostAnswer => &[0, 30],
            // Whether an operator or a retry can help, a client cannot know.
            Self::Expired | Self::Elsewhere => &[0, 10, 20, 30],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::Stalled => "stalled",
            Self::TooMany => "429",
            Self::Failed => "5xx",
            Self::Shortened => "wrong length",
            Self::Corrupted => "corrupted byte",
            Self::Repeated => "duplicate",
            Self::LostAnswer => "lost acknowledgement",
            Self::Expired => "expired token",
            Self::Elsewhere => "redirect elsewhere",
        })
    }
}

/// A fault that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// Its kind.
    pub kind: Kind,
    /// The request that it breaks, from 0.
    pub request: u32,
    /// The number of requests that it breaks.
    pub times: u32,
    /// The fault of the service; `None` if the service is down.
    pub fault: Option<Fault>,
}

/// The fault breaks every request from its first on.
const FOREVER: u32 = u32::MAX;
/// The portal's downloads.
const ZIPS: u32 = 3;

impl Drawn {
    /// Draws the fault of `seed` for a job that sends `requests` requests to `service`. A redirect leads to `elsewhere`.
    #[must_use]
    pub fn of(seed: usize, service: Service, requests: usize, elsewhere: &str) -> Self {
        let mut rng = Rng::with_seed(seed as u64);
        let kinds = Kind::of(service);
        let kind = kinds[seed % kinds.len()];
        // The portal's catalogue has no checksum. A download is a ZIP, which has one.
        let (target, requests) = match (service, kind) {
            (Service::Portal, Kind::Corrupted) => (".zip", ZIPS),
            _ => ("", u32::try_from(requests).unwrap_or(u32::MAX)),
        };
        let request = rng.u32(..requests.max(1));
        let times = match kind {
            // A minute each.
            Kind::Stalled => 1,
            _ => *rng.choice(&[1, 1, 2, FOREVER]).unwrap_or(&1),
        };
        let sent = rng.usize(..2_000);
        let fault = match kind {
            Kind::Refused => None,
            Kind::Reset => Some(FaultKind::Reset),
            Kind::Truncated => Some(FaultKind::TruncateAt(sent)),
            Kind::Stalled => Some(FaultKind::StallAt(sent)),
            Kind::TooMany => Some(google_error(429, "rateLimitExceeded").retry_after(1)),
            Kind::Failed => {
                let status = *rng.choice(&[500, 502, 503, 504]).unwrap_or(&500);
                Some(google_error(status, "backendError"))
            }
            Kind::Shortened => Some(FaultKind::ShortenTo(sent)),
            Kind::Corrupted => Some(FaultKind::Flip),
            Kind::Repeated => Some(FaultKind::Repeat),
            Kind::LostAnswer => Some(FaultKind::LoseAnswer),
            Kind::Expired => Some(google_error(401, "authError")),
            Kind::Elsewhere => Some(FaultKind::Answer {
                status: 307,
                headers: vec![(LOCATION, elsewhere.to_owned())],
                body: String::new(),
            }),
        };
        let fault = fault.map(|kind| Fault::new(target, kind).after(request).times(times));
        Self {
            kind,
            request,
            times,
            fault,
        }
    }
}

/// Formats `reset of request 4, twice`.
impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fault.is_none() {
            return write!(f, "{}", self.kind);
        }
        write!(f, "{}, request {}", self.kind, self.request + 1)?;
        match self.times {
            1 => Ok(()),
            FOREVER => f.write_str(" and all that follow"),
            times => write!(f, " and {} more", times - 1),
        }
    }
}
