//! The dbt stage: builds marts from the loaded tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::hand_over::{self, Outcomes};
use shared::job::Summary;
use shared::key::Key;
use shared::manifest::{self, LoadReceipt, ManifestRef, Mart, MartsManifest, Version};
use shared::partition::Partition;
use shared::run::Stage;
use shared::settings::{self, CommonSettings, JobSettings, Problems, variables};
use shared::telemetry::milliseconds;
use shared::warehouse::{WarehouseSettings, WarehouseUrl};
use tokio::task::block_in_place;
use tracing::{debug, info, warn};

use crate::artifacts::Graph;
use crate::dbt::{BuildMode, Dbt, RunningDbt};
use crate::looker_studio;
use crate::mart::MartTable;
use crate::project;
use crate::publish::{self, Publication};
use crate::site::Site;
use crate::warehouse::{BuiltFrom, Warehouse};

/// The City publishes monthly.
const LONGEST_SILENCE_DAYS: i64 = 40;

/// The settings of this job.
#[derive(Debug)]
pub struct Settings {
    warehouse: WarehouseSettings,
    project: PathBuf,
    executable: PathBuf,
    target: Option<PathBuf>,
    dashboard: Option<PathBuf>,
    site: Option<Site>,
}

/// The settings as strings from the environment.
#[derive(Debug, Deserialize)]
pub struct RawSettings {
    warehouse_url: Option<String>,
    duckdb_library: Option<String>,
    bigquery_emulator_host: Option<String>,
    storage_emulator_host: Option<String>,
    dbt_project_dir: Option<String>,
    dbt_executable: Option<String>,
    dbt_target_dir: Option<String>,
    dashboard_dir: Option<String>,
    site_url: Option<String>,
}

impl JobSettings for Settings {
    type Raw = RawSettings;

    fn validate(raw: RawSettings, problems: &mut Problems) -> Option<Self> {
        let warehouse = WarehouseSettings::validate(
            raw.warehouse_url,
            raw.duckdb_library,
            raw.bigquery_emulator_host,
            problems,
        );
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
        Some(Self {
            warehouse: warehouse?,
            project: project?,
            executable: executable?,
            target: target?,
            dashboard: dashboard?,
            site: site?,
        })
    }
}

/// The inputs of a build and their fingerprint.
struct Input {
    receipts: BTreeMap<Partition, Key>,
    /// When new content was last seen on the portal; `None` if nothing is loaded.
    latest_news: Option<Timestamp>,
    /// Whether any of the loaded data are synthetic.
    generated: bool,
    fingerprint: Fingerprint,
    /// The fingerprint of the project alone: marts of another project are rebuilt from scratch.
    project: Fingerprint,
}

/// Builds the marts, publishes them and hands their manifest over. Building and publishing are skipped if their inputs
/// have not changed.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    let loaded = hand_over::input_of(&common, Stage::Dbt).await?;
    let (input, built_from) = block_in_place(|| {
        let mut warehouse = settings.open_warehouse()?;
        let input = settings.input(&mut warehouse)?;
        Ok::<_, Failure>((input, warehouse.built_from()?))
    })?;
    warn_if_stale(input.latest_news);
    let warehouse_id = settings.warehouse.url.id();
    let key = MartsManifest::key(&warehouse_id, &input.fingerprint)?;

    let is_built = |built: &BuiltFrom| built.fingerprint == input.fingerprint.as_str();
    let found = if built_from.as_ref().is_some_and(is_built) && !common.force {
        common.lake.read(&key).await?
    } else {
        None
    };
    let of_this_project = |built: &BuiltFrom| built.project == input.project.as_str();
    let mode = if built_from.as_ref().is_some_and(of_this_project) && !common.force {
        BuildMode::Incremental
    } else {
        BuildMode::FullRefresh
    };
    let (fingerprint, generated) = (input.fingerprint.clone(), input.generated);
    let existing = match found {
        Some(bytes) => {
            let marts: MartsManifest = manifest::from_json(&key, &bytes)?;
            let is_current = block_in_place(|| settings.has_marts(&marts.marts))?;
            is_current.then(|| ManifestRef::of(key.clone(), &bytes))
        }
        None => None,
    };
    let mut publication = settings.site.as_ref().map(|site| Publication {
        site,
        fingerprint: &fingerprint,
        generated,
        run_id: &common.run_id,
    });
    if let Some(current) = &publication
        && !common.force
        && current.is_published().await?
    {
        publication = None;
    }

    let temporary = tempfile::tempdir().or_fail(Exit::Upstream)?;
    let dbt = settings.dbt(temporary.path());
    let (marts, mut summary) = match (existing, &publication) {
        (Some(marts), None) => {
            debug!(%fingerprint, "marts found");
            (marts, Summary::found())
        }
        (existing, publication) => {
            let (mut dbt, graph) = dbt
                .start()
                .await
                .while_doing(|| settings.project_at("parse"))?;
            let docs = match publication {
                Some(_) => document(&mut dbt).await,
                None => None,
            };
            let (marts, mut summary) = match existing {
                Some(marts) => (marts, Summary::found()),
                None => build(&common, &settings, &mut dbt, &graph, input, mode, &key).await?,
            };
            drop(dbt);
            if let Some(publication) = publication {
                let mut warehouse = block_in_place(|| settings.open_warehouse())?;
                let written = publication.publish(&mut warehouse, &graph, docs);
                summary.bytes += written.await?;
            }
            (marts, summary)
        }
    };
    if let Some(site) = &settings.site
        && let Some(dashboard) = &settings.dashboard
    {
        summary.bytes += publish::dashboard(site, dashboard).await?;
    }
    let mut outcomes = Outcomes::new(Stage::Dbt, loaded.refused);
    for (partition, handed) in loaded.partitions {
        let built = handed.with(marts.clone());
        outcomes.add(
            partition,
            built.observed_at,
            Ok((built, Summary::default())),
        );
    }
    outcomes.hand_over(&common).await?;
    Ok(summary)
}

/// Logs a warning if no run has observed new content on the portal for long. What is loaded again under new rules is not
/// new. Old data are not an error: the City may not have published, and a replay builds what exists.
fn warn_if_stale(latest_news: Option<Timestamp>) {
    let Some(latest_news) = latest_news else {
        return;
    };
    let days = Timestamp::now().duration_since(latest_news).as_hours() / 24;
    if days >= LONGEST_SILENCE_DAYS {
        warn!(days, %latest_news, "no new content observed on the portal");
    }
}

/// Returns dbt's docs. They are not worth the build: without them, the site keeps those that it has.
async fn document(dbt: &mut RunningDbt<'_>) -> Option<Bytes> {
    let docs = dbt.document().await;
    docs.map(Bytes::from)
        .inspect_err(|failure| warn!(cause = %failure, "docs not generated"))
        .ok()
}

async fn build(
    common: &CommonSettings,
    settings: &Settings,
    dbt: &mut RunningDbt<'_>,
    graph: &Graph,
    input: Input,
    mode: BuildMode,
    key: &Key,
) -> Result<(ManifestRef, Summary), Failure> {
    let started = Instant::now();
    let variables = format!(
        r#"{{build_fingerprint: "{}", project_fingerprint: "{}"}}"#,
        input.fingerprint, input.project
    );
    let results = dbt
        .build(&variables, mode)
        .await
        .while_doing(|| settings.project_at("build"))?;
    dbt.close().await;
    let marts = block_in_place(|| settings.marts_built_from(&input, &graph.marts()))?;
    let manifest = MartsManifest {
        manifest: Version::V1,
        fingerprint: input.fingerprint,
        receipts: input.receipts,
        generated: input.generated,
        nodes: results.nodes(),
        marts,
    };
    let committed = manifest::commit(&common.lake, key, &manifest).await?;
    let rows = manifest.marts.iter().map(|mart| mart.rows).sum();
    info!(
        fingerprint = %manifest.fingerprint,
        nodes = manifest.nodes.len(),
        marts = manifest.marts.len(),
        rows,
        milliseconds = milliseconds(started.elapsed()),
        "marts built"
    );
    if let Some(link) = settings.looker_studio(graph) {
        info!(link, "marts in Looker Studio");
    }
    let summary = Summary {
        produced: 1,
        rows,
        ..Summary::default()
    };
    Ok((committed, summary))
}

impl Settings {
    fn dbt<'a>(&'a self, temporary: &'a Path) -> Dbt<'a> {
        Dbt {
            executable: &self.executable,
            project: &self.project,
            target: self.target.as_deref().unwrap_or(temporary),
            warehouse: &self.warehouse,
        }
    }

    /// Returns what could not be done to the project, for an error.
    fn project_at(&self, verb: &str) -> String {
        format!("cannot {verb} {}", self.project.display())
    }

    /// Returns the link to a report on the marts, if they are in BigQuery.
    fn looker_studio(&self, graph: &Graph) -> Option<String> {
        let WarehouseUrl::BigQuery(dataset) = &self.warehouse.url else {
            return None;
        };
        let marts = graph.marts();
        let mart = marts.iter().find(|mart| mart.name == looker_studio::MART)?;
        Some(looker_studio::link(&dataset.project, mart))
    }

    fn open_warehouse(&self) -> Result<Warehouse, Failure> {
        Warehouse::open(&self.warehouse)
    }

    /// Returns the current inputs of dbt.
    fn input(&self, warehouse: &mut Warehouse) -> Result<Input, Failure> {
        let warehouse_id = self.warehouse.url.id();
        let loads = warehouse.loads()?;
        let latest_news = loads.iter().map(|load| load.first_seen_at).max();
        let mut receipts = BTreeMap::new();
        let mut generated = BTreeMap::new();
        for load in &loads {
            // The tables contain the last load of a partition.
            let key = LoadReceipt::key(&warehouse_id, load.partition, &load.fingerprint)?;
            receipts.insert(load.partition, key);
            generated.insert(load.partition, load.is_generated);
        }
        let refusals = warehouse.refusals()?;
        let files = project::files(&self.project)
            .or_fail(Exit::Configuration)
            .while_doing(|| format!("cannot read {}", self.project.display()))?;
        // The whole history counts, because the marts describe every version and run.
        let history: Vec<[String; 3]> = loads
            .into_iter()
            .map(|load| {
                let (partition, fingerprint) = (load.partition, load.fingerprint);
                [partition.to_string(), fingerprint.to_string(), load.run_id]
            })
            .collect();
        let load_parts = history.iter().flatten().map(String::as_str);
        let project_parts = files
            .iter()
            .flat_map(|(name, digest)| [name.as_str(), digest.as_str()]);
        let project_parts: Vec<&str> = project_parts.collect();
        let project = Fingerprint::of(&project_parts);
        let refusal_parts = refusals.iter().flatten().map(String::as_str);
        let refusal_count = refusals.len().to_string();
        let parts: Vec<&str> = load_parts
            .chain(refusal_parts)
            .chain([refusal_count.as_str(), project.as_str()])
            .collect();
        Ok(Input {
            latest_news,
            generated: generated.into_values().any(|is_generated| is_generated),
            fingerprint: Fingerprint::of(&parts),
            project,
            receipts,
        })
    }

    /// Whether the warehouse has these marts with the same row counts.
    fn has_marts(&self, marts: &[Mart]) -> Result<bool, Failure> {
        let mut warehouse = self.open_warehouse()?;
        for mart in marts {
            let table: MartTable = mart
                .table
                .parse()
                .map_err(anyhow::Error::msg)
                .or_fail(Exit::Contract)?;
            if warehouse.rows(&table)? != Some(mart.rows) {
                info!(table = mart.table, "mart was altered, rebuilding");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the marts after a build.
    ///
    /// # Errors
    /// [`Exit::Upstream`] if another load finished meanwhile, because each mart may be from before or after it.
    fn marts_built_from(&self, input: &Input, tables: &[MartTable]) -> Result<Vec<Mart>, Failure> {
        let mut warehouse = self.open_warehouse()?;
        if self.input(&mut warehouse)?.fingerprint != input.fingerprint {
            return Err(Failure::upstream(anyhow::anyhow!(
                "another load finished while dbt was building: build again"
            )));
        }
        tables
            .iter()
            .map(|table| {
                let rows = warehouse.rows(table)?.ok_or_else(|| {
                    Failure::contract(anyhow::anyhow!(
                        "dbt did not build {table}: check whether the model is disabled"
                    ))
                })?;
                Ok(Mart {
                    table: table.to_string(),
                    rows,
                })
            })
            .collect()
    }
}
