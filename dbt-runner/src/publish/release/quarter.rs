//! The name of a release: a quarter.

use std::collections::BTreeSet;
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
    /// Returns the latest quarter of which the data have every day; `None` if they have none. `months` are those that
    /// the data have to their last day: as the file of a year has its days in order, a quarter is as whole as its last month.
    pub(super) fn latest(months: &BTreeSet<Date>) -> Option<Self> {
        let last = months.iter().rfind(|month| month.month() % 3 == 0)?;
        Some(Self {
            year: last.year(),
            number: last.month() / 3,
        })
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
        let mut months = BTreeSet::new();
        for (month, quarter) in [
            ("2025-02-01", None),
            ("2025-03-01", Some("2025Q1")),
            ("2025-11-01", Some("2025Q1")),
            ("2026-02-01", Some("2025Q1")),
            ("2025-12-01", Some("2025Q4")),
            ("2026-06-01", Some("2026Q2")),
        ] {
            months.insert(month.parse().expect("a month"));
            let latest = Quarter::latest(&months);
            assert_eq!(latest.map(|one| one.to_string()).as_deref(), quarter);
        }
    }
}
