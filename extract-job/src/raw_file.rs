//! Files to store, measured in one pass while they are written.

use std::io::{self, Write};

use shared::fingerprint::{DigestWriter, Measured};
use shared::manifest::Encoding;
use tempfile::NamedTempFile;

/// A file to store and the metadata for its manifest.
pub(crate) struct RawFile {
    /// Its file name in the lake.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) file: NamedTempFile,
    /// Their measures.
    pub(crate) measures: Measures,
}

/// The measures of a text that need no parsing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measures {
    pub(crate) content: Measured,
    /// Line feeds, plus one if the last line has none.
    pub(crate) lines: u64,
    pub(crate) encoding: Encoding,
}

/// Measures everything written through it.
pub(crate) struct MeasuringWriter<W> {
    inner: DigestWriter<W>,
    line_feeds: u64,
    last: Option<u8>,
    utf8: Utf8Check,
}

impl<W: Write> MeasuringWriter<W> {
    /// Wraps `inner`.
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner: DigestWriter::new(inner),
            line_feeds: 0,
            last: None,
            utf8: Utf8Check::default(),
        }
    }

    /// Returns the inner writer and the measures of everything written.
    pub(crate) fn finish(self) -> (W, Measures) {
        let (inner, content) = self.inner.finish();
        let unfinished = self.last.is_some_and(|byte| byte != b'\n');
        let measures = Measures {
            content,
            lines: self.line_feeds + u64::from(unfinished),
            encoding: if self.utf8.is_valid() {
                Encoding::Utf8
            } else {
                Encoding::Windows1252
            },
        };
        (inner, measures)
    }
}

impl<W: Write> Write for MeasuringWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(buffer)?;
        let written = &buffer[..length];
        self.line_feeds += memchr::memchr_iter(b'\n', written).count() as u64;
        self.last = written.last().copied().or(self.last);
        self.utf8.push(written);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Determines whether bytes that arrive in chunks are UTF-8 as a whole.
#[derive(Default)]
struct Utf8Check {
    invalid: bool,
    /// The first bytes of a character whose other bytes have not arrived yet.
    begun: [u8; 4],
    length: usize,
}

impl Utf8Check {
    fn push(&mut self, mut bytes: &[u8]) {
        while self.length > 0 && !self.invalid {
            let Some((&first, rest)) = bytes.split_first() else {
                return;
            };
            bytes = rest;
            self.begun[self.length] = first;
            self.length += 1;
            match std::str::from_utf8(&self.begun[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) => self.invalid = error.error_len().is_some(),
            }
        }
        if self.invalid {
            return;
        }
        if let Err(error) = simdutf8::compat::from_utf8(bytes) {
            let begun = &bytes[error.valid_up_to()..];
            if error.error_len().is_none() {
                self.begun[..begun.len()].copy_from_slice(begun);
                self.length = begun.len();
            } else {
                self.invalid = true;
            }
        }
    }

    fn is_valid(&self) -> bool {
        !self.invalid && self.length == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::fingerprint::{Checksum, Digest};

    fn measure(pieces: &[&[u8]]) -> Measures {
        let mut writer = MeasuringWriter::new(io::sink());
        for piece in pieces {
            writer.write_all(piece).expect("sink");
        }
        writer.finish().1
    }

    #[test]
    fn a_last_line_without_line_feed_counts() {
        assert_eq!(measure(&[]).lines, 0);
        assert_eq!(measure(&[b"a\r\nb\r\n"]).lines, 2);
        assert_eq!(measure(&[b"a\r\nb", b""]).lines, 2);
    }

    #[test]
    fn a_character_cut_off_at_the_end_is_not_utf8() {
        assert_eq!(measure(&[b"\xef\xbb\xbfa"]).encoding, Encoding::Utf8);
        assert_eq!(measure(&[b"caf\xc3"]).encoding, Encoding::Windows1252);
        assert_eq!(measure(&[b"caf\xe9\n"]).encoding, Encoding::Windows1252);
    }

    fn almost_text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<String>().prop_map(String::into_bytes),
            (any::<String>(), any::<Vec<u8>>())
                .prop_map(|(text, bytes)| [text.as_bytes(), &bytes].concat()),
            "[aé€😀\n]{0,40}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn chunks_are_measured_like_the_whole(
            bytes in almost_text(),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let measures = measure(&pieces);

            let valid = std::str::from_utf8(&bytes).is_ok();
            prop_assert_eq!(measures.encoding == Encoding::Utf8, valid);
            let lines = bytes.split_inclusive(|&byte| byte == b'\n').count();
            prop_assert_eq!(measures.lines, lines as u64);
            prop_assert_eq!(measures.content.sha256, Digest::of(&bytes));
            prop_assert_eq!(measures.content.crc32c, Checksum::of(&bytes));
            prop_assert_eq!(measures.content.size_bytes, bytes.len() as u64);
        }
    }
}
