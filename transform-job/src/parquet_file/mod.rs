//! Writes Parquet files to the spool and measures them.

pub(crate) mod column_chunk;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::ColumnPath;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::fingerprint::{DigestWriter, Measured};
use shared::lake::Lake;
use tempfile::NamedTempFile;

/// Higher levels take longer and save less than 2 %.
const ZSTD_LEVEL: i32 = 3;

/// A finished file in the spool.
pub(crate) struct ParquetFile {
    pub(crate) name: String,
    pub(crate) content: NamedTempFile,
    pub(crate) rows: u64,
    pub(crate) measured: Measured,
}

/// The writer that measures the file on the way to the spool.
pub(crate) type Spool = DigestWriter<BufWriter<File>>;

/// The writer settings of a table's columns.
pub(crate) struct Layout {
    properties: WriterPropertiesPtr,
}

impl Layout {
    /// Returns the settings with Zstandard, one row group per file, and dictionaries but for the columns `plain`, whose
    /// values are mostly distinct. The file depends on the rows only, so the writer's version is left out of it.
    pub(crate) fn new(plain: &[&str]) -> Self {
        let level = ZstdLevel::try_new(ZSTD_LEVEL).expect("a valid level");
        let builder = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by("toronto-311 transform-job".to_owned())
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_max_row_group_row_count(None);
        let builder = plain.iter().fold(builder, |builder, column| {
            builder.set_column_dictionary_enabled(ColumnPath::from(*column), false)
        });
        Self {
            properties: Arc::new(builder.build()),
        }
    }

    pub(crate) fn properties(&self) -> WriterPropertiesPtr {
        Arc::clone(&self.properties)
    }

    /// Writes `batch` as the file `name`.
    pub(crate) fn write(
        &self,
        lake: &Lake,
        name: String,
        batch: &RecordBatch,
    ) -> Result<ParquetFile, Failure> {
        spooled(lake, name, batch.num_rows(), |spool| {
            // Readers use the types of Parquet's own schema; an Arrow schema would contain this program's in-memory
            // types.
            let options = ArrowWriterOptions::new()
                .with_properties(self.properties.as_ref().clone())
                .with_skip_arrow_metadata(true);
            let mut writer = ArrowWriter::try_new_with_options(spool, batch.schema(), options)?;
            writer.write(batch)?;
            writer.into_inner()
        })
    }
}

/// Returns the file `name` in the spool, written by `fill`.
pub(crate) fn spooled(
    lake: &Lake,
    name: String,
    rows: usize,
    fill: impl FnOnce(Spool) -> Result<Spool, ParquetError>,
) -> Result<ParquetFile, Failure> {
    let content = lake.spool().or_fail(Exit::Upstream)?;
    let write = || -> Result<_, ParquetError> {
        let spooled = content.as_file().try_clone()?;
        let spool: Spool = DigestWriter::new(BufWriter::with_capacity(1 << 18, spooled));
        let (mut buffered, measured) = fill(spool)?.finish();
        buffered.flush()?;
        Ok(measured)
    };
    let measured = write()
        .or_fail(Exit::Upstream)
        .while_doing(|| format!("cannot write {name} to the spool"))?;
    Ok(ParquetFile {
        name,
        content,
        rows: rows as u64,
        measured,
    })
}
