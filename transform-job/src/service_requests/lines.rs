//! Cuts a stream into blocks of whole lines, in bounded memory.

use std::io::{self, Read};

/// Read at once. Large enough that a block's fixed costs vanish, small enough to stay in the processor's cache.
const BLOCK_BYTES: usize = 512 << 10;

/// Why the stream cannot be cut.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinesError {
    #[error("line {line} is longer than {max_bytes} bytes: this is no file of this contract")]
    LineTooLong { line: u64, max_bytes: usize },
    #[error("cannot read the file")]
    Read(#[from] io::Error),
}

/// A reader of blocks of whole lines.
pub(super) struct Blocks<R> {
    source: R,
    buffer: Vec<u8>,
    /// Where the bytes after the last block given out begin.
    start: usize,
    /// Where the bytes read end.
    end: usize,
    max_line_bytes: usize,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(source: R, max_line_bytes: usize) -> Self {
        Self {
            source,
            buffer: vec![0; BLOCK_BYTES + max_line_bytes],
            start: 0,
            end: 0,
            max_line_bytes,
        }
    }

    /// The next block: lines with their line feeds; the very last may lack it. `lines_before` is the number of lines
    /// given out so far, for the error.
    pub(super) fn next(&mut self, lines_before: u64) -> Result<Option<&[u8]>, LinesError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < self.buffer.len() {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.start = self.end;
                    return Ok((self.end > 0).then(|| &self.buffer[..self.end]));
                }
                Ok(length) => self.end += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let last = memchr::memrchr(b'\n', &self.buffer).ok_or(LinesError::LineTooLong {
            line: lines_before + 1,
            max_bytes: self.max_line_bytes,
        })?;
        self.start = last + 1;
        Ok(Some(&self.buffer[..self.start]))
    }
}

/// `line` without its line end, `\r\n` or `\n`.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives a few bytes at a time.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    proptest! {
        #[test]
        fn blocks_are_the_whole_stream_cut_at_lines(
            lines in prop::collection::vec("[a-z,]{0,40}", 0..200),
            ends_with_line_feed: bool,
            piece in 1_usize..100,
        ) {
            let mut text = lines.join("\n");
            if ends_with_line_feed && !text.is_empty() {
                text.push('\n');
            }
            let mut blocks = Blocks::new(Slowly(text.as_bytes(), piece), 64);
            blocks.buffer.truncate(96);
            let mut seen = Vec::new();
            while let Some(block) = blocks.next(0).expect("no line is too long") {
                prop_assert!(seen.is_empty() || seen.last() == Some(&b'\n'));
                seen.extend_from_slice(block);
            }
            prop_assert_eq!(seen, text.as_bytes());
        }
    }

    #[test]
    fn an_endless_line_is_refused_in_bounded_memory() {
        let mut blocks = Blocks::new(io::repeat(b'x'), 1 << 16);
        let error = blocks.next(4).expect_err("too long");
        assert_eq!(
            error.to_string(),
            "line 5 is longer than 65536 bytes: this is no file of this contract"
        );
    }
}
