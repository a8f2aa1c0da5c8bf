//! Tests of the output of `make run` and `make replay`.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use sample_portal::{Fault, FaultKind, Portal, PortalConfig};
use serde_json::{Value, json};
use shared::testing::variable;
use tempfile::TempDir;

use crate::pipeline::executable;
use crate::readers::query;

/// A directory with the state of runs.
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
        self.workflow_of(&executable("local-workflow"), variables)
    }

    /// Executes a workflow with the jobs that are in its folder.
    fn workflow_of(&self, workflow: &Path, variables: &[(&str, &str)]) -> Output {
        Command::new(workflow)
            .env_clear()
            .env("PATH", variable("PATH"))
            .env("LOCAL_DIR", self.directory.path())
            .env("SAMPLE_PORT", self.port.to_string())
            .env("SAMPLE_YEARS", "2018,2025")
            .env("SAMPLE_TODAY", "2026-11-02")
            .env("SAMPLE_ROWS", "2000")
            .env("DUCKDB_LIBRARY", variable("DUCKDB_LIBRARY"))
            .env("DBT_EXECUTABLE", variable("DBT_EXECUTABLE"))
            .env("DBT_PROJECT_DIR", variable("DBT_PROJECT_DIR"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// Returns the output of a successful run.
    fn run(&self, variables: &[(&str, &str)]) -> String {
        let (code, printed, errors) = self.ends(variables);
        assert_eq!(code, 0, "{printed}\n{errors}");
        printed
    }

    /// Returns a run's exit code, output and errors.
    fn ends(&self, variables: &[(&str, &str)]) -> (i32, String, String) {
        let output = self.workflow(variables);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// Returns the rows of a query on the warehouse.
    fn query(&self, sql: &str) -> Value {
        query(&self.directory.path().join("warehouse.duckdb"), sql)
    }
}

/// Returns the variables of a run on `portal` that does not wait long for a host that is down.
fn impatient<'a>(portal: &'a Portal, fsa_url: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("SOURCE", portal.url()),
        ("FSA_URL", fsa_url),
        ("DOWNLOAD_TIMEOUT_SECONDS", "1"),
    ]
}

/// Returns the words of the line of `text` that starts with `name`.
fn line<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let found = text
        .lines()
        .find(|line| line.trim_start().starts_with(name));
    let found = found.unwrap_or_else(|| panic!("no line starts with {name} in:\n{text}"));
    found.split_whitespace().collect()
}

/// Returns the events with this message in the log that a run names at its end.
fn events(printed: &str, message: &str) -> Vec<Value> {
    let log = fs::read_to_string(line(printed, "log ")[1]).unwrap();
    let events = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["message"] == message).collect()
}

#[test]
fn a_run_is_summarized_and_the_next_one_finds_nothing_new() {
    let machine = Machine::new();
    let first = machine.run(&[]);
    let number = |word: &str| word.replace(',', "").parse::<u64>().unwrap();
    let all_years = line(&first, "all years");
    let [read, kept, _, quarantined] = [2, 3, 4, 5].map(|word| number(all_years[word]));
    assert_eq!((read, kept + quarantined), (4_000, 4_000));
    assert_eq!(line(&first, "city-wards")[1..3], ["25", "25"]);
    assert!(line(&first, "marts.requests_by_ward")[1] != "0");
    assert!(first.contains("4 of 4 partitions are new."), "{first}");
    let generated = "All service requests are synthetic: none of them are the City's.";
    assert!(first.contains(generated), "{first}");
    let readme = include_str!("../../README.md").split(".sql('").nth(1);
    let (documented, _) = readme.unwrap().split_once("')").unwrap();
    assert_eq!(machine.query(documented).as_array().unwrap().len(), 10);

    let second = machine.run(&[]);
    assert!(second.contains("Nothing new"), "{second}");
    let unchanged = ["2018", "2025", "city-wards", "marts.requests_by_ward"];
    for name in unchanged {
        let of = |text| line(text, name)[..2].join(" ");
        assert_eq!(of(&first), of(&second));
    }
}

#[test]
fn the_first_run_takes_three_publications_of_the_current_year() {
    let machine = Machine::new();
    let years = [("SAMPLE_YEARS", "2025,2026")];
    let first = machine.run(&years);
    let publications = |printed: &str| -> Vec<String> {
        let lines = printed
            .lines()
            .filter(|line| line.starts_with("Publication"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        publications(&first),
        [
            "Publication 8 of 2026",
            "Publication 9 of 2026",
            "Publication 10 of 2026, and all other years"
        ]
    );
    let loads = "select load_history.partition, count(*) from load_history where load_history.partition like '20%' group by 1 order by 1";
    assert_eq!(machine.query(loads), json!([["2025", 1], ["2026", 3]]));
    let changes = "select count(*) > 0 from status_changes";
    assert_eq!(machine.query(changes), json!([[true]]));
    assert_eq!(events(&first, "marts built").len(), 1, "{first}");

    // There is nothing to do: no publications, no downloads, no marts.
    let second = machine.run(&years);
    assert_eq!(publications(&second), [""; 0]);
    assert!(second.contains("Nothing new"), "{second}");
    for finished in events(&second, "stage finished") {
        assert_eq!(finished["produced"], 0, "{finished}");
    }
    assert_eq!(machine.query(loads), json!([["2025", 1], ["2026", 3]]));

    // A month later there is one more publication, which is the only one loaded.
    let later = machine.run(&[years[0], ("SAMPLE_TODAY", "2026-12-02")]);
    assert_eq!(
        publications(&later),
        ["Publication 11 of 2026, and all other years"]
    );
    assert_eq!(machine.query(loads)[1], json!(["2026", 4]));
}

#[test]
fn years_on_a_host_that_is_down_are_loaded_when_it_is_up() {
    let portal = Portal::start(PortalConfig {
        generated_years: (2010..=2026).collect(),
        rows_per_year: Some(200),
        today: Some("2026-11-02".parse().unwrap()),
        ..PortalConfig::default()
    })
    .unwrap();
    let machine = Machine::new();
    let fsa_url = portal.fsa_url();
    let source = impatient(&portal, &fsa_url);
    let loaded = || machine.query("select count(distinct source_year) from service_requests");
    let in_marts = || {
        machine.query("select count(distinct source_year) from marts.requests_by_month_type_ward")
    };

    portal.stop_file_host();
    let (code, printed, errors) = machine.ends(&source);
    assert_eq!(code, 30, "{printed}\n{errors}");
    assert_eq!(
        errors.trim(),
        "The run ends with exit code 30, because these failed: 2019 (by extract, exit code 30), 2020 (by extract, exit \
         code 30), 2021 (by extract, exit code 30); see above for the causes. `make run` tries again"
    );
    for year in ["2019", "2020", "2021"] {
        let refused = line(&printed, &format!("{year} by extract, exit code 30:"));
        assert!(
            refused.join(" ").contains(&format!("SR{year}.zip")),
            "{refused:?}"
        );
    }
    assert!(
        printed.contains("The extract stage is retried once."),
        "{printed}"
    );
    assert!(
        printed.contains("16 of 16 partitions are new, 3 refused."),
        "{printed}"
    );
    assert_eq!([loaded(), in_marts()], [json!([[14]]), json!([[14]])]);

    portal.start_file_host().unwrap();
    // The City's program does not find the resource of the current year, and makes another one.
    portal
        .rename(2026, "311 Service Requests 2026 (January to October)")
        .unwrap();
    portal.publish(2026, portal.publications(2026)).unwrap();
    let printed = machine.run(&source);
    assert!(printed.contains("3 of 19 partitions are new."), "{printed}");
    assert!(printed.contains("drift: duplicate_resource"), "{printed}");
    assert_eq!([loaded(), in_marts()], [json!([[17]]), json!([[17]])]);

    // A portal that does not even list the years is not a success without news: each loaded year is named.
    portal.fault(Fault::new("package_show", FaultKind::status(503)).times(u32::MAX));
    let (code, printed, errors) = machine.ends(&source);
    assert_eq!(code, 30, "{printed}\n{errors}");
    for year in 2010..=2026 {
        let named = format!("{year} (by extract, exit code 30)");
        assert!(errors.contains(&named), "{errors}");
    }
    assert!(
        !printed.contains("no year or boundary has changed"),
        "{printed}"
    );
}

/// A link may have changed, so that its year is not up to date as long as its host is down. What is loaded of it stays.
#[test]
fn a_loaded_year_on_a_host_that_is_down_is_listed_and_stays() {
    let portal = Portal::start(PortalConfig {
        generated_years: vec![2018, 2019, 2025],
        rows_per_year: Some(200),
        ..PortalConfig::default()
    })
    .unwrap();
    let machine = Machine::new();
    let fsa_url = portal.fsa_url();
    let source = impatient(&portal, &fsa_url);
    let years = || machine.query("select distinct source_year from service_requests order by 1");
    let refused = || machine.query("select source_year from marts.refused_publications");
    machine.run(&source);

    portal.stop_file_host();
    let (code, printed, errors) = machine.ends(&source);
    assert_eq!(code, 30, "{printed}\n{errors}");
    assert!(
        errors.contains("because these failed: 2019 (by extract, exit code 30);"),
        "{errors}"
    );
    assert_eq!(years(), json!([[2018], [2019], [2025]]));
    assert_eq!(refused(), json!([[2019]]));

    portal.start_file_host().unwrap();
    machine.run(&source);
    assert_eq!(years(), json!([[2018], [2019], [2025]]));
    assert_eq!(refused(), json!([]));
}

#[test]
fn a_year_that_violates_the_contract_is_listed_at_the_end() {
    let files = tempfile::tempdir().unwrap();
    let folder = files.path().join("service-requests");
    fs::create_dir(&folder).unwrap();
    let header = "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
                  Service Request Type,Division,Section\r\n";
    let row = "2024-01-01 00:01:05.0000000,Closed,M4C,,,Beaches-East York (19),Sinking Water Service,Toronto Water,\
               District Ops\r\n";
    let write = |header: &str| fs::write(folder.join("SR2024.csv"), format!("{header}{row}"));
    write(&header.replace("Status,", "")).unwrap();

    let machine = Machine::new();
    let variables = [
        ("SAMPLE_FILES", files.path().to_str().unwrap()),
        ("SAMPLE_YEARS", "2025"),
    ];
    let (code, printed, errors) = machine.ends(&variables);
    assert_eq!(code, 20, "{printed}\n{errors}");
    assert!(
        errors.starts_with(
            "The run ends with exit code 20, because these failed: 2024 (by transform, exit code 20);"
        ),
        "{errors}"
    );
    assert!(
        !printed.contains("retried once"),
        "no retry helps: {printed}"
    );
    let refused = line(&printed, "2024 by transform, exit code 20:").join(" ");
    assert!(refused.to_lowercase().contains("status"), "{refused}");
    assert!(
        printed.contains("3 of 3 partitions are new, 1 refused."),
        "{printed}"
    );

    // The same again, until it is fixed.
    let (code, printed, _) = machine.ends(&variables);
    assert_eq!(code, 20);
    assert!(printed.contains("Nothing new"), "{printed}");
    assert!(
        printed.contains("what did not fail has not changed since the last run, 1 refused."),
        "{printed}"
    );
    write(header).unwrap();
    let printed = machine.run(&variables);
    assert!(printed.contains("1 of 4 partitions are new."), "{printed}");
    assert!(
        printed.contains("Synthetic, and not the City's: 2025"),
        "{printed}"
    );
}

#[test]
fn a_run_on_emulators_has_the_same_result_as_a_local_one() {
    let summary_of = |variables: &[(&str, &str)]| {
        let printed = Machine::new().run(variables);
        let tables = [
            "2018",
            "2025",
            "all years",
            "quarantined",
            "city-wards",
            "marts.",
        ];
        let lines = printed.lines().map(str::trim);
        let lines = lines.filter(|line| tables.iter().any(|table| line.starts_with(table)));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let installed = variable("EMULATORS_DIR");
    let in_the_cloud = summary_of(&[("CLOUD", "emulator"), ("EMULATORS_DIR", &installed)]);
    assert_eq!(in_the_cloud, summary_of(&[]));
    assert!(in_the_cloud.len() > 15, "{in_the_cloud:?}");
}

#[test]
fn a_stage_is_replayed_for_one_year() {
    let machine = Machine::new();
    machine.run(&[]);
    let printed = machine.run(&[("STAGE", "transform"), ("YEARS", "2018")]);
    // The log of the run, with the replay at its end.
    let finished = events(&printed, "stage finished");
    let replayed = finished.last().unwrap();
    assert_eq!(replayed["stage"], "transform");
    assert_eq!(replayed["found"], 0);
    // 2018 and the boundaries, and no other year.
    assert_eq!(
        line(&printed, "transform")[3..],
        ["3", "new,", "0", "unchanged,", "2,121", "rows"]
    );
    let next = machine.run(&[]);
    assert!(next.contains("Nothing new"), "{next}");

    // As `make release` does: nothing is built again.
    let commit = "0".repeat(40);
    let release = [("STAGE", "dbt"), ("RELEASE", "latest"), ("COMMIT", &commit)];
    let printed = machine.run(&release);
    let frozen = events(&printed, "release frozen");
    assert_eq!(frozen[0]["release"], "2025Q4");
    let finished = events(&printed, "stage finished");
    assert_eq!(finished.last().unwrap()["found"], 1);
    let folder = machine.directory.path().join("site/releases/2025Q4");
    assert!(folder.join("SHA256SUMS").exists());
}

#[test]
fn a_killed_job_is_retried_and_is_not_reported_as_an_exit_code() {
    let machine = Machine::new();
    let folder = tempfile::tempdir().unwrap();
    let workflow = folder.path().join("local-workflow");
    fs::copy(executable("local-workflow"), &workflow).unwrap();
    let job = folder.path().join("extract-job");
    let script = "#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ > \"$0.environment\"\nkill -9 $$\n";
    fs::write(&job, script).unwrap();
    fs::set_permissions(&job, fs::Permissions::from_mode(0o755)).unwrap();
    let of_a_shell = [
        ("DBT_FULL_REFRESH", "1"),
        ("DBT_TARGET_DIR", "/nowhere"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere"),
        ("DOWNLOAD_TIMEOUT_SECONDS", "60"),
        ("NO_PROXY", "host.test"),
    ];
    let ended = machine.workflow_of(&workflow, &of_a_shell);
    assert_eq!(ended.status.code(), Some(30));
    let printed = String::from_utf8(ended.stdout).unwrap();
    let killed = "The extract stage was killed by signal 9 and handed nothing over.";
    assert!(printed.contains(killed), "{printed}");
    assert!(
        printed.contains("The extract stage is retried once."),
        "{printed}"
    );
    assert!(!printed.contains("exit code"), "{printed}");

    // The job had what Cloud Run gives it, and nothing else of the shell.
    let given = fs::read_to_string(folder.path().join("extract-job.environment")).unwrap();
    let names = given.lines().map(|line| line.split_once('=').unwrap().0);
    let names: BTreeSet<&str> = names.collect();
    let expected = [
        "CLOUD_RUN_EXECUTION",
        "CLOUD_RUN_JOB",
        "CLOUD_RUN_TASK_ATTEMPT",
        "CLOUD_RUN_TASK_COUNT",
        "CLOUD_RUN_TASK_INDEX",
        "DOWNLOAD_TIMEOUT_SECONDS",
        "FORCE",
        "FSA_URL",
        "LAKE_URL",
        "LOG_FORMAT",
        "NO_PROXY",
        "PATH",
        "PORTAL_URL",
        "RUN_ID",
        "YEARS",
    ];
    assert_eq!(names, expected.into());
}

#[test]
fn an_invalid_setting_is_reported_in_one_line() {
    let machine = Machine::new();
    let refused = |variables: &[(&str, &str)], expected: &str| {
        let output = machine.workflow(variables);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(10), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains(expected), "{errors}");
    };
    refused(&[("STAGE", "clean")], "use extract, transform, load or dbt");
    refused(&[("STAGE", "load")], "`make run` first");
    refused(&[("SAMPLE_YEARS", "soon")], "SAMPLE_YEARS");
    refused(&[("SAMPLE_FILES", "/nowhere")], "/nowhere");
    refused(&[("CLOUD", "moon")], "use emulator");
    // Emulators of nobody are never a bucket of Google.
    let of_google = [
        ("CLOUD", "running"),
        ("LAKE_URL", "gs://bucket"),
        ("WAREHOUSE_URL", "bigquery://project/dataset?location=US"),
        ("SITE_URL", "gs://site"),
    ];
    refused(&of_google, "STORAGE_EMULATOR_HOST is not set");
}
