//! The counts of a generated year.

use std::sync::LazyLock;

use serde::Deserialize;

use super::data;

/// The format of a year, and its rare rows.
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

/// The quoting of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Every field is in quotes.
    Quoted,
    /// Nothing is in quotes: a comma in a division or section looks like a separator.
    Plain,
    /// Like [`Plain`](Self::Plain), with every field but the last padded with spaces to a fixed width.
    Padded,
}

/// The spelling of column names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// `Creation Date`.
    Spaces,
    /// `Creation_Date`.
    Underscores,
}

/// The encoding of non-ASCII characters.
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
    /// The division in `kinds.csv` with their types.
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

/// Returns the year whose counts are used for `year`: itself, or the nearest one with counts.
pub(super) fn known_year(year: i16) -> i16 {
    year.clamp(YEARS[0].year, YEARS[YEARS.len() - 1].year)
}

pub(super) fn form(year: i16) -> Form {
    let known = known_year(year);
    let found = YEARS.iter().find(|other| other.year == known);
    *found.expect("years.csv has every year between its first and its last")
}

/// Returns the rows by month.
pub(super) fn months(year: i16) -> [u64; 12] {
    let year = known_year(year);
    let mut months = [0; 12];
    for month in MONTHS.iter().filter(|month| month.year == year) {
        months[month.month - 1] = month.requests;
    }
    months
}

/// Returns the rows by division, with those of the section with a comma separate.
pub(super) fn divisions(year: i16) -> Vec<&'static Division> {
    let year = known_year(year);
    DIVISIONS.iter().filter(|row| row.year == year).collect()
}

/// Returns the rows by status of a year whose requests are all closed; nothing for others.
pub(super) fn statuses(year: i16) -> Vec<(&'static str, u64)> {
    let year = known_year(year);
    let of_year = STATUSES.iter().filter(|row| row.year == year);
    of_year
        .map(|row| (row.status.as_str(), row.requests))
        .collect()
}

/// Divides `total` in proportion to `weights`, by largest remainders, with ties resolved in order.
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

/// Returns a table of whole numbers as close as possible to `weights`, whose rows and columns have the given totals.
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
    // Round down first. The remainder goes to the largest fractions whose row and column are incomplete, and then to
    // any such cell. Rows and columns lack equal sums, so there is such a cell until they are complete.
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
