//! Bodies of answers, complete and broken.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Frame;

/// A body that may break off.
pub type Body = BoxBody<Bytes, io::Error>;

/// Returns all of `bytes`.
#[must_use]
pub fn whole(bytes: Bytes) -> Body {
    of(frame(bytes))
}

/// Returns the first `length` of `bytes`, after which the connection is closed.
pub(crate) fn truncated(bytes: &Bytes, length: usize) -> Body {
    let sent = frame(bytes.slice(..bytes.len().min(length)));
    // The pause allows the sent bytes to leave before the connection is closed.
    let end = stream::once(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(io::Error::other("a fault on demand"))
    });
    of(sent.chain(end))
}

/// Returns the first `length` of `bytes`, after which the connection stays open without data.
pub(crate) fn stalled(bytes: &Bytes, length: usize) -> Body {
    of(frame(bytes.slice(..bytes.len().min(length))).chain(stream::pending()))
}

/// Returns `bytes` with one bit flipped in the middle.
pub(crate) fn flipped(bytes: &Bytes) -> Body {
    let mut flipped = bytes.to_vec();
    let middle = flipped.len() / 2;
    if let Some(byte) = flipped.get_mut(middle) {
        *byte ^= 1;
    }
    whole(flipped.into())
}

/// Returns `bytes`, sent at this rate per second.
pub(crate) fn slow(bytes: Bytes, bytes_per_second: u32) -> Body {
    let step = usize::try_from(bytes_per_second / 20)
        .unwrap_or(usize::MAX)
        .max(1);
    let pieces = stream::iter((0..bytes.len()).step_by(step)).then(move |start| {
        let piece = bytes.slice(start..bytes.len().min(start + step));
        async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(Frame::data(piece))
        }
    });
    of(pieces)
}

type Frames = io::Result<Frame<Bytes>>;

fn frame(bytes: Bytes) -> impl Stream<Item = Frames> + Send + Sync + 'static {
    stream::iter([Ok(Frame::data(bytes))])
}

fn of(frames: impl Stream<Item = Frames> + Send + Sync + 'static) -> Body {
    BoxBody::new(StreamBody::new(frames))
}
