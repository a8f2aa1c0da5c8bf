//! What fake-gcs-server leaves out: preconditions on resumable uploads.

use std::collections::HashMap;

use hyper::Method;
use hyper::header::{CONTENT_RANGE, HeaderMap, LOCATION};
use tokio::sync::Mutex;
use url::Url;

use super::{Answer, Asked, State, error, made};

#[derive(Default)]
pub(super) struct Storage {
    /// The object's path of each upload that must not replace one, by upload id. Locked while an upload is finished, so
    /// that of two one is refused.
    new_objects: Mutex<HashMap<String, String>>,
}

impl Storage {
    pub(super) async fn answer(&self, state: &State, asked: Asked) -> anyhow::Result<Answer> {
        let url = Url::parse(&format!("{}{}", state.upstream, asked.head.1))?;
        let query = |url: &Url, name: &str| {
            let found = url.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        let upload = query(&url, "upload_id");
        if let (Some(id), true) = (&upload, is_last_chunk(&asked)) {
            let uploads = self.new_objects.lock().await;
            if let Some(object) = uploads.get(id) {
                let look_up = Asked {
                    head: (Method::GET, object.clone()),
                    headers: HeaderMap::new(),
                    body: bytes::Bytes::new(),
                };
                if state.ask(look_up).await?.head.is_success() {
                    let message = "At least one of the pre-conditions you specified did not hold.";
                    return made(412, &[], &error(412, "conditionNotMet", message));
                }
            }
            return state.ask(asked).await;
        }
        let starts = query(&url, "uploadType").as_deref() == Some("resumable") && upload.is_none();
        let must_be_new = query(&url, "ifGenerationMatch").as_deref() == Some("0");
        let object = query(&url, "name").map(|name| {
            let bucket = url.path().trim_start_matches("/upload").to_owned();
            let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            format!("{bucket}/{name}")
        });
        let answer = state.ask(asked).await?;
        if let (true, true, Some(object)) = (starts, must_be_new, object)
            && let Some(location) = answer.headers.get(LOCATION)
            && let Some(id) = query(&Url::parse(location.to_str()?)?, "upload_id")
        {
            self.new_objects.lock().await.insert(id, object);
        }
        Ok(answer)
    }
}

/// `Content-Range: bytes 0-99/100` ends an upload of 100 bytes; `bytes 0-99/*` goes on, `bytes */100` asks how far it is.
fn is_last_chunk(asked: &Asked) -> bool {
    let range = asked
        .headers
        .get(CONTENT_RANGE)
        .and_then(|range| range.to_str().ok());
    let Some(range) = range.and_then(|range| range.strip_prefix("bytes ")) else {
        return asked.head.0 == Method::PUT;
    };
    let parse = |number: &str| number.parse::<u64>().ok();
    let last = range.split_once('/').and_then(|(sent, total)| {
        let (_, end) = sent.split_once('-')?;
        Some(parse(end)? + 1 == parse(total)?)
    });
    last == Some(true)
}
