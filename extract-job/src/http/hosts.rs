use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use shared::address::Address;
use url::{Host, Url};

/// The hosts to which one publisher may lead.
#[derive(Debug, Clone)]
pub(crate) struct AllowedHosts {
    hosts: Arc<BTreeSet<String>>,
    loopback: Loopback,
}

/// Whether a publisher may lead to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loopback {
    /// The publisher is on another machine, and may not: services on loopback trust anyone who reaches them.
    Never,
    /// Only to the listed addresses.
    Listed,
    /// The publisher is on this machine, and may lead to all of its loopback addresses.
    Any,
}

/// Why an address is not requested. The message contains the remedy, if there is one.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum HostRefused {
    /// The host is not on the list.
    #[error(
        "{url} is not on an allowed host ({allowed}): if it can be trusted, add its host to PORTAL_HOSTS"
    )]
    NotAllowed {
        /// The refused address.
        url: Address,
        /// The allowed hosts.
        allowed: AllowedHosts,
    },
    /// The connection would not be encrypted.
    #[error("{url} is not an https address")]
    NotSecure {
        /// The refused address.
        url: Address,
    },
    /// A publisher on another machine leads to this machine.
    #[error(
        "{url} is on this machine, to which a publisher on another machine must not lead: the publisher has to correct it"
    )]
    Loopback {
        /// The refused address.
        url: Address,
    },
}

impl AllowedHosts {
    /// Allows only the host of `publisher`.
    pub(crate) fn only(publisher: &Url) -> Self {
        Self::listed(publisher, host_of(publisher).into_iter().collect())
    }

    /// Allows exactly the `hosts` that an operator lists.
    pub(crate) fn listed(publisher: &Url, hosts: BTreeSet<String>) -> Self {
        Self {
            hosts: Arc::new(hosts),
            loopback: if is_loopback(publisher) {
                Loopback::Listed
            } else {
                Loopback::Never
            },
        }
    }

    /// Allows the default `hosts`. A publisher on loopback may also lead to the machine's other loopback addresses.
    pub(crate) fn by_default(publisher: &Url, hosts: BTreeSet<String>) -> Self {
        let mut allowed = Self::listed(publisher, hosts);
        if allowed.loopback == Loopback::Listed {
            allowed.loopback = Loopback::Any;
        }
        allowed
    }

    /// Refuses `url` unless it is on one of the hosts and its connection is encrypted.
    pub(crate) fn check(&self, url: &Url) -> Result<(), HostRefused> {
        if self.loopback == Loopback::Never && is_this_machine(url) {
            let url = Address::of(url);
            return Err(HostRefused::Loopback { url });
        }
        let listed = host_of(url).is_some_and(|host| self.hosts.contains(&host));
        let loopback = self.loopback == Loopback::Any && is_loopback_address(url);
        if !listed && !loopback {
            return Err(HostRefused::NotAllowed {
                url: Address::of(url),
                allowed: self.clone(),
            });
        }
        if !is_secure(url) {
            let url = Address::of(url);
            return Err(HostRefused::NotSecure { url });
        }
        Ok(())
    }
}

impl fmt::Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<&str> = self.hosts.iter().map(String::as_str).collect();
        f.write_str(&hosts.join(", "))?;
        if self.loopback == Loopback::Any {
            f.write_str(", any loopback address")?;
        }
        Ok(())
    }
}

/// Parses the comma-separated host names in `text`.
pub(crate) fn parse_hosts(text: &str) -> Result<BTreeSet<String>, String> {
    let host = |name: &str| {
        Host::parse(name.trim())
            .map(|host| host.to_string())
            .map_err(|error| {
                let shown = Address::of_text(name.trim()).to_string();
                format!("{shown:?} is not a host name: {error}")
            })
    };
    text.split(',').map(host).collect()
}

/// Returns the host of `url` as [`parse_hosts`] writes it.
pub(crate) fn host_of(url: &Url) -> Option<String> {
    url.host_str().map(str::to_owned)
}

/// Whether nobody on the network can read or change what `url` returns: https, or http that stays on this machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" && url.has_host() || url.scheme() == "http" && is_loopback(url)
}

/// Whether `url` is on a loopback address or `localhost`.
fn is_loopback(url: &Url) -> bool {
    is_loopback_address(url) || url.host() == Some(Host::Domain("localhost"))
}

fn is_loopback_address(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Whether a connection to the host of `url` may end on this machine, in any spelling. This includes the unspecified
/// address and every name below `localhost`: [RFC 6761, section
/// 6.3](https://www.rfc-editor.org/rfc/rfc6761#section-6.3).
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            let mapped = address.to_ipv4_mapped();
            address.is_loopback()
                || address.is_unspecified()
                || mapped.is_some_and(|mapped| mapped.is_loopback() || mapped.is_unspecified())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn only_listed_hosts_over_tls_or_loopback_are_allowed() {
        let hosts = parse_hosts("Files.example, 127.0.0.1,[::1]").expect("valid");
        let allowed = AllowedHosts::listed(&url("http://127.0.0.1:80"), hosts);
        for good in [
            "https://files.example/a.zip",
            "https://FILES.example:8443/a.zip",
            "http://127.0.0.1:80/a.zip",
            "http://[::1]/a.zip",
        ] {
            assert!(allowed.check(&url(good)).is_ok(), "{good}");
        }
        for bad in [
            "http://files.example/a.zip",
            "https://files.example.evil/a.zip",
            "https://sub.files.example/a.zip",
            "https://files.example@evil.example/a.zip",
            "ftp://files.example/a.zip",
            "http://localhost/a.zip",
            "http://127.0.0.2/a.zip",
            "file:///etc/passwd",
        ] {
            assert!(allowed.check(&url(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn by_default_a_portal_on_loopback_leads_to_loopback_addresses() {
        for portal in ["http://127.0.0.1:8080", "http://[::1]", "http://localhost"] {
            let portal = url(portal);
            let hosts = host_of(&portal).into_iter().collect();
            let allowed = AllowedHosts::by_default(&portal, hosts);
            for good in [
                "http://127.0.0.2:99/a.zip",
                "http://[::1]/a",
                "http://127.1/a",
            ] {
                assert!(allowed.check(&url(good)).is_ok(), "{portal}: {good}");
            }
            for bad in [
                "http://0.0.0.0/a",
                "http://128.0.0.1/a",
                "https://evil.example/a",
            ] {
                assert!(allowed.check(&url(bad)).is_err(), "{portal}: {bad}");
            }
        }
    }

    #[test]
    fn a_portal_on_another_machine_never_leads_to_this_machine() {
        let portal = url("https://portal.example");
        // Not even if an operator lists it.
        let hosts = parse_hosts("portal.example,127.0.0.1,localhost,[::1]").expect("valid");
        for allowed in [
            AllowedHosts::listed(&portal, hosts.clone()),
            AllowedHosts::by_default(&portal, hosts),
        ] {
            for bad in [
                "http://127.0.0.1/a",
                "https://127.0.0.1/a",
                "https://127.8.9.10/a",
                "https://2130706433/a",
                "https://0x7f.1/a",
                "https://localhost/a",
                "https://localhost./a",
                "https://portal.localhost/a",
                "https://0.0.0.0/a",
                "https://[::1]/a",
                "https://[::]/a",
                "https://[::ffff:127.0.0.1]/a",
            ] {
                let refused = allowed.check(&url(bad));
                assert!(
                    matches!(refused, Err(HostRefused::Loopback { .. })),
                    "{bad}"
                );
            }
            assert!(allowed.check(&url("https://portal.example/a")).is_ok());
        }
    }

    #[test]
    fn a_list_with_anything_but_host_names_is_refused() {
        for bad in ["", "a,,b", "https://files.example", "a b"] {
            assert!(parse_hosts(bad).is_err(), "{bad:?}");
        }
    }
}
