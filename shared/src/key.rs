//! Object keys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of an object in the lake: segments of `A-Z a-z 0-9 . _ = -`, joined by `/`.
///
/// No segment is empty or starts with a dot, so that a key is a safe relative path and needs no escaping in a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    /// Parses `text` as a key.
    ///
    /// # Errors
    /// Describes what makes `text` not a key.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        let valid_segment = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._=-".contains(&byte))
        };
        if text.len() <= 512 && text.split('/').all(valid_segment) {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is not an object key: use up to 512 characters, in segments of letters, digits, '.', '_', '=' \
                 and '-', none starting with a dot"
            ))
        }
    }

    /// Returns the key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn keys_are_safe_relative_paths() {
        assert!(Key::new("raw/service-requests/2023/ab12/SR2023.csv").is_ok());
        for bad in [
            "", "/a", "a/", "a//b", "a/../b", ".tmp/x", "a b", "a\\b", "ä",
        ] {
            assert!(Key::new(bad).is_err(), "{bad:?}");
        }
        assert!(Key::new("a".repeat(512)).is_ok());
        assert!(Key::new("a".repeat(513)).is_err());
    }
}
