//! How often and for how long a request to Google is retried. `docs/architecture.md` has the retries of all layers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use google_cloud_gax::backoff_policy::BackoffPolicy;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::StatusDetails;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::retry_policy::{RetryPolicy, RetryPolicyExt as _};
use google_cloud_gax::retry_result::RetryResult;
use google_cloud_gax::retry_state::RetryState;
use google_cloud_gax::retry_throttler::CircuitBreaker;
use google_cloud_storage::retry_policy::RetryableErrors;

const MAX_ATTEMPTS: u32 = 6;
const MAX_ELAPSED: Duration = Duration::from_mins(5);
/// If a service requests a longer pause, the request fails and the workflow retries the job.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// Returns `duration`, shortened in unit tests.
pub(crate) const fn shortened_in_tests(duration: Duration) -> Duration {
    if cfg!(test) {
        Duration::from_millis(200)
    } else {
        duration
    }
}

/// Returns the reasons that a service gives for an error. They are more precise than the HTTP status: too many requests
/// may be 403 as well as 429. <https://cloud.google.com/bigquery/docs/error-messages>,
/// <https://cloud.google.com/storage/docs/json_api/v1/status-codes>.
pub(crate) fn reasons(error: &Error) -> impl Iterator<Item = &str> {
    let details = error.status().map_or(&[][..], |status| &status.details);
    details.iter().filter_map(|detail| match detail {
        StatusDetails::ErrorInfo(info) => Some(info.reason.as_str()),
        _ => None,
    })
}

/// Whether a retry may succeed. Job failures carry the same reasons with a `job` prefix.
pub(crate) fn is_retryable_reason(reason: &str) -> bool {
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

/// Whether a later execution of the job may succeed.
pub(crate) fn is_transient_reason(reason: &str) -> bool {
    is_retryable_reason(reason) || matches!(reason, "quotaExceeded" | "stopped" | "timeout")
}

/// Returns a throttler that never throttles, so that [`Retries`] alone decides. Google's default skips attempts at
/// random while a service is down, but still waits as long as if it had made them.
pub(crate) fn unthrottled() -> CircuitBreaker {
    CircuitBreaker::clamp(1, 0, 0)
}

/// The retry policy of one request. Errors that Google documents as retryable are retried at exponential intervals with
/// jitter, or after `Retry-After`, at most [`MAX_ATTEMPTS`] times and for [`MAX_ELAPSED`].
#[derive(Debug, Clone)]
pub(crate) struct Retries {
    backoff: Arc<ExponentialBackoff>,
    /// `Retry-After` of the last response.
    retry_after: Arc<Mutex<Option<Duration>>>,
}

impl Retries {
    /// Returns the policy for one request: `Retry-After` applies to the next attempt of the same request.
    pub(crate) fn new() -> Self {
        let backoff = ExponentialBackoffBuilder::new()
            .with_initial_delay(Duration::from_millis(500))
            .with_maximum_delay(Duration::from_secs(30))
            .with_scaling(2.0)
            .clamp();
        Self {
            backoff: Arc::new(backoff),
            retry_after: Arc::default(),
        }
    }

    /// Returns the policy that decides whether to retry.
    pub(crate) fn policy(&self) -> impl RetryPolicy + 'static {
        self.clone()
            .with_time_limit(MAX_ELAPSED)
            .with_attempt_limit(MAX_ATTEMPTS)
    }

    /// Returns the policy that decides when to retry.
    pub(crate) fn backoff(&self) -> Self {
        self.clone()
    }
}

impl RetryPolicy for Retries {
    fn on_error(&self, state: &RetryState, error: Error) -> RetryResult {
        let retry_after = retry_after_of(&error);
        *self
            .retry_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = retry_after;
        let decided = match RetryableErrors.on_error(state, error) {
            RetryResult::Permanent(error)
                if state.idempotent && reasons(&error).any(is_retryable_reason) =>
            {
                RetryResult::Continue(error)
            }
            decided => decided,
        };
        match decided {
            RetryResult::Continue(error) if retry_after > Some(MAX_RETRY_AFTER) => {
                RetryResult::Exhausted(error)
            }
            decided => decided,
        }
    }
}

impl BackoffPolicy for Retries {
    fn on_failure(&self, state: &RetryState) -> Duration {
        let retry_after = self
            .retry_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let own = self.backoff.on_failure(state);
        retry_after.map_or(own, |retry_after| {
            retry_after + own.min(Duration::from_secs(1))
        })
    }
}

/// Reads `Retry-After` in seconds, the form that Google's services use: <https://cloud.google.com/storage/docs/retry-strategy>.
fn retry_after_of(error: &Error) -> Option<Duration> {
    let value = error.http_headers()?.get("retry-after")?;
    let seconds = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
