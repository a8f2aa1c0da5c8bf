//! Repeated runs, and runs after the City corrected a year.

use std::collections::BTreeMap;

use sample_portal::{Portal, PortalConfig};
use serde_json::json;
use shared::run::Stage;
use shared::testing::JobOutcome;

use crate::pipeline::{Path, Pipeline, on_both_paths};

fn portal() -> Portal {
    Portal::start(PortalConfig {
        generated_years: vec![2012, 2018, 2025],
        rows_per_year: Some(4_000),
        ..PortalConfig::default()
    })
    .unwrap()
}

fn produced(outcomes: &[JobOutcome]) -> Vec<u64> {
    outcomes
        .iter()
        .map(|outcome| outcome.finished()["produced"].as_u64().unwrap())
        .collect()
}

/// Returns the number of objects of each partition that a job read, without hand-overs.
fn objects_read(outcome: &JobOutcome) -> Vec<usize> {
    let mut reads = BTreeMap::new();
    for event in &outcome.log {
        let key = event["key"].as_str().unwrap_or_default();
        if event["message"] == "object read" && event["found"] == true && !key.starts_with("runs/")
        {
            let segments: Vec<&str> = key.split('/').collect();
            let is_year = segments[1] == "service-requests";
            let partition = segments[1..if is_year { 3 } else { 2 }].to_vec();
            *reads.entry(partition.join("/")).or_insert(0) += 1;
        }
    }
    reads.into_values().collect()
}

on_both_paths!(a_run_without_news_asks_for_each_package_and_file_once_and_reads_manifests_alone);

fn a_run_without_news_asks_for_each_package_and_file_once_and_reads_manifests_alone(path: Path) {
    let portal = portal();
    let pipeline = Pipeline::new(&portal, path);
    pipeline.run_to_warehouse("first");
    let requested = portal.requests().len();
    // The publication and its manifest; then one manifest for each stage.
    for (stage, manifests) in [(Stage::Extract, 2), (Stage::Transform, 1), (Stage::Load, 1)] {
        let outcome = pipeline.job(stage, "second").env("RUST_LOG", "debug").run();
        assert_eq!(outcome.finished()["found"], 5);
        assert_eq!(objects_read(&outcome), [manifests; 5], "{stage}");
    }
    let requested = portal.requests().split_off(requested);
    let (packages, files): (Vec<_>, Vec<_>) = requested
        .iter()
        .map(|request| request.path.as_str())
        .partition(|path| path.starts_with("/api/"));
    let package = |name: &str| format!("/api/3/action/package_show?id={name}");
    assert_eq!(
        packages,
        [
            package("311-service-requests-customer-initiated"),
            package("city-wards"),
        ]
    );
    // Three years and the wards, on the condition of their tags: nothing was extracted.
    assert_eq!(files.len(), 4, "{files:?}");
}

on_both_paths!(a_second_run_finds_everything_and_a_corrected_year_changes_alone);

fn a_second_run_finds_everything_and_a_corrected_year_changes_alone(path: Path) {
    let portal = portal();
    let pipeline = Pipeline::new(&portal, path);
    let first = pipeline.run_to_warehouse("first");
    assert_eq!(produced(&first), [5, 5, 5], "three years, wards and areas");
    let objects = pipeline.objects();
    let warehouse = pipeline.tables();

    let second = pipeline.run_to_warehouse("second");
    assert_eq!(produced(&second), [0, 0, 0]);
    let mut now = pipeline.objects();
    now.retain(|key, _| !key.starts_with("runs/second/"));
    assert_eq!(now, objects, "only the second run's own hand-overs are new");
    assert_eq!(pipeline.tables(), warehouse);

    let digests = || {
        [2012, 2018, 2025].map(|year| {
            pipeline.digest(&format!(
                "select * from service_requests where source_year = {year}"
            ))
        })
    };
    let before = digests();
    portal.correct(2018);
    let third = pipeline.run_to_warehouse("third");
    assert_eq!(produced(&third), [1, 1, 1]);
    let after = digests();
    assert_eq!(before[0], after[0], "2012 is unchanged");
    assert_ne!(before[1], after[1], "2018 is corrected");
    assert_eq!(before[2], after[2], "2025 is unchanged");

    let objects = pipeline.objects().into_keys();
    let of_2018 = objects.filter(|key| {
        key.starts_with("clean/service-requests/2018/") && key.ends_with("/manifest.json")
    });
    assert_eq!(of_2018.count(), 2, "both versions of 2018 are kept");
    let loaded = pipeline.query(
        "select count(*), count(distinct request_id), (select rows_kept from load_history where load_history.partition = '2018' order by source_last_modified desc limit 1)
         from service_requests where source_year = 2018",
    );
    assert_eq!(loaded[0][0], loaded[0][1], "no request exists twice");
    assert_eq!(
        loaded[0][0], loaded[0][2],
        "the year contains the corrected rows and no others"
    );
}

/// A file without the column Status.
const WRONG_HEADER: &[u8] = b"Creation Date,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
Service Request Type,Division,Section\r\n2025-01-01 00:01:05.0000000,M4C,,,Beaches-East York (19),Sinking Water Service,\
Toronto Water,District Ops\r\n";

on_both_paths!(bad_years_do_not_hold_up_the_others_and_arrive_once_they_are_good);

fn bad_years_do_not_hold_up_the_others_and_arrive_once_they_are_good(path: Path) {
    let portal = Portal::start(PortalConfig {
        generated_years: vec![2018, 2019, 2025],
        rows_per_year: Some(1_000),
        ..PortalConfig::default()
    })
    .unwrap();
    let mut pipeline = Pipeline::new(&portal, path);
    pipeline.build_few_marts(&[]);
    portal.replace_csv(2025, WRONG_HEADER);
    portal.stop_file_host();
    let extract = pipeline
        .job(Stage::Extract, "first")
        .env("DOWNLOAD_TIMEOUT_SECONDS", "1")
        .run();
    let cause = extract.failed(30);
    assert!(
        cause.starts_with("1 of 5 partitions were refused"),
        "{cause}"
    );
    assert!(cause.contains("2019: "), "{cause}");
    let transform = pipeline.run(Stage::Transform, "first");
    let cause = transform.failed(20);
    assert!(
        cause.starts_with("1 of 4 partitions were refused"),
        "{cause}"
    );
    assert!(cause.contains("2025: "), "{cause}");
    assert_eq!(pipeline.run(Stage::Load, "first").finished()["produced"], 3);
    pipeline.run(Stage::Dbt, "first").finished();
    let expected = [
        ("2018", "good"),
        ("2019", "extract 30"),
        ("2025", "transform 20"),
        ("city-wards", "good"),
        ("forward-sortation-areas", "good"),
    ];
    let expected = expected.map(|(name, verdict)| (name.to_owned(), verdict.to_owned()));
    for stage in [Stage::Transform, Stage::Load, Stage::Dbt] {
        assert_eq!(
            pipeline.handed_over(stage, "first"),
            expected.clone().into()
        );
    }
    let years = "select distinct source_year from service_requests order by 1";
    assert_eq!(pipeline.query(years), json!([[2018]]));

    portal.start_file_host().unwrap();
    portal.correct(2025);
    let second = pipeline.run_to_warehouse("second");
    assert_eq!(produced(&second), [2, 2, 2]);
    pipeline.run(Stage::Dbt, "second").finished();
    assert_eq!(pipeline.query(years), json!([[2018], [2019], [2025]]));
    let handed_over = pipeline.handed_over(Stage::Dbt, "second");
    assert!(
        handed_over.values().all(|verdict| verdict == "good"),
        "{handed_over:?}"
    );
}

on_both_paths!(what_one_of_four_tasks_extracts_again_is_loaded);

fn what_one_of_four_tasks_extracts_again_is_loaded(path: Path) {
    let portal = portal();
    let pipeline = Pipeline::new(&portal, path);
    let through = |changed| {
        for (stage, tasks) in [(Stage::Extract, 4), (Stage::Transform, 3), (Stage::Load, 1)] {
            let outcomes = pipeline.execute(stage, "run", tasks, None);
            assert_eq!(produced(&outcomes).iter().sum::<u64>(), changed, "{stage}");
        }
        pipeline.digest("select * from service_requests where source_year = 2018")
    };
    let before = through(5);
    portal.correct(2018);
    assert_ne!(through(1), before);
}

on_both_paths!(a_killed_task_is_missed_by_the_next_stage_until_it_is_executed_again);

fn a_killed_task_is_missed_by_the_next_stage_until_it_is_executed_again(path: Path) {
    let portal = portal();
    let pipeline = Pipeline::new(&portal, path);
    pipeline.execute(Stage::Extract, "run", 4, None);
    portal.correct(2012);
    pipeline.execute(Stage::Extract, "run", 4, Some(0));
    let transform = pipeline.run(Stage::Transform, "run");
    let cause = transform.failed(30);
    assert!(
        cause.starts_with("task 0 of 0 to 3 of the extract stage of run run has not handed over"),
        "{cause}"
    );
    pipeline.execute(Stage::Extract, "run", 4, None);
    assert_eq!(
        pipeline.run(Stage::Transform, "run").finished()["produced"],
        5
    );
}

on_both_paths!(both_ward_models_are_resolved);

fn both_ward_models_are_resolved(path: Path) {
    let portal = portal();
    let pipeline = Pipeline::new(&portal, path);
    pipeline.run_to_warehouse("first");
    let wards = pipeline.query(
        "select source_year, ward_model, count(distinct ward_id) from service_requests where ward_model is not null group by source_year, ward_model order by 1, 2",
    );
    assert_eq!(
        wards,
        json!([
            [2012, 44, 44],
            [2018, 25, 25],
            [2018, 44, 44],
            [2025, 25, 25]
        ])
    );
    let third_wards = pipeline.query(
        "select distinct ward_model, ward_name from service_requests where ward_id = 3 order by 1, 2",
    );
    assert_eq!(
        third_wards,
        json!([[25, "Etobicoke-Lakeshore"], [44, "Etobicoke Centre"]])
    );
}

on_both_paths!(a_lost_warehouse_is_loaded_again_from_the_lake);

fn a_lost_warehouse_is_loaded_again_from_the_lake(path: Path) {
    let portal = portal();
    let pipeline = Pipeline::new(&portal, path);
    pipeline.run_to_warehouse("first");
    let before = pipeline.tables();
    pipeline.remove_warehouse();
    assert_eq!(pipeline.run(Stage::Load, "first").finished()["produced"], 5);
    assert_eq!(pipeline.tables(), before);
}
