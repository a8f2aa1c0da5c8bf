//! Adds what fake-gcs-server lacks in resumable uploads: preconditions, and the progress of an interrupted upload.

use std::collections::HashMap;

use bytes::Bytes;
use hyper::header::{CONTENT_RANGE, HeaderMap, HeaderValue, LOCATION, RANGE};
use hyper::{Method, StatusCode};
use tokio::sync::Mutex;
use url::Url;

use super::{Answer, ProxiedRequest, State};

#[derive(Default)]
pub(super) struct Storage {
    /// Uploads by id. It is locked while a chunk is processed, so that one of two concurrent uploads of a new object is
    /// refused.
    uploads: Mutex<HashMap<String, Upload>>,
}

/// <https://cloud.google.com/storage/docs/performing-resumable-uploads>
#[derive(Default)]
struct Upload {
    /// The path of the object that must not exist.
    new_object: Option<String>,
    /// The number of bytes received.
    size_bytes: u64,
    /// The answer to the last chunk.
    done: Option<Answer>,
}

/// The `Content-Range` of a chunk.
enum Chunk {
    /// `bytes */*`: a query for the progress.
    Question,
    /// `bytes 0-99/*`: bytes up to here, with more to follow.
    UpTo(u64),
    /// `bytes 0-99/100`, or no range at all.
    Last,
}

impl Storage {
    pub(super) async fn answer(
        &self,
        state: &State,
        request: ProxiedRequest,
    ) -> anyhow::Result<Answer> {
        let url = Url::parse(&format!("{}{}", state.upstream, request.head.1))?;
        let upload = parameter(&url, "upload_id");
        if let (Some(id), true) = (&upload, request.head.0 == Method::PUT) {
            return self.take_chunk(state, id, request).await;
        }
        if upload.is_some() || parameter(&url, "uploadType").as_deref() != Some("resumable") {
            return state.send(request).await;
        }
        let must_be_new = parameter(&url, "ifGenerationMatch").as_deref() == Some("0");
        let object = parameter(&url, "name").map(|name| {
            let bucket = url.path().trim_start_matches("/upload").to_owned();
            let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            format!("{bucket}/{name}")
        });
        let answer = state.send(request).await?;
        if let Some(location) = answer.headers.get(LOCATION)
            && let Some(id) = parameter(&Url::parse(location.to_str()?)?, "upload_id")
        {
            let upload = Upload {
                new_object: object.filter(|_| must_be_new),
                ..Upload::default()
            };
            self.uploads.lock().await.insert(id, upload);
        }
        Ok(answer)
    }

    async fn take_chunk(
        &self,
        state: &State,
        id: &str,
        request: ProxiedRequest,
    ) -> anyhow::Result<Answer> {
        let mut uploads = self.uploads.lock().await;
        let upload = uploads.entry(id.to_owned()).or_default();
        let chunk = chunk(&request.headers);
        if let (Chunk::Question | Chunk::Last, Some(done)) = (&chunk, &upload.done) {
            return Ok(done.clone());
        }
        match chunk {
            Chunk::Question => {
                let mut headers = HeaderMap::new();
                if upload.size_bytes > 0 {
                    let range = format!("bytes=0-{}", upload.size_bytes - 1);
                    headers.insert(RANGE, HeaderValue::from_str(&range)?);
                }
                Ok(Answer {
                    head: StatusCode::PERMANENT_REDIRECT,
                    headers,
                    body: Bytes::new(),
                })
            }
            Chunk::UpTo(end) => {
                let answer = state.send(request).await?;
                upload.size_bytes = end;
                Ok(answer)
            }
            Chunk::Last => {
                if let Some(object) = &upload.new_object {
                    let look_up = ProxiedRequest {
                        head: (Method::GET, object.clone()),
                        headers: HeaderMap::new(),
                        body: Bytes::new(),
                    };
                    if state.send(look_up).await?.head.is_success() {
                        let message =
                            "At least one of the pre-conditions you specified did not hold.";
                        let status = StatusCode::PRECONDITION_FAILED;
                        return Ok(Answer::error(status, "conditionNotMet", message));
                    }
                }
                let answer = state.send(request).await?;
                upload.done = Some(answer.clone());
                Ok(answer)
            }
        }
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

fn chunk(headers: &HeaderMap) -> Chunk {
    let range = headers
        .get(CONTENT_RANGE)
        .and_then(|range| range.to_str().ok()?.strip_prefix("bytes "));
    let Some((sent, total)) = range.and_then(|range| range.split_once('/')) else {
        return Chunk::Last;
    };
    let end = sent
        .split_once('-')
        .and_then(|(_, last)| last.parse::<u64>().ok())
        .map(|last| last + 1);
    match end {
        Some(end) if total.parse() == Ok(end) => Chunk::Last,
        Some(end) => Chunk::UpTo(end),
        // `bytes */100` of an empty last chunk counts as well.
        None => Chunk::Question,
    }
}
