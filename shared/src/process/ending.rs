//! How a process ends: in any case with one line in the log, and without leaving children or temporary files.

use std::io::{self, Write as _};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use tracing::error;

use crate::exit::Exit;
use crate::run::Stage;
use crate::telemetry::milliseconds;

use super::{children, scratch};

static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Claims the end of the process for this thread, which then logs why and ends it. Any other thread that calls this
/// waits for that.
pub(crate) fn claim() {
    if IS_ENDING.swap(true, Ordering::SeqCst) {
        loop {
            thread::park();
        }
    }
}

/// Ends the process now. Exit handlers are not run, because other threads may be at work in a library whose handlers
/// would take its data away; a database is left as by a crash, after which it is whole.
fn end(exit: Exit) -> ! {
    children::kill_all();
    scratch::remove_all();
    io::stdout().flush().ok();
    low_level::exit(exit.code().into())
}

/// From now on, ends the process in order on a signal: of Cloud Run ([SIGTERM at the timeout of a task, ten seconds before
/// SIGKILL](https://cloud.google.com/run/docs/container-contract)) or from a terminal (SIGINT). Without a handler, the first
/// process of a container would ignore both.
pub(crate) fn on_signals(stage: Stage, started: Instant) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let wait = move || {
        let received = signals.forever().next();
        claim();
        let name = received.and_then(low_level::signal_name);
        error!(
            stage = stage.as_str(),
            exit = Exit::Upstream.code(),
            advice = Exit::Upstream.advice(),
            cause = format!(
                "{} ended the job before it had handed over",
                name.unwrap_or("a signal")
            ),
            milliseconds = milliseconds(started.elapsed()),
            "stage failed"
        );
        end(Exit::Upstream);
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)
        .map(|_| ())
}

/// From now on, logs a panic like any other failure and ends the process with [`Exit::Bug`].
pub(crate) fn on_panics(stage: Stage, started: Instant) {
    panic::set_hook(Box::new(move |panic| {
        claim();
        let thread = thread::current();
        error!(
            stage = stage.as_str(),
            exit = Exit::Bug.code(),
            advice = Exit::Bug.advice(),
            cause = %panic,
            thread = thread.name().unwrap_or("unnamed"),
            milliseconds = milliseconds(started.elapsed()),
            "stage failed"
        );
        end(Exit::Bug);
    }));
}
