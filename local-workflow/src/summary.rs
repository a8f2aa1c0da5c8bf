//! What a run did, for a person.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use anyhow::Context as _;
use shared::hand_over;
use shared::lake::{Key, Lake};
use shared::manifest::{self, CleanManifest, MartsManifest, RowCounts};
use shared::partition::Partition;
use shared::run::{RunId, Stage};

use crate::stages::Finished;
use crate::storage::Storage;

/// The summary of a run that began at `started`.
pub(crate) async fn of_run(
    storage: &Storage,
    run_id: &RunId,
    started: SystemTime,
    finished: &[Finished],
) -> anyhow::Result<String> {
    let lake = &storage.lake;
    let mut text = String::new();
    let mut is_new = BTreeMap::new();

    let clean = handed_over(lake, run_id, Stage::Transform).await?;
    let header = [
        "",
        "rows read",
        "kept",
        "repaired",
        "quarantined",
        "files",
        "",
    ];
    writeln!(text, "{}", row(header.map(String::from)))?;
    let mut total = RowCounts::default();
    for (partition, key) in &clean {
        let manifest: CleanManifest = read(lake, key).await?;
        let new = storage.is_newer(key, started)?;
        is_new.insert(*partition, new);
        let rows = &manifest.rows;
        let state = if new { "new" } else { "as before" };
        writeln!(
            text,
            "{}",
            counts(&partition.to_string(), rows, manifest.files.len(), state)
        )?;
        if matches!(partition, Partition::Year(_)) {
            add(&mut total, rows);
        }
        for drift in &manifest.drift {
            writeln!(
                text,
                "    drift: {:?} {:?}, {} rows",
                drift.kind, drift.subject, drift.rows
            )?;
        }
    }
    writeln!(text, "{}", counts("all years", &total, 0, ""))?;
    for (reason, rows) in &total.quarantined_by_reason {
        writeln!(text, "    quarantined: {reason} {}", grouped(*rows))?;
    }

    let built = handed_over(lake, run_id, Stage::Dbt).await?;
    let marts_key = built.into_values().next();
    let marts_key = marts_key.context("no marts were built from what this run loaded")?;
    let marts: MartsManifest = read(lake, &marts_key).await?;
    writeln!(text, "\nmarts")?;
    for mart in &marts.marts {
        writeln!(text, "{:>26} {:>12} rows", mart.table, grouped(mart.rows))?;
    }

    writeln!(text, "\nstages")?;
    for Finished { stage, took } in finished {
        writeln!(text, "{:>26} {:>8.2} s", stage.as_str(), took.as_secs_f64())?;
    }
    writeln!(text, "\nlake        {lake}")?;
    writeln!(text, "warehouse   {}", storage.warehouse_url)?;
    writeln!(text, "marts       {}", lake.locate(&marts_key))?;

    let produced = is_new.values().filter(|new| **new).count();
    if produced == 0 && !storage.is_newer(&marts_key, started)? {
        writeln!(
            text,
            "\nNothing new: every year and boundary is as the last run left it."
        )?;
    } else {
        writeln!(text, "\n{produced} of {} partitions are new.", is_new.len())?;
    }
    Ok(text)
}

/// The manifests a stage handed over, by partition.
async fn handed_over(
    lake: &Lake,
    run_id: &RunId,
    stage: Stage,
) -> anyhow::Result<BTreeMap<Partition, Key>> {
    let input = hand_over::handed_over(lake, run_id, stage)
        .await
        .map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let partitions = input.partitions.into_iter();
    Ok(partitions
        .map(|(partition, handed)| (partition, handed.manifest.key))
        .collect())
}

async fn read<T: serde::de::DeserializeOwned>(lake: &Lake, key: &Key) -> anyhow::Result<T> {
    manifest::read(lake, key)
        .await
        .map_err(|failure| anyhow::anyhow!("{failure}"))
}

fn add(total: &mut RowCounts, rows: &RowCounts) {
    total.read += rows.read;
    total.kept += rows.kept;
    total.repaired += rows.repaired;
    total.quarantined += rows.quarantined;
    for (reason, count) in &rows.quarantined_by_reason {
        *total
            .quarantined_by_reason
            .entry(reason.clone())
            .or_default() += count;
    }
}

fn counts(name: &str, rows: &RowCounts, files: usize, state: &str) -> String {
    let files = if files == 0 {
        String::new()
    } else {
        files.to_string()
    };
    row([
        name.to_owned(),
        grouped(rows.read),
        grouped(rows.kept),
        grouped(rows.repaired),
        grouped(rows.quarantined),
        files,
        state.to_owned(),
    ])
}

fn row([name, read, kept, repaired, quarantined, files, state]: [String; 7]) -> String {
    format!("{name:>26} {read:>12} {kept:>12} {repaired:>10} {quarantined:>12} {files:>6}  {state}")
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        let grouped = [0, 999, 1_000, 36_189, 1_234_567].map(super::grouped);
        assert_eq!(grouped, ["0", "999", "1,000", "36,189", "1,234,567"]);
    }
}
