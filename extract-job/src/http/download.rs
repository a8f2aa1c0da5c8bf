use std::io::{self, Seek as _, SeekFrom, Write as _};

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH,
    IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Response, StatusCode};
use shared::fingerprint::{Digest, Hasher};
use shared::telemetry::{Progress, progress};
use tempfile::NamedTempFile;
use tracing::info;
use url::Url;

use super::retry::{Failed, retry_after, retrying};
use super::{HttpClient, HttpError};

/// What to download.
pub(crate) struct Order<'a> {
    /// The address.
    pub(crate) url: &'a Url,
    /// What to call it on the progress bar.
    pub(crate) label: String,
    /// The entity tag of what is held already.
    pub(crate) held_etag: Option<&'a str>,
    /// The largest length to accept.
    pub(crate) max_bytes: u64,
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
}

/// Downloads what `order` says into the empty `file`; `None` if it is unchanged since `held_etag`.
///
/// A broken transfer is taken up where it broke, if the server can prove that the file is still the same one.
pub(crate) async fn download(
    http: &HttpClient,
    order: &Order<'_>,
    file: NamedTempFile,
) -> Result<Option<Download>, HttpError> {
    http.allowed.check(order.url)?;
    let mut partial = Partial {
        file,
        hasher: Hasher::default(),
        received: 0,
        total: None,
        validator: None,
        last_modified: None,
        bar: None,
    };
    let whole = retrying(order.url, http.deadline, async || {
        let before = partial.received;
        attempt(http, order, &mut partial)
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
    }))
}

/// What has arrived so far.
struct Partial {
    file: NamedTempFile,
    hasher: Hasher,
    received: u64,
    total: Option<u64>,
    validator: Option<Validator>,
    last_modified: Option<String>,
    bar: Option<Progress>,
}

/// What tells one content of an address from another.
#[derive(Debug)]
enum Validator {
    StrongEtag(String),
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
    fn restart(&mut self) -> io::Result<()> {
        self.hasher = Hasher::default();
        self.received = 0;
        self.total = None;
        self.validator = None;
        self.bar = None;
        self.file.as_file().set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        Ok(())
    }

    // Writing and digesting a chunk takes microseconds, too little to move to another thread.
    fn push(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)?;
        self.hasher.update(chunk);
        self.received += chunk.len() as u64;
        if let Some(bar) = &self.bar {
            bar.advance(chunk.len() as u64);
        }
        Ok(())
    }
}

/// `true` when the whole is there, `false` if it is not needed.
async fn attempt(
    http: &HttpClient,
    order: &Order<'_>,
    partial: &mut Partial,
) -> Result<bool, HttpError> {
    let url = order.url;
    let broken = |source| HttpError::from_client(url, source);
    let disk = |source| HttpError::Disk {
        url: url.clone(),
        source,
    };
    let surprise = |answer: String| HttpError::Protocol {
        url: url.clone(),
        answer,
    };

    let mut request = http
        .client
        .get(url.clone())
        .header(ACCEPT_ENCODING, "identity");
    if partial.received > 0 {
        match &partial.validator {
            Some(validator) => {
                info!(%url, from_bytes = partial.received, "download resumed");
                request = request
                    .header(RANGE, format!("bytes={}-", partial.received))
                    .header(IF_RANGE, validator.as_str());
            }
            None => partial.restart().map_err(disk)?,
        }
    }
    if partial.received == 0
        && let Some(etag) = order.held_etag
    {
        request = request.header(IF_NONE_MATCH, etag);
    }

    let mut response = request.send().await.map_err(broken)?;
    match response.status() {
        StatusCode::OK => {
            partial.restart().map_err(disk)?;
            partial.validator = Validator::of(response.headers());
            partial.last_modified = text(response.headers(), &LAST_MODIFIED).map(str::to_owned);
            partial.total = response.content_length();
            partial.bar = Some(progress(&order.label, partial.total));
        }
        StatusCode::PARTIAL_CONTENT if partial.received > 0 => {
            if let Err(answer) = continues(&response, partial) {
                partial.restart().map_err(disk)?;
                return Err(surprise(answer));
            }
        }
        StatusCode::NOT_MODIFIED if partial.received == 0 && order.held_etag.is_some() => {
            return Ok(false);
        }
        StatusCode::RANGE_NOT_SATISFIABLE if partial.received > 0 => {
            partial.restart().map_err(disk)?;
            return Err(surprise("that it is shorter than before".to_owned()));
        }
        status => {
            return Err(HttpError::Status {
                url: url.clone(),
                status,
                retry_after: retry_after(response.headers()),
            });
        }
    }
    if let Some(coding) = text(response.headers(), &CONTENT_ENCODING)
        && !coding.eq_ignore_ascii_case("identity")
    {
        return Err(surprise(format!("with content coding {coding}")));
    }

    let check_size = |size: u64| {
        if size <= order.max_bytes {
            return Ok(());
        }
        Err(HttpError::TooLarge {
            url: url.clone(),
            size,
            limit: order.max_bytes,
            variable: "MAX_DOWNLOAD_BYTES",
        })
    };
    check_size(partial.total.unwrap_or(0))?;
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        check_size(partial.received + chunk.len() as u64)?;
        partial.push(&chunk).map_err(disk)?;
    }
    match partial.total {
        Some(total) if total != partial.received => {
            let received = partial.received;
            if received > total {
                partial.restart().map_err(disk)?;
            }
            Err(surprise(format!("{received} bytes of {total}")))
        }
        _ => Ok(true),
    }
}

/// Checks that `response` goes on where `partial` ends, in the same file.
fn continues(response: &Response, partial: &Partial) -> Result<(), String> {
    let headers = response.headers();
    let range = text(headers, &CONTENT_RANGE).unwrap_or_default();
    let Some((start, total)) = parse_range(range) else {
        return Err(format!("with content range {range:?}"));
    };
    if start != partial.received {
        let asked = partial.received;
        return Err(format!("from byte {start}, asked from byte {asked}"));
    }
    if partial.total.is_some_and(|known| known != total) {
        return Err(format!("that it has {total} bytes, not as many as before"));
    }
    // Servers may leave out of a part what they said of the whole, but not say otherwise.
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

/// Start and total of `bytes start-end/total`.
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
