"""pyarrow: dictionary columns, compute kernels on the dictionaries, one sort.

It has no hash of a row, so there are no request ids.
"""

import csv
from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from outputs import COLUMNS, DIVISIONS_WITH_COMMAS, SECTION_WITH_COMMA, THREADS, arguments, write_manifest

pa.set_cpu_count(THREADS)
source, output = arguments()
text_dictionary = pa.dictionary(pa.int32(), pa.string())
column_types = dict.fromkeys(COLUMNS, text_dictionary) | {"created": pa.string()}
ragged: list[tuple[int, str]] = []


def set_aside(row: pyarrow.csv.InvalidRow) -> str:
    ragged.append((row.number, row.text))
    return "skip"


def read() -> pa.Table:
    """Returns the rows of nine fields, then those that a known division or section repairs."""
    table = pyarrow.csv.read_csv(
        source,
        # Rows are numbered only if a single thread reads.
        read_options=pyarrow.csv.ReadOptions(
            column_names=COLUMNS, skip_rows=1, use_threads=False, encoding="windows-1252"
        ),
        parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=set_aside),
        convert_options=pyarrow.csv.ConvertOptions(column_types=column_types, strings_can_be_null=False),
    )
    numbers = {number for number, _ in ragged}
    whole = pa.array(number for number in range(2, table.num_rows + len(ragged) + 2) if number not in numbers)
    table = table.append_column("source_row", pc.cast(whole, pa.int32()))
    table = table.append_column("repaired", pa.repeat(False, table.num_rows))
    repaired = {name: [] for name in (*COLUMNS, "source_row", "repaired")}
    for (number, _), fields in zip(ragged, csv.reader(text for _, text in ragged), strict=True):
        if len(fields) != 10:
            continue
        division, section = ",".join(fields[7:9]).strip(), ",".join(fields[8:]).strip()
        if section == SECTION_WITH_COMMA:
            whole = (fields[7], section)
        elif division in DIVISIONS_WITH_COMMAS:
            whole = (division, fields[9])
        else:
            continue
        for name, value in zip(repaired, (*fields[:7], *whole, number, True), strict=True):
            repaired[name].append(value)
    return pa.concat_tables([table, pa.table(repaired, schema=pa.schema(
        [(name, column_types.get(name, pa.string())) for name in COLUMNS]
        + [("source_row", pa.int32()), ("repaired", pa.bool_())]
    ))]).combine_chunks().unify_dictionaries()  # fmt: skip


def of_distinct(column: pa.ChunkedArray, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Applies `function` to a dictionary column's distinct values and maps the results to its rows."""
    array = column.combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    return pa.DictionaryArray.from_arrays(array.indices, function(array.dictionary)).dictionary_decode()


def none_if_empty(values: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def ward_part(part: str) -> Callable[[pa.Array], pa.Array]:
    pattern = r"^(?P<name>.*) \((?P<number>\d\d)\)$"
    straight = partial(pc.replace_substring, pattern="’", replacement="'")
    return lambda values: straight(pc.struct_field(pc.extract_regex(pc.utf8_trim_whitespace(values), pattern), part))


def valid_fsa(values: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.match_substring_regex(trimmed, "^M[0-9][A-Z]$"), trimmed, pa.scalar(None, pa.string()))


def unified(values: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values)
    one = pc.replace_substring_regex(trimmed, "^In-[Pp]rogress$", "In Progress")
    return pc.replace_substring_regex(one, "^Canceled$", "Cancelled")


table = read()
trim = pc.utf8_trim_whitespace
created = pc.utf8_slice_codeunits(trim(table["created"]), 0, 19)
created_local = pc.strptime(created, format="%Y-%m-%d %H:%M:%S", unit="us", error_is_null=True)
created_at = pc.assume_timezone(created_local, "America/Toronto", ambiguous="earliest", nonexistent="earliest")
month = pc.month(created_local)
ward_id = pc.cast(of_distinct(table["ward"], ward_part("number")), pa.int32())
typed = pa.table({
    "created_at": created_at,
    "utc_offset_hours": pc.cast(pc.hours_between(pc.cast(created_at, pa.timestamp("us")), created_local), pa.int32()),
    "status": of_distinct(table["source_status"], unified),
    "source_status": of_distinct(table["source_status"], trim),
    "fsa": of_distinct(table["fsa"], valid_fsa),
    "street_1": of_distinct(table["street_1"], none_if_empty),
    "street_2": of_distinct(table["street_2"], none_if_empty),
    "ward_id": ward_id,
    "ward_name": of_distinct(table["ward"], ward_part("name")),
    "ward_model": pc.if_else(pc.is_valid(ward_id), pa.scalar(25, pa.int32()), pa.scalar(None, pa.int32())),
    "service_request_type": of_distinct(table["type"], lambda values: pc.replace_substring(trim(values), "||", ",")),
    "division": of_distinct(table["division"], trim),
    "section": of_distinct(table["section"], trim),
    "season": pc.choose(
        pc.divide(pc.if_else(pc.equal(month, 12), pa.scalar(0, pa.int64()), month), 3),
        "winter", "spring", "summer", "fall",
    ),
    "repaired": table["repaired"],
    "source_year": pa.repeat(pa.scalar(2025, pa.int32()), table.num_rows),
    "source_row": table["source_row"],
    "month": pc.utf8_slice_codeunits(created, 0, 7),
})  # fmt: skip
is_dated = pc.fill_null(pc.equal(pc.year(created_local), 2025), False)
is_somewhere = pc.or_(pc.is_valid(typed["ward_id"]), pc.is_valid(typed["fsa"]))
is_kept = pc.and_(pc.and_(is_dated, is_somewhere), pc.not_equal(typed["service_request_type"], ""))
pq.write_table(table.filter(pc.invert(is_kept)), output / "quarantine.parquet", compression="zstd")
kept = typed.filter(is_kept).sort_by(
    [(name, "ascending") for name in ("month", "service_request_type", "ward_id", "created_at")]
)
start = 0
for count in pc.value_counts(kept["month"]).to_pylist():
    rows = kept.slice(start, count["counts"]).drop_columns(["month"])
    pq.write_table(rows, output / f"{count['values']}.parquet", compression="zstd")
    start += count["counts"]
write_manifest(output)
