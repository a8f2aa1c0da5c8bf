//! Downloads with conditions and ranges according to RFC 9110.

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::response::Builder;
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::publications::Published;

/// Returns the answer to a request for `file`.
pub(super) fn answer<B>(
    file: &Published,
    request: &Request<B>,
) -> hyper::http::Result<Response<Bytes>> {
    let headers = request.headers();
    let last_modified = http_date(file);
    let described = |builder: Builder| {
        let builder = if file.generated {
            builder.header("X-Generated-Data", "true")
        } else {
            builder
        };
        builder
            .header(header::ETAG, &file.etag)
            .header(header::LAST_MODIFIED, &last_modified)
            .header(header::ACCEPT_RANGES, "bytes")
            .header(header::CONTENT_TYPE, "application/octet-stream")
    };
    let is_unchanged = match text(headers, header::IF_NONE_MATCH) {
        Some(etag) => etag == file.etag,
        None => text(headers, header::IF_MODIFIED_SINCE)
            .and_then(parse_http_date)
            .is_some_and(|since| file.last_modified.as_second() <= since.as_second()),
    };
    if is_unchanged {
        // The tag is sent with a 304, but not the date, which may be an earlier one than the client's.
        let answer = Response::builder().status(StatusCode::NOT_MODIFIED);
        return answer.header(header::ETAG, &file.etag).body(Bytes::new());
    }
    let same_file = text(headers, header::IF_RANGE)
        .is_none_or(|condition| condition == file.etag || condition == last_modified);
    let range = text(headers, header::RANGE).filter(|_| same_file);
    let length = file.bytes.len();
    let Some(range) = range.and_then(first_byte) else {
        let answer = described(Response::builder());
        if request.method() == Method::HEAD {
            let answer = answer.header(header::CONTENT_LENGTH, length);
            return answer.body(Bytes::new());
        }
        return answer.body(file.bytes.clone());
    };
    if range >= length {
        let answer = Response::builder()
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(header::CONTENT_RANGE, format!("bytes */{length}"));
        return answer.body(Bytes::new());
    }
    let rest = file.bytes.slice(range..);
    described(Response::builder().status(StatusCode::PARTIAL_CONTENT))
        .header(
            header::CONTENT_RANGE,
            format!("bytes {range}-{}/{length}", length - 1),
        )
        .body(rest)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Parses a range to the end: `bytes=100-`.
fn first_byte(range: &str) -> Option<usize> {
    range
        .strip_prefix("bytes=")?
        .strip_suffix('-')?
        .parse()
        .ok()
}

fn parse_http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

fn http_date(file: &Published) -> String {
    let moment = file.last_modified;
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
