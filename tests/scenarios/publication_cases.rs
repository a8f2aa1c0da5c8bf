//! Faults of publications, each through whole jobs: `tests/fixtures/publication-cases`.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};
use shared::run::Stage;
use zip::ZipArchive;

use crate::case_portal::{CasePortal, case};
use crate::pipeline::{self, Pipeline, on_both_paths};

const DAY: &str = "2026-05-01T13:02:11";

fn on_one_machine(portal: &CasePortal) -> Pipeline {
    Pipeline::at(portal.url(), &portal.fsa_url(), pipeline::Path::Local)
}

/// Publishes files of the case and runs the pipeline to the warehouse.
fn loaded(case_name: &str, files: &[(i16, &str)]) -> (CasePortal, Pipeline) {
    let portal = CasePortal::start();
    for (year, file) in files {
        let csv = fs::read(case(case_name).join(file)).unwrap();
        portal.publish_year(*year, &csv, DAY);
    }
    let pipeline = on_one_machine(&portal);
    pipeline.run_to_warehouse("first");
    (portal, pipeline)
}

fn lines(path: &Path) -> u64 {
    let csv = fs::read(path).unwrap();
    csv.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .count() as u64
        - 1
}

fn drift(pipeline: &Pipeline, year: i16) -> Vec<Value> {
    let sql = format!(
        "select cast(drift as varchar) from load_history where partition = '{year}' order by load_number desc limit 1"
    );
    let text = pipeline.query(&sql)[0][0].as_str().unwrap().to_owned();
    serde_json::from_str(&text).unwrap()
}

fn drift_kinds(pipeline: &Pipeline, year: i16) -> Vec<String> {
    let kind = |drift: &Value| drift["kind"].as_str().unwrap().to_owned();
    drift(pipeline, year).iter().map(kind).collect()
}

const COUNTS: &str =
    "select partition, rows_kept, rows_quarantined, rows_repaired from load_history
    where length(partition) = 4 order by partition, load_number";

#[test]
fn a_comma_in_the_section_is_repaired_as_in_the_quoted_file() {
    let files = [(2010, "SR2010.quoted.csv"), (2023, "SR2023.csv")];
    let (_portal, pipeline) = loaded("01-section-with-a-comma", &files);
    let rows = lines(&case("01-section-with-a-comma").join("SR2023.csv"));
    assert_eq!(
        pipeline.query(COUNTS),
        json!([["2010", 2, 0, 0], ["2023", rows, 0, 3]])
    );
    let sections = "select source_year, division, section, count(*) from service_requests
        where section like 'Transfer%' group by all order by all";
    let (division, section) = (
        "Solid Waste Management Services",
        "Transfer, Disposal & Operations",
    );
    assert_eq!(
        pipeline.query(sections),
        json!([[2010, division, section, 1], [2023, division, section, 2]])
    );
    for year in [2010, 2023] {
        assert_eq!(drift(&pipeline, year), Vec::<Value>::new());
    }
}

#[test]
fn years_on_the_publishers_other_host_are_loaded_and_one_that_is_down_affects_no_other() {
    let folder = case("02-file-on-another-host");
    let portal = CasePortal::start();
    portal.list(&folder.join("package_search.json"));
    let row = |year: i16| {
        format!(
            "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
             Service Request Type,Division,Section\r\n{year}-01-01 00:00:00.0000000,Closed,M5V,,,\
             Spadina-Fort York (10),Noise,Municipal Licensing & Standards,Ops\r\n"
        )
    };
    for year in [2019, 2020, 2026] {
        portal.serve_zip(&format!("sr{year}.zip"), year, row(year).as_bytes());
    }
    let pipeline = on_one_machine(&portal);
    let refused = pipeline.run(Stage::Extract, "first");
    let cause = refused.failed(30);
    assert!(
        cause.contains("2021: ") && cause.contains("SR2021.zip"),
        "{cause}"
    );
    pipeline.run(Stage::Transform, "first").finished();
    pipeline.run(Stage::Load, "first").finished();
    let years = "select distinct source_year from service_requests order by 1";
    assert_eq!(pipeline.query(years), json!([[2019], [2020], [2026]]));
    assert_eq!(
        pipeline.query("select partition, stage, exit_code from refusals order by 1"),
        json!([["2021", "extract", 30]])
    );

    portal.serve_zip("sr2021.zip", 2021, row(2021).as_bytes());
    pipeline.run_to_warehouse("second");
    assert_eq!(
        pipeline.query(years),
        json!([[2019], [2020], [2021], [2026]])
    );
    assert_eq!(
        pipeline.query("select count(*) from refusals"),
        json!([[0]])
    );
}

#[test]
fn padding_does_not_change_rows() {
    let case_name = "03-padded-with-spaces";
    let rows = |file: &str| {
        let (_portal, pipeline) = loaded(case_name, &[(2021, file)]);
        assert_eq!(drift(&pipeline, 2021), Vec::<Value>::new());
        assert_eq!(
            pipeline.query("select reason, count(*) from quarantined_requests group by 1"),
            json!([["no_ward_and_no_fsa", 1]])
        );
        pipeline.query("select * from service_requests order by source_row")
    };
    let padded = rows("SR2021.csv");
    assert_eq!(
        padded.as_array().unwrap().len() as u64,
        lines(&case(case_name).join("SR2021.csv")) - 1
    );
    assert_eq!(padded, rows("SR2021.tight.csv"));
}

on_both_paths!(what_the_portal_shows_now_is_loaded_also_when_its_date_goes_back);

fn what_the_portal_shows_now_is_loaded_also_when_its_date_goes_back(path: pipeline::Path) {
    let folder = case("04-last-modified-goes-back");
    let portal = CasePortal::start();
    let mut pipeline = Pipeline::at(portal.url(), &portal.fsa_url(), path);
    pipeline.build_few_marts(&["status_history"]);
    let publish = |answer: &str, zip: &str| {
        portal.list(&folder.join(answer));
        portal.serve("sr2026.zip", fs::read(folder.join(zip)).unwrap());
    };
    let loads = "select load_number, rows_kept from load_history where `partition` = '2026' order by load_number";
    let loads = |pipeline: &Pipeline| match path {
        pipeline::Path::Local => pipeline.query(&loads.replace('`', "\"")),
        pipeline::Path::Cloud => pipeline.query(loads),
    };

    publish("a-during-the-upload.package_search.json", "may.zip");
    pipeline.run_to_warehouse("a");
    assert_eq!(loads(&pipeline), json!([[1, 90]]));
    publish("b-after-the-upload.package_search.json", "may.zip");
    pipeline.run_to_warehouse("b");
    assert_eq!(
        loads(&pipeline),
        json!([[1, 90]]),
        "the same bytes with another date"
    );
    publish("c-rolled-back.package_search.json", "april.zip");
    pipeline.run_to_warehouse("c");
    assert_eq!(loads(&pipeline), json!([[1, 90], [2, 60]]));
    let rows = "select count(*), count(distinct request_id) from service_requests";
    assert_eq!(pipeline.query(rows), json!([[60, 60]]));

    // A slow run that saw the portal earlier does not restore what it saw.
    let stale = pipeline.run(Stage::Load, "b");
    assert!(stale.failed(20).contains("stale"), "{stale}");
    assert_eq!(pipeline.query(rows), json!([[60, 60]]));

    // The next publication has an even older date, and another status of one request.
    let mut zip = ZipArchive::new(File::open(folder.join("april.zip")).unwrap()).unwrap();
    let mut april = String::new();
    let mut csv = zip.by_index(0).unwrap();
    csv.read_to_string(&mut april).unwrap();
    let (before, after) = (
        "2026-01-01 00:00:00.0000000,Completed,",
        "2026-01-01 00:00:00.0000000,Cancelled,",
    );
    assert!(april.contains(before), "{april}");
    portal.publish_year(
        2026,
        april.replace(before, after).as_bytes(),
        "2026-03-01T00:00:00",
    );
    portal.withdraw("99b7f283-7345-4f5a-a126-d078ed4f3419");
    pipeline.run_to_warehouse("d");
    pipeline.run(Stage::Dbt, "d").finished();
    let history = "select status, period_number, first_seen_at is null, last_seen_at is null
        from marts.status_history order by period_number";
    assert_eq!(
        pipeline.query(history),
        json!([["Completed", 1, true, false], ["Cancelled", 2, false, true]]),
        "in the order in which runs saw them"
    );
}

#[test]
fn a_link_that_changes_without_a_date_is_loaded() {
    let folder = case("05-linked-file-without-a-date");
    let portal = CasePortal::start();
    portal.list(&folder.join("package_search.json"));
    let pipeline = on_one_machine(&portal);
    let statuses =
        || pipeline.query("select status, count(*) from service_requests group by 1 order by 1");

    portal.serve("sr2021.zip", fs::read(folder.join("first.zip")).unwrap());
    pipeline.run_to_warehouse("first");
    let before = statuses();
    let again = pipeline.run_to_warehouse("again");
    assert_eq!(again[0].finished()["produced"], 0);
    portal.serve(
        "sr2021.zip",
        fs::read(folder.join("republished.zip")).unwrap(),
    );
    pipeline.run_to_warehouse("republished");
    assert_ne!(statuses(), before);
    let loads = "select count(*) from load_history where partition = '2021'";
    assert_eq!(pipeline.query(loads), json!([[2]]));
}

#[test]
fn two_resources_with_equal_dates_and_bytes_are_one() {
    let folder = case("06-resource-renamed");
    let portal = CasePortal::start();
    portal.list(&folder.join("package_search.json"));
    portal.serve("sr2026.zip", fs::read(folder.join("sr2026.zip")).unwrap());
    let pipeline = on_one_machine(&portal);
    pipeline.run_to_warehouse("first");
    assert_eq!(
        pipeline.query("select count(*), count(distinct request_id) from service_requests"),
        json!([[90, 90]])
    );
    assert_eq!(drift_kinds(&pipeline, 2026), ["duplicate_resource"]);
}

#[test]
fn a_dump_of_the_datastore_is_read_like_the_citys_own_file() {
    let folder = case("07-datastore-dump");
    let portal = CasePortal::start();
    portal.list(&folder.join("package_search.json"));
    let csv = fs::read(folder.join("SR2026.csv")).unwrap();
    portal.serve("/datastore/dump/99b7f283-7345-4f5a-a126-d078ed4f3419", csv);
    let pipeline = on_one_machine(&portal);
    pipeline.run_to_warehouse("first");
    let rows = lines(&folder.join("SR2026.csv"));
    assert_eq!(pipeline.query(COUNTS), json!([["2026", rows, 0, 0]]));
    let division = "select count(*) > 0 from service_requests where division = 'Environment, Climate & Forestry'";
    assert_eq!(pipeline.query(division), json!([[true]]));
}

#[test]
fn no_ward_is_lost_in_lines_of_two_encodings() {
    let (_portal, pipeline) = loaded("09-mixed-encodings", &[(2026, "SR2026.csv")]);
    let rows = lines(&case("09-mixed-encodings").join("SR2026.csv"));
    assert_eq!(pipeline.query(COUNTS), json!([["2026", rows, 0, 0]]));
    assert_eq!(
        pipeline.query("select count(*) from service_requests where ward_id is null"),
        json!([[0]])
    );
    assert_eq!(
        pipeline.query("select intersection_street_1, intersection_street_2 from service_requests where fsa is null"),
        json!([["Montréal Ave", "Rue de l’Esplanade"]])
    );
    assert_eq!(drift_kinds(&pipeline, 2026), ["mixed_encodings"]);
}

#[test]
fn day_and_month_are_distinguished_or_only_that_file_is_refused() {
    let portal = CasePortal::start();
    let folder = case("11-day-first-in-january");
    let csv = fs::read_to_string(folder.join("SR2026.csv")).unwrap();
    // If the month came first, there would be requests from the month after this date.
    portal.publish_year(2026, csv.as_bytes(), "2026-11-01T00:00:00");
    // For a year that is over, neither the order nor the date decides.
    let undecided = csv.replace("/2026 ", "/2025 ");
    portal.publish_year(2025, undecided.as_bytes(), "2026-02-01T00:00:00");
    let pipeline = on_one_machine(&portal);
    pipeline.run(Stage::Extract, "first").finished();
    let transform = pipeline.run(Stage::Transform, "first");
    let cause = transform.failed(20);
    for part in ["2025: ", "day", "month", "line "] {
        assert!(cause.contains(part), "{cause}");
    }
    pipeline.run(Stage::Load, "first").finished();
    assert_eq!(
        pipeline.query(
            "select source_year, extract(month from created_at), count(*) from service_requests group by 1, 2"
        ),
        json!([[2026, 1, lines(&folder.join("SR2026.csv"))]])
    );
}

#[test]
fn runs_of_nul_bytes_are_damage_and_affect_only_their_line() {
    for file in [
        "SR2026.in-a-field.csv",
        "SR2026.zeroes-at-the-end.csv",
        "SR2026.zeroes-in-the-middle.csv",
    ] {
        let (_portal, pipeline) = loaded("13-nul-bytes", &[(2026, file)]);
        let counts = pipeline.query(COUNTS);
        let (kept, quarantined) = (
            counts[0][1].as_u64().unwrap(),
            counts[0][2].as_u64().unwrap(),
        );
        assert!(
            (1..=2).contains(&quarantined) && kept >= 57,
            "{file}: {counts}"
        );
        let reasons = "select distinct reason from quarantined_requests";
        assert_eq!(
            pipeline.query(reasons),
            json!([["undecodable_text"]]),
            "{file}"
        );
        if file.contains("zeroes") {
            let named =
                "select count(*) from quarantined_requests where detail like '%NUL%damaged%'";
            assert_eq!(pipeline.query(named), json!([[1]]), "{file}");
        }
    }
}

on_both_paths!(a_year_that_is_relabelled_keeps_its_requests);

fn a_year_that_is_relabelled_keeps_its_requests(path: pipeline::Path) {
    let folder = case("18-relabelled-division");
    let portal = CasePortal::start();
    let pipeline = Pipeline::at(portal.url(), &portal.fsa_url(), path);
    for (run, file, date) in [
        ("first", "SR2024.first.csv", "2025-01-05T00:00:00"),
        (
            "republished",
            "SR2024.republished.csv",
            "2025-02-05T00:00:00",
        ),
    ] {
        portal.publish_year(2024, &fs::read(folder.join(file)).unwrap(), date);
        pipeline.run_to_warehouse(run);
    }
    let changes = pipeline.query(
        "select rows_before, rows_after, rows_added, rows_gone, rows_restatused, rows_relabelled
         from publication_changes where source_year = 2024 order by load_number desc limit 1",
    );
    let [before, after, added, gone, restatused, relabelled] =
        [0, 1, 2, 3, 4, 5].map(|column| changes[0][column].as_u64().unwrap());
    assert_eq!((before, after), (80, 80));
    // Requests whose type has a new name count as others; those whose division has one are the same.
    assert_eq!(added, gone);
    assert!(gone > 0 && restatused > 0 && relabelled > 0, "{changes}");
    if path == pipeline::Path::Local {
        assert_eq!(drift_kinds(&pipeline, 2024), ["requests_gone"]);
    }
}

#[test]
fn values_of_columns_outside_the_contract_are_not_shown_anywhere() {
    let csv = fs::read_to_string(case("19-personal-columns").join("SR2026.csv")).unwrap();
    let header = csv.lines().next().unwrap().to_owned();
    // Lines that are refused for every kind of reason, with the same columns.
    let refused = [
        "2026-01-01,Completed,M5V,,,Spadina-Fort York (10),Noise,311,Ops,Case 1,Jordan Example 7,416-555-0007,7 Example St",
        "2026-01-02 00:00:00,Completed,M5V,,,Spadina-Fort York (10),,311,Ops,Case 1,Jordan Example 7,416-555-0007,7 Example St",
        "2026-01-02 00:00:00,Completed,M5V,Jordan Example 8,416-555-0008,8 Example St",
        "2026-01-02 00:00:00,Completed,M5V,,,Spadina-Fort York (10),Noise,311,Ops,Case, 1,Jordan Example 9,416-555-0009,9 Example St",
    ];
    let portal = CasePortal::start();
    let text = format!(
        "{header}\r\n{}{}\r\n",
        csv.split_once('\n').unwrap().1,
        refused.join("\r\n")
    );
    portal.publish_year(2026, text.as_bytes(), DAY);
    let pipeline = on_one_machine(&portal);
    let mut printed = String::new();
    for stage in [Stage::Extract, Stage::Transform, Stage::Load, Stage::Dbt] {
        let job = pipeline
            .job(stage, "first")
            .env("MAX_QUARANTINE_RATIO", "0.2");
        let outcome = job.env("SITE_URL", pipeline.site_url()).run();
        outcome.finished();
        printed.push_str(&outcome.to_string());
    }
    assert_eq!(
        pipeline.query("select count(*) from quarantined_requests"),
        json!([[4]])
    );
    let mut names: Vec<Value> = drift(&pipeline, 2026);
    names.retain(|drift| drift["kind"] == "extra_column");
    assert_eq!(names.len(), 4, "{names:?}");

    let personal = |text: &str| {
        ["Jordan Example", "416-555-0", "Example St", "Case 00"]
            .iter()
            .any(|word| text.contains(word))
    };
    assert!(!personal(&printed), "{printed}");
    for table in [
        "service_requests",
        "quarantined_requests",
        "load_history",
        "refusals",
        "publication_changes",
    ] {
        let rows = pipeline
            .query(&format!("select * from {table}"))
            .to_string();
        assert!(!personal(&rows), "{table}");
    }
    for (name, bytes) in pipeline.published() {
        assert!(!personal(&String::from_utf8_lossy(&bytes)), "{name}");
    }
    for (key, bytes) in pipeline.contents() {
        // The published file is kept, and read only by the jobs.
        if Path::new(&key)
            .extension()
            .is_none_or(|extension| extension != "csv")
        {
            assert!(!personal(&String::from_utf8_lossy(&bytes)), "{key}");
        }
    }
}

/// A file of 2026 with one request on the first of each of the first `months` months.
fn monthly(months: u8) -> Vec<u8> {
    let header = String::from(
        "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
         Service Request Type,Division,Section\r\n",
    );
    let rows = (1..=months).map(|month| {
        format!(
            "2026-{month:02}-01 10:00:00.0000000,New,M5V,,,Spadina-Fort York (10),Noise,Municipal Licensing & Standards,Ops\r\n"
        )
    });
    rows.fold(header, |csv, row| csv + &row).into_bytes()
}

#[test]
fn a_corrected_date_heals_what_the_wrong_one_refused() {
    let portal = CasePortal::start();
    let pipeline = on_one_machine(&portal);
    portal.publish_year(2026, &monthly(5), "2026-03-01T12:00:00");
    pipeline.run(Stage::Extract, "wrong").finished();
    let refused = pipeline.run(Stage::Transform, "wrong");
    let cause = refused.failed(20);
    assert!(cause.contains("created_after_publication"), "{cause}");
    // The same bytes.
    portal.publish_year(2026, &monthly(5), "2026-05-02T12:00:00");
    pipeline.run_to_warehouse("corrected");
    assert_eq!(pipeline.query(COUNTS), json!([["2026", 5, 0, 0]]));
}

#[test]
fn a_link_is_not_judged_by_the_date_of_its_description() {
    let portal = CasePortal::start();
    let pipeline = on_one_machine(&portal);
    for (run, months) in [("march", 3), ("may", 5), ("again", 5)] {
        portal.link_year(2026, &monthly(months), "2026-03-01T12:00:00");
        pipeline.run_to_warehouse(run);
    }
    assert_eq!(
        pipeline.query(COUNTS),
        json!([["2026", 3, 0, 0], ["2026", 5, 0, 0]])
    );
}
