use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The years of the portal that a run works on.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Years {
    /// Every published year; only those whose version is not in the lake are fetched. This is how late and corrected
    /// data arrive.
    #[default]
    Changed,
    /// Every published year.
    All,
    /// The newest published year.
    Latest,
    /// The listed years.
    Listed(BTreeSet<i16>),
}

impl Years {
    /// Returns the years to work on. Listed years may not be among those that are `published`.
    #[must_use]
    pub fn select(&self, published: &BTreeSet<i16>) -> BTreeSet<i16> {
        match self {
            Years::Changed | Years::All => published.clone(),
            Years::Latest => published.last().copied().into_iter().collect(),
            Years::Listed(listed) => listed.clone(),
        }
    }

    /// Whether `year` is selected, among years already selected by an earlier stage whose newest is `latest`.
    #[must_use]
    pub fn include(&self, year: i16, latest: i16) -> bool {
        match self {
            Years::Changed | Years::All => true,
            Years::Latest => year == latest,
            Years::Listed(listed) => listed.contains(&year),
        }
    }

    /// Whether `year` has to be worked on, whichever years are published.
    #[must_use]
    pub fn require(&self, year: i16) -> bool {
        self.cover(&Years::Listed(BTreeSet::from([year])))
    }

    /// Whether these are at least the years that `other` selects, whichever years are published.
    #[must_use]
    pub fn cover(&self, other: &Self) -> bool {
        match (self, other) {
            (Years::Changed | Years::All, _) | (Years::Latest, Years::Latest) => true,
            (Years::Listed(these), Years::Listed(others)) => these.is_superset(others),
            (Years::Latest | Years::Listed(_), _) => false,
        }
    }
}

/// Formats the years as in `YEARS`, with listed years one by one.
impl fmt::Display for Years {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Years::Changed => f.write_str("changed"),
            Years::All => f.write_str("all"),
            Years::Latest => f.write_str("latest"),
            Years::Listed(listed) => {
                let years: Vec<String> = listed.iter().map(i16::to_string).collect();
                f.write_str(&years.join(","))
            }
        }
    }
}

impl TryFrom<String> for Years {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|problem| format!("YEARS {problem}"))
    }
}

impl From<Years> for String {
    fn from(years: Years) -> Self {
        years.to_string()
    }
}

impl FromStr for Years {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "changed" => return Ok(Years::Changed),
            "all" => return Ok(Years::All),
            "latest" => return Ok(Years::Latest),
            _ => {}
        }
        let problem =
            || format!("is {text:?}: use 2023, 2019-2024, 2013,2020-2022, latest, all or changed");
        let year = |text: &str| match text.trim().parse::<i16>() {
            Ok(year @ 2000..=2199) => Ok(year),
            _ => Err(problem()),
        };
        let mut years = BTreeSet::new();
        for part in text.split(',') {
            match part.split_once('-') {
                None => {
                    years.insert(year(part)?);
                }
                Some((first, last)) => {
                    let (first, last) = (year(first)?, year(last)?);
                    if first > last {
                        return Err(problem());
                    }
                    years.extend(first..=last);
                }
            }
        }
        Ok(Years::Listed(years))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_single_listed_or_ranges() {
        let listed = |years: &[i16]| Ok(Years::Listed(years.iter().copied().collect()));
        assert_eq!("2023".parse(), listed(&[2023]));
        assert_eq!("2019-2021".parse(), listed(&[2019, 2020, 2021]));
        assert_eq!("2013, 2020-2021".parse(), listed(&[2013, 2020, 2021]));
        for text in ["changed", "all", "latest", "2013,2020,2021"] {
            let years: Years = text.parse().expect("valid");
            assert_eq!(years.to_string(), text);
        }
        assert_eq!("2000,2199".parse(), listed(&[2000, 2199]));
        assert_eq!("2020-2020".parse(), listed(&[2020]));
        for bad in [
            "",
            "1999",
            "2200",
            "2021-2019",
            "23",
            "2019-",
            "2019,,2020",
            "newest",
        ] {
            assert!(bad.parse::<Years>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_listed_year_must_be_published() {
        let published = BTreeSet::from([2022, 2023]);
        let years: Years = "2021-2023".parse().expect("valid");
        assert_eq!(years.select(&published), BTreeSet::from([2021, 2022, 2023]));
        assert_eq!(Years::Latest.select(&published), BTreeSet::from([2023]));
    }

    #[test]
    fn a_later_stage_selects_among_what_was_handed_over() {
        let includes = |years: &str, year: i16| {
            let years: Years = years.parse().expect("valid");
            years.include(year, 2024)
        };
        assert!(includes("changed", 2010) && includes("all", 2010));
        assert!(includes("latest", 2024) && !includes("latest", 2023));
        assert!(includes("2010,2023", 2023) && !includes("2010,2023", 2024));
    }

    #[test]
    fn years_cover_others_for_any_published_years() {
        let covers = |these: &str, others: &str| {
            let years = |text: &str| text.parse::<Years>().expect("valid");
            years(these).cover(&years(others))
        };
        for wide in ["changed", "all"] {
            for narrow in ["changed", "all", "latest", "2023"] {
                assert!(covers(wide, narrow), "{wide} {narrow}");
            }
        }
        assert!(covers("latest", "latest"));
        assert!(covers("2019-2024", "2020,2024"));
        for (narrow, wide) in [
            ("2024", "2023-2024"),
            ("2024", "all"),
            ("latest", "2024"),
            ("2024", "latest"),
        ] {
            assert!(!covers(narrow, wide), "{narrow} {wide}");
        }
    }
}
