//! Publishes marts, requests and boundaries as files. The crate's README describes their formats.

mod address;
mod boundaries;
mod catalog;
mod csv_file;
mod dashboard;
mod datasets;
mod descriptions;
mod following;
mod lineage;
mod listing;
mod marts;
mod parquet_file;
mod quarantine;
mod release;
mod requests;
mod rows;
mod spool;
mod whole_months;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use shared::contract::Contract;
use shared::exit::{Failure, FailureContext as _};
use shared::fingerprint::{Digest, Fingerprint};
use shared::lake::Lake;
use shared::lineage::{Lineage, RunEvent, Tables};
use shared::manifest::{self, Version};
use shared::partition::{Dataset, Partition};
use shared::run::{RunId, Stage};
use shared::telemetry::milliseconds;
use tokio::task::block_in_place;
use tracing::{debug, info};

use crate::artifacts::Graph;
use crate::candidate::Scope;
use crate::site::{Caching, Site};
use crate::warehouse::{Coverage, Warehouse};

pub(crate) use dashboard::publish as dashboard;
pub(crate) use release::{Release, ReleaseName};

use catalog::{Catalog, Format, PublishedFile, PublishedTable};

const DATA: &str = "data";
const CATALOG: &str = "data/catalog.json";
/// The listing, which the dashboard reads in place of the catalog.
const LISTING: &str = "data/files.json";
const DOCS: &str = "docs/index.html";

/// The version of the files' writers. A change that writes other bytes from the same rows raises it, so that everything is
/// written again.
const WRITER: u32 = 1;

/// A publication and its destination.
pub(crate) struct Publication<'a> {
    pub(crate) site: &'a Site,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) run_id: &'a RunId,
    pub(crate) lake: &'a Lake,
    /// The clean version of each partition that is loaded.
    pub(crate) clean: &'a BTreeMap<Partition, Fingerprint>,
    /// The public address of the site, if it is known.
    pub(crate) address: Option<&'a str>,
    /// Whether any of the data are synthetic, so that they are not the City's.
    pub(crate) generated: bool,
    /// What has not changed since an earlier publication; `None` if everything may have.
    pub(crate) kept: Option<Kept<'a>>,
    pub(crate) lineage: &'a Lineage,
    /// The names of the marts in it.
    pub(crate) tables: &'a Tables,
}

/// What a build kept of the marts before it.
pub(crate) struct Kept<'a> {
    /// The fingerprint of those marts.
    pub(crate) fingerprint: &'a str,
    /// What it rebuilt.
    pub(crate) changed: &'a Scope,
}

impl Publication<'_> {
    /// Whether the site already has it.
    pub(crate) async fn is_published(&self) -> Result<bool, Failure> {
        Ok(self.is_listed().await? && !address::are_unfinished(self.site).await?)
    }

    /// Whether the site's catalog is that of this publication, which another run may have written.
    async fn is_listed(&self) -> Result<bool, Failure> {
        let is_same = |catalog: Catalog| {
            catalog.fingerprint == *self.fingerprint
                && catalog.writer == WRITER
                && catalog.site.as_deref() == self.address
                && catalog.source_code.as_deref() == self.lineage.repository()
        };
        Ok(current(self.site).await?.is_some_and(is_same))
    }

    /// Writes the data files that the site lacks and `docs`, replaces what the stable addresses hold and what describes the
    /// data, then the catalog, and then removes files that no kept publication needs. Returns the bytes written.
    pub(crate) async fn publish(
        &self,
        warehouse: &mut Warehouse,
        graph: &Graph,
        docs: Option<Bytes>,
    ) -> Result<u64, Failure> {
        let started = Instant::now();
        self.check_marts(warehouse)?;
        let seen = self.site.look_at(CATALOG).await?;
        let mut current = read_catalog(seen.content.as_ref());
        if let Some(current) = &mut current
            && !address::are_unfinished(self.site).await?
        {
            // It has removed them.
            current.expired.clear();
        }
        let Data {
            marts,
            datasets,
            events,
            bytes,
        } = self.write_data(warehouse, graph, current.as_ref()).await?;
        // Of BigQuery, each mart was read as it was at another time.
        self.check_marts(warehouse)?;
        if let Some(docs) = docs {
            self.site.put(DOCS, docs, Caching::Never).await?;
        }

        let coverage = block_in_place(|| warehouse.coverage())?;
        let mut catalog = self.catalog(marts, datasets, coverage);
        catalog.citation = Some(descriptions::citation(&catalog));
        if let Some(current) = current {
            let tables = current.tables();
            let contracts = tables.map(|table| descriptions::contract_address(&table.name));
            let contracts: Vec<String> = contracts.collect();
            catalog.supersede(current);
            catalog.expired.extend(contracts);
        }
        let replaced = address::replace(self.site, &catalog).await?;
        // From the catalog on, nothing is new to a publication that repeats this one.
        self.lineage.record(Stage::Dbt, events).await;
        let written = bytes + self.describe(&mut catalog, graph).await?;
        let json = manifest::to_json(&catalog).into();
        self.check_marts(warehouse)?;
        let replaced_catalog = self.site.replace(CATALOG, &seen, json, Caching::Never);
        if !replaced_catalog.await? && !self.is_listed().await? {
            return Err(overtaken());
        }
        for path in &catalog.expired {
            self.site.remove(&format!("{DATA}/{path}")).await?;
        }
        address::finish(self.site).await?;
        info!(
            fingerprint = %self.fingerprint,
            marts = catalog.marts.len(),
            files = catalog.files().len(),
            bytes = written,
            replaced,
            removed = catalog.expired.len(),
            milliseconds = milliseconds(started.elapsed()),
            "site published"
        );
        Ok(written)
    }

    /// Writes the data files that the site lacks, where `current` is its catalog.
    async fn write_data(
        &self,
        warehouse: &mut Warehouse,
        graph: &Graph,
        current: Option<&Catalog>,
    ) -> Result<Data, Failure> {
        let reusable = current.filter(|current| current.writer == WRITER);
        let listed = current.map(Catalog::files).unwrap_or_default();
        // The site may have a file from a publication that was interrupted, or from one before the current.
        let is_new = |file: &PublishedFile| !listed.contains(&file.path);
        let (mut marts, mut events, mut written) = (Vec::new(), Vec::new(), 0);
        for mart in graph.publishable() {
            let began = Timestamp::now();
            let (published, bytes) = self
                .publish_mart(warehouse, &mart, reusable)
                .await
                .while_doing(|| format!("cannot publish {}", mart.table))?;
            if published.files.iter().chain(&published.whole).any(is_new) {
                events.extend(self.lineage_of_mart(&mart, &published, began));
            }
            marts.push(published);
            written += bytes;
        }
        let mut datasets = Vec::new();
        for wrote in [
            self.publish_years(reusable, is_new).await?,
            self.publish_boundaries(graph, &marts, is_new).await?,
        ] {
            datasets.extend(wrote.tables);
            events.extend(wrote.events);
            written += wrote.bytes;
        }
        Ok(Data {
            marts,
            datasets,
            events,
            bytes: written,
        })
    }

    /// Returns the catalog of the data files, as that of a site without earlier publications.
    fn catalog(
        &self,
        marts: Vec<PublishedTable>,
        datasets: Vec<PublishedTable>,
        coverage: Coverage,
    ) -> Catalog {
        let contract = Contract::of(Dataset::ServiceRequests);
        Catalog {
            version: Version::V1,
            writer: WRITER,
            fingerprint: self.fingerprint.clone(),
            run: self.run_id.clone(),
            site: self.address.map(str::to_owned),
            source_code: self.lineage.repository().map(str::to_owned),
            as_of: coverage.as_of,
            data_through: coverage.data_through,
            generated: self.generated,
            licence: contract.licence.clone().filter(|_| !self.generated),
            attribution: contract.attribution.clone().filter(|_| !self.generated),
            citation: None,
            marts,
            datasets,
            superseded: Vec::new(),
            expired: BTreeSet::new(),
        }
    }

    /// Replaces what describes the catalog's data, none of which expires then. Returns the bytes written.
    async fn describe(&self, catalog: &mut Catalog, graph: &Graph) -> Result<u64, Failure> {
        let mut rules = graph.tested();
        rules.extend(datasets::rules());
        let mut described = descriptions::all(catalog, &rules);
        described.extend(following::files(self.site, catalog).await?);
        // A contract is there for as long as its table.
        let is_gone = |path: &String| !described.contains_key(&format!("{DATA}/{path}"));
        catalog.expired.retain(is_gone);
        let mut written = 0;
        for (path, content) in described {
            written += content.len() as u64;
            self.site.put(&path, content, Caching::Never).await?;
        }
        Ok(written)
    }

    /// Checks that the warehouse still has the marts of this publication.
    ///
    /// # Errors
    /// [`Exit::Upstream`](shared::exit::Exit::Upstream) if another build was published, which publishes the site itself.
    fn check_marts(&self, warehouse: &mut Warehouse) -> Result<(), Failure> {
        let published = block_in_place(|| warehouse.published())?;
        match published {
            Some(marts) if marts.fingerprint == self.fingerprint.as_str() => Ok(()),
            _ => Err(overtaken()),
        }
    }
}

/// The data files of a publication.
struct Data {
    marts: Vec<PublishedTable>,
    datasets: Vec<PublishedTable>,
    /// What those that the catalog did not list were written from.
    events: Vec<RunEvent>,
    /// The bytes written.
    bytes: u64,
}

/// Reads a data file of the site.
///
/// # Errors
/// [`Exit::Upstream`](shared::exit::Exit::Upstream) if it does not exist or its content is not what the catalog states. The
/// next run publishes it again.
async fn read_data(site: &Site, file: &PublishedFile) -> Result<Bytes, Failure> {
    let on_site = format!("{DATA}/{}", file.path);
    let content = site.read(&on_site).await?.ok_or_else(|| {
        Failure::upstream(anyhow::anyhow!(
            "{on_site} of the site was removed meanwhile: publish again"
        ))
    })?;
    if content.len() as u64 == file.bytes && Digest::of(&content) == file.sha256 {
        return Ok(content);
    }
    Err(damaged(site, file).await)
}

/// Removes a data file whose content is not what the catalog states, so that the next run publishes it again from the
/// warehouse or the lake. Returns the failure of this one.
async fn damaged(site: &Site, file: &PublishedFile) -> Failure {
    let on_site = format!("{DATA}/{}", file.path);
    let removed = async {
        address::begin(site, format!("{on_site} was damaged\n")).await?;
        site.remove(&on_site).await
    };
    if let Err(failure) = removed.await {
        return failure.context(format!("{on_site} of the site is damaged"));
    }
    Failure::upstream(anyhow::anyhow!(
        "{on_site} of the site was damaged: its SHA-256 was not {}. It was removed: publish again",
        file.sha256
    ))
}

fn overtaken() -> Failure {
    Failure::upstream(anyhow::anyhow!(
        "another build was published meanwhile: publish again"
    ))
}

/// Returns the site's catalog; `None` if it does not exist or has an older format.
async fn current(site: &Site) -> Result<Option<Catalog>, Failure> {
    let json = site.read(CATALOG).await?;
    Ok(read_catalog(json.as_ref()))
}

/// Parses the site's catalog; `None` if it does not exist or has an older format.
fn read_catalog(json: Option<&Bytes>) -> Option<Catalog> {
    serde_json::from_slice(json?)
        .inspect_err(|error| debug!(cause = %error, "site catalog has another format"))
        .ok()
}

/// Returns a data file, which is named by its digest.
fn data_file(
    name: &str,
    year: Option<i64>,
    format: Format,
    rows: u64,
    bytes: u64,
    sha256: Digest,
) -> PublishedFile {
    let of_year = year.map(|year| format!("-{year}")).unwrap_or_default();
    let (digest, extension) = (sha256.as_str(), format.extension());
    PublishedFile {
        path: format!("{name}{of_year}-{digest:.16}.{extension}"),
        address: None,
        year,
        format,
        rows,
        bytes,
        sha256,
        clean: None,
    }
}
