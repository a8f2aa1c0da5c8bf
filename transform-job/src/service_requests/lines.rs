//! Splits a stream into blocks of whole lines, in bounded memory.

use std::io::{self, Read};

use super::text;

/// The size of a read. It is large enough for the fixed costs of a block to vanish and small enough for the processor's
/// cache.
const BLOCK_BYTES: usize = 512 << 10;

/// Why the stream cannot be split.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinesError {
    #[error(
        "line {line} is longer than {max_bytes} bytes, which violates the contract. Look at the file and \
         its source"
    )]
    LineTooLong { line: u64, max_bytes: usize },
    #[error(
        "line {line} is longer than {max_bytes} bytes and has {damage}. Ask for an intact copy of the file"
    )]
    DamagedLineTooLong {
        line: u64,
        max_bytes: usize,
        damage: String,
    },
    #[error("cannot read the file")]
    Read(#[from] io::Error),
}

impl LinesError {
    /// Refuses a line for its length, and reports damage in it.
    pub(super) fn too_long(line: u64, max_bytes: usize, longest_nul_run: u64) -> Self {
        if longest_nul_run == 0 {
            LinesError::LineTooLong { line, max_bytes }
        } else {
            LinesError::DamagedLineTooLong {
                line,
                max_bytes,
                damage: text::damage(longest_nul_run),
            }
        }
    }
}

/// Whole lines with their line feeds; the last one of a file may lack it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) lines: &'a [u8],
    /// The length of the longest run of NUL bytes in the first line, if its runs were cut to one byte each; otherwise
    /// 0.
    pub(super) cut_nul_run: u64,
}

/// A reader of blocks of whole lines. If a line does not fit, its runs of NUL bytes are cut to one byte each: storage
/// leaves such runs, of any length, in place of lost data.
pub(super) struct Blocks<R> {
    source: R,
    buffer: Vec<u8>,
    /// The start of the bytes after the last returned block.
    start: usize,
    /// The end of the bytes read.
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

    /// Returns the next block. `lines_before` is the number of lines returned so far, for the error.
    pub(super) fn next(&mut self, lines_before: u64) -> Result<Option<Block<'_>>, LinesError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let mut cut = CutRuns::default();
        loop {
            let is_last = !self.fill()?;
            let freed = if cut.longest > 0 {
                self.cut_nul_runs(&mut cut)
            } else {
                0
            };
            let last = memchr::memrchr(b'\n', &self.buffer[..self.end]);
            if is_last || last.is_some() {
                self.start = match last {
                    Some(last) if !is_last => last + 1,
                    _ => self.end,
                };
                return Ok((self.start > 0).then_some(Block {
                    lines: &self.buffer[..self.start],
                    cut_nul_run: cut.longest,
                }));
            }
            if freed == 0 && self.cut_nul_runs(&mut cut) == 0 {
                let line = lines_before + 1;
                return Err(LinesError::too_long(line, self.max_line_bytes, cut.longest));
            }
        }
    }

    /// Reads until the buffer is full or the stream ends. Returns whether the buffer is full.
    fn fill(&mut self) -> Result<bool, io::Error> {
        while self.end < self.buffer.len() {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(length) => self.end += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Cuts the runs of NUL bytes in the first line to one byte each. Returns the number of bytes freed.
    fn cut_nul_runs(&mut self, cut: &mut CutRuns) -> usize {
        let line_end = memchr::memchr(b'\n', &self.buffer[..self.end]).unwrap_or(self.end);
        let (mut read, mut kept) = (0, 0);
        let mut open = None;
        while read < line_end {
            let byte = self.buffer[read];
            let start = read;
            read += 1;
            if byte == 0 {
                while read < line_end && self.buffer[read] == 0 {
                    read += 1;
                }
                let before = match cut.open {
                    Some((at, length)) if at == start => length - 1,
                    _ => 0,
                };
                let length = before + (read - start) as u64;
                cut.longest = cut.longest.max(length);
                open = (read == self.end).then_some((kept, length));
            }
            self.buffer[kept] = byte;
            kept += 1;
        }
        cut.open = open;
        self.buffer.copy_within(line_end..self.end, kept);
        let freed = line_end - kept;
        self.end -= freed;
        freed
    }
}

/// The runs of NUL bytes that were cut from a line.
#[derive(Debug, Default)]
struct CutRuns {
    longest: u64,
    /// The position of the byte that represents the run at the end of the bytes read, and the length of that run so
    /// far.
    open: Option<(usize, u64)>,
}

/// Removes the line end: `\n`, or `\r\n` with any number of carriage returns, which careless conversions add.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let mut line = line.strip_suffix(b"\n").unwrap_or(line);
    while let Some(rest) = line.strip_suffix(b"\r") {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns a few bytes at a time.
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
        fn blocks_are_the_whole_stream_split_at_lines(
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
                seen.extend_from_slice(block.lines);
            }
            prop_assert_eq!(seen, text.as_bytes());
        }
    }

    proptest! {
        /// A long run of NUL bytes affects only its line, at any position, and its length is known.
        #[test]
        fn runs_of_nul_bytes_are_cut(
            before in "[a-z]{0,20}",
            run in 1_usize..600,
            after in "[a-z]{0,20}",
            lines_before in prop::collection::vec("[a-z]{1,30}", 0..20),
            lines_after in prop::collection::vec("[a-z]{1,30}", 0..20),
            piece in 1_usize..100,
        ) {
            let damaged = format!("{before}{}{after}", "\0".repeat(run));
            let all = lines_before.iter().chain([&damaged]).chain(&lines_after);
            let text: String = all.flat_map(|line| [line.as_str(), "\n"]).collect();
            let mut blocks = Blocks::new(Slowly(text.as_bytes(), piece), 64);
            blocks.buffer.truncate(96);
            let mut seen = Vec::new();
            let mut cut_nul_run = 0;
            let mut lines = 0;
            while let Some(block) = blocks.next(lines).expect("no line is too long") {
                cut_nul_run = cut_nul_run.max(block.cut_nul_run);
                lines += block.lines.split(|&byte| byte == b'\n').count() as u64 - 1;
                seen.extend_from_slice(block.lines);
            }
            let nul_bytes = memchr::memchr_iter(0, &seen).count();
            if cut_nul_run > 0 {
                prop_assert_eq!((cut_nul_run, nul_bytes), (run as u64, 1));
            } else {
                prop_assert_eq!(nul_bytes, run);
            }
            let without = |bytes: &[u8]| bytes.iter().copied().filter(|&byte| byte != 0).collect::<Vec<_>>();
            prop_assert_eq!(without(&seen), without(text.as_bytes()));
            prop_assert_eq!(lines, (lines_before.len() + 1 + lines_after.len()) as u64);
        }
    }

    #[test]
    fn an_endless_line_is_refused_in_bounded_memory() {
        let mut blocks = Blocks::new(io::repeat(b'x'), 1 << 16);
        let error = blocks.next(4).expect_err("too long").to_string();
        assert!(
            error.starts_with("line 5 is longer than 65536 bytes"),
            "{error}"
        );
    }

    #[test]
    fn damage_in_a_line_that_is_too_long_is_reported() {
        let text = b"x".repeat(400_000);
        let text = [text.clone(), vec![0; 100_000], text].concat();
        let mut blocks = Blocks::new(&text[..], 1 << 16);
        let error = blocks.next(4).expect_err("too long").to_string();
        assert!(
            error.contains("a run of 100000 NUL bytes: the file is damaged at this line"),
            "{error}"
        );
    }

    #[test]
    fn an_endless_run_of_nul_bytes_is_read_in_bounded_memory() {
        let mut blocks = Blocks::new(io::repeat(0).take(100 << 20), 1 << 16);
        let block = blocks.next(0).expect("damage").expect("a line");
        assert_eq!((block.lines, block.cut_nul_run), (&[0][..], 100 << 20));
        assert!(blocks.next(1).expect("the end").is_none());
    }
}
