//! See the crate's README.

use std::env;
use std::process::ExitCode;

use anyhow::Context as _;
use emulators::{Addresses, Emulators};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let program = arguments
        .next()
        .context("usage: emulators COMMAND [ARGUMENT...]")?;
    let installed = env::var_os("EMULATORS_DIR").unwrap_or_else(|| ".deps/emulators".into());
    let emulators = Emulators::start(installed.as_ref())?;
    let Addresses { storage, bigquery } = emulators.addresses();
    let mut command = Command::new(&program)
        .args(arguments)
        .env("STORAGE_EMULATOR_HOST", storage)
        .env("BIGQUERY_EMULATOR_HOST", bigquery)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut terminated = signal(SignalKind::terminate())?;
    let status = tokio::select! {
        status = command.wait() => status?,
        _ = tokio::signal::ctrl_c() => command.wait().await?,
        _ = terminated.recv() => {
            command.kill().await?;
            command.wait().await?
        }
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
