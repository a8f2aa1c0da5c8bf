//! Publishes marts.

use arrow_schema::Schema;
use bytes::Bytes;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Digest;
use tokio::task::block_in_place;

use super::catalog::{Catalog, Format, PublishedColumn, PublishedFile, PublishedTable};
use super::{DATA, Publication, address, data_file, parquet_file, read_data};
use crate::mart::Publishable;
use crate::site::Caching;
use crate::warehouse::Warehouse;

impl Publication<'_> {
    /// Writes the files of a mart that the site lacks. Returns the mart and the bytes written.
    pub(super) async fn publish_mart(
        &self,
        warehouse: &mut Warehouse,
        mart: &Publishable,
        current: Option<&Catalog>,
    ) -> Result<(PublishedTable, u64), Failure> {
        let published = self.published_before(mart, current);
        let years = match &mart.file_per {
            Some(column) => {
                let years = block_in_place(|| warehouse.years(&mart.table, column))?;
                years.into_iter().map(Some).collect()
            }
            None => vec![None],
        };
        let mut table = PublishedTable::new(&mart.table.name, &mart.description);
        table.operational = mart.operational;
        table.aged = mart.aged;
        let mut written = 0;
        for year in years {
            if let Some(file) = self.kept_file(published, year)
                && self.site.has(&format!("{DATA}/{}", file.path)).await?
            {
                table.add(file.clone());
                continue;
            }
            let batches = block_in_place(|| warehouse.read(mart, year))?;
            if let Some(batch) = batches.first() {
                table.columns = columns(mart, &batch.schema())?;
            }
            let content = parquet_file::write(&batches).or_fail(Exit::Bug)?;
            let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            let (file, bytes) = self.put(&table.name, year, rows, content.into()).await?;
            table.add(file);
            written += bytes;
        }
        if let (Some(published), true) = (published, table.columns.is_empty()) {
            table.columns.clone_from(&published.columns);
        }
        if table.files.len() > 1 {
            let (whole, bytes) = self.join(&table, published).await?;
            table.whole = Some(whole);
            written += bytes;
        }
        table.address = (!table.files.is_empty()).then(|| address::of_mart(&table.name));
        Ok((table, written))
    }

    /// Writes a file of all rows from those of the years, unless these are the same as before.
    async fn join(
        &self,
        table: &PublishedTable,
        published: Option<&PublishedTable>,
    ) -> Result<(PublishedFile, u64), Failure> {
        let digests = |table: &PublishedTable| -> Vec<Digest> {
            let files = table.files.iter();
            files.map(|file| file.sha256.clone()).collect()
        };
        if let Some(published) = published
            && let Some(whole) = &published.whole
            && digests(published) == digests(table)
            && self.site.has(&format!("{DATA}/{}", whole.path)).await?
        {
            return Ok((whole.clone(), 0));
        }
        let mut files = Vec::new();
        for file in &table.files {
            files.push(read_data(self.site, file).await?);
        }
        let whole = parquet_file::joined(&files).or_fail(Exit::Bug)?;
        self.put(&table.name, None, table.rows, whole.into()).await
    }

    /// Writes a file, unless the site has it. Returns the bytes written.
    async fn put(
        &self,
        name: &str,
        year: Option<i64>,
        rows: u64,
        content: Bytes,
    ) -> Result<(PublishedFile, u64), Failure> {
        let (bytes, sha256) = (content.len() as u64, Digest::of(&content));
        let file = data_file(name, year, Format::Parquet, rows, bytes, sha256);
        let on_site = format!("{DATA}/{}", file.path);
        if self.site.has(&on_site).await? {
            return Ok((file, 0));
        }
        self.site.put(&on_site, content, Caching::Forever).await?;
        Ok((file, bytes))
    }

    /// Returns the mart as it is published, if its files of the years that were not rebuilt since are still right.
    fn published_before<'c>(
        &self,
        mart: &Publishable,
        current: Option<&'c Catalog>,
    ) -> Option<&'c PublishedTable> {
        let (kept, current) = (self.kept.as_ref()?, current?);
        if !mart.by_year || current.fingerprint.as_str() != kept.fingerprint {
            return None;
        }
        let same = |published: &&PublishedTable| published.name == mart.table.name;
        current.marts.iter().find(same)
    }

    /// Returns the published file of a year that was not rebuilt since.
    fn kept_file<'c>(
        &self,
        published: Option<&'c PublishedTable>,
        year: Option<i64>,
    ) -> Option<&'c PublishedFile> {
        let changed = self.kept.as_ref()?.changed;
        let is_kept = |year: i64| !changed.has(year);
        let of_year = |file: &&PublishedFile| file.year == year && file.year.is_some_and(is_kept);
        published?.files.iter().find(of_year)
    }
}

/// Returns the columns of a mart for the catalog.
fn columns(mart: &Publishable, schema: &Schema) -> Result<Vec<PublishedColumn>, Failure> {
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
                nullable: !column.is_required(),
                description: column.description.clone(),
            })
        })
        .collect()
}
