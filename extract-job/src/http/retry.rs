use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use shared::address::Address;
use shared::telemetry::milliseconds;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;
use url::Url;

use super::{HttpError, parse_http_date};

/// A failed attempt.
pub(super) struct Failed {
    pub(super) error: HttpError,
    /// Whether it made progress.
    pub(super) progressed: bool,
}

impl From<HttpError> for Failed {
    fn from(error: HttpError) -> Self {
        Self {
            error,
            progressed: false,
        }
    }
}

const DELAYS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(250))
    .with_factor(2.0)
    .with_max_delay(Duration::from_secs(15))
    .with_max_times(6)
    .with_jitter();

/// Repeats `attempt` on `url` until it succeeds, fails permanently, or `limit` has passed.
///
/// An attempt that made progress resets the count: only the deadline ends a slow but steady download.
pub(super) async fn retrying<T>(
    url: &Url,
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, Failed>,
) -> Result<T, HttpError> {
    let deadline = Instant::now() + limit;
    let mut last = None;
    let attempts = async {
        let mut delays = DELAYS.build();
        let mut attempts = 0;
        loop {
            let Failed { error, progressed } = match attempt().await {
                Ok(result) => return Ok(result),
                Err(failed) => failed,
            };
            if !error.is_transient() {
                return Err(error);
            }
            if progressed {
                delays = DELAYS.build();
                attempts = 0;
            }
            attempts += 1;
            let Some(delay) = delays.next() else {
                let source = Box::new(error);
                return Err(HttpError::GaveUp { attempts, source });
            };
            let delay = error.retry_after().map_or(delay, |wish| wish.max(delay));
            if delay >= deadline.saturating_duration_since(Instant::now()) {
                return Err(HttpError::Deadline {
                    url: Address::of(url),
                    seconds: limit.as_secs(),
                    source: Some(Box::new(error)),
                });
            }
            warn!(
                url = %Address::of(url),
                attempts,
                milliseconds = milliseconds(delay),
                cause = error.chain(),
                "attempt failed, retrying"
            );
            last = Some(Box::new(error));
            sleep(delay).await;
        }
    };
    match timeout_at(deadline, attempts).await {
        Ok(result) => result,
        Err(_) => Err(HttpError::Deadline {
            url: Address::of(url),
            seconds: limit.as_secs(),
            source: last,
        }),
    }
}

/// Returns the pause that `Retry-After` in `headers` requests, in seconds or until a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wish = Timestamp::now().duration_until(parse_http_date(text)?);
    // A date in the past requests no pause.
    Some(Duration::try_from(wish).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn requested(text: &'static str) -> Option<Duration> {
        retry_after(&HeaderMap::from_iter([(
            RETRY_AFTER,
            HeaderValue::from_static(text),
        )]))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(requested("90"), Some(Duration::from_secs(90)));
        assert_eq!(
            requested("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        let far = requested("Tue, 31 Dec 2199 23:59:59 GMT").expect("a date");
        assert!(far > Duration::from_secs(1_000_000_000));
        assert_eq!(requested("soon"), None);
        assert_eq!(requested("-1"), None);
    }
}
