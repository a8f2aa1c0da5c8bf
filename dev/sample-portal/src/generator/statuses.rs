//! The statuses of requests over time.

use fastrand::Rng;
use jiff::civil::DateTime;

use super::{Edition, Row};
use crate::published::{ClosingLaw, Plan};

/// The first year with today's statuses.
const COMPLETED_SINCE: i16 = 2022;

/// The percentage of requests with an unknown status, about as in 2022-2025.
const UNKNOWN: f64 = 1.0;

/// The course of a request, independent of the date of observation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// It always has this status.
    Fixed(&'static str),
    /// It is new, then in progress, and closed on some day. Days count from the first of January.
    Drawn {
        worked_on: u32,
        end: Option<u32>,
        is_cancelled: bool,
    },
}

impl Fate {
    /// Returns the course of a request created at `moment`, according to `law`.
    pub(super) fn drawn(law: &ClosingLaw, moment: DateTime, rng: &mut Rng) -> Self {
        // This always draws the same number of random numbers, so that the next request does not depend on this one's
        // course.
        let (end, days) = (rng.f64() * 100.0, law.days(rng.f64()));
        let is_unknown = rng.f64() * 100.0 < UNKNOWN;
        if is_unknown {
            return Self::Fixed("Unknown");
        }
        let created = u32::from(moment.day_of_year().unsigned_abs()) - 1;
        Self::Drawn {
            // Work begins after a third of the request's duration.
            worked_on: created + days.div_ceil(3),
            end: (end >= law.never).then_some(created + days),
            is_cancelled: end < law.never + law.cancelled,
        }
    }
}

/// The statuses of an edition, in its year's spelling.
pub(super) struct Statuses {
    year: i16,
    /// The day of the edition. Changes on that day are not included yet.
    as_of: u32,
    corrections: usize,
}

impl Statuses {
    pub(super) fn new(plan: &Plan, edition: Edition) -> Self {
        let first = jiff::civil::date(plan.year, 1, 1);
        let days = first.duration_until(edition.as_of(plan.year)).as_hours() / 24;
        Self {
            year: plan.year,
            as_of: u32::try_from(days).unwrap_or_default(),
            corrections: edition.corrections as usize,
        }
    }

    /// Returns the status of `row`, which belongs to `section`.
    pub(super) fn of(&self, row: &Row, section: &str) -> &'static str {
        let (worked_on, end, is_cancelled) = match row.fate {
            Fate::Fixed(status) => return status,
            Fate::Drawn {
                worked_on,
                end,
                is_cancelled,
            } => (worked_on, end, is_cancelled),
        };
        let [new, in_progress, completed] = match section {
            _ if self.year < COMPLETED_SINCE => ["Initiated", "In-Progress", "Closed"],
            // The City's other system and its spellings.
            "TMC" => ["Initiated", "In-progress ", "Closed"],
            "Traffic Ops" => ["New", "In-Progress", "Completed"],
            _ => ["New", "In Progress", "Completed"],
        };
        let is_corrected = row.number % 10 < self.corrections;
        if end.is_some_and(|end| end < self.as_of) {
            if is_cancelled { "Cancelled" } else { completed }
        } else if is_corrected {
            completed
        } else if worked_on < self.as_of {
            in_progress
        } else {
            new
        }
    }
}
