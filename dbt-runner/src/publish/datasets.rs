//! Publishes the tables of the lake: the requests, the quarantine and the boundaries. They are read from the lake and not
//! from the warehouse, so that both kinds of warehouse lead to the same bytes and none bills for it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use arrow_schema::Schema;
use bytes::Bytes;
use jiff::Timestamp;
use shared::contract::{Column, ColumnType, Contract};
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::fingerprint::Fingerprint;
use shared::lake::read_failure;
use shared::lineage::RunEvent;
use shared::manifest::{self, CleanManifest, Object};
use shared::partition::Partition;
use tokio::task::block_in_place;
use tracing::debug;

use super::boundaries::{self, Areas, DENOMINATORS, GEOMETRY_DESCRIPTION};
use super::catalog::{Catalog, Format, PublishedColumn, PublishedFile, PublishedTable};
use super::requests::{YearFiles, YearWriter};
use super::spool::Spooled;
use super::{DATA, Publication, address, data_file, parquet_file, quarantine, read_data, requests};
use crate::artifacts::{Graph, TestedTable};
use crate::mart::Publishable;
use crate::site::Caching;

/// The names of the datasets of a year.
pub(super) const REQUESTS: &str = "requests";
const QUARANTINED: &str = "quarantined_requests";

/// What was published of datasets.
pub(super) struct Wrote {
    pub(super) tables: Vec<PublishedTable>,
    /// What the new files were written from.
    pub(super) events: Vec<RunEvent>,
    /// The bytes written.
    pub(super) bytes: u64,
}

/// The datasets of a year and their formats.
const OF_YEAR: [(&str, Format); 3] = [
    (REQUESTS, Format::Parquet),
    (REQUESTS, Format::Csv),
    (QUARANTINED, Format::Parquet),
];

impl Publication<'_> {
    /// Writes the files of each year that was loaded again since the publication `current`. Returns the requests and the
    /// quarantine, with the lineage of what `is_new`.
    pub(super) async fn publish_years(
        &self,
        current: Option<&Catalog>,
        is_new: impl Fn(&PublishedFile) -> bool,
    ) -> Result<Wrote, Failure> {
        let mut of_requests = PublishedTable::new(REQUESTS, &requests::description());
        of_requests.columns = requests::table()
            .columns
            .iter()
            .map(|column| described(column, !column.required, &column.description))
            .collect();
        let mut of_quarantine = PublishedTable::new(QUARANTINED, quarantine::DESCRIPTION);
        of_quarantine.columns = quarantine::columns()
            .map(|(column, nullable, description)| described(column, nullable, description))
            .collect();
        let (mut events, mut written) = (Vec::new(), 0);
        for (&partition, clean) in self.clean {
            let Some(year) = partition.year() else {
                continue;
            };
            let began = Timestamp::now();
            let kept = self.kept_year(current, year, clean).await?;
            let ([parquet, csv, quarantined], bytes) = match kept {
                Some(files) => (files, 0),
                None => (self.write_year(partition, year, clean).await)
                    .while_doing(|| format!("cannot publish the requests of {year}"))?,
            };
            if [&parquet, &csv, &quarantined].into_iter().any(&is_new) {
                let files = [
                    (&of_requests, &parquet),
                    (&of_requests, &csv),
                    (&of_quarantine, &quarantined),
                ];
                events.extend(self.lineage_of_year(year, files, began));
            }
            written += bytes;
            of_requests.add(parquet);
            of_requests.add(csv);
            of_quarantine.add(quarantined);
        }
        Ok(Wrote {
            tables: vec![of_requests, of_quarantine],
            events,
            bytes: written,
        })
    }

    /// Returns the published files of a year, if they were written from the same clean version and the site has them.
    async fn kept_year(
        &self,
        current: Option<&Catalog>,
        year: i16,
        clean: &Fingerprint,
    ) -> Result<Option<[PublishedFile; 3]>, Failure> {
        let published = |(dataset, format): (&str, Format)| {
            let mut datasets = current?.datasets.iter();
            let files = &datasets.find(|table| table.name == dataset)?.files;
            let is_same = |file: &&PublishedFile| {
                file.year == Some(year.into())
                    && file.format == format
                    && file.clean.as_ref() == Some(clean)
            };
            files.iter().find(is_same).cloned()
        };
        let [Some(parquet), Some(csv), Some(quarantined)] = OF_YEAR.map(published) else {
            return Ok(None);
        };
        let files = [parquet, csv, quarantined];
        for file in &files {
            if !self.site.has(&format!("{DATA}/{}", file.path)).await? {
                return Ok(None);
            }
        }
        Ok(Some(files))
    }

    /// Reads a clean year month by month, and writes its files. Returns them and the bytes written.
    async fn write_year(
        &self,
        partition: Partition,
        year: i16,
        clean: &Fingerprint,
    ) -> Result<([PublishedFile; 3], u64), Failure> {
        let manifest = self.manifest_of(partition, clean).await?;
        let mut writer = YearWriter::create().or_fail(Exit::Upstream)?;
        for month in &manifest.files {
            let key = &month.object.key;
            let file = self.read_lake(&month.object).await?;
            block_in_place(|| writer.add_month(file))
                .or_fail(Exit::Contract)
                .while_doing(|| format!("cannot read {key}"))?;
        }
        let YearFiles { parquet, csv } =
            block_in_place(|| writer.finish()).or_fail(Exit::Upstream)?;
        if parquet.rows != manifest.rows.kept {
            return Err(Failure::new(
                Exit::Bug,
                anyhow::anyhow!(
                    "the clean files have {} rows and their manifest {}",
                    parquet.rows,
                    manifest.rows.kept
                ),
            ));
        }
        let refused = manifest.quarantine.as_ref().ok_or_else(|| {
            Failure::contract(anyhow::anyhow!("the manifest lists no quarantine"))
        })?;
        let key = &refused.object.key;
        let file = self.read_lake(&refused.object).await?;
        let quarantined = block_in_place(|| quarantine::write(&manifest, file))
            .or_fail(Exit::Contract)
            .while_doing(|| format!("cannot read {key}"))?;
        let mut written = 0;
        let mut files = Vec::new();
        for ((dataset, format), spooled) in OF_YEAR.into_iter().zip([parquet, csv, quarantined]) {
            let (mut file, bytes) = self
                .put_spooled(dataset, Some(year), format, &spooled)
                .await?;
            file.address = Some(address::of_year(dataset, year, format));
            file.clean = Some(clean.clone());
            files.push(file);
            written += bytes;
        }
        let files = files.try_into().map_err(|_| {
            Failure::new(
                Exit::Bug,
                anyhow::anyhow!("a year has other files than three"),
            )
        })?;
        Ok((files, written))
    }

    /// Writes the boundaries that are loaded, with what the mart of denominators says of their areas. Returns them with the
    /// lineage of what `is_new`.
    pub(super) async fn publish_boundaries(
        &self,
        graph: &Graph,
        marts: &[PublishedTable],
        is_new: impl Fn(&PublishedFile) -> bool,
    ) -> Result<Wrote, Failure> {
        let mut wrote = Wrote {
            tables: Vec::new(),
            events: Vec::new(),
            bytes: 0,
        };
        let published = marts.iter().find(|mart| mart.name == DENOMINATORS);
        let mut described = graph.publishable().into_iter();
        let mart = described.find(|mart| mart.table.name == DENOMINATORS);
        let (Some(published), Some(mart)) = (published, mart) else {
            debug!("no mart of denominators, so no boundaries are published");
            return Ok(wrote);
        };
        let Some(file) = published.files.first() else {
            return Ok(wrote);
        };
        let denominators = read_data(self.site, file).await?;
        for areas in &boundaries::ALL {
            let Some(clean) = self.clean.get(&areas.partition) else {
                continue;
            };
            let began = Timestamp::now();
            let published = self.publish_areas(areas, clean, &mart, denominators.clone());
            let (table, bytes) = published
                .await
                .while_doing(|| format!("cannot publish the boundaries {}", areas.partition))?;
            if table.files.iter().any(&is_new) {
                let events = self.lineage_of_areas(areas, &mart, &table, began);
                wrote.events.extend(events);
            }
            wrote.tables.push(table);
            wrote.bytes += bytes;
        }
        Ok(wrote)
    }

    async fn publish_areas(
        &self,
        areas: &Areas,
        clean: &Fingerprint,
        mart: &Publishable,
        denominators: Bytes,
    ) -> Result<(PublishedTable, u64), Failure> {
        let manifest = self.manifest_of(areas.partition, clean).await?;
        let file = manifest.files.first().ok_or_else(|| {
            Failure::contract(anyhow::anyhow!("the clean manifest lists no file"))
        })?;
        let file = self.read_lake(&file.object).await?;
        let wrote = block_in_place(|| boundaries::write(areas, file, denominators));
        let (spooled, schema) = wrote.or_fail(Exit::Contract)?;
        let put = self.put_spooled(areas.name, None, Format::Parquet, &spooled);
        let (mut file, bytes) = put.await?;
        file.address = Some(address::of_boundaries(areas.file));
        file.clean = Some(clean.clone());
        let mut table = PublishedTable::new(areas.name, areas.description);
        table.columns = columns_of(areas, mart, &schema);
        table.add(file);
        Ok((table, bytes))
    }

    /// Writes a file, unless the site has it. Returns the bytes written.
    async fn put_spooled(
        &self,
        name: &str,
        year: Option<i16>,
        format: Format,
        spooled: &Spooled,
    ) -> Result<(PublishedFile, u64), Failure> {
        let (rows, bytes, sha256) = (spooled.rows, spooled.bytes, spooled.sha256.clone());
        let file = data_file(name, year.map(i64::from), format, rows, bytes, sha256);
        let on_site = format!("{DATA}/{}", file.path);
        if self.site.has(&on_site).await? {
            return Ok((file, 0));
        }
        let put = self
            .site
            .put_file(&on_site, &spooled.content, Caching::Forever);
        put.await?;
        Ok((file, bytes))
    }

    async fn manifest_of(
        &self,
        partition: Partition,
        clean: &Fingerprint,
    ) -> Result<CleanManifest, Failure> {
        let key = CleanManifest::key(partition, clean, "manifest.json")?;
        manifest::read_own(self.lake, &key, partition).await
    }

    /// Reads an object of the lake: a month of a year, a quarantine or boundaries.
    async fn read_lake(&self, object: &Object) -> Result<Bytes, Failure> {
        let mut reader = self.lake.open(object).await?;
        let mut content = Vec::new();
        block_in_place(|| reader.read_to_end(&mut content)).map_err(read_failure)?;
        Ok(content.into())
    }
}

/// Returns the keys of the tables of the lake, by name: the contracts state those of requests and areas, and a refused line is
/// in the quarantine once. No test of the project is about these files.
pub(super) fn rules() -> BTreeMap<String, TestedTable> {
    let key_of = |partition: Partition| {
        let table = Contract::clean_table(partition.dataset());
        table.primary_key.clone()
    };
    let areas = boundaries::ALL.iter();
    let of_areas = areas.map(|areas| (areas.name, key_of(areas.partition)));
    let of_years = [
        (REQUESTS, requests::table().primary_key.clone()),
        (QUARANTINED, quarantine::KEY.map(str::to_owned).to_vec()),
    ];
    let rules = |key| TestedTable {
        keys: BTreeSet::from([key]),
        ..TestedTable::default()
    };
    let keys = of_years.into_iter().chain(of_areas);
    keys.map(|(name, key)| (name.to_owned(), rules(key)))
        .collect()
}

/// Describes a column of the contract as it is published.
fn described(column: &Column, nullable: bool, description: &str) -> PublishedColumn {
    let kind = match column.kind {
        ColumnType::Binary16 | ColumnType::Text | ColumnType::Json => "string",
        ColumnType::Integer | ColumnType::Long => "integer",
        ColumnType::Boolean => "boolean",
        ColumnType::Instant | ColumnType::WallClock => "timestamp",
    };
    PublishedColumn {
        name: column.name.clone(),
        kind: kind.to_owned(),
        nullable,
        description: description.to_owned(),
    }
}

/// Describes the columns of areas, as the contract and the mart of denominators do.
fn columns_of(areas: &Areas, mart: &Publishable, schema: &Schema) -> Vec<PublishedColumn> {
    let of_contract = &Contract::clean_table(areas.partition.dataset()).columns;
    let description = |name: &str| {
        let of_contract = of_contract
            .iter()
            .filter(|_| areas.named_by.contains(&name));
        let of_contract = of_contract.map(|column| (&column.name, &column.description));
        let of_mart = mart.columns.iter();
        let of_mart = of_mart.map(|column| (&column.name, &column.description));
        let mut all = of_contract.chain(of_mart);
        let found = all.find(|(column, _)| *column == name);
        found.map_or(GEOMETRY_DESCRIPTION, |(_, description)| description)
    };
    let fields = schema.fields().iter();
    fields
        .map(|field| PublishedColumn {
            name: field.name().clone(),
            kind: parquet_file::type_name(field.data_type())
                .unwrap_or("string")
                .to_owned(),
            nullable: field.is_nullable(),
            description: description(field.name()).to_owned(),
        })
        .collect()
}
