//! The horizon: the time after which no request of a file can have been created.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use shared::manifest::Source;

/// The clocks and time zones of publishers differ by less.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

/// The time at which the publisher last changed a file, or else at which a run observed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Horizon {
    moment: Timestamp,
    is_observed: bool,
}

impl Horizon {
    /// Returns the publisher's date if it is known, else the run's observation; in a replay of a manifest, which has neither,
    /// the date under which the content was first seen. If that is later than the publisher's date, it counts instead: the
    /// publisher may put an earlier date back, but not requests that were created after it.
    pub(crate) fn of(
        source: &Source,
        published_at: Option<Timestamp>,
        observed_at: Option<Timestamp>,
    ) -> Option<Self> {
        let first = source.published_at();
        let published =
            published_at.map(|moment| Self::published(first.unwrap_or(moment).max(moment)));
        published
            .or(observed_at.map(Self::observed))
            .or(first.map(Self::published))
    }

    pub(crate) fn published(moment: Timestamp) -> Self {
        Self {
            moment,
            is_observed: false,
        }
    }

    fn observed(moment: Timestamp) -> Self {
        Self {
            moment,
            is_observed: true,
        }
    }

    /// Whether a request created at `moment` is too late: a day or more after it.
    pub(crate) fn is_before(&self, moment: Timestamp) -> bool {
        moment.duration_since(self.moment) > TOLERANCE
    }

    /// Returns the latest time that is not too late, in microseconds since 1970 UTC.
    pub(crate) fn latest_micros(self) -> i64 {
        self.moment.as_microsecond() + 24 * 3_600_000_000
    }
}

/// Formats the horizon as `published at 2026-11-01T00:00:00Z` or `observed at 2026-11-01T00:00:00Z`.
impl fmt::Display for Horizon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_observed {
            "observed"
        } else {
            "published"
        };
        write!(f, "{what} at {}", self.moment)
    }
}
