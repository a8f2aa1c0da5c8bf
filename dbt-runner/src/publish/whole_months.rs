//! The months of which the data have every day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Deserialize;
use shared::exit::Failure;

use super::catalog::Catalog;
use super::rows;
use crate::site::Site;

/// A row of `requests_by_day`.
#[derive(Debug, Deserialize)]
struct DayRow {
    source_year: i16,
    created_on: Date,
}

/// Returns the first day of each month that the file of its year contains to its last day.
///
/// The file of one year may end before that of the next begins, for example because its last publication was refused.
pub(super) async fn read(site: &Site, catalog: &Catalog) -> Result<BTreeSet<Date>, Failure> {
    let columns = ["source_year", "created_on"];
    let days: Vec<DayRow> =
        rows::read(site, catalog, "requests_by_day", &columns, |_| true).await?;
    let mut last_days = BTreeMap::new();
    for day in days {
        let last = last_days.entry(day.source_year).or_insert(day.created_on);
        *last = day.created_on.max(*last);
    }
    Ok(last_days.into_values().flat_map(until).collect())
}

/// Returns the first day of each month of a year that ends on `last` or before.
fn until(last: Date) -> impl Iterator<Item = Date> {
    let months = last.first_of_year().series(1.month());
    months.take_while(move |month| month.last_of_month() <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_its_months_until_one_lacks_its_last_day() {
        for (last, expected) in [
            ("2024-01-30", None),
            ("2024-01-31", Some("2024-01-01")),
            ("2024-02-28", Some("2024-01-01")),
            ("2024-02-29", Some("2024-02-01")),
            ("2024-12-01", Some("2024-11-01")),
            ("2024-12-31", Some("2024-12-01")),
        ] {
            let latest = until(last.parse().expect("a day")).last();
            assert_eq!(latest.map(|month| month.to_string()).as_deref(), expected);
        }
        let year: Vec<Date> = until("2024-12-31".parse().expect("a day")).collect();
        assert_eq!(year.len(), 12);
    }
}
