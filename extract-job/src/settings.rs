//! The settings of this job.

use std::time::Duration;

use serde::Deserialize;
use shared::settings::{JobSettings, Problems, parse_number, variables};
use url::Url;

use crate::http::{AllowedHosts, is_secure};

/// Where to extract from, and within which bounds.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) portal: Url,
    pub(crate) fsa: Url,
    pub(crate) download_hosts: AllowedHosts,
    pub(crate) limits: Limits,
    pub(crate) download_timeout: Duration,
}

/// How large things may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The largest download.
    pub(crate) download_bytes: u64,
    /// The largest content of a ZIP.
    pub(crate) content_bytes: u64,
    /// The most a ZIP may inflate, times its own size.
    pub(crate) compression_ratio: u64,
}

/// The settings as the environment has them.
#[derive(Debug, Deserialize)]
pub struct RawSettings {
    portal_url: Option<String>,
    portal_hosts: Option<String>,
    fsa_url: Option<String>,
    max_download_bytes: Option<String>,
    max_csv_bytes: Option<String>,
    max_compression_ratio: Option<String>,
    download_timeout_seconds: Option<String>,
}

impl JobSettings for Settings {
    type Raw = RawSettings;

    fn validate(raw: RawSettings, problems: &mut Problems) -> Option<Self> {
        let portal = problems.take(&variables::PORTAL_URL, raw.portal_url, parse_url);
        let fsa = problems.take(&variables::FSA_URL, raw.fsa_url, parse_url);
        let hosts = problems.take_optional(
            &variables::PORTAL_HOSTS,
            raw.portal_hosts,
            AllowedHosts::parse,
        );
        let download_bytes = problems.take(
            &variables::MAX_DOWNLOAD_BYTES,
            raw.max_download_bytes,
            parse_positive,
        );
        let content_bytes =
            problems.take(&variables::MAX_CSV_BYTES, raw.max_csv_bytes, parse_positive);
        let compression_ratio = problems.take(
            &variables::MAX_COMPRESSION_RATIO,
            raw.max_compression_ratio,
            parse_positive,
        );
        let seconds = problems.take(
            &variables::DOWNLOAD_TIMEOUT_SECONDS,
            raw.download_timeout_seconds,
            |text| match parse_positive(text)? {
                seconds if seconds <= DAY => Ok(seconds),
                _ => Err(format!("is {text:?}: give at most {DAY}, a day")),
            },
        );
        let (portal, fsa) = (portal?, fsa?);
        let download_hosts = hosts?.unwrap_or_else(|| AllowedHosts::of_urls([&portal, &fsa]));
        Some(Self {
            portal,
            fsa,
            download_hosts,
            limits: Limits {
                download_bytes: download_bytes?,
                content_bytes: content_bytes?,
                compression_ratio: compression_ratio?,
            },
            download_timeout: Duration::from_secs(seconds?),
        })
    }
}

const DAY: u64 = 24 * 60 * 60;

fn parse_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if is_secure(&url) => Ok(url),
        Ok(_) => Err(format!(
            "is {text:?}: give an https:// address; http:// is for loopback hosts only"
        )),
        Err(error) => Err(format!("is {text:?}, no address: {error}")),
    }
}

fn parse_positive(text: &str) -> Result<u64, String> {
    match parse_number(text)? {
        0 => Err("is 0: give at least 1".to_owned()),
        number => Ok(number),
    }
}
