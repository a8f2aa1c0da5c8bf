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
    /// The number of rows that were not handed on yet.
    held: usize,
    max_rows: usize,
}

/// A receiver of the rows of a complete month.
pub(super) type Sink<'a> = &'a mut dyn FnMut(MonthRows) -> Result<(), Failure>;

impl Months {
    /// Holds up to `max_rows` at once.
    pub(super) fn new(hand_on_early: bool, max_rows: usize) -> Self {
        Self {
            rows: std::array::from_fn(|_| Vec::new()),
            latest: 0,
            handed_on: 0,
            complete_at: i64::MAX,
            hand_on_early,
            held: 0,
            max_rows,
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
        if self.held == self.max_rows {
            return Err(ParseError::TooManyRows {
                line: row.line.into(),
                max: self.max_rows,
            });
        }
        self.held += 1;
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
            self.held -= rows.len();
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::contract::Contract;

    use super::super::layout::Layout;
    use super::super::location::Fsa;
    use super::super::row::{RowClock, StreetCode};
    use super::super::timestamp::Clock;
    use super::*;

    fn hour() -> RowClock {
        let zone = Contract::rules().time_zone.clone();
        let mut clock = Clock::new(zone, 2024, Layout::YearMonthDay);
        let time = clock.read(b"2024-01-02 00:00:00").expect("a time");
        RowClock::new(time.hour)
    }

    fn row(line: u32, days: i64) -> Row {
        Row {
            identity: 0,
            created_local: days * DAY_MICROS,
            line,
            subject: 0,
            street_1: StreetCode::NONE,
            street_2: StreetCode::NONE,
            status: 0,
            ward: 0,
            fsa: Fsa::NONE,
            clock: hour(),
            is_repaired: false,
        }
    }

    /// A file may have any number of rows, but not in one month, nor in the whole of a file that is out of order.
    #[test]
    fn rows_in_memory_are_limited() {
        let values = Values {
            statuses: Arc::default(),
            wards: Arc::default(),
            subjects: Arc::default(),
            streets: Arc::default(),
        };
        for hand_on_early in [true, false] {
            let mut months = Months::new(hand_on_early, 25);
            let mut handed_on = 0;
            let mut refused = None;
            for (line, day) in (2..).zip(0..360) {
                let month = u8::try_from(day / 30 + 1).expect("of twelve");
                match months.add(month, row(line, day)) {
                    Ok(true) => months
                        .hand_on_complete(&values, &mut |month| {
                            handed_on += month.rows.len();
                            Ok(())
                        })
                        .expect("handed on"),
                    Ok(false) => {}
                    Err(error) => {
                        refused = Some(error.to_string());
                        break;
                    }
                }
            }
            let refused = refused.expect("a month has 30 rows");
            assert!(refused.contains("more than 25 requests"), "{refused}");
            assert!(refused.contains("line 27"), "{refused}");
            assert_eq!(handed_on, 0);
        }
        let mut months = Months::new(true, 32);
        for (line, day) in (2..).zip(0..360) {
            let month = u8::try_from(day / 30 + 1).expect("of twelve");
            if months
                .add(month, row(line, day))
                .expect("few in each month")
            {
                months
                    .hand_on_complete(&values, &mut |_| Ok(()))
                    .expect("handed on");
            }
        }
    }
}
