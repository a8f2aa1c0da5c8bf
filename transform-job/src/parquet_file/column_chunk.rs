//! Writes column chunks of rows that are already encoded as codes. The parquet crate's own writer looks up the text of
//! every row in a dictionary that it builds itself, which took 60 % of the job's time. Here the dictionary consists of
//! the codes' values, and the codes map to its indices. The tests read the files back with both.
//!
//! Only what every reader knows is used: data pages of version 1 with statistics, plain values, and dictionary indices of
//! at least one bit. BigQuery documents types and codecs but no encodings
//! (<https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet>), and several readers refuse
//! `DELTA_BINARY_PACKED` or an index of no bits.
//!
//! Formats: [pages](https://parquet.apache.org/docs/file-format/data-pages/),
//! [encodings](https://parquet.apache.org/docs/file-format/data-pages/encodings/).

use std::collections::HashMap;
use std::hash::Hash;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use super::{Spool, ZSTD_LEVEL};

/// Rows per data page.
const PAGE_ROWS: usize = 1 << 16;

/// The level for plain values, which a higher one compresses hardly better and takes longer.
const PLAIN_ZSTD_LEVEL: i32 = 1;

/// The index of a code without a value.
const NULL: u32 = u32::MAX;

/// A code for each row, and the set of codes in use. Columns that depend on the same codes share it.
pub(crate) struct Codes {
    rows: Vec<u32>,
    counts: Vec<u32>,
}

impl Codes {
    /// Returns the codes of rows, all below `bound`.
    pub(crate) fn new(bound: usize, codes: impl Iterator<Item = u32>) -> Self {
        let rows: Vec<u32> = codes.collect();
        let mut counts = vec![0; bound];
        for &code in &rows {
            counts[code as usize] += 1;
        }
        Self { rows, counts }
    }

    /// Returns the codes that occur in rows.
    fn used(&self) -> impl Iterator<Item = usize> {
        let counts = self.counts.iter().enumerate();
        counts.filter_map(|(code, &count)| (count > 0).then_some(code))
    }
}

/// A value of a column: a string, a number or an id.
pub(crate) trait Value: Copy + Hash + Ord {
    /// Appends the value in Parquet's plain encoding.
    fn write_plain(self, page: &mut Vec<u8>);
    /// Returns the statistics of a column whose values are in this range.
    fn statistics(min: Option<Self>, max: Option<Self>, nulls: u64) -> Statistics;
}

impl Value for &str {
    fn write_plain(self, page: &mut Vec<u8>) {
        let length = u32::try_from(self.len()).expect("a line is shorter than 4 GiB");
        page.extend(length.to_le_bytes());
        page.extend(self.as_bytes());
    }

    fn statistics(min: Option<Self>, max: Option<Self>, nulls: u64) -> Statistics {
        let bytes = |text: &str| ByteArray::from(text.as_bytes().to_vec());
        Statistics::byte_array(min.map(bytes), max.map(bytes), None, Some(nulls), false)
    }
}

impl Value for i32 {
    fn write_plain(self, page: &mut Vec<u8>) {
        page.extend(self.to_le_bytes());
    }

    fn statistics(min: Option<Self>, max: Option<Self>, nulls: u64) -> Statistics {
        Statistics::int32(min, max, None, Some(nulls), false)
    }
}

impl Value for i64 {
    fn write_plain(self, page: &mut Vec<u8>) {
        page.extend(self.to_le_bytes());
    }

    fn statistics(min: Option<Self>, max: Option<Self>, nulls: u64) -> Statistics {
        Statistics::int64(min, max, None, Some(nulls), false)
    }
}

/// An id of 16 bytes, of which the first is the highest: its order is that of the bytes.
impl Value for u128 {
    fn write_plain(self, page: &mut Vec<u8>) {
        page.extend(self.to_be_bytes());
    }

    fn statistics(min: Option<Self>, max: Option<Self>, nulls: u64) -> Statistics {
        let bytes = |id: Self| FixedLenByteArray::from(id.to_be_bytes().to_vec());
        Statistics::fixed_len_byte_array(min.map(bytes), max.map(bytes), None, Some(nulls), false)
    }
}

/// Booleans, which Parquet's plain encoding packs into bits.
fn boolean_statistics(values: &[bool]) -> Statistics {
    let (min, max) = (values.iter().min(), values.iter().max());
    Statistics::boolean(min.copied(), max.copied(), None, Some(0), false)
}

/// Writes column chunks to a row group.
pub(crate) struct ChunkWriter<'a, 'b> {
    group: &'a mut SerializedRowGroupWriter<'b, Spool>,
    compressor: Compressor<'static>,
    plain_compressor: Compressor<'static>,
}

impl<'a, 'b> ChunkWriter<'a, 'b> {
    pub(crate) fn new(group: &'a mut SerializedRowGroupWriter<'b, Spool>) -> Result<Self> {
        Ok(Self {
            group,
            compressor: Compressor::new(ZSTD_LEVEL)?,
            plain_compressor: Compressor::new(PLAIN_ZSTD_LEVEL)?,
        })
    }

    /// Appends `column`, in which each row has the value of its code.
    pub(crate) fn dictionary<V: Value>(
        &mut self,
        column: &ColumnDescPtr,
        codes: &Codes,
        value: impl Fn(usize) -> Option<V>,
    ) -> Result<()> {
        let mut dictionary = Dictionary::new();
        let mut indices = vec![NULL; codes.counts.len()];
        let mut nulls = 0;
        for code in codes.used() {
            match value(code) {
                Some(value) => indices[code] = dictionary.index_of(value)?,
                None => nulls += u64::from(codes.counts[code]),
            }
        }
        let width = dictionary.width();
        let mut pages = Pages::new(Some(&mut self.compressor));
        pages.dictionary(dictionary.page, dictionary.indices.len())?;
        let whole = V::statistics(dictionary.min, dictionary.max, nulls);
        let is_optional = column.max_def_level() > 0;
        for rows in codes.rows.chunks(PAGE_ROWS) {
            let indices: Vec<u32> = rows.iter().map(|&code| indices[code as usize]).collect();
            let statistics = if rows.len() == codes.rows.len() {
                whole.clone()
            } else {
                page_statistics(
                    &Codes::new(codes.counts.len(), rows.iter().copied()),
                    &value,
                )
            };
            let page = if is_optional {
                optional_page(width, indices)
            } else {
                let mut page = vec![width_byte(width)];
                write_hybrid(&mut page, width, &indices);
                page
            };
            pages.data(page, rows.len(), Encoding::RLE_DICTIONARY, statistics)?;
        }
        let chunk = pages.finish(column, codes.rows.len(), whole)?;
        self.append(chunk)
    }

    /// Appends a required `column` of mostly distinct values.
    pub(crate) fn plain<V: Value>(&mut self, column: &ColumnDescPtr, values: &[V]) -> Result<()> {
        let pages = Pages::new(Some(&mut self.plain_compressor));
        let chunk = plain_chunk(pages, column, values)?;
        self.append(chunk)
    }

    /// Appends a required `column` of values that do not compress.
    pub(crate) fn random<V: Value>(&mut self, column: &ColumnDescPtr, values: &[V]) -> Result<()> {
        let chunk = plain_chunk(Pages::new(None), column, values)?;
        self.append(chunk)
    }

    /// Appends a required `column`.
    pub(crate) fn booleans(&mut self, column: &ColumnDescPtr, values: &[bool]) -> Result<()> {
        let mut pages = Pages::new(Some(&mut self.compressor));
        for rows in values.chunks(PAGE_ROWS) {
            let bits = |bits: &[bool]| {
                bits.iter()
                    .rev()
                    .fold(0, |byte, &bit| byte << 1 | u8::from(bit))
            };
            let page = rows.chunks(8).map(bits).collect();
            pages.data(page, rows.len(), Encoding::PLAIN, boolean_statistics(rows))?;
        }
        let chunk = pages.finish(column, values.len(), boolean_statistics(values))?;
        self.append(chunk)
    }

    fn append(&mut self, (bytes, closed): (Bytes, ColumnCloseResult)) -> Result<()> {
        self.group.append_column(&bytes, closed)
    }
}

fn plain_chunk<V: Value>(
    mut pages: Pages,
    column: &ColumnDescPtr,
    values: &[V],
) -> Result<(Bytes, ColumnCloseResult)> {
    let mut whole: Option<(V, V)> = None;
    for rows in values.chunks(PAGE_ROWS) {
        let mut page = Vec::with_capacity(size_of_val(rows));
        for value in rows {
            value.write_plain(&mut page);
        }
        let (min, max) = (rows.iter().min().copied(), rows.iter().max().copied());
        pages.data(
            page,
            rows.len(),
            Encoding::PLAIN,
            V::statistics(min, max, 0),
        )?;
        let range = min.into_iter().zip(max);
        whole = whole
            .into_iter()
            .chain(range)
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    }
    let (min, max) = whole.unzip();
    pages.finish(column, values.len(), V::statistics(min, max, 0))
}

/// Returns the statistics of one of several pages, whose rows have `codes`.
fn page_statistics<V: Value>(codes: &Codes, value: &impl Fn(usize) -> Option<V>) -> Statistics {
    let present = || codes.used().filter_map(value);
    let nulls = codes.used().filter(|code| value(*code).is_none());
    let nulls = nulls.map(|code| u64::from(codes.counts[code])).sum();
    V::statistics(present().min(), present().max(), nulls)
}

/// The distinct values of a column chunk, in the order of their codes. Two codes may have the same value.
struct Dictionary<V> {
    indices: HashMap<V, u32>,
    page: Vec<u8>,
    min: Option<V>,
    max: Option<V>,
}

impl<V: Value> Dictionary<V> {
    fn new() -> Self {
        Self {
            indices: HashMap::new(),
            page: Vec::new(),
            min: None,
            max: None,
        }
    }

    fn index_of(&mut self, value: V) -> Result<u32> {
        let next = count(self.indices.len())?;
        let index = *self.indices.entry(value).or_insert(next);
        if index == next {
            value.write_plain(&mut self.page);
            self.min = Some(self.min.map_or(value, |min| min.min(value)));
            self.max = self.max.max(Some(value));
        }
        Ok(index)
    }

    /// The number of bits of the largest index, at least one.
    fn width(&self) -> u32 {
        let largest = self.indices.len().saturating_sub(1);
        (usize::BITS - largest.leading_zeros()).max(1)
    }
}

/// The pages of one column chunk.
struct Pages<'c> {
    sink: TrackedWrite<Vec<u8>>,
    compressor: Option<&'c mut Compressor<'static>>,
    uncompressed: usize,
    dictionary_offset: Option<u64>,
    data_offset: Option<u64>,
    encodings: Vec<Encoding>,
}

impl<'c> Pages<'c> {
    fn new(compressor: Option<&'c mut Compressor<'static>>) -> Self {
        Self {
            sink: TrackedWrite::new(Vec::new()),
            compressor,
            uncompressed: 0,
            dictionary_offset: None,
            data_offset: None,
            encodings: vec![Encoding::PLAIN, Encoding::RLE],
        }
    }

    fn dictionary(&mut self, page: Vec<u8>, values: usize) -> Result<()> {
        let num_values = count(values)?;
        let offset = self.write(page, |buf| Page::DictionaryPage {
            buf,
            num_values,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })?;
        self.dictionary_offset = Some(offset);
        Ok(())
    }

    fn data(
        &mut self,
        page: Vec<u8>,
        rows: usize,
        encoding: Encoding,
        statistics: Statistics,
    ) -> Result<()> {
        let num_values = count(rows)?;
        let offset = self.write(page, |buf| Page::DataPage {
            buf,
            num_values,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: Some(statistics),
        })?;
        self.data_offset.get_or_insert(offset);
        if !self.encodings.contains(&encoding) {
            self.encodings.push(encoding);
        }
        Ok(())
    }

    /// Returns the page's offset.
    fn write(&mut self, page: Vec<u8>, of: impl FnOnce(Bytes) -> Page) -> Result<u64> {
        let size = page.len();
        let stored = match &mut self.compressor {
            Some(compressor) => compressor.compress(&page)?,
            None => page,
        };
        let page = CompressedPage::new(of(stored.into()), size);
        let written = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.uncompressed += written.uncompressed_size;
        Ok(written.offset)
    }

    fn finish(
        self,
        column: &ColumnDescPtr,
        rows: usize,
        statistics: Statistics,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let compression = match self.compressor {
            Some(_) => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
            None => Compression::UNCOMPRESSED,
        };
        let bytes = self.sink.into_inner()?;
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(compression)
            .set_encodings(self.encodings)
            .set_num_values(offset(rows)?)
            .set_total_compressed_size(offset(bytes.len())?)
            .set_total_uncompressed_size(offset(self.uncompressed)?)
            .set_data_page_offset(offset(self.data_offset.unwrap_or_default())?)
            .set_dictionary_page_offset(self.dictionary_offset.map(offset).transpose()?)
            .set_statistics(statistics);
        let closed = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok((bytes.into(), closed))
    }
}

/// Returns the definition levels of all rows, then the indices of the rows that have a value.
fn optional_page(width: u32, mut indices: Vec<u32>) -> Vec<u8> {
    let levels: Vec<u32> = indices
        .iter()
        .map(|&index| u32::from(index != NULL))
        .collect();
    let mut page = vec![0; 4];
    write_hybrid(&mut page, 1, &levels);
    let length = u32::try_from(page.len() - 4).expect("a page has few rows");
    page[..4].copy_from_slice(&length.to_le_bytes());
    indices.retain(|&index| index != NULL);
    page.push(width_byte(width));
    write_hybrid(&mut page, width, &indices);
    page
}

/// Appends `values` of `width` bits in the hybrid of run lengths and bit packing. A run is worth encoding if it
/// continues for eight values after those that fill the bit-packed group before it.
fn write_hybrid(page: &mut Vec<u8>, width: u32, values: &[u32]) {
    let (mut packed, mut position) = (0, 0);
    while position < values.len() {
        let rest = &values[position..];
        let run = rest.iter().take_while(|&value| *value == rest[0]).count();
        let fill = (position - packed).next_multiple_of(8) - (position - packed);
        if run >= fill + 8 {
            write_packed(page, width, &values[packed..position + fill]);
            write_varint(page, (run - fill) << 1);
            page.extend(&rest[0].to_le_bytes()[..width.div_ceil(8) as usize]);
            packed = position + run;
        }
        position += run;
    }
    write_packed(page, width, &values[packed..]);
}

/// Appends groups of eight values, lowest bits first; the last group is padded with zeros.
fn write_packed(page: &mut Vec<u8>, width: u32, values: &[u32]) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(8);
    write_varint(page, groups << 1 | 1);
    let end = page.len() + groups * width as usize;
    let (mut bits, mut filled) = (0_u64, 0);
    for &value in values {
        bits |= u64::from(value) << filled;
        filled += width;
        if filled >= 32 {
            page.extend(&bits.to_le_bytes()[..4]);
            bits >>= 32;
            filled -= 32;
        }
    }
    page.extend(&bits.to_le_bytes()[..filled.div_ceil(8) as usize]);
    page.resize(end, 0);
}

fn write_varint(page: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        page.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    page.push(number.to_le_bytes()[0]);
}

fn width_byte(width: u32) -> u8 {
    width.to_le_bytes()[0]
}

fn count(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(|error| ParquetError::External(error.into()))
}

fn offset(number: impl TryInto<i64, Error = std::num::TryFromIntError>) -> Result<i64> {
    number
        .try_into()
        .map_err(|error| ParquetError::External(error.into()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{
        Array as _, ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Int32Array,
        Int64Array, RecordBatch, StringArray,
    };
    use arrow_schema::{DataType, Field, Schema};
    use parquet::arrow::ArrowSchemaConverter;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::basic::PageType;
    use parquet::file::properties::{ReaderProperties, WriterProperties};
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::file::serialized_reader::ReadOptionsBuilder;
    use parquet::file::writer::SerializedFileWriter;
    use proptest::prelude::*;
    use shared::fingerprint::DigestWriter;

    use super::*;

    fn schema(is_optional: bool) -> Schema {
        Schema::new(vec![
            Field::new("text", DataType::Utf8, is_optional),
            Field::new("number", DataType::Int32, is_optional),
            Field::new("id", DataType::FixedSizeBinary(16), false),
            Field::new("time", DataType::Int64, false),
            Field::new("flag", DataType::Boolean, false),
        ])
    }

    fn id(code: u32) -> u128 {
        u128::from(code).wrapping_mul(u128::MAX / 7)
    }

    fn time(code: u32) -> i64 {
        i64::from(code) * 1_000_000 - 5
    }

    fn flag(code: u32) -> bool {
        code.is_multiple_of(3)
    }

    /// Returns a file of this writer with two columns of dictionaries, one of ids, one of times and one of flags.
    fn written(values: &[Option<(String, i32)>], codes: &[u32], is_optional: bool) -> Bytes {
        let file = tempfile::tempfile().expect("temporary file");
        let spool = DigestWriter::new(std::io::BufWriter::new(file.try_clone().expect("handle")));
        let parquet = ArrowSchemaConverter::new()
            .convert(&schema(is_optional))
            .expect("schema");
        let properties = Arc::new(WriterProperties::default());
        let mut writer =
            SerializedFileWriter::new(spool, parquet.root_schema_ptr(), properties).expect("file");
        let mut group = writer.next_row_group().expect("group");
        let mut chunks = ChunkWriter::new(&mut group).expect("compressor");
        let codes = Codes::new(values.len(), codes.iter().copied());
        let value = |code: usize| values[code].as_ref();
        chunks
            .dictionary(&parquet.column(0), &codes, |code| {
                value(code).map(|(text, _)| text.as_str())
            })
            .expect("texts");
        chunks
            .dictionary(&parquet.column(1), &codes, |code| {
                value(code).map(|(_, number)| *number)
            })
            .expect("numbers");
        let ids: Vec<u128> = codes.rows.iter().copied().map(id).collect();
        chunks.random(&parquet.column(2), &ids).expect("ids");
        let times: Vec<i64> = codes.rows.iter().copied().map(time).collect();
        chunks.plain(&parquet.column(3), &times).expect("times");
        let flags: Vec<bool> = codes.rows.iter().copied().map(flag).collect();
        chunks.booleans(&parquet.column(4), &flags).expect("flags");
        group.close().expect("group");
        let (mut buffered, _) = writer.into_inner().expect("footer").finish();
        std::io::Write::flush(&mut buffered).expect("flushed");
        let mut bytes = Vec::new();
        let mut file = file;
        std::io::Seek::rewind(&mut file).expect("start");
        std::io::Read::read_to_end(&mut file, &mut bytes).expect("read");
        bytes.into()
    }

    /// Returns a file with the same columns from the parquet crate's own writer.
    fn reference(values: &[Option<(String, i32)>], codes: &[u32], is_optional: bool) -> Bytes {
        let texts: StringArray = values
            .iter()
            .map(|value| value.as_ref().map(|(text, _)| text))
            .collect();
        let keys = Int32Array::from_iter_values(codes.iter().map(|code| code.cast_signed()));
        let texts = DictionaryArray::<Int32Type>::new(keys, Arc::new(texts));
        let numbers: Int32Array = codes
            .iter()
            .map(|&code| values[code as usize].as_ref().map(|(_, number)| *number))
            .collect();
        let codes = || codes.iter().copied();
        let ids = FixedSizeBinaryArray::try_from_iter(codes().map(|code| id(code).to_be_bytes()))
            .expect("ids");
        let times = Int64Array::from_iter_values(codes().map(time));
        let flags: BooleanArray = codes().map(|code| Some(flag(code))).collect();
        let mut fields: Vec<_> = schema(is_optional).fields().iter().cloned().collect();
        fields[0] = Arc::new(Field::new("text", texts.data_type().clone(), is_optional));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(texts),
            Arc::new(numbers),
            Arc::new(ids),
            Arc::new(times),
            Arc::new(flags),
        ];
        let mut bytes = Vec::new();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("batch");
        let mut writer = ArrowWriter::try_new_with_options(
            &mut bytes,
            batch.schema(),
            parquet::arrow::arrow_writer::ArrowWriterOptions::new().with_skip_arrow_metadata(true),
        )
        .expect("writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        bytes.into()
    }

    /// A minimum, a maximum and a null count.
    type Ends = (Option<Vec<u8>>, Option<Vec<u8>>, Option<u64>);

    fn ends(statistics: &Statistics) -> Ends {
        (
            statistics.min_bytes_opt().map(<[u8]>::to_vec),
            statistics.max_bytes_opt().map(<[u8]>::to_vec),
            statistics.null_count_opt(),
        )
    }

    /// Returns the rows of a file and the statistics of its columns.
    fn read(bytes: Bytes) -> (Vec<RecordBatch>, Vec<Ends>) {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a Parquet file");
        let columns = builder.metadata().row_group(0).columns().iter();
        let statistics = columns.map(|column| ends(column.statistics().expect("statistics")));
        let statistics = statistics.collect();
        let rows = builder.with_batch_size(1 << 20).build().expect("reader");
        (rows.collect::<Result<_, _>>().expect("rows"), statistics)
    }

    /// Returns values, some of them missing and some equal, and runs of their codes.
    fn columns() -> impl Strategy<Value = (Vec<Option<(String, i32)>>, Vec<u32>)> {
        let value = proptest::option::weighted(0.8, ("[a-cé]{0,3}", -2..3_i32));
        proptest::collection::vec(value, 1..300).prop_flat_map(|values| {
            let code = 0..u32::try_from(values.len()).expect("few");
            let runs = proptest::collection::vec((code, 1..40_usize), 1..60);
            let codes = runs.prop_map(|runs| {
                runs.into_iter()
                    .flat_map(|(code, length)| vec![code; length])
                    .collect()
            });
            (Just(values), codes)
        })
    }

    proptest! {
        #[test]
        fn it_reads_back_like_files_of_the_parquet_crate((values, codes) in columns(), is_optional: bool) {
            let values = if is_optional {
                values
            } else {
                values.into_iter().map(Option::unwrap_or_default).map(Some).collect()
            };
            prop_assert_eq!(
                read(written(&values, &codes, is_optional)),
                read(reference(&values, &codes, is_optional))
            );
        }
    }

    #[test]
    fn more_rows_than_fit_in_a_page_read_back() {
        let values: Vec<_> = (0..70_000)
            .map(|number| Some((number.to_string(), number)))
            .collect();
        let codes: Vec<u32> = (0..200_000_u32)
            .map(|row| row.wrapping_mul(2_654_435_761) % 70_000)
            .collect();
        assert_eq!(
            read(written(&values, &codes, true)),
            read(reference(&values, &codes, true))
        );
    }

    /// The data pages of a column: their statistics, encoding and uncompressed bytes.
    fn pages(file: &Bytes, column: usize) -> Vec<(Ends, Encoding, Bytes)> {
        let properties = ReaderProperties::builder().set_read_page_statistics(true);
        let options = ReadOptionsBuilder::new().with_reader_properties(properties.build());
        let reader = SerializedFileReader::new_with_options(file.clone(), options.build());
        let reader = reader.expect("a Parquet file");
        let group = reader.get_row_group(0).expect("a row group");
        let pages = group.get_column_page_reader(column);
        let pages = pages.expect("pages").map(|page| page.expect("a page"));
        let data = pages.filter(|page| page.page_type() == PageType::DATA_PAGE);
        data.map(|page| {
            let statistics = ends(page.statistics().expect("statistics"));
            (statistics, page.encoding(), page.buffer().clone())
        })
        .collect()
    }

    #[test]
    fn each_page_has_its_own_statistics() {
        let values: Vec<_> = (0..10)
            .map(|number| Some((number.to_string(), number)))
            .collect();
        // The second page has other codes than the first.
        let codes: Vec<u32> = (0..PAGE_ROWS + 100)
            .map(|row| if row < PAGE_ROWS { 3 } else { 7 })
            .collect();
        let file = written(&values, &codes, false);
        let both = |bytes: &dyn Fn(u32) -> Vec<u8>| {
            [3, 7].map(|code| (Some(bytes(code)), Some(bytes(code)), Some(0)))
        };
        let indices = both(&|code| code.to_le_bytes().to_vec());
        let times = both(&|code| time(code).to_le_bytes().to_vec());
        for (column, encoding, width, expected) in [
            (1, Encoding::RLE_DICTIONARY, Some(1), indices),
            (3, Encoding::PLAIN, None, times),
        ] {
            let mut found = Vec::new();
            for (statistics, used, page) in pages(&file, column) {
                assert_eq!(used, encoding);
                assert!(width.is_none_or(|width| page[0] == width));
                found.push(statistics);
            }
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_statistics_of_a_page_are_of_its_rows() {
        let values: Vec<_> = (0..20)
            .map(|number| (number % 4 != 0).then(|| (number.to_string(), 10 - number)))
            .collect();
        let in_page = |page: u32| {
            (0..PAGE_ROWS)
                .zip((0..5).cycle())
                .map(move |(_, code)| 7 * page + code)
        };
        let codes: Vec<u32> = (0..3).flat_map(in_page).collect();
        let file = written(&values, &codes, true);
        let expected = |rows: &[u32], column: usize| {
            let rows = || rows.iter().map(|&code| values[code as usize].as_ref());
            let texts = || rows().flatten().map(|(text, _)| text.clone().into_bytes());
            let numbers = || rows().flatten().map(|(_, number)| *number);
            let bytes = |number: i32| number.to_le_bytes().to_vec();
            let nulls = rows().filter(Option::is_none).count() as u64;
            let (min, max) = match column {
                0 => (texts().min(), texts().max()),
                _ => (numbers().min().map(bytes), numbers().max().map(bytes)),
            };
            (min, max, Some(nulls))
        };
        for column in 0..2 {
            let found = pages(&file, column).into_iter();
            let found: Vec<Ends> = found.map(|(statistics, _, _)| statistics).collect();
            let rows = codes.chunks(PAGE_ROWS);
            let expected: Vec<Ends> = rows.map(|rows| expected(rows, column)).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_index_has_at_least_one_bit() {
        for value in [None, Some((String::new(), 0))] {
            let required = value
                .is_some()
                .then(|| written(std::slice::from_ref(&value), &[0; 20], false));
            let optional = written(&[value], &[0; 20], true);
            for column in 0..2 {
                for (_, _, page) in required.iter().flat_map(|file| pages(file, column)) {
                    assert_eq!(page[0], 1);
                }
                for (_, _, page) in pages(&optional, column) {
                    // The levels come first, after their length.
                    let levels = u32::from_le_bytes(page[..4].try_into().expect("four bytes"));
                    assert_eq!(page[4 + levels as usize], 1);
                }
            }
        }
    }
}
