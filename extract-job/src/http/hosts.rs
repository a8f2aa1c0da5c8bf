use std::collections::BTreeSet;
use std::sync::Arc;

use url::{Host, Url};

/// The hosts that may be talked to.
#[derive(Debug, Clone)]
pub(crate) struct AllowedHosts(Arc<BTreeSet<String>>);

/// Why an address is not asked. It names the way out, if there is one.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum HostRefused {
    /// The host is not on the list.
    #[error(
        "{url} is not on an allowed host ({allowed}): if it can be trusted, add its host to PORTAL_HOSTS"
    )]
    NotAllowed {
        /// The refused address.
        url: Url,
        /// The hosts that are.
        allowed: String,
    },
    /// The connection would not be encrypted.
    #[error("{url} is not an https address")]
    NotSecure {
        /// The refused address.
        url: Url,
    },
}

impl AllowedHosts {
    /// The hosts in `text`, separated by commas.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let host = |name: &str| {
            Host::parse(name.trim())
                .map(|host| host.to_string())
                .map_err(|error| format!("{name:?} is no host name: {error}"))
        };
        let hosts = text.split(',').map(host).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(hosts)))
    }

    /// The hosts of `urls`.
    pub(crate) fn of_urls<'a>(urls: impl IntoIterator<Item = &'a Url>) -> Self {
        let hosts = urls.into_iter().filter_map(Url::host_str);
        Self(Arc::new(hosts.map(str::to_owned).collect()))
    }

    /// Refuses `url` unless it is on one of the hosts, by an encrypted connection.
    pub(crate) fn check(&self, url: &Url) -> Result<(), HostRefused> {
        if !url.host_str().is_some_and(|host| self.0.contains(host)) {
            let allowed: Vec<&str> = self.0.iter().map(String::as_str).collect();
            return Err(HostRefused::NotAllowed {
                url: url.clone(),
                allowed: allowed.join(", "),
            });
        }
        if !is_secure(url) {
            return Err(HostRefused::NotSecure { url: url.clone() });
        }
        Ok(())
    }
}

/// Whether nobody on the way can read or change what `url` gives: https, or http that does not leave the machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_over_tls_or_loopback() {
        let allowed = AllowedHosts::parse("Files.example, 127.0.0.1,[::1]").expect("valid");
        let verdict = |url: &str| allowed.check(&Url::parse(url).expect("valid")).is_ok();
        for good in [
            "https://files.example/a.zip",
            "https://FILES.example:8443/a.zip",
            "http://127.0.0.1:80/a.zip",
            "http://[::1]/a.zip",
        ] {
            assert!(verdict(good), "{good}");
        }
        for bad in [
            "http://files.example/a.zip",
            "https://files.example.evil/a.zip",
            "https://sub.files.example/a.zip",
            "https://files.example@evil.example/a.zip",
            "ftp://files.example/a.zip",
            "http://localhost/a.zip",
            "file:///etc/passwd",
        ] {
            assert!(!verdict(bad), "{bad}");
        }
    }

    #[test]
    fn a_list_with_something_else_in_it_is_refused() {
        for bad in ["", "a,,b", "https://files.example", "a b"] {
            assert!(AllowedHosts::parse(bad).is_err(), "{bad:?}");
        }
    }
}
