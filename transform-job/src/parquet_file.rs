//! Parquet files, written whole to the spool with their digest.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::{Digest, DigestWriter};
use shared::lake::Lake;
use tempfile::NamedTempFile;

/// A finished file in the spool.
pub(crate) struct ParquetFile {
    pub(crate) name: String,
    pub(crate) content: NamedTempFile,
    pub(crate) rows: u64,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: Digest,
}

/// Where the digest of what is written is taken, on the way to the spool.
type Spool = DigestWriter<BufWriter<File>>;

/// How the columns of a table are written.
pub(crate) struct Layout {
    properties: WriterProperties,
}

impl Layout {
    /// Zstandard, dictionaries, a row group a file. What is written depends on the rows alone: the writer's version is
    /// left out of the file.
    pub(crate) fn new(
        adjust: impl FnOnce(WriterPropertiesBuilder) -> WriterPropertiesBuilder,
    ) -> Self {
        let level = ZstdLevel::try_new(3).expect("3 is a level of Zstandard");
        let builder = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by("toronto-311 transform-job".to_owned())
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_max_row_group_row_count(None);
        Self {
            properties: adjust(builder).build(),
        }
    }

    /// Writes `batch` as the file `name`.
    pub(crate) fn write(
        &self,
        lake: &Lake,
        name: String,
        batch: &RecordBatch,
    ) -> Result<ParquetFile, Failure> {
        let spool = lake.spool().or_fail(Exit::Upstream)?;
        let written = self
            .write_to(spool.as_file(), batch.schema(), batch)
            .map_err(|error| {
                Failure::upstream(anyhow::Error::new(error))
                    .context(format!("write {name} to the spool"))
            });
        let (sha256, size_bytes) = written?;
        Ok(ParquetFile {
            name,
            content: spool,
            rows: batch.num_rows() as u64,
            size_bytes,
            sha256,
        })
    }

    fn write_to(
        &self,
        file: &File,
        schema: Arc<Schema>,
        batch: &RecordBatch,
    ) -> Result<(Digest, u64), parquet::errors::ParquetError> {
        let sink: Spool = DigestWriter::new(BufWriter::with_capacity(1 << 18, file.try_clone()?));
        // Readers get the types from Parquet's own schema: Arrow's would name in-memory types of this program.
        let options = ArrowWriterOptions::new()
            .with_properties(self.properties.clone())
            .with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(sink, schema, options)?;
        writer.write(batch)?;
        let (mut buffered, sha256, size_bytes) = writer.into_inner()?.finish();
        buffered.flush()?;
        Ok((sha256, size_bytes))
    }
}

/// A column of values that hardly repeat: no dictionary, this encoding.
pub(crate) fn plain_column(
    builder: WriterPropertiesBuilder,
    column: &str,
    encoding: Encoding,
) -> WriterPropertiesBuilder {
    let path = ColumnPath::from(column);
    builder
        .set_column_dictionary_enabled(path.clone(), false)
        .set_column_encoding(path, encoding)
}
