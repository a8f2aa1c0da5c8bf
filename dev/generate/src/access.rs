//! The table of roles, from the list that Terraform grants.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::ensure;
use serde::Deserialize;

const ACCESS: &str = include_str!("../../../terraform/access.yaml");
const EVERY_JOB: &str = "every job";
/// Members that are not service accounts of the module.
const OTHERS: [&str; 2] = ["GitHub", "allUsers"];
/// The resources of iam.tf that have no name, and the kinds of those that have one.
const PLACES: [&str; 3] = ["project", EVERY_JOB, "every job's account"];
const KINDS: [&str; 5] = ["account", "bucket", "dataset", "job", "repository"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Access {
    accounts: BTreeMap<String, String>,
    grants: Vec<Grant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    account: String,
    role: String,
    resource: Resources,
    with: Option<String>,
    #[serde(rename = "for")]
    purpose: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Resources {
    One(String),
    Several(Vec<String>),
}

/// Returns one row per grant of `access.yaml`.
pub(crate) fn roles_table() -> anyhow::Result<String> {
    table(&serde_saphyr::from_str(ACCESS)?)
}

fn table(access: &Access) -> anyhow::Result<String> {
    let mut table = String::from("| account | role | on | for |\n|---|---|---|---|\n");
    for grant in &access.grants {
        let account = grant.account.as_str();
        ensure!(
            account == EVERY_JOB
                || OTHERS.contains(&account)
                || access.accounts.contains_key(account),
            "{account:?} is not one of the accounts"
        );
        let resources = match &grant.resource {
            Resources::One(resource) => std::slice::from_ref(resource),
            Resources::Several(resources) => resources,
        };
        for resource in resources {
            let kind = resource.split_once(' ').map_or("", |(kind, _)| kind);
            ensure!(
                PLACES.contains(&resource.as_str()) || KINDS.contains(&kind),
                "{resource:?} is not a resource: use one of {PLACES:?}, or a name after one of {KINDS:?}"
            );
        }
        let shown = if account == EVERY_JOB {
            account.to_owned()
        } else {
            format!("`{account}`")
        };
        let only = grant.with.as_ref();
        let only = only.map_or(String::new(), |variable| {
            format!("with `{variable}` only: ")
        });
        writeln!(
            table,
            "| {shown} | `{}` | {} | {only}{} |",
            grant.role,
            resources.join(", "),
            grant.purpose
        )?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_a_row() {
        let access = "accounts: {a: x}\ngrants:\n  - {account: a, role: r, resource: [bucket b, every job], with: v, for: p}\n";
        let table = table(&serde_saphyr::from_str(access).expect("YAML")).expect("valid");
        assert!(table.ends_with("| `a` | `r` | bucket b, every job | with `v` only: p |\n"));
    }

    #[test]
    fn what_terraform_does_not_know_is_refused() {
        for (account, on) in [("b", "project"), ("a", "lake"), ("a", "buckets lake")] {
            let access = format!(
                "accounts: {{a: x}}\ngrants:\n  - {{account: {account}, role: r, resource: {on}, for: p}}\n"
            );
            let access = serde_saphyr::from_str(&access).expect("YAML");
            assert!(table(&access).is_err(), "{account} on {on}");
        }
    }
}
