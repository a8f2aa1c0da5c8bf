//! Publishes the dashboard, with what its pages state of the data.

use std::path::Path;

use bytes::Bytes;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use tracing::info;

use super::{CATALOG, descriptions};
use crate::files;
use crate::publish::catalog::Catalog;
use crate::site::{Caching, Site};

const PAGE: &str = "index.html";
/// A folder in which Vite puts a digest of the content into every file name.
const ASSETS: &str = "assets/";
/// The place in a page of what describes the data.
const DESCRIPTION: &str = "<!-- published: description -->";

/// Publishes the dashboard built in `directory`, unless the site already has it. The pages are written last, when all
/// their assets exist. Earlier assets stay, for readers who have an earlier page open. Returns the bytes written.
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
    let mut written = 0;
    for (path, content) in files {
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

/// Fills the marked places of a page from the catalog.
fn filled(page: &[u8], catalog: &Catalog) -> Bytes {
    let page = String::from_utf8_lossy(page);
    page.replace(DESCRIPTION, &descriptions::in_page(catalog))
        .into()
}
