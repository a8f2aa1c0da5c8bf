//! The name of a release: a quarter.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// A quarter of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quarter {
    year: i16,
    /// 1 to 4.
    number: i8,
}

/// Which quarter a release is named after: `RELEASE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReleaseName {
    /// `latest`: the last quarter of which the data have every day.
    Latest,
    /// `2026Q4`.
    Of(Quarter),
}

impl Quarter {
    /// Returns the last quarter that ends on `day` or before.
    pub(super) fn last_complete(day: Date) -> Self {
        let next = day.tomorrow().unwrap_or(day);
        match (next.month() - 1) / 3 {
            0 => Self {
                year: next.year() - 1,
                number: 4,
            },
            number => Self {
                year: next.year(),
                number,
            },
        }
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}Q{}", self.year, self.number)
    }
}

impl FromStr for ReleaseName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let quarter = || {
            let (year, number) = text.split_once('Q')?;
            let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
            let year = year.parse().ok().filter(|_| is_year)?;
            let number = number
                .parse()
                .ok()
                .filter(|number| (1..=4).contains(number))?;
            Some(Quarter { year, number })
        };
        quarter()
            .map(Self::Of)
            .ok_or_else(|| format!("is {text:?}: use a quarter like 2026Q4, or latest"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_by_a_quarter() {
        let parsed = |text: &str| match text.parse() {
            Ok(ReleaseName::Of(quarter)) => quarter.to_string(),
            Ok(ReleaseName::Latest) => "the latest".to_owned(),
            Err(problem) => problem,
        };
        assert_eq!(parsed("2026Q4"), "2026Q4");
        assert_eq!(parsed("latest"), "the latest");
        for wrong in [
            "",
            "2026",
            "2026Q5",
            "2026Q0",
            "26Q1",
            "2026q4",
            "2026Q4/..",
            "2026Q-1",
        ] {
            let expected = format!("is {wrong:?}: use a quarter like 2026Q4, or latest");
            assert_eq!(parsed(wrong), expected);
        }
    }

    #[test]
    fn the_latest_quarter_has_every_day() {
        for (day, quarter) in [
            ("2026-10-31", "2026Q3"),
            ("2026-12-30", "2026Q3"),
            ("2026-12-31", "2026Q4"),
            ("2026-01-01", "2025Q4"),
            ("2026-03-30", "2025Q4"),
            ("2026-03-31", "2026Q1"),
        ] {
            let day = day.parse().expect("a day");
            assert_eq!(Quarter::last_complete(day).to_string(), quarter);
        }
    }
}
