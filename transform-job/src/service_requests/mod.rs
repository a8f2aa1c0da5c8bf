//! Transforms service requests from a year's CSV to one Parquet file per month and a quarantine.

mod columns;
mod commas;
mod csv_line;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod header;
mod horizon;
mod interner;
mod layout;
mod lines;
mod location;
mod month;
mod months;
mod parse;
mod quarantine;
mod reading;
mod refusal;
mod row;
mod row_reader;
mod scan;
mod status;
mod subject;
mod text;
mod timestamp;
mod unknown_values;
mod ward_codes;

use std::io::{self, Read};
use std::sync::mpsc::{self, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use shared::contract::Contract;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::lake::{Lake, read_failure};
use shared::limits::MAX_ROWS;
use shared::manifest::{RawManifest, RowCounts};
use shared::partition::Partition;
use shared::telemetry;
use tracing::warn;

use crate::clean::{Clean, Phases};
use crate::parquet_file::ParquetFile;
use columns::MonthLayout;
use commas::Commas;
pub(crate) use horizon::Horizon;
use layout::{Choice, Layout};
use reading::{ParseError, Parsed, Reading};
use refusal::Reason;
pub use row::ROW_BYTES;
use row::{MonthRows, Row};

/// Transforms the raw CSV of `raw`. No request in it can have been created after `horizon`.
///
/// # Errors
/// [`Exit::Contract`] if the file violates the contract as a whole: its header, the layout of its times, too many
/// refused rows, no rows, or rows that are not accounted for.
pub(crate) async fn transform(
    lake: &Lake,
    raw: &RawManifest,
    horizon: Option<Horizon>,
    max_quarantined_ratio: f64,
) -> Result<Clean, Failure> {
    let Partition::Year(year) = raw.partition else {
        return Err(Failure::new(
            Exit::Bug,
            anyhow::anyhow!("{} is not a year of service requests", raw.partition),
        ));
    };
    let mut task = Task {
        lake: lake.clone(),
        raw: raw.clone(),
        year,
        horizon,
        max_quarantined_ratio,
        choice: None,
        empty_columns: None,
        hand_on_early: true,
    };
    loop {
        let (returned, outcome) = task.attempt(Task::transform).await?;
        task = returned;
        match outcome {
            Err(FileError::Disorder { line }) => {
                warn!(
                    year,
                    line, "file not in chronological order, reading again with all rows in memory"
                );
                task.hand_on_early = false;
            }
            Err(FileError::OtherLayout { line }) if task.choice.is_none() => {
                // Only times in rows that can be split count.
                task = task.with_empty_columns().await?;
                let (returned, choice) = task.attempt(Task::survey).await?;
                task = returned;
                let choice = choice.map_err(|error| error.into_failure(&task.raw))?;
                warn!(year, line, layout = %choice.layout, "layout of times chosen");
                task.choice = Some(choice);
            }
            Err(FileError::EmptyColumns { line }) if task.empty_columns.is_none() => {
                task = task.with_empty_columns().await?;
                let columns = task.empty_columns;
                warn!(
                    year,
                    line, columns, "empty columns after the last one counted"
                );
            }
            outcome => return outcome.map_err(|error| error.into_failure(&task.raw)),
        }
    }
}

enum FileError {
    Disorder { line: u64 },
    OtherLayout { line: u64 },
    EmptyColumns { line: u64 },
    Failure(Failure),
}

impl FileError {
    fn into_failure(self, raw: &RawManifest) -> Failure {
        match self {
            FileError::Failure(failure) => failure,
            FileError::Disorder { line }
            | FileError::OtherLayout { line }
            | FileError::EmptyColumns { line } => Failure::upstream(anyhow::anyhow!(
                "line {line} of {} changed between two readings",
                raw.object.key
            )),
        }
    }
}

impl From<Failure> for FileError {
    fn from(failure: Failure) -> Self {
        FileError::Failure(failure)
    }
}

/// One file to transform.
struct Task {
    lake: Lake,
    raw: RawManifest,
    year: i16,
    horizon: Option<Horizon>,
    max_quarantined_ratio: f64,
    /// The layout chosen by a survey; without one, the year is first.
    choice: Option<Choice>,
    /// The number of empty columns after the header's last one, if they were counted.
    empty_columns: Option<usize>,
    hand_on_early: bool,
}

impl Task {
    /// Reads the file from its start, on a thread that may block.
    async fn attempt<T: Send + 'static>(
        self,
        work: impl FnOnce(&Task, &mut dyn Read) -> Result<T, FileError> + Send + 'static,
    ) -> Result<(Self, Result<T, FileError>), Failure> {
        let mut source = self.lake.open(&self.raw.object).await?;
        let attempt = tokio::task::spawn_blocking(move || {
            let mut outcome = work(&self, &mut source);
            // Nothing is said of a file's content before the whole of it is known to be what extract stored.
            if let Err(FileError::Failure(failure)) = &outcome
                && failure.exit() == Exit::Contract
                && let Err(unread) = io::copy(&mut source, &mut io::sink())
            {
                outcome = Err(self.unread(unread).into());
            }
            (self, outcome)
        });
        attempt.await.or_fail(Exit::Bug)
    }

    /// Counts the empty columns after the header's last one, unless they were counted.
    async fn with_empty_columns(self) -> Result<Self, Failure> {
        if self.empty_columns.is_some() {
            return Ok(self);
        }
        let (mut task, columns) = self.attempt(Task::count_empty_columns).await?;
        let columns = columns.map_err(|error| error.into_failure(&task.raw))?;
        task.empty_columns = Some(columns);
        Ok(task)
    }

    fn unread(&self, error: io::Error) -> Failure {
        read_failure(error).context(format!("cannot read {}", self.raw.object.key))
    }

    /// Calls `work` with the parameters for reading the file.
    fn reading<T>(
        &self,
        what: &str,
        work: impl FnOnce(&Reading) -> Result<T, ParseError>,
    ) -> Result<T, FileError> {
        let title = format!("{what} {}", self.year);
        let progress = telemetry::progress(title, Some(self.raw.object.size_bytes));
        let rules = Contract::rules();
        let commas = Commas::new(rules);
        let rows = self.raw.lines.saturating_sub(1);
        let reading = Reading {
            year: self.year,
            rules,
            commas: &commas,
            layout: self
                .choice
                .map_or(Layout::YearMonthDay, |choice| choice.layout),
            empty_columns: self.empty_columns,
            horizon: self.horizon.as_ref(),
            max_refused: share_of(self.max_quarantined_ratio, rows),
            hand_on_early: self.hand_on_early,
            progress: &progress,
        };
        work(&reading).map_err(|error| match error {
            ParseError::Disorder { line } => FileError::Disorder { line },
            ParseError::OtherLayout { line } => FileError::OtherLayout { line },
            ParseError::EmptyColumns { line } => FileError::EmptyColumns { line },
            ParseError::Month(failure) => FileError::Failure(failure),
            ParseError::Lines(lines::LinesError::Read(error)) => {
                FileError::Failure(self.unread(error))
            }
            error => {
                FileError::Failure(Failure::contract(error).context(self.raw.object.key.clone()))
            }
        })
    }

    fn survey(&self, source: &mut dyn Read) -> Result<Choice, FileError> {
        self.reading("survey", |reading| parse::survey(source, reading))
    }

    fn count_empty_columns(&self, source: &mut dyn Read) -> Result<usize, FileError> {
        self.reading("survey", |reading| parse::empty_columns(source, reading))
    }

    fn transform(&self, source: &mut dyn Read) -> Result<Clean, FileError> {
        let (lake, raw, year) = (&self.lake, &self.raw, self.year);
        let (parsed, mut months, parsing) = self.reading("transform", |reading| {
            parse_and_write(lake, year, source, reading)
        })?;
        months.sort_by(|a, b| a.file.name.cmp(&b.file.name));

        let quarantined = parsed.quarantine.len();
        let duplicates = months.iter().map(|month| month.duplicates).sum();
        account(raw, &parsed, &months)?;
        if quarantined > share_of(self.max_quarantined_ratio, parsed.rows) {
            let summary = parsed.quarantine.summary(parsed.rows);
            return Err(Failure::contract(anyhow::anyhow!(summary))
                .context(raw.object.key.clone())
                .into());
        }

        let mut phases = Phases {
            parse: parsing,
            ..Phases::default()
        };
        for month in &months {
            phases += month.phases;
        }
        let times = |time: fn(&MonthFile) -> i64| months.iter().map(time).collect::<Vec<_>>();
        let quarantine = parsed.quarantine.write(lake, year)?;
        let by_reason = parsed.quarantine.by_reason();
        let by_horizon = self.choice.filter(|choice| choice.by_horizon);
        let too_late = by_reason.get(Reason::CreatedAfterPublication.as_str());
        // The latest so many requests of a file are always the same ones.
        let horizon_effect = (by_horizon.is_some() || too_late.is_some()).then(|| {
            let layout = by_horizon.map(|choice| choice.layout.to_string());
            let (layout, too_late) = (layout.unwrap_or_default(), too_late.unwrap_or(&0));
            format!("{layout}; {too_late} too late")
        });
        Ok(Clean {
            rows: RowCounts {
                blank_lines: parsed.blank,
                read: parsed.rows,
                kept: parsed.kept,
                repaired: parsed.repaired,
                duplicates,
                in_fold: parsed.in_fold,
                in_gap: parsed.in_gap,
                quarantined,
                quarantined_by_reason: by_reason,
            },
            min_created_at: times(|month| month.min_created_at)
                .into_iter()
                .min()
                .map(iso_8601),
            max_created_at: times(|month| month.max_created_at)
                .into_iter()
                .max()
                .map(iso_8601),
            drift: parsed.drift,
            files: months.into_iter().map(|month| month.file).collect(),
            quarantine: Some(quarantine),
            horizon_effect,
            phases,
        })
    }
}

/// Returns the largest whole number of rows that is at most `ratio` of `rows`.
pub(crate) fn share_of(ratio: f64, rows: u64) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rows are far below 2^52, and the ratio is between 0 and 1"
    )]
    let share = (rows as f64 * ratio).floor() as u64;
    share
}

fn iso_8601(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// Checks that every line is accounted for and that extract counted the same lines.
fn account(raw: &RawManifest, parsed: &Parsed, months: &[MonthFile]) -> Result<(), Failure> {
    let key = &raw.object.key;
    let written: u64 = months.iter().map(|month| month.file.rows).sum();
    let quarantined = parsed.quarantine.len();
    if parsed.lines != raw.lines {
        return Err(Failure::upstream(anyhow::anyhow!(
            "{key} has {} lines, but extract counted {}: it was not read completely",
            parsed.lines,
            raw.lines
        )));
    }
    if parsed.rows == 0 {
        return Err(Failure::contract(anyhow::anyhow!(
            "{key} has a header and no rows"
        )));
    }
    if 1 + parsed.blank + parsed.rows != parsed.lines
        || written != parsed.kept
        || parsed.kept + quarantined != parsed.rows
    {
        return Err(Failure::new(
            Exit::Bug,
            anyhow::anyhow!(
                "{key}: a header, {} blank lines and {} rows in {} lines, but {} kept, {written} written and \
                 {quarantined} quarantined",
                parsed.blank,
                parsed.rows,
                parsed.lines,
                parsed.kept
            ),
        ));
    }
    Ok(())
}

/// A month in the spool.
struct MonthFile {
    file: ParquetFile,
    duplicates: u64,
    min_created_at: i64,
    max_created_at: i64,
    phases: Phases,
}

/// Parses on this thread and writes finished months on another. While that one is busy and a month is waiting, this
/// thread writes the next month itself, so that neither is idle and at most three months are in flight. If these have
/// more than [`MAX_ROWS`] rows, this thread waits instead. Also returns the time spent parsing.
fn parse_and_write(
    lake: &Lake,
    year: i16,
    source: impl Read,
    reading: &Reading,
) -> Result<(Parsed, Vec<MonthFile>, Duration), ParseError> {
    let layout = MonthLayout::new().map_err(ParseError::Month)?;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<MonthRows>(1);
        let (done, finished) = mpsc::channel();
        let layout = &layout;
        let writer = scope.spawn(move || {
            let written = receiver.into_iter().map(|month| {
                let rows = month.rows.len();
                let written = write_month(lake, layout, year, month)?;
                // The parser has ended if it does not need this.
                done.send(rows).ok();
                Ok(written)
            });
            written.collect::<Result<Vec<MonthFile>, Failure>>()
        });
        let mut written_here = Vec::new();
        let mut in_flight = 0;
        let (started, mut interrupted) = (Instant::now(), Duration::ZERO);
        let parsed = parse::parse(source, reading, &mut |month| {
            let interruption = Instant::now();
            in_flight -= finished.try_iter().sum::<usize>();
            let rows = month.rows.len();
            while in_flight > 0 && in_flight + rows > MAX_ROWS {
                // A writer that failed frees nothing.
                in_flight -= finished.recv().unwrap_or(in_flight);
            }
            match sender.try_send(month) {
                Ok(()) => in_flight += rows,
                // The error of a failed writer is returned when it is joined.
                Err(TrySendError::Disconnected(_)) => {}
                Err(TrySendError::Full(month)) => {
                    written_here.push(write_month(lake, layout, year, month)?);
                }
            }
            interrupted += interruption.elapsed();
            Ok(())
        });
        let parsing = started.elapsed().saturating_sub(interrupted);
        drop(sender);
        let written = match writer.join() {
            Ok(written) => written.map_err(ParseError::Month)?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        written_here.extend(written);
        Ok((parsed?, written_here, parsing))
    })
}

fn write_month(
    lake: &Lake,
    layout: &MonthLayout,
    year: i16,
    month: MonthRows,
) -> Result<MonthFile, Failure> {
    let sorting = Instant::now();
    let (rows, duplicates) = month::in_order(month.rows, &month.values);
    let encoding = Instant::now();
    let file = layout.write(lake, (year, month.month), &month.values, &rows)?;
    let moments = || rows.iter().map(Row::created_at);
    Ok(MonthFile {
        file,
        duplicates,
        min_created_at: moments().min().unwrap_or_default(),
        max_created_at: moments().max().unwrap_or_default(),
        phases: Phases {
            parse: Duration::ZERO,
            sort: encoding - sorting,
            encode: encoding.elapsed(),
        },
    })
}
