use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use shared::address::Address;
use shared::exit::{Exit, Failure};
use url::Url;

use super::{HostRefused, refusal_in};

/// Why a request failed. Messages contain the address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The address or the target of its redirect is not allowed.
    #[error(transparent)]
    Refused(#[from] HostRefused),
    /// It redirects in a way that is not followed.
    #[error("{url} redirects in a loop")]
    Redirects {
        /// The address.
        url: Address,
        /// The client's error.
        source: reqwest::Error,
    },
    /// The connection failed or broke.
    #[error("cannot read {url}")]
    Network {
        /// The address.
        url: Address,
        /// The client's error.
        source: reqwest::Error,
    },
    /// The server answered with an error.
    #[error("{url} answered {status}")]
    Status {
        /// The address.
        url: Address,
        /// What it answered.
        status: StatusCode,
        /// The pause that it requests.
        retry_after: Option<Duration>,
    },
    /// The server returned something that was not requested.
    #[error("{url} answered {answer}")]
    Protocol {
        /// The address.
        url: Address,
        /// What it answered.
        answer: String,
    },
    /// The content is larger than allowed.
    #[error(
        "{url} has at least {size} bytes, but {limit} are allowed: if this is expected, raise {variable}"
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
        /// The number of attempts since the last one that made progress.
        attempts: usize,
        /// The error of the last attempt.
        source: Box<HttpError>,
    },
    /// The deadline passed.
    #[error("{url} was not downloaded within {seconds} s")]
    Deadline {
        /// The address.
        url: Address,
        /// The time limit.
        seconds: u64,
        /// The error of the last attempt, if one failed.
        source: Option<Box<HttpError>>,
    },
    /// The download cannot be stored.
    #[error("cannot write {url} to disk")]
    Disk {
        /// The address.
        url: Address,
        /// Why.
        source: io::Error,
    },
}

impl HttpError {
    /// Returns the error for a request to `url` that failed with `source`.
    pub(super) fn from_client(url: &Url, source: reqwest::Error) -> Self {
        let url = Address::of(url);
        let source = source.without_url();
        match refusal_in(&source) {
            Some(refused) => HttpError::Refused(refused),
            None if source.is_redirect() => HttpError::Redirects { url, source },
            None => HttpError::Network { url, source },
        }
    }

    /// Returns the error for `url` whose content cannot be stored because of `source`.
    pub(super) fn disk(url: &Url, source: io::Error) -> Self {
        let url = Address::of(url);
        HttpError::Disk { url, source }
    }

    /// Returns the error for a server that answered `answer`, which was not requested.
    pub(super) fn protocol(url: &Url, answer: String) -> Self {
        let url = Address::of(url);
        HttpError::Protocol { url, answer }
    }

    /// Returns the whole chain in one line.
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

    /// Whether the server was not reached, or answered only that it cannot answer now.
    pub(crate) fn is_unanswered(&self) -> bool {
        match self {
            HttpError::GaveUp { source, .. } => source.is_unanswered(),
            HttpError::Deadline { source, .. } => {
                source.as_ref().is_some_and(|last| last.is_unanswered())
            }
            // An answer that broke off is one.
            HttpError::Network { source, .. } => !source.is_body() && !source.is_decode(),
            HttpError::Status { .. } => self.is_transient(),
            _ => false,
        }
    }

    /// Returns the pause that the server requests.
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
