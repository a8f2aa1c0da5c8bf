//! Test helpers (feature `testing`): jobs as processes, each test with its own lake.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::fingerprint::{Digest, Fingerprint, Measured};
use crate::key::Key;
use crate::manifest::{self, Encoding, Object, RawManifest, Source, Version};
use crate::partition::Partition;

/// A lake in a temporary directory, removed when dropped.
pub struct TestLake(TempDir);

impl Default for TestLake {
    fn default() -> Self {
        Self(tempfile::tempdir().expect("temporary directory"))
    }
}

impl TestLake {
    /// Returns the value of `LAKE_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Returns the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the key and digest of every object whose key starts with `prefix`.
    #[must_use]
    pub fn objects(&self, prefix: &str) -> BTreeMap<String, Digest> {
        digests_below(self.path(), prefix)
    }

    /// Returns the objects under `prefix` that end in `manifest.json`, parsed, by key.
    #[must_use]
    pub fn manifests(&self, prefix: &str) -> BTreeMap<String, Value> {
        let keys = self.objects(prefix).into_keys();
        keys.filter(|key| key.ends_with("manifest.json"))
            .map(|key| {
                let json = fs::read(self.path().join(&key)).expect("readable manifest");
                (key, serde_json::from_slice(&json).expect("JSON manifest"))
            })
            .collect()
    }

    /// Returns the events of lineage that a run has recorded, by object.
    #[must_use]
    pub fn lineage(&self, run: &str) -> BTreeMap<String, Vec<Value>> {
        let folder = format!("lineage/{run}/");
        let objects = self.objects(&folder).into_keys();
        objects
            .map(|key| {
                let text = fs::read_to_string(self.path().join(&key)).expect("readable events");
                let events = text
                    .lines()
                    .map(|line| serde_json::from_str(line).expect("JSON"));
                (key[folder.len()..].to_owned(), events.collect())
            })
            .collect()
    }

    /// Returns the job, state and run of each event of lineage that a run has recorded, in order.
    #[must_use]
    pub fn lineage_states(&self, run: &str) -> Vec<[String; 3]> {
        let events = self.lineage(run).into_values().flatten();
        events
            .map(|event| {
                let fields = [
                    &event["job"]["name"],
                    &event["eventType"],
                    &event["run"]["runId"],
                ];
                fields.map(|field| field.as_str().expect("text").to_owned())
            })
            .collect()
    }

    /// Stores `bytes` as extract would, as the object `name` of `partition`, last changed on that day. Returns the raw
    /// manifest's key.
    #[must_use]
    pub fn put_raw(
        &self,
        partition: Partition,
        name: &str,
        last_modified: &str,
        bytes: &[u8],
    ) -> Key {
        let source = Source {
            url: format!("https://portal.test/{name}"),
            resource_id: Some(format!("resource-{partition}")),
            last_modified: Some(last_modified.to_owned()),
            stated_size_bytes: None,
            generated: false,
        };
        let content = Measured::of(bytes);
        let key = RawManifest::object_key(partition, &content.sha256, name).expect("valid key");
        let feeds = bytes.split(|&byte| byte == b'\n').count() as u64;
        let manifest = RawManifest {
            manifest: Version::V1,
            partition,
            download_sha256: content.sha256.clone(),
            download_size_bytes: content.size_bytes,
            object: Object::of(key, content),
            lines: feeds - u64::from(bytes.is_empty() || bytes.ends_with(b"\n")),
            encoding: match std::str::from_utf8(bytes) {
                Ok(_) => Encoding::Utf8,
                Err(_) => Encoding::Windows1252,
            },
            source,
        };
        let key = RawManifest::key(partition, &manifest.object.sha256).expect("valid key");
        self.put(&manifest.object.key, bytes);
        self.put(&key, &manifest::to_json(&manifest));
        key
    }

    /// Stores `bytes` under `key`, overwriting any object.
    pub fn put(&self, key: &Key, bytes: &[u8]) {
        let path = self.path().join(key.as_str());
        fs::create_dir_all(path.parent().expect("keys have folders")).expect("folder");
        fs::write(path, bytes).expect("writable lake");
    }
}

/// A job to start as a process, with no environment but the given variables.
pub struct Job {
    command: Command,
}

impl Job {
    /// Returns the job whose executable is at `path`: `env!("CARGO_BIN_EXE_transform-job")`.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        let mut command = Command::new(path.as_ref());
        command.env_clear().env("LOG_FORMAT", "json");
        for kept in ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        Self { command }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    /// Runs it by `wrapper`, a command that takes another one as its last arguments.
    #[must_use]
    pub fn inside(self, mut wrapper: Command) -> Self {
        wrapper.arg(self.command.get_program()).env_clear();
        let set = |(name, value): (_, Option<_>)| Some((name, value?));
        wrapper.envs(self.command.get_envs().filter_map(set));
        Self { command: wrapper }
    }

    /// Runs it to completion.
    #[must_use]
    pub fn run(mut self) -> JobOutcome {
        let output = self.command.stdin(Stdio::null()).output();
        JobOutcome::read(&output.expect("the job starts"))
    }

    /// Starts it, for tests that kill it.
    #[must_use]
    pub fn spawn(mut self) -> Child {
        self.command.stdout(Stdio::null());
        self.started()
    }

    /// Starts it, for tests that read its log as it comes, from its standard output.
    #[must_use]
    pub fn spawn_logging(mut self) -> Child {
        self.command.stdout(Stdio::piped());
        self.started()
    }

    fn started(mut self) -> Child {
        self.command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the job starts")
    }
}

/// The exit code and logs of a job.
#[derive(Debug)]
pub struct JobOutcome {
    /// The exit code; -1 if a signal killed it.
    pub exit: i32,
    /// The log lines, in order.
    pub log: Vec<Value>,
    /// Standard error.
    pub stderr: String,
}

/// Formats the log, one line per event, and standard error.
impl fmt::Display for JobOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit {}", self.exit)?;
        for event in &self.log {
            writeln!(f, "{event}")?;
        }
        f.write_str(&self.stderr)
    }
}

impl JobOutcome {
    fn read(output: &Output) -> Self {
        let stdout = String::from_utf8_lossy(&output.stdout);
        let line = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not a JSON log line: {line}"))
        };
        Self {
            exit: output.status.code().unwrap_or(-1),
            log: stdout.lines().map(line).collect(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Returns the only event with this message.
    #[must_use]
    pub fn event(&self, message: &str) -> &Value {
        let mut found = self.log.iter().filter(|event| event["message"] == message);
        match (found.next(), found.next()) {
            (Some(event), None) => event,
            (first, _) => panic!(
                "{} events {message:?} in {self}",
                if first.is_some() { "several" } else { "no" }
            ),
        }
    }

    /// Checks that the job succeeded and returns its `stage finished` event.
    pub fn finished(&self) -> &Value {
        assert_eq!(self.exit, 0, "{self}");
        self.event("stage finished")
    }

    /// Checks that the job failed with `exit` and returns the logged cause.
    pub fn failed(&self, exit: i32) -> &str {
        assert_eq!(self.exit, exit, "{self}");
        self.event("stage failed")["cause"]
            .as_str()
            .expect("a cause")
    }
}

/// Returns the environment variable that the Makefile sets for tests.
#[must_use]
pub fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `make test`"))
}

/// Returns how often a race is run: `ROUNDS`, which `make chaos` sets, or twice.
#[must_use]
pub fn rounds() -> usize {
    let rounds = std::env::var("ROUNDS").ok();
    rounds.map_or(2, |rounds| rounds.parse().expect("ROUNDS is a number"))
}

/// Holds the descriptions and feeds of the site in a directory against the validators of their communities, and returns
/// what they found: `tests/readers/descriptions.py`.
#[must_use]
pub fn validated_descriptions(site: &Path) -> Value {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/readers/descriptions.py"
    );
    let output = Command::new(variable("CONSUMERS_PYTHON"))
        .arg(script)
        .arg(site)
        .output()
        .expect("Python");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Returns the digest of every file below `folder` whose relative path starts with `prefix`, without hidden ones.
fn digests_below(folder: &Path, prefix: &str) -> BTreeMap<String, Digest> {
    let mut digests = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(below) = folders.pop() {
        let Ok(entries) = fs::read_dir(&below) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("directory entry").path();
            let relative = path.strip_prefix(folder).expect("below the folder");
            let key = relative.to_string_lossy().into_owned();
            if key.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if key.starts_with(prefix) {
                let bytes = fs::read(&path).expect("readable file");
                digests.insert(key, Digest::of(&bytes));
            }
        }
    }
    digests
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Returns a copy of the dbt project with seven marts and `more`, and without most tests, parsed for `target`: for tests that
/// build often and for which it does not matter what. The marts of months, days and years are built by year; the ranking
/// and the trends compare what these have.
#[must_use]
pub fn project_of_few_marts(target: &str, more: &[&str]) -> TempDir {
    const MARTS: [&str; 7] = [
        "fct_service_requests",
        "requests_by_day",
        "requests_by_month_type_fsa",
        "requests_by_month_type_ward",
        "requests_by_ward",
        "type_trends",
        "types_by_year",
    ];
    const OF_MARTS: &str = "      +schema: marts\n";
    let copy = tempfile::tempdir().expect("temporary directory");
    let project = copy.path();
    copy_folder(Path::new(&variable("DBT_PROJECT_DIR")), project);
    fs::remove_dir_all(project.join("target")).ok();
    for entry in fs::read_dir(project.join("tests")).expect("tests") {
        let path = entry.expect("entry").path();
        if path.is_file() {
            fs::remove_file(path).expect("removed");
        }
    }
    let settings = project.join("dbt_project.yml");
    let mut text = fs::read_to_string(&settings).expect("dbt_project.yml");
    let place = text.find(OF_MARTS).expect("the configuration of marts") + OF_MARTS.len();
    let enabled = MARTS.iter().chain(more);
    let enabled = enabled.map(|mart| format!("      {mart}: {{+enabled: true}}\n"));
    let enabled = enabled.collect::<Vec<_>>().concat();
    text.insert_str(place, &format!("      +enabled: false\n{enabled}"));
    text.push_str("exposures: {toronto_311: {+enabled: false}}\n");
    text.push_str("data_tests: {toronto_311: {+enabled: false, staging: {+enabled: true}}}\n");
    fs::write(&settings, text).expect("written");
    copy_folder(&parsed(project, target), &project.join("target"));
    copy
}

/// Returns the target directory of the same dbt project, parsed for `target`. The first test that asks for it parses it,
/// which takes as long as a build, in a folder that stays, because what dbt parsed names the files of seeds.
fn parsed(project: &Path, target: &str) -> PathBuf {
    let content = format!("{:?}", digests_below(project, ""));
    let name = Fingerprint::of(&[target, &content]);
    let folder = Path::new(&variable("LOCAL_DIR"))
        .join("dbt-projects")
        .join(name.as_str());
    fs::create_dir_all(&folder).expect("folder");
    let lock = File::create(folder.join("lock")).expect("lock");
    lock.lock().expect("locked");
    let output = folder.join("target");
    if !output.join(target).join("partial_parse.msgpack").exists() {
        copy_folder(project, &folder);
        // dbt reads `DBT_PROJECT_DIR` as well.
        let outcome = Command::new(variable("DBT_EXECUTABLE"))
            .args(["--quiet", "--log-level-file", "none", "parse"])
            .args(["--target", target, "--target-path"])
            .arg(output.join(target))
            .env("DBT_PROJECT_DIR", &folder)
            .env("DBT_PROFILES_DIR", &folder)
            .env("DBT_LOG_PATH", &output)
            .env("DO_NOT_TRACK", "1")
            .output()
            .expect("dbt");
        assert!(outcome.status.success(), "{outcome:?}");
    }
    output
}

/// Returns the folder with the seeds of a fuzz target.
#[must_use]
pub fn fuzz_corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../dev/fuzz/corpus")
        .join(target)
}

/// Calls `check` with the content of every file in `folder`; a panic names the file.
pub fn replay(folder: &Path, check: impl Fn(&[u8])) {
    let entries: Vec<_> = fs::read_dir(folder).expect("folder").collect();
    assert!(!entries.is_empty(), "{} is empty", folder.display());
    for entry in entries {
        let path = entry.expect("entry").path();
        let bytes = fs::read(&path).expect("file");
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| check(&bytes)));
        assert!(outcome.is_ok(), "{}", path.display());
    }
}

/// Returns the folder of fixtures.
#[must_use]
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

/// Returns rows and boundaries as the City published them: `service-requests/SR2024.csv` and `boundaries/*.geojson`.
#[must_use]
pub fn city_files() -> PathBuf {
    fixtures().join("city")
}
