//! The collector at `OPENLINEAGE_URL`, to which events are posted as the specification's clients do:
//! <https://openlineage.io/docs/client/python#http-transport>.

use std::fmt;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::warn;
use url::{Host, Url};

use super::event::RunEvent;

/// The path of the specification's API, below the collector's URL.
const PATH: &str = "api/v1/lineage";
/// How long a request may take: the default of the specification's clients.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the job waits in the end for events that are not posted yet.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A collector of lineage, and how to reach it.
#[derive(Clone)]
pub struct Collector {
    url: Url,
    /// `Bearer` and the API key.
    authorization: Option<HeaderValue>,
}

/// Formats the collector without its key.
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

/// Why an event was not posted.
#[derive(Debug, thiserror::Error)]
enum PostError {
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error(
        "it redirected to {0}, which is not followed: set OPENLINEAGE_URL to the final address"
    )]
    Redirected(String),
    #[error("{0}")]
    Request(String, #[source] reqwest::Error),
}

impl Collector {
    /// Returns the collector at the base address `url`: `http://HOST[:PORT][/PATH]`, or with https.
    ///
    /// # Errors
    /// Describes what is wrong with `url`, without repeating a credential in it.
    pub fn new(url: &str) -> Result<Self, String> {
        let mut url: Url = url
            .parse()
            .map_err(|error| format!("is not a URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("is not an address of the web: use https://HOST[:PORT][/PATH]".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(
                "has a user, a password or a query: use https://HOST[:PORT][/PATH], and OPENLINEAGE_API_KEY for a key"
                    .to_owned(),
            );
        }
        url.set_fragment(None);
        let path = format!("{}/{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self {
            url,
            authorization: None,
        })
    }

    /// Sets the API key.
    ///
    /// # Errors
    /// Describes why the key cannot be sent, without repeating it.
    pub fn with_key(mut self, key: &str) -> Result<Self, String> {
        if self.url.scheme() != "https" && !self.is_loopback() {
            return Err("would be sent in clear text: use https in OPENLINEAGE_URL".to_owned());
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| "has characters that a header cannot have".to_owned())?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    fn client(&self) -> reqwest::Result<Client> {
        let builder = Client::builder()
            .timeout(REQUEST_TIMEOUT)
            // A redirect may lead to another host, which must not see the key.
            .redirect(Policy::none());
        if self.is_loopback() {
            builder.no_proxy().build()
        } else {
            builder.build()
        }
    }

    /// Posts an event, and again after a transient error other than silence.
    async fn post(&self, client: &Client, event: &RunEvent) -> Result<(), PostError> {
        let post = async || {
            let mut request = client.post(self.url.clone()).json(event);
            if let Some(authorization) = &self.authorization {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            let answer = request.send().await.map_err(|error| {
                let what = if error.is_timeout() {
                    format!("it did not answer within {} s", REQUEST_TIMEOUT.as_secs())
                } else {
                    "it cannot be reached".to_owned()
                };
                PostError::Request(what, error.without_url())
            })?;
            let status = answer.status();
            if status.is_redirection() {
                let location = answer.headers().get(reqwest::header::LOCATION);
                let location = location.and_then(|value| self.url.join(value.to_str().ok()?).ok());
                let host = location.map_or_else(
                    || "an unknown address".to_owned(),
                    |url| url.origin().ascii_serialization(),
                );
                return Err(PostError::Redirected(host));
            }
            if status.is_success() {
                Ok(())
            } else {
                Err(PostError::Status(status))
            }
        };
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(300))
            .with_max_times(2);
        post.retry(backoff).when(PostError::is_transient).await
    }
}

impl PostError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Status(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Redirected(_) => false,
            Self::Request(_, error) => !error.is_timeout(),
        }
    }
}

/// Posts events in the background, in order. After the first that fails, the others are left out, so that a collector
/// that is down costs a run little; the lake has them all.
pub(super) struct Poster {
    events: mpsc::UnboundedSender<RunEvent>,
    posting: JoinHandle<()>,
    collector: String,
}

impl Poster {
    /// Starts to post to `collector`.
    pub(super) fn start(collector: &Collector) -> Self {
        let (events, mut queue) = mpsc::unbounded_channel();
        let (name, collector) = (collector.url.to_string(), collector.clone());
        let posting = tokio::spawn(async move {
            let mut posted: u64 = 0;
            let cause = match collector.client() {
                Err(error) => error.without_url().to_string(),
                Ok(client) => loop {
                    let Some(event) = queue.recv().await else {
                        return;
                    };
                    match collector.post(&client, &event).await {
                        Ok(()) => posted += 1,
                        Err(error) => break with_cause(&error),
                    }
                },
            };
            warn!(collector = %collector.url, posted, cause, "lineage not posted");
        });
        Self {
            events,
            posting,
            collector: name,
        }
    }

    /// Adds events to post.
    pub(super) fn post(&self, events: &[RunEvent]) {
        for event in events {
            // The task has ended if an event could not be posted, and has logged that.
            self.events.send(event.clone()).ok();
        }
    }

    /// Waits for the events that are not posted yet, up to [`DRAIN_TIMEOUT`].
    pub(super) async fn finish(self) {
        drop(self.events);
        let abort = self.posting.abort_handle();
        if timeout(DRAIN_TIMEOUT, self.posting).await.is_err() {
            abort.abort();
            let cause = format!("it took more than {} s", DRAIN_TIMEOUT.as_secs());
            warn!(collector = self.collector, cause, "lineage not posted");
        }
    }
}

fn with_cause(error: &PostError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Collector;

    #[test]
    fn the_path_of_the_api_is_below_that_of_the_collector() {
        let posted_to = |url| Collector::new(url).expect("valid").url.to_string();
        assert_eq!(
            posted_to("https://marquez.test"),
            "https://marquez.test/api/v1/lineage"
        );
        assert_eq!(
            posted_to("https://datahub.test/openapi/openlineage/"),
            "https://datahub.test/openapi/openlineage/api/v1/lineage"
        );
    }

    #[test]
    fn a_credential_is_never_repeated_and_never_sent_in_clear_text() {
        for bad in [
            "https://user:secret@marquez.test",
            "https://marquez.test?key=secret",
            "ftp://secret",
            "secret",
        ] {
            let problem = Collector::new(bad).expect_err("refused");
            assert!(!problem.contains("secret"), "{problem}");
        }
        let with_key = |url, key| Collector::new(url).expect("valid").with_key(key);
        assert!(with_key("http://marquez.test", "secret").is_err());
        let problem = with_key("https://marquez.test", "sec\nret").expect_err("refused");
        assert!(!problem.contains("sec"), "{problem}");
        let collector = with_key("http://127.0.0.1:5000", "secret").expect("loopback");
        assert!(!format!("{collector:?}").contains("secret"));
    }
}
