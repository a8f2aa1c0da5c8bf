//! The months of which the data have every day.

use std::collections::BTreeSet;

use anyhow::Context as _;
use bytes::Bytes;
use jiff::ToSpan as _;
use jiff::civil::Date;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::statistics::Statistics;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};

use super::catalog::{Catalog, Format};
use super::{read_data, rows};
use crate::site::Site;

/// The column of `requests_by_day` with the day. There is a file of the mart for each year.
const DAY: &str = "created_on";

/// Returns the first day of each month that the file of its year contains to its last day.
///
/// The file of one year may end before that of the next begins, for example because its last publication was refused.
pub(super) async fn read(site: &Site, catalog: &Catalog) -> Result<BTreeSet<Date>, Failure> {
    let days = catalog.table("requests_by_day").into_iter();
    let files = days.flat_map(|table| &table.files);
    let mut months = BTreeSet::new();
    for file in files.filter(|file| file.format == Format::Parquet) {
        let content = read_data(site, file).await?;
        let last = last_day(content).or_fail(Exit::Bug);
        let last = last.while_doing(|| format!("cannot find the last day of {}", file.path))?;
        months.extend(last.into_iter().flat_map(until));
    }
    Ok(months)
}

/// Returns the last day of a file, from its statistics, because it has a row for each type and day; `None` if it is empty.
fn last_day(file: Bytes) -> anyhow::Result<Option<Date>> {
    let reader = SerializedFileReader::new(file)?;
    let mut last = None;
    for group in reader.metadata().row_groups() {
        let mut columns = group.columns().iter();
        let column = columns.find(|column| column.column_descr().name() == DAY);
        let days = match column.and_then(|column| column.statistics()) {
            Some(Statistics::Int32(days)) => days.max_opt(),
            _ => None,
        };
        last = last.max(Some(
            *days.with_context(|| format!("it has no statistics of {DAY}"))?,
        ));
    }
    last.map(rows::day).transpose()
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
