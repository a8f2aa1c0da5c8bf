//! The portal's server: its handle, and the loop that accepts connections.

mod catalogue;
mod download;
mod fault;
mod files;
mod routes;

use std::path::PathBuf;
use std::sync::Arc;

use loopback_server::{Listener, Server};

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
    url: String,
    state: Arc<State>,
    _server: Server,
}

impl Portal {
    /// Starts a portal on a thread of its own.
    ///
    /// # Errors
    /// If the port is taken or a file of the configuration cannot be read.
    pub fn start(config: PortalConfig) -> anyhow::Result<Self> {
        let listener = Listener::bind(config.port)?;
        let url = listener.url();
        let state = Arc::new(State::new(config, url.clone())?);
        let server = listener.serve("sample-portal", Arc::clone(&state))?;
        Ok(Self {
            url,
            state,
            _server: server,
        })
    }

    /// The value for `PORTAL_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value for `FSA_URL`.
    #[must_use]
    pub fn fsa_url(&self) -> String {
        format!("{}{}", self.url, files::FSA_PATH)
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
