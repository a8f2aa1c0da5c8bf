//! The table of marts, from the descriptions in the dbt project.

use std::fs;

use anyhow::Context as _;
use serde::Deserialize;

const FOLDER: &str = "dbt-runner/project/models/marts";

/// A file of the dbt project that describes models.
#[derive(Deserialize)]
struct Descriptions {
    #[serde(default)]
    models: Vec<Mart>,
}

#[derive(Deserialize)]
struct Mart {
    name: String,
    description: String,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    one_row_per: String,
    /// Marts without it are read in the warehouse only.
    publish: Option<serde::de::IgnoredAny>,
}

/// Returns the marts by name: what a row is, and the first sentence of the description.
pub(crate) fn table() -> anyhow::Result<String> {
    let entries = fs::read_dir(FOLDER).with_context(|| format!("cannot list {FOLDER}"))?;
    let mut marts = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yml") {
            let about = || path.display().to_string();
            let text = fs::read_to_string(&path).with_context(about)?;
            let file: Descriptions = serde_saphyr::from_str(&text).with_context(about)?;
            marts.extend(file.models);
        }
    }
    marts.sort_by(|a, b| a.name.cmp(&b.name));
    let rows = marts.iter().map(|mart| {
        let words: Vec<&str> = mart.description.split_whitespace().collect();
        let description = words.join(" ");
        let sentence = description
            .split_once(". ")
            .map_or(&*description, |(first, _)| first);
        let note = if mart.config.meta.publish.is_none() {
            "; not published"
        } else {
            ""
        };
        format!(
            "| `{}` | {} | {}{note} |\n",
            mart.name,
            mart.config.meta.one_row_per,
            sentence.trim_end_matches('.')
        )
    });
    Ok(format!(
        "| mart | one row per | what it has |\n|---|---|---|\n{}",
        rows.collect::<String>()
    ))
}
