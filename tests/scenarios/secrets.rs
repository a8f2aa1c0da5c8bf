//! Passwords and tokens that an operator may put into a setting.

use shared::settings::variables;
use shared::testing::Job;

use crate::pipeline::executable;

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
