//! Publishes the dashboard.

use std::path::Path;

use bytes::Bytes;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use tracing::info;

use crate::files;
use crate::site::{Caching, Site};

const PAGE: &str = "index.html";
/// A folder in which Vite puts a digest of the content into every file name.
const ASSETS: &str = "assets/";

/// Publishes the dashboard built in `directory`, unless the site already has it. The page is written last, when all its
/// assets exist. Earlier assets stay, for readers who have an earlier page open. Returns the bytes written.
///
/// # Errors
/// [`Exit::Configuration`] if `directory` does not contain a dashboard.
pub(crate) async fn publish(site: &Site, directory: &Path) -> Result<u64, Failure> {
    let read = || -> anyhow::Result<Vec<(String, Bytes)>> {
        let mut files = files::below(directory, |_| true)?;
        files.retain(|path| path != PAGE);
        files.push(PAGE.to_owned());
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
    let mut written = 0;
    for (path, content) in files {
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
