//! Passwords and tokens that an operator may put into a setting, or the City into a link.

use std::path::Path;

use shared::run::Stage;
use shared::settings::variables;
use shared::testing::Job;

use crate::case_portal::CasePortal;
use crate::pipeline::{self, Pipeline, executable};
use crate::readers::run_reader;

/// A CI system may have an address with a token, and paste it into any variable that takes one.
#[test]
fn no_password_or_token_in_an_address_is_repeated() {
    let names = variables::ALL.iter().map(|variable| variable.name);
    let is_address = |name: &&str| {
        let kinds = ["_URL", "_HOST", "_HOSTS", "_ADDRESS"];
        kinds.iter().any(|kind| name.ends_with(kind))
    };
    let addresses: Vec<&str> = names.filter(is_address).collect();
    assert!(addresses.len() > 9, "{addresses:?}");
    for job in ["extract-job", "transform-job", "load-job", "dbt-runner"] {
        for address in [
            "https://someone:secret@host.test/path?token=secret#secret",
            "gs://someone:secret@bucket/path?token=secret",
            "someone:secret@host.test:port/?secret",
        ] {
            let job = addresses
                .iter()
                .fold(Job::new(executable(job)), |job, name| {
                    job.env(name, address)
                });
            let outcome = job.env("OPENLINEAGE_API_KEY", "secret").run();
            let cause = outcome.failed(10);
            assert!(cause.contains("LAKE_URL is "), "{cause}");
            assert!(!outcome.to_string().contains("secret"), "{outcome}");
        }
    }
}

/// Returns the files in a folder that contain a text, compressed or not.
fn containing(folder: &Path, text: &str) -> Vec<String> {
    let found = run_reader(&["search", folder.to_str().unwrap(), text]);
    serde_json::from_value(found["files"].clone()).unwrap()
}

/// A whole run with every address signed, and the most detailed log.
#[test]
fn no_token_of_a_signed_link_is_in_what_a_run_writes() {
    const TOKEN: &str = "d41d8cd98f00b204";
    let csv = "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,Ward,\
               Service Request Type,Division,Section\r\n2024-01-01 00:00:00.0000000,Closed,M5V,,,\
               Spadina-Fort York (10),Noise,Municipal Licensing & Standards,Ops\r\n\
               not a date,Closed,M5V,,,Spadina-Fort York (10),Noise,Municipal Licensing & Standards,Ops\r\n";
    let portal = CasePortal::start();
    portal.link_year(2024, csv.as_bytes(), "2025-01-02T00:00:00.000000");
    portal.sign(&format!("X-Goog-Signature={TOKEN}"));
    let fsa_url = format!("{}?token={TOKEN}", portal.fsa_url());
    let mut pipeline = Pipeline::at(portal.url(), &fsa_url, pipeline::Path::Local);
    pipeline.build_few_marts(&[]);
    for stage in [Stage::Extract, Stage::Transform, Stage::Load, Stage::Dbt] {
        let job = pipeline.job(stage, "run");
        let outcome = job
            .env("SITE_URL", pipeline.site_url())
            .env("RUST_LOG", "trace")
            .env("MAX_QUARANTINE_RATIO", "0.5")
            .run();
        outcome.finished();
        assert!(!outcome.to_string().contains(TOKEN), "{outcome}");
    }
    let warehouse = pipeline.warehouse();
    let beside_warehouse = warehouse.parent().unwrap();
    assert!(pipeline.site().starts_with(beside_warehouse));
    // The search finds the address without its query.
    let link = "SR2024.zip";
    assert!(!containing(pipeline.lake().path(), link).is_empty());
    for folder in [pipeline.lake().path(), beside_warehouse] {
        assert_eq!(containing(folder, TOKEN), Vec::<String>::new());
    }
    // DuckDB's file is compressed.
    for name in pipeline.tables().as_object().unwrap().keys() {
        let rows = pipeline.query(&format!("select * from {name}")).to_string();
        assert!(!rows.contains(TOKEN), "{name}");
    }
}
