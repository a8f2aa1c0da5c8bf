//! The settings, from the environment.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use shared::google::Emulator;

use crate::endpoints::Endpoints;
use crate::module::Module;

/// A part of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Lake,
    /// Needs what the lake's checks wrote.
    Load,
    /// Needs what was loaded.
    Dbt,
    Workflow,
    Alerts,
}

const PARTS: [(&str, Part); 5] = [
    ("lake", Part::Lake),
    ("load", Part::Load),
    ("dbt", Part::Dbt),
    ("workflow", Part::Workflow),
    ("alerts", Part::Alerts),
];

pub(crate) struct Settings {
    pub(crate) project: String,
    pub(crate) region: String,
    /// Distinguishes what this process makes.
    pub(crate) id: String,
    pub(crate) endpoints: Endpoints,
    pub(crate) dbt_executable: PathBuf,
    pub(crate) dbt_project: PathBuf,
    parts: Vec<Part>,
    limit: Option<Duration>,
}

impl Settings {
    pub(crate) fn from_environment(module: &Module) -> anyhow::Result<Self> {
        let given = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let project =
            given("PROJECT").context("PROJECT is not set: make smoke PROJECT=my-toronto-311")?;
        // It becomes a part of names and statements.
        let is_valid =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !project.bytes().all(is_valid) {
            bail!(
                "PROJECT is {project:?}: use the project's id, of lower-case letters, digits and hyphens"
            );
        }
        let region = given("REGION").or_else(|| module.region());
        let region = region.context(
            "REGION is not set, and terraform/terraform.tfvars has none: make smoke PROJECT=... REGION=northamerica-northeast1",
        )?;
        if !region.bytes().all(is_valid) {
            bail!("REGION is {region:?}: use a region as northamerica-northeast1");
        }
        let emulator = |name: &str| {
            let parsed = given(name).map(|text| text.parse::<Emulator>());
            parsed
                .transpose()
                .map_err(|problem| anyhow::anyhow!("{name} {problem}"))
        };
        let endpoints = Endpoints {
            storage: emulator("STORAGE_EMULATOR_HOST")?,
            bigquery: emulator("BIGQUERY_EMULATOR_HOST")?,
            others: emulator("GOOGLE_EMULATOR_HOST")?,
        };
        let emulated = [&endpoints.storage, &endpoints.bigquery, &endpoints.others];
        if emulated.iter().any(|host| host.is_some()) && emulated.iter().any(|host| host.is_none())
        {
            bail!(
                "some of STORAGE_EMULATOR_HOST, BIGQUERY_EMULATOR_HOST and GOOGLE_EMULATOR_HOST are set: unset them to ask a real project"
            );
        }
        let path = |name: &str| {
            given(name)
                .map(PathBuf::from)
                .with_context(|| format!("{name} is not set: use `make smoke`"))
        };
        let limit = given("LIMIT_SECONDS")
            .map(|text| text.parse().context("LIMIT_SECONDS is not a number"));
        Ok(Self {
            id: new_id(),
            endpoints,
            dbt_executable: path("DBT_EXECUTABLE")?,
            dbt_project: path("DBT_PROJECT_DIR")?,
            parts: parts(given("ONLY").as_deref())?,
            limit: limit.transpose()?.map(Duration::from_secs),
            project,
            region,
        })
    }

    /// Whether `part` is wanted, or what follows from it.
    pub(crate) fn wants(&self, part: Part) -> bool {
        let follows = |wanted: &Part| match part {
            Part::Lake | Part::Load | Part::Dbt => (part..=Part::Dbt).contains(wanted),
            other => *wanted == other,
        };
        self.parts.iter().any(follows)
    }

    /// Returns the time limit of a check.
    pub(crate) fn limit(&self, usual: Duration) -> Duration {
        self.limit.unwrap_or(usual)
    }
}

/// Returns the parts named in `only`, all of them if there is none.
fn parts(only: Option<&str>) -> anyhow::Result<Vec<Part>> {
    let Some(only) = only else {
        return Ok(PARTS.map(|(_, part)| part).to_vec());
    };
    let named = only.split(',').map(|name| {
        let known = PARTS.iter().find(|(known, _)| *known == name);
        let names = PARTS.map(|(name, _)| name).join(", ");
        Ok(known
            .with_context(|| format!("ONLY has {name:?}: use some of {names}"))?
            .1)
    });
    named.collect()
}

/// Returns eight characters that the next process will not have.
fn new_id() -> String {
    let now = jiff::Timestamp::now().as_millisecond();
    let number = now.unsigned_abs() ^ (u64::from(std::process::id()) << 20);
    format!("{:08x}", number & 0xffff_ffff)
}
