//! Reads the pipeline's output with programs that share no code with it.

use std::env;
use std::io::Seek as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use shared::contract::{Contract, Table};
use shared::testing::{TestLake, variable};

/// Returns the output of `readers.py` for `arguments`.
pub(crate) fn run_reader(arguments: &[&str]) -> Value {
    run_python_reader("readers.py", arguments)
}

/// Returns the output of the program `name` for `arguments`.
pub(crate) fn run_python_reader(name: &str, arguments: &[&str]) -> Value {
    let script = format!("{}/readers/{name}", env!("CARGO_MANIFEST_DIR"));
    answer(
        Command::new(variable("READERS_PYTHON"))
            .arg(script)
            .args(arguments),
    )
}

/// Returns the output of `oracle.py` for `arguments`.
pub(crate) fn oracle(arguments: &[&str]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/readers/oracle.py");
    answer(
        Command::new(variable("READERS_PYTHON"))
            .arg(script)
            .args(arguments),
    )
}

/// Returns the output of a script in JavaScript beside `readers.py`.
pub(crate) fn run_node_reader(script: &str, arguments: &[&str]) -> Value {
    let script = format!("{}/readers/{script}", env!("CARGO_MANIFEST_DIR"));
    answer(Command::new("node").arg(script).args(arguments))
}

/// Returns the output of the program `name` for `arguments`, with what users of the published data install.
pub(crate) fn run_consumer(name: &str, arguments: &[&str]) -> Value {
    let script = format!("{}/readers/{name}", env!("CARGO_MANIFEST_DIR"));
    let python = variable("CONSUMERS_PYTHON");
    // DuckDB's extensions are installed in this home.
    let home = Path::new(&python).ancestors().nth(2).unwrap();
    answer(
        Command::new(&python)
            .env("HOME", home)
            .arg(script)
            .args(arguments),
    )
}

/// Returns what the communities' validators find wrong in the descriptions of a release: the output of `release.py`.
pub(crate) fn wrong_in_release(folder: &Path) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/readers/release.py");
    let python = variable("RELEASES_PYTHON");
    answer(Command::new(python).arg(script).arg(folder))["wrong"].take()
}

/// Returns the emulators' data as seen by Google's own clients: the output of `cloud_readers.py` for `arguments`.
pub(crate) fn run_cloud_reader(arguments: &[&str]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/readers/cloud_readers.py");
    let python = variable("EMULATORS_DIR") + "/bin/python";
    answer(Command::new(python).arg(script).args(arguments))
}

/// Returns the emulators' data as seen by Google's command-line tools: the output of `google_tools.py` for `arguments`.
pub(crate) fn run_google_tools(arguments: &[&str]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/readers/google_tools.py");
    let python = variable("EMULATORS_DIR") + "/bin/python";
    answer(Command::new(python).arg(script).args(arguments))
}

/// Returns the number of rows of Parquet files by path, as seen by two Java readers: the output of `JavaReaders.java`.
/// `None` unless `PARQUET_JARS` has a directory of their classes: `README.md`.
pub(crate) fn run_java_readers<'a>(files: impl Iterator<Item = &'a Path>) -> Option<Value> {
    let jars = env::var("PARQUET_JARS").ok()?;
    let output = Command::new("java")
        .args(["-cp", &format!("{jars}/*")])
        .arg("--add-opens=java.base/sun.nio.ch=ALL-UNNAMED")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/readers/JavaReaders.java"
        ))
        .args(files)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    // The libraries log to the standard output as well.
    let lines = String::from_utf8_lossy(&output.stdout);
    let json = lines.lines().find(|line| line.starts_with('{'));
    Some(serde_json::from_str(json.unwrap_or_else(|| panic!("{lines}{errors}"))).unwrap())
}

/// Holds what a whole run left in the directory `record` against Google's own analyser and evaluator of SQL:
/// `googlesql/README.md`.
pub(crate) fn check_with_googlesql(record: &Path) {
    let output = Command::new(variable("GOOGLESQL_PYTHON"))
        .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/googlesql"))
        .arg("--record")
        .arg(record)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
}

/// Returns how two first loads of one partition, and other rivals, end in all orders of their statements: the output of
/// `interleavings.py`.
pub(crate) fn interleavings(loads: &[Value]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/readers/interleavings.py");
    let tables: Vec<String> = Contract::all_tables().map(Table::duckdb_ddl).collect();
    let input = tempfile::tempfile().unwrap();
    serde_json::to_writer(&input, &json!({"tables": tables, "loads": loads})).unwrap();
    (&input).rewind().unwrap();
    let python = variable("EMULATORS_DIR") + "/bin/python";
    answer(Command::new(python).arg(script).stdin(input))
}

/// Returns how often the compiled query of the unusual months lists simulated ones: the output of `unusual_months.py`.
pub(crate) fn rates_of_unusual_months(query: &Path) -> Value {
    run_python_reader("unusual_months.py", &[query.to_str().unwrap()])
}

/// Returns how often the compiled queries of the curves and times to close are wrong: the output of `closing_times.py`.
pub(crate) fn rates_of_closing_times(curve: &Path, times: &Path) -> Value {
    let queries = [curve, times].map(|query| query.to_str().unwrap());
    run_python_reader("closing_times.py", &queries)
}

fn answer(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns the rows of a query on a DuckDB file.
pub(crate) fn query(warehouse: &Path, sql: &str) -> Value {
    run_reader(&["query", warehouse.to_str().unwrap(), sql])["rows"].take()
}

/// Returns the rows of a query on files only.
pub(crate) fn query_files(sql: &str) -> Value {
    run_reader(&["query", ":memory:", sql])["rows"].take()
}

/// Returns the content of a manifest's clean Parquet files according to three readers.
pub(crate) fn parquet(lake: &TestLake, manifest: &Value) -> Value {
    let files = manifest["files"].as_array().unwrap();
    let path = |file: &Value| {
        lake.path()
            .join(file["key"].as_str().unwrap())
            .to_str()
            .unwrap()
            .to_owned()
    };
    let paths: Vec<String> = files.iter().map(path).collect();
    let mut arguments = vec!["parquet"];
    arguments.extend(paths.iter().map(String::as_str));
    run_reader(&arguments)
}
