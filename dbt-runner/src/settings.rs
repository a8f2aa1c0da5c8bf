//! The settings of dbt-runner.

use std::path::PathBuf;

use serde::Deserialize;
use shared::address::Address;
use shared::settings::{self, JobSettings, Problems, variables};
use shared::warehouse::{RawWarehouse, WarehouseSettings};
use url::Url;

use crate::publish::ReleaseName;
use crate::site::Site;

/// The settings of this job.
#[derive(Debug)]
pub struct Settings {
    pub(crate) warehouse: WarehouseSettings,
    pub(crate) project: PathBuf,
    pub(crate) executable: PathBuf,
    pub(crate) target: Option<PathBuf>,
    pub(crate) dashboard: Option<PathBuf>,
    pub(crate) site: Option<Site>,
    /// The public address of the site, with a slash at its end.
    pub(crate) address: Option<String>,
    pub(crate) release: Option<ReleaseSettings>,
}

/// A release to freeze.
#[derive(Debug)]
pub(crate) struct ReleaseSettings {
    pub(crate) name: ReleaseName,
    pub(crate) commit: String,
}

/// The settings as strings from the environment.
#[derive(Debug, Deserialize)]
pub struct RawSettings {
    #[serde(flatten)]
    warehouse: RawWarehouse,
    storage_emulator_host: Option<String>,
    dbt_project_dir: Option<String>,
    dbt_executable: Option<String>,
    dbt_target_dir: Option<String>,
    dashboard_dir: Option<String>,
    site_url: Option<String>,
    site_address: Option<String>,
    release: Option<String>,
    commit: Option<String>,
}

impl JobSettings for Settings {
    type Raw = RawSettings;

    fn validate(raw: RawSettings, problems: &mut Problems) -> Option<Self> {
        let warehouse = WarehouseSettings::validate(raw.warehouse, problems);
        let project = problems.take(
            &variables::DBT_PROJECT_DIR,
            raw.dbt_project_dir,
            settings::parse_directory,
        );
        let path = |text: &str| Ok(PathBuf::from(text));
        let executable = problems.take(&variables::DBT_EXECUTABLE, raw.dbt_executable, path);
        let target = problems.take_optional(&variables::DBT_TARGET_DIR, raw.dbt_target_dir, path);
        let dashboard = problems.take_optional(
            &variables::DASHBOARD_DIR,
            raw.dashboard_dir,
            settings::parse_directory,
        );
        // An invalid value was already reported when the lake was validated.
        let emulator = raw.storage_emulator_host.and_then(|text| text.parse().ok());
        let site = problems.take_optional(&variables::SITE_URL, raw.site_url, |url| {
            Site::new(url, emulator)
        });
        let address =
            problems.take_optional(&variables::SITE_ADDRESS, raw.site_address, parse_address);
        let release = release(raw.release, raw.commit, site.as_ref(), problems);
        Some(Self {
            warehouse: warehouse?,
            project: project?,
            executable: executable?,
            target: target?,
            dashboard: dashboard?,
            site: site?,
            address: address?,
            release,
        })
    }
}

/// Parses the address of a folder on the web, and ends it with a slash.
fn parse_address(text: &str) -> Result<String, String> {
    let shown = Address::of_text(text).to_string();
    let refused =
        || format!("is {shown:?}: use https://HOST/PATH/ without user, password or query");
    let address = Url::parse(text).map_err(|_| refused())?;
    // The address is published.
    let is_public = Address::of(&address).to_string() == address.as_str();
    if !matches!(address.scheme(), "http" | "https") || !is_public {
        return Err(refused());
    }
    Ok(format!("{}/", address.as_str().trim_end_matches('/')))
}

/// Returns the release to freeze, if there is one.
fn release(
    name: Option<String>,
    commit: Option<String>,
    site: Option<&Option<Site>>,
    problems: &mut Problems,
) -> Option<ReleaseSettings> {
    let name = problems.take_optional(&variables::RELEASE, name, str::parse)??;
    if let Some(None) = site {
        problems.add(
            &variables::SITE_URL,
            "is not set, and RELEASE freezes what is there",
        );
    }
    let parse = |commit: &str| {
        let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        let problem = || format!("is {commit:?}, not a git commit of 40 hexadecimal digits");
        is_commit.then(|| commit.to_owned()).ok_or_else(problem)
    };
    let commit = problems.take(&variables::COMMIT, commit, parse)?;
    Some(ReleaseSettings { name, commit })
}
