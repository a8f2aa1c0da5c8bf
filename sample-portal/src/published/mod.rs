//! What is known of the City's yearly files: the counts that it published, and the shapes of its rows.

mod counts;
mod data;
pub(crate) mod kinds;
pub(crate) mod places;
pub(crate) mod resources;

use counts::{DIVISIONS, apportion};

/// The section whose comma is not quoted either.
pub(crate) const COMMA_SECTION: &str = "Transfer, Disposal & Operations";

/// What a generated year has to come out as.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The year.
    pub year: i16,
    /// Rows created in each month.
    pub months: [u64; 12],
    /// Rows of each division, in the order of [`DIVISIONS`].
    pub(crate) divisions: Vec<u64>,
    /// Rows of each status, in the publisher's spelling.
    pub statuses: Vec<(&'static str, u64)>,
    /// Rows that are equal to the one before in every field.
    pub duplicates: u64,
    /// How the file is written.
    pub format: Format,
}

/// How a year's file is written. Every year has Windows line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
pub struct Format {
    /// Whether every field is in quotes; if not, a comma in a division is just there.
    pub quoted: bool,
    /// Whether what is not ASCII is in Windows-1252; if not, in UTF-8.
    pub windows_1252: bool,
    /// Whether times read `12:20:47 AM`; if not, `00:20:47.0000000`.
    pub twelve_hour_clock: bool,
    /// Whether types have the names they were given in 2025.
    pub renamed_types: bool,
}

impl Plan {
    /// The plan of `year`, as published; or its shares of `rows` rows.
    #[must_use]
    pub fn for_year(year: i16, rows: Option<u64>) -> Self {
        let months = counts::months(year);
        let published: u64 = months.iter().sum();
        let rows = rows.unwrap_or(published);
        let statuses = counts::statuses(year);
        let status_rows: Vec<u64> = statuses.iter().map(|(_, rows)| *rows).collect();
        let names = statuses.iter().map(|(name, _)| *name);
        let scaled = apportion(&months, rows);
        Self {
            year,
            months: std::array::from_fn(|month| scaled[month]),
            divisions: apportion(&counts::divisions(year), rows),
            statuses: names.zip(apportion(&status_rows, rows)).collect(),
            duplicates: counts::duplicates(year) * rows / published,
            format: Format {
                quoted: year <= 2018,
                windows_1252: (2014..=2016).contains(&year),
                twelve_hour_clock: year == 2014,
                renamed_types: year >= 2025,
            },
        }
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.months.iter().sum()
    }

    /// Rows with neither a ward nor a forward sortation area. The City publishes no count of them: three in a thousand.
    #[must_use]
    pub fn void_rows(&self) -> u64 {
        self.rows() * 3 / 1000
    }

    /// Rows at an intersection, about 16 %, in place of a forward sortation area.
    pub(crate) fn intersection_rows(&self) -> u64 {
        self.rows() * 16 / 100
    }

    /// Rows of each division that has any.
    pub fn by_division(&self) -> impl Iterator<Item = (String, u64)> {
        let rows = DIVISIONS.iter().zip(&self.divisions);
        rows.filter(|(_, rows)| **rows > 0)
            .map(|(name, rows)| ((*name).to_owned(), *rows))
    }
}

/// The name of a division.
pub(crate) fn division_name(index: usize) -> &'static str {
    DIVISIONS[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(years: &[i16]) -> Vec<Plan> {
        let plan = |year: &i16| Plan::for_year(*year, None);
        years.iter().map(plan).collect()
    }

    const KNOWN: [i16; 8] = [2010, 2011, 2012, 2013, 2022, 2023, 2024, 2025];

    #[test]
    fn the_eight_known_years_have_the_published_totals() {
        let plans = plans(&KNOWN);
        let rows: Vec<u64> = plans.iter().map(Plan::rows).collect();
        assert_eq!(
            rows,
            [
                254_218, 285_333, 307_299, 385_870, 442_950, 414_282, 437_043, 500_269
            ]
        );
        for plan in &plans {
            assert_eq!(plan.divisions.iter().sum::<u64>(), plan.rows());
            let statuses = plan.statuses.iter().map(|(_, rows)| rows);
            assert_eq!(statuses.sum::<u64>(), plan.rows());
        }
        let season = |months: [usize; 3]| {
            let of_plan = |plan: &Plan| months.iter().map(|month| plan.months[*month]).sum::<u64>();
            plans.iter().map(of_plan).sum::<u64>()
        };
        let seasons = [
            season([11, 0, 1]),
            season([2, 3, 4]),
            season([5, 6, 7]),
            season([8, 9, 10]),
        ];
        assert_eq!(seasons, [661_748, 739_238, 885_841, 740_437]);
        assert_eq!(plans.iter().map(|plan| plan.duplicates).sum::<u64>(), 2_318);
    }

    #[test]
    fn statuses_and_divisions_have_the_published_totals() {
        let status = |name: &str| {
            let plans = plans(&KNOWN);
            let all = plans.iter().flat_map(|plan| &plan.statuses);
            all.filter(|(status, _)| *status == name)
                .map(|(_, rows)| rows)
                .sum::<u64>()
        };
        let published = [
            ("Completed", 1_375_561),
            ("Closed", 1_186_041),
            ("Cancelled", 272_020),
            ("In Progress", 87_966),
            ("New", 69_357),
            ("Unknown", 23_698),
            ("Initiated", 8_430),
            ("In-progress ", 4_107),
            ("In-Progress", 84),
        ];
        for (name, rows) in published {
            assert_eq!(status(name), rows, "{name}");
        }

        let division = |years: &[i16], name: &str| {
            let plans = plans(years);
            let all = plans.iter().flat_map(Plan::by_division);
            all.filter(|(division, _)| division == name)
                .map(|(_, rows)| rows)
                .sum::<u64>()
        };
        let published = [
            ("Solid Waste Management Services", 608_840),
            ("Municipal Licensing & Standards", 440_451),
            ("Transportation Services", 426_837),
            ("Toronto Water", 138_202),
            ("Parks, Forestry & Recreation", 98_077),
            ("Environment, Climate & Forestry", 36_174),
            ("311", 29_937),
            ("Unknown", 14_544),
            ("Parks and Recreation", 1_437),
            ("Solid Waste Management Services,Transfer", 45),
        ];
        for (name, rows) in published {
            assert_eq!(division(&KNOWN[4..], name), rows, "{name}");
        }
        assert_eq!(division(&KNOWN[..4], "Urban Forestry"), 99_007);
        assert_eq!(division(&KNOWN[..4], "City of Toronto"), 85);
    }

    /// What a loader loses that skips rows with an unquoted comma.
    #[test]
    fn unquoted_commas_are_as_many_as_published() {
        let with_comma = |plan: &Plan| {
            let commas = plan.by_division().filter(|(name, _)| name.contains(','));
            commas.map(|(_, rows)| rows).sum::<u64>()
        };
        let lost: Vec<u64> = plans(&[2022, 2023, 2024, 2025])
            .iter()
            .map(with_comma)
            .collect();
        assert_eq!(lost, [35_581, 28_307, 34_219, 36_189]);
    }

    #[test]
    fn a_smaller_plan_has_the_same_shares() {
        let plan = Plan::for_year(2025, Some(1_000));
        assert_eq!(plan.rows(), 1_000);
        assert_eq!(plan.divisions.iter().sum::<u64>(), 1_000);
        assert_eq!(plan.months[1], 107, "53,707 of 500,269");
    }
}
