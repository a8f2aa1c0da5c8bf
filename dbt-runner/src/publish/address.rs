//! The stable addresses: copies of the files that are named by digest.

use shared::exit::Failure;

use super::DATA;
use super::catalog::{Catalog, Format};
use crate::site::{Caching, Site};

/// The version of what readers of the stable addresses rely on: names, types and nullability of columns, and the addresses
/// themselves. A column that is removed, renamed or retyped breaks them and needs another version; one that is added does
/// not. `tests/scenarios/addresses-v1.txt` has what this version promises.
pub(super) const VERSION: u32 = 1;

/// Exists from when addresses are replaced until the expired files are removed, and when a damaged file was removed. So a
/// publication that was interrupted or lacks a file is repeated, even if the data are by then those of the catalog again.
const REPLACING: &str = "data/replacing.txt";

/// Returns the address of a mart.
pub(super) fn of_mart(name: &str) -> String {
    format!("v{VERSION}/marts/{name}.parquet")
}

/// Returns the address of the file of a year.
pub(super) fn of_year(dataset: &str, year: i16, format: Format) -> String {
    format!("v{VERSION}/{dataset}/{year}.{}", format.extension())
}

/// Returns the address of boundaries.
pub(super) fn of_boundaries(file: &str) -> String {
    format!("v{VERSION}/boundaries/{file}.parquet")
}

/// Whether a publication was interrupted after it began to replace addresses, or lacks a file.
pub(super) async fn are_unfinished(site: &Site) -> Result<bool, Failure> {
    site.has(REPLACING).await
}

/// Replaces what the addresses of `catalog` hold, each in one step, unless they hold it. Returns how many were replaced.
pub(super) async fn replace(site: &Site, catalog: &Catalog) -> Result<usize, Failure> {
    let note = format!("the publication {} began\n", catalog.fingerprint.as_str());
    begin(site, note).await?;
    let mut replaced = 0;
    for (address, file) in catalog.addresses() {
        let (from, to) = (format!("{DATA}/{}", file.path), format!("{DATA}/{address}"));
        replaced += usize::from(site.copy(&from, &to, Caching::Briefly).await?);
    }
    Ok(replaced)
}

/// Notes why the next run has to publish, even if the catalog is that of its data.
pub(super) async fn begin(site: &Site, note: String) -> Result<(), Failure> {
    site.put(REPLACING, note.into(), Caching::Never).await
}

/// Notes that all addresses are replaced and all expired files removed.
pub(super) async fn finish(site: &Site) -> Result<(), Failure> {
    site.remove(REPLACING).await
}
