//! What has to hold after every trial, and at the moment in which work broke off.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use shared::fingerprint::Digest;

use crate::home::{CATALOG, Home, RECORD, State};
use crate::reference::Reference;

/// The stable addresses of the site.
const ADDRESSES: &str = "data/v1/";

/// Checks what a reader sees where work broke off, in the data of the home or a copy of them: old or new, and whole.
///
/// # Errors
/// Describes the first thing that is neither.
pub(crate) fn check_broken_off(
    home: &Home,
    reference: &Reference,
    data: &Path,
) -> anyhow::Result<()> {
    let Reference { before, after, .. } = reference;
    let found = &home.state_in(data, reference.work)?;
    for (key, content) in &found.lake {
        let expected = after.lake.get(key);
        ensure!(
            expected == Some(content),
            "{key} is in the lake, which an undisturbed run does not write so"
        );
    }
    check_manifests(&found.lake)?;
    check_partitions(home, data, before, found)?;
    check_marts(before, after, found)?;
    check_site(before, after, found)
}

/// Checks the state after work that was repeated until it succeeded.
///
/// # Errors
/// Describes the first difference from the undisturbed run.
pub(crate) fn check_end(home: &Home, reference: &Reference) -> anyhow::Result<()> {
    let found = home.state(reference.work)?;
    let after = &reference.after;
    same("the lake", &after.lake, &found.lake)?;
    same("the warehouse", &after.tables, &found.tables)?;
    same("the site", &after.site, &found.site)?;
    check_manifests(&found.lake)?;
    check_partitions(home, &home.data(), after, &found)
}

/// Whether an exit code is one that a job chose. Anything else, among it 70 and a signal, is a defect.
pub(crate) fn check_exit(exit: Option<i32>, honest: &[i32]) -> anyhow::Result<()> {
    match exit {
        Some(code) => ensure!(
            honest.contains(&code),
            "exit code {code}, which should be one of {honest:?}"
        ),
        None => bail!("ended by a signal"),
    }
    Ok(())
}

fn same<Content: PartialEq>(
    what: &str,
    expected: &BTreeMap<String, Content>,
    found: &BTreeMap<String, Content>,
) -> anyhow::Result<()> {
    let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let differing = keys.into_iter();
    let differing = differing.filter(|key| expected.get(*key) != found.get(*key));
    let differing: Vec<&str> = differing.map(String::as_str).collect();
    ensure!(
        differing.is_empty(),
        "{what} differs from that of the undisturbed run in {}",
        differing.join(", ")
    );
    Ok(())
}

/// Checks that every manifest names only objects that exist, as it describes them, and accounts for every row.
fn check_manifests(lake: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    // The lake's own objects; boundaries are GeoJSON.
    let is_json = |key: &str| {
        Path::new(key)
            .extension()
            .is_some_and(|name| name == "json")
    };
    for (key, content) in lake.iter().filter(|(key, _)| is_json(key)) {
        let manifest: Value =
            serde_json::from_slice(content).with_context(|| format!("{key} is not JSON"))?;
        check_references(key, &manifest, lake)?;
        if let Some(rows) = manifest["rows"].as_object() {
            let count = |name: &str| rows.get(name).and_then(Value::as_u64);
            let accounted = count("kept").zip(count("quarantined"));
            ensure!(
                count("read") == accounted.map(|(kept, quarantined)| kept + quarantined),
                "{key} does not account for its rows: {rows:?}"
            );
        }
    }
    Ok(())
}

fn check_references(
    manifest: &str,
    value: &Value,
    lake: &BTreeMap<String, Vec<u8>>,
) -> anyhow::Result<()> {
    match value {
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str);
            if let (Some(key), Some(digest)) = (text("key"), text("sha256")) {
                let object = lake
                    .get(key)
                    .with_context(|| format!("{manifest} names {key}, which does not exist"))?;
                ensure!(
                    Digest::of(object).as_str() == digest,
                    "{manifest} names {key} with another digest than it has"
                );
            }
            let mut values = fields.values();
            values.try_for_each(|value| check_references(manifest, value, lake))
        }
        Value::Array(values) => {
            let mut values = values.iter();
            values.try_for_each(|value| check_references(manifest, value, lake))
        }
        _ => Ok(()),
    }
}

/// Checks that the warehouse has exactly the rows that the latest load of each year states, and none twice.
fn check_partitions(home: &Home, data: &Path, before: &State, found: &State) -> anyhow::Result<()> {
    const STATED: &str =
        "select partition, rows_kept, rows_quarantined from load_history order by load_number";
    const KEPT: &str = "select source_year, count(*), count(distinct request_id) from service_requests group by source_year";
    const QUARANTINED: &str =
        "select source_year, count(*), count(*) from quarantined_requests group by source_year";

    if !has_loaded_tables(before, found)? {
        return Ok(());
    }
    let rows = |sql| -> anyhow::Result<Rows> {
        let rows = home.query_in(data, sql)?.context("the warehouse is gone")?;
        Ok(serde_json::from_value(rows)?)
    };
    check_counts(&rows(STATED)?, [&rows(KEPT)?, &rows(QUARANTINED)?])
}

/// Whether the warehouse has the tables of loads, which are created before the first load.
fn has_loaded_tables(before: &State, found: &State) -> anyhow::Result<bool> {
    let tables = ["load_history", "service_requests", "quarantined_requests"];
    for table in tables.map(|table| format!("main.{table}")) {
        if !found.tables.contains_key(&table) {
            ensure!(
                !before.tables.contains_key(&table),
                "the table {table} is gone"
            );
            return Ok(false);
        }
    }
    Ok(true)
}

type Rows = Vec<Vec<Value>>;

/// Checks the kept and the quarantined rows by year, each with the number of distinct ones, against the loads: partition,
/// kept and quarantined, the latest last.
fn check_counts(loads: &Rows, loaded: [&Rows; 2]) -> anyhow::Result<()> {
    let mut stated = BTreeMap::new();
    for load in loads {
        // Boundaries have no year.
        if let Ok(year) = load[0].as_str().unwrap_or_default().parse::<i64>() {
            stated.insert(year, [load[1].as_u64(), load[2].as_u64()]);
        }
    }
    let mut counted: BTreeMap<i64, [Option<u64>; 2]> = BTreeMap::new();
    for (kind, rows) in loaded.into_iter().enumerate() {
        for row in rows {
            let year = row[0].as_i64().context("a row without a year")?;
            ensure!(row[1] == row[2], "{year} has rows twice: {row:?}");
            counted.entry(year).or_insert([Some(0); 2])[kind] = row[1].as_u64();
        }
    }
    ensure!(
        counted == stated,
        "kept and quarantined rows by year are {counted:?}, but the loads state {stated:?}"
    );
    Ok(())
}

/// Checks that the published marts are those before or those after, all of them.
fn check_marts(before: &State, after: &State, found: &State) -> anyhow::Result<()> {
    let marts = |state: &State| -> BTreeMap<String, Value> {
        let tables = state.tables.iter();
        let published = tables.filter(|(name, _)| !name.starts_with("main.") || *name == RECORD);
        published
            .map(|(name, table)| (name.clone(), table.clone()))
            .collect()
    };
    let (before, after, found) = (marts(before), marts(after), marts(found));
    // Without a record nothing was ever published; BigQuery creates tables before the transaction that fills them.
    let has_published =
        |marts: &BTreeMap<String, Value>| marts.get(RECORD).is_some_and(|table| table[0] != 0);
    if !has_published(&found) {
        ensure!(!has_published(&before), "the published marts are gone");
        return Ok(());
    }
    ensure!(
        found == before || found == after,
        "the published marts are neither those before nor those after"
    );
    Ok(())
}

/// Checks that the catalog of the site is that before or that after, that every file it names is there, and that every
/// stable address has a file of before or after, and none of before is missing.
fn check_site(before: &State, after: &State, found: &State) -> anyhow::Result<()> {
    for (path, content) in &found.site {
        let known = |state: &State| state.site.get(path) == Some(content);
        ensure!(
            !path.starts_with(ADDRESSES) || known(before) || known(after),
            "{path} of the site is neither that before nor that after"
        );
    }
    for path in before
        .site
        .keys()
        .filter(|path| path.starts_with(ADDRESSES))
    {
        let is_there = found.site.contains_key(path) || !after.site.contains_key(path);
        ensure!(is_there, "{path} of the site is gone");
    }
    let Some(catalog) = found.site.get(CATALOG) else {
        ensure!(
            !before.site.contains_key(CATALOG),
            "the catalog of the site is gone"
        );
        return Ok(());
    };
    ensure!(
        [before, after]
            .iter()
            .any(|state| state.site.get(CATALOG) == Some(catalog)),
        "the catalog of the site is neither that before nor that after"
    );
    let catalog: Value = serde_json::from_slice(catalog).context("the catalog of the site")?;
    let tables = ["marts", "datasets"].map(|kind| catalog[kind].as_array());
    for table in tables.into_iter().flatten().flatten() {
        let files = table["files"].as_array().into_iter().flatten();
        let whole = Some(&table["whole"]).filter(|whole| !whole.is_null());
        for file in files.chain(whole) {
            let path = file["path"].as_str().unwrap_or_default();
            let content = found.site.get(&format!("data/{path}")).with_context(|| {
                format!("the catalog of the site names {path}, which is missing")
            })?;
            ensure!(
                file["sha256"].as_str() == Some(Digest::of(content).as_str()),
                "{path} of the site is not what the catalog says"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};
    use shared::fingerprint::Digest;

    use super::{
        check_counts, check_exit, check_manifests, check_marts, check_site, has_loaded_tables, same,
    };
    use crate::home::{CATALOG, RECORD, State};

    fn objects(contents: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        let contents = contents.iter();
        contents
            .map(|(key, content)| ((*key).to_owned(), content.as_bytes().to_vec()))
            .collect()
    }

    fn state(tables: &[(&str, Value)], site: &[(&str, &str)]) -> State {
        let tables = tables.iter();
        State {
            lake: BTreeMap::new(),
            tables: tables
                .map(|(name, table)| ((*name).to_owned(), table.clone()))
                .collect(),
            site: objects(site),
        }
    }

    fn problem(judged: anyhow::Result<()>) -> String {
        format!("{:#}", judged.unwrap_err())
    }

    #[test]
    fn a_manifest_that_names_what_is_not_there_is_found() {
        let digest = Digest::of(b"rows");
        let manifest = |kept: u64, sha256: &str| {
            let rows = json!({"read": 3, "kept": kept, "quarantined": 1});
            json!({"rows": rows, "files": [{"key": "a.parquet", "sha256": sha256}]}).to_string()
        };
        let lake = |manifest: &str, content: &str| {
            objects(&[("a/manifest.json", manifest), ("a.parquet", content)])
        };
        let good = manifest(2, digest.as_str());
        check_manifests(&lake(&good, "rows")).unwrap();
        let altered = problem(check_manifests(&lake(&good, "ROWS")));
        assert!(altered.contains("another digest"), "{altered}");
        let missing = problem(check_manifests(&objects(&[("a/manifest.json", &good)])));
        assert!(missing.contains("does not exist"), "{missing}");
        let lost = problem(check_manifests(&lake(
            &manifest(1, digest.as_str()),
            "rows",
        )));
        assert!(lost.contains("does not account"), "{lost}");
    }

    #[test]
    fn rows_that_are_missing_or_there_twice_are_found() {
        let loads = vec![
            vec![json!("2025"), json!(9), json!(0)],
            vec![json!("2025"), json!(7), json!(1)],
            vec![json!("city-wards"), json!(25), Value::Null],
        ];
        let rows = |all: u64, distinct: u64| vec![vec![json!(2025), json!(all), json!(distinct)]];
        check_counts(&loads, [&rows(7, 7), &rows(1, 1)]).unwrap();
        for (kept, quarantined, expected) in [
            (rows(6, 6), rows(1, 1), "but the loads state"),
            (rows(7, 7), Vec::new(), "but the loads state"),
            (Vec::new(), Vec::new(), "but the loads state"),
            (rows(7, 6), rows(1, 1), "rows twice"),
        ] {
            let found = problem(check_counts(&loads, [&kept, &quarantined]));
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_mixture_of_old_and_new_marts_is_found() {
        let marts = |one: u64, other: u64, record: u64| {
            let tables = [
                ("marts.one", json!([one, "d"])),
                ("marts.other", json!([other, "d"])),
            ];
            state(
                &[&tables[..], &[(RECORD, json!([1, record.to_string()]))]].concat(),
                &[],
            )
        };
        let (before, after) = (marts(1, 1, 1), marts(2, 2, 2));
        check_marts(&before, &after, &before).unwrap();
        check_marts(&before, &after, &after).unwrap();
        for mixed in [marts(1, 2, 2), marts(2, 2, 1), marts(2, 1, 1)] {
            let found = problem(check_marts(&before, &after, &mixed));
            assert!(found.contains("neither"), "{found}");
        }
    }

    #[test]
    fn tables_that_were_there_before_are_missed() {
        let none = state(&[], &[]);
        let empty = state(&[(RECORD, json!([0, ""]))], &[]);
        let published = state(&[(RECORD, json!([1, "1"]))], &[]);
        check_marts(&none, &published, &empty).unwrap();
        for found in [&none, &empty] {
            let problem = problem(check_marts(&published, &published, found));
            assert!(problem.contains("marts are gone"), "{problem}");
        }
        let tables = [
            "main.load_history",
            "main.service_requests",
            "main.quarantined_requests",
        ];
        let loaded = state(&tables.map(|table| (table, json!([1, "1"]))), &[]);
        assert!(!has_loaded_tables(&none, &none).unwrap());
        assert!(has_loaded_tables(&none, &loaded).unwrap());
        let lost = has_loaded_tables(&loaded, &none);
        assert!(problem(lost.map(drop)).contains("main.load_history is gone"));
    }

    #[test]
    fn a_stable_address_that_vanished_is_missed() {
        let before = state(&[], &[("data/v1/a", "old"), ("data/v1/withdrawn", "old")]);
        let after = state(&[], &[("data/v1/a", "new")]);
        check_site(&before, &after, &after).unwrap();
        let lost = state(&[], &[("data/v1/withdrawn", "old")]);
        let problem = problem(check_site(&before, &after, &lost));
        assert!(
            problem.contains("data/v1/a of the site is gone"),
            "{problem}"
        );
    }

    #[test]
    fn a_catalog_whose_files_are_missing_is_found() {
        let digest = Digest::of(b"rows");
        let file = |path: &str| json!({"path": path, "sha256": digest.as_str()});
        let catalog = json!({"marts": [{"files": [file("a")], "whole": file("whole")}]});
        let catalog = catalog.to_string();
        let after = state(
            &[],
            &[
                (CATALOG, &catalog),
                ("data/a", "rows"),
                ("data/whole", "rows"),
            ],
        );
        let before = state(&[], &[]);
        check_site(&before, &after, &after).unwrap();
        check_site(&before, &after, &before).unwrap();
        for (site, expected) in [
            (state(&[], &[(CATALOG, &catalog)]), "missing"),
            (
                state(&[], &[(CATALOG, &catalog), ("data/a", "rows")]),
                "whole, which is missing",
            ),
            (
                state(&[], &[(CATALOG, &catalog), ("data/a", "ROWS")]),
                "not what",
            ),
            (state(&[], &[(CATALOG, "{}")]), "neither"),
            (state(&[], &[("data/v1/a", "ro")]), "neither"),
        ] {
            let found = problem(check_site(&before, &after, &site));
            assert!(found.contains(expected), "{found}");
        }
        let gone = problem(check_site(&after, &after, &before));
        assert!(gone.contains("gone"), "{gone}");
    }

    #[test]
    fn differences_and_dishonest_exits_are_found() {
        let one = objects(&[("a", "1"), ("b", "2")]);
        same("the lake", &one, &one).unwrap();
        for other in [objects(&[("a", "1")]), objects(&[("a", "1"), ("b", "3")])] {
            let found = problem(same("the lake", &one, &other));
            assert!(found.ends_with("in b"), "{found}");
        }
        check_exit(Some(30), &[0, 30]).unwrap();
        for exit in [Some(70), Some(20), None] {
            assert!(check_exit(exit, &[0, 30]).is_err(), "{exit:?}");
        }
    }
}
