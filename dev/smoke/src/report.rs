//! The answers, as a table to paste into a report.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::timeout;

/// The longest text of a cell. The answer of a service is at its beginning.
const LONGEST_CELL: usize = 500;

/// What a check found.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The expected.
    AsExpected(String),
    /// Something else.
    Other(String),
}

/// Why a check could not be asked, and the command that helps.
#[derive(Debug, Clone)]
pub(crate) struct NotAsked {
    pub(crate) why: String,
    pub(crate) remedy: Option<String>,
}

impl NotAsked {
    pub(crate) fn because(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            remedy: None,
        }
    }
}

/// The result of a check.
pub(crate) type Asked = Result<Answer, NotAsked>;

struct Row {
    what: String,
    expected: String,
    asked: Asked,
}

/// The rows so far.
#[derive(Default)]
pub(crate) struct Report(Vec<Row>);

impl Report {
    /// Adds what `check` finds within `limit`. Returns whether it is as expected.
    pub(crate) async fn ask(
        &mut self,
        what: impl Into<String>,
        expected: impl Into<String>,
        limit: Duration,
        check: impl Future<Output = Asked>,
    ) -> bool {
        let asked = timeout(limit, Box::pin(check)).await;
        self.add(what, expected, asked.unwrap_or_else(|_| Err(silent(limit))))
    }

    /// Adds the result of a check. Returns whether it is as expected.
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        expected: impl Into<String>,
        asked: Asked,
    ) -> bool {
        let row = Row {
            what: what.into(),
            expected: expected.into(),
            asked,
        };
        eprintln!("{:>9}  {}", row.verdict(), row.what);
        self.0.push(row);
        matches!(
            self.0.last().map(|row| &row.asked),
            Some(Ok(Answer::AsExpected(_)))
        )
    }

    /// Whether an answer differs from the expected.
    pub(crate) fn has_other(&self) -> bool {
        self.0
            .iter()
            .any(|row| matches!(row.asked, Ok(Answer::Other(_))))
    }

    /// Whether every answer is as expected.
    pub(crate) fn is_as_expected(&self) -> bool {
        self.0
            .iter()
            .all(|row| matches!(row.asked, Ok(Answer::AsExpected(_))))
    }

    /// Returns the table in Markdown, and below it the commands that help.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from("| | what | expected | got |\n|---|---|---|---|\n");
        let mut remedies: Vec<&str> = Vec::new();
        for row in &self.0 {
            let (got, remedy) = match &row.asked {
                Ok(Answer::AsExpected(got) | Answer::Other(got)) => (got, None),
                Err(NotAsked { why, remedy }) => (why, remedy.as_deref()),
            };
            remedies.extend(remedy.filter(|remedy| !remedies.contains(remedy)));
            let [expected, got] = [cell(&row.expected), cell(got)];
            // Writing to a String cannot fail.
            writeln!(
                text,
                "| {} | {} | {expected} | {got} |",
                row.verdict(),
                row.what
            )
            .ok();
        }
        if !remedies.is_empty() {
            writeln!(
                text,
                "\nTo ask what could not be asked, run:\n\n```sh\n{}\n```",
                remedies.join("\n")
            )
            .ok();
        }
        text
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        match self.asked {
            Ok(Answer::AsExpected(_)) => "ok",
            Ok(Answer::Other(_)) => "WRONG",
            Err(_) => "not asked",
        }
    }
}

/// Returns the result of a check that had no answer.
pub(crate) fn silent(limit: Duration) -> NotAsked {
    NotAsked::because(format!(
        "no answer within {} seconds: try again",
        limit.as_secs()
    ))
}

/// Returns `text` in one line, shortened, as the cell of a table.
fn cell(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shortened: String = text.chars().take(LONGEST_CELL).collect();
    if shortened.len() < text.len() {
        shortened.push('…');
    }
    shortened.replace('|', "\\|")
}
