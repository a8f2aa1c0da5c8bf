//! The settings of `make run` and `make replay`, from the environment.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use sample_portal::{Date, PortalConfig};
use serde::Deserialize;
use shared::run::{RunId, Stage};

/// A monthly publication of a synthetic year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) year: i16,
    pub(crate) number: u32,
}

/// The settings as strings from the environment.
#[derive(Deserialize)]
struct Raw {
    /// The directory of the lake, the warehouse and everything else.
    local_dir: PathBuf,
    /// The real portal; `None` for the sample portal.
    #[serde(default)]
    source: String,
    #[serde(default)]
    years: String,
    #[serde(default)]
    stage: String,
    #[serde(default)]
    force: String,
    #[serde(default)]
    release: String,
    /// `emulator`: starts emulators of Cloud Storage and BigQuery. `running`: uses those that run already.
    #[serde(default)]
    cloud: String,
    emulators_dir: Option<PathBuf>,
    lake_url: Option<String>,
    warehouse_url: Option<String>,
    site_url: Option<String>,
    #[serde(default)]
    sample_years: String,
    sample_today: Option<Date>,
    #[serde(default)]
    sample_rows: Option<u64>,
    #[serde(default)]
    sample_files: Option<PathBuf>,
    #[serde(default = "default_sample_port")]
    sample_port: u16,
    duckdb_library: PathBuf,
    dbt_executable: PathBuf,
    dbt_project_dir: PathBuf,
}

fn default_sample_port() -> u16 {
    31_100
}

/// The emulators of a run on the cloud path.
pub(crate) enum Cloud {
    /// Those that are installed in this directory. They start and end with the run.
    Started(PathBuf),
    /// Those at the addresses in the environment, which also names what the jobs use there.
    Running {
        lake_url: String,
        warehouse_url: String,
        site_url: String,
    },
}

impl Raw {
    fn cloud(&self) -> anyhow::Result<Option<Cloud>> {
        let named = |name: &str, value: Option<&String>| {
            let value = value.cloned();
            value.with_context(|| format!("{name} is not set"))
        };
        Ok(match self.cloud.as_str() {
            "" => None,
            "emulator" => {
                let installed = self.emulators_dir.as_deref();
                let installed = installed.context("EMULATORS_DIR is not set")?;
                Some(Cloud::Started(absolute(installed)?))
            }
            "running" => Some(Cloud::Running {
                lake_url: named("LAKE_URL", self.lake_url.as_ref())?,
                warehouse_url: named("WAREHOUSE_URL", self.warehouse_url.as_ref())?,
                site_url: named("SITE_URL", self.site_url.as_ref())?,
            }),
            other => bail!("CLOUD is {other:?}: use emulator, or nothing"),
        })
    }
}

/// The validated settings.
pub(crate) struct Settings {
    pub(crate) directory: PathBuf,
    pub(crate) source: Option<String>,
    pub(crate) years: Option<String>,
    pub(crate) replayed_stage: Option<Stage>,
    /// Whether a replay only freezes a release, and redoes nothing. The jobs read its name from the environment.
    pub(crate) is_release: bool,
    pub(crate) force: bool,
    /// The emulators, if the run uses them.
    pub(crate) cloud: Option<Cloud>,
    pub(crate) sample_years: Vec<i16>,
    /// The date up to which the sample portal has published; today if `None`.
    pub(crate) sample_today: Option<Date>,
    pub(crate) sample_rows: Option<u64>,
    pub(crate) sample_files: Option<PathBuf>,
    pub(crate) sample_port: u16,
    pub(crate) duckdb_library: PathBuf,
    pub(crate) dbt_executable: PathBuf,
    pub(crate) dbt_project_dir: PathBuf,
}

impl Settings {
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let raw: Raw = envy::from_iter(
            shared::settings::environment().filter(|(_, value)| !value.is_empty()),
        )
        .context(
            "cannot read the settings: use `make run` or `make replay`, which set the environment",
        )?;
        fs::create_dir_all(&raw.local_dir)
            .with_context(|| format!("cannot create the directory {}", raw.local_dir.display()))?;
        let given = |text: String| (!text.is_empty()).then_some(text);
        let cloud = raw.cloud()?;
        let sample_years = if raw.sample_years.is_empty() {
            PortalConfig::default_years(raw.sample_today)
        } else {
            let years = raw.sample_years.split(',').map(|year| year.trim().parse());
            years
                .collect::<Result<_, _>>()
                .context("SAMPLE_YEARS must be years separated by commas")?
        };
        Ok(Self {
            directory: raw.local_dir.canonicalize()?,
            source: given(raw.source),
            years: given(raw.years),
            replayed_stage: given(raw.stage).map(|name| stage_of(&name)).transpose()?,
            is_release: !raw.release.is_empty(),
            cloud,
            force: matches!(raw.force.as_str(), "1" | "true" | "yes"),
            sample_years,
            sample_today: raw.sample_today,
            sample_rows: raw.sample_rows,
            sample_files: raw.sample_files,
            sample_port: raw.sample_port,
            duckdb_library: absolute(&raw.duckdb_library)?,
            dbt_executable: absolute(&raw.dbt_executable)?,
            dbt_project_dir: absolute(&raw.dbt_project_dir)?,
        })
    }

    fn latest_run_file(&self) -> PathBuf {
        self.directory.join("latest-run")
    }

    pub(crate) fn record_run(&self, run_id: &RunId) -> anyhow::Result<()> {
        fs::write(self.latest_run_file(), run_id.to_string())
            .context("cannot record the run for `make replay`")
    }

    fn latest_publication_file(&self) -> PathBuf {
        self.directory.join("latest-sample-publication")
    }

    /// Records that the warehouse has this publication of the sample portal.
    pub(crate) fn record_publication(&self, publication: Publication) -> anyhow::Result<()> {
        let Publication { year, number } = publication;
        fs::write(self.latest_publication_file(), format!("{year} {number}"))
            .context("cannot record the sample portal's publication for the next run")
    }

    /// Returns the last publication of the sample portal that the warehouse has, if it has one.
    pub(crate) fn latest_publication(&self) -> Option<Publication> {
        let text = fs::read_to_string(self.latest_publication_file()).ok()?;
        let (year, number) = text.trim().split_once(' ')?;
        Some(Publication {
            year: year.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    pub(crate) fn latest_run(&self) -> anyhow::Result<RunId> {
        let text = fs::read_to_string(self.latest_run_file())
            .context("there is no run to replay: use `make run` first")?;
        text.trim().parse().map_err(anyhow::Error::msg)
    }
}

fn stage_of(name: &str) -> anyhow::Result<Stage> {
    let stages = [Stage::Extract, Stage::Transform, Stage::Load, Stage::Dbt];
    match stages.into_iter().find(|stage| stage.as_str() == name) {
        Some(stage) => Ok(stage),
        None => bail!("STAGE is {name:?}: use extract, transform, load or dbt"),
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    ensure!(
        path.exists(),
        "{} does not exist: run `make setup` to install it",
        path.display()
    );
    Ok(std::path::absolute(path)?)
}
