//! The parameters and results of reading a file.

use shared::contract::Rules;
use shared::exit::Failure;
use shared::limits::MAX_TEXT_BYTES;
use shared::manifest::Drift;
use shared::telemetry::Progress;

use super::commas::Commas;
use super::header::HeaderError;
use super::horizon::Horizon;
use super::layout::{Layout, LayoutError};
use super::lines::LinesError;
use super::quarantine::Quarantine;
use super::refusal::{Reason, Refusal};

/// The parameters for reading a file.
pub(super) struct Reading<'a> {
    pub(super) year: i16,
    pub(super) rules: &'a Rules,
    pub(super) commas: &'a Commas<'a>,
    /// The layout of the times.
    pub(super) layout: Layout,
    /// The number of empty columns after the header's last one, if a survey has counted them.
    pub(super) empty_columns: Option<usize>,
    /// The time after which no request can have been created.
    pub(super) horizon: Option<&'a Horizon>,
    /// The number of refused rows above which the file is refused as a whole.
    pub(super) max_refused: u64,
    /// Whether a month is handed on as soon as it seems complete, to free its memory.
    pub(super) hand_on_early: bool,
    pub(super) progress: &'a Progress,
}

/// The result of reading a file, without the rows of its months.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Line feeds, plus one if the last line has none.
    pub(super) lines: u64,
    /// Empty lines, and lines of spaces and commas.
    pub(super) blank: u64,
    /// Lines except the header and blank ones.
    pub(super) rows: u64,
    pub(super) kept: u64,
    pub(super) repaired: u64,
    pub(super) in_fold: u64,
    pub(super) in_gap: u64,
    pub(super) quarantine: Quarantine,
    pub(super) drift: Vec<Drift>,
}

/// Why a file cannot be transformed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParseError {
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("the file has more than {max} lines")]
    TooManyLines { max: u32 },
    #[error(
        "the file has more than {max} different values of {column}: the columns do not match the header"
    )]
    TooManyValues { column: &'static str, max: usize },
    #[error(
        "line {line}: the file has more than {max} requests in one month, or out of chronological order, which do not fit \
         into memory. Look at the file and its source"
    )]
    TooManyRows { line: u64, max: usize },
    #[error("{0}")]
    TooManyRefused(String),
    #[error(
        "line {line}: the file has more than {} MiB of different values, or of refused rows: the columns do not match the \
         header, or the file violates the contract. {summary}",
        MAX_TEXT_BYTES >> 20
    )]
    TooMuchText { line: u32, summary: String },
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A time that matches another layout but not the file's.
    #[error("line {line} has another layout than the file")]
    OtherLayout { line: u64 },
    /// A refused row that would not be, if every line of the file ended in empty columns.
    #[error("line {line} may end in columns that the header lacks")]
    EmptyColumns { line: u64 },
    /// A row of a month that was already written: the file is not in chronological order.
    #[error("line {line} belongs to a month that was already written")]
    Disorder { line: u64 },
    #[error("cannot write a month")]
    Month(Failure),
}

/// Why a line is not a row.
pub(super) enum Rejected {
    /// The row is quarantined.
    Row(Refusal),
    /// The file is refused as a whole, or read again in another way.
    File(ParseError),
}

impl From<Refusal> for Rejected {
    fn from(refusal: Refusal) -> Self {
        Rejected::Row(refusal)
    }
}

impl From<Reason> for Rejected {
    fn from(reason: Reason) -> Self {
        Rejected::Row(reason.into())
    }
}
