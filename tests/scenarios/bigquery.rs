//! Behaviour specific to BigQuery: named jobs, and interference by other executions and network faults.

use std::thread;
use std::time::Duration;

use emulators::{Fault, FaultKind, Proxy, RequestLog, Service, google_error};
use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};
use shared::run::Stage;
use shared::testing::{Job, JobOutcome};
use shared::warehouse::bigquery::model::{JobConfiguration, JobConfigurationQuery};

use crate::pipeline::{Path, Pipeline, wait_until};
use crate::readers::interleavings;

fn portal() -> Portal {
    Portal::start(PortalConfig {
        generated_years: vec![2025],
        rows_per_year: Some(500),
        ..PortalConfig::default()
    })
    .unwrap()
}

/// Returns a pipeline with a clean year and a dataset without tables.
fn transformed_only(portal: &Portal) -> Pipeline {
    let pipeline = Pipeline::new(portal, Path::Cloud);
    for stage in [Stage::Extract, Stage::Transform] {
        pipeline.run(stage, "run").finished();
    }
    pipeline
}

/// Returns a pipeline with a clean year that is not loaded yet, and the proxy between load-job and BigQuery.
fn transformed(portal: &Portal) -> (Pipeline, Proxy) {
    let mut pipeline = transformed_only(portal);
    // The first load of a dataset creates tables and the lock.
    load_of(&pipeline, "clean/city-wards/").run().finished();
    let proxy = Proxy::start(Service::Proxy, pipeline.bigquery()).unwrap();
    pipeline.reach_bigquery_at(proxy.url());
    (pipeline, proxy)
}

/// Checks that every partition is loaded once, completely, and that no staging table is left.
fn is_loaded_once(pipeline: &Pipeline) {
    assert_eq!(
        pipeline
            .query("select load_history.partition, load_number from load_history order by 1, 2"),
        json!([
            ["2025", 1],
            ["city-wards", 1],
            ["forward-sortation-areas", 1]
        ])
    );
    assert_eq!(
        pipeline.query(
            "select (select count(*) from service_requests) + (select count(*) from quarantined_requests)"
        ),
        json!([[500]])
    );
    let tables = pipeline.tables();
    let names: Vec<&String> = tables.as_object().unwrap().keys().collect();
    assert!(
        !names.iter().any(|name| name.contains("staged_")),
        "{names:?}"
    );
}

/// The jobs of a load whose first one is refused: that one, and the one that records what the run spent.
const ONCE: usize = 2;

/// The jobs before the transaction of a year: for what the run observed, for its rows and for its quarantine.
const BEFORE_TRANSACTION: u32 = 3;

fn job_inserts(proxy: &Proxy) -> usize {
    let is_insert = |path: &str| {
        path.split('?')
            .next()
            .is_some_and(|path| path.ends_with("/jobs"))
    };
    let requests = proxy.requests();
    requests
        .iter()
        .filter(|request| request.method == "POST" && is_insert(&request.target))
        .count()
}

/// Returns a fault for inserts of jobs, from number `after` on.
fn of_job_inserts(after: u32, times: u32, kind: FaultKind) -> Fault {
    Fault::new("/jobs", kind)
        .method("POST")
        .after(after)
        .times(times)
}

/// Returns the outcome of a load that is held up by `delay` until a newer version of its year is loaded.
fn overtaken(portal: &Portal, pipeline: &Pipeline, proxy: &Proxy, delay: Fault) -> JobOutcome {
    portal.correct(2025);
    for stage in [Stage::Extract, Stage::Transform] {
        pipeline.run(stage, "newer").finished();
    }
    proxy.fault(delay);
    thread::scope(|scope| {
        let older = scope.spawn(|| pipeline.run(Stage::Load, "run"));
        wait_until(Duration::from_mins(1), "the load is not held up", || {
            proxy.is_through()
        });
        pipeline.run(Stage::Load, "newer").finished();
        older.join().unwrap()
    })
}

fn answer(body: &Value) -> FaultKind {
    FaultKind::Answer {
        status: 200,
        headers: Vec::new(),
        body: body.to_string(),
    }
}

fn failed_job(error: &Value) -> Value {
    let reference = json!({"projectId": "p", "jobId": "j", "location": "northamerica-northeast2"});
    let status = json!({"state": "DONE", "errorResult": error, "errors": [error]});
    json!({"jobReference": reference, "status": status})
}

/// The first ones of a dataset, which also create its tables and the row that transactions lock.
#[test]
fn two_concurrent_loads_are_one() {
    let portal = portal();
    let pipeline = transformed_only(&portal);
    pipeline.run_twice_at_once(Stage::Load, "run");
    is_loaded_once(&pipeline);
    assert_eq!(
        pipeline.query("select count(*) from load_lock"),
        json!([[1]])
    );
}

/// <https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid>: the job of a lost answer is found by its name.
#[test]
fn a_lost_answer_to_a_job_does_not_start_a_second_job() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    proxy.fault(of_job_inserts(0, 1, FaultKind::LoseAnswer));
    proxy.fault(of_job_inserts(3, 1, FaultKind::LoseAnswer));
    pipeline.run(Stage::Load, "run").finished();
    is_loaded_once(&pipeline);
    assert!(proxy.requests().iter().any(|request| request.status == 409));
}

/// Returns a load of the manifests below `prefix` only, listed by an operator.
fn load_of(pipeline: &Pipeline, prefix: &str) -> Job {
    let manifests = pipeline.copy_of_lake().manifests(prefix);
    let keys: Vec<&str> = manifests.keys().map(String::as_str).collect();
    let job = pipeline.job(Stage::Load, "run");
    job.env("MANIFESTS", keys.join(","))
}

/// `roles/bigquery.jobUser` reads only the jobs of the same account.
/// <https://cloud.google.com/bigquery/docs/access-control#bigquery.jobUser>
#[test]
fn a_job_that_cannot_be_read_is_not_adopted() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    proxy.fault(of_job_inserts(0, 1, google_error(409, "duplicate")));
    let hidden = Fault::new("/jobs/toronto_311_load_", google_error(403, "accessDenied"));
    proxy.fault(hidden.method("GET"));
    let outcome = load_of(&pipeline, "clean/service-requests/").run();
    outcome.finished();
    assert!(proxy.is_through());
    let skipped = &outcome.event("job of another execution skipped")["job"];
    let loaded = outcome
        .log
        .iter()
        .find(|event| event["message"] == "files loaded");
    let next = format!("{}_2", skipped.as_str().unwrap());
    assert_eq!(loaded.unwrap()["job"], next);
    pipeline.run(Stage::Load, "run").finished();
    is_loaded_once(&pipeline);
}

/// BigQuery answers before a job is done, and may not find it yet.
/// <https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/insert>,
/// <https://github.com/googleapis/python-bigquery/issues/2134>
#[test]
fn a_job_that_is_not_found_yet_is_waited_for() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    let reference = json!({"projectId": "p", "jobId": "j", "location": "northamerica-northeast2"});
    let running = json!({"jobReference": reference, "status": {"state": "RUNNING"}});
    let started = FaultKind::ReplaceAnswer(running.to_string());
    proxy.fault(of_job_inserts(0, 1, started));
    // After a lost answer, the transaction is known by its id alone.
    proxy.fault(of_job_inserts(1, 1, FaultKind::LoseAnswer));
    for job in ["load_service_requests", "replace"] {
        let unseen = Fault::new(
            format!("/jobs/toronto_311_{job}_"),
            google_error(404, "notFound"),
        );
        proxy.fault(unseen.method("GET").times(3));
    }
    let outcome = load_of(&pipeline, "clean/service-requests/").run();
    outcome.finished();
    assert!(proxy.is_through());
    let skipped = |event: &Value| event["message"] == "job of another execution skipped";
    assert!(!outcome.log.iter().any(skipped), "{outcome}");
    pipeline.run(Stage::Load, "run").finished();
    is_loaded_once(&pipeline);
}

/// If a load of the same version has failed many times, its job names are taken, and the next load still succeeds.
#[test]
fn a_load_that_failed_many_times_finally_succeeds() {
    const FAILED: u32 = 12;
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    proxy.fault(of_job_inserts(0, FAILED, google_error(409, "duplicate")));
    proxy.fault(
        Fault::new(
            "/jobs/toronto_311_load_",
            answer(&failed_job(
                &json!({"reason": "invalid", "location": "", "message": "no Parquet"}),
            )),
        )
        .method("GET")
        .times(FAILED),
    );
    load_of(&pipeline, "clean/service-requests/")
        .run()
        .finished();
    assert!(proxy.is_through());
    pipeline.run(Stage::Load, "run").finished();
    is_loaded_once(&pipeline);
}

/// A newer version is loaded before an older one, which is loaded, has cleaned up.
#[test]
fn a_load_that_is_overtaken_afterwards_succeeded() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    let dropping = Fault::new(
        "/tables/staged_service_requests",
        FaultKind::Delay(Duration::from_secs(15)),
    )
    .method("DELETE");
    overtaken(&portal, &pipeline, &proxy, dropping).finished();
    assert_eq!(
        pipeline.query(
            "select load_number, run_id from load_history where load_history.partition = '2025' order by 1"
        ),
        json!([[1, "run"], [2, "newer"]])
    );
}

/// A job that is killed between its load jobs and the transaction, another one while BigQuery executes the transaction, which
/// goes on without it, and one afterwards.
#[test]
fn a_killed_load_is_continued_by_the_next_one() {
    const TRANSACTION: &str = "toronto_311_replace_service-requests_2025_";
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    let killed_when = |not_yet: &str, is_so: &dyn Fn() -> bool| {
        let mut killed = pipeline.spawn(Stage::Load, "run");
        wait_until(Duration::from_mins(1), not_yet, is_so);
        killed.kill().unwrap();
        killed.wait().unwrap();
    };
    proxy.fault(of_job_inserts(
        BEFORE_TRANSACTION,
        1,
        FaultKind::Delay(Duration::from_secs(30)),
    ));
    killed_when("the load jobs are not started", &|| {
        job_inserts(&proxy) == BEFORE_TRANSACTION as usize
    });
    proxy.clear_faults();

    let requests_of = |method: &str, status: u16| -> Vec<RequestLog> {
        let of_transaction = |request: &RequestLog| {
            let job = request
                .json
                .as_ref()
                .map(|job| &job["jobReference"]["jobId"]);
            let job = job.and_then(Value::as_str).unwrap_or(&request.target);
            job.contains(TRANSACTION)
        };
        let mut requests = proxy.requests();
        requests.retain(|request| {
            (request.method.as_str(), request.status) == (method, status) && of_transaction(request)
        });
        requests
    };
    let reference = json!({"projectId": "p", "jobId": "j", "location": "northamerica-northeast2"});
    let running = json!({"jobReference": reference, "status": {"state": "RUNNING"}});
    proxy.fault(of_job_inserts(BEFORE_TRANSACTION, 1, answer(&running)));
    let polls = Fault::new(format!("/jobs/{TRANSACTION}"), answer(&running));
    proxy.fault(polls.method("GET").times(u32::MAX));
    killed_when("the transaction is not polled", &|| {
        !requests_of("GET", 200).is_empty()
    });
    let loaded = "select count(*) from load_history where load_history.partition = '2025'";
    assert_eq!(pipeline.query(loaded), json!([[0]]));

    let duplicate = google_error(409, "duplicate");
    proxy.fault(of_job_inserts(BEFORE_TRANSACTION, 1, duplicate));
    thread::scope(|scope| {
        let next = scope.spawn(|| pipeline.run(Stage::Load, "run"));
        wait_until(Duration::from_mins(1), "it starts no job", || {
            !requests_of("POST", 409).is_empty()
        });
        pipeline.execute_job(requests_of("POST", 200)[0].json.as_ref().unwrap());
        proxy.clear_faults();
        next.join().unwrap().finished();
    });
    is_loaded_once(&pipeline);
    let jobs = [200, 409]
        .map(|status| requests_of("POST", status))
        .concat();
    let id = |request: &RequestLog| request.json.as_ref().unwrap()["jobReference"].clone();
    assert_eq!(jobs.len(), 3);
    assert!(jobs.iter().all(|job| id(job) == id(&jobs[0])), "{jobs:?}");
}

/// BigQuery reads files without the checksums of their manifest.
#[test]
fn an_object_that_was_altered_after_the_transformation_is_not_loaded() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    let keys = pipeline.objects().into_keys();
    let mut files = keys.filter(|key| key.starts_with("clean/service-requests/2025/"));
    let file = files.find(|key| key.ends_with("-01.parquet")).unwrap();
    pipeline.flip_bit(&file);
    let refused = load_of(&pipeline, "clean/service-requests/").run();
    let cause = refused.failed(70);
    assert!(
        cause.contains(&format!("{file} has the CRC32C ")),
        "{cause}"
    );
    // Nothing but what the run spent is recorded.
    assert_eq!(job_inserts(&proxy), 1);
    let rows =
        "select (select count(*) from service_requests) + (select count(*) from load_history) - 1";
    assert_eq!(pipeline.query(rows), json!([[0]]));

    pipeline.flip_bit(&file);
    pipeline.run(Stage::Load, "run").finished();
    is_loaded_once(&pipeline);
}

/// A newer version is loaded while an older one is on its way to its transaction. Neither finds an earlier version, so
/// both transactions also run in all orders of their statements, and so does every other transaction with its rivals: one
/// of another run, and one that BigQuery still executes for a container that was killed.
/// <https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency>
#[test]
fn a_load_that_is_overtaken_changes_nothing() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    let delay = FaultKind::Delay(Duration::from_secs(15));
    let transaction = of_job_inserts(BEFORE_TRANSACTION, 1, delay);
    let older = overtaken(&portal, &pipeline, &proxy, transaction);
    let cause = older.failed(30);
    assert!(
        cause.contains("another load of this partition came first"),
        "{cause}"
    );
    let current =
        "select load_number, run_id from load_history where load_history.partition = '2025'";
    assert_eq!(pipeline.query(current), json!([[1, "newer"]]));
    assert!(
        pipeline
            .run(Stage::Load, "run")
            .failed(20)
            .contains("stale")
    );

    let requests = proxy.requests();
    let queries = requests.iter().filter_map(|request| {
        let query = request.json.as_ref()?.pointer("/configuration/query")?;
        let of_year = |parameter: &Value| parameter["parameterValue"]["value"] == "2025";
        let parameters = query["queryParameters"].as_array()?;
        let is_transaction = query["query"].as_str()?.starts_with("BEGIN TRANSACTION");
        (is_transaction && parameters.iter().any(of_year)).then(|| query.clone())
    });
    let loads: Vec<Value> = queries.collect();
    assert_eq!(loads.len(), 2);
    let races = interleavings(&loads);
    for (name, race) in races.as_object().unwrap() {
        assert!(race["cancelled"].as_u64() > Some(0), "{name}: {race}");
        assert_eq!(race["right"], race["tried"], "{name}: {race}");
        // Without the locks both would change the tables, which the other program notices. Two publications also
        // conflict on the rows that they replace.
        let is_right_unlocked = name.starts_with("marts");
        assert_eq!(
            race["right_without_locks"], is_right_unlocked,
            "{name}: {race}"
        );
    }
}

/// <https://cloud.google.com/bigquery/docs/error-messages>
#[test]
fn a_failing_request_is_retried() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    proxy.fault(of_job_inserts(
        0,
        1,
        google_error(503, "backendError").retry_after(1),
    ));
    proxy.fault(of_job_inserts(1, 1, FaultKind::Reset));
    for status in [429, 500] {
        proxy.fault(
            Fault::new("/tables/", google_error(status, "rateLimitExceeded"))
                .method("GET")
                .after(1),
        );
    }
    // Reasons are more precise than statuses: too many requests, and a job that ended while it was polled.
    proxy.fault(of_job_inserts(1, 1, google_error(403, "rateLimitExceeded")));
    proxy.fault(
        Fault::new("/queries", google_error(400, "jobBackendError"))
            .method("POST")
            .after(1),
    );
    pipeline.run(Stage::Load, "run").finished();
    assert!(proxy.is_through());
    is_loaded_once(&pipeline);
}

/// Errors that only time resolves are retried by the workflow, in every form in which they are reported.
/// <https://cloud.google.com/bigquery/docs/error-messages>
#[test]
fn an_exhausted_quota_is_retried_later() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    proxy.fault(of_job_inserts(0, 1, google_error(403, "quotaExceeded")));
    let outcome = load_of(&pipeline, "clean/service-requests/").run();
    let cause = outcome.failed(30);
    assert!(cause.contains("quotaExceeded"), "{cause}");
    assert_eq!(job_inserts(&proxy), ONCE);
    pipeline.run(Stage::Load, "run").finished();
    is_loaded_once(&pipeline);
}

/// The same errors in dbt, before it runs any node and in its nodes.
#[test]
fn a_build_that_a_quota_ends_is_retried_later() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    pipeline.run(Stage::Load, "run").finished();
    let message = "Quota exceeded: Your project exceeded quota for queries.";
    let errors = [json!({"domain": "usageLimits", "reason": "quotaExceeded", "message": message})];
    let body = json!({"error": {"code": 403, "message": message, "errors": errors}}).to_string();
    for (method, target) in [("GET", "/datasets"), ("POST", "/jobs")] {
        proxy.fault(
            Fault::new(
                target,
                FaultKind::Answer {
                    status: 403,
                    headers: Vec::new(),
                    body: body.clone(),
                },
            )
            .method(method)
            .times(u32::MAX),
        );
        let outcome = pipeline.run(Stage::Dbt, "run");
        let cause = outcome.failed(30);
        assert!(cause.contains("Quota exceeded"), "{cause}");
        proxy.clear_faults();
    }
    let built = pipeline.run(Stage::Dbt, "run");
    built.finished();
    // As the project's exposure states.
    let link = built.event("marts in Looker Studio")["link"].to_string();
    assert!(
        link.contains("ds.datasetId=marts&ds.tableId=requests_by_month_type_ward"),
        "{link}"
    );
}

/// <https://cloud.google.com/bigquery/docs/error-messages>
#[test]
fn a_forbidden_request_is_reported_and_not_retried() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    for (status, reason) in [(401, "authError"), (403, "accessDenied")] {
        let before = job_inserts(&proxy);
        proxy.fault(of_job_inserts(0, 1, google_error(status, reason)));
        let outcome = load_of(&pipeline, "clean/service-requests/").run();
        let cause = outcome.failed(10);
        assert!(
            cause.contains(reason) && cause.contains("toronto_311_"),
            "{cause}"
        );
        assert_eq!(job_inserts(&proxy) - before, ONCE);
    }
}

/// <https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatus>
#[test]
fn a_failed_job_is_reported_with_its_name_reason_and_location() {
    let portal = portal();
    let (pipeline, proxy) = transformed(&portal);
    let job = failed_job(&json!({
        "reason": "invalid", "location": "gs://lake/2025-01.parquet",
        "message": "Error while reading data, error message: row 17: no UTF-8",
    }));
    proxy.fault(of_job_inserts(0, 1, answer(&job)));
    let outcome = load_of(&pipeline, "clean/service-requests/").run();
    let cause = outcome.failed(20);
    for part in [
        "northamerica-northeast2.toronto_311_load_",
        "invalid at gs://lake/2025-01.parquet",
        "row 17",
    ] {
        assert!(cause.contains(part), "{cause}");
    }
    pipeline.run(Stage::Load, "run").finished();
    is_loaded_once(&pipeline);
}

/// <https://cloud.google.com/bigquery/docs/paging-results>
#[tokio::test]
async fn a_query_is_polled_and_read_to_its_last_page() {
    const ROWS: usize = 25_000;
    let portal = portal();
    let mut pipeline = Pipeline::new(&portal, Path::Cloud);
    let proxy = Proxy::start(Service::Proxy, pipeline.bigquery()).unwrap();
    pipeline.reach_bigquery_at(proxy.url());
    let project = pipeline.project();
    let bigquery = Box::pin(pipeline.bigquery_client()).await;
    let statement = format!(
        "SELECT CAST(n AS STRING), CAST(NULL AS STRING) FROM UNNEST(GENERATE_ARRAY(1, {ROWS})) AS n ORDER BY n"
    );

    // The first answer reports that the job is still running.
    let query = JobConfigurationQuery::new()
        .set_query(&statement)
        .set_use_legacy_sql(false);
    let job = JobConfiguration::new().set_query(query);
    let done = Box::pin(bigquery.run("slow", job)).await;
    done.map_err(|(error, _)| error).unwrap();
    let goes_on = json!({
        "jobReference": {"projectId": project, "jobId": "slow"}, "jobComplete": false,
    });
    proxy.fault(Fault::new("/queries", answer(&goes_on)).method("POST"));
    let rows = Box::pin(bigquery.query(&statement, &[])).await.unwrap();
    assert_eq!(rows.len(), ROWS);
    for (number, row) in (1..).zip(&rows) {
        assert_eq!(*row, [Some(format!("{number}")), None]);
    }

    let failed = Box::pin(bigquery.query("SELECT * FROM main.nothing", &[])).await;
    assert!(failed.unwrap_err().to_string().contains("nothing"));
}
