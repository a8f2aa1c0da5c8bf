//! The portal's server: its handle, its two hosts, and the changes on demand.

mod actions;
mod administration;
mod archive;
mod catalogue;
mod ckan;
mod datastore;
mod download;
mod file_host;
mod parameters;
mod publications;
mod state;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
pub use loopback_server::fault::{Fault, FaultKind};
use loopback_server::{Listener, Server};

use administration::Administration;
pub(crate) use archive::zip_of;
use ckan::Ckan;
use file_host::{FileHost, Switch};
pub use publications::Offer;
use publications::Publications;
pub use state::RequestLog;
use state::State;

/// The path of Statistics Canada's boundary file.
const FSA_PATH: &str = "/statcan/lfsa000b21a_e.zip";

/// The content and addresses of a portal.
#[derive(Debug, Clone)]
pub struct PortalConfig {
    /// The port of CKAN on 127.0.0.1 and of the file host on 127.0.0.2, or on ::1 if the machine does not have that; 0 binds
    /// free ones.
    pub port: u16,
    /// A directory of real files: `service-requests/SR<year>.csv` and `boundaries/*.geojson`.
    pub files: Option<PathBuf>,
    /// Years to generate if `files` does not have them.
    pub generated_years: Vec<i16>,
    /// The number of rows of a generated year; the published number if `None`.
    pub rows_per_year: Option<u64>,
    /// The seed of the generated rows.
    pub seed: u64,
    /// The date up to which the City has published; the machine's date if `None`.
    pub today: Option<Date>,
}

impl Default for PortalConfig {
    fn default() -> Self {
        Self {
            port: 0,
            files: None,
            generated_years: Vec::new(),
            rows_per_year: None,
            seed: 311,
            today: None,
        }
    }
}

impl PortalConfig {
    /// Returns the default years of a portal: the current one and the two before it, or in January, when the current
    /// one has no complete month, the three before it.
    #[must_use]
    pub fn default_years(today: Option<Date>) -> Vec<i16> {
        publications::default_years(today)
    }
}

/// A portal that serves until it is dropped.
pub struct Portal {
    state: Arc<State>,
    file_host: Arc<Switch>,
    _server: Server,
}

impl Portal {
    /// Starts a portal with one thread for each of its two hosts.
    ///
    /// # Errors
    /// Fails if a port is taken or a file of the configuration cannot be read.
    pub fn start(config: PortalConfig) -> anyhow::Result<Self> {
        let listener = Listener::bind(config.port)?;
        let files = Listener::bind_to_first(&file_host::ADDRESSES, config.port)?;
        let publications = Publications::new(config)?;
        let state = Arc::new(State::new(publications, listener.url(), files.url()));
        let file_host = Arc::new(Switch::new(&files));
        file_host.serve(files, Arc::new(FileHost(Arc::clone(&state))))?;
        let ckan = Ckan {
            state: Arc::clone(&state),
            administration: Administration {
                file_host: Arc::clone(&file_host),
            },
        };
        Ok(Self {
            _server: listener.serve("sample-portal", Arc::new(ckan))?,
            state,
            file_host,
        })
    }

    /// Returns the value of `PORTAL_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.state.base
    }

    /// Returns the value of `FSA_URL`.
    #[must_use]
    pub fn fsa_url(&self) -> String {
        format!("{}{FSA_PATH}", self.state.base)
    }

    /// Returns the address of the host of linked files, `http://127.0.0.2:PORT` or `http://[::1]:PORT`.
    #[must_use]
    pub fn file_host_url(&self) -> &str {
        &self.state.file_host
    }

    /// Returns the date up to which the City has published.
    #[must_use]
    pub fn today(&self) -> Date {
        self.state.publications.today()
    }

    /// Returns the number of publications of a generated year so far. Publication 1 contains the rows of January as of
    /// the first of February, publication 12 the whole year; three more have the later statuses. Initially the last one
    /// is published.
    #[must_use]
    pub fn publications(&self, year: i16) -> u32 {
        self.state.publications.publications(year)
    }

    /// Publishes this publication of a generated year with the date of its source: the first of the month after its
    /// last month.
    ///
    /// # Errors
    /// Fails if the year is not published or does not have that many publications so far.
    pub fn publish(&self, year: i16, publication: u32) -> anyhow::Result<()> {
        self.state.publications.publish(year, publication)
    }

    /// Performs only the first step of [`publish`](Self::publish): the bytes are new, and `last_modified` is now.
    ///
    /// # Errors
    /// The same as for [`publish`](Self::publish).
    pub fn upload(&self, year: i16, publication: u32) -> anyhow::Result<()> {
        self.state.publications.upload(year, publication)
    }

    /// Performs the second step of [`publish`](Self::publish): `last_modified` becomes the date of the source.
    ///
    /// # Errors
    /// Fails if the year is not published.
    pub fn set_source_date(&self, year: i16) -> anyhow::Result<()> {
        self.state.publications.set_source_date(year)
    }

    /// Restores the year's previous content, with its older date.
    ///
    /// # Errors
    /// Fails if the year is not published or there is no earlier publication.
    pub fn roll_back(&self, year: i16) -> anyhow::Result<()> {
        self.state.publications.roll_back(year)
    }

    /// Renames the resource of a year. The next publication does not find it and creates a second resource.
    ///
    /// # Errors
    /// Fails if the year is not published.
    pub fn rename(&self, year: i16, name: &str) -> anyhow::Result<()> {
        self.state.publications.rename(year, name)
    }

    /// Offers a year in another way: as an upload, a link, a CSV or a table of the DataStore.
    ///
    /// # Errors
    /// Fails if the year is not published.
    pub fn offer(&self, year: i16, offer: Offer) -> anyhow::Result<()> {
        self.state.publications.offer(year, offer)
    }

    /// Publishes the next correction of a generated year: some open requests are completed, some rows withdrawn. CKAN
    /// shows no change of a linked year.
    pub fn correct(&self, year: i16) {
        self.state.publications.correct(year);
    }

    /// Publishes the same bytes again, dated one day later.
    pub fn touch(&self, year: i16) {
        self.state.publications.touch(year);
    }

    /// Publishes `csv` as the year's file.
    pub fn replace_csv(&self, year: i16, csv: &[u8]) {
        self.state.publications.replace_csv(year, csv);
    }

    /// Stops the host of the linked files: connections are refused.
    pub fn stop_file_host(&self) {
        self.file_host.stop();
    }

    /// Starts the host of the linked files again, at the same address.
    ///
    /// # Errors
    /// Fails if its port was taken meanwhile.
    pub fn start_file_host(&self) -> anyhow::Result<()> {
        self.file_host.start()
    }

    /// Freezes or unfreezes the results of `package_search`, whose index can lag behind CKAN's database.
    pub fn freeze_search(&self, is_frozen: bool) {
        self.state.freeze_search(is_frozen);
    }

    /// Breaks the next answers that `fault` matches.
    pub fn fault(&self, fault: Fault) {
        self.state.faults.add(fault);
    }

    /// Returns the number of answers broken so far.
    #[must_use]
    pub fn broken(&self) -> u32 {
        self.state.faults.happened()
    }

    /// Removes all pending faults.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// Returns the requests so far, in order, including those to the file host.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestLog> {
        self.state.requests()
    }
}
