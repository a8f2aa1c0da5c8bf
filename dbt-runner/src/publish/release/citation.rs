//! `CITATION.cff`: Citation File Format 1.2.0, <https://citation-file-format.github.io/>.

use serde_json::json;

use super::Contents;
use super::words::{DESCRIPTION, GENERATED, subject};

/// Returns the file. Text in quotes is the same in YAML as in JSON.
pub(super) fn of(contents: &Contents<'_>) -> String {
    let Contents {
        name,
        catalog,
        date,
        commit,
        ..
    } = contents;
    let (subject, author) = subject(catalog.generated);
    let title = json!(format!("{subject}, release {name}"));
    let licence = match &catalog.licence {
        Some(licence) => format!("license-url: {}", json!(licence.url)),
        None => "license: MIT".to_owned(),
    };
    let notice = catalog.attribution.as_deref().unwrap_or(GENERATED);
    format!(
        "cff-version: 1.2.0\n\
         message: {}\n\
         type: dataset\n\
         title: {title}\n\
         version: {}\n\
         date-released: \"{date}\"\n\
         authors:\n  - name: {}\n\
         abstract: {}\n\
         keywords: [\"311\", open data, Toronto]\n\
         {licence}\n\
         commit: {}\n",
        json!(format!(
            "To cite these data: {author}, {subject}, release {name}. {notice}"
        )),
        json!(name.to_string()),
        json!(author),
        json!(DESCRIPTION),
        json!(commit),
    )
}
