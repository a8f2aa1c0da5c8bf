//! Addresses as messages and manifests show them.

use std::fmt;

use url::Url;

/// An address for people and manifests: without user, password, query and fragment, each of which may contain a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Returns the presentable part of `url`.
    #[must_use]
    pub fn of(url: &Url) -> Self {
        if url.cannot_be_a_base() {
            return Self(presentable(url.as_str()));
        }
        let mut shown = url.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        // URLs without a host, such as file URLs, cannot have a user or a password.
        shown.set_username("").ok();
        shown.set_password(None).ok();
        Self(shown.into())
    }

    /// Returns the presentable part of a text that should be an address.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Url::parse(text).map_or_else(|_| Self(presentable(text)), |url| Self::of(&url))
    }
}

/// Returns the part before a query or fragment, and after a possible user and password.
fn presentable(text: &str) -> String {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let shown = path.rsplit('@').next().unwrap_or_default();
    shown.chars().take(200).collect()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        for (text, shown) in [
            ("https://x.example/a.zip", "https://x.example/a.zip"),
            (
                "https://user:secret@x.example:8443/a.zip?token=secret#secret",
                "https://x.example:8443/a.zip",
            ),
            ("user:secret@x.example/a.zip", "x.example/a.zip"),
            ("https://user:secret@x.example:port/a", "x.example:port/a"),
            ("/download/a.zip?token=secret", "/download/a.zip"),
            ("gs://user:secret@bucket/a?token=secret", "gs://bucket/a"),
            ("duckdb://secret@/file", "/file"),
            ("", ""),
        ] {
            assert_eq!(Address::of_text(text).to_string(), shown, "{text}");
        }
    }
}
