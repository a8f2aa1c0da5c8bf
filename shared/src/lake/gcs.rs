use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use google_cloud_gax::error::Error;
use google_cloud_storage::client::Storage;
use google_cloud_storage::streaming_source::{Payload, Seek, StreamingSource};
use tempfile::NamedTempFile;
use tokio::sync::{OnceCell, mpsc};
use tokio::task::block_in_place;
use tokio::time::timeout;

use super::{Content, Created, Key, LakeError, blocking, digest_of_file};
use crate::fingerprint::{Digest, Hasher};
use crate::google::{Emulator, Retries};

/// The longest silence in a download.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);
/// The longest that an upload takes, retries and all.
const LONGEST_UPLOAD: Duration = Duration::from_mins(15);
/// Objects of so many bytes and more are sent in a resumable upload.
const RESUMABLE_FROM: usize = 8 << 20;
/// Pieces of an object that wait to be read: some hundred KiB.
const READ_AHEAD: usize = 8;

/// A lake in a bucket of Cloud Storage.
///
/// An object is made with `ifGenerationMatch=0`, so that none is ever replaced, and with its CRC32C, which the service
/// checks before the object appears. `roles/storage.objectCreator` and `roles/storage.objectViewer` are all it needs.
#[derive(Debug, Clone)]
pub struct GcsLake {
    bucket: String,
    /// Empty, or a key.
    prefix: String,
    emulator: Option<Emulator>,
    /// Made when it is first needed: credentials are looked up over the network.
    client: Arc<OnceCell<Storage>>,
}

/// An object that is in the bucket.
struct Held {
    digest: Digest,
    generation: i64,
}

impl GcsLake {
    /// The lake at `location`: `BUCKET` or `BUCKET/PREFIX`.
    ///
    /// # Errors
    /// What is wrong with `location`.
    pub fn new(location: &str, emulator: Option<Emulator>) -> Result<Self, String> {
        let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
        let prefix = prefix.trim_end_matches('/');
        // https://cloud.google.com/storage/docs/buckets#naming
        let valid_byte =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if !(3..=222).contains(&bucket.len()) || !bucket.bytes().all(valid_byte) {
            return Err(format!("{bucket:?} is no bucket's name"));
        }
        if !prefix.is_empty() {
            Key::new(prefix)?;
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            emulator,
            client: Arc::default(),
        })
    }

    /// `gs://BUCKET/PREFIX`.
    pub(super) fn url(&self) -> String {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        format!("gs://{}{slash}{}", self.bucket, self.prefix)
    }

    pub(super) fn spool() -> io::Result<NamedTempFile> {
        NamedTempFile::new()
    }

    pub(super) async fn create(&self, key: &Key, content: Content) -> Result<Created, LakeError> {
        let failed = |source| LakeError::Io {
            verb: "create",
            key: key.clone(),
            source,
        };
        let (new, sent) = match content {
            Content::Bytes(bytes) => {
                let new = Digest::of(&bytes);
                (
                    new,
                    self.upload(key, bytes.len() as u64, Payload::from(bytes))
                        .await,
                )
            }
            Content::File(file) => {
                let path = file.path().to_owned();
                let new = blocking(move || digest_of_file(&path))
                    .await
                    .map_err(failed)?;
                // Asked first because a replay finds most objects there, and sending a large one takes long.
                if let Some(held) = self.held(key).await? {
                    return settle(key, &new, &held);
                }
                let opened = tokio::fs::File::open(file.path()).await.map_err(failed)?;
                let size_bytes = opened.metadata().await.map_err(failed)?.len();
                (
                    new,
                    self.upload(key, size_bytes, Payload::from(opened)).await,
                )
            }
        };
        match sent {
            Ok(()) => Ok(Created::Created),
            // Another was first; or this one was, and the answer to an earlier attempt was lost.
            Err(Failed::Service(error)) if error.http_status_code() == Some(412) => {
                match self.held(key).await? {
                    Some(held) => settle(key, &new, &held),
                    None => Err(failed(io::Error::other(error))),
                }
            }
            Err(error) => Err(error.of("create", key)),
        }
    }

    /// In one request, or, from [`RESUMABLE_FROM`] bytes on, in a resumable upload, which streams, and goes on from where the
    /// service says that it was interrupted. The service is told the checksum before it makes the object.
    async fn upload<S>(&self, key: &Key, size_bytes: u64, payload: Payload<S>) -> Result<(), Failed>
    where
        S: StreamingSource + Seek + Send + Sync + 'static,
        <S as StreamingSource>::Error: Send + Sync + 'static,
        <S as Seek>::Error: Send + Sync + 'static,
    {
        let retries = Retries::new();
        let upload = self
            .client()
            .await?
            .write_object::<_, _, _, S>(self.bucket_resource(), self.object(key), payload)
            .set_if_generation_match(0_i64)
            .set_content_type(content_type(key))
            .with_resumable_upload_threshold(RESUMABLE_FROM)
            .with_retry_policy(retries.policy())
            .with_backoff_policy(retries.pace());
        // A buffered upload that is resumable goes on without asking after a connection has ended (google-cloud-storage
        // 1.21); one that is neither sends the checksum behind the object.
        if size_bytes < RESUMABLE_FROM as u64 {
            timeout(LONGEST_UPLOAD, Box::pin(upload.send_buffered())).await??;
        } else {
            timeout(LONGEST_UPLOAD, Box::pin(upload.send_unbuffered())).await??;
        }
        Ok(())
    }

    /// The object's digest and generation, `None` if there is none.
    async fn held(&self, key: &Key) -> Result<Option<Held>, LakeError> {
        let failed = |error: Failed| error.of("compare", key);
        let Some(mut object) = self.download(key).await.map_err(failed)? else {
            return Ok(None);
        };
        let generation = object.generation();
        let mut hasher = Hasher::default();
        while let Some(bytes) = object.next().await.map_err(failed)? {
            hasher.update(&bytes);
        }
        Ok(Some(Held {
            digest: hasher.finish(),
            generation,
        }))
    }

    pub(super) async fn read(&self, key: &Key) -> Result<Option<Bytes>, LakeError> {
        let failed = |error: Failed| error.of("read", key);
        let Some(mut object) = self.download(key).await.map_err(failed)? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        while let Some(bytes) = object.next().await.map_err(failed)? {
            content.extend_from_slice(&bytes);
        }
        Ok(Some(content.into()))
    }

    pub(super) async fn open(&self, key: &Key) -> Result<Box<dyn Read + Send>, LakeError> {
        let download = self.download(key).await;
        let Some(mut object) = download.map_err(|error| error.of("open", key))? else {
            return Err(LakeError::Missing { key: key.clone() });
        };
        let (sender, pieces) = mpsc::channel(READ_AHEAD);
        tokio::spawn(async move {
            while let Some(piece) = object.next().await.transpose() {
                let failed = piece.is_err();
                let sent = sender.send(piece.map_err(io::Error::other)).await;
                if sent.is_err() || failed {
                    // The reader is gone, or has the error.
                    return;
                }
            }
        });
        Ok(Box::new(ObjectReader {
            pieces,
            piece: Bytes::new(),
        }))
    }

    /// The object's stream, `None` if there is no such object.
    async fn download(&self, key: &Key) -> Result<Option<Download>, Failed> {
        let retries = Retries::new();
        let request = self
            .client()
            .await?
            .read_object(self.bucket_resource(), self.object(key))
            .with_retry_policy(retries.policy())
            .with_backoff_policy(retries.pace())
            .send();
        match Box::pin(request).await {
            Ok(response) => Ok(Some(Download(response))),
            Err(error) if error.http_status_code() == Some(404) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn client(&self) -> Result<&Storage, Failed> {
        let connect = async || {
            let mut builder = Storage::builder();
            if let Some(emulator) = &self.emulator {
                builder = builder
                    .with_endpoint(emulator.url())
                    .with_credentials(Emulator::credentials());
            }
            builder.build().await.map_err(Failed::Credentials)
        };
        self.client.get_or_try_init(connect).await
    }

    fn bucket_resource(&self) -> String {
        format!("projects/_/buckets/{}", self.bucket)
    }

    fn object(&self, key: &Key) -> String {
        if self.prefix.is_empty() {
            key.to_string()
        } else {
            format!("{}/{key}", self.prefix)
        }
    }
}

/// The outcome of creating what has the digest `new` where `held` is.
fn settle(key: &Key, new: &Digest, held: &Held) -> Result<Created, LakeError> {
    if held.digest == *new {
        return Ok(Created::Existed);
    }
    Err(LakeError::Conflict {
        key: key.clone(),
        new: new.to_string(),
        held: format!("{} in generation {}", held.digest, held.generation),
    })
}

fn content_type(key: &Key) -> &'static str {
    match key.as_str().rsplit_once('.') {
        Some((_, "json")) => "application/json",
        Some((_, "geojson")) => "application/geo+json",
        Some((_, "csv")) => "text/csv",
        Some((_, "parquet")) => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// An object on its way. An interrupted download goes on where it was, in the same generation; at the end of a whole one
/// its CRC32C is checked.
struct Download(google_cloud_storage::read_object::ReadObjectResponse);

impl Download {
    fn generation(&self) -> i64 {
        self.0.object().generation
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failed> {
        let next = timeout(LONGEST_SILENCE, self.0.next()).await?;
        Ok(next.transpose()?)
    }
}

/// The bytes of an object, for a thread that may block.
struct ObjectReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match block_in_place(|| self.pieces.blocking_recv()) {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("Cloud Storage gives no credentials: set up Application Default Credentials")]
    Credentials(#[source] google_cloud_gax::client_builder::Error),
    #[error("Cloud Storage failed")]
    Service(#[from] Error),
    #[error("Cloud Storage is silent for too long")]
    Silence(#[from] tokio::time::error::Elapsed),
}

impl Failed {
    fn of(self, verb: &'static str, key: &Key) -> LakeError {
        let refused = match &self {
            Self::Credentials(_) => true,
            Self::Service(error) => {
                error.is_authentication() || matches!(error.http_status_code(), Some(400..=404))
            }
            Self::Silence(_) => false,
        };
        let key = key.clone();
        if refused {
            LakeError::Refused {
                verb,
                key,
                source: io::Error::other(self),
            }
        } else {
            LakeError::Io {
                verb,
                key,
                source: io::Error::other(self),
            }
        }
    }
}
