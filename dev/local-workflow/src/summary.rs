//! Prints the summary of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use indicatif::HumanCount;
use shared::hand_over::{self, Input, Refused};
use shared::key::Key;
use shared::lake::Lake;
use shared::manifest::{self, CleanManifest, MartsManifest, RowCounts};
use shared::partition::Partition;
use shared::run::{RunId, Stage};

use crate::stages::Finished;
use crate::storage::Storage;

/// Returns the summary of a run that started at `started`.
pub(crate) async fn of_run(
    storage: &Storage,
    run_id: &RunId,
    started: SystemTime,
    finished: &[Finished],
    is_complete: bool,
) -> anyhow::Result<String> {
    let lake = &storage.lake;
    let mut text = String::new();
    let clean = handed_over(lake, run_id, Stage::Transform).await?;
    let clean = clean_rows(&mut text, storage, &clean, started).await?;

    let Input {
        partitions: built,
        refused,
    } = handed_over(lake, run_id, Stage::Dbt).await?;
    // All partitions go into the same marts. If all are refused, the marts are those of an earlier run.
    let marts_key = built.into_values().next().map(|handed| handed.manifest.key);
    if let Some(key) = &marts_key {
        let marts: MartsManifest = read(lake, key).await?;
        writeln!(text, "\nmarts")?;
        for mart in &marts.marts {
            let rows = HumanCount(mart.rows).to_string();
            writeln!(text, "{:>26} {rows:>12} rows", mart.table)?;
        }
    }

    writeln!(text, "\nstages")?;
    for Finished { name, took } in finished {
        writeln!(text, "{name:>26} {:>8.2} s", took.as_secs_f64())?;
    }
    if !refused.is_empty() {
        writeln!(text, "\nrefused")?;
    }
    for (partition, refused) in &refused {
        let name = partition.to_string();
        let Refused {
            stage, exit, cause, ..
        } = refused;
        writeln!(text, "{name:>26} by {stage}, exit code {exit}: {cause}")?;
    }
    writeln!(text, "\nlake        {lake}")?;
    writeln!(text, "warehouse   {}", storage.warehouse_url)?;
    if let Some(key) = &marts_key {
        writeln!(text, "marts       {}", lake.locate(key))?;
    }

    let are_marts_new = match &marts_key {
        Some(key) => storage.is_newer(key, started)?,
        None => false,
    };
    let but = match refused.len() {
        0 => String::new(),
        refused => format!(", {refused} refused"),
    };
    let new = clean.values().filter(|clean| clean.is_new).count();
    if new > 0 || are_marts_new {
        let all = clean.len();
        writeln!(text, "\n{new} of {all} partitions are new{but}.")?;
    } else if is_complete {
        writeln!(
            text,
            "\nNothing new: no year or boundary has changed since the last run."
        )?;
    } else {
        writeln!(
            text,
            "\nNothing new: what did not fail has not changed since the last run{but}."
        )?;
    }
    text.push_str(&generated(&clean));
    Ok(text)
}

/// The summary of a clean partition.
struct Clean {
    is_new: bool,
    is_generated: bool,
}

/// Writes the table of what happened to the rows.
async fn clean_rows(
    text: &mut String,
    storage: &Storage,
    handed_over: &Input,
    started: SystemTime,
) -> anyhow::Result<BTreeMap<Partition, Clean>> {
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
    let mut all = BTreeMap::new();
    let mut total = RowCounts::default();
    for (partition, handed) in &handed_over.partitions {
        let key = &handed.manifest.key;
        let manifest: CleanManifest = read(&storage.lake, key).await?;
        let clean = Clean {
            is_new: storage.is_newer(key, started)?,
            is_generated: manifest.source.generated,
        };
        let rows = &manifest.rows;
        let state = if clean.is_new { "new" } else { "unchanged" };
        all.insert(*partition, clean);
        writeln!(
            text,
            "{}",
            counts(&partition.to_string(), rows, manifest.files.len(), state)
        )?;
        if partition.year().is_some() {
            add(&mut total, rows);
        }
        for drift in handed.drift.iter().chain(&manifest.drift) {
            writeln!(
                text,
                "    drift: {} {:?}, {} rows",
                drift.kind, drift.subject, drift.rows
            )?;
        }
    }
    writeln!(text, "{}", counts("all years", &total, 0, ""))?;
    for (reason, rows) in &total.quarantined_by_reason {
        writeln!(text, "    quarantined: {reason} {}", HumanCount(*rows))?;
    }
    Ok(all)
}

/// Returns a line that lists the synthetic data, or nothing if there are none.
fn generated(clean: &BTreeMap<Partition, Clean>) -> String {
    let generated = clean.iter().filter(|(_, clean)| clean.is_generated);
    let names: Vec<String> = generated
        .map(|(partition, _)| partition.to_string())
        .collect();
    let mut years = clean
        .iter()
        .filter(|(partition, _)| partition.year().is_some());
    if names.is_empty() {
        String::new()
    } else if years.all(|(_, clean)| clean.is_generated) {
        "All service requests are synthetic: none of them are the City's.\n".to_owned()
    } else {
        format!("Synthetic, and not the City's: {}.\n", names.join(", "))
    }
}

async fn handed_over(lake: &Lake, run_id: &RunId, stage: Stage) -> anyhow::Result<Input> {
    hand_over::handed_over(lake, run_id, stage)
        .await
        .map_err(|failure| anyhow::anyhow!("{failure}"))
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
    let count = |rows| HumanCount(rows).to_string();
    row([
        name.to_owned(),
        count(rows.read),
        count(rows.kept),
        count(rows.repaired),
        count(rows.quarantined),
        files,
        state.to_owned(),
    ])
}

fn row([name, read, kept, repaired, quarantined, files, state]: [String; 7]) -> String {
    format!("{name:>26} {read:>12} {kept:>12} {repaired:>10} {quarantined:>12} {files:>6}  {state}")
}
