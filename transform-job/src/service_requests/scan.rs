//! Iterates over the lines of a file, with the properties of their block.

use std::io::Read;

use super::lines::{Block, Blocks, LinesError, without_line_end};
use super::reading::{ParseError, Reading};
use super::text;

/// Calls `see` with each line and its number, starting with the header. Returns the number of lines.
pub(super) fn each_line(
    source: impl Read,
    reading: &Reading,
    see: &mut impl FnMut(u64, &[u8], Traits) -> Result<(), ParseError>,
) -> Result<u64, ParseError> {
    let max_line_bytes = reading.rules.max_line_bytes;
    let mut blocks = Blocks::new(source, max_line_bytes);
    let mut lines = 0;
    while let Some(Block {
        lines: block,
        mut cut_nul_run,
    }) = blocks.next(lines)?
    {
        let has_quotes = memchr::memchr(b'"', block).is_some();
        let mut ascii_until = ascii_length(block);
        let mut start = 0;
        while start < block.len() {
            let end =
                memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |at| start + at + 1);
            let line = without_line_end(&block[start..end]);
            start = end;
            lines += 1;
            let is_ascii = end <= ascii_until;
            if !is_ascii {
                ascii_until = end + ascii_length(&block[end..]);
            }
            if line.len() > max_line_bytes {
                check_length(lines, line, max_line_bytes, cut_nul_run)?;
            }
            let traits = Traits {
                has_quotes,
                is_ascii,
                cut_nul_run,
            };
            cut_nul_run = 0;
            see(lines, line, traits)?;
        }
        reading.progress.advance(block.len() as u64);
    }
    Ok(lines)
}

/// Returns the number of ASCII bytes at the start of `bytes`.
fn ascii_length(bytes: &[u8]) -> usize {
    // A piece is checked at once, by vector instructions.
    const PIECE_BYTES: usize = 256;
    let pieces = bytes.chunks(PIECE_BYTES);
    let whole: usize = pieces
        .take_while(|piece| piece.is_ascii())
        .map(<[u8]>::len)
        .sum();
    let rest = &bytes[whole..];
    whole
        + rest
            .iter()
            .position(|byte| !byte.is_ascii())
            .unwrap_or(rest.len())
}

/// Refuses a line for its length; NUL bytes, which are damage, are not counted.
fn check_length(
    line: u64,
    text: &[u8],
    max_bytes: usize,
    cut_nul_run: u64,
) -> Result<(), LinesError> {
    let nul_bytes = memchr::memchr_iter(0, text).count();
    if text.len() - nul_bytes <= max_bytes {
        return Ok(());
    }
    let longest_run = cut_nul_run.max(text::longest_nul_run(text));
    Err(LinesError::too_long(line, max_bytes, longest_run))
}

/// The properties of a line that are known before it is parsed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    /// Whether its block has quotes.
    pub(super) has_quotes: bool,
    pub(super) is_ascii: bool,
    /// See [`Block::cut_nul_run`].
    pub(super) cut_nul_run: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ascii_ends_at_the_first_other_byte(length in 0_usize..600, other in 0_usize..600) {
            let mut bytes = vec![b'a'; length];
            if let Some(byte) = bytes.get_mut(other) {
                *byte = 0xe9;
            }
            prop_assert_eq!(ascii_length(&bytes), length.min(other));
        }
    }
}
