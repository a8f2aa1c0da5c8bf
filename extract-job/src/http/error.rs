use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use shared::exit::{Exit, Failure};
use url::Url;

use super::{Address, HostRefused, refusal_in};

/// Why an address did not return what was requested. Messages name the address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The address, or where it redirects to, is not to be asked.
    #[error(transparent)]
    Refused(#[from] HostRefused),
    /// It redirects in a way that is not followed.
    #[error("{url} redirects in circles")]
    Redirects {
        /// The address.
        url: Address,
        /// What the client says.
        source: reqwest::Error,
    },
    /// The connection failed or broke.
    #[error("{url} could not be read")]
    Network {
        /// The address.
        url: Address,
        /// What the client says.
        source: reqwest::Error,
    },
    /// The server answered with an error.
    #[error("{url} answered {status}")]
    Status {
        /// The address.
        url: Address,
        /// What it answered.
        status: StatusCode,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The server answered with something that was not asked for.
    #[error("{url} answered {answer}")]
    Protocol {
        /// The address.
        url: Address,
        /// What it answered.
        answer: String,
    },
    /// There is more than may be taken.
    #[error(
        "{url} has {size} bytes or more, and {limit} are allowed: if that is not a mistake, raise {variable}"
    )]
    TooLarge {
        /// The address.
        url: Address,
        /// Its length, as far as known.
        size: u64,
        /// The length allowed.
        limit: u64,
        /// The environment variable that sets the limit.
        variable: &'static str,
    },
    /// Every attempt failed.
    #[error("gave up after {attempts} attempts")]
    GaveUp {
        /// The number of attempts since the last that got any further.
        attempts: usize,
        /// How the last one failed.
        source: Box<HttpError>,
    },
    /// The deadline passed.
    #[error("{url} was not read to its end within {seconds} s")]
    Deadline {
        /// The address.
        url: Address,
        /// The time it had.
        seconds: u64,
        /// How the last attempt failed, if one did.
        source: Option<Box<HttpError>>,
    },
    /// What was read could not be kept.
    #[error("what {url} returns cannot be written to disk")]
    Disk {
        /// The address.
        url: Address,
        /// Why.
        source: io::Error,
    },
}

impl HttpError {
    /// The error for a request to `url` that failed as `source` says.
    pub(super) fn from_client(url: &Url, source: reqwest::Error) -> Self {
        let url = Address::of(url);
        let source = source.without_url();
        match refusal_in(&source) {
            Some(refused) => HttpError::Refused(refused),
            None if source.is_redirect() => HttpError::Redirects { url, source },
            None => HttpError::Network { url, source },
        }
    }

    /// The whole chain in one line.
    pub(super) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// Whether the next attempt may succeed.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            HttpError::Network { .. } | HttpError::Protocol { .. } => true,
            HttpError::Status { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            _ => false,
        }
    }

    /// How long the server wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            HttpError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        let exit = match &error {
            HttpError::Refused(_) | HttpError::TooLarge { .. } => Exit::Contract,
            _ => Exit::Upstream,
        };
        Failure::new(exit, error)
    }
}
