//! The extract stage: extracts the portal's files to raw manifests.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use shared::exit::{Exit, Failure, FailureContext as _};
use shared::hand_over::Outcomes;
use shared::job::Summary;
use shared::limits::CONCURRENT_PARTITIONS;
use shared::partition::Partition;
use shared::run::Stage;
use shared::settings::CommonSettings;
use tracing::warn;

use crate::extraction::Extractor;
use crate::http::{AllowedHosts, HttpClient};
use crate::portal::{self, Choice, Offer, Portal, Yearly};
use crate::settings::Settings;

const SERVICE_REQUESTS: &str = "311-service-requests-customer-initiated";
const CITY_WARDS: &str = "city-wards";
const BOUNDARIES: [Partition; 2] = [Partition::CityWards, Partition::ForwardSortationAreas];

/// Extracts this task's share of the partitions, and hands the raw manifests over.
///
/// # Errors
/// Fails if any partition fails or if the portal does not list its years; the other partitions are handed over
/// nevertheless.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    let client = |allowed| HttpClient::new(allowed, settings.download_timeout);
    let http = client(AllowedHosts::only(&settings.portal))?;
    let portal = Portal::new(http, settings.portal.clone());
    let mut published = BTreeSet::new();
    let (share, mut yearly, listed_at, not_shown) = match published_years(&portal).await {
        Ok((yearly, listed_at)) => {
            published = yearly.keys().copied().collect();
            let years = common.years.select(&published).into_iter();
            let all = years.map(Partition::Year).chain(BOUNDARIES);
            (common.task.share(all).collect(), yearly, listed_at, None)
        }
        // Which boundaries belong to this task depends on the years. Without those it takes all, because extracting
        // them twice changes nothing.
        Err(failure) => {
            let listed_at = Timestamp::now();
            (BOUNDARIES.to_vec(), Yearly::new(), listed_at, Some(failure))
        }
    };
    let mut choices: Vec<(Partition, Timestamp, Result<Choice, Failure>)> = Vec::new();
    for partition in share {
        let (observed_at, choice) = match partition {
            Partition::Year(year) => {
                let choice = match yearly.remove(&year) {
                    Some(choice) => choice.map_err(Failure::from),
                    None => Err(Failure::new(
                        Exit::Configuration,
                        anyhow::anyhow!(
                            "YEARS names {year}, but the portal publishes {published:?}"
                        ),
                    )),
                };
                (listed_at, choice)
            }
            Partition::CityWards => city_wards(&portal).await,
            // It is published once, at an address that contains the year, so there is no need for a request.
            Partition::ForwardSortationAreas => {
                let offer = Offer::unchanging(&settings.fsa);
                (offer.observed_at, Ok(Choice::only(offer)))
            }
        };
        choices.push((partition, observed_at, choice));
    }

    let extractor = Extractor {
        lake: common.lake.clone(),
        lineage: common.lineage.clone(),
        portal_files: client(settings.portal_files.clone())?,
        fsa_files: client(settings.fsa_files.clone())?,
        limits: settings.limits,
        force: common.force,
    };
    let work = stream::iter(choices).map(async |(partition, observed_at, choice)| {
        let result = match choice {
            Ok(choice) => extractor.extract(partition, &choice).await,
            Err(failure) => Err(failure),
        };
        (partition, observed_at, result)
    });
    let results: Vec<_> = work.buffer_unordered(CONCURRENT_PARTITIONS).collect().await;
    let mut outcomes = Outcomes::new(Stage::Extract, BTreeMap::new());
    for (partition, observed_at, result) in results {
        outcomes.add(partition, Some(observed_at), result);
    }
    if let Some(not_shown) = &not_shown {
        outcomes.add_not_listed(listed_at, not_shown);
    }
    let handed_over = outcomes.hand_over(&common).await;
    match not_shown {
        None => handed_over,
        Some(not_shown) => Err(both(not_shown, handed_over.err())),
    }
}

/// Returns the choices for the years that the portal lists, and when it listed them.
async fn published_years(portal: &Portal) -> Result<(Yearly, Timestamp), Failure> {
    let (resources, listed_at) = portal.package(SERVICE_REQUESTS).await?;
    let yearly = portal::yearly(&resources);
    if yearly.is_empty() {
        return Err(Failure::contract(anyhow::anyhow!(
            "package {SERVICE_REQUESTS} has no resource of format ZIP or CSV with a year in its name: check whether the portal has changed"
        )));
    }
    Ok((yearly, listed_at))
}

/// Returns the choice for the wards, and when the portal listed them or did not.
async fn city_wards(portal: &Portal) -> (Timestamp, Result<Choice, Failure>) {
    match portal.package(CITY_WARDS).await {
        Ok((resources, listed_at)) => {
            let choice = portal::wgs84_polygons(&resources)
                .while_doing(|| format!("cannot extract the package {CITY_WARDS}"));
            (listed_at, choice)
        }
        Err(error) => (Timestamp::now(), Err(error.into())),
    }
}

/// Returns the failure of the stage if the portal did not list its years and partitions may have been refused as well.
fn both(not_shown: Failure, refused: Option<Failure>) -> Failure {
    warn!(exit = not_shown.exit().code(), cause = %not_shown, "no year extracted");
    let Some(refused) = refused else {
        return not_shown.context("no year was extracted, the boundaries are handed over");
    };
    let (worse, other) = if refused.exit().severity() > not_shown.exit().severity() {
        (refused, not_shown)
    } else {
        (not_shown, refused)
    };
    worse.context(format!("no year was extracted ({other})"))
}
