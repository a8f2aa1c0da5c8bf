//! Logs, one JSON line per event in Cloud Logging's format or a readable line on a terminal; and progress bars.

use std::fmt::{self, Debug};
use std::io::{self, IsTerminal as _};
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{layer, time};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// [`LogFormat::Text`] if standard error is a terminal, else [`LogFormat::Json`].
    Auto,
    /// One JSON object per line on standard output, in Cloud Logging's format.
    Json,
    /// A readable line on standard error.
    Text,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(LogFormat::Auto),
            "json" => Ok(LogFormat::Json),
            "text" => Ok(LogFormat::Text),
            _ => Err(format!("is {text:?}: use json, text or auto")),
        }
    }
}

/// Returns the progress bars on the terminal, above which log lines are written.
fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(|| {
        MultiProgress::with_draw_target(if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(8)
        } else {
            ProgressDrawTarget::hidden()
        })
    })
}

/// Starts logging, once per process. `RUST_LOG` sets the levels; the default is `info`.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let json = match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(tracing_stackdriver::layer()).init();
    } else {
        // Spans would repeat the same fields in every line, because a process runs one stage of one run.
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method's lifetime is too narrow to be the filter"
        )]
        let events = filter_fn(|metadata| metadata.is_event());
        let lines = layer()
            .with_target(false)
            .with_timer(time::uptime())
            .with_ansi(io::stderr().is_terminal())
            .with_writer(AboveBars::default)
            .fmt_fields(debug_fn(escaped).delimited(" "))
            .with_filter(events);
        registry.with(lines).init();
    }
}

/// Writes a field of a text line. Control characters, which a publisher's text may contain, are escaped: they would start
/// another line or command the terminal.
fn escaped(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let text = match field.name() {
        "message" => format!("{value:?}"),
        name => format!("{name}={value:?}"),
    };
    for character in text.chars() {
        if character.is_control() {
            write!(writer, "{}", character.escape_default())?;
        } else {
            writer.write_char(character)?;
        }
    }
    Ok(())
}

/// Returns whole milliseconds: log fields are integers, because tracing-stackdriver writes fractions as text.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Writes whole log lines above the progress bars.
#[derive(Default)]
struct AboveBars(Vec<u8>);

impl io::Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.0);
        bars().suspend(|| io::stderr().write_all(&line))
    }
}

impl Drop for AboveBars {
    fn drop(&mut self) {
        // There is nowhere to report a log line that cannot be written.
        io::Write::flush(self).ok();
    }
}

/// Returns a progress bar on the terminal, invisible elsewhere and removed when dropped.
#[must_use]
pub fn progress(label: impl Into<String>, total_bytes: Option<u64>) -> Progress {
    let bar = bars().add(match total_bytes {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::no_length(),
    });
    let style = ProgressStyle::with_template(
        "{prefix:>26} {bar:32} {bytes:>10}/{total_bytes} {bytes_per_sec}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_prefix(label.into());
    bar.enable_steady_tick(Duration::from_millis(250));
    Progress(bar)
}

/// A progress bar. See [`progress`].
pub struct Progress(ProgressBar);

impl Progress {
    /// Advances by `bytes`.
    pub fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_text_line_stays_one_line_and_commands_no_terminal() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = layer()
            .without_time()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .fmt_fields(debug_fn(escaped).delimited(" "));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(cause = %"a\nb\u{1b}[2J\u{9b}31m", "no\rmessage");
        });
        let written = lines.0.lock().expect("not poisoned").clone();
        let written = String::from_utf8(written).expect("text");
        let line = written.strip_suffix('\n').expect("a line");
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(line.contains("a\\nb\\u{1b}[2J"), "{line:?}");
    }
}
