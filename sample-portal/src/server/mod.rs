//! The portal's server: its handle, and the loop that accepts connections.

mod catalogue;
mod download;
mod fault;
mod files;
mod routes;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use fault::{Fault, FaultKind};
pub use routes::RequestLog;
use routes::State;

/// What a portal publishes, and where.
#[derive(Debug, Clone)]
pub struct PortalConfig {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// A directory of real files: `service-requests/SR<year>.csv` and `boundaries/*.geojson`.
    pub files: Option<PathBuf>,
    /// Years to generate, where there is no real file.
    pub generated_years: Vec<i16>,
    /// Rows of a generated year; as published if none.
    pub rows_per_year: Option<u64>,
    /// What the generated rows are drawn by.
    pub seed: u64,
}

impl Default for PortalConfig {
    fn default() -> Self {
        Self {
            port: 0,
            files: None,
            generated_years: Vec::new(),
            rows_per_year: None,
            seed: 311,
        }
    }
}

/// A portal that serves until it is dropped.
pub struct Portal {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Portal {
    /// Starts a portal on a thread of its own.
    ///
    /// # Errors
    /// If the port is taken or a file of the configuration cannot be read.
    pub fn start(config: PortalConfig) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port));
        let listener =
            std::net::TcpListener::bind(address).with_context(|| format!("listen on {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(config, format!("http://{address}"))?);
        // Last of all that may fail: a caller in a runtime of its own must not drop this one.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let server = thread::Builder::new()
            .name("sample-portal".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let Ok(listener) = TcpListener::from_std(listener) else {
                        return;
                    };
                    tokio::select! {
                        () = serve(listener, shared) => {}
                        _ = stopped => {}
                    }
                });
                // A file that is still being made is of no use any more.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            address,
            state,
            stop: Some(stop),
            server: Some(server),
        })
    }

    /// The value for `PORTAL_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The value for `FSA_URL`.
    #[must_use]
    pub fn fsa_url(&self) -> String {
        format!("{}{}", self.url(), files::FSA_PATH)
    }

    /// Publishes the next correction of a generated year: some open requests are completed, some rows withdrawn.
    pub fn correct(&self, year: i16) {
        self.state.files.correct(year);
    }

    /// Gives the year's file a new `last_modified` and the same bytes.
    pub fn touch(&self, year: i16) {
        self.state.files.touch(year);
    }

    /// Publishes `csv` as the year's file.
    pub fn replace_csv(&self, year: i16, csv: &[u8]) {
        self.state.files.replace(year, files::zip_of_csv(year, csv));
    }

    /// Publishes `zip`, or whatever the bytes are, as the year's file.
    pub fn replace_zip(&self, year: i16, zip: Vec<u8>) {
        self.state.files.replace(year, zip);
    }

    /// Breaks the next answers that it fits.
    pub fn fault(&self, fault: Fault) {
        self.state.faults.add(fault);
    }

    /// What was asked so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestLog> {
        self.state.requests()
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It fails only if the server has ended.
            stop.send(()).ok();
        }
        if let Some(server) = self.server.take() {
            server.join().ok();
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| Arc::clone(&state).answer(request));
            // A connection that ends with an error is what faults are for.
            http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}
