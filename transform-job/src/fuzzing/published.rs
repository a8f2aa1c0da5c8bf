//! Reads a published file without the code that transforms it.

use std::collections::BTreeMap;

use shared::contract::Contract;

/// The year of files that mention none.
const SOME_YEAR: i16 = 2024;

/// The lines of a published file.
pub(super) struct Published<'a> {
    /// The lines below the header that are not blank, by their number from 1, without line ends.
    pub(super) rows: BTreeMap<i64, &'a [u8]>,
    pub(super) blank: u64,
    /// Whether the header has the contract's required columns in its order, so that nothing else is in a row.
    pub(super) has_usual_columns: bool,
}

impl<'a> Published<'a> {
    pub(super) fn read(csv: &'a [u8]) -> Self {
        let csv = csv.strip_suffix(b"\n").unwrap_or(csv);
        let lines = (1..).zip(csv.split(|&byte| byte == b'\n').map(without_line_end));
        let (blank, written): (Vec<_>, Vec<_>) = lines.partition(|(_, line)| is_blank(line));
        let mut rows: BTreeMap<i64, &[u8]> = written.into_iter().collect();
        let header = rows.pop_first();
        Self {
            rows,
            blank: blank.len() as u64,
            has_usual_columns: header.is_some_and(|(_, header)| is_usual(header)),
        }
    }
}

/// Returns the first year of this century that `csv` mentions.
pub(super) fn year_of(csv: &[u8]) -> i16 {
    let year = |digits: &[u8]| match digits {
        [b'2', b'0', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(2000 + i16::from(tens - b'0') * 10 + i16::from(ones - b'0'))
        }
        _ => None,
    };
    csv.windows(4).find_map(year).unwrap_or(SOME_YEAR)
}

/// Returns `line` as text, if it is UTF-8 without control characters but tabs.
pub(super) fn plain_text(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?;
    let is_control = |c: char| c.is_control() && c != '\t';
    (!text.contains(is_control)).then_some(text)
}

/// Removes what spellings of the same text differ in: case, white space, hyphens, underscores, and curly apostrophes.
pub(super) fn squeezed(text: &str) -> String {
    let ignored = |c: char| c.is_whitespace() || c == '-' || c == '_';
    text.to_lowercase()
        .replace(['\u{2018}', '\u{2019}'], "'")
        .replace(ignored, "")
}

fn is_usual(header: &[u8]) -> bool {
    let Some(header) = plain_text(header) else {
        return false;
    };
    let published = Contract::rules().published.iter();
    let required = published.filter(|column| !column.optional);
    let names = header.trim_start_matches('\u{feff}').split(',');
    names
        .map(squeezed)
        .eq(required.map(|column| squeezed(&column.header)))
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|&byte| byte != b'\r');
    &line[..end.map_or(0, |last| last + 1)]
}
