//! Where trials take place: a portal, a lake, a warehouse and a site that can be put back to how they were.
//!
//! Everything keeps its address from one trial to the next, because addresses are part of what the jobs write.

mod cloud;
mod local;

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path as FilePath, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use sample_portal::{Date, Portal, PortalConfig};
use serde_json::Value;
use shared::exit::Exit;
use shared::run::Stage;
use shared::testing::{project_of_few_marts, variable};
use tempfile::TempDir;

use crate::scenario::{Path, Service, Work};
use crate::trace::{self, Plan, Traced, Victim};
use crate::wire::Drawn;
use cloud::Cloud;
use local::Local;

/// The run whose work is disturbed.
const RUN: &str = "trial";
/// The run before it.
const EARLIER_RUN: &str = "earlier";
/// The year that both runs publish: an upload in Windows-1252, with rows to repair.
const REPUBLISHED: i16 = 2025;
/// The year that is new in the disturbed run: a link to another host.
const NEW: i16 = 2021;
/// The rows of a year.
const ROWS: u64 = 300;
/// The file of the site that names all others.
pub(crate) const CATALOG: &str = "data/catalog.json";

/// The table with what the marts were built from.
pub(crate) const RECORD: &str = "main.published_marts";
/// Longer than every wait of a job on a service that is down, and than eight runs at once.
const PATIENCE: Duration = Duration::from_mins(30);

/// The whole state that the pipeline leaves, without what two correct executions may differ in: hand-overs and lineage, which
/// have a clock, as have dbt's docs and the feeds, the id of the run and what is named by it, and what the readers leave out
/// for the same reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The objects of the lake.
    pub lake: BTreeMap<String, Vec<u8>>,
    /// The number of rows of every table, and a digest of them.
    pub tables: BTreeMap<String, Value>,
    /// The objects of the site.
    pub site: BTreeMap<String, Vec<u8>>,
}

/// A copy of a state, to return to.
pub(crate) struct Saved {
    /// The work that comes next.
    work: Work,
    kept: Kept,
}

enum Kept {
    Directory(PathBuf),
    Objects(BTreeMap<String, Vec<u8>>),
}

/// What a job finds at the address of a service.
#[derive(Clone, Copy)]
pub(crate) struct Wires<'a> {
    /// The service that is disturbed, and how.
    fault: Option<(Service, &'a Drawn)>,
}

impl<'a> Wires<'a> {
    /// Every service works.
    pub(crate) const INTACT: Self = Self { fault: None };

    pub(crate) fn broken(service: Service, fault: &'a Drawn) -> Self {
        Self {
            fault: Some((service, fault)),
        }
    }
}

enum Storage {
    Local(Local),
    Cloud(Box<Cloud>),
}

/// A place for trials on one path.
pub struct Home {
    /// Logs, temporary files and, on one machine, all data.
    directory: TempDir,
    /// The dbt project, if marts are built.
    project: Option<TempDir>,
    portal: Portal,
    storage: Storage,
    executions: AtomicU32,
}

impl Home {
    /// Starts the portal, and on the path in the cloud what the emulators lack, for the work that is disturbed.
    ///
    /// # Errors
    /// Fails if something that the Makefile installs or builds is missing.
    pub fn start(path: Path, works: &[Work]) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let storage = match path {
            Path::Local => Storage::Local(Local::start(directory.path())?),
            Path::Cloud => Storage::Cloud(Box::new(Cloud::start(directory.path())?)),
        };
        let mut stages = works.iter().map(|work| work.last_stage());
        let project = stages.any(|stage| stage == Stage::Dbt).then(|| {
            let target = match path {
                Path::Local => "duckdb",
                Path::Cloud => "bigquery_emulator",
            };
            project_of_few_marts(target, &[])
        });
        let portal = Portal::start(PortalConfig {
            generated_years: vec![NEW, REPUBLISHED],
            rows_per_year: Some(ROWS),
            // Every publication of both years is out, and stays so.
            today: Some(Date::constant(2026, 6, 15)),
            ..PortalConfig::default()
        })?;
        for folder in ["logs", "temporary"] {
            fs::create_dir(directory.path().join(folder))?;
        }
        Ok(Self {
            directory,
            project,
            portal,
            storage,
            executions: AtomicU32::new(0),
        })
    }

    /// Brings everything to where the disturbed run begins: an earlier run has loaded one year, of which there is a newer
    /// publication, and has published the marts, if the disturbed run will.
    pub(crate) fn begin(&self) -> anyhow::Result<()> {
        let latest = self.portal.publications(REPUBLISHED);
        self.portal.publish(REPUBLISHED, latest - 1)?;
        // The emulator of BigQuery has no copies of tables to return to: there, marts are built from nothing.
        let with_marts = self.project.is_some() && matches!(self.storage, Storage::Local(_));
        for stage in [Stage::Extract, Stage::Transform, Stage::Load, Stage::Dbt] {
            if stage != Stage::Dbt || with_marts {
                self.finish(EARLIER_RUN, stage, &[REPUBLISHED])?;
            }
        }
        self.portal.publish(REPUBLISHED, latest)
    }

    /// Executes `work` of the disturbed run undisturbed.
    pub(crate) fn finish_work(&self, work: Work) -> anyhow::Result<Traced> {
        let traced = self.execute(work, Wires::INTACT, None)?;
        ensure!(
            traced.exit == Some(0),
            "{work} ends with {:?} undisturbed: {}",
            traced.exit,
            self.last_words()
        );
        Ok(traced)
    }

    fn finish(&self, run: &str, stage: Stage, years: &[i16]) -> anyhow::Result<()> {
        let execute = || {
            let (mut command, report) =
                self.command(Work::Stage(stage), Wires::INTACT, Plan::Nothing)?;
            command.env("RUN_ID", run).env("YEARS", listed(years));
            Ok::<_, anyhow::Error>(trace::run(&mut command, &report, PATIENCE)?.exit)
        };
        let mut exit = execute()?;
        // On a machine that other trials keep busy, a service may answer too late.
        if exit == Some(i32::from(Exit::Upstream.code())) {
            exit = execute()?;
        }
        ensure!(
            exit == Some(0),
            "{stage} of the {run} run ends with {exit:?}: {}",
            self.last_words()
        );
        Ok(())
    }

    /// Executes `work` once; with `kill`, until the victim is killed before the effect of that number.
    pub(crate) fn execute(
        &self,
        work: Work,
        wires: Wires<'_>,
        kill: Option<(usize, Victim)>,
    ) -> anyhow::Result<Traced> {
        if let Some((
            service,
            Drawn {
                fault: Some(fault), ..
            },
        )) = wires.fault
        {
            match (service, &self.storage) {
                (Service::Portal, _) => self.portal.fault(fault.clone()),
                (_, Storage::Cloud(cloud)) => cloud.proxy(service).fault(fault.clone()),
                (_, Storage::Local(_)) => {}
            }
        }
        let plan = kill.map_or(Plan::Nothing, |(number, victim)| Plan::Kill(number, victim));
        let (mut command, report) = self.command(work, wires, plan)?;
        let traced = trace::run(&mut command, &report, PATIENCE);
        self.portal.clear_faults();
        if let Storage::Cloud(cloud) = &self.storage {
            cloud.proxy(Service::Storage).clear_faults();
            cloud.proxy(Service::Warehouse).clear_faults();
        }
        traced.with_context(|| format!("{work}: {}", self.last_words()))
    }

    /// Executes `work` once, which waits before each effect until `look` returns.
    pub(crate) fn watch(
        &self,
        work: Work,
        look: impl FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<Traced> {
        let (mut command, report) = self.command(work, Wires::INTACT, Plan::Pause)?;
        trace::watch(&mut command, &report, look)
    }

    /// Returns the numbers of requests to a service, and of those that a fault broke, so far.
    pub(crate) fn requests(&self, service: Service) -> (usize, u32) {
        match (service, &self.storage) {
            (Service::Portal, _) => (self.portal.requests().len(), self.portal.broken()),
            (_, Storage::Cloud(cloud)) => {
                let proxy = cloud.proxy(service);
                (proxy.requests().len(), proxy.broken())
            }
            (_, Storage::Local(_)) => (0, 0),
        }
    }

    /// Saves the state in which `work` comes next.
    pub(crate) fn save(&self, work: Work) -> anyhow::Result<Saved> {
        let kept = match &self.storage {
            Storage::Local(local) => Kept::Directory(local.save(&work.to_string())),
            Storage::Cloud(cloud) => Kept::Objects(cloud.objects()?),
        };
        Ok(Saved { work, kept })
    }

    /// Returns to a saved state.
    pub(crate) fn restore(&self, saved: &Saved) -> anyhow::Result<()> {
        match (&self.storage, &saved.kept) {
            (Storage::Local(local), Kept::Directory(copy)) => local.restore(copy),
            (Storage::Cloud(cloud), Kept::Objects(objects)) => {
                cloud.restore(objects)?;
                match saved.work {
                    Work::Stage(Stage::Extract | Stage::Transform) => Ok(()),
                    Work::Stage(Stage::Load) | Work::Run => {
                        cloud.remove_tables()?;
                        self.finish(EARLIER_RUN, Stage::Load, &[REPUBLISHED])
                    }
                    Work::Stage(Stage::Dbt) => {
                        cloud.remove_marts()?;
                        self.finish(RUN, Stage::Load, &[NEW, REPUBLISHED])
                    }
                }
            }
            _ => Ok(()),
        }
    }

    /// Copies what is on this machine, for a look at it while a job works.
    pub(crate) fn look(&self) -> anyhow::Result<&FilePath> {
        match &self.storage {
            Storage::Local(local) => local.look(),
            Storage::Cloud(_) => bail!("services cannot be copied while a job works"),
        }
    }

    /// Reads the state that `work` leaves.
    pub(crate) fn state(&self, work: Work) -> anyhow::Result<State> {
        self.state_in(&self.data(), work)
    }

    /// The same, of the data of this home or a copy of them. Services have no copies.
    pub(crate) fn state_in(&self, data: &FilePath, work: Work) -> anyhow::Result<State> {
        let mut state = match &self.storage {
            Storage::Local(local) => local.state(data)?,
            Storage::Cloud(cloud) => match work.last_stage() {
                // They do not know the warehouse, which is not put back for them.
                Stage::Extract | Stage::Transform => cloud.state_of_lake()?,
                Stage::Load | Stage::Dbt => cloud.state()?,
            },
        };
        let of_runs = |key: &str| ["runs/", "lineage/"].iter().any(|own| key.starts_with(own));
        state.lake.retain(|key, _| !of_runs(key));
        if let Some(docs) = state.site.get_mut("docs/index.html") {
            // dbt writes its clock into them.
            docs.clear();
        }
        let feeds = state.site.iter_mut();
        for (_, feed) in feeds.filter(|(path, _)| path.starts_with("feeds/")) {
            // What a publication corrects has its time.
            let text = String::from_utf8_lossy(feed);
            let lines = text.lines().filter(|line| !line.contains("<updated>"));
            *feed = lines.collect::<String>().into_bytes();
        }
        if let Some(catalog) = state.site.get_mut(CATALOG) {
            let mut fields: Value = serde_json::from_slice(catalog).context(CATALOG)?;
            fields["run"].take();
            *catalog = serde_json::to_vec(&fields)?;
            if work == Work::Run
                && let Some(fingerprint) = fields["fingerprint"].as_str()
            {
                leave_out(fingerprint, &mut state.site);
            }
        }
        if work == Work::Run {
            state.lake.retain(|key, _| !key.starts_with("marts/"));
            if let Some(record) = state.tables.get_mut(RECORD) {
                // The number of rows is left.
                record[1].take();
            }
        }
        Ok(state)
    }

    /// Returns the rows of a query that both warehouses understand, of the data of this home or a copy of them; `None` before
    /// the first load.
    pub(crate) fn query_in(&self, data: &FilePath, sql: &str) -> anyhow::Result<Option<Value>> {
        match &self.storage {
            Storage::Local(local) => local.query(data, sql),
            Storage::Cloud(cloud) => cloud.query(sql).map(Some),
        }
    }

    /// Returns the directory whose changes are effects. In the cloud it stays empty.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Returns the traced command that executes `work`, and where the tracer's report will be.
    fn command(
        &self,
        work: Work,
        wires: Wires<'_>,
        plan: Plan,
    ) -> anyhow::Result<(Command, PathBuf)> {
        let execution = self.executions.fetch_add(1, Ordering::Relaxed);
        let name = match work {
            Work::Stage(Stage::Extract) => "extract-job",
            Work::Stage(Stage::Transform) => "transform-job",
            Work::Stage(Stage::Load) => "load-job",
            Work::Stage(Stage::Dbt) => "dbt-runner",
            Work::Run => "local-workflow",
        };
        let log_path = self.log_of(execution);
        let report = log_path.with_extension("traced.json");
        let mut command = Command::new(executable("tracer")?);
        trace::set(&mut command, &report, &self.data(), plan);
        command.arg(executable(name)?).env_clear();
        for kept in ["PATH", "HOME", "LD_LIBRARY_PATH"] {
            if let Some(value) = env::var_os(kept) {
                command.env(kept, value);
            }
        }
        let log = File::create(log_path)?;
        command
            .stdout(log.try_clone()?)
            .stderr(log)
            .env("TMPDIR", self.directory.path().join("temporary"))
            .env("YEARS", listed(&[NEW, REPUBLISHED]))
            .env("FSA_URL", self.portal.fsa_url())
            .env("DUCKDB_LIBRARY", variable("DUCKDB_LIBRARY"))
            .env("DBT_EXECUTABLE", variable("DBT_EXECUTABLE"));
        if let Some(project) = &self.project {
            command.env("DBT_PROJECT_DIR", project.path());
        }
        let is_down = |service| match wires.fault {
            Some((broken, Drawn { fault: None, .. })) => service == broken,
            _ => false,
        };
        let portal = if is_down(Service::Portal) {
            NOBODY
        } else {
            self.portal.url()
        };
        if work == Work::Run {
            command.env("SOURCE", portal);
        } else {
            command
                .env("LOG_FORMAT", "json")
                .env("RUN_ID", RUN)
                .env("CLOUD_RUN_EXECUTION", format!("execution-{execution}"))
                .env("PORTAL_URL", portal)
                .env("PORTAL_HOSTS", "127.0.0.1,127.0.0.2");
        }
        match &self.storage {
            Storage::Local(local) => local.set(work, &mut command),
            Storage::Cloud(cloud) => cloud.set(work, &is_down, &mut command),
        }
        Ok((command, report))
    }

    fn log_of(&self, execution: u32) -> PathBuf {
        let logs = self.directory.path().join("logs");
        logs.join(format!("{execution}.jsonl"))
    }

    /// Returns the end of the latest log, for a report.
    pub(crate) fn last_words(&self) -> String {
        let latest = self.executions.load(Ordering::Relaxed).saturating_sub(1);
        let log = fs::read_to_string(self.log_of(latest)).unwrap_or_default();
        let is_cause = |line: &&str| line.contains("\"cause\"");
        let line = log.lines().rfind(is_cause).or(log.lines().last());
        let event: Value = serde_json::from_str(line.unwrap_or_default()).unwrap_or_default();
        match event["cause"].as_str() {
            Some(cause) => cause.to_owned(),
            None => line.unwrap_or("no log").to_owned(),
        }
    }
}

/// An address where nobody listens: port 9 is reserved for a service that no machine has today (RFC 863).
const NOBODY: &str = "http://127.0.0.1:9";

/// Takes the fingerprint of the marts out of the texts of objects. The ids of the runs that loaded the data are a part of it,
/// and local-workflow takes them from the clock.
fn leave_out(fingerprint: &str, objects: &mut BTreeMap<String, Vec<u8>>) {
    for content in objects.values_mut() {
        if let Ok(text) = str::from_utf8(content) {
            *content = text.replace(fingerprint, "").into_bytes();
        }
    }
}

fn listed(years: &[i16]) -> String {
    let years = years.iter().map(ToString::to_string);
    years.collect::<Vec<_>>().join(",")
}

/// Returns the path of an executable of the workspace, in the folder of this one or, for a test, above it.
fn executable(name: &str) -> anyhow::Result<PathBuf> {
    let this = env::current_exe()?;
    let folders = this.ancestors().skip(1).take(2);
    let mut paths = folders.map(|folder: &FilePath| folder.join(name));
    paths.find(|path| path.is_file()).with_context(|| {
        format!(
            "{name} is not built beside {}: run `make chaos`",
            this.display()
        )
    })
}

/// Returns every file below `folder` by its path there; none if there is no such folder.
fn files(folder: &FilePath) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        if !inner.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&inner)? {
            let path = entry?.path();
            let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
            // Temporary files, which nobody reads.
            if path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
            {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(found)
}
