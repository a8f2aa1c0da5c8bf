use std::io::{Seek as _, SeekFrom, Write as _};

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH,
    IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{RequestBuilder, Response, StatusCode};
use shared::address::Address;
use shared::fingerprint::{Digest, Hasher};
use shared::telemetry::{Progress, progress};
use tempfile::NamedTempFile;
use tracing::info;
use url::Url;

use super::retry::{Failed, retry_after, retrying};
use super::{HttpClient, HttpError};

/// Set to `true` by the sample portal, whose data are synthetic.
const GENERATED: HeaderName = HeaderName::from_static("x-generated-data");

/// A download request.
pub(crate) struct Request<'a> {
    /// The address.
    pub(crate) url: &'a Url,
    /// Its name on the progress bar.
    pub(crate) label: String,
    /// The strong entity tag of the content in the lake, if that is not to be downloaded again. Without one, the bytes have to
    /// be compared: a server may answer 304 to `If-Modified-Since` for any file that is not later than the date, so that an
    /// earlier file, and one that was replaced within the second, would never be noticed. The price is small: the City
    /// links to three years of about 6 MB each, and a run requests them once a month.
    pub(crate) unless: Option<String>,
    /// The largest length to accept.
    pub(crate) max_bytes: u64,
}

impl Request<'_> {
    fn check_size(&self, size: u64) -> Result<(), HttpError> {
        if size <= self.max_bytes {
            return Ok(());
        }
        Err(HttpError::TooLarge {
            url: Address::of(self.url),
            size,
            limit: self.max_bytes,
            variable: "MAX_DOWNLOAD_BYTES",
        })
    }
}

/// A file as it was published.
pub(crate) struct Download {
    /// Its bytes.
    pub(crate) file: NamedTempFile,
    /// Their digest.
    pub(crate) sha256: Digest,
    /// Their number.
    pub(crate) size_bytes: u64,
    /// The strong entity tag that came with them.
    pub(crate) etag: Option<String>,
    /// The `Last-Modified` header that came with them.
    pub(crate) last_modified: Option<String>,
    /// Whether the server declares the data to be synthetic.
    pub(crate) generated: bool,
}

/// Downloads `request` into the empty `file`; returns `None` if the content still has the tag `unless`.
///
/// A broken transfer is resumed if the server can prove that the file is still the same.
pub(crate) async fn download(
    http: &HttpClient,
    request: &Request<'_>,
    file: NamedTempFile,
) -> Result<Option<Download>, HttpError> {
    http.allowed.check(request.url)?;
    let mut partial = Partial {
        file,
        hasher: Hasher::default(),
        received: 0,
        total: None,
        validator: None,
        last_modified: None,
        generated: false,
        unless: request.unless.clone(),
        bar: None,
    };
    let whole = retrying(request.url, http.deadline, async || {
        let before = partial.received;
        attempt(http, request, &mut partial)
            .await
            .map_err(|error| Failed {
                error,
                progressed: partial.received > before,
            })
    })
    .await?;
    Ok(whole.then(|| Download {
        file: partial.file,
        sha256: partial.hasher.finish(),
        size_bytes: partial.received,
        etag: match partial.validator {
            Some(Validator::StrongEtag(etag)) => Some(etag),
            _ => None,
        },
        last_modified: partial.last_modified,
        generated: partial.generated,
    }))
}

/// A download in progress.
struct Partial {
    file: NamedTempFile,
    hasher: Hasher,
    received: u64,
    total: Option<u64>,
    validator: Option<Validator>,
    last_modified: Option<String>,
    generated: bool,
    /// The strong entity tag that makes the request conditional.
    unless: Option<String>,
    bar: Option<Progress>,
}

/// What has to stay the same for a broken transfer to be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Validator {
    /// A strong entity tag. A weak one may stay the same while bytes change: [RFC 9110, section
    /// 8.8.1](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1).
    StrongEtag(String),
    /// The `Last-Modified` header, unchanged.
    LastModified(String),
}

impl Validator {
    fn of(headers: &HeaderMap) -> Option<Self> {
        match text(headers, &ETAG) {
            Some(etag) if etag.starts_with('"') => Some(Self::StrongEtag(etag.to_owned())),
            _ => text(headers, &LAST_MODIFIED).map(|date| Self::LastModified(date.to_owned())),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::StrongEtag(text) | Self::LastModified(text) => text,
        }
    }
}

impl Partial {
    fn restart(&mut self, url: &Url) -> Result<(), HttpError> {
        self.hasher = Hasher::default();
        self.received = 0;
        self.total = None;
        self.validator = None;
        self.bar = None;
        let emptied = self.file.as_file().set_len(0);
        emptied
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(|source| HttpError::disk(url, source))?;
        Ok(())
    }

    /// Records the metadata of the response with the whole file.
    fn begin(&mut self, response: &Response, label: &str) {
        let headers = response.headers();
        self.validator = Validator::of(headers);
        self.last_modified = text(headers, &LAST_MODIFIED).map(str::to_owned);
        self.generated =
            text(headers, &GENERATED).is_some_and(|flag| flag.trim().eq_ignore_ascii_case("true"));
        self.total = response.content_length();
        self.bar = Some(progress(label, self.total));
    }

    /// Adds to `message` what requests the rest of the file, or the file unless it is the same.
    fn continued(
        &mut self,
        message: RequestBuilder,
        url: &Url,
    ) -> Result<RequestBuilder, HttpError> {
        if self.received > 0 {
            if let Some(validator) = &self.validator {
                info!(url = %Address::of(url), from_bytes = self.received, "download resumed");
                return Ok(message
                    .header(RANGE, format!("bytes={}-", self.received))
                    .header(IF_RANGE, validator.as_str()));
            }
            self.restart(url)?;
        }
        Ok(match &self.unless {
            Some(stored) => message.header(IF_NONE_MATCH, stored),
            None => message,
        })
    }

    /// Prepares for the content of a response; returns `false` if the file is not needed.
    fn accept(&mut self, response: &Response, request: &Request<'_>) -> Result<bool, HttpError> {
        let url = request.url;
        let headers = response.headers();
        match response.status() {
            StatusCode::OK => {
                self.restart(url)?;
                self.begin(response, &request.label);
            }
            StatusCode::PARTIAL_CONTENT if self.received > 0 => {
                if let Err(answer) = continues(response, self) {
                    self.restart(url)?;
                    return Err(HttpError::protocol(url, answer));
                }
            }
            StatusCode::NOT_MODIFIED if self.received == 0 && self.unless.is_some() => {
                // A 304 may have the tag in its weak form.
                let now = text(headers, &ETAG).map(|tag| tag.trim_start_matches("W/"));
                let is_another = |stored: &mut String| now.is_some_and(|now| now != *stored);
                return match self.unless.take_if(is_another) {
                    Some(stored) => Err(HttpError::protocol(
                        url,
                        format!("304 Not Modified, but its content is no longer {stored}"),
                    )),
                    None => Ok(false),
                };
            }
            StatusCode::RANGE_NOT_SATISFIABLE if self.received > 0 => {
                self.restart(url)?;
                let answer = "416 Range Not Satisfiable: the file is shorter than before";
                return Err(HttpError::protocol(url, answer.to_owned()));
            }
            status => {
                return Err(HttpError::Status {
                    url: Address::of(url),
                    status,
                    retry_after: retry_after(headers),
                });
            }
        }
        match text(headers, &CONTENT_ENCODING) {
            Some(coding) if !coding.eq_ignore_ascii_case("identity") => Err(HttpError::protocol(
                url,
                format!("with content coding {coding}"),
            )),
            _ => Ok(true),
        }
    }

    /// Reads the content of an accepted response to its end.
    async fn receive(
        &mut self,
        mut response: Response,
        request: &Request<'_>,
    ) -> Result<(), HttpError> {
        let url = request.url;
        request.check_size(self.total.unwrap_or(0))?;
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|source| HttpError::from_client(url, source))?;
            let Some(chunk) = chunk else { break };
            request.check_size(self.received + chunk.len() as u64)?;
            self.push(&chunk, url)?;
        }
        match self.total {
            Some(total) if total != self.received => {
                let received = self.received;
                if received > total {
                    self.restart(url)?;
                }
                let answer = format!("with {received} of {total} bytes");
                Err(HttpError::protocol(url, answer))
            }
            _ => Ok(()),
        }
    }

    // Writing and hashing a chunk takes microseconds, too little to move to another thread.
    fn push(&mut self, chunk: &[u8], url: &Url) -> Result<(), HttpError> {
        let written = self.file.write_all(chunk);
        written.map_err(|source| HttpError::disk(url, source))?;
        self.hasher.update(chunk);
        self.received += chunk.len() as u64;
        if let Some(bar) = &self.bar {
            bar.advance(chunk.len() as u64);
        }
        Ok(())
    }
}

/// Continues the download. Returns `true` when it is complete, `false` if it is not needed.
async fn attempt(
    http: &HttpClient,
    request: &Request<'_>,
    partial: &mut Partial,
) -> Result<bool, HttpError> {
    let url = request.url;
    let message = http.client.get(url.clone());
    let message = message.header(ACCEPT_ENCODING, "identity");
    let response = partial.continued(message, url)?.send().await;
    let response = response.map_err(|source| HttpError::from_client(url, source))?;
    let is_needed = partial.accept(&response, request)?;
    if is_needed {
        partial.receive(response, request).await?;
    }
    Ok(is_needed)
}

/// Checks that `response` continues `partial` in the same file.
fn continues(response: &Response, partial: &Partial) -> Result<(), String> {
    let headers = response.headers();
    let range = text(headers, &CONTENT_RANGE).unwrap_or_default();
    let Some((start, total)) = parse_range(range) else {
        return Err(format!("with content range {range:?}"));
    };
    if start != partial.received {
        let requested = partial.received;
        return Err(format!("from byte {start} instead of byte {requested}"));
    }
    if partial.total.is_some_and(|known| known != total) {
        return Err(format!(
            "that it has {total} bytes, another number than before"
        ));
    }
    // Servers may omit headers of the whole file from a part, but not contradict them.
    let changed = match (&partial.validator, Validator::of(headers)) {
        (Some(Validator::StrongEtag(before)), Some(Validator::StrongEtag(now)))
        | (Some(Validator::LastModified(before)), Some(Validator::LastModified(now))) => {
            *before != now
        }
        _ => false,
    };
    if changed {
        return Err("with a part of another file".to_owned());
    }
    Ok(())
}

/// Parses start and total of `bytes start-end/total`.
fn parse_range(range: &str) -> Option<(u64, u64)> {
    let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = span.split_once('-')?;
    let (start, end, total) = (
        start.trim().parse::<u64>().ok()?,
        end.trim().parse::<u64>().ok()?,
        total.trim().parse::<u64>().ok()?,
    );
    (start <= end && end < total).then_some((start, total))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn content_range_is_read_exactly() {
        assert_eq!(parse_range("bytes 100-199/200"), Some((100, 200)));
        for bad in [
            "",
            "100-199/200",
            "bytes 100-199/*",
            "bytes */200",
            "bytes 100-99/200",
            "bytes 100-200/200",
            "items 100-199/200",
        ] {
            assert_eq!(parse_range(bad), None, "{bad:?}");
        }
    }
}
