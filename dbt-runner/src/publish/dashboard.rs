//! The page that shows what is published.

use std::path::Path;

use bytes::Bytes;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use tracing::info;

use crate::files;
use crate::site::{Caching, Site};

const PAGE: &str = "index.html";
/// What is in here is named by a digest of its content, by Vite.
const ASSETS: &str = "assets/";

/// Puts the built dashboard in `directory` on the site, where the site has not got it: the page last, when all that it
/// names is there. Earlier assets stay, for those who have an earlier page open. Gives the bytes written.
///
/// # Errors
/// [`Exit::Configuration`] if there is no dashboard in `directory`.
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
            "read {PAGE} and all else in {}; `npm run build` makes it",
            directory.display()
        )
    })?;
    let mut written = 0;
    for (path, content) in files {
        let (there, caching) = if path.starts_with(ASSETS) {
            (site.has(&path).await?, Caching::Ever)
        } else {
            let held = site.read(&path).await?;
            (held.is_some_and(|held| held == content), Caching::Never)
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
