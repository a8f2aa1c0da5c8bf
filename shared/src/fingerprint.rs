//! Digests of contents, and the fingerprints used in object keys.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a content, as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Returns the digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Returns the digest of the content of a file, which is read in pieces.
    ///
    /// # Errors
    /// If it cannot be read, among others because it does not exist.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                return Ok(hasher.finish());
            }
            hasher.update(&buffer[..length]);
        }
    }

    /// Returns the hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_hexadecimal(&text, 64) {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is not a SHA-256 of 64 hexadecimal digits"
            ))
        }
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

/// The CRC-32C of a content, as [Cloud Storage states it](https://cloud.google.com/storage/docs/json_api/v1/objects): its
/// four bytes, big-endian, in Base64.
///
/// Any one changed byte changes it, and computing it takes a twentieth of the time of a SHA-256. So it shows whether a
/// content is still intact, and the SHA-256 which content it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checksum(String);

impl Checksum {
    /// Returns the checksum of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_crc32c(crc32c::crc32c(bytes))
    }

    /// Returns the checksum with this value.
    #[must_use]
    pub fn of_crc32c(value: u32) -> Self {
        Self(STANDARD.encode(value.to_be_bytes()))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of a content once all of it has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Its length.
    pub size_bytes: u64,
    /// Its checksum.
    pub crc32c: Checksum,
    /// Its digest.
    pub sha256: Digest,
}

impl Measured {
    /// Measures `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            size_bytes: bytes.len() as u64,
            crc32c: Checksum::of(bytes),
            sha256: Digest::of(bytes),
        }
    }
}

/// Computes a [`Digest`] piece by piece.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of everything added.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(hexadecimal(&self.0.finalize()))
    }
}

/// Measures what is written through it.
pub struct DigestWriter<W> {
    inner: W,
    hasher: Hasher,
    crc32c: u32,
    bytes: u64,
}

impl<W: Write> DigestWriter<W> {
    /// Wraps `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Hasher::default(),
            crc32c: 0,
            bytes: 0,
        }
    }

    /// Returns the inner writer and what was written.
    pub fn finish(self) -> (W, Measured) {
        let measured = Measured {
            size_bytes: self.bytes,
            crc32c: Checksum::of_crc32c(self.crc32c),
            sha256: self.hasher.finish(),
        };
        (self.inner, measured)
    }
}

impl<W: Write> Write for DigestWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.crc32c = crc32c::crc32c_append(self.crc32c, &buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Identifies a result by its inputs: the first 32 hexadecimal digits of the SHA-256 of the parts.
///
/// Each part is preceded by its length, so that different lists of parts never hash the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Returns the fingerprint of `parts`, in order.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut digits = hexadecimal(&hasher.finalize());
        digits.truncate(32);
        Self(digits)
    }

    /// Returns the hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_hexadecimal(text, 32) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "{text:?} is not a fingerprint of 32 hexadecimal digits"
            ))
        }
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hexadecimal(text: &str, digits: usize) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == digits && text.bytes().all(is_digit)
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_sha256() {
        assert_eq!(
            Digest::of(b"abc").as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    /// The check value of the algorithm: <https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-32-iscsi>.
    #[test]
    fn the_checksum_is_written_as_cloud_storage_does() {
        assert_eq!(Checksum::of(b"123456789"), Checksum::of_crc32c(0xe306_9283));
        assert_eq!(Checksum::of(b"123456789").to_string(), "4waSgw==");
    }

    #[test]
    fn what_is_not_a_digest_is_not_read_as_one() {
        assert!(serde_json::from_str::<Digest>(&format!("\"{}\"", "a".repeat(64))).is_ok());
        assert!(serde_json::from_str::<Fingerprint>(&format!("\"{}\"", "a".repeat(32))).is_ok());
        for bad in ["", "../../up", "A", "deadbeef"] {
            let json = format!("\"{bad}\"");
            assert!(serde_json::from_str::<Digest>(&json).is_err(), "{bad}");
            assert!(serde_json::from_str::<Fingerprint>(&json).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fingerprint_is_32_lower_case_digits() {
        let fingerprint = Fingerprint::of(&["ab"]);
        assert_eq!(fingerprint.as_str().parse(), Ok(fingerprint.clone()));
        let text = fingerprint.as_str();
        for bad in [&text[1..], &format!("{text}0"), &format!("{}g", &text[1..])] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
        assert!("A".repeat(32).parse::<Fingerprint>().is_err());
    }

    #[test]
    fn a_writer_digests_and_counts_what_passes_through() {
        let mut writer = DigestWriter::new(Vec::new());
        writer.write_all(b"ab").expect("memory");
        writer.write_all(b"c").expect("memory");
        let (written, measured) = writer.finish();
        assert_eq!((written.as_slice(), measured.size_bytes), (&b"abc"[..], 3));
        assert_eq!(measured.sha256, Digest::of(b"abc"));
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(Fingerprint::of(&["ab", "c"]), Fingerprint::of(&["a", "bc"]));
        assert_ne!(Fingerprint::of(&["ab"]), Fingerprint::of(&["ab", ""]));
    }
}
