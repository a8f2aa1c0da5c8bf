//! Proxies are used as the environment says, but never for loopback: a proxy would look for it on its own machine, and
//! see data that must stay on this one.

use std::env;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Loopback, in the form that every client reads: names, addresses and networks.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// The variables that name proxies.
pub const PROXIES: [&str; 6] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];
/// The variables that name what is reached without a proxy.
pub const EXEMPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Exempts loopback from the proxies of the environment, for this process and its children. Google's clients, and those
/// of Python, read nothing but the environment, which a running process cannot change. So if there are proxies, the
/// process starts again in an environment with the exemption.
///
/// # Errors
/// Fails if the process cannot be started again.
pub fn exempt_loopback() -> io::Result<()> {
    let exempt = EXEMPTIONS.map(|name| env::var(name).unwrap_or_default());
    let is_exempt = exempt.iter().all(|hosts| hosts.ends_with(LOOPBACK));
    if is_exempt || PROXIES.iter().all(|name| env::var_os(name).is_none()) {
        return Ok(());
    }
    let given = exempt.into_iter().find(|hosts| !hosts.is_empty());
    let hosts = given.map_or(LOOPBACK.to_owned(), |given| format!("{given},{LOOPBACK}"));
    let mut again = Command::new(env::current_exe()?);
    again
        .args(env::args_os().skip(1))
        .envs(EXEMPTIONS.map(|name| (name, &hosts)));
    Err(again.exec())
}
