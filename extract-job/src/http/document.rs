use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use shared::address::Address;
use url::Url;

use super::retry::{Failed, retry_after, retrying};
use super::{HttpClient, HttpError};

/// A small answer, whole in memory.
pub(crate) struct Document {
    /// Its status: success, or an error that a retry does not fix.
    pub(crate) status: StatusCode,
    /// Its content.
    pub(crate) body: Vec<u8>,
}

const MAX_DOCUMENT_BYTES: usize = 16 << 20;

/// Returns the answer of `url`.
pub(crate) async fn fetch(http: &HttpClient, url: &Url) -> Result<Document, HttpError> {
    http.allowed.check(url)?;
    retrying(url, http.deadline, async || attempt(http, url).await).await
}

async fn attempt(http: &HttpClient, url: &Url) -> Result<Document, Failed> {
    let broken = |source| HttpError::from_client(url, source);
    let request = http
        .client
        .get(url.clone())
        .header(ACCEPT, "application/json");
    let mut response = request.send().await.map_err(broken)?;
    let error = HttpError::Status {
        url: Address::of(url),
        status: response.status(),
        retry_after: retry_after(response.headers()),
    };
    if error.is_transient() {
        return Err(error.into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_DOCUMENT_BYTES {
            let answer = format!("with more than {MAX_DOCUMENT_BYTES} bytes");
            return Err(HttpError::protocol(url, answer).into());
        }
    }
    Ok(Document {
        status: response.status(),
        body,
    })
}
