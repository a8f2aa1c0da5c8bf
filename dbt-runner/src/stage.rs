//! The dbt stage: builds marts from the loaded tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use shared::dry_run::Estimates;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::hand_over::{self, Outcomes};
use shared::job::Summary;
use shared::key::Key;
use shared::lineage::Tables;
use shared::manifest::{self, LoadReceipt, ManifestRef, Mart, MartsManifest, Version};
use shared::partition::Partition;
use shared::process::scratch::Scratch;
use shared::run::Stage;
use shared::settings::CommonSettings;
use shared::stage_runs;
use shared::telemetry::milliseconds;
use shared::warehouse::{WarehouseUrl, bigquery};
use tokio::task::block_in_place;
use tracing::{debug, info, warn};

use crate::artifacts::{Graph, RunResults};
use crate::candidate::{Candidate, Scope, listed};
use crate::column_lineage::ColumnSources;
use crate::dbt::{Dbt, RunningDbt, interpreter};
use crate::dry_run;
use crate::lineage::{Build, Published};
use crate::looker_studio;
use crate::mart::{Definition, MartTable};
use crate::project;
use crate::publish::{self, Kept, Publication};
use crate::settings::Settings;
use crate::warehouse::Warehouse;
use crate::warehouse::bigquery::BigQuery;
use crate::warehouse::release::{PublishedMarts, Release};

/// The City publishes monthly.
const LONGEST_SILENCE_DAYS: i64 = 40;

/// The inputs of a build and their fingerprint.
struct Input {
    receipts: BTreeMap<Partition, Key>,
    /// The clean version of each partition that the tables contain.
    clean: BTreeMap<Partition, Fingerprint>,
    /// The number of loads in the history.
    loads: usize,
    /// The loaded version of each year: the number of its loads and the fingerprint of the last one. A version that is
    /// loaded again may have left other changes of status.
    years: BTreeMap<i16, (u32, String)>,
    /// When new content was last seen on the portal; `None` if nothing is loaded.
    latest_news: Option<Timestamp>,
    /// Whether any of the loaded data are synthetic.
    generated: bool,
    fingerprint: Fingerprint,
    /// The fingerprint of the project alone: marts of another project are rebuilt as a whole.
    project: Fingerprint,
}

impl Input {
    /// Returns what has to be rebuilt to get from the published marts to these inputs.
    fn scope(&self, published: &PublishedMarts) -> Scope {
        let is_gone = |year: &i16| !self.years.contains_key(year);
        if published.project != self.project.as_str() || published.years.keys().any(is_gone) {
            return Scope::Whole;
        }
        let years = self.years.iter();
        let changed = years.filter(|(year, version)| published.years.get(year) != Some(version));
        Scope::Years(changed.map(|(year, _)| *year).collect())
    }
}

/// Builds the marts, publishes them and hands their manifest over. Building and publishing are skipped if their inputs
/// have not changed.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    if common.dry_run {
        return estimate(&common, &settings).await;
    }
    let loaded = hand_over::input_of(&common, Stage::Dbt).await?;
    let plan = Plan::of(&common, &settings).await?;
    let (marts, mut summary) = match (&plan.existing, plan.publication().await?) {
        (Some(marts), None) => {
            debug!(fingerprint = %plan.input.fingerprint, "marts found");
            (marts.clone(), Summary::found())
        }
        (_, publication) => plan.execute(publication.as_ref()).await?,
    };
    if let Some(site) = &settings.site
        && let Some(dashboard) = &settings.dashboard
    {
        summary.bytes += publish::dashboard(site, dashboard).await?;
    }
    let handed_over = hand_over(&common, &settings, loaded, &marts, summary).await;
    // A release that is refused takes nothing from a good build.
    freeze(&common, &settings, &plan.input).await?;
    handed_over
}

/// The inputs of a build, and what has to be built from them.
struct Plan<'a> {
    common: &'a CommonSettings,
    settings: &'a Settings,
    input: Input,
    /// What is published so far.
    published: Option<PublishedMarts>,
    /// The manifest of the published marts, if they were built from these inputs.
    existing: Option<ManifestRef>,
    scope: Scope,
    /// The names of the tables in the lineage.
    tables: Tables,
}

impl<'a> Plan<'a> {
    async fn of(common: &'a CommonSettings, settings: &'a Settings) -> Result<Self, Failure> {
        let (input, published) = block_in_place(|| settings.input_and_published())?;
        warn_if_stale(input.latest_news);
        let intact = match &published {
            Some(published) if !common.force => settings.intact(common, published).await?,
            _ => None,
        };
        let scope = match &published {
            Some(published) if intact.is_some() => input.scope(published),
            _ => Scope::Whole,
        };
        let is_current = |published: &PublishedMarts| {
            published.fingerprint.as_str() == input.fingerprint.as_str()
        };
        Ok(Self {
            common,
            settings,
            existing: intact.filter(|_| published.as_ref().is_some_and(is_current)),
            input,
            published,
            scope,
            tables: settings.warehouse.url.tables(),
        })
    }

    /// Returns the publication of the marts; `None` if there is no site, or it already has them.
    async fn publication(&self) -> Result<Option<Publication<'_>>, Failure> {
        let Some(site) = &self.settings.site else {
            return Ok(None);
        };
        let publication = Publication {
            site,
            fingerprint: &self.input.fingerprint,
            address: self.settings.address.as_deref(),
            generated: self.input.generated,
            run_id: &self.common.run_id,
            lake: &self.common.lake,
            clean: &self.input.clean,
            kept: self.published.as_ref().map(|published| Kept {
                fingerprint: &published.fingerprint,
                changed: &self.scope,
            }),
            lineage: &self.common.lineage,
            tables: &self.tables,
        };
        let is_needed = self.common.force || !publication.is_published().await?;
        Ok(is_needed.then_some(publication))
    }

    /// Builds the marts unless they exist, and publishes them on the site if `publication` is given.
    async fn execute(
        &self,
        publication: Option<&Publication<'_>>,
    ) -> Result<(ManifestRef, Summary), Failure> {
        let settings = self.settings;
        self.common.lineage.begin_stage(Stage::Dbt).await;
        let temporary = Scratch::named("toronto-311-dbt-");
        let target = settings.target_or(&temporary)?;
        let candidate = Candidate::new(&settings.warehouse, target)?;
        let dbt = settings.dbt(target, &candidate, &self.input);
        let (mut dbt, graph) = dbt
            .start()
            .await
            .while_doing(|| format!("cannot parse {}", settings.project.display()))?;
        let docs = match publication {
            Some(_) => document(&mut dbt, &graph).await,
            None => None,
        };
        let (marts, mut summary) = if let Some(marts) = &self.existing {
            // The site is published with its memory.
            dbt.close();
            (marts.clone(), Summary::found())
        } else {
            let work = Work {
                plan: self,
                candidate: &candidate,
                graph: &graph,
            };
            let built = work.build(dbt).await;
            // The error names files of the nodes.
            if built.is_err() && RunResults::read(target).is_ok_and(|results| results.have_failed())
            {
                temporary.keep();
            }
            built?
        };
        if let Some(publication) = publication {
            let mut warehouse = block_in_place(|| settings.open_warehouse())?;
            let written = publication.publish(&mut warehouse, &graph, docs);
            summary.bytes += written.await?;
        }
        Ok((marts, summary))
    }
}

/// Freezes what is published, if a release is requested.
async fn freeze(
    common: &CommonSettings,
    settings: &Settings,
    input: &Input,
) -> Result<(), Failure> {
    let (Some(site), Some(release)) = (&settings.site, &settings.release) else {
        return Ok(());
    };
    let release = publish::Release {
        site,
        lake: &common.lake,
        name: release.name,
        commit: &release.commit,
        fingerprint: &input.fingerprint,
        project: &input.project,
        clean: &input.clean,
    };
    release.freeze().await
}

/// Hands the marts over, as those of every loaded partition, and records what this stage spent.
async fn hand_over(
    common: &CommonSettings,
    settings: &Settings,
    loaded: hand_over::Input,
    marts: &ManifestRef,
    mut summary: Summary,
) -> Result<Summary, Failure> {
    let mut outcomes = Outcomes::new(Stage::Dbt, loaded.refused);
    for (partition, handed) in loaded.partitions {
        let built = handed.with(marts.clone());
        outcomes.add(
            partition,
            built.observed_at,
            Ok((built, Summary::default())),
        );
    }
    summary.bytes_billed += bigquery::bytes_billed();
    outcomes.count(summary);
    let handed_over = outcomes.hand_over(common).await;
    // Missing costs are not worth a failure.
    if let Err(failure) = record_stage_runs(common, settings).await {
        warn!(cause = %failure, "costs not recorded");
    }
    handed_over
}

/// Records what this stage spent, which the marts show from the next build on.
async fn record_stage_runs(common: &CommonSettings, settings: &Settings) -> Result<(), Failure> {
    let spent = stage_runs::of(&common.lake, &common.run_id, &[Stage::Dbt]).await?;
    let Some(spent) = spent else {
        return Ok(());
    };
    block_in_place(|| Warehouse::record_stage_runs(&settings.warehouse, &spent, &common.run_id))
}

/// Logs the most that BigQuery would bill for the build after the years in `YEARS` were loaded again, and changes nothing.
async fn estimate(common: &CommonSettings, settings: &Settings) -> Result<Summary, Failure> {
    let mut estimates = Estimates::default();
    if let WarehouseUrl::BigQuery(dataset) = &settings.warehouse.url {
        let (input, published) = block_in_place(|| settings.input_and_published())?;
        let loaded: BTreeSet<i16> = input.years.keys().copied().collect();
        let scope = match published.filter(|_| !common.force) {
            Some(published) => match input.scope(&published) {
                Scope::Years(changed) => {
                    let selected = common.years.select(&loaded);
                    Scope::Years(changed.into_iter().chain(selected).collect())
                }
                Scope::Whole => Scope::Whole,
            },
            None => Scope::Whole,
        };
        let temporary = Scratch::default();
        let target = settings.target_or(&temporary)?;
        let candidate = Candidate::new(&settings.warehouse, target)?;
        let dbt = settings.dbt(target, &candidate, &input);
        let (mut dbt, graph) = dbt.start().await?;
        let graph = dbt.compile(&graph, &scope).await?;
        dbt.close();
        let emulator = settings.warehouse.bigquery_emulator.as_ref();
        let bigquery = block_in_place(|| BigQuery::connect(dataset, emulator))?;
        let site = settings.site.as_ref().map(|_| &loaded);
        dry_run::estimate(&bigquery, &graph, &scope, site, &mut estimates);
    }
    estimates.finish();
    Ok(Summary::default())
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
async fn document(dbt: &mut RunningDbt<'_>, graph: &Graph) -> Option<Bytes> {
    let docs = dbt.document(graph).await;
    docs.map(Bytes::from)
        .inspect_err(|failure| warn!(cause = %failure, "docs not generated"))
        .ok()
}

/// A build of a candidate.
struct Work<'a> {
    plan: &'a Plan<'a>,
    candidate: &'a Candidate,
    graph: &'a Graph,
}

impl<'a> Work<'a> {
    /// Builds and tests the candidate, publishes it in the warehouse and commits its manifest.
    async fn build(&self, dbt: RunningDbt<'_>) -> Result<(ManifestRef, Summary), Failure> {
        let started = Instant::now();
        let Plan {
            common,
            settings,
            input,
            scope,
            ..
        } = self.plan;
        let years = match scope {
            Scope::Whole => "all".to_owned(),
            Scope::Years(years) => listed(years, " "),
        };
        info!(candidate = %self.candidate, years, "build started");
        let (results, compiled) = self.build_candidate(dbt).await?;
        let marts = match block_in_place(|| self.release()) {
            Ok(marts) => marts,
            Err(failure) => {
                self.lineage_of(&results, None).record().await;
                return Err(failure);
            }
        };
        let manifest = MartsManifest {
            manifest: Version::V1,
            fingerprint: input.fingerprint.clone(),
            receipts: input.receipts.clone(),
            generated: input.generated,
            marts,
        };
        let columns = settings
            .column_sources(common, &input.project, (self.graph, &compiled))
            .await;
        let published = Published {
            fingerprint: &manifest.fingerprint,
            marts: &manifest.marts,
            columns: &columns,
        };
        // With the manifest, a repeated execution finds the marts and records nothing of them.
        self.lineage_of(&results, Some(published)).record().await;
        let key = MartsManifest::key(&settings.warehouse.url.id(), &manifest.fingerprint)?;
        let committed = manifest::commit(&common.lake, &key, &manifest).await?;
        let rows = manifest.marts.iter().map(|mart| mart.rows).sum();
        info!(
            fingerprint = %manifest.fingerprint,
            years,
            nodes = results.len(),
            marts = manifest.marts.len(),
            rows,
            bytes_billed = results.bytes_billed() + bigquery::bytes_billed(),
            milliseconds = milliseconds(started.elapsed()),
            "marts built"
        );
        if let Some(link) = settings.looker_studio(self.graph) {
            info!(link, "marts in Looker Studio");
        }
        let summary = Summary {
            produced: 1,
            rows,
            bytes_billed: results.bytes_billed(),
            ..Summary::default()
        };
        Ok((committed, summary))
    }

    /// Builds and tests the candidate. Returns the results of the nodes, and the graph with their compiled SQL.
    async fn build_candidate(
        &self,
        mut dbt: RunningDbt<'_>,
    ) -> Result<(RunResults, Graph), Failure> {
        let built = dbt.build(self.graph, &self.plan.scope).await;
        let built = built.while_doing(|| {
            let project = self.plan.settings.project.display();
            format!(
                "cannot build {project}, so that nothing was published and the candidate is {}",
                self.candidate
            )
        });
        dbt.close();
        let artifacts = dbt.artifacts();
        match built {
            Ok(results) => Ok((results, artifacts?.1)),
            Err(failure) => {
                // Without results, there is nothing to record.
                if let Ok((results, _)) = &artifacts {
                    self.lineage_of(results, None).record().await;
                }
                Err(failure)
            }
        }
    }

    /// Publishes the candidate in the warehouse and removes it. Returns the published marts.
    fn release(&self) -> Result<Vec<Mart>, Failure> {
        let Plan {
            settings,
            input,
            scope,
            published,
            ..
        } = self.plan;
        let (marts, seeds) = (self.graph.marts(), self.graph.seeds());
        let tables = marts.iter().chain(&seeds);
        let layouts = tables.map(|table| (table.table.to_string(), table.layout()));
        let layouts = layouts.collect();
        let mut definitions = marts.clone();
        if *scope == Scope::Whole {
            definitions.extend(seeds);
        }
        let release = Release {
            candidate: self.candidate,
            scope,
            definitions,
            before: published.as_ref(),
            after: PublishedMarts {
                fingerprint: input.fingerprint.to_string(),
                project: input.project.to_string(),
                years: input.years.clone(),
                layouts,
            },
            loads: input.loads,
        };
        Warehouse::release(&settings.warehouse, &release)?;
        // Another execution may have published the same, or something else.
        let marts = settings.rows_of(&release.after.fingerprint, &marts)?;
        Warehouse::discard(&settings.warehouse, self.candidate, self.graph, scope);
        Ok(marts)
    }

    /// Returns the lineage of the build, of which the marts in `published` are published.
    fn lineage_of(&self, results: &'a RunResults, published: Option<Published<'a>>) -> Build<'a> {
        Build {
            lineage: &self.plan.common.lineage,
            tables: &self.plan.tables,
            graph: self.graph,
            results,
            scope: &self.plan.scope,
            published,
        }
    }
}

impl Settings {
    /// Returns the link to a report on the marts, if they are in BigQuery.
    fn looker_studio(&self, graph: &Graph) -> Option<String> {
        let WarehouseUrl::BigQuery(dataset) = &self.warehouse.url else {
            return None;
        };
        let mart = graph.exposed(looker_studio::EXPOSURE)?;
        Some(looker_studio::link(&dataset.project, &mart))
    }

    /// Returns dbt, to build a candidate with its artifacts in `target`.
    fn dbt<'a>(&'a self, target: &'a Path, candidate: &'a Candidate, input: &Input) -> Dbt<'a> {
        Dbt {
            executable: &self.executable,
            project: &self.project,
            target,
            warehouse: &self.warehouse,
            candidate,
            latest_year: input.years.keys().next_back().copied(),
        }
    }

    /// Returns where dbt writes its artifacts.
    fn target_or<'a>(&'a self, temporary: &'a Scratch) -> Result<&'a Path, Failure> {
        match &self.target {
            Some(target) => Ok(target),
            None => temporary.path().or_fail(Exit::Upstream),
        }
    }

    /// Returns the columns that each column of the project's models is computed from.
    async fn column_sources(
        &self,
        common: &CommonSettings,
        project: &Fingerprint,
        graphs: (&Graph, &Graph),
    ) -> ColumnSources {
        let dialect = match self.warehouse.url {
            WarehouseUrl::DuckDb(_) => "duckdb",
            WarehouseUrl::BigQuery(_) => "bigquery",
        };
        // dbt has just run with it.
        let Ok(python) = interpreter(&self.executable) else {
            return ColumnSources::default();
        };
        ColumnSources::of_project(&common.lake, &python, project, dialect, graphs).await
    }

    fn open_warehouse(&self) -> Result<Warehouse, Failure> {
        Warehouse::open(&self.warehouse)
    }

    /// Returns the current inputs of dbt, and what is published so far.
    fn input_and_published(&self) -> Result<(Input, Option<PublishedMarts>), Failure> {
        let mut warehouse = self.open_warehouse()?;
        Ok((self.input(&mut warehouse)?, warehouse.published()?))
    }

    /// Returns the current inputs of dbt.
    fn input(&self, warehouse: &mut Warehouse) -> Result<Input, Failure> {
        let warehouse_id = self.warehouse.url.id();
        let loads = warehouse.loads()?;
        let latest_news = loads.iter().map(|load| load.first_seen_at).max();
        let (count, mut years) = (loads.len(), BTreeMap::new());
        let (mut receipts, mut clean) = (BTreeMap::new(), BTreeMap::new());
        let mut generated = BTreeMap::new();
        for load in &loads {
            // The tables contain the last load of a partition.
            let key = LoadReceipt::key(&warehouse_id, load.partition, &load.fingerprint)?;
            receipts.insert(load.partition, key);
            clean.insert(load.partition, load.fingerprint.clone());
            if let Partition::Year(year) = load.partition {
                let (number, _) = years.get(&year).cloned().unwrap_or_default();
                years.insert(year, (number + 1, load.fingerprint.to_string()));
            }
            generated.insert(load.partition, load.is_generated);
        }
        let refusals = warehouse.refusals()?;
        let files = project::files(&self.project)
            .or_fail(Exit::Configuration)
            .while_doing(|| format!("cannot read {}", self.project.display()))?;
        // The whole history counts, because the marts describe every version and run.
        let history: Vec<[String; 4]> = loads
            .into_iter()
            .map(|load| {
                let (partition, fingerprint) = (load.partition, load.fingerprint);
                let (partition, fingerprint) = (partition.to_string(), fingerprint.to_string());
                [partition, fingerprint, load.run_id, load.drift]
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
            loads: count,
            years,
            latest_news,
            generated: generated.into_values().any(|is_generated| is_generated),
            fingerprint: Fingerprint::of(&parts),
            project,
            receipts,
            clean,
        })
    }

    /// Returns the manifest of the published marts, if the lake has it and the warehouse has its marts.
    async fn intact(
        &self,
        common: &CommonSettings,
        published: &PublishedMarts,
    ) -> Result<Option<ManifestRef>, Failure> {
        let fingerprint = published.fingerprint.parse();
        let fingerprint = fingerprint.map_err(anyhow::Error::msg).or_fail(Exit::Bug)?;
        let key = MartsManifest::key(&self.warehouse.url.id(), &fingerprint)?;
        let Some(bytes) = common.lake.read(&key).await? else {
            return Ok(None);
        };
        let manifest: MartsManifest = manifest::from_json(&key, &bytes)?;
        let is_intact = block_in_place(|| self.has_marts(&manifest.marts))?;
        Ok(is_intact.then(|| ManifestRef::of(key, &bytes)))
    }

    /// Whether the warehouse has these marts with the same row counts.
    fn has_marts(&self, marts: &[Mart]) -> Result<bool, Failure> {
        let tables = marts.iter().map(|mart| mart.table.parse::<MartTable>());
        let tables = tables.collect::<Result<Vec<_>, _>>();
        let tables = tables.map_err(anyhow::Error::msg).or_fail(Exit::Contract)?;
        let rows = self.open_warehouse()?.rows(&tables)?;
        let expected: Vec<u64> = marts.iter().map(|mart| mart.rows).collect();
        if rows.as_ref() != Some(&expected) {
            info!("marts altered, rebuilding all");
            return Ok(false);
        }
        Ok(true)
    }

    /// Returns the rows of the marts that are published.
    ///
    /// # Errors
    /// [`Exit::Upstream`] if they were not built from the inputs with this `fingerprint`.
    fn rows_of(&self, fingerprint: &str, marts: &[Definition]) -> Result<Vec<Mart>, Failure> {
        let mut warehouse = self.open_warehouse()?;
        let tables: Vec<MartTable> = marts.iter().map(|mart| mart.table.clone()).collect();
        let rows = warehouse.rows(&tables)?;
        let published = warehouse.published()?;
        let is_ours = |published: &PublishedMarts| published.fingerprint == fingerprint;
        let Some(rows) = rows.filter(|_| published.as_ref().is_some_and(is_ours)) else {
            return Err(Failure::upstream(anyhow::anyhow!(
                "another build was published or another load finished meanwhile: build again"
            )));
        };
        let marts = tables.iter().zip(rows).map(|(table, rows)| Mart {
            table: table.to_string(),
            rows,
        });
        Ok(marts.collect())
    }
}
