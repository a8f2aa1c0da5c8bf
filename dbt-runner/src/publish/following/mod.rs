//! What is new, for those who follow the data: `data/changes.json`, an Atom feed of the City's publications, and one
//! per ward. All of it is derived from the published tables. Entries keep their ids, so that readers see each once, and again
//! only if its words have changed.

mod changes;
mod feed;
mod wards;

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use shared::contract::Contract;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::manifest;

use super::catalog::Catalog;
use crate::site::Site;

use feed::Feeds;
pub(super) use feed::counted;

/// Returns the files of those who follow the data, by their paths on the site.
pub(super) async fn files(
    site: &Site,
    catalog: &Catalog,
) -> Result<BTreeMap<String, Bytes>, Failure> {
    let changes = changes::read(site, catalog).await?;
    let feeds = Feeds {
        site,
        catalog,
        now: Timestamp::now(),
    };
    let mut files = wards::feeds(&feeds).await?;
    files.extend([changes.feed(&feeds).await?]);
    let json = manifest::to_json(&changes).into();
    files.insert("data/changes.json".to_owned(), json);
    Ok(files)
}

/// Returns when a day begins by the clock of the data.
///
/// # Errors
/// [`Exit::Bug`] if the day is beyond all timestamps.
fn midnight(day: Date) -> Result<Timestamp, Failure> {
    let zone = &Contract::rules().time_zone;
    zone.to_timestamp(day.at(0, 0, 0, 0)).or_fail(Exit::Bug)
}
