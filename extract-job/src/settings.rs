//! The settings of this job.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use shared::address::Address;
use shared::settings::{JobSettings, Problems, parse_number, variables};
use url::Url;

use crate::http::{AllowedHosts, host_of, is_secure, parse_hosts};

/// The host of some years' files, to which the City's portal links.
const CITY_HOST: &str = "www.toronto.ca";

/// The sources and limits of the extraction.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) portal: Url,
    pub(crate) fsa: Url,
    /// The allowed hosts of the portal's files.
    pub(crate) portal_files: AllowedHosts,
    /// The allowed hosts of the file at `FSA_URL`.
    pub(crate) fsa_files: AllowedHosts,
    pub(crate) limits: Limits,
    pub(crate) download_timeout: Duration,
}

/// The limits on sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The largest download.
    pub(crate) download_bytes: u64,
    /// The largest file in a ZIP, and the largest CSV.
    pub(crate) content_bytes: u64,
}

/// The settings as strings from the environment.
#[derive(Debug, Deserialize)]
pub struct RawSettings {
    portal_url: Option<String>,
    portal_hosts: Option<String>,
    fsa_url: Option<String>,
    max_download_bytes: Option<String>,
    max_csv_bytes: Option<String>,
    download_timeout_seconds: Option<String>,
}

impl JobSettings for Settings {
    type Raw = RawSettings;

    fn validate(raw: RawSettings, problems: &mut Problems) -> Option<Self> {
        let portal = problems.take(&variables::PORTAL_URL, raw.portal_url, parse_url);
        let fsa = problems.take(&variables::FSA_URL, raw.fsa_url, parse_url);
        let hosts = problems.take_optional(&variables::PORTAL_HOSTS, raw.portal_hosts, parse_hosts);
        let download_bytes = problems.take(
            &variables::MAX_DOWNLOAD_BYTES,
            raw.max_download_bytes,
            parse_positive,
        );
        let content_bytes =
            problems.take(&variables::MAX_CSV_BYTES, raw.max_csv_bytes, parse_positive);
        let seconds = problems.take(
            &variables::DOWNLOAD_TIMEOUT_SECONDS,
            raw.download_timeout_seconds,
            |text| match parse_positive(text)? {
                seconds if seconds <= DAY => Ok(seconds),
                _ => Err(format!("is {text:?}: use at most {DAY}, a day")),
            },
        );
        let (portal, fsa) = (portal?, fsa?);
        let hosts = hosts?;
        let allowed = |publisher| match &hosts {
            Some(listed) => AllowedHosts::listed(publisher, listed.clone()),
            None => AllowedHosts::by_default(publisher, default_hosts(&portal, &fsa)),
        };
        Some(Self {
            portal_files: allowed(&portal),
            fsa_files: allowed(&fsa),
            portal,
            fsa,
            limits: Limits {
                download_bytes: download_bytes?,
                content_bytes: content_bytes?,
            },
            download_timeout: Duration::from_secs(seconds?),
        })
    }
}

fn default_hosts(portal: &Url, fsa: &Url) -> BTreeSet<String> {
    let own = [portal, fsa].into_iter().filter_map(host_of);
    own.chain([CITY_HOST.to_owned()]).collect()
}

const DAY: u64 = 24 * 60 * 60;

fn parse_url(text: &str) -> Result<Url, String> {
    let shown = Address::of_text(text).to_string();
    match Url::parse(text) {
        Ok(url) if is_secure(&url) => Ok(url),
        Ok(_) => Err(format!(
            "is {shown:?}: use an https:// address; http:// is for loopback hosts only"
        )),
        Err(error) => Err(format!("is {shown:?}, which is not an address: {error}")),
    }
}

fn parse_positive(text: &str) -> Result<u64, String> {
    match parse_number(text)? {
        0 => Err("is 0: use at least 1".to_owned()),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_default() -> Settings {
        let variables = [(
            "LAKE_URL".to_owned(),
            format!("file://{}", std::env::temp_dir().display()),
        )];
        let (_, settings) = shared::settings::read::<Settings>(variables).expect("valid");
        settings
    }

    #[test]
    fn every_year_of_the_city_is_on_an_allowed_host_over_tls() {
        let allowed = by_default().portal_files;
        let list = std::fs::read_to_string(shared::testing::fixtures().join("resources.csv"));
        let list = list.expect("the fixture");
        // The list omits the common part of the addresses of CKAN's own files.
        let ckan = "https://ckan0.cf.opendata.inter.prod-toronto.ca/dataset/a/resource/b";
        let addresses: Vec<String> = list
            .lines()
            .skip(1)
            .map(|line| {
                let address = line.rsplit(',').next().expect("three columns");
                address.replace("...", ckan)
            })
            .collect();
        assert_eq!(addresses.len(), 17);
        for address in &addresses {
            let url = Url::parse(address).expect("an address");
            assert!(allowed.check(&url).is_ok(), "{address}");
            let plain = Url::parse(&address.replace("https:", "http:")).expect("an address");
            assert!(allowed.check(&plain).is_err(), "{plain}");
        }
        for elsewhere in [
            "https://toronto.ca/a.zip",
            "https://www.toronto.ca.evil.example/a.zip",
            "https://127.0.0.1/a.zip",
        ] {
            let url = Url::parse(elsewhere).expect("an address");
            assert!(allowed.check(&url).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        for text in [
            "http://user:secret@portal.example?token=secret",
            "https://user:secret@x:y",
        ] {
            let problem = parse_url(text).expect_err("invalid");
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
