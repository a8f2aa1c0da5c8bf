//! Files on their way to the site.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use shared::fingerprint::{Digest, DigestWriter};
use shared::process::scratch::Scratch;
use tempfile::NamedTempFile;

/// A writer that computes the digest on the way.
pub(super) type Writer = DigestWriter<BufWriter<File>>;

/// A temporary file that is being written.
pub(super) struct Spool {
    content: NamedTempFile,
    scratch: Scratch,
}

/// A finished file.
pub(super) struct Spooled {
    pub(super) content: NamedTempFile,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: Digest,
    /// The directory of the file, which is removed with it, also by a signal.
    _scratch: Scratch,
}

impl Spool {
    /// Returns an empty file and its writer.
    pub(super) fn open() -> io::Result<(Self, Writer)> {
        let scratch = Scratch::default();
        let content = scratch.file()?;
        let file = content.reopen()?;
        let writer = DigestWriter::new(BufWriter::with_capacity(1 << 18, file));
        Ok((Self { content, scratch }, writer))
    }

    /// Returns the file with `rows` rows that `writer` has written.
    pub(super) fn finish(self, writer: Writer, rows: u64) -> io::Result<Spooled> {
        let (mut buffered, measured) = writer.finish();
        buffered.flush()?;
        Ok(Spooled {
            content: self.content,
            rows,
            bytes: measured.size_bytes,
            sha256: measured.sha256,
            _scratch: self.scratch,
        })
    }
}
