//! An HTTP client for allowed hosts only, with a deadline, and with retries for transient failures.

mod date;
mod document;
mod download;
mod error;
mod hosts;
mod retry;

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use shared::exit::{Exit, Failure, OrFail as _};

pub(crate) use date::parse_http_date;
pub(crate) use document::{Document, fetch};
pub(crate) use download::{Download, Request, download};
pub(crate) use error::HttpError;
pub(crate) use hosts::{AllowedHosts, HostRefused, host_of, is_secure, parse_hosts};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence of a server during an answer. Close to the deadline it is shorter, to leave time for a retry.
const MAX_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 5;
const USER_AGENT: &str = concat!("toronto-311/", env!("CARGO_PKG_VERSION"));

/// A client for allowed hosts, which also follows redirects to allowed hosts only.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient {
    client: Client,
    allowed: AllowedHosts,
    /// The time limit of one fetch or download, retries included.
    deadline: Duration,
}

impl HttpClient {
    /// Returns a client for the hosts `allowed`, each of whose requests ends within `deadline`.
    pub(crate) fn new(allowed: AllowedHosts, deadline: Duration) -> Result<Self, Failure> {
        let targets = allowed.clone();
        let redirects = Policy::custom(move |attempt| {
            if attempt.previous().len() > MAX_REDIRECTS {
                return attempt.error("too many redirects");
            }
            match targets.check(attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(refused) => attempt.error(refused),
            }
        });
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(MAX_IDLE_TIMEOUT.min(deadline / 4))
            .redirect(redirects);
        Ok(Self {
            client: client.build().or_fail(Exit::Upstream)?,
            allowed,
            deadline,
        })
    }
}

/// Returns the refusal that caused `error`, if any.
fn refusal_in(error: &reqwest::Error) -> Option<HostRefused> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<HostRefused>() {
            return Some(refused.clone());
        }
        cause = error.source();
    }
    None
}
