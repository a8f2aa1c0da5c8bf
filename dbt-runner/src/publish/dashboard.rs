//! Publishes the dashboard, with what its pages state of the data.

use std::path::Path;

use bytes::Bytes;
use jiff::civil::Date;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use tracing::info;

use super::catalog::{Catalog, Format};
use super::datasets::REQUESTS;
use super::{CATALOG, LISTING, descriptions, following, listing};
use crate::files;
use crate::site::{Caching, Site};

const PAGE: &str = "index.html";
/// A folder in which Vite puts a digest of the content into every file name.
const ASSETS: &str = "assets/";
/// The place in a page of what describes the data.
const DESCRIPTION: &str = "<!-- published: description -->";

/// Publishes the dashboard built in `directory` and the listing that it reads, unless the site already has them. The pages
/// are written last, when all their assets exist. Earlier assets stay, for readers who have an earlier page open. Returns
/// the bytes written.
///
/// # Errors
/// [`Exit::Configuration`] if `directory` does not contain a dashboard.
pub(crate) async fn publish(site: &Site, directory: &Path) -> Result<u64, Failure> {
    let read = || -> anyhow::Result<Vec<(String, Bytes)>> {
        anyhow::ensure!(directory.join(PAGE).is_file(), "it does not exist");
        let mut files = files::below(directory, |_| true)?;
        files.sort_by_key(|path| is_page(path));
        let contents = files.into_iter().map(|path| {
            let content = std::fs::read(directory.join(&path))?;
            Ok((path, content.into()))
        });
        contents.collect()
    };
    let files = read().or_fail(Exit::Configuration).while_doing(|| {
        format!(
            "cannot read the dashboard's {PAGE} in {}, run `npm run build` to create it",
            directory.display()
        )
    })?;
    let catalog = site.read(CATALOG).await?;
    let catalog: Option<Catalog> = catalog.and_then(|json| serde_json::from_slice(&json).ok());
    let listed = catalog
        .as_ref()
        .map(|catalog| (LISTING.to_owned(), listing::of(catalog)));
    let mut written = 0;
    for (path, content) in listed.into_iter().chain(files) {
        let content = match &catalog {
            Some(catalog) if is_page(&path) => filled(&content, catalog),
            _ => content,
        };
        let (there, caching) = if path.starts_with(ASSETS) {
            (site.has(&path).await?, Caching::Forever)
        } else {
            let existing = site.read(&path).await?;
            (
                existing.is_some_and(|existing| existing == content),
                Caching::Never,
            )
        };
        if !there {
            written += content.len() as u64;
            site.put(&path, content, caching).await?;
        }
    }
    if written > 0 {
        info!(bytes = written, "dashboard published");
    }
    Ok(written)
}

fn is_page(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extension == "html")
}

/// Fills the marked places of a page from the catalog: what describes the data, the address of its preview, which has to be
/// absolute (<https://ogp.me/#url>), and a first answer for those whose line or device is slow. The words are those of the
/// page.
fn filled(page: &[u8], catalog: &Catalog) -> Bytes {
    let page = String::from_utf8_lossy(page);
    let page = page.replace(DESCRIPTION, &descriptions::in_page(catalog));
    let notice = catalog
        .generated
        .then(|| vec![("notice", descriptions::GENERATED.to_owned())]);
    let address = catalog
        .site
        .clone()
        .map(|address| vec![("address", address)]);
    let latest = latest_year(catalog);
    let values = |is_whole: bool| {
        let latest = latest
            .as_ref()
            .filter(|latest| latest.is_whole() == is_whole);
        latest.map(LatestYear::values)
    };
    let page = shown(&page, "generated", notice);
    let page = shown(&page, "address", address);
    let page = shown(&page, "whole year", values(true));
    shown(&page, "part of a year", values(false)).into()
}

/// Shows what the comment `published: NAME` of a page contains, with values for the names in braces; without values, the
/// comment stays.
fn shown(page: &str, name: &str, values: Option<Vec<(&str, String)>>) -> String {
    let found = page
        .split_once(&format!("<!-- published: {name}\n"))
        .and_then(|(before, rest)| Some((before, rest.split_once("-->")?)));
    let (Some((before, (hidden, after))), Some(values)) = (found, values) else {
        return page.to_owned();
    };
    let mut content = hidden.trim().to_owned();
    for (name, value) in values {
        content = content.replace(&format!("{{{name}}}"), &value);
    }
    format!("{before}{content}{after}")
}

/// The requests of the latest year.
struct LatestYear {
    year: i64,
    requests: u64,
    /// The last day with data.
    through: Date,
}

impl LatestYear {
    /// Whether the data cover the year to its end.
    fn is_whole(&self) -> bool {
        let end = (
            i64::from(self.through.year()),
            self.through.month(),
            self.through.day(),
        );
        end >= (self.year, 12, 31)
    }

    fn values(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "requests",
                following::counted(self.requests, "request", "requests"),
            ),
            ("year", self.year.to_string()),
            ("day", self.through.strftime("%B %-d").to_string()),
        ]
    }
}

/// Returns the requests of the latest year; `None` if there are none.
fn latest_year(catalog: &Catalog) -> Option<LatestYear> {
    let files = catalog.table(REQUESTS)?.files.iter();
    let files = files.filter(|file| file.format == Format::Parquet);
    let (year, requests) = files
        .filter_map(|file| Some((file.year?, file.rows)))
        .max()?;
    let through = catalog.data_through.as_deref()?.parse().ok()?;
    Some(LatestYear {
        year,
        requests,
        through,
    })
}
