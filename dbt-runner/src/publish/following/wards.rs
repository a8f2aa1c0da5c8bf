//! One feed per ward: its requests in each month that is complete, and what was unusual in the latest one.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use shared::exit::Failure;

use super::feed::{Feeds, News, counted, grouped};
use super::midnight;
use crate::publish::{rows, whole_months};

/// The number of wards since December 2018, which names their model.
const MODEL: i32 = 25;
/// The months of a feed.
const MONTHS: i32 = 13;
/// The groups of types that an entry lists.
const LISTED: usize = 5;

/// A row of the seed `wards`.
#[derive(Debug, Deserialize)]
struct Ward {
    #[serde(rename = "ward_model")]
    model: i32,
    #[serde(rename = "ward_id")]
    id: i32,
    #[serde(rename = "ward_name")]
    name: String,
}

/// A row of `requests_by_month_group_ward`.
#[derive(Debug, Deserialize)]
struct CubeRow {
    created_month: Date,
    type_group: String,
    ward_model: Option<i32>,
    ward_id: Option<i32>,
    requests: u64,
}

/// A row of `unusual_months`.
#[derive(Debug, Deserialize)]
struct UnusualRow {
    created_month: Date,
    type_group: String,
    ward_model: Option<i32>,
    ward_id: Option<i32>,
    requests: u64,
    lower: f64,
    upper: f64,
}

/// Requests by ward, month and group.
type Counts = BTreeMap<i32, BTreeMap<Date, BTreeMap<String, u64>>>;

/// Returns the feed of each ward, by its path. A month that is not complete is in none, and none is compared with it.
pub(super) async fn feeds(feeds: &Feeds<'_>) -> Result<BTreeMap<String, Bytes>, Failure> {
    let Feeds { site, catalog, .. } = feeds;
    let complete = whole_months::read(site, catalog).await?;
    let latest = complete.last();
    let first = latest.map(|latest| *latest - (MONTHS - 1).months());
    let columns = ["ward_model", "ward_id", "ward_name"];
    let wards: Vec<Ward> = rows::read(site, catalog, "wards", &columns, |_| true).await?;
    let columns = [
        "created_month",
        "type_group",
        "ward_model",
        "ward_id",
        "requests",
    ];
    // The months a year before are compared with.
    let from = first.map(|first| i64::from(first.year()) - 1);
    let cube: Vec<CubeRow> = rows::read(
        site,
        catalog,
        "requests_by_month_group_ward",
        &columns,
        |file| from.is_some_and(|from| file.year >= Some(from)),
    )
    .await?;
    let columns = [
        "created_month",
        "type_group",
        "ward_model",
        "ward_id",
        "requests",
        "lower",
        "upper",
    ];
    let unusual: Vec<UnusualRow> =
        rows::read(site, catalog, "unusual_months", &columns, |_| true).await?;

    let mut counts = Counts::new();
    let is_counted =
        |row: &CubeRow| row.ward_model == Some(MODEL) && complete.contains(&row.created_month);
    for row in cube.into_iter().filter(is_counted) {
        if let Some(ward) = row.ward_id {
            let months = counts.entry(ward).or_default();
            let groups = months.entry(row.created_month).or_default();
            *groups.entry(row.type_group).or_default() += row.requests;
        }
    }
    let none = BTreeMap::new();
    let mut files = BTreeMap::new();
    for ward in wards.iter().filter(|ward| ward.model == MODEL) {
        let months = counts.get(&ward.id).unwrap_or(&none);
        let shown = months.iter().filter(|(month, _)| Some(**month) >= first);
        let mut news = Vec::new();
        for (month, groups) in shown {
            let year_before = months.get(&(*month - 1.year()));
            news.push(ward.month(*month, groups, year_before)?);
        }
        let of_ward =
            |row: &&UnusualRow| row.ward_model == Some(MODEL) && row.ward_id == Some(ward.id);
        for row in unusual.iter().filter(of_ward) {
            news.push(ward.unusual(row)?);
        }
        let name = format!("ward-{:02}", ward.id);
        let title = format!("311 requests in {} (Ward {})", ward.name, ward.id);
        files.extend([feeds.write(&name, &title, &ward.page(None), news).await?]);
    }
    Ok(files)
}

impl Ward {
    fn month(
        &self,
        month: Date,
        groups: &BTreeMap<String, u64>,
        year_before: Option<&BTreeMap<String, u64>>,
    ) -> Result<News, Failure> {
        let total: u64 = groups.values().sum();
        let before = year_before.map(|groups| groups.values().sum::<u64>());
        let compared = before
            .map(|before| {
                let month = month.strftime("%B");
                format!(", {} in {month} a year before", grouped(before))
            })
            .unwrap_or_default();
        let mut most: Vec<(&String, &u64)> = groups.iter().collect();
        most.sort_by_key(|(name, requests)| (std::cmp::Reverse(**requests), name.as_str()));
        let most = most.into_iter().take(LISTED);
        let most = most.map(|(name, requests)| format!("{name} {}", grouped(*requests)));
        Ok(News {
            of: vec![month.to_string()],
            title: format!(
                "{}: {} in Ward {}",
                month.strftime("%B %Y"),
                counted(total, "request", "requests"),
                self.id
            ),
            text: format!(
                "{} in {}{compared}. Most: {}.",
                counted(total, "request", "requests"),
                self.name,
                most.collect::<Vec<_>>().join("; ")
            ),
            since: end_of(month)?,
            page: self.page(Some(month)),
        })
    }

    fn unusual(&self, row: &UnusualRow) -> Result<News, Failure> {
        let month = row.created_month;
        Ok(News {
            of: vec![
                "unusual".to_owned(),
                month.to_string(),
                row.type_group.clone(),
            ],
            title: format!(
                "Unusual in {}: {} about {} in Ward {}",
                month.strftime("%B %Y"),
                counted(row.requests, "request", "requests"),
                row.type_group,
                self.id
            ),
            text: format!(
                "Usual in {} would be {:.0} to {:.0}, from the same month of the years before.",
                self.name, row.lower, row.upper
            ),
            since: end_of(month)?,
            page: self.page(Some(month)),
        })
    }

    /// Returns the page of the ward, in a month if one is given.
    fn page(&self, month: Option<Date>) -> String {
        let months = month.map(|month| format!("&months={}", month.strftime("%Y-%m")));
        format!("index.html?area={}{}", self.id, months.unwrap_or_default())
    }
}

/// Returns the end of a month, from which on its number of requests is known.
fn end_of(month: Date) -> Result<Timestamp, Failure> {
    midnight(month + 1.month())
}
