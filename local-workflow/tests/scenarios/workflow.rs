//! What a person sees of `make run` and `make replay`.

use std::net::TcpListener;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::pipeline::from_make;

/// A directory that runs keep their state in.
struct Machine {
    directory: TempDir,
    port: u16,
}

impl Machine {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            directory: tempfile::tempdir().unwrap(),
            port: listener.local_addr().unwrap().port(),
        }
    }

    fn workflow(&self, variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_local-workflow"))
            .env_clear()
            .env("PATH", from_make("PATH"))
            .env("LOCAL_DIR", self.directory.path())
            .env("SAMPLE_PORT", self.port.to_string())
            .env("SAMPLE_YEARS", "2018,2025")
            .env("SAMPLE_ROWS", "2000")
            .env("DUCKDB_LIBRARY", from_make("DUCKDB_LIBRARY"))
            .env("DBT_EXECUTABLE", from_make("DBT_EXECUTABLE"))
            .env("DBT_PROJECT_DIR", from_make("DBT_PROJECT_DIR"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// What the workflow said on a run that went well.
    fn run(&self, variables: &[(&str, &str)]) -> String {
        let output = self.workflow(variables);
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{errors}");
        said
    }
}

/// The words of the line of `text` that begins with `name`.
fn line<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let found = text
        .lines()
        .find(|line| line.trim_start().starts_with(name));
    let found = found.unwrap_or_else(|| panic!("no line of {name} in:\n{text}"));
    found.split_whitespace().collect()
}

#[test]
fn a_run_is_summed_up_and_the_next_one_finds_nothing_new() {
    let machine = Machine::new();
    let first = machine.run(&[]);
    assert_eq!(
        line(&first, "all years")[2..],
        ["4,000", "3,988", "145", "12"]
    );
    assert_eq!(line(&first, "quarantined: no_ward_and_no_fsa")[2], "12");
    assert_eq!(line(&first, "city-wards")[1..3], ["25", "25"]);
    assert!(line(&first, "marts.requests_by_ward")[1] != "0");
    assert!(first.contains("4 of 4 partitions are new."), "{first}");

    let second = machine.run(&[]);
    assert!(second.contains("Nothing new"), "{second}");
    let unchanged = ["2018", "2025", "city-wards", "marts.requests_by_ward"];
    for name in unchanged {
        let of = |text| line(text, name)[..2].join(" ");
        assert_eq!(of(&first), of(&second));
    }
}

#[test]
fn a_run_on_emulators_makes_what_a_local_one_makes() {
    let told = |variables: &[(&str, &str)]| {
        let said = Machine::new().run(variables);
        let tables = [
            "2018",
            "2025",
            "all years",
            "quarantined",
            "city-wards",
            "marts.",
        ];
        let lines = said.lines().map(str::trim);
        let lines = lines.filter(|line| tables.iter().any(|table| line.starts_with(table)));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let installed = from_make("EMULATORS_DIR");
    let in_the_cloud = told(&[("CLOUD", "emulator"), ("EMULATORS_DIR", &installed)]);
    assert_eq!(in_the_cloud, told(&[]));
    assert!(in_the_cloud.len() > 15, "{in_the_cloud:?}");
}

#[test]
fn a_stage_is_replayed_for_one_year() {
    let machine = Machine::new();
    machine.run(&[]);
    let said = machine.run(&[("STAGE", "transform"), ("YEARS", "2018")]);
    let finished = said.lines().find(|line| line.contains("stage finished"));
    let event: serde_json::Value = serde_json::from_str(finished.unwrap()).unwrap();
    assert_eq!(event["stage"], "transform");
    assert_eq!(event["found"], 0);
    assert!(!said.contains("\"partition\":\"2025\""), "{said}");
    let next = machine.run(&[]);
    assert!(next.contains("Nothing new"), "{next}");
}

#[test]
fn a_wrong_setting_is_told_in_one_line() {
    let machine = Machine::new();
    let refused = |variables: &[(&str, &str)], expected: &str| {
        let output = machine.workflow(variables);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(10), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains(expected), "{errors}");
    };
    refused(
        &[("STAGE", "clean")],
        "give extract, transform, load or dbt",
    );
    refused(&[("STAGE", "load")], "`make run` first");
    refused(&[("SAMPLE_YEARS", "soon")], "SAMPLE_YEARS");
    refused(&[("SAMPLE_FILES", "/nowhere")], "/nowhere");
}
