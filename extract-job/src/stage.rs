//! The extract stage: extracts the portal's files to raw manifests.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use shared::exit::{Exit, Failure, FailureContext as _};
use shared::hand_over::Outcomes;
use shared::job::Summary;
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
/// The number of concurrent partitions: one downloads while the other unpacks. `terraform/jobs.tf` derives the limits of
/// their files from it.
const CONCURRENCY: usize = 2;

/// Extracts this task's share of the partitions, and hands the raw manifests over.
///
/// # Errors
/// Fails if any partition fails or if the portal does not list its years; the other partitions are handed over
/// nevertheless.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    let observed_at = Timestamp::now();
    let client = |allowed| HttpClient::new(allowed, settings.download_timeout);
    let http = client(AllowedHosts::only(&settings.portal))?;
    let portal = Portal::new(http, settings.portal.clone());
    let mut published = BTreeSet::new();
    let (share, mut yearly, not_shown) = match published_years(&portal, observed_at).await {
        Ok(yearly) => {
            published = yearly.keys().copied().collect();
            let years = common.years.select(&published).into_iter();
            let all = years.map(Partition::Year).chain(BOUNDARIES);
            (common.task.share(all).collect(), yearly, None)
        }
        // Which boundaries belong to this task depends on the years. Without those it takes all, because extracting
        // them twice changes nothing.
        Err(failure) => (BOUNDARIES.to_vec(), Yearly::new(), Some(failure)),
    };
    let mut choices: Vec<(Partition, Result<Choice, Failure>)> = Vec::new();
    for partition in share {
        let choice = match partition {
            Partition::Year(year) => match yearly.remove(&year) {
                Some(choice) => choice.map_err(Failure::from),
                None => Err(Failure::new(
                    Exit::Configuration,
                    anyhow::anyhow!("YEARS names {year}, but the portal publishes {published:?}"),
                )),
            },
            Partition::CityWards => city_wards(&portal, observed_at).await,
            // It is published once, at an address that contains the year, so there is no need for a request.
            Partition::ForwardSortationAreas => Ok(Choice::only(Offer::unchanging(&settings.fsa))),
        };
        choices.push((partition, choice));
    }

    let extractor = Extractor {
        lake: common.lake.clone(),
        lineage: common.lineage.clone(),
        portal_files: client(settings.portal_files.clone())?,
        fsa_files: client(settings.fsa_files.clone())?,
        limits: settings.limits,
        force: common.force,
        observed_at,
    };
    let work = stream::iter(choices).map(async |(partition, choice)| {
        let result = match choice {
            Ok(choice) => extractor.extract(partition, &choice).await,
            Err(failure) => Err(failure),
        };
        (partition, result)
    });
    let results: Vec<_> = work.buffer_unordered(CONCURRENCY).collect().await;
    let mut outcomes = Outcomes::new(Stage::Extract, BTreeMap::new());
    for (partition, result) in results {
        outcomes.add(partition, Some(observed_at), result);
    }
    let handed_over = outcomes.hand_over(&common).await;
    match not_shown {
        None => handed_over,
        Some(not_shown) => Err(both(not_shown, handed_over.err())),
    }
}

/// Returns the choices for the years that the portal lists.
async fn published_years(portal: &Portal, observed_at: Timestamp) -> Result<Yearly, Failure> {
    let resources = portal.package(SERVICE_REQUESTS, observed_at).await?;
    let yearly = portal::yearly(&resources);
    if yearly.is_empty() {
        return Err(Failure::contract(anyhow::anyhow!(
            "package {SERVICE_REQUESTS} has no resource of format ZIP or CSV with a year in its name: check whether the portal has changed"
        )));
    }
    Ok(yearly)
}

async fn city_wards(portal: &Portal, observed_at: Timestamp) -> Result<Choice, Failure> {
    let resources = portal.package(CITY_WARDS, observed_at).await?;
    portal::wgs84_polygons(&resources)
        .while_doing(|| format!("cannot extract the package {CITY_WARDS}"))
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
