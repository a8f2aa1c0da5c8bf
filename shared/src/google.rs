//! What the clients of Google Cloud share: emulators on loopback, and how long a request is tried.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use google_cloud_auth::credentials::{Credentials, anonymous};
use google_cloud_gax::backoff_policy::BackoffPolicy;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::StatusDetails;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::retry_policy::{RetryPolicy, RetryPolicyExt as _};
use google_cloud_gax::retry_result::RetryResult;
use google_cloud_gax::retry_state::RetryState;
use google_cloud_gax::retry_throttler::CircuitBreaker;
use google_cloud_storage::retry_policy::RetryableErrors;
use url::{Host, Url};

const MOST_ATTEMPTS: u32 = 6;
const LONGEST_TRIED: Duration = Duration::from_mins(5);
/// A service that asks for a longer pause is given up: the workflow retries the job.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// An emulator in place of a service of Google Cloud, reached without credentials: a URL on a loopback address, so that
/// no job can be made to send what it knows elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emulator(String);

impl Emulator {
    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0
    }

    /// The credentials that it is given.
    #[must_use]
    pub fn credentials() -> Credentials {
        anonymous::Builder::new().build()
    }
}

impl fmt::Display for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Emulator {
    type Err = String;

    /// Reads `http://127.0.0.1:4443` or `127.0.0.1:4443`, as Google's other clients do.
    fn from_str(text: &str) -> Result<Self, String> {
        let problem =
            || format!("is {text:?}: an emulator is on a loopback address, http://127.0.0.1:PORT");
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url = Url::parse(&with_scheme).map_err(|_| problem())?;
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        };
        let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        if url.scheme() == "http" && is_loopback && is_bare {
            Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
        } else {
            Err(problem())
        }
    }
}

/// The reasons that a service gives for an error, which say more than its status: too many requests may be 403 as well as
/// 429. <https://cloud.google.com/bigquery/docs/error-messages>,
/// <https://cloud.google.com/storage/docs/json_api/v1/status-codes>.
pub(crate) fn reasons(error: &Error) -> impl Iterator<Item = &str> {
    let details = error.status().map_or(&[][..], |status| &status.details);
    details.iter().filter_map(|detail| match detail {
        StatusDetails::ErrorInfo(info) => Some(info.reason.as_str()),
        _ => None,
    })
}

/// Whether another attempt may not meet the reason. Those that end a job may be told as `jobBackendError`.
pub(crate) fn is_transient_reason(reason: &str) -> bool {
    let reason = reason.strip_prefix("job").unwrap_or(reason);
    [
        "backendError",
        "internalError",
        "rateLimitExceeded",
        "tableUnavailable",
        "userRateLimitExceeded",
    ]
    .iter()
    .any(|transient| transient.eq_ignore_ascii_case(reason))
}

/// Whether a later execution may not meet the reason.
pub(crate) fn is_passing_reason(reason: &str) -> bool {
    is_transient_reason(reason) || matches!(reason, "quotaExceeded" | "stopped" | "timeout")
}

/// For a client: nothing but [`Retries`] decides how often an attempt is made. Google's own throttler skips attempts at
/// random while a service is down, and waits for them nevertheless.
pub(crate) fn unthrottled() -> CircuitBreaker {
    CircuitBreaker::clamp(1, 0, 0)
}

/// How one request is retried: what Google calls retryable, at exponential intervals with jitter, or as the service asks
/// by `Retry-After`; a limited number of times, and not for ever.
#[derive(Debug, Clone)]
pub(crate) struct Retries {
    backoff: Arc<ExponentialBackoff>,
    /// What the latest answer asked for.
    asked: Arc<Mutex<Option<Duration>>>,
}

impl Retries {
    /// For one request: what an answer asks for holds for the next attempt of the same.
    pub(crate) fn new() -> Self {
        let backoff = ExponentialBackoffBuilder::new()
            .with_initial_delay(Duration::from_millis(500))
            .with_maximum_delay(Duration::from_secs(30))
            .with_scaling(2.0)
            .clamp();
        Self {
            backoff: Arc::new(backoff),
            asked: Arc::default(),
        }
    }

    /// The policy that decides.
    pub(crate) fn policy(&self) -> impl RetryPolicy + 'static {
        self.clone()
            .with_time_limit(LONGEST_TRIED)
            .with_attempt_limit(MOST_ATTEMPTS)
    }

    /// The policy that paces.
    pub(crate) fn pace(&self) -> Self {
        self.clone()
    }
}

impl RetryPolicy for Retries {
    fn on_error(&self, state: &RetryState, error: Error) -> RetryResult {
        let asked = retry_after(&error);
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        let decided = match RetryableErrors.on_error(state, error) {
            RetryResult::Permanent(error)
                if state.idempotent && reasons(&error).any(is_transient_reason) =>
            {
                RetryResult::Continue(error)
            }
            decided => decided,
        };
        match decided {
            RetryResult::Continue(error) if asked > Some(LONGEST_PAUSE) => {
                RetryResult::Exhausted(error)
            }
            decided => decided,
        }
    }
}

impl BackoffPolicy for Retries {
    fn on_failure(&self, state: &RetryState) -> Duration {
        let asked = self
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let own = self.backoff.on_failure(state);
        asked.map_or(own, |asked| asked + own.min(Duration::from_secs(1)))
    }
}

/// Seconds, as Google's services answer it: <https://cloud.google.com/storage/docs/retry-strategy>.
fn retry_after(error: &Error) -> Option<Duration> {
    let value = error.http_headers()?.get("retry-after")?;
    let seconds = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::Emulator;

    #[test]
    fn an_emulator_is_on_loopback() {
        for (text, url) in [
            ("http://127.0.0.1:4443", "http://127.0.0.1:4443"),
            ("127.0.0.9:4443/", "http://127.0.0.9:4443"),
            ("localhost:9050", "http://localhost:9050"),
            ("http://[::1]:9050", "http://[::1]:9050"),
        ] {
            let emulator: Emulator = text.parse().expect(text);
            assert_eq!(emulator.url(), url);
        }
        for wrong in [
            "http://10.0.0.1:4443",
            "http://0.0.0.0:4443",
            "http://storage.test:4443",
            "http://localhost.storage.test:4443",
            "http://127.0.0.1@storage.test",
            "http://user@127.0.0.1:4443",
            "https://127.0.0.1:4443",
            "http://127.0.0.1:4443/path",
            "",
        ] {
            assert!(wrong.parse::<Emulator>().is_err(), "{wrong:?}");
        }
    }
}
