//! The stage: from the portal to raw manifests.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use shared::exit::{Exit, Failure, FailureContext as _};
use shared::hand_over::Outcomes;
use shared::job::Summary;
use shared::manifest::Source;
use shared::partition::Partition;
use shared::run::Stage;
use shared::settings::{CommonSettings, Years};

use crate::extraction::Extractor;
use crate::http::{AllowedHosts, HttpClient};
use crate::portal::{self, Packages, Portal, Yearly};
use crate::settings::Settings;

const SERVICE_REQUESTS: &str = "311-service-requests-customer-initiated";
const CITY_WARDS: &str = "city-wards";
/// Partitions under way at once: one downloads while the other unpacks.
const CONCURRENCY: usize = 2;

/// Extracts every partition of this task's share, and hands the raw manifests over.
///
/// # Errors
/// If any partition fails; the others are handed over nevertheless.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    let portal_hosts = AllowedHosts::of_urls([&settings.portal]);
    let http = HttpClient::new(portal_hosts, settings.download_timeout)?;
    let portal = Portal::new(http, settings.portal.clone());
    let observed_at = Timestamp::now();
    let packages = portal.packages(&[SERVICE_REQUESTS, CITY_WARDS]).await?;
    let published = portal::yearly(packages.named(SERVICE_REQUESTS)?);
    let partitions = partitions(&common.years, &published)?;

    let extractor = Extractor {
        lake: common.lake.clone(),
        http: HttpClient::new(settings.download_hosts.clone(), settings.download_timeout)?,
        limits: settings.limits,
        force: common.force,
    };
    let work = stream::iter(common.task.share(partitions)).map(async |partition| {
        let result = match source_of(partition, &published, &packages, &settings) {
            Ok(source) => extractor.extract(partition, source, observed_at).await,
            Err(failure) => Err(failure),
        };
        (partition, result)
    });
    let results: Vec<_> = work.buffer_unordered(CONCURRENCY).collect().await;
    let mut outcomes = Outcomes::new(Stage::Extract, BTreeMap::new());
    for (partition, result) in results {
        outcomes.add(partition, Some(observed_at), result);
    }
    outcomes.hand_over(&common).await
}

/// What the stage works on, over all tasks.
fn partitions(years: &Years, published: &Yearly) -> Result<Vec<Partition>, Failure> {
    let published: BTreeSet<i16> = published.keys().copied().collect();
    if published.is_empty() {
        return Err(Failure::contract(anyhow::anyhow!(
            "package {SERVICE_REQUESTS} has no resource of format ZIP with a year in its name: has the portal changed?"
        )));
    }
    let selected = years.select(&published).map_err(|missing| {
        Failure::new(
            Exit::Configuration,
            anyhow::anyhow!("YEARS names {missing:?}, but the portal publishes {published:?}"),
        )
    })?;
    let years = selected.into_iter().map(Partition::Year);
    let boundaries = [Partition::CityWards, Partition::ForwardSortationAreas];
    Ok(years.chain(boundaries).collect())
}

/// Where `partition` comes from, in which version.
fn source_of(
    partition: Partition,
    published: &Yearly,
    packages: &Packages,
    settings: &Settings,
) -> Result<Source, Failure> {
    match partition {
        Partition::Year(year) => match published.get(&year) {
            Some(Ok(resource)) => Ok(resource.source()),
            Some(Err(error)) => Err(error.clone().into()),
            None => Err(Failure::new(
                Exit::Bug,
                anyhow::anyhow!("{year} is selected but not published"),
            )),
        },
        Partition::CityWards => {
            let package = packages.named(CITY_WARDS)?;
            let resource =
                portal::wgs84_polygons(package).while_doing(|| format!("package {CITY_WARDS}"))?;
            Ok(resource.source())
        }
        // Published once, at an address that names the year: there is nothing to ask.
        Partition::ForwardSortationAreas => Ok(Source {
            url: settings.fsa.to_string(),
            resource_id: None,
            last_modified: None,
            stated_size_bytes: None,
            generated: false,
        }),
    }
}
