//! What a file is read with, and what comes of it.

use shared::contract::Rules;
use shared::exit::Failure;
use shared::manifest::Drift;
use shared::telemetry::Progress;

use super::commas::Commas;
use super::header::HeaderError;
use super::horizon::Horizon;
use super::layout::{Layout, LayoutError};
use super::lines::LinesError;
use super::quarantine::Quarantine;
use super::refusal::{Reason, Refusal};

/// The most text that is held of a file at once: its different values, and its refused rows. Sound years have a tenth.
pub(super) const MAX_TEXT_BYTES: usize = 128 << 20;

/// What a file is read with.
pub(super) struct Reading<'a> {
    pub(super) year: i16,
    pub(super) rules: &'a Rules,
    pub(super) commas: &'a Commas<'a>,
    /// How the times are written.
    pub(super) layout: Layout,
    /// After which no request can have been created.
    pub(super) horizon: Option<&'a Horizon>,
    /// Refused rows that the file may have before it is refused as a whole.
    pub(super) max_refused: u64,
    /// Whether a month is handed on as soon as it seems complete, so that it leaves memory.
    pub(super) hand_on_early: bool,
    pub(super) progress: &'a Progress,
}

/// What became of a file, but for the rows of its months.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Line feeds, and one more if the last line has none.
    pub(super) lines: u64,
    /// Lines of spaces, or of nothing.
    pub(super) blank: u64,
    /// Lines but for the header and blank ones.
    pub(super) rows: u64,
    pub(super) kept: u64,
    pub(super) repaired: u64,
    pub(super) in_fold: u64,
    pub(super) in_gap: u64,
    pub(super) quarantine: Quarantine,
    pub(super) drift: Vec<Drift>,
}

/// Why a file has no clean partition.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParseError {
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("the file has more than {most} lines")]
    TooManyLines { most: u32 },
    #[error(
        "the file has more than 65536 different values of {column}: the columns are not what the header says"
    )]
    TooManyValues { column: &'static str },
    #[error("{0}")]
    TooManyRefused(String),
    #[error(
        "the file has more than {} MiB of different values, or of refused rows: the columns are not what the header says, or \
         the file is not one of this contract. {summary}",
        MAX_TEXT_BYTES >> 20
    )]
    TooMuchText { summary: String },
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A time that the layout does not fit, and another does.
    #[error("line {line} is in another layout than the file")]
    OtherLayout { line: u64 },
    /// A row of a month that was already written: the file is not in chronological order.
    #[error("line {line} is of a month that was finished")]
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
