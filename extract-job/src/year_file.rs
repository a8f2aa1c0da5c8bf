//! The file of a year: a ZIP with one CSV, or the CSV itself, such as a dump of CKAN's DataStore.
//!
//! The content determines which of them it is, not the stated format, which editors set by hand.

use std::io::{self, Read as _, Seek as _, SeekFrom};

use shared::exit::{Exit, Failure, OrFail as _};
use shared::lake::Lake;
use tempfile::NamedTempFile;

use crate::archive::Archive;
use crate::portal::looks_like;
use crate::raw_file::{MeasuringWriter, RawFile};
use crate::settings::Limits;

/// More than any header line.
const START_BYTES: u64 = 4096;

/// Why the file of a year is refused.
#[derive(Debug, thiserror::Error)]
enum YearFileError {
    /// It is neither a ZIP nor a CSV.
    #[error(
        "{address} is neither a ZIP nor a CSV but {looks_like}: the server may be down or require a sign-in"
    )]
    OtherKind {
        address: String,
        looks_like: &'static str,
    },
    /// It is a CSV that is larger than allowed.
    #[error(
        "{address} is a CSV of {size} bytes, but {limit} are allowed: if this is expected, raise MAX_CSV_BYTES"
    )]
    TooLarge {
        address: String,
        size: u64,
        limit: u64,
    },
}

/// Returns the CSV of `year` in the file `downloaded` from `address`. Blocks the current thread.
pub(crate) fn unpack(
    lake: &Lake,
    address: &str,
    mut downloaded: NamedTempFile,
    year: i16,
    limits: Limits,
) -> Result<RawFile, Failure> {
    // It is named by the year, not by the publisher, so that equal bytes are one object.
    let name = format!("SR{year}.csv");
    let start = start_of(&mut downloaded).or_fail(Exit::Upstream)?;
    if is_zip(&start) {
        let archive = downloaded.reopen().or_fail(Exit::Upstream)?;
        let mut archive = Archive::open(address, archive, limits)?;
        let member = archive.only("csv")?;
        let mut measuring = MeasuringWriter::new(lake.spool().or_fail(Exit::Upstream)?);
        archive.inflate(&member, &mut measuring)?;
        let (file, measures) = measuring.finish();
        return Ok(RawFile {
            name,
            file,
            measures,
        });
    }
    let address = address.to_owned();
    if !is_csv(&start) {
        let looks_like = looks_like(&start);
        let error = YearFileError::OtherKind {
            address,
            looks_like,
        };
        return Err(Failure::upstream(error));
    }
    let mut measuring = MeasuringWriter::new(io::sink());
    io::copy(&mut downloaded, &mut measuring).or_fail(Exit::Upstream)?;
    let (_, measures) = measuring.finish();
    let size = measures.content.size_bytes;
    if size > limits.content_bytes {
        return Err(Failure::contract(YearFileError::TooLarge {
            address,
            size,
            limit: limits.content_bytes,
        }));
    }
    Ok(RawFile {
        name,
        file: downloaded,
        measures,
    })
}

/// Returns the first bytes of `file` and rewinds it.
fn start_of(file: &mut NamedTempFile) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.as_file().take(START_BYTES).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(start)
}

/// Whether a file that starts like this is a ZIP. A CSV whose first column is `PK` is not.
fn is_zip(start: &[u8]) -> bool {
    matches!(start, [b'P', b'K', 0..=0x1f, ..])
}

/// Whether a file that starts like this is a CSV: its first line is text with at least two fields, whatever separates
/// them. The contract determines whether they are the right ones.
fn is_csv(start: &[u8]) -> bool {
    // Text too, which the contract refuses in words.
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return true;
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let text = text.trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let binary = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r');
    !line.starts_with(b"<")
        && !line.starts_with(b"{")
        && !line.starts_with(b"[")
        && line.iter().any(|byte| b",;\t|".contains(byte))
        && !line.iter().any(binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_distinguishes_a_zip_a_csv_and_anything_else() {
        for (start, zip, csv) in [
            (b"PK\x03\x04\x14\0".as_slice(), true, false),
            (b"PK\x05\x06", true, false),
            (b"PK,Creation Date\r\n1,2026-01-01\r\n", false, true),
            (
                b"\xef\xbb\xbf_id,Creation Date,Status\n1,a,b\n",
                false,
                true,
            ),
            (b"\r\nCreation Date,Status", false, true),
            (b"Date,Stra\xdfe\r\n", false, true),
            (b"Creation Date\tStatus\r\n1,2", false, true),
            (b"Creation Date;Status\r\n1;2", false, true),
            (b"<!doctype html><p>Sorry, try later</p>", false, false),
            (b"{\"success\": false, \"error\": 1}", false, false),
            (b"\x1f\x8b\x08\0,", false, false),
            (b"Service unavailable\n", false, false),
            (b"\xff\xfea\0,\0b\0", false, true),
            (b"", false, false),
        ] {
            let shown = String::from_utf8_lossy(start);
            assert_eq!((is_zip(start), is_csv(start)), (zip, csv), "{shown:?}");
        }
    }
}
