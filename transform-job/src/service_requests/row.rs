//! A request in few bytes, and the tables of its codes.

use std::sync::Arc;

use super::location::{Fsa, Ward};
use super::refusal::Refusal;
use super::status::Status;
use super::subject::Subject;
use super::timestamp::{Anomaly, Hour};

/// A street's text; an error if the bytes are not text.
pub(super) type Street = Option<Arc<str>>;

/// A kept row. Texts are stored as codes of [`Values`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// XXH3-128 of what identifies the request. Its big-endian bytes are the request id.
    pub(super) identity: u128,
    /// Wall-clock time in microseconds since 1970.
    pub(super) created_local: i64,
    pub(super) line: u32,
    pub(super) subject: u32,
    pub(super) street_1: StreetCode,
    pub(super) street_2: StreetCode,
    pub(super) status: u16,
    pub(super) ward: u16,
    pub(super) fsa: Fsa,
    pub(super) clock: RowClock,
    /// Whether a comma of the division or the section was repaired.
    pub(super) is_repaired: bool,
}

impl Row {
    /// Microseconds since 1970 UTC.
    pub(super) fn created_at(&self) -> i64 {
        self.created_local + i64::from(self.clock.hours_behind_utc()) * 3_600_000_000
    }
}

/// A code of a street, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreetCode(u32);

impl StreetCode {
    pub(super) const NONE: StreetCode = StreetCode(0);

    pub(super) fn some(code: u32) -> Self {
        StreetCode(code + 1)
    }

    /// Returns the street's index in [`Values::streets`].
    pub(super) fn index(self) -> Option<u32> {
        self.0.checked_sub(1)
    }

    /// Returns 0 for none, else one more than the street's index in [`Values::streets`].
    pub(super) fn code(self) -> u32 {
        self.0
    }
}

/// The UTC offset and the anomaly of a row's hour, in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowClock(u8);

impl RowClock {
    /// The maximum value of the bits of [`RowClock::HOURS`].
    pub(super) const MAX_HOURS_BEHIND_UTC: u8 = Self::HOURS;

    const HOURS: u8 = 0b0001_1111;
    const FOLD: u8 = 0b0010_0000;
    const GAP: u8 = 0b0100_0000;

    pub(super) fn new(hour: Hour) -> Self {
        let anomaly = match hour.anomaly {
            Anomaly::None => 0,
            Anomaly::Fold => Self::FOLD,
            Anomaly::Gap => Self::GAP,
        };
        Self(hour.hours_behind_utc & Self::HOURS | anomaly)
    }

    pub(super) fn hours_behind_utc(self) -> u8 {
        self.0 & Self::HOURS
    }

    pub(super) fn anomaly(self) -> Anomaly {
        match self.0 & (Self::FOLD | Self::GAP) {
            Self::FOLD => Anomaly::Fold,
            Self::GAP => Anomaly::Gap,
            _ => Anomaly::None,
        }
    }
}

/// The distinct values of a file so far, by code.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) statuses: Arc<Vec<Result<Status, Refusal>>>,
    pub(super) wards: Arc<Vec<Ward>>,
    pub(super) subjects: Arc<Vec<Result<Subject, Refusal>>>,
    pub(super) streets: Arc<Vec<Street>>,
}

/// The kept rows of a month, in the order of the file.
#[derive(Debug)]
pub(super) struct MonthRows {
    pub(super) month: u8,
    pub(super) rows: Vec<Row>,
    pub(super) values: Values,
}

/// The bytes of a request that waits for the end of its month: a year of half a million takes 24 MB.
pub const ROW_BYTES: usize = size_of::<Row>();
