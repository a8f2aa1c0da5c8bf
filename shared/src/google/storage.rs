//! Reads, writes, copies and removes the objects of a Cloud Storage bucket. The module `retries` has the retry policy.
//!
//! What uses Google's client is boxed and not async: the compiler translates an async function, and with it the client, again
//! in every crate that awaits it.

use std::error::Error as StdError;
use std::fmt;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use google_cloud_auth::credentials::{self, CacheableResource, Credentials};
use google_cloud_gax::error::Error;
use google_cloud_storage::client::Storage;
use google_cloud_storage::streaming_source::{Payload, Seek, StreamingSource};
use http::Extensions;
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::fs::File;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use url::Url;

use crate::address::Address;
use crate::exit::{Exit, Failure};
use crate::fingerprint::Checksum;
use crate::google::Emulator;
use crate::google::retries::{
    Retries, is_transient_reason, reasons, shortened_in_tests, unthrottled,
};
use crate::key::Key;
use crate::object::Stated;

/// The longest silence before and during a download, and the longest wait for a request about metadata or a step of
/// a copy.
const LONGEST_SILENCE: Duration = shortened_in_tests(Duration::from_mins(1));
/// How often a download is retried when the service is silent.
const MAX_SILENCES: usize = 2;
/// The longest that the upload of a small object may take, retries included.
const LONGEST_UPLOAD: Duration = shortened_in_tests(Duration::from_mins(2));
/// The longest that a resumable upload may take.
const LONGEST_RESUMABLE_UPLOAD: Duration = Duration::from_mins(15);
/// Objects of at least this many bytes are sent in a resumable upload.
const RESUMABLE_FROM: usize = 8 << 20;
const ENDPOINT: &str = "https://storage.googleapis.com";

/// A bucket, or the objects below a prefix of it.
#[derive(Debug, Clone)]
pub struct Bucket {
    name: String,
    /// Empty, or a key.
    prefix: String,
    emulator: Option<Emulator>,
    /// Created on first use, because credentials are looked up over the network.
    clients: Arc<OnceCell<Clients>>,
}

#[derive(Debug)]
struct Clients {
    storage: Storage,
    /// For requests that `storage` supports only over gRPC.
    http: reqwest::Client,
    credentials: Credentials,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// There are no credentials, or no client.
    #[error("cannot get credentials for Cloud Storage: set up Application Default Credentials")]
    Credentials(#[source] Box<dyn StdError + Send + Sync>),
    /// A request failed.
    #[error("Cloud Storage request failed: {}", described(.0))]
    Service(Error),
    /// A removal or a copy failed.
    #[error("Cloud Storage request failed: {}", described(.0))]
    Http(reqwest::Error),
    /// The service did not answer in time.
    #[error("Cloud Storage did not answer in time")]
    Silence(#[from] tokio::time::error::Elapsed),
}

impl BucketError {
    /// Returns the HTTP status, if the service answered.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Service(error) => error.http_status_code(),
            Self::Http(error) => error.status().map(|status| status.as_u16()),
            Self::Credentials(_) | Self::Silence(_) => None,
        }
    }

    /// Whether the service refuses because the bucket does not exist or permission is missing.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Credentials(_) => true,
            Self::Service(error) if error.is_authentication() => true,
            Self::Service(error) if reasons(error).any(is_transient_reason) => false,
            _ => matches!(self.http_status(), Some(400..=404)),
        }
    }

    /// Whether retrying a removal or a copy may succeed: <https://cloud.google.com/storage/docs/retry-strategy>.
    fn is_transient(&self) -> bool {
        let is_http = matches!(self, Self::Http(_));
        is_http && matches!(self.http_status(), None | Some(408 | 429 | 500..))
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

impl From<Error> for BucketError {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

impl From<reqwest::Error> for BucketError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

/// Returns the chain of an error, in which an address has no query: with that of a resumable upload anyone may write to the
/// bucket, for a week. <https://cloud.google.com/storage/docs/resumable-uploads#session-uris>
fn described(error: &(dyn StdError + 'static)) -> String {
    let chain = || iter::successors(Some(error), |&error| error.source());
    let texts: Vec<String> = chain().map(ToString::to_string).collect();
    let urls = chain().filter_map(|error| error.downcast_ref::<reqwest::Error>()?.url());
    urls.fold(texts.join(": "), |text, url| {
        text.replace(url.as_str(), &Address::of(url).to_string())
    })
}

/// What an upload does if the object exists.
#[derive(Debug, Clone, Copy)]
pub enum WriteMode<'a> {
    /// Fails: [`BucketError::http_status`] is 412. No object is ever replaced.
    New,
    /// Replaces the object atomically: a reader sees either the old or the new one.
    Overwrite {
        /// The object's `Cache-Control` header.
        cache_control: &'a str,
        /// Its `Content-Encoding` header, if it is encoded.
        content_encoding: Option<&'a str>,
        /// The generation that it replaces, 0 if there is none: if there is another by now, the status is 412. `None`
        /// replaces any.
        generation: Option<i64>,
    },
}

impl WriteMode<'_> {
    /// Returns the generation that the object must have, 0 if it must not exist; `None` if it may have any.
    fn expected_generation(self) -> Option<i64> {
        match self {
            Self::New => Some(0),
            Self::Overwrite { generation, .. } => generation,
        }
    }
}

/// What identifies the content of an object: <https://cloud.google.com/storage/docs/json_api/v1/objects#resource>.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectContent {
    /// A number of 64 bits, which the service writes as a string.
    size: String,
    crc32c: Checksum,
    md5_hash: Option<String>,
}

/// A step of a copy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rewritten {
    done: bool,
    rewrite_token: Option<String>,
}

/// What [`Bucket::copy`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// The object is new, or was replaced.
    Copied,
    /// It existed with the same content.
    Existed,
    /// It exists with other content, which [`WriteMode::New`] does not replace.
    Differs,
}

impl Bucket {
    /// Returns the bucket at `location`: `BUCKET` or `BUCKET/PREFIX`.
    ///
    /// # Errors
    /// Describes what is wrong with `location`.
    pub fn new(location: &str, emulator: Option<Emulator>) -> Result<Self, String> {
        let (name, prefix) = location.split_once('/').unwrap_or((location, ""));
        let prefix = prefix.trim_end_matches('/');
        // https://cloud.google.com/storage/docs/buckets#naming
        let valid_byte =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        // Neither is repeated, because there may be a password or a token in them.
        if !(3..=222).contains(&name.len()) || !name.bytes().all(valid_byte) {
            return Err("this is not the name of a bucket".to_owned());
        }
        if !prefix.is_empty() && Key::new(prefix).is_err() {
            return Err(
                "the part after the bucket's name cannot start the name of an object".to_owned(),
            );
        }
        Ok(Self {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            emulator,
            clients: Arc::default(),
        })
    }

    /// Uploads an object in one request or, from [`RESUMABLE_FROM`] bytes, in a resumable upload, which streams and
    /// continues after an interruption. The checksum is sent before the object is created.
    pub fn upload<'a>(
        &'a self,
        path: &'a str,
        content: Bytes,
        mode: WriteMode<'a>,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(self.upload_payload(path, content.len() as u64, content.into(), mode))
    }

    /// Uploads a file of `size_bytes`, as [`Bucket::upload`] does, without reading it into memory.
    pub fn upload_file<'a>(
        &'a self,
        path: &'a str,
        content: File,
        size_bytes: u64,
        mode: WriteMode<'a>,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(self.upload_payload(path, size_bytes, content.into(), mode))
    }

    async fn upload_payload<S>(
        &self,
        path: &str,
        size_bytes: u64,
        payload: Payload<S>,
        mode: WriteMode<'_>,
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
            .with_backoff_policy(retries.backoff());
        let upload = match mode.expected_generation() {
            Some(generation) => upload.set_if_generation_match(generation),
            None => upload,
        };
        let upload = match mode {
            WriteMode::New => upload,
            // Overwriting with identical content is idempotent.
            WriteMode::Overwrite {
                cache_control,
                content_encoding,
                ..
            } => upload
                .set_cache_control(cache_control)
                .set_content_encoding(content_encoding.unwrap_or_default())
                .with_idempotency(true),
        };
        // A resumable upload, if buffered, continues after a lost connection without querying its status
        // (google-cloud-storage 1.21); a simple one, if unbuffered, sends the checksum after the object.
        if size_bytes < RESUMABLE_FROM as u64 {
            timeout(LONGEST_UPLOAD, Box::pin(upload.send_buffered())).await??;
        } else {
            timeout(LONGEST_RESUMABLE_UPLOAD, Box::pin(upload.send_unbuffered())).await??;
        }
        Ok(())
    }

    /// Returns a stream of the object, `None` if it does not exist.
    pub fn download<'a>(
        &'a self,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Option<Download>, BucketError>> {
        Box::pin(self.open(path))
    }

    async fn open(&self, path: &str) -> Result<Option<Download>, BucketError> {
        let clients = self.clients().await?;
        let open = || async {
            let retries = Retries::new();
            let request = clients
                .storage
                .read_object(self.resource(), self.object(path))
                .with_retry_policy(retries.policy())
                .with_backoff_policy(retries.backoff())
                .send();
            match timeout(LONGEST_SILENCE, Box::pin(request)).await? {
                Ok(response) => Ok(Some(Download(response))),
                Err(error) if error.http_status_code() == Some(404) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        // Google's client has no timeout of its own.
        open.retry(
            ExponentialBuilder::default()
                .with_jitter()
                .with_max_times(MAX_SILENCES),
        )
        .when(|error| matches!(error, BucketError::Silence(_)))
        .await
    }

    /// Returns the whole object, `None` if it does not exist.
    pub async fn read(&self, path: &str) -> Result<Option<Bytes>, BucketError> {
        let read = self.read_generation(path).await?;
        Ok(read.map(|(content, _)| content))
    }

    /// Returns the whole object and its generation, `None` if it does not exist.
    pub async fn read_generation(&self, path: &str) -> Result<Option<(Bytes, i64)>, BucketError> {
        let Some(mut object) = self.download(path).await? else {
            return Ok(None);
        };
        let generation = object.generation();
        let mut content = Vec::new();
        while let Some(bytes) = object.next().await? {
            content.extend_from_slice(&bytes);
        }
        Ok(Some((content.into(), generation)))
    }

    /// Copies the object at `from` to `to` within the service, unless an object with the same content is there. A reader
    /// of `to` sees either the object before or the copy. <https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite>
    ///
    /// # Errors
    /// Also if there is no object at `from`: its status is 404.
    pub async fn copy(
        &self,
        from: &str,
        to: &str,
        mode: WriteMode<'_>,
    ) -> Result<Copied, BucketError> {
        let source = self.content(from).await?;
        let compared = async || {
            let existing = self.content(to).await?;
            Ok::<_, BucketError>(match existing {
                // The service reports that the source does not exist.
                _ if source.is_none() => None,
                None => None,
                existing if existing == source => Some(Copied::Existed),
                Some(_) => Some(Copied::Differs),
            })
        };
        match (compared().await?, mode) {
            (None, _) | (Some(Copied::Differs), WriteMode::Overwrite { .. }) => {}
            (Some(existing), _) => return Ok(existing),
        }
        let mut url = self.object_url(from);
        url.path_segments_mut()
            .expect("an HTTP URL has a path")
            .extend(["rewriteTo", "b", &self.name, "o", &self.object(to)]);
        let mut metadata = json!({"contentType": content_type(to)});
        if let Some(generation) = mode.expected_generation() {
            let generation = generation.to_string();
            let mut query = url.query_pairs_mut();
            query.append_pair("ifGenerationMatch", &generation);
        }
        if let WriteMode::Overwrite { cache_control, .. } = mode {
            metadata["cacheControl"] = cache_control.into();
        }
        let first = url.clone();
        loop {
            let step = self.send(Method::POST, &url, Some(&metadata)).await;
            let step = match step.and_then(|response| Ok(response.error_for_status()?)) {
                // Another writer was first, or an earlier attempt was and its answer was lost.
                Err(error) if error.http_status() == Some(412) => {
                    return Ok(compared().await?.unwrap_or(Copied::Differs));
                }
                step => step?.json::<Rewritten>().await?,
            };
            // A copy to another location or storage class may take several steps.
            match step.rewrite_token {
                Some(token) if !step.done => {
                    url.clone_from(&first);
                    url.query_pairs_mut().append_pair("rewriteToken", &token);
                }
                _ => return Ok(Copied::Copied),
            }
        }
    }

    /// Returns what the service states of the object, `None` if it does not exist.
    pub async fn look_up(&self, path: &str) -> Result<Option<Stated>, BucketError> {
        let content = self.content(path).await?;
        Ok(content.map(|content| Stated {
            // A size that is not a number is not that of any object.
            size_bytes: Some(content.size.parse().unwrap_or(u64::MAX)),
            crc32c: Some(content.crc32c),
        }))
    }

    /// Returns what identifies the object's content, `None` if it does not exist.
    async fn content(&self, path: &str) -> Result<Option<ObjectContent>, BucketError> {
        let response = self.send(Method::GET, &self.object_url(path), None).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(response.error_for_status()?.json().await?))
    }

    /// Removes the object, if it exists. <https://cloud.google.com/storage/docs/json_api/v1/objects/delete>.
    pub async fn remove(&self, path: &str) -> Result<(), BucketError> {
        let response = self
            .send(Method::DELETE, &self.object_url(path), None)
            .await?;
        // Another writer was first, or an earlier attempt was and its answer was lost.
        if response.status() != StatusCode::NOT_FOUND {
            response.error_for_status()?;
        }
        Ok(())
    }

    /// Sends a request to the JSON API until the answer is not a transient error. Implemented here because Google's client
    /// removes and copies over gRPC only, which would be another service to reach and to emulate.
    async fn send(
        &self,
        method: Method,
        url: &Url,
        body: Option<&serde_json::Value>,
    ) -> Result<Response, BucketError> {
        let clients = self.clients().await?;
        let attempt = || async {
            let headers = match clients.credentials.headers(Extensions::new()).await {
                Ok(CacheableResource::New { data, .. }) => data,
                // Only returned when an ETag is passed; we never pass one.
                Ok(CacheableResource::NotModified) => http::HeaderMap::new(),
                Err(error) => return Err(BucketError::Credentials(error.into())),
            };
            let mut request = clients.http.request(method.clone(), url.clone());
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request.headers(headers).timeout(LONGEST_SILENCE).send();
            let answer = answer.await?;
            match answer.status().as_u16() {
                408 | 429 | 500.. => Ok(answer.error_for_status()?),
                _ => Ok(answer),
            }
        };
        attempt
            .retry(ExponentialBuilder::default().with_jitter())
            .when(BucketError::is_transient)
            .await
    }

    /// Returns the address of an object in the JSON API.
    fn object_url(&self, path: &str) -> Url {
        let endpoint = self.emulator.as_ref().map_or(ENDPOINT, Emulator::url);
        let mut url = Url::parse(endpoint).expect("an endpoint is a URL");
        url.path_segments_mut()
            .expect("an HTTP URL has a path")
            .extend(["storage", "v1", "b", &self.name, "o", &self.object(path)]);
        url
    }

    fn clients(&self) -> BoxFuture<'_, Result<&Clients, BucketError>> {
        Box::pin(self.clients.get_or_try_init(async || {
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
        }))
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
        Some((_, "jsonld")) => "application/ld+json",
        Some((_, "atom")) => "application/atom+xml",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "png")) => "image/png",
        Some((_, "geojson")) => "application/geo+json",
        Some((_, "csv")) => "text/csv",
        Some((_, "gz")) => "application/gzip",
        Some((_, "cff")) => "application/yaml",
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "parquet")) => "application/vnd.apache.parquet",
        Some((_, "txt")) | None => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// A download. After an interruption it continues with the same generation, and at the end of a whole object its CRC32C
/// is checked.
pub struct Download(google_cloud_storage::read_object::ReadObjectResponse);

impl Download {
    /// Returns the object's generation.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.0.object().generation
    }

    /// Returns what the service states of the object.
    #[must_use]
    pub fn stated(&self) -> Stated {
        let object = self.0.object();
        let sums = object.checksums;
        Stated {
            // The client has 0 if the response has no `x-goog-stored-content-length`, which not every server sends:
            // <https://cloud.google.com/storage/docs/xml-api/reference-headers#xgoogstoredcontentlength>.
            size_bytes: u64::try_from(object.size).ok().filter(|&size| size > 0),
            crc32c: sums.and_then(|sums| sums.crc32c).map(Checksum::of_crc32c),
        }
    }

    /// Returns the next chunk, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BucketError> {
        let next = timeout(LONGEST_SILENCE, self.0.next()).await?;
        Ok(next.transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use bytes::Bytes;

    use super::{Bucket, BucketError, WriteMode, content_type};

    /// A service that accepts connections and never answers.
    #[tokio::test]
    async fn a_silent_service_is_not_waited_for_forever() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = silent.local_addr().expect("an address").to_string();
        let bucket = Bucket::new("bucket", address.parse().ok()).expect("a bucket");
        let read = bucket.read("object").await;
        assert!(matches!(read, Err(BucketError::Silence(_))), "{read:?}");
        let content = Bytes::from_static(b"content");
        let sent = bucket.upload("object", content, WriteMode::New).await;
        assert!(matches!(sent, Err(BucketError::Silence(_))), "{sent:?}");
    }

    /// Browsers reject modules and style sheets with the wrong type:
    #[test]
    fn a_page_has_its_content_type() {
        for (path, kind) in [
            ("index.html", "text/html"),
            ("assets/index-1.js", "text/javascript"),
            ("assets/index-1.css", "text/css"),
            ("icon.svg", "image/svg+xml"),
            ("card.png", "image/png"),
            ("boundaries/wards.topo.json", "application/json"),
            ("data/dcat.jsonld", "application/ld+json"),
            ("feeds/ward-09.atom", "application/atom+xml"),
            ("llms.txt", "text/plain"),
        ] {
            assert!(content_type(path).starts_with(kind), "{path}");
        }
    }
}
