//! What manifests and stores state of an object.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fingerprint::{Checksum, Digest, Measured};
use crate::key::Key;

/// An object listed in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its key.
    pub key: Key,
    /// Its length.
    pub size_bytes: u64,
    /// The CRC-32C of its bytes; `None` if a version of the job wrote it that did not state this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc32c: Option<Checksum>,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
}

impl Object {
    /// Returns the object with this content under `key`.
    #[must_use]
    pub fn of(key: Key, content: Measured) -> Self {
        let Measured {
            size_bytes,
            crc32c,
            sha256,
        } = content;
        Self {
            key,
            size_bytes,
            crc32c: Some(crc32c),
            sha256,
        }
    }
}

/// What a store states of an object without reading it, or what is known of it once it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// Its length, if that is known.
    pub size_bytes: Option<u64>,
    /// Its checksum, if that is known.
    pub crc32c: Option<Checksum>,
}

/// How an object differs from what its manifest states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    found: String,
    stated: String,
}

impl Difference {
    /// Returns the difference between two digests.
    #[must_use]
    pub fn of_digests(found: &Digest, stated: &Digest) -> Self {
        let [found, stated] = [found, stated].map(|digest| format!("the SHA-256 {digest}"));
        Self { found, stated }
    }
}

/// Formats it as a predicate: `has 5 bytes, but its manifest states 6 bytes`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, stated } = self;
        write!(f, "has {found}, but its manifest states {stated}")
    }
}

impl Stated {
    /// Compares with what the manifest states of `object`.
    ///
    /// # Errors
    /// Returns the first difference.
    pub fn compare(&self, object: &Object) -> Result<(), Difference> {
        if let Some(found) = self.size_bytes
            && found != object.size_bytes
        {
            let [found, stated] = [found, object.size_bytes].map(|size| format!("{size} bytes"));
            return Err(Difference { found, stated });
        }
        match (&self.crc32c, &object.crc32c) {
            (Some(found), Some(stated)) if found != stated => {
                let [found, stated] = [found, stated].map(|sum| format!("the CRC32C {sum}"));
                Err(Difference { found, stated })
            }
            _ => Ok(()),
        }
    }
}
