//! The stage: from the portal to raw manifests.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use shared::exit::{Exit, Failure, FailureContext as _};
use shared::job::Summary;
use shared::manifest::{ManifestRef, Source};
use shared::partition::Partition;
use shared::run::{self, Stage};
use shared::settings::{CommonSettings, Years};
use tracing::warn;

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
/// If any partition fails; the others are stored nevertheless, and found by the next execution.
pub async fn run(common: CommonSettings, settings: Settings) -> Result<Summary, Failure> {
    let portal_hosts = AllowedHosts::of_urls([&settings.portal]);
    let http = HttpClient::new(portal_hosts, settings.download_timeout)?;
    let portal = Portal::new(http, settings.portal.clone());
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
            Ok(source) => extractor.extract(partition, source).await,
            Err(failure) => Err(failure),
        };
        (partition, result)
    });
    let outcomes: Vec<_> = work.buffer_unordered(CONCURRENCY).collect().await;

    let (summary, manifests) = together(outcomes)?;
    run::hand_over(&common, Stage::Extract, manifests).await?;
    Ok(summary)
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
        }),
    }
}

type Outcome = (Partition, Result<(ManifestRef, Summary), Failure>);

/// The sum of all outcomes, or the failure that names every partition that failed.
fn together(
    outcomes: Vec<Outcome>,
) -> Result<(Summary, BTreeMap<Partition, ManifestRef>), Failure> {
    let mut summary = Summary::default();
    let mut manifests = BTreeMap::new();
    let mut failures = BTreeMap::new();
    for (partition, result) in outcomes {
        match result {
            Ok((manifest, part)) => {
                summary += part;
                manifests.insert(partition, manifest);
            }
            Err(failure) => {
                warn!(%partition, exit = failure.exit().code(), cause = %failure, "partition failed");
                failures.insert(partition, failure);
            }
        }
    }
    if failures.is_empty() {
        return Ok((summary, manifests));
    }
    let exits: Vec<Exit> = failures.values().map(Failure::exit).collect();
    let causes: Vec<String> = failures
        .iter()
        .map(|(partition, failure)| format!("{partition}: {failure}"))
        .collect();
    let stored = manifests.len();
    Err(Failure::new(
        worst(&exits),
        anyhow::anyhow!(
            "{} of {} partitions failed: {}",
            failures.len(),
            failures.len() + stored,
            causes.join("; ")
        ),
    ))
}

/// How a job ends whose partitions failed with `exits`: a retry is advised only if it may mend them all.
fn worst(exits: &[Exit]) -> Exit {
    if exits.contains(&Exit::Bug) {
        Exit::Bug
    } else if exits.contains(&Exit::Contract) || exits.contains(&Exit::Configuration) {
        Exit::Contract
    } else {
        Exit::Upstream
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_is_advised_only_if_it_may_mend_all() {
        assert_eq!(worst(&[Exit::Upstream, Exit::Upstream]), Exit::Upstream);
        assert_eq!(worst(&[Exit::Upstream, Exit::Contract]), Exit::Contract);
        assert_eq!(worst(&[Exit::Configuration]), Exit::Contract);
        assert_eq!(worst(&[Exit::Contract, Exit::Bug]), Exit::Bug);
    }
}
