//! The baseline of `make bench`: the transform as one would usually write it in Rust, with the `csv` crate, `chrono`,
//! one builder per column, a lexicographic sort and `ArrowWriter`. Everything is in memory, on one thread.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use arrow_array::builder::{
    BooleanBuilder, FixedSizeBinaryBuilder, Int32Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, Int32Array, RecordBatch};
use arrow_ord::sort::{SortColumn, SortOptions, lexsort_to_indices};
use arrow_schema::{Field, Schema};
use arrow_select::take::take;
use chrono::{Datelike as _, NaiveDateTime, TimeZone as _};
use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::WINDOWS_1252;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::xxh3_128;

const YEAR: i32 = 2025;
const SEASONS: [&str; 4] = ["winter", "spring", "summer", "fall"];
const DIVISIONS_WITH_COMMAS: [&str; 2] = [
    "Environment, Climate & Forestry",
    "Parks, Forestry & Recreation",
];
const SECTION_WITH_COMMA: &str = "Transfer, Disposal & Operations";

/// The builders of the columns, in their order.
#[derive(Default)]
struct Columns {
    request_id: Vec<[u8; 16]>,
    created_at: TimestampMicrosecondBuilder,
    utc_offset_hours: Int32Builder,
    status: StringBuilder,
    source_status: StringBuilder,
    fsa: StringBuilder,
    street_1: StringBuilder,
    street_2: StringBuilder,
    ward_id: Int32Builder,
    ward_name: StringBuilder,
    ward_model: Int32Builder,
    service_request_type: StringBuilder,
    division: StringBuilder,
    section: StringBuilder,
    season: StringBuilder,
    repaired: BooleanBuilder,
    source_year: Int32Builder,
    source_row: Int32Builder,
    month: Int32Builder,
    seen: HashMap<u128, u32>,
}

impl Columns {
    /// Adds the row on `line`, or returns why it cannot.
    fn add(&mut self, line: u64, record: &ByteRecord) -> Result<(), &'static str> {
        let fields: Vec<Cow<'_, str>> = record
            .iter()
            .map(|field| WINDOWS_1252.decode_without_bom_handling(field).0)
            .collect();
        let fields: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
        ensure_kept(fields.len() >= 9, "field_count")?;
        let repaired = fields.len() > 9;
        let rest = fields[8..].join(",");
        let (division, section) = if repaired && rest.trim() == SECTION_WITH_COMMA {
            (fields[7].trim().to_owned(), SECTION_WITH_COMMA)
        } else {
            let division = fields[7..fields.len() - 1].join(",").trim().to_owned();
            let is_known = DIVISIONS_WITH_COMMAS.contains(&division.as_str());
            ensure_kept(!repaired || is_known, "field_count")?;
            (division, fields[fields.len() - 1].trim())
        };
        let [created, source_status, fsa, street_1, street_2, ward, kind] =
            std::array::from_fn(|index| fields[index].trim());
        let kind = kind.replace("||", ",");
        let ward = ward.replace('’', "'");
        let local = NaiveDateTime::parse_from_str(created, "%Y-%m-%d %H:%M:%S%.f")
            .map_err(|_| "invalid_created_at")?;
        ensure_kept(local.year() == YEAR, "created_in_other_year")?;
        let utc = chrono_tz::America::Toronto
            .from_local_datetime(&local)
            .earliest()
            .ok_or("invalid_created_at")?;
        ensure_kept(!kind.is_empty(), "missing_service_request_type")?;
        let ward = ward.rsplit_once(" (").and_then(|(name, rest)| {
            let number: i32 = rest.strip_suffix(')')?.parse().ok()?;
            Some((name, number))
        });
        let is_fsa = matches!(fsa.as_bytes(), [b'M', b'0'..=b'9', b'A'..=b'Z']);
        ensure_kept(is_fsa || ward.is_some(), "no_ward_and_no_fsa")?;
        let status = match source_status {
            "In-progress" | "In-Progress" => "In Progress",
            "Canceled" => "Cancelled",
            other => other,
        };

        let ward_name = ward.map_or("", |(name, _)| name);
        let identity = [
            created, fsa, street_1, street_2, ward_name, &kind, &division, section,
        ];
        let identity = xxh3_128(identity.join("\x1f").as_bytes());
        let ordinal = self.seen.entry(identity).or_insert(0);
        let mut numbered = identity.to_be_bytes().to_vec();
        numbered.extend(ordinal.to_le_bytes());
        *ordinal += 1;
        self.request_id.push(xxh3_128(&numbered).to_be_bytes());

        let street = |text| Some(text).filter(|text: &&str| !text.is_empty());
        self.created_at.append_value(utc.timestamp_micros());
        let offset = local.and_utc().signed_duration_since(utc).num_hours();
        self.utc_offset_hours
            .append_value(i32::try_from(offset).unwrap_or_default());
        self.status.append_value(status);
        self.source_status.append_value(source_status);
        self.fsa.append_option(is_fsa.then_some(fsa));
        self.street_1.append_option(street(street_1));
        self.street_2.append_option(street(street_2));
        self.ward_id.append_option(ward.map(|(_, number)| number));
        self.ward_name.append_option(ward.map(|(name, _)| name));
        self.ward_model.append_option(ward.map(|_| 25));
        self.service_request_type.append_value(&kind);
        self.division.append_value(&division);
        self.section.append_value(section);
        self.season
            .append_value(SEASONS[local.month() as usize % 12 / 3]);
        self.repaired.append_value(repaired);
        self.source_year.append_value(YEAR);
        self.source_row
            .append_value(i32::try_from(line).unwrap_or(i32::MAX));
        self.month.append_value(local.month().cast_signed());
        Ok(())
    }

    /// Returns the columns by name and the month of each row.
    fn finish(mut self) -> anyhow::Result<(Vec<(&'static str, ArrayRef)>, ArrayRef)> {
        let mut ids = FixedSizeBinaryBuilder::with_capacity(self.request_id.len(), 16);
        for id in &self.request_id {
            ids.append_value(id)?;
        }
        let created_at = self.created_at.finish().with_timezone("UTC");
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("request_id", Arc::new(ids.finish())),
            ("created_at", Arc::new(created_at)),
            ("utc_offset_hours", Arc::new(self.utc_offset_hours.finish())),
            ("status", Arc::new(self.status.finish())),
            ("source_status", Arc::new(self.source_status.finish())),
            ("fsa", Arc::new(self.fsa.finish())),
            ("street_1", Arc::new(self.street_1.finish())),
            ("street_2", Arc::new(self.street_2.finish())),
            ("ward_id", Arc::new(self.ward_id.finish())),
            ("ward_name", Arc::new(self.ward_name.finish())),
            ("ward_model", Arc::new(self.ward_model.finish())),
            (
                "service_request_type",
                Arc::new(self.service_request_type.finish()),
            ),
            ("division", Arc::new(self.division.finish())),
            ("section", Arc::new(self.section.finish())),
            ("season", Arc::new(self.season.finish())),
            ("repaired", Arc::new(self.repaired.finish())),
            ("source_year", Arc::new(self.source_year.finish())),
            ("source_row", Arc::new(self.source_row.finish())),
        ];
        Ok((columns, Arc::new(self.month.finish())))
    }
}

fn ensure_kept(holds: bool, reason: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(reason) }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, output] = arguments.as_slice() else {
        anyhow::bail!("usage: usual-way FILE.csv DIRECTORY");
    };
    let output = Path::new(output);
    fs::create_dir_all(output)?;

    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .from_path(source)
        .with_context(|| format!("cannot open {source}"))?;
    let mut columns = Columns::default();
    let mut quarantine = csv::Writer::from_path(output.join("quarantine.csv"))?;
    let mut record = ByteRecord::new();
    let mut line = 1;
    while reader.read_byte_record(&mut record)? {
        line += 1;
        if let Err(reason) = columns.add(line, &record) {
            let raw = record.iter().collect::<Vec<_>>().join(&b',');
            quarantine.write_record([line.to_string().as_bytes(), reason.as_bytes(), &raw])?;
        }
    }
    quarantine.flush()?;
    let (columns, months) = columns.finish()?;
    let manifest = write_months(output, &columns, &months)?;
    fs::write(
        output.join("manifest.json"),
        serde_json::to_vec_pretty(&manifest)?,
    )?;
    Ok(())
}

/// Sorts the rows by month, type, ward and time, and writes one file per month. Returns their digests.
fn write_months(
    output: &Path,
    columns: &[(&'static str, ArrayRef)],
    months: &ArrayRef,
) -> anyhow::Result<BTreeMap<String, String>> {
    let by = |name: &str| columns.iter().find(|(other, _)| *other == name);
    let mut keys = vec![months.clone()];
    for name in ["service_request_type", "ward_id", "created_at"] {
        let (_, values) = by(name).context("a column to sort by")?;
        keys.push(values.clone());
    }
    let options = SortOptions {
        descending: false,
        nulls_first: false,
    };
    let keys: Vec<SortColumn> = keys
        .into_iter()
        .map(|values| SortColumn {
            values,
            options: Some(options),
        })
        .collect();
    let order = lexsort_to_indices(&keys, None)?;
    let months = take(months, &order, None)?;
    let months = months
        .as_any()
        .downcast_ref::<Int32Array>()
        .context("months are numbers")?;
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (name, values) in columns {
        fields.push(Field::new(*name, values.data_type().clone(), true));
        arrays.push(take(values, &order, None)?);
    }
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .build();

    let mut digests = BTreeMap::new();
    for month in 1..=12 {
        let start = months.values().partition_point(|other| *other < month);
        let end = months.values().partition_point(|other| *other <= month);
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties.clone()))?;
        writer.write(&rows.slice(start, end - start))?;
        writer.close()?;
        let name = format!("{YEAR}-{month:02}.parquet");
        ensure!(end > start, "no rows in {name}");
        let digest = Sha256::digest(&bytes);
        let mut hex = String::new();
        for byte in digest {
            write!(hex, "{byte:02x}")?;
        }
        fs::write(output.join(&name), &bytes)?;
        digests.insert(name, hex);
    }
    Ok(digests)
}
