//! The addresses of the services of Google, and of their emulators.

use shared::google::Emulator;

pub(crate) const BIGQUERY: &str = "bigquery.googleapis.com";
pub(crate) const MONITORING: &str = "monitoring.googleapis.com";
pub(crate) const STORAGE: &str = "storage.googleapis.com";
/// Not an API of the project, so that its requests are not counted to it.
pub(crate) const USERS: &str = "openidconnect.googleapis.com";

/// Where Google's services are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Endpoints {
    pub(crate) storage: Option<Emulator>,
    pub(crate) bigquery: Option<Emulator>,
    /// A stand-in of all other services, with the path of each below its host.
    pub(crate) others: Option<Emulator>,
}

impl Endpoints {
    pub(crate) fn is_emulated(&self) -> bool {
        self.others.is_some()
    }

    pub(crate) fn url(&self, service: &str, path: &str) -> String {
        let (emulator, below) = match service {
            STORAGE => (&self.storage, String::new()),
            BIGQUERY => (&self.bigquery, String::new()),
            other => (&self.others, format!("/{other}")),
        };
        match emulator {
            Some(emulator) => format!("{}{below}/{path}", emulator.url()),
            None => format!("https://{service}/{path}"),
        }
    }
}
