//! Publishes marts as files. The crate's README describes their format.

mod catalog;
mod dashboard;
mod parquet_file;

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;
use shared::contract::Contract;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::fingerprint::{Digest, Fingerprint};
use shared::manifest::{self, Version};
use shared::partition::Dataset;
use shared::run::RunId;
use shared::telemetry::milliseconds;
use tokio::task::block_in_place;
use tracing::{debug, info};

use crate::artifacts::Graph;
use crate::candidate::Scope;
use crate::mart::Publishable;
use crate::site::{Caching, Site};
use crate::warehouse::Warehouse;

pub(crate) use dashboard::publish as dashboard;

use catalog::{Catalog, PublishedColumn, PublishedFile, PublishedMart};

const DATA: &str = "data";
const CATALOG: &str = "data/catalog.json";
const DOCS: &str = "docs/index.html";

/// A publication and its destination.
pub(crate) struct Publication<'a> {
    pub(crate) site: &'a Site,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) run_id: &'a RunId,
    /// Whether any of the data are synthetic, so that they are not the City's.
    pub(crate) generated: bool,
    /// What has not changed since an earlier publication; `None` if everything may have.
    pub(crate) kept: Option<Kept<'a>>,
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
        let current = self.current().await?;
        Ok(current.is_some_and(|catalog| catalog.fingerprint == *self.fingerprint))
    }

    /// Writes the mart files that the site lacks and `docs`, then the catalog, and then removes files that are no longer
    /// needed. Returns the bytes written.
    pub(crate) async fn publish(
        &self,
        warehouse: &mut Warehouse,
        graph: &Graph,
        docs: Option<Bytes>,
    ) -> Result<u64, Failure> {
        let started = Instant::now();
        let current = self.current().await?;
        let mut written = 0;
        let mut marts = Vec::new();
        for mart in graph.publishable() {
            let (mart, bytes) = self
                .publish_mart(warehouse, &mart, current.as_ref())
                .await
                .while_doing(|| format!("cannot publish {}", mart.table))?;
            marts.push(mart);
            written += bytes;
        }
        if let Some(docs) = docs {
            self.site.put(DOCS, docs, Caching::Never).await?;
        }

        let coverage = block_in_place(|| warehouse.coverage())?;
        let contract = Contract::of(Dataset::ServiceRequests);
        let mut catalog = Catalog {
            version: Version::V1,
            fingerprint: self.fingerprint.clone(),
            run: self.run_id.clone(),
            as_of: coverage.as_of,
            data_through: coverage.data_through,
            generated: self.generated,
            licence: contract.licence.clone().filter(|_| !self.generated),
            attribution: contract.attribution.clone().filter(|_| !self.generated),
            marts,
            superseded: BTreeSet::new(),
        };
        let files = catalog.files();
        let mut removable = BTreeSet::new();
        if let Some(current) = current {
            catalog.superseded = current.files().difference(&files).cloned().collect();
            removable = current.superseded.difference(&files).cloned().collect();
            // Republishing the same data keeps the files of its predecessor.
            removable = removable.difference(&catalog.superseded).cloned().collect();
        }
        let json = manifest::to_json(&catalog).into();
        self.site.put(CATALOG, json, Caching::Never).await?;
        for path in &removable {
            self.site.remove(&format!("{DATA}/{path}")).await?;
        }
        info!(
            fingerprint = %self.fingerprint,
            marts = catalog.marts.len(),
            files = files.len(),
            bytes = written,
            removed = removable.len(),
            milliseconds = milliseconds(started.elapsed()),
            "site published"
        );
        Ok(written)
    }

    /// Returns the site's catalog; `None` if it does not exist or has an older format.
    async fn current(&self) -> Result<Option<Catalog>, Failure> {
        let Some(json) = self.site.read(CATALOG).await? else {
            return Ok(None);
        };
        match serde_json::from_slice(&json) {
            Ok(catalog) => Ok(Some(catalog)),
            Err(error) => {
                debug!(%error, "site catalog has another format");
                Ok(None)
            }
        }
    }

    async fn publish_mart(
        &self,
        warehouse: &mut Warehouse,
        mart: &Publishable,
        current: Option<&Catalog>,
    ) -> Result<(PublishedMart, u64), Failure> {
        let kept = self.kept_files(mart, current);
        let years = match &mart.file_per {
            Some(column) => {
                let years = block_in_place(|| warehouse.years(&mart.table, column))?;
                years.into_iter().map(Some).collect()
            }
            None => vec![None],
        };
        let mut published = PublishedMart {
            name: mart.table.name.clone(),
            description: mart.description.clone(),
            rows: 0,
            bytes: 0,
            columns: Vec::new(),
            files: Vec::new(),
        };
        let mut written = 0;
        for year in years {
            let kept = kept.iter().find(|file| file.year == year);
            if let Some(file) = kept
                && self.site.has(&format!("{DATA}/{}", file.path)).await?
            {
                published.rows += file.rows;
                published.bytes += file.bytes;
                published.files.push(file.clone());
                continue;
            }
            let batches = block_in_place(|| warehouse.read(mart, year))?;
            if let Some(batch) = batches.first() {
                published.columns = columns(mart, &batch.schema())?;
            }
            let content = Bytes::from(parquet_file::write(&batches).or_fail(Exit::Bug)?);
            let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            let (bytes, sha256) = (content.len() as u64, Digest::of(&content));
            let of_year = year.map(|year| format!("-{year}")).unwrap_or_default();
            let path = format!(
                "{}{of_year}-{:.16}.parquet",
                mart.table.name,
                sha256.as_str()
            );
            let on_site = format!("{DATA}/{path}");
            if !self.site.has(&on_site).await? {
                self.site.put(&on_site, content, Caching::Forever).await?;
                written += bytes;
            }
            published.rows += rows;
            published.bytes += bytes;
            published.files.push(PublishedFile {
                path,
                year,
                rows,
                bytes,
                sha256,
            });
        }
        Ok((published, written))
    }
}

impl Publication<'_> {
    /// Returns the files of the current publication whose years were not rebuilt since.
    fn kept_files(&self, mart: &Publishable, current: Option<&Catalog>) -> Vec<PublishedFile> {
        let (Some(kept), Some(current)) = (&self.kept, current) else {
            return Vec::new();
        };
        if !mart.by_year || current.fingerprint.as_str() != kept.fingerprint {
            return Vec::new();
        }
        let same = |published: &&PublishedMart| published.name == mart.table.name;
        let files = current.marts.iter().find(same).map(|mart| &mart.files);
        let is_kept = |file: &&PublishedFile| file.year.is_some_and(|year| !kept.changed.has(year));
        files
            .into_iter()
            .flatten()
            .filter(is_kept)
            .cloned()
            .collect()
    }
}

/// Returns the columns of a mart for the catalog.
fn columns(
    mart: &Publishable,
    schema: &arrow_schema::Schema,
) -> Result<Vec<PublishedColumn>, Failure> {
    let described = mart.columns.iter().zip(schema.fields());
    described
        .map(|(column, field)| {
            let kind = parquet_file::type_name(field.data_type()).ok_or_else(|| {
                Failure::contract(anyhow::anyhow!(
                    "cannot publish {}: its type is {}",
                    column.name,
                    field.data_type()
                ))
            })?;
            Ok(PublishedColumn {
                name: column.name.clone(),
                kind: kind.to_owned(),
                description: column.description.clone(),
            })
        })
        .collect()
}
