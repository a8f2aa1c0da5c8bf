//! Tests of the program as a process: on services that answer as expected, and on such that do not.

#![allow(clippy::unwrap_used, reason = "tests panic on errors")]

mod google;

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, thread};

use emulators::{Fault, FaultKind};
use serde_json::{Value, json};
use shared::testing::{project_of_few_marts, variable};

use google::{Difference, Google, refusal};

/// The output of the program.
struct Outcome {
    exit: i32,
    output: String,
}

/// Returns the program, which asks everything or `only` some parts.
fn command(google: &Google, only: &str) -> Command {
    static PROJECTS: AtomicU32 = AtomicU32::new(0);
    let number = PROJECTS.fetch_add(1, Ordering::Relaxed);
    let mut command = Command::new(env!("CARGO_BIN_EXE_smoke"));
    command
        .env("PROJECT", format!("smoke-{}-{number}", std::process::id()))
        .env("REGION", "northamerica-northeast1")
        .env("ONLY", only)
        .env("STORAGE_EMULATOR_HOST", &google.storage)
        .env("BIGQUERY_EMULATOR_HOST", &google.bigquery)
        .env("GOOGLE_EMULATOR_HOST", &google.others)
        .env("DBT_EXECUTABLE", variable("DBT_EXECUTABLE"))
        .env("DBT_PROJECT_DIR", variable("DBT_PROJECT_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program to its end, with further variables.
fn smoke(google: &Google, only: &str, variables: &[(&str, &str)]) -> Outcome {
    let scratch = tempfile::tempdir().unwrap();
    let credentials = scratch.path().join("credentials.json");
    fs::write(&credentials, json!({"type": "authorized_user"}).to_string()).unwrap();
    let mut command = command(google, only);
    command
        .env("GOOGLE_APPLICATION_CREDENTIALS", &credentials)
        .envs(variables.iter().copied());
    Outcome::of(command.spawn().unwrap())
}

impl Outcome {
    fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            exit: output.status.code().unwrap(),
            output: text(&output.stdout) + &text(&output.stderr),
        }
    }

    /// Returns the verdict and what was got of every row, with what it is about.
    fn rows(&self) -> Vec<[&str; 3]> {
        let rows = self.output.lines().filter_map(|line| {
            let cells: Vec<&str> = line
                .strip_prefix("| ")?
                .strip_suffix(" |")?
                .split(" | ")
                .collect();
            let [verdict, what, _, got] = cells[..] else {
                return None;
            };
            Some([verdict, what, got])
        });
        rows.collect()
    }

    /// Checks the verdict of a row, and that its answer contains `got`.
    fn has(&self, verdict: &str, what: &str, got: &str) {
        let rows = self.rows();
        let row = rows.iter().find(|row| row[1] == what);
        let row = row.unwrap_or_else(|| panic!("no row {what:?} in {}", self.output));
        assert!(
            row[0] == verdict && row[2].contains(got),
            "{row:?} in {}",
            self.output
        );
    }
}

const LOADS: [&str; 3] = [
    "load of a year's files",
    "load of a quarantine file",
    "load of a boundary file",
];

#[test]
fn every_answer_is_as_expected() {
    let google = Google::start(&[]);
    let project = project_of_few_marts("bigquery_emulator", &[]);
    let project = project.path().to_str().unwrap();
    // A role takes effect for one request and not yet for the next.
    google.fault(Fault::new("/upload/", no_role_yet()));
    let outcome = smoke(&google, "", &[("DBT_PROJECT_DIR", project)]);
    assert_eq!(outcome.exit, 0, "{}", outcome.output);
    let rows = outcome.rows();
    assert_eq!(rows.len(), 27, "{}", outcome.output);
    assert!(rows.iter().all(|row| row[0] == "ok"), "{}", outcome.output);
    outcome.has("ok", "dbt docs generate", " marts");

    // Nothing is left, and the project's own roles are kept.
    assert!(google.left().is_empty(), "{:?}", google.left());
    let owner = json!([{"role": "roles/owner", "members": ["user:operator@example.org"]}]);
    assert_eq!(google.project_roles(), owner);

    // What was asked is what Terraform deploys: terraform/tests compares some of it with the plan.
    let policies = google.alert_policies();
    assert!(
        policies.iter().all(|policy| policy["enabled"] == false),
        "{policies:?}"
    );
    let conditions: Vec<&Value> = policies
        .iter()
        .map(|policy| &policy["conditions"][0])
        .collect();
    let quarantine = conditions
        .iter()
        .find(|condition| condition["displayName"] == "Much in quarantine");
    let filter = &quarantine.unwrap()["conditionMatchedLog"]["filter"];
    assert_eq!(
        filter,
        "resource.type=\"cloud_run_job\" AND resource.labels.job_name=(\"dbt-runner\" OR \"extract-job\" OR \"load-job\" OR \
         \"transform-job\") AND jsonPayload.message=\"partition transformed\" AND jsonPayload.quarantinedPerMillion>10000"
    );
    let billed = conditions
        .iter()
        .find(|condition| condition["displayName"] == "Much billed by BigQuery");
    let billed = &billed.unwrap()["conditionPrometheusQueryLanguage"];
    assert!(
        billed["query"]
            .as_str()
            .unwrap()
            .ends_with("[1d])) > 107374182400"),
        "{billed}"
    );
    assert_eq!(billed["disableMetricValidation"], true);
    assert_eq!(google.filters().len(), 2);
}

#[test]
fn every_answer_may_differ() {
    let google = Google::start(&[
        Difference::Replaces,
        Difference::Overwrites,
        Difference::Deletes,
        Difference::RefusesFiles(&["quarantined_requests_2025", "city_wards_city-wards"]),
        Difference::ShowsJobs,
        Difference::NeverConflicts,
        Difference::RunsTwice,
        Difference::RefusesWorkflow,
        Difference::RefusesFilters,
    ]);
    let outcome = smoke(&google, "load,workflow,alerts", &[]);
    assert_eq!(outcome.exit, 20, "{}", outcome.output);
    let differs = |what, got| outcome.has("WRONG", what, got);
    differs(
        "transform-job creates the same objects again, with FORCE=1",
        "objects replaced",
    );
    differs("the account overwrites an object", "it was overwritten");
    differs("the account deletes an object", "it was deleted");
    outcome.has("ok", LOADS[0], "rows");
    differs(LOADS[1], "Parquet encoding is not supported");
    differs(LOADS[2], "Parquet encoding is not supported");
    differs(
        "a job of another identity has the name",
        "it may be read, not skipped",
    );
    differs("the transaction of a load", "exit code 20: BigQuery job");
    differs(
        "two processes load the same year at once",
        "another load of this partition came first",
    );
    differs(
        "a load beside another transaction",
        "it was not cancelled, load-job ends with exit code 0",
    );
    differs(
        "a transaction that changes what another changed since its snapshot",
        "it was not cancelled",
    );
    differs("terraform/workflow.yaml", "parse error");
    outcome.has(
        "not asked",
        "an execution from a stage that does not exist",
        "needs the deployed workflow",
    );
    differs("the filter of the metric failures", "Unparseable filter");
    differs("the alert policy \"Run failed\"", "Cannot find metric(s)");
    outcome.has("ok", "what the checks created is removed", "removed");
}

/// What one run cannot show, because a difference keeps other questions from being asked.
#[test]
fn other_answers_may_differ_too() {
    let google = Google::start(&[
        Difference::Executes,
        Difference::RefusesFiles(&["service_requests_2025"]),
    ]);
    let outcome = smoke(&google, "load,workflow", &[]);
    assert_eq!(outcome.exit, 20, "{}", outcome.output);
    outcome.has(
        "WRONG",
        "an execution from a stage that does not exist",
        "SUCCEEDED",
    );
    outcome.has("WRONG", LOADS[0], "Parquet encoding is not supported");
    outcome.has("ok", LOADS[2], "rows");
    outcome.has(
        "ok",
        "a job of another identity has the name",
        "403, skipped",
    );
}

#[test]
fn the_roles_of_the_jobs_may_not_suffice() {
    let google = Google::start(&[]);
    google.fault(Fault::new("/upload/", no_role_yet()).times(u32::MAX));
    let outcome = smoke(&google, "lake", &[("LIMIT_SECONDS", "30")]);
    assert_eq!(outcome.exit, 20, "{}", outcome.output);
    let what = "extract-job and transform-job write into the bucket";
    outcome.has("WRONG", what, "extract-job ends with exit code 10");
    outcome.has(
        "WRONG",
        what,
        "not allowed to create runs/smoke/extract-0-0.json",
    );
}

fn no_role_yet() -> FaultKind {
    let message = "toronto-311-smoke does not have storage.objects.create access";
    answers(403, &refusal(403, "forbidden", message))
}

/// dbt copies its assets into the docs, and a file is not a directory of assets.
#[test]
fn dbt_may_fail() {
    let google = Google::start(&[Difference::RefusesModel]);
    let copy = project_of_few_marts("bigquery_emulator", &[]);
    let file = copy.path().join("dbt_project.yml");
    let project = fs::read_to_string(&file).unwrap();
    fs::write(&file, project + "\nasset-paths: [dbt_project.yml]\n").unwrap();
    let project = copy.path().to_str().unwrap();
    let outcome = smoke(&google, "dbt", &[("DBT_PROJECT_DIR", project)]);
    assert_eq!(outcome.exit, 20, "{}", outcome.output);
    outcome.has("WRONG", "dbt docs generate", "dbt docs generate failed");
    let refused = "Unrecognized name: section at [3:5]";
    outcome.has("WRONG", "dbt build of a candidate", refused);
}

fn answers(status: u16, body: &Value) -> FaultKind {
    FaultKind::Answer {
        status,
        headers: Vec::new(),
        body: body.to_string(),
    }
}

/// <https://cloud.google.com/service-usage/docs/enabled-service>, <https://cloud.google.com/apis/design/errors#error_info>
#[test]
fn what_cannot_be_asked_is_not_wrong() {
    let google = Google::start(&[]);
    let mut disabled = refusal(
        403,
        "PERMISSION_DENIED",
        "Cloud Logging API has not been used in project 1 before or it is disabled.",
    );
    disabled["error"]["details"] = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}]);
    let forbidden = refusal(
        403,
        "PERMISSION_DENIED",
        "The caller does not have permission",
    );
    let unauthenticated = refusal(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials.",
    );
    for (target, kind) in [
        ("/logging.googleapis.com/", answers(403, &disabled)),
        ("/alertPolicies", answers(403, &forbidden)),
        ("/serviceAccounts", answers(401, &unauthenticated)),
    ] {
        google.fault(Fault::new(target, kind).times(u32::MAX));
    }
    let outcome = smoke(&google, "", &[]);
    assert_eq!(outcome.exit, 10, "{}", outcome.output);
    outcome.has(
        "not asked",
        "the filter of the metric stages",
        "has not been used",
    );
    outcome.has(
        "not asked",
        "the alert policy \"Run failed\"",
        "does not have permission",
    );
    outcome.has(
        "not asked",
        "a service account for the checks",
        "invalid authentication",
    );
    outcome.has(
        "not asked",
        "terraform/workflow.yaml",
        "needs the service account",
    );
    outcome.has("not asked", LOADS[1], "needs the objects");
    outcome.has(
        "not asked",
        "dbt build of a candidate",
        "needs the loaded tables",
    );
    for command in [
        "gcloud services enable logging.googleapis.com --project=smoke-",
        "--member=user:YOUR_ADDRESS --role=roles/monitoring.alertPolicyEditor",
        "gcloud auth application-default login",
    ] {
        assert!(
            outcome.output.contains(command),
            "{command} in {}",
            outcome.output
        );
    }
}

#[test]
fn a_service_that_does_not_answer_is_not_waited_for() {
    let google = Google::start(&[]);
    let silence = FaultKind::Delay(Duration::from_secs(20));
    google.fault(Fault::new("/v2/entries:list", silence));
    let outcome = smoke(&google, "alerts", &[("LIMIT_SECONDS", "1")]);
    assert_eq!(outcome.exit, 10, "{}", outcome.output);
    outcome.has(
        "not asked",
        "the filter of the metric stages",
        "no answer within 1 seconds",
    );
    outcome.has("ok", "the filter of the metric failures", "accepted");
    assert!(google.left().is_empty());
}

#[test]
fn what_cannot_be_removed_is_named() {
    let google = Google::start(&[]);
    let refusal = answers(
        403,
        &refusal(
            403,
            "PERMISSION_DENIED",
            "The caller does not have permission",
        ),
    );
    google.fault(Fault::new("/alertPolicies/2", refusal).method("DELETE"));
    let outcome = smoke(&google, "alerts", &[]);
    assert_eq!(outcome.exit, 20, "{}", outcome.output);
    outcome.has(
        "WRONG",
        "what the checks created is removed",
        "/alertPolicies/2 is left, remove it",
    );
    assert_eq!(google.left().len(), 1);
}

#[test]
fn what_was_created_without_an_answer_is_removed() {
    let google = Google::start(&[]);
    let lost = Fault::new("/alertPolicies", FaultKind::LoseAnswer).method("POST");
    google.fault(lost.after(1).times(2));
    let outcome = smoke(&google, "alerts", &[]);
    assert_eq!(outcome.exit, 10, "{}", outcome.output);
    assert_eq!(google.alert_policies().len(), 6);
    outcome.has("ok", "what the checks created is removed", "6 removed");
    assert!(google.left().is_empty(), "{:?}", google.left());
}

#[test]
fn an_interrupted_run_removes_what_it_created() {
    let google = Google::start(&[]);
    let delay = FaultKind::Delay(Duration::from_mins(1));
    let third = Fault::new("/alertPolicies", delay).method("POST").after(2);
    google.fault(third);
    let mut command = command(&google, "alerts");
    let running = command.spawn().unwrap();
    while google.left().len() < 2 {
        thread::sleep(Duration::from_millis(20));
    }
    let id = running.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
    let outcome = Outcome::of(running);
    assert_eq!(outcome.exit, 10, "{}", outcome.output);
    outcome.has("ok", "what the checks created is removed", "2 removed");
    assert!(outcome.output.contains("interrupted"), "{}", outcome.output);
    assert!(google.left().is_empty());
}

#[test]
fn wrong_settings_are_refused() {
    let google = Google::start(&[]);
    for (name, value, problem) in [
        ("PROJECT", "", "PROJECT is not set"),
        ("PROJECT", "My Project", "PROJECT is \"My Project\""),
        (
            "ONLY",
            "loads",
            "use some of lake, load, dbt, workflow, alerts",
        ),
        (
            "STORAGE_EMULATOR_HOST",
            "",
            "unset them to ask a real project",
        ),
    ] {
        let outcome = smoke(&google, "alerts", &[(name, value)]);
        assert_eq!(outcome.exit, 10, "{}", outcome.output);
        assert!(
            outcome.output.contains(problem),
            "{problem} in {}",
            outcome.output
        );
    }
}
