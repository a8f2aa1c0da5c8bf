//! Determines the layout of a file's times: the order of day, month and year.
//!
//! `02/01/2026` is a day in January or in February. If the layout were chosen for each row, one could be read as the
//! other unnoticed, so it is chosen for the whole file: it has to match every time that any layout matches.

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::horizon::Horizon;
use super::refusal::MAX_SHOWN_BYTES;
use super::text::{readable, trim, trim_padding};

/// The order of the parts of a date. The time of day is unambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `2025-01-31` or `2025/01/31`.
    YearMonthDay,
    /// `01/31/2025` or `01-31-2025`.
    MonthDayYear,
    /// `31/01/2025` or `31-01-2025`.
    DayMonthYear,
}

impl Layout {
    /// All of them.
    pub(super) const ALL: [Layout; 3] = [
        Layout::YearMonthDay,
        Layout::MonthDayYear,
        Layout::DayMonthYear,
    ];

    /// Parses a date in this layout, then `T` or spaces, then `H:MM`, `H:MM:SS` or `H:MM:SS.fffffff`, then nothing,
    /// `AM`, `PM`, or `a.m.` or `p.m.` as Windows writes them in Canada. Digits below a microsecond are cut.
    pub(super) fn parse(self, text: &[u8]) -> Option<DateTime> {
        let text = trim_padding(text);
        let separator = text.iter().position(|&byte| byte == b' ' || byte == b'T')?;
        let day = self.parse_date(&text[..separator])?;
        let time = trim(&text[separator + 1..]);
        let end = time
            .iter()
            .position(|byte| !byte.is_ascii_digit() && !b":.".contains(byte))
            .unwrap_or(time.len());
        let (clock, meridiem) = time.split_at(end);
        let (clock, fraction) = match clock.iter().position(|&byte| byte == b'.') {
            Some(point) => (&clock[..point], parse_fraction(&clock[point + 1..])?),
            None => (clock, 0),
        };
        let mut parts = clock.split(|&byte| byte == b':').map(parse_digits);
        let (hour, minute) = (parts.next()??, parts.next()??);
        let second = parts.next().unwrap_or(Some(0))?;
        if parts.next().is_some() || minute > 59 || second > 59 {
            return None;
        }
        let hour = match trim_padding(meridiem).to_ascii_uppercase().as_slice() {
            b"" if hour < 24 => hour,
            b"AM" | b"A.M." if (1..=12).contains(&hour) => hour % 12,
            b"PM" | b"P.M." if (1..=12).contains(&hour) => hour % 12 + 12,
            _ => return None,
        };
        let part = |number: u32| i8::try_from(number).ok();
        Some(day.at(part(hour)?, part(minute)?, part(second)?, fraction))
    }

    pub(super) fn parse_date(self, text: &[u8]) -> Option<Date> {
        let separator = *text.iter().find(|byte| !byte.is_ascii_digit())?;
        let mut parts = text.split(|&byte| byte == separator);
        let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
        if !matches!(separator, b'-' | b'/') {
            return None;
        }
        let year_is_last = matches!(first.len(), 1 | 2) && third.len() == 4;
        let (year, month, day) = match self {
            Layout::YearMonthDay if first.len() == 4 => (first, second, third),
            Layout::MonthDayYear if year_is_last => (third, first, second),
            Layout::DayMonthYear if year_is_last => (third, second, first),
            _ => return None,
        };
        if parts.next().is_some() || month.len() > 2 || day.len() > 2 {
            return None;
        }
        Date::new(
            i16::try_from(parse_digits(year)?).ok()?,
            i8::try_from(parse_digits(month)?).ok()?,
            i8::try_from(parse_digits(day)?).ok()?,
        )
        .ok()
    }

    /// Whether `text` is a time in any layout.
    pub(super) fn any_fits(text: &[u8]) -> bool {
        Self::ALL.iter().any(|layout| layout.parse(text).is_some())
    }
}

/// Whether `text` has the form of a date with or without a time, which no layout may fit: `2024-02-30 10:00`.
pub(super) fn looks_like_a_date(text: &[u8]) -> bool {
    let text = trim_padding(text);
    let end = text.iter().position(|byte| b" T".contains(byte));
    let (date, time) = text.split_at(end.unwrap_or(text.len()));
    let parts: Vec<&[u8]> = date.split(|byte| b"-/.".contains(byte)).collect();
    let is_part =
        |part: &&[u8]| matches!(part.len(), 1 | 2 | 4) && part.iter().all(u8::is_ascii_digit);
    let years = parts.iter().filter(|part| part.len() == 4).count();
    let is_time = |byte: &u8| byte.is_ascii_digit() || b" T:.APMapm".contains(byte);
    parts.len() == 3 && parts.iter().all(is_part) && years <= 1 && time.iter().all(is_time)
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::YearMonthDay => "year first",
            Layout::MonthDayYear => "month first",
            Layout::DayMonthYear => "day first",
        })
    }
}

pub(super) fn parse_digits(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 4 {
        return None;
    }
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u32::from(byte - b'0'))
    })
}

/// Returns the nanoseconds of a decimal fraction of a second, cut below a microsecond.
fn parse_fraction(digits: &[u8]) -> Option<i32> {
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let micros = (0..6).fold(0, |micros, position| {
        micros * 10 + i32::from(digits.get(position).map_or(0, |digit| digit - b'0'))
    });
    Some(micros * 1000)
}

/// A time in a file.
#[derive(Debug, Clone)]
struct Seen {
    line: u64,
    text: String,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in line {}", self.text, self.line)
    }
}

/// The evidence for one layout in a file's times.
#[derive(Debug, Default)]
struct Evidence {
    fits_any: bool,
    /// The first time that matches another layout but not this one.
    misfit: Option<Seen>,
    latest: Option<Date>,
    /// The first time whose day is before that of an earlier line. Times within a day are not compared, because their
    /// order is the same in all layouts.
    goes_back: Option<Seen>,
    /// The first time that is after the horizon.
    after_horizon: Option<Seen>,
}

/// The layout of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) layout: Layout,
    /// Whether only the horizon decided it.
    pub(super) by_horizon: bool,
}

/// Why the layout of a file cannot be determined.
#[derive(Debug, thiserror::Error)]
pub(super) enum LayoutError {
    #[error(
        "cannot read the times: no single layout fits them all: {misfits}. Ask the publisher to correct the file"
    )]
    NoLayout { misfits: String },
    #[error(
        "cannot read the times: day first and month first both fit, and {why}. The first time that they read differently is \
         {first}: day first it is {day_first}, month first {month_first}. Ask the publisher which is meant"
    )]
    TwoLayouts {
        why: String,
        first: String,
        day_first: DateTime,
        month_first: DateTime,
    },
}

/// Reads a file's times in every layout.
#[derive(Debug)]
pub(super) struct Survey<'a> {
    zone: TimeZone,
    year: i16,
    horizon: Option<&'a Horizon>,
    evidence: [Evidence; 3],
    /// The first time that differs between day first and month first, and both readings.
    difference: Option<(Seen, DateTime, DateTime)>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(zone: TimeZone, year: i16, horizon: Option<&'a Horizon>) -> Self {
        Self {
            zone,
            year,
            horizon,
            evidence: Default::default(),
            difference: None,
        }
    }

    /// Adds the time of one row. A time that matches no layout is ignored.
    pub(super) fn see(&mut self, line: u64, text: &[u8]) {
        let seen = || Seen {
            line,
            text: readable(trim(text), MAX_SHOWN_BYTES),
        };
        let times = Layout::ALL.map(|layout| layout.parse(text));
        if times.iter().all(Option::is_none) {
            return;
        }
        for (evidence, time) in self.evidence.iter_mut().zip(times) {
            let Some(time) = time else {
                evidence.misfit.get_or_insert_with(seen);
                continue;
            };
            evidence.fits_any = true;
            // A time in another year is refused in any layout, so it decides nothing.
            if time.year() != self.year {
                continue;
            }
            let day = time.date();
            if evidence.latest.is_some_and(|latest| day < latest) {
                evidence.goes_back.get_or_insert_with(seen);
            }
            evidence.latest = evidence.latest.max(Some(day));
            let moment = || self.zone.to_ambiguous_timestamp(time).compatible().ok();
            if let Some(horizon) = self.horizon
                && moment().is_some_and(|moment| horizon.is_before(moment))
            {
                evidence.after_horizon.get_or_insert_with(seen);
            }
        }
        if let [_, Some(month_first), Some(day_first)] = times
            && month_first != day_first
            && self.difference.is_none()
        {
            self.difference = Some((seen(), day_first, month_first));
        }
    }

    /// Chooses the layout.
    pub(super) fn choose(self) -> Result<Choice, LayoutError> {
        let of = |layout: Layout| &self.evidence[layout as usize];
        let fits = |layout: &Layout| of(*layout).fits_any && of(*layout).misfit.is_none();
        let fitting: Vec<Layout> = Layout::ALL.into_iter().filter(fits).collect();
        let decided = |layout, by_horizon| Ok(Choice { layout, by_horizon });
        let first_difference = match (fitting.as_slice(), self.difference) {
            ([], _) => {
                let misfits = Layout::ALL.iter().filter_map(|&layout| {
                    let misfit = of(layout).misfit.as_ref()?;
                    of(layout)
                        .fits_any
                        .then(|| format!("{misfit} is not {layout}"))
                });
                return Err(LayoutError::NoLayout {
                    misfits: misfits.collect::<Vec<_>>().join(", "),
                });
            }
            // If day and month are always equal, both layouts read the same.
            ([layout], _) | ([layout, ..], None) => return decided(*layout, false),
            (_, Some(difference)) => difference,
        };

        let only = |is_possible: fn(&Evidence) -> bool| {
            let mut possible = fitting.iter().filter(|layout| is_possible(of(**layout)));
            match (possible.next(), possible.next()) {
                (Some(layout), None) => Some(*layout),
                _ => None,
            }
        };
        let by_order = only(|evidence| evidence.goes_back.is_none());
        let by_horizon = only(|evidence| evidence.after_horizon.is_none());
        let why = match (by_order, by_horizon) {
            (Some(layout), other) if other.is_none_or(|other| other == layout) => {
                return decided(layout, false);
            }
            (None, Some(layout)) => return decided(layout, true),
            (Some(by_order), _) => {
                let (went_back, after) = (
                    fitting
                        .iter()
                        .find_map(|layout| of(*layout).goes_back.as_ref()),
                    of(by_order).after_horizon.as_ref(),
                );
                let shown = |seen: Option<&Seen>| seen.map(Seen::to_string).unwrap_or_default();
                format!(
                    "only {by_order} is in the order of time (otherwise {} goes back), but puts {} after the file was {}",
                    shown(went_back),
                    shown(after),
                    self.horizon.map(Horizon::to_string).unwrap_or_default()
                )
            }
            (None, None) => {
                let order = match fitting
                    .iter()
                    .find_map(|layout| of(*layout).goes_back.as_ref())
                {
                    Some(goes_back) => {
                        format!("neither is in the order of time ({goes_back} goes back)")
                    }
                    None => "both are in the order of time".to_owned(),
                };
                let horizon = match self.horizon {
                    None => "the date of publication is not known".to_owned(),
                    Some(horizon) => {
                        format!("the file was {horizon}, which excludes neither or both")
                    }
                };
                format!("{order}, and {horizon}")
            }
        };
        let (first, day_first, month_first) = first_difference;
        Err(LayoutError::TwoLayouts {
            why,
            first: first.to_string(),
            day_first,
            month_first,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(year: i16, published: Option<&str>, texts: &[&str]) -> Result<Choice, String> {
        let zone = TimeZone::get("America/Toronto").expect("bundled");
        let horizon = published.map(|moment| Horizon::published(moment.parse().expect("a moment")));
        let mut survey = Survey::new(zone, year, horizon.as_ref());
        for (line, text) in (2..).zip(texts) {
            survey.see(line, text.as_bytes());
        }
        survey.choose().map_err(|error| error.to_string())
    }

    #[track_caller]
    fn assert_chosen(choice: &Result<Choice, String>, layout: Layout, by_horizon: bool) {
        assert_eq!(*choice, Ok(Choice { layout, by_horizon }));
    }

    /// The first twelve days of January, day first: month first they are the first days of twelve months.
    const TWELVE_DAYS: [&str; 4] = [
        "01/01/2026 00:00",
        "02/01/2026 00:00",
        "11/01/2026 23:00",
        "12/01/2026 00:00",
    ];

    #[test]
    fn a_layout_fits_all_times_that_any_layout_fits() {
        let year_first = [
            "2026-01-01 00:00:00",
            "garbage",
            "2026/02/01 1:00 PM",
            "2026-13-01 00:00",
        ];
        assert_chosen(
            &choose(2026, None, &year_first),
            Layout::YearMonthDay,
            false,
        );
        let day_first = ["01/02/2026 00:00", "13/02/2026 00:00", "99/99/2026 00:00"];
        assert_chosen(&choose(2026, None, &day_first), Layout::DayMonthYear, false);
        let month_first = ["01/02/2026 00:00", "02/13/2026 1:00 AM"];
        assert_chosen(
            &choose(2026, None, &month_first),
            Layout::MonthDayYear,
            false,
        );
        let with_hyphens = ["01-02-2026 00:00", "13-02-2026 00:00:00"];
        assert_chosen(
            &choose(2026, None, &with_hyphens),
            Layout::DayMonthYear,
            false,
        );
        let mixed = choose(2026, None, &["13/01/2026 00:00", "01/31/2026 00:00"]).unwrap_err();
        assert!(
            mixed.contains("\"13/01/2026 00:00\" in line 2 is not month first, \"01/31/2026 00:00\" in line 3 is not day first"),
            "{mixed}"
        );
        let mixed = choose(2026, None, &["2026-01-01 00:00", "01/31/2026 00:00"]).unwrap_err();
        assert!(
            mixed.contains("\"01/31/2026 00:00\" in line 3 is not year first"),
            "{mixed}"
        );
    }

    #[test]
    fn impossible_dates_look_like_dates_and_other_texts_do_not() {
        for text in [
            "2024-02-30",
            " 31/31/2024 10:00 AM",
            "2024-01-32T99:00:00.0",
        ] {
            assert!(looks_like_a_date(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "416-555-0119",
            "555-0119",
            "2024-01-02 Jordan",
            "Jordan",
            "1/1 10:00",
        ] {
            assert!(!looks_like_a_date(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn the_date_of_publication_decides() {
        let decided = choose(2026, Some("2026-02-01T12:00:00Z"), &TWELVE_DAYS);
        assert_chosen(&decided, Layout::DayMonthYear, true);
    }

    #[test]
    fn the_order_of_time_decides() {
        let texts = ["05/01/2026 00:00", "06/01/2026 00:00", "01/02/2026 00:00"];
        assert_chosen(&choose(2026, None, &texts), Layout::DayMonthYear, false);
        let with_horizon = choose(2026, Some("2026-02-02T12:00:00Z"), &texts);
        assert_chosen(&with_horizon, Layout::DayMonthYear, false);
    }

    #[test]
    fn an_undecided_layout_is_refused_with_an_explanation() {
        for published in [None, Some("2027-01-05T12:00:00Z")] {
            let refused = choose(2026, published, &TWELVE_DAYS).unwrap_err();
            assert!(
                refused.contains("both are in the order of time"),
                "{refused}"
            );
            assert!(
                refused.contains(
                    "\"02/01/2026 00:00\" in line 3: day first it is 2026-01-02T00:00:00, month first 2026-02-01T00:00:00"
                ),
                "{refused}"
            );
        }
        let out_of_order = ["03/02/2026 00:00", "02/03/2026 00:00", "03/02/2026 00:00"];
        let refused = choose(2026, None, &out_of_order).unwrap_err();
        assert!(
            refused.contains("neither is in the order of time"),
            "{refused}"
        );
    }

    #[test]
    fn order_and_publication_may_not_contradict() {
        let texts = [
            "01/02/2026 00:00",
            "02/01/2026 00:00",
            "12/01/2026 00:00",
            "12/05/2026 00:00",
        ];
        let refused = choose(2026, Some("2026-06-01T00:00:00Z"), &texts).unwrap_err();
        assert!(
            refused.contains("only month first is in the order of time"),
            "{refused}"
        );
        assert!(
            refused.contains("after the file was published at 2026-06-01T00:00:00Z"),
            "{refused}"
        );
    }

    #[test]
    fn if_day_and_month_are_equal_nothing_has_to_be_decided() {
        let same = choose(2026, None, &["01/01/2026 00:00", "02/02/2026 00:00"]);
        assert_chosen(&same, Layout::MonthDayYear, false);
    }
}
