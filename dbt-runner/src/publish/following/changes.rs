//! What the City changed: each publication of a year compared with the one before, and request types that are new.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use shared::exit::Failure;
use shared::manifest::Version;

use super::feed::{Feeds, News, counted};
use super::midnight;
use crate::publish::catalog::Catalog;
use crate::publish::rows;
use crate::site::Site;

/// `changes.json`.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    /// The format.
    #[serde(rename = "changes")]
    version: Version,
    /// Whether any of the data are synthetic.
    generated: bool,
    /// The publications that were loaded, the newest first.
    publications: Vec<Publication>,
    /// The types that no group has: the City has added them since the groups were made.
    new_types: Vec<NewType>,
}

/// A publication of a year.
#[derive(Debug, Serialize)]
struct Publication {
    year: i64,
    /// 1 for the first version of the year that was loaded, and so on: another warehouse may have loaded others.
    number: i64,
    /// SHA-256 of the City's file, in hexadecimal.
    sha256: String,
    /// How often the year had this file so far: 1, or more if the City has put it back. With `sha256`, it names the
    /// publication in every warehouse.
    #[serde(skip)]
    occurrence: u64,
    /// When a run first observed it or, if none did, when it was loaded.
    seen_at: Timestamp,
    /// Whether other rules read it than the one before, so that what differs is not the City's alone.
    rules_changed: bool,
    rows: Rows,
    /// Values and columns that the contract does not list and the publication before did not have.
    unexpected: Vec<Unexpected>,
}

/// The requests of a publication, compared with the one before.
#[derive(Debug, Serialize)]
struct Rows {
    before: u64,
    after: u64,
    added: u64,
    gone: u64,
    restatused: u64,
    relabelled: u64,
}

#[derive(Debug, Serialize)]
struct Unexpected {
    /// `unknown_status`, `unknown_division`, `extra_column` and so on.
    kind: String,
    value: String,
    rows: u64,
}

#[derive(Debug, Serialize)]
struct NewType {
    name: String,
    first_on: Date,
    requests: u64,
}

/// A row of `publication_changes`.
#[derive(Debug, Clone, Deserialize)]
struct ChangeRow {
    source_year: i64,
    load_number: i64,
    source_sha256: String,
    content_changed: bool,
    rules_changed: bool,
    new_observed_at: Option<Timestamp>,
    rows_before: u64,
    rows_after: u64,
    rows_added: u64,
    rows_gone: u64,
    rows_restatused: u64,
    rows_relabelled: u64,
}

/// A row of `data_quality`.
#[derive(Debug, Deserialize)]
struct QualityRow {
    source_year: i64,
    load_number: i64,
    loaded_at: Option<Timestamp>,
    measure: String,
    subject: Option<String>,
    row_count: u64,
}

/// A row of `types_in_use`.
#[derive(Debug, Deserialize)]
struct TypeRow {
    service_request_type: String,
    is_listed: bool,
    first_on: Date,
    requests: u64,
}

/// Reads what changed from the published tables.
pub(super) async fn read(site: &Site, catalog: &Catalog) -> Result<Changes, Failure> {
    let columns = [
        "source_year",
        "load_number",
        "source_sha256",
        "content_changed",
        "rules_changed",
        "new_observed_at",
        "rows_before",
        "rows_after",
        "rows_added",
        "rows_gone",
        "rows_restatused",
        "rows_relabelled",
    ];
    let changed: Vec<ChangeRow> =
        rows::read(site, catalog, "publication_changes", &columns, |_| true).await?;
    let columns = [
        "source_year",
        "load_number",
        "loaded_at",
        "measure",
        "subject",
        "row_count",
    ];
    let quality: Vec<QualityRow> =
        rows::read(site, catalog, "data_quality", &columns, |_| true).await?;
    let columns = ["service_request_type", "is_listed", "first_on", "requests"];
    let types: Vec<TypeRow> = rows::read(site, catalog, "types_in_use", &columns, |_| true).await?;

    let unlisted = types.into_iter().filter(|one| !one.is_listed);
    Ok(Changes {
        version: Version::V1,
        generated: catalog.generated,
        publications: publications(changed, &quality),
        new_types: unlisted
            .map(|one| NewType {
                name: one.service_request_type,
                first_on: one.first_on,
                requests: one.requests,
            })
            .collect(),
    })
}

/// Returns the publications among the loads, the newest first.
fn publications(mut loads: Vec<ChangeRow>, quality: &[QualityRow]) -> Vec<Publication> {
    loads.sort_by_key(|load| (load.source_year, load.load_number));
    let mut occurrences = BTreeMap::new();
    let mut publications = Vec::new();
    for change in loads.iter().filter(|load| load.content_changed) {
        let occurrence = occurrences
            .entry((change.source_year, &change.source_sha256))
            .or_insert(0);
        *occurrence += 1;
        publications.extend(Publication::of(change, *occurrence, quality));
    }
    publications.sort_by_key(|one| (std::cmp::Reverse(one.seen_at), one.year, one.number));
    publications
}

impl Publication {
    /// Returns the publication of a change; `None` if it is not known when it was loaded, which no version lacks.
    fn of(change: &ChangeRow, occurrence: u64, quality: &[QualityRow]) -> Option<Self> {
        let (year, number) = (change.source_year, change.load_number);
        let of = |number: i64| {
            let rows = quality.iter();
            rows.filter(move |row| row.source_year == year && row.load_number == number)
        };
        let loaded_at = of(number).find_map(|row| row.loaded_at);
        let kind = |row: &QualityRow| row.measure.strip_prefix("drift_").map(str::to_owned);
        let before: BTreeSet<_> = of(number - 1)
            .map(|row| (kind(row), &row.subject))
            .collect();
        let unexpected = of(number)
            .filter(|row| !before.contains(&(kind(row), &row.subject)))
            .filter_map(|row| {
                Some(Unexpected {
                    kind: kind(row)?,
                    value: row.subject.clone().unwrap_or_default(),
                    rows: row.row_count,
                })
            });
        Some(Self {
            year,
            number,
            sha256: change.source_sha256.clone(),
            occurrence,
            seen_at: change.new_observed_at.or(loaded_at)?,
            rules_changed: change.rules_changed,
            rows: Rows {
                before: change.rows_before,
                after: change.rows_after,
                added: change.rows_added,
                gone: change.rows_gone,
                restatused: change.rows_restatused,
                relabelled: change.rows_relabelled,
            },
            unexpected: unexpected.collect(),
        })
    }

    fn news(&self) -> News {
        let Self {
            year, number, rows, ..
        } = self;
        let is_first = *number == 1;
        let title = if is_first {
            format!("{year}: {}", counted(rows.after, "request", "requests"))
        } else if self.rules_changed {
            format!("{year} was published again and is read by other rules")
        } else {
            let changes = [
                (rows.added, "added"),
                (rows.gone, "gone"),
                (rows.restatused, "with another status"),
                (rows.relabelled, "with another division or section"),
            ];
            let changes = changes.into_iter().filter(|(requests, _)| *requests > 0);
            let changes = changes.map(|(requests, how)| {
                format!("{} {how}", counted(requests, "request", "requests"))
            });
            let changes = changes.collect::<Vec<_>>().join(", ");
            let changes = if changes.is_empty() {
                "the same requests".to_owned()
            } else {
                changes
            };
            format!("{year} was published again: {changes}")
        };
        let unexpected = self.unexpected.iter().map(|one| {
            let kind = one.kind.replace('_', " ");
            format!(
                " New: {kind} {:?}, {}.",
                one.value,
                counted(one.rows, "row", "rows")
            )
        });
        let before = if is_first {
            String::new()
        } else {
            format!(
                "; of the one before, {}",
                counted(rows.before, "request", "requests")
            )
        };
        let text = format!(
            "Read of the City's file of {year}: {}{before}.{}",
            counted(rows.after, "request", "requests"),
            unexpected.collect::<String>()
        );
        News {
            of: vec![
                year.to_string(),
                self.sha256.clone(),
                self.occurrence.to_string(),
            ],
            title,
            text,
            since: self.seen_at,
            page: "index.html#about".to_owned(),
        }
    }
}

impl NewType {
    fn news(&self) -> Option<News> {
        let Self { name, first_on, .. } = self;
        Some(News {
            of: vec!["type".to_owned(), name.clone()],
            title: format!("New request type: {name}"),
            text: format!(
                "First requested on {first_on}. It is counted in the group Other until it is listed."
            ),
            since: midnight(*first_on).ok()?,
            page: "index.html".to_owned(),
        })
    }
}

impl Changes {
    /// Returns the feed of the publications with its path on the site.
    pub(super) async fn feed(&self, feeds: &Feeds<'_>) -> Result<(String, Bytes), Failure> {
        let publications = self.publications.iter().map(Publication::news);
        let types = self.new_types.iter().filter_map(NewType::news);
        let news = publications.chain(types).collect();
        let title = "What the City changed in its 311 service requests";
        let page = "index.html#about";
        feeds.write("publications", title, page, news).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the row of a load of a file, whose content is other than before or not.
    fn change(load_number: i64, file: &str, content_changed: bool) -> ChangeRow {
        ChangeRow {
            source_year: 2024,
            load_number,
            source_sha256: file.to_owned(),
            content_changed,
            rules_changed: false,
            new_observed_at: Timestamp::from_second(load_number).ok(),
            rows_before: 1_000,
            rows_after: 10,
            rows_added: 10,
            rows_gone: 0,
            rows_restatused: 0,
            rows_relabelled: 0,
        }
    }

    /// Returns the entries of the loads of a year, each of a file and of whether its content is other than before.
    fn entries(loads: &[(&str, bool)]) -> Vec<News> {
        let loads = (1..).zip(loads);
        let mut changes: Vec<ChangeRow> = loads
            .map(|(number, (file, other))| change(number, file, *other))
            .collect();
        changes.reverse();
        let publications = publications(changes, &[]);
        publications.iter().rev().map(Publication::news).collect()
    }

    #[test]
    fn a_publication_has_one_name_in_every_warehouse() {
        let names = |loads: &[(&str, bool)]| -> Vec<Vec<String>> {
            entries(loads).into_iter().map(|entry| entry.of).collect()
        };
        let first = names(&[("a", true), ("a", false), ("b", true), ("a", true)]);
        let expected = [["a", "1"], ["b", "1"], ["a", "2"]];
        assert_eq!(first, expected.map(|[file, number]| ["2024", file, number]));
        let rebuilt = names(&[("b", true)]);
        assert_eq!(rebuilt, first[1..2]);
    }

    #[test]
    fn a_first_publication_is_compared_with_none() {
        let texts = entries(&[("a", true), ("b", true)]).into_iter();
        let texts: Vec<String> = texts.map(|entry| entry.text).collect();
        assert_eq!(
            texts,
            [
                "Read of the City's file of 2024: 10 requests.",
                "Read of the City's file of 2024: 10 requests; of the one before, 1,000 requests.",
            ]
        );
    }

    #[test]
    fn what_other_rules_change_is_not_the_citys() {
        let mut change = change(2, "b", true);
        let title = |change: &ChangeRow| {
            let publications = publications(vec![change.clone()], &[]);
            publications[0].news().title
        };
        assert_eq!(
            title(&change),
            "2024 was published again: 10 requests added"
        );
        change.rules_changed = true;
        assert_eq!(
            title(&change),
            "2024 was published again and is read by other rules"
        );
    }
}
