"""Polars: a lazy scan, expressions, and streaming sinks for the months and the quarantine."""

import os

from outputs import COLUMNS, DIVISIONS_WITH_COMMAS, SECTION_WITH_COMMA, THREADS, arguments, write_manifest

os.environ["POLARS_MAX_THREADS"] = str(THREADS)
# Polars reads the number of threads when it is imported.
import polars as pl

source, output = arguments()


def text(name: str) -> pl.Expr:
    return pl.col(name).str.strip_chars()


raw = pl.scan_csv(
    source,
    has_header=False,
    skip_rows=1,
    schema=dict.fromkeys((*COLUMNS, "extra"), pl.String),
    truncate_ragged_lines=True,
    missing_columns="insert",
    # Polars does not read Windows-1252. The only such character here is the curly apostrophe, a replacement character
    # here.
    encoding="utf8-lossy",
)
is_ragged = pl.col("extra").is_not_null()
comma_in_section = pl.concat_str("section", pl.lit(","), "extra").str.strip_chars() == SECTION_WITH_COMMA
ward_pattern = r"^(.*) \((\d\d)\)$"
fields = raw.with_row_index("source_row", offset=2).with_columns(
    repaired=is_ragged,
    created_local=text("created").str.slice(0, 19).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us"),
    valid_fsa=pl.when(text("fsa").str.contains(r"^M[0-9][A-Z]$")).then(text("fsa")),
    ward_name=text("ward").str.extract(ward_pattern, 1).str.replace_all("\ufffd", "'", literal=True),
    ward_id=text("ward").str.extract(ward_pattern, 2).cast(pl.Int32, strict=False),
    service_request_type=text("type").str.replace_all("||", ",", literal=True),
    whole_division=pl.when(is_ragged & ~comma_in_section)
    .then(pl.concat_str("division", pl.lit(","), "section"))
    .otherwise(pl.col("division"))
    .str.strip_chars(),
    whole_section=pl.when(comma_in_section)
    .then(pl.lit(SECTION_WITH_COMMA))
    .when(is_ragged)
    .then(text("extra"))
    .otherwise(text("section")),
)
typed = fields.with_columns(
    created_at=pl.col("created_local")
    .dt.replace_time_zone("America/Toronto", ambiguous="earliest", non_existent="null")
    .dt.convert_time_zone("UTC"),
    reason=pl.when(pl.col("whole_section").is_null())
    .then(pl.lit("field_count"))
    .when(is_ragged & ~comma_in_section & ~pl.col("whole_division").is_in(DIVISIONS_WITH_COMMAS))
    .then(pl.lit("field_count"))
    .when(pl.col("created_local").is_null())
    .then(pl.lit("invalid_created_at"))
    .when(pl.col("created_local").dt.year() != 2025)
    .then(pl.lit("created_in_other_year"))
    .when(pl.col("service_request_type").fill_null("") == "")
    .then(pl.lit("missing_service_request_type"))
    .when(pl.col("ward_id").is_null() & pl.col("valid_fsa").is_null())
    .then(pl.lit("no_ward_and_no_fsa")),
)
identity = pl.concat_str(
    text("created"), text("fsa"), text("street_1"), text("street_2"), text("ward"), "service_request_type",
    "whole_division", "whole_section", separator="\x1f", ignore_nulls=True,
)  # fmt: skip
identified = typed.filter(pl.col("reason").is_null()).with_columns(high=identity.hash(1), low=identity.hash(2))
identified = identified.with_columns(ordinal=pl.int_range(pl.len(), dtype=pl.UInt32).over("high", "low"))
month = pl.col("created_local").dt.month()
kept = identified.select(
    request_id_high=pl.struct("high", "ordinal").hash(1),
    request_id_low=pl.struct("low", "ordinal").hash(2),
    created_at="created_at",
    utc_offset_hours=(pl.col("created_local") - pl.col("created_at").dt.replace_time_zone(None))
    .dt.total_hours()
    .cast(pl.Int32),
    status=text("source_status").replace(
        {"In-progress": "In Progress", "In-Progress": "In Progress", "Canceled": "Cancelled"}
    ),
    source_status=text("source_status"),
    fsa="valid_fsa",
    street_1=text("street_1").replace("", None),
    street_2=text("street_2").replace("", None),
    ward_id="ward_id",
    ward_name="ward_name",
    ward_model=pl.when(pl.col("ward_id").is_not_null()).then(pl.lit(25, pl.Int32)),
    service_request_type="service_request_type",
    division="whole_division",
    section="whole_section",
    season=pl.when(month.is_in([12, 1, 2]))
    .then(pl.lit("winter"))
    .when(month < 6)
    .then(pl.lit("spring"))
    .when(month < 9)
    .then(pl.lit("summer"))
    .otherwise(pl.lit("fall")),
    repaired="repaired",
    source_year=pl.lit(2025, pl.Int32),
    source_row=pl.col("source_row").cast(pl.Int32),
    month=pl.col("created_local").dt.strftime("%Y-%m"),
).sort("month", "service_request_type", "ward_id", "created_at", nulls_last=True)
months = kept.sink_parquet(
    pl.PartitionBy(output, key="month", include_key=False, approximate_bytes_per_file=1 << 40),
    compression="zstd",
    mkdir=True,
    lazy=True,
)
quarantine = (
    typed.filter(pl.col("reason").is_not_null())
    .select("source_row", *COLUMNS, "extra", "reason")
    .sink_parquet(output / "quarantine.parquet", compression="zstd", mkdir=True, lazy=True)
)
pl.collect_all([months, quarantine], engine="streaming")
write_manifest(output)
