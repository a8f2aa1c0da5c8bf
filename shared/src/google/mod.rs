//! Google Cloud: its emulators, the retry policy of its clients, and Cloud Storage.

pub(crate) mod retries;
pub mod storage;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use google_cloud_auth::credentials::{Credentials, anonymous};
use url::{Host, Url};

use crate::address::Address;

/// The emulator of a Google Cloud service, accessed without credentials. Its URL must be a loopback address, so that a
/// wrong value cannot send data to another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emulator(String);

impl Emulator {
    /// Returns its URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0
    }

    /// Returns the credentials that emulators accept.
    #[must_use]
    pub fn credentials() -> Credentials {
        anonymous::Builder::new().build()
    }
}

impl fmt::Display for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Emulator {
    type Err = String;

    /// Reads `http://127.0.0.1:4443` or `127.0.0.1:4443`, as Google's other clients do.
    fn from_str(text: &str) -> Result<Self, String> {
        let shown = Address::of_text(text).to_string();
        let problem = || format!("is {shown:?}: use a loopback address, http://127.0.0.1:PORT");
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url = Url::parse(&with_scheme).map_err(|_| problem())?;
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        };
        let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        if url.scheme() == "http" && is_loopback && is_bare {
            Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
        } else {
            Err(problem())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Emulator;

    #[test]
    fn an_emulator_must_be_on_loopback() {
        for (text, url) in [
            ("http://127.0.0.1:4443", "http://127.0.0.1:4443"),
            ("127.0.0.9:4443/", "http://127.0.0.9:4443"),
            ("localhost:9050", "http://localhost:9050"),
            ("http://[::1]:9050", "http://[::1]:9050"),
        ] {
            let emulator: Emulator = text.parse().expect(text);
            assert_eq!(emulator.url(), url);
        }
        for wrong in [
            "http://10.0.0.1:4443",
            "http://0.0.0.0:4443",
            "http://storage.test:4443",
            "http://localhost.storage.test:4443",
            "http://127.0.0.1@storage.test",
            "http://user@127.0.0.1:4443",
            "https://127.0.0.1:4443",
            "http://127.0.0.1:4443/path",
            "",
        ] {
            assert!(wrong.parse::<Emulator>().is_err(), "{wrong:?}");
        }
    }
}
