//! The counts that a generated year has to come out as.

use std::sync::LazyLock;

use serde::Deserialize;

use super::data;

/// How a year is written, and its rare rows.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Form {
    year: i16,
    pub(super) layout: Layout,
    pub(super) header: Header,
    pub(super) encoding: Encoding,
    pub(super) curly_apostrophes: bool,
    pub(super) duplicates: u64,
    pub(super) void_per_million: u64,
}

/// How fields are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Every field is in quotes.
    Quoted,
    /// Nothing is in quotes: a comma in a division or section looks like one between fields.
    Plain,
    /// As [`Plain`](Self::Plain), and every field but the last is padded with spaces to a fixed width.
    Padded,
}

/// How the columns' names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// `Creation Date`.
    Spaces,
    /// `Creation_Date`.
    Underscores,
}

/// What is not ASCII is written in this encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Encoding {
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

#[derive(Deserialize)]
struct MonthRows {
    year: i16,
    month: usize,
    requests: u64,
}

/// The rows of a division in one year.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Division {
    year: i16,
    /// Whose types in `kinds.csv` they are of.
    pub(crate) kinds: String,
    #[serde(rename = "division")]
    pub(crate) name: String,
    pub(crate) requests: u64,
}

#[derive(Debug, Deserialize)]
struct StatusRows {
    year: i16,
    status: String,
    requests: u64,
}

static YEARS: LazyLock<Vec<Form>> =
    LazyLock::new(|| data::rows("years.csv", include_str!("../../data/years.csv")));
static MONTHS: LazyLock<Vec<MonthRows>> =
    LazyLock::new(|| data::rows("months.csv", include_str!("../../data/months.csv")));
static DIVISIONS: LazyLock<Vec<Division>> =
    LazyLock::new(|| data::rows("divisions.csv", include_str!("../../data/divisions.csv")));
static STATUSES: LazyLock<Vec<StatusRows>> =
    LazyLock::new(|| data::rows("statuses.csv", include_str!("../../data/statuses.csv")));

/// The year whose counts serve for `year`: itself, or the nearest one with counts.
pub(super) fn known_year(year: i16) -> i16 {
    year.clamp(YEARS[0].year, YEARS[YEARS.len() - 1].year)
}

pub(super) fn form(year: i16) -> Form {
    let known = known_year(year);
    let found = YEARS.iter().find(|other| other.year == known);
    *found.expect("years.csv has every year between its first and its last")
}

/// Rows by month.
pub(super) fn months(year: i16) -> [u64; 12] {
    let year = known_year(year);
    let mut months = [0; 12];
    for month in MONTHS.iter().filter(|month| month.year == year) {
        months[month.month - 1] = month.requests;
    }
    months
}

/// Rows by division, those of the section with a comma apart.
pub(super) fn divisions(year: i16) -> Vec<&'static Division> {
    let year = known_year(year);
    DIVISIONS.iter().filter(|row| row.year == year).collect()
}

/// Rows by status of a year whose requests are all at an end; nothing for others.
pub(super) fn statuses(year: i16) -> Vec<(&'static str, u64)> {
    let year = known_year(year);
    let of_year = STATUSES.iter().filter(|row| row.year == year);
    of_year
        .map(|row| (row.status.as_str(), row.requests))
        .collect()
}

/// `total` in parts as `weights` are to each other: largest remainders, the first of equals first.
pub(super) fn apportion(weights: &[u64], total: u64) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    let exact = |weight: u64| u128::from(weight) * u128::from(total);
    let whole = |share: u128| u64::try_from(share / sum).expect("no part is more than the total");
    let mut parts: Vec<u64> = weights.iter().map(|&weight| whole(exact(weight))).collect();
    let left = total - parts.iter().sum::<u64>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(exact(weights[index]) % sum));
    for &index in order
        .iter()
        .take(usize::try_from(left).expect("less than one for each part"))
    {
        parts[index] += 1;
    }
    parts
}

/// A table of whole numbers as near as can be to `weights`, whose rows and columns add up to the given totals.
pub(crate) fn table(weights: &[[f64; 12]], rows: &[u64], columns: &[u64; 12]) -> Vec<[u64; 12]> {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let target = |total: u64| total as f64;
    let mut fitted = weights.to_vec();
    for _ in 0..50 {
        for (row, &total) in fitted.iter_mut().zip(rows) {
            scale(row.iter_mut(), target(total));
        }
        for (column, &total) in columns.iter().enumerate() {
            scale(fitted.iter_mut().map(|row| &mut row[column]), target(total));
        }
    }
    // Whole parts first. What is left goes to the largest fractions whose row and column lack something, and then to any
    // such cell: as rows and columns lack equally much, there is one until nothing is lacking.
    let mut left_rows = rows.to_vec();
    let mut left_columns = *columns;
    let mut whole = vec![[0; 12]; weights.len()];
    let mut fractions = Vec::new();
    for (row, cells) in fitted.iter().enumerate() {
        for (column, &cell) in cells.iter().enumerate() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count, rounded down"
            )]
            let part = (cell as u64).min(left_rows[row]).min(left_columns[column]);
            whole[row][column] = part;
            left_rows[row] -= part;
            left_columns[column] -= part;
            fractions.push((cell.fract(), row, column));
        }
    }
    fractions.sort_by(|one, other| other.0.total_cmp(&one.0));
    for only_one in [true, false] {
        for &(_, row, column) in &fractions {
            let lacking = left_rows[row].min(left_columns[column]);
            let part = if only_one { lacking.min(1) } else { lacking };
            whole[row][column] += part;
            left_rows[row] -= part;
            left_columns[column] -= part;
        }
    }
    whole
}

fn scale<'a>(cells: impl Iterator<Item = &'a mut f64>, total: f64) {
    let cells: Vec<&mut f64> = cells.collect();
    let sum: f64 = cells.iter().map(|cell| **cell).sum();
    if sum > 0.0 {
        for cell in cells {
            *cell *= total / sum;
        }
    }
}
