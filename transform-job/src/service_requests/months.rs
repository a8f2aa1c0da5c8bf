//! Collects the rows of each month and determines when a month is complete.

use shared::exit::Failure;

use super::reading::ParseError;
use super::row::{MonthRows, Row, Values};

const DAY_MICROS: i64 = 86_400_000_000;

const MONTHS: u8 = 12;

/// The rows of each month that was not handed on yet.
pub(super) struct Months {
    /// By month, from 1.
    rows: [Vec<Row>; 1 + MONTHS as usize],
    /// The latest month seen.
    latest: u8,
    /// The month up to which all months were handed on.
    handed_on: u8,
    /// The wall-clock time from which the months before the latest are complete.
    complete_at: i64,
    /// Whether months are handed on before the end of the file.
    hand_on_early: bool,
}

/// A receiver of the rows of a complete month.
pub(super) type Sink<'a> = &'a mut dyn FnMut(MonthRows) -> Result<(), Failure>;

impl Months {
    pub(super) fn new(hand_on_early: bool) -> Self {
        Self {
            rows: std::array::from_fn(|_| Vec::new()),
            latest: 0,
            handed_on: 0,
            complete_at: i64::MAX,
            hand_on_early,
        }
    }

    /// Adds a row. Returns whether the months before the latest are now complete: one day into the new month, in a file
    /// that is in chronological order except for neighbouring lines.
    pub(super) fn add(&mut self, month: u8, row: Row) -> Result<bool, ParseError> {
        if month <= self.handed_on {
            return Err(ParseError::Disorder {
                line: row.line.into(),
            });
        }
        if month > self.latest {
            if self.latest > 0 && self.hand_on_early {
                self.complete_at = row.created_local + DAY_MICROS;
            }
            self.latest = month;
        }
        self.rows[usize::from(month)].push(row);
        Ok(row.created_local >= self.complete_at)
    }

    /// Hands the months before the latest to `sink`.
    pub(super) fn hand_on_complete(
        &mut self,
        values: &Values,
        sink: Sink,
    ) -> Result<(), ParseError> {
        self.complete_at = i64::MAX;
        self.handed_on = self.latest - 1;
        self.hand_on(self.handed_on, values, sink)
    }

    /// Hands all remaining months to `sink`.
    pub(super) fn hand_on_all(&mut self, values: &Values, sink: Sink) -> Result<(), ParseError> {
        self.hand_on(MONTHS, values, sink)
    }

    fn hand_on(&mut self, last: u8, values: &Values, sink: Sink) -> Result<(), ParseError> {
        for month in 1..=last {
            let rows = std::mem::take(&mut self.rows[usize::from(month)]);
            if rows.is_empty() {
                continue;
            }
            let values = values.clone();
            sink(MonthRows {
                month,
                rows,
                values,
            })
            .map_err(ParseError::Month)?;
        }
        Ok(())
    }
}
