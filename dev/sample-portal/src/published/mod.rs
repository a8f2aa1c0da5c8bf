//! The known properties of the City's yearly files: their counts, the shapes of their rows, and how requests close.

mod closing;
mod counts;
mod data;
pub(crate) mod kinds;
pub(crate) mod places;
pub(crate) mod resources;

pub use closing::ClosingLaw;
use counts::apportion;
pub(crate) use counts::{Division, table};
pub use counts::{Encoding, Header, Layout};

/// The section whose comma is not quoted.
pub(crate) const COMMA_SECTION: &str = "Transfer, Disposal & Operations";

/// The plan of a generated year.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The year.
    pub year: i16,
    /// Rows created in each month.
    pub months: [u64; 12],
    /// The divisions and their rows, with those of [`COMMA_SECTION`] separate.
    pub(crate) divisions: Vec<(&'static Division, u64)>,
    /// The rows of each status, in the publisher's spelling, for years whose requests are all closed: until 2020. Later
    /// statuses follow from the laws of closing.
    pub statuses: Vec<(&'static str, u64)>,
    /// Rows that are equal to the preceding row in every field.
    pub duplicates: u64,
    void_rows: u64,
    /// The format of the file.
    pub format: Format,
}

/// The format of a year's file. Every year has Windows line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// The quoting of fields.
    pub layout: Layout,
    /// The spelling of column names.
    pub header: Header,
    /// The encoding of non-ASCII characters.
    pub encoding: Encoding,
    /// Whether some of the apostrophes are curly.
    pub curly_apostrophes: bool,
}

impl Plan {
    /// Returns the plan of `year` as published, or scaled to `rows` rows.
    #[must_use]
    pub fn for_year(year: i16, rows: Option<u64>) -> Self {
        let known = counts::form(year);
        let months = counts::months(year);
        let published: u64 = months.iter().sum();
        let rows = rows.unwrap_or(published);
        let scaled = apportion(&months, rows);
        let divisions = counts::divisions(year);
        let division_rows: Vec<u64> = divisions.iter().map(|row| row.requests).collect();
        let statuses = counts::statuses(year);
        let status_rows: Vec<u64> = statuses.iter().map(|(_, rows)| *rows).collect();
        let names = statuses.iter().map(|(name, _)| *name);
        let statuses = if statuses.is_empty() {
            Vec::new()
        } else {
            names.zip(apportion(&status_rows, rows)).collect()
        };
        Self {
            year,
            months: std::array::from_fn(|month| scaled[month]),
            divisions: divisions
                .into_iter()
                .zip(apportion(&division_rows, rows))
                .collect(),
            statuses,
            duplicates: known.duplicates * rows / published,
            void_rows: rows * known.void_per_million / 1_000_000,
            format: Format {
                layout: known.layout,
                header: known.header,
                encoding: known.encoding,
                curly_apostrophes: known.curly_apostrophes,
            },
        }
    }

    /// Returns the number of all rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.months.iter().sum()
    }

    /// Returns the number of rows with neither a ward nor a forward sortation area. The City publishes no count of
    /// them: they are three in a thousand, but since 2026 six in 289,170.
    #[must_use]
    pub fn void_rows(&self) -> u64 {
        self.void_rows
    }

    /// Returns the rows of each division that has any.
    pub fn by_division(&self) -> impl Iterator<Item = (String, u64)> {
        let mut divisions = std::collections::BTreeMap::new();
        for (division, rows) in self.divisions.iter().filter(|(_, rows)| *rows > 0) {
            *divisions.entry(division.name.clone()).or_default() += rows;
        }
        divisions.into_iter()
    }

    /// Returns the number of rows of the section `Transfer, Disposal & Operations`.
    #[must_use]
    pub fn comma_section_rows(&self) -> u64 {
        let rows = self.divisions.iter();
        rows.filter(|(division, _)| division.kinds == "Transfer")
            .map(|(_, rows)| rows)
            .sum()
    }

    /// Returns the number of rows with a comma in the division or section, which looks like a separator in a file
    /// without quotes.
    #[must_use]
    pub fn comma_rows(&self) -> u64 {
        let divisions = self.by_division().filter(|(name, _)| name.contains(','));
        let rows: u64 = divisions.map(|(_, rows)| rows).sum();
        rows + self.comma_section_rows()
    }
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
    fn every_year_adds_up() {
        for plan in plans(&(2009..=2030).collect::<Vec<_>>()) {
            let divisions: u64 = plan.by_division().map(|(_, rows)| rows).sum();
            assert_eq!(divisions, plan.rows(), "{}", plan.year);
            let statuses: u64 = plan.statuses.iter().map(|(_, rows)| rows).sum();
            let expected = if plan.year <= 2020 { plan.rows() } else { 0 };
            assert_eq!(statuses, expected, "{}", plan.year);
        }
    }

    #[test]
    fn the_known_years_have_the_published_totals() {
        let known = plans(&KNOWN);
        let rows: Vec<u64> = known.iter().map(Plan::rows).collect();
        assert_eq!(
            rows,
            [
                254_218, 285_333, 307_299, 385_870, 442_950, 414_282, 437_043, 500_269
            ]
        );
        let season = |months: [usize; 3]| {
            let of_plan = |plan: &Plan| months.iter().map(|month| plan.months[*month]).sum::<u64>();
            known.iter().map(of_plan).sum::<u64>()
        };
        let seasons = [
            season([11, 0, 1]),
            season([2, 3, 4]),
            season([5, 6, 7]),
            season([8, 9, 10]),
        ];
        assert_eq!(seasons, [661_748, 739_238, 885_841, 740_437]);
        assert_eq!(known.iter().map(|plan| plan.duplicates).sum::<u64>(), 2_318);

        let others = plans(&[2014, 2015, 2016, 2017, 2018, 2019, 2020, 2021]);
        assert_eq!(others.iter().map(Plan::rows).sum::<u64>(), 3_190_000);
        assert_eq!([others[3].rows(), others[7].rows()], [396_379, 323_885]);
        let current = &plans(&[2026])[0].months;
        assert_eq!(current[..4].iter().sum::<u64>(), 190_511);
        assert_eq!(current[..6].iter().sum::<u64>(), 289_170);
    }

    #[test]
    fn divisions_have_the_published_totals() {
        let division = |years: &[i16], name: &str| {
            let plans = plans(years);
            let all = plans.iter().flat_map(Plan::by_division);
            all.filter(|(division, _)| division == name)
                .map(|(_, rows)| rows)
                .sum::<u64>()
        };
        let published = [
            ("Solid Waste Management Services", 608_885),
            ("Municipal Licensing & Standards", 440_451),
            ("Transportation Services", 426_837),
            ("Toronto Water", 138_202),
            ("Parks, Forestry & Recreation", 98_077),
            ("Environment, Climate & Forestry", 36_174),
            ("311", 29_937),
            ("Unknown", 14_544),
            ("Parks and Recreation", 1_437),
        ];
        for (name, rows) in published {
            assert_eq!(division(&KNOWN[4..], name), rows, "{name}");
        }
        assert_eq!(division(&KNOWN[..4], "Urban Forestry"), 99_007);
        assert_eq!(division(&KNOWN[..4], "City of Toronto"), 85);
        assert_eq!(Plan::for_year(2021, None).by_division().count(), 8);
    }

    /// The rows lost by a loader that skips lines with a surplus field.
    #[test]
    fn the_number_of_unquoted_commas_is_as_published() {
        let recent = plans(&[2022, 2023, 2024, 2025]);
        let lost: Vec<u64> = recent.iter().map(Plan::comma_rows).collect();
        assert_eq!(lost, [35_581, 28_307, 34_219, 36_189]);
        let sections = |years: &[i16]| {
            let plans = plans(years);
            plans.iter().map(Plan::comma_section_rows).sum::<u64>()
        };
        assert_eq!(sections(&[2021]), 5);
        assert_eq!(sections(&[2022, 2023, 2024]), 30);
        assert_eq!(sections(&[2025]), 15);
        assert!(sections(&[2026]) >= 1);
        for plan in plans(&[2014, 2015, 2016, 2017, 2018, 2019, 2020]) {
            assert_eq!(plan.comma_rows(), 0, "{}", plan.year);
        }
    }

    #[test]
    fn a_smaller_plan_has_the_same_shares() {
        let plan = Plan::for_year(2025, Some(1_000));
        assert_eq!(plan.rows(), 1_000);
        assert_eq!(plan.by_division().map(|(_, rows)| rows).sum::<u64>(), 1_000);
        assert_eq!(plan.months[1], 107, "53,707 of 500,269");
    }

    #[test]
    fn a_table_keeps_its_margins() {
        let weights = [
            [1.0; 12],
            [0.0; 12],
            std::array::from_fn(|month| if month > 5 { 5.0 } else { 0.1 }),
        ];
        let (rows, columns) = ([700, 5, 495], [100; 12]);
        let table = table(&weights, &rows, &columns);
        for (cells, total) in table.iter().zip(rows) {
            assert_eq!(cells.iter().sum::<u64>(), total);
        }
        for month in 0..12 {
            assert_eq!(table.iter().map(|cells| cells[month]).sum::<u64>(), 100);
        }
        assert!(table[2][8] > 60 && table[2][2] < 20, "{table:?}");
    }

    #[test]
    fn laws_agree_with_the_completion_rates_of_ninety_days() {
        for (name, percent) in [
            ("General Pruning", 4.7),
            ("Property Standards and Maintenance Violations", 41.6),
            ("Long Grass and Prohibited Plants on Private Property", 30.0),
            ("Tree Emergency Clean-Up", 64.5),
            ("Residential Bin Lid Damaged", 91.8),
            ("Injured - Wildlife", 86.8),
            ("Road Pothole / Road Damage", 87.1),
            ("Pick up Dead Wildlife", 81.0),
            ("Amplified or Musical Instrument Noise", 70.3),
            ("Clean up Debris on Road", 83.8),
            ("Graffiti on Private Property", 22.2),
            ("Residential or Park Tree Removal", 4.3),
            ("Traffic Signal Repair", 73.8),
        ] {
            let law = ClosingLaw::of_type(name).expect("a known type");
            let at_an_end = |age: i32| 1.0 - law.share_open_after(f64::from(age - 1));
            let rate = (1..=90).map(at_an_end).sum::<f64>() / 90.0;
            assert!((rate * 100.0 - percent).abs() < 0.5, "{name}: {rate}");
        }
        let noise = ClosingLaw::of_type("Construction Noise").expect("a known type");
        assert!(noise.share_open_after(10.0) < 0.2);
        let pruning = ClosingLaw::of_type("General Pruning").expect("a known type");
        assert!(pruning.share_open_after(180.0) > 0.6);
        assert_eq!(ClosingLaw::of_type("Gondolas"), None);
    }

    #[test]
    fn days_follow_the_law() {
        let law = ClosingLaw::of_type("General Pruning").expect("a known type");
        let days: Vec<u32> = (0..10_000)
            .map(|at| law.days((f64::from(at) + 0.5) / 10_000.0))
            .collect();
        let within = days.iter().filter(|days| **days <= 90).count();
        let share = f64::from(u32::try_from(within).expect("few")) / 10_000.0;
        let ending = 1.0 - law.never / 100.0;
        let expected = (1.0 - law.share_open_after(90.0)) / ending;
        assert!((share - expected).abs() < 0.001, "{share} and {expected}");
    }
}
