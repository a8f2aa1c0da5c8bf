//! A bucket of Cloud Storage: what is read, written and removed, each request tried as [`google`](crate::google) says.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use google_cloud_auth::credentials::{self, CacheableResource, Credentials};
use google_cloud_gax::error::Error;
use google_cloud_storage::client::Storage;
use google_cloud_storage::streaming_source::{Payload, Seek, StreamingSource};
use http::Extensions;
use reqwest::StatusCode;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use url::Url;

use crate::exit::{Exit, Failure};
use crate::google::Emulator;
use crate::google::retries::{Retries, is_transient_reason, reasons, unthrottled};
use crate::key::Key;

/// The longest silence before a download and in it, and the longest wait for a removal.
const LONGEST_SILENCE: Duration = patience(Duration::from_mins(1));
/// How often a silent service is asked again for a download.
const MOST_SILENCES: usize = 2;
/// The longest that the upload of a small object takes, retries and all.
const LONGEST_UPLOAD: Duration = patience(Duration::from_mins(2));
/// The longest that a resumable upload takes.
const LONGEST_RESUMABLE_UPLOAD: Duration = Duration::from_mins(15);
/// Objects of so many bytes and more are sent in a resumable upload.
const RESUMABLE_FROM: usize = 8 << 20;
const ENDPOINT: &str = "https://storage.googleapis.com";

/// That of a test is short.
const fn patience(duration: Duration) -> Duration {
    if cfg!(test) {
        Duration::from_millis(200)
    } else {
        duration
    }
}

/// A bucket, or what is below a prefix of one.
#[derive(Debug, Clone)]
pub struct Bucket {
    name: String,
    /// Empty, or a key.
    prefix: String,
    emulator: Option<Emulator>,
    /// Made when they are first needed: credentials are looked up over the network.
    clients: Arc<OnceCell<Clients>>,
}

#[derive(Debug)]
struct Clients {
    storage: Storage,
    /// For what `storage` does not do by JSON.
    http: reqwest::Client,
    credentials: Credentials,
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// There are no credentials, or no client.
    #[error("Cloud Storage gives no credentials: set up Application Default Credentials")]
    Credentials(#[source] Box<dyn StdError + Send + Sync>),
    /// A request failed.
    #[error("Cloud Storage failed")]
    Service(#[from] Error),
    /// A removal failed.
    #[error("Cloud Storage failed")]
    Removal(#[from] reqwest::Error),
    /// There was no answer.
    #[error("Cloud Storage is silent for too long")]
    Silence(#[from] tokio::time::error::Elapsed),
}

impl BucketError {
    /// The status that the service answered, if it did.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Service(error) => error.http_status_code(),
            Self::Removal(error) => error.status().map(|status| status.as_u16()),
            Self::Credentials(_) | Self::Silence(_) => None,
        }
    }

    /// Whether the service refuses: there is no such bucket, or no permission.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Credentials(_) => true,
            Self::Service(error) if error.is_authentication() => true,
            Self::Service(error) if reasons(error).any(is_transient_reason) => false,
            _ => matches!(self.http_status(), Some(400..=404)),
        }
    }

    /// Whether a removal may succeed if it is tried again: <https://cloud.google.com/storage/docs/retry-strategy>.
    fn is_transient(&self) -> bool {
        let is_removal = matches!(self, Self::Removal(_));
        is_removal && matches!(self.http_status(), None | Some(408 | 429 | 500..))
    }
}

impl From<BucketError> for Failure {
    fn from(error: BucketError) -> Self {
        let exit = if error.is_refusal() {
            Exit::Configuration
        } else {
            Exit::Upstream
        };
        Failure::new(exit, error)
    }
}

/// What an upload does where there is an object.
#[derive(Debug, Clone, Copy)]
pub enum Manner<'a> {
    /// It is refused: [`BucketError::http_status`] is 412. So that no object is ever replaced.
    New,
    /// The object is replaced: a reader sees the one or the other, whole.
    Replacing {
        /// How long the object may be kept by whom it passes.
        cache_control: &'a str,
    },
}

impl Bucket {
    /// What is at `location`: `BUCKET` or `BUCKET/PREFIX`.
    ///
    /// # Errors
    /// What is wrong with `location`.
    pub fn new(location: &str, emulator: Option<Emulator>) -> Result<Self, String> {
        let (name, prefix) = location.split_once('/').unwrap_or((location, ""));
        let prefix = prefix.trim_end_matches('/');
        // https://cloud.google.com/storage/docs/buckets#naming
        let valid_byte =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if !(3..=222).contains(&name.len()) || !name.bytes().all(valid_byte) {
            return Err(format!("{name:?} is no bucket's name"));
        }
        if !prefix.is_empty() {
            Key::new(prefix)?;
        }
        Ok(Self {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            emulator,
            clients: Arc::default(),
        })
    }

    /// In one request, or, from [`RESUMABLE_FROM`] bytes on, in a resumable upload, which streams, and goes on from where the
    /// service says that it was interrupted. The service is told the checksum before it makes the object.
    pub async fn upload<S>(
        &self,
        path: &str,
        size_bytes: u64,
        payload: Payload<S>,
        manner: Manner<'_>,
    ) -> Result<(), BucketError>
    where
        S: StreamingSource + Seek + Send + Sync + 'static,
        <S as StreamingSource>::Error: Send + Sync + 'static,
        <S as Seek>::Error: Send + Sync + 'static,
    {
        let retries = Retries::new();
        let upload = self
            .clients()
            .await?
            .storage
            .write_object::<_, _, _, S>(self.resource(), self.object(path), payload)
            .set_content_type(content_type(path))
            .with_resumable_upload_threshold(RESUMABLE_FROM)
            .with_retry_policy(retries.policy())
            .with_backoff_policy(retries.pace());
        let upload = match manner {
            Manner::New => upload.set_if_generation_match(0_i64),
            // Replacing an object with the same again is as good as once.
            Manner::Replacing { cache_control } => upload
                .set_cache_control(cache_control)
                .with_idempotency(true),
        };
        // A buffered upload that is resumable goes on without asking after a connection has ended (google-cloud-storage
        // 1.21); one that is neither sends the checksum behind the object.
        if size_bytes < RESUMABLE_FROM as u64 {
            timeout(LONGEST_UPLOAD, Box::pin(upload.send_buffered())).await??;
        } else {
            timeout(LONGEST_RESUMABLE_UPLOAD, Box::pin(upload.send_unbuffered())).await??;
        }
        Ok(())
    }

    /// The object's stream, `None` if there is no such object.
    pub async fn download(&self, path: &str) -> Result<Option<Download>, BucketError> {
        let clients = self.clients().await?;
        let open = || async {
            let retries = Retries::new();
            let request = clients
                .storage
                .read_object(self.resource(), self.object(path))
                .with_retry_policy(retries.policy())
                .with_backoff_policy(retries.pace())
                .send();
            match timeout(LONGEST_SILENCE, Box::pin(request)).await? {
                Ok(response) => Ok(Some(Download(response))),
                Err(error) if error.http_status_code() == Some(404) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        // Google's client waits for an answer for ever.
        open.retry(
            ExponentialBuilder::default()
                .with_jitter()
                .with_max_times(MOST_SILENCES),
        )
        .when(|error| matches!(error, BucketError::Silence(_)))
        .await
    }

    /// The whole object, `None` if there is none.
    pub async fn read(&self, path: &str) -> Result<Option<Bytes>, BucketError> {
        let Some(mut object) = self.download(path).await? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        while let Some(bytes) = object.next().await? {
            content.extend_from_slice(&bytes);
        }
        Ok(Some(content.into()))
    }

    /// Removes the object, if there is one. <https://cloud.google.com/storage/docs/json_api/v1/objects/delete>, by itself
    /// because Google's client does it by gRPC alone, which would be another service to reach, and to emulate.
    pub async fn remove(&self, path: &str) -> Result<(), BucketError> {
        let clients = self.clients().await?;
        let endpoint = self.emulator.as_ref().map_or(ENDPOINT, Emulator::url);
        let mut url = Url::parse(endpoint).expect("an endpoint is a URL");
        url.path_segments_mut()
            .expect("a URL of HTTP has a path")
            .extend(["storage", "v1", "b", &self.name, "o", &self.object(path)]);
        let attempt = || async {
            let headers = match clients.credentials.headers(Extensions::new()).await {
                Ok(CacheableResource::New { data, .. }) => data,
                // It answers this to who says what he holds, and nothing is said.
                Ok(CacheableResource::NotModified) => http::HeaderMap::new(),
                Err(error) => return Err(BucketError::Credentials(error.into())),
            };
            let request = clients.http.delete(url.clone()).headers(headers);
            let answer = request.timeout(LONGEST_SILENCE).send().await?;
            // Another was first; or this one was, and the answer to an earlier attempt was lost.
            if answer.status() != StatusCode::NOT_FOUND {
                answer.error_for_status()?;
            }
            Ok(())
        };
        attempt
            .retry(ExponentialBuilder::default().with_jitter())
            .when(BucketError::is_transient)
            .await
    }

    async fn clients(&self) -> Result<&Clients, BucketError> {
        let connect = async || {
            let failed = |error: Box<dyn StdError + Send + Sync>| BucketError::Credentials(error);
            let mut storage = Storage::builder().with_retry_throttler(unthrottled());
            let credentials = if let Some(emulator) = &self.emulator {
                storage = storage.with_endpoint(emulator.url());
                Emulator::credentials()
            } else {
                let built = credentials::Builder::default().build();
                built.map_err(|error| failed(error.into()))?
            };
            let storage = storage.with_credentials(credentials.clone()).build().await;
            Ok(Clients {
                storage: storage.map_err(|error| failed(error.into()))?,
                http: reqwest::Client::new(),
                credentials,
            })
        };
        self.clients.get_or_try_init(connect).await
    }

    fn resource(&self) -> String {
        format!("projects/_/buckets/{}", self.name)
    }

    fn object(&self, path: &str) -> String {
        if self.prefix.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.prefix)
        }
    }
}

/// `gs://BUCKET/PREFIX`.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "gs://{}{slash}{}", self.name, self.prefix)
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "json")) => "application/json",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "geojson")) => "application/geo+json",
        Some((_, "csv")) => "text/csv",
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "parquet")) => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// An object on its way. An interrupted download goes on where it was, in the same generation; at the end of a whole one
/// its CRC32C is checked.
pub struct Download(google_cloud_storage::read_object::ReadObjectResponse);

impl Download {
    /// Which of the objects that were ever there it is.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.0.object().generation
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BucketError> {
        let next = timeout(LONGEST_SILENCE, self.0.next()).await?;
        Ok(next.transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use bytes::Bytes;

    use super::{Bucket, BucketError, Manner, content_type};

    /// A service that takes connections and never answers.
    #[tokio::test]
    async fn a_silent_service_is_not_waited_for_for_ever() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = silent.local_addr().expect("an address").to_string();
        let bucket = Bucket::new("bucket", address.parse().ok()).expect("a bucket");
        let read = bucket.read("object").await;
        assert!(matches!(read, Err(BucketError::Silence(_))), "{read:?}");
        let content = Bytes::from_static(b"content").into();
        let sent = bucket.upload("object", 7, content, Manner::New).await;
        assert!(matches!(sent, Err(BucketError::Silence(_))), "{sent:?}");
    }

    /// A browser runs no module and applies no style sheet of another type:
    /// <https://html.spec.whatwg.org/multipage/webappapis.html#fetch-a-single-module-script>.
    #[test]
    fn a_page_is_served_as_what_it_is() {
        for (path, kind) in [
            ("index.html", "text/html"),
            ("assets/index-1.js", "text/javascript"),
            ("assets/index-1.css", "text/css"),
            ("icon.svg", "image/svg+xml"),
            ("boundaries/wards.topo.json", "application/json"),
        ] {
            assert!(content_type(path).starts_with(kind), "{path}");
        }
    }
}
