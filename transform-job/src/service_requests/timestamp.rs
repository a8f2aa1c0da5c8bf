//! Converts published wall-clock times to points in time.

use jiff::civil::{self, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::layout::{Layout, parse_digits};
use super::refusal::Reason;
use super::text::trim;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// The anomaly of a wall-clock time on a day when the clocks change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anomaly {
    None,
    /// The clock shows it twice; it is read as the earlier one.
    Fold,
    /// The clock skips it; it is read as one hour later.
    Gap,
}

/// An hour on the wall clock. All times in it have the same offset, because clocks change on the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hour {
    /// The start of the hour, wall-clock time in microseconds since 1970.
    start: i64,
    /// Hours that the wall clock is behind UTC.
    pub(super) hours_behind_utc: u8,
    pub(super) anomaly: Anomaly,
    pub(super) month: u8,
}

/// A parsed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WallClock {
    /// Wall-clock time in microseconds since 1970.
    pub(super) micros: i64,
    pub(super) hour: Hour,
}

impl WallClock {
    /// Microseconds since 1970 UTC.
    pub(super) fn created_at(self) -> i64 {
        self.micros + i64::from(self.hour.hours_behind_utc) * 3_600 * MICROS_PER_SECOND
    }
}

/// Why a time cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeError {
    /// Its row is refused.
    Refused(Reason),
    /// It is in another layout, so the assumed layout of the file is wrong.
    OtherLayout,
}

impl From<Reason> for TimeError {
    fn from(reason: Reason) -> Self {
        TimeError::Refused(reason)
    }
}

/// Parses times of one year, in one time zone and one layout.
pub(super) struct Clock {
    zone: TimeZone,
    year: i16,
    layout: Layout,
    /// `2025-01-01 00` and its hour, because neighbouring lines are mostly in the same hour.
    latest: Option<([u8; 13], Hour)>,
}

impl Clock {
    pub(super) fn new(zone: TimeZone, year: i16, layout: Layout) -> Self {
        Self {
            zone,
            year,
            layout,
            latest: None,
        }
    }

    /// Parses `text`; see [`Layout::parse`].
    pub(super) fn read(&mut self, text: &[u8]) -> Result<WallClock, TimeError> {
        let text = trim(text);
        if let Some(read) = self.read_usual(text) {
            return Ok(read?);
        }
        let Some(time) = self.layout.parse(text) else {
            return Err(if Layout::any_fits(text) {
                TimeError::OtherLayout
            } else {
                Reason::InvalidCreatedAt.into()
            });
        };
        let hour = self.hour(time)?;
        let seconds = i64::from(time.minute()) * 60 + i64::from(time.second());
        let micros = i64::from(time.subsec_nanosecond()) / 1000;
        Ok(WallClock {
            micros: hour.start + seconds * MICROS_PER_SECOND + micros,
            hour,
        })
    }

    /// Parses the usual layout, `2025-01-31 12:34:56` with an optional `.0000000`, or with `T` for the space. Calendar
    /// computations are needed only for the first time in an hour. Returns `None` if `text` is in another layout.
    fn read_usual(&mut self, text: &[u8]) -> Option<Result<WallClock, Reason>> {
        let (hour_text, rest) = text.split_first_chunk::<13>()?;
        let (&[colon, m1, m0, second_colon, s1, s0], fraction) = rest.split_first_chunk::<6>()?;
        let is_digit = |byte: u8| byte.is_ascii_digit();
        let usual = colon == b':'
            && second_colon == b':'
            && matches!(m1, b'0'..=b'5')
            && is_digit(m0)
            && matches!(s1, b'0'..=b'5')
            && is_digit(s0)
            && (fraction.is_empty() || fraction == b".0000000");
        if !usual {
            return None;
        }
        let hour = match &self.latest {
            Some((latest, hour)) if latest == hour_text => *hour,
            _ => {
                let (date, hour_of_day) = hour_text.split_at(10);
                if !matches!(hour_of_day[0], b' ' | b'T') {
                    return None;
                }
                let day = self.layout.parse_date(date)?;
                let hour_of_day = parse_digits(&hour_of_day[1..])?;
                let time = day.at(
                    i8::try_from(hour_of_day).ok().filter(|hour| *hour < 24)?,
                    0,
                    0,
                    0,
                );
                let hour = match self.hour(time) {
                    Ok(hour) => hour,
                    Err(reason) => return Some(Err(reason)),
                };
                self.latest = Some((*hour_text, hour));
                hour
            }
        };
        let digits = |tens: u8, ones: u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
        let seconds = digits(m1, m0) * 60 + digits(s1, s0);
        Some(Ok(WallClock {
            micros: hour.start + seconds * MICROS_PER_SECOND,
            hour,
        }))
    }

    fn hour(&self, time: DateTime) -> Result<Hour, Reason> {
        if time.year() != self.year {
            return Err(Reason::CreatedInOtherYear);
        }
        let start = civil::datetime(time.year(), time.month(), time.day(), time.hour(), 0, 0, 0);
        let ambiguous = self.zone.to_ambiguous_timestamp(start);
        let anomaly = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => Anomaly::None,
            AmbiguousOffset::Fold { .. } => Anomaly::Fold,
            AmbiguousOffset::Gap { .. } => Anomaly::Gap,
        };
        // In a fold, "compatible" uses the earlier time; in a gap it keeps the previous offset, which moves the time
        // forward.
        let moment = ambiguous
            .compatible()
            .map_err(|_| Reason::InvalidCreatedAt)?;
        let on_wall_clock = TimeZone::UTC
            .to_timestamp(start)
            .map_err(|_| Reason::InvalidCreatedAt)?;
        let behind = moment.as_second() - on_wall_clock.as_second();
        Ok(Hour {
            start: on_wall_clock.as_microsecond(),
            hours_behind_utc: u8::try_from(behind / 3600).map_err(|_| Reason::InvalidCreatedAt)?,
            anomaly,
            month: u8::try_from(time.month()).map_err(|_| Reason::InvalidCreatedAt)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clock(year: i16, layout: Layout) -> Clock {
        let zone = TimeZone::get("America/Toronto").expect("bundled");
        Clock::new(zone, year, layout)
    }

    fn read(text: &str) -> Result<(String, i64, Anomaly), TimeError> {
        let year = if text.contains("2014") { 2014 } else { 2024 };
        let layout = if text.contains("/2014") {
            Layout::MonthDayYear
        } else {
            Layout::YearMonthDay
        };
        clock(year, layout).read(text.as_bytes()).map(|time| {
            let local = jiff::Timestamp::from_microsecond(time.micros).expect("in range");
            let utc =
                time.micros / MICROS_PER_SECOND + i64::from(time.hour.hours_behind_utc) * 3600;
            (local.to_string(), utc, time.hour.anomaly)
        })
    }

    #[test]
    fn every_layout_is_read() {
        for text in [
            "2014-02-03 13:04:05.0000000",
            "2014-02-03 13:04:05",
            "2014-02-03T13:04:05.000",
            " 2014-02-03  13:04:05 ",
            "2014/2/3 1:04:05 PM",
            "2014-02-03 1:04:05 p.m.",
            "02/03/2014 01:04:05 pm",
            "2/3/2014 13:04:05",
        ] {
            let (local, utc, anomaly) =
                read(text).unwrap_or_else(|reason| panic!("{text}: {reason:?}"));
            assert_eq!(local, "2014-02-03T13:04:05Z", "{text}");
            assert_eq!(utc, 1_391_450_645);
            assert_eq!(anomaly, Anomaly::None);
        }
        assert_eq!(
            read("2014-01-01 12:20:47 AM").unwrap().0,
            "2014-01-01T00:20:47Z"
        );
        assert_eq!(
            read("2014-01-01 12:20 PM").unwrap().0,
            "2014-01-01T12:20:00Z"
        );
        assert_eq!(
            read("2014-01-01 00:00:00.1234567").unwrap().0,
            "2014-01-01T00:00:00.123456Z"
        );
    }

    #[test]
    fn text_that_is_not_a_time_is_refused() {
        for text in [
            "",
            "2024",
            "2024-01-01",
            "2024-13-01 00:00:00",
            "2023-02-29 00:00:00",
            "2024-02-30 10:00:00.0000000",
            "2024-01-01 24:00:00",
            "2024-01-01 10:60:00",
            "2024-01-01 10:00:61",
            "2024-01-01 13:00:00 PM",
            "2024-01-01 0:00 AM",
            "01.02.2024 00:00:00",
            "2024-01-01 10:00:00 EST",
            // The wall clock is published. A file with other times must not be read as if it had them.
            "2024-01-01T10:00:00Z",
            "2024-01-01T10:00:00-05:00",
            "2024-01-01 10:00:00.",
            "yesterday at 5:00",
            "2024-01-01 10:00:00:00",
            "20240-1-01 10:00:00",
        ] {
            assert_eq!(read(text), Err(Reason::InvalidCreatedAt.into()), "{text:?}");
        }
        assert_eq!(
            read("2023-12-31 23:59:59"),
            Err(Reason::CreatedInOtherYear.into())
        );
        for text in ["01/02/2024 00:00:00", "01-02-2024 00:00:00"] {
            assert_eq!(read(text), Err(TimeError::OtherLayout), "{text:?}");
        }
    }

    #[test]
    fn days_when_the_clocks_change() {
        assert_eq!(
            read("2024-11-03 01:30:00").unwrap().1,
            1_730_611_800,
            "05:30Z, the earlier"
        );
        assert_eq!(read("2024-11-03 01:30:00").unwrap().2, Anomaly::Fold);
        assert_eq!(read("2024-11-03 02:30:00").unwrap().2, Anomaly::None);
        assert_eq!(
            read("2024-03-10 02:30:00").unwrap().1,
            1_710_055_800,
            "07:30Z, which is 03:30"
        );
        assert_eq!(read("2024-03-10 02:30:00").unwrap().2, Anomaly::Gap);
    }

    #[test]
    fn clocks_change_on_the_hour() {
        let zone = TimeZone::get("America/Toronto").expect("bundled");
        let since: jiff::Timestamp = "2000-01-01T00:00:00Z".parse().expect("valid");
        for transition in zone.following(since).take(250) {
            assert_eq!(transition.timestamp().as_second() % 3600, 0);
            assert_eq!(transition.offset().seconds() % 3600, 0);
        }
    }

    proptest! {
        #[test]
        fn both_readers_agree(day in 1_u8..=28, month in 1_u8..=12, hour in 0_u8..24, minute in 0_u8..60, second in 0_u8..60) {
            let usual = format!("2024-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.0000000");
            let read = |layout, text: &str| clock(2024, layout).read(text.as_bytes());
            let expected = read(Layout::YearMonthDay, &usual);
            prop_assert!(expected.is_ok());
            for (layout, text) in [
                (Layout::YearMonthDay, format!("2024/{month}/{day} {hour}:{minute:02}:{second:02}")),
                (Layout::YearMonthDay, usual.replace(' ', "T").replace(".0000000", "")),
                (Layout::MonthDayYear, format!("{month}/{day}/2024 {hour}:{minute:02}:{second:02}")),
                (Layout::DayMonthYear, format!("{day:02}/{month:02}/2024 {hour}:{minute:02}:{second:02}")),
            ] {
                prop_assert_eq!(read(layout, &text), expected, "{}", text);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for layout in Layout::ALL {
                let _ = clock(2024, layout).read(&bytes);
            }
        }
    }
}
