"""Readers that share no code with the pipeline, for its tests. `commands.py` says how to call them.

parquet FILE...   columns, types and row count as DuckDB, pyarrow and Polars see them
naive CSV         the rows that a loader keeps if it skips lines with another number of fields
values FILE       by reader and column, a digest of the column's values
warehouse FILE    every table of a DuckDB file: its row count and a digest of its rows in any order
query FILE SQL    the rows of a query; of none of a file's tables, on :memory:
digest FILE SQL   their count and a digest of them in any order
search DIR TEXT   the files below DIR in which a regular expression is found, decompressed and decoded
skipped CSV FILE  the rows that a reader of an unquoted CSV loses if it skips those of another width, by ours
checksums DIR     the files below DIR that are not as SHA256SUMS states
closing FILE      where the marts of closing times differ from SciPy's isotonic regression and limits computed here
"""

import csv
import datetime
import gzip
import hashlib
import json
import pathlib
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable

import duckdb
import fastparquet
import numpy
import pandas
import polars
import pyarrow.parquet
from scipy.optimize import isotonic_regression

from commands import run
from digests import TABLES_LEFT_OUT, table_digest


def parquet(paths: list[str]) -> dict:
    described = duckdb.execute("describe select * from read_parquet($1)", [paths]).fetchall()
    counted = duckdb.execute("select count(*) from read_parquet($1)", [paths]).fetchone()
    tables = [pyarrow.parquet.read_table(path) for path in paths]
    frames = [polars.read_parquet(path) for path in paths]
    return {
        "duckdb": {
            "rows": counted[0],
            "columns": [[name, kind] for name, kind, *_ in described],
        },
        "pyarrow": {
            "rows": sum(table.num_rows for table in tables),
            "columns": [[field.name, str(field.type)] for field in tables[0].schema],
            "encodings": sorted({encoding for path in paths for encoding in encodings(path)}),
        },
        "polars": {
            "rows": sum(frame.height for frame in frames),
            "columns": [[name, str(kind)] for name, kind in frames[0].schema.items()],
        },
    }


def encodings(path: str) -> Iterable[str]:
    metadata = pyarrow.parquet.read_metadata(path)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            yield from column.encodings


def column_digest(values: Iterable[object]) -> str:
    """Returns a digest of the values, one per line: nothing for null, bytes in hexadecimal, times in microseconds."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(f"{canonical(value)}\n".encode())
    return digest.hexdigest()


def canonical(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case bytes():
            return value.hex()
        case datetime.datetime():
            # fastparquet leaves out the zone of UTC.
            utc = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            since_epoch = utc - datetime.datetime.fromtimestamp(0, datetime.UTC)
            return since_epoch // datetime.timedelta(microseconds=1)
        case _:
            return value


def values(path: str) -> dict:
    rows = duckdb.execute("set TimeZone = 'UTC'; from read_parquet($1)", [path])
    names = [name for name, *_ in rows.description]
    columns = {
        "duckdb": dict(zip(names, zip(*rows.fetchall(), strict=True), strict=True)),
        "pyarrow": pyarrow.parquet.read_table(path).to_pydict(),
        "polars": polars.read_parquet(path).to_dict(as_series=False),
        "fastparquet": of_pandas(fastparquet.ParquetFile(path).to_pandas()),
    }
    digests = {
        reader: {name: column_digest(column) for name, column in of_reader.items()}
        for reader, of_reader in columns.items()
    }
    script = pathlib.Path(__file__).with_name("parquet_readers.mjs")
    printed = subprocess.run(["node", script, path], check=True, capture_output=True).stdout
    return digests | json.loads(printed)


def of_pandas(frame: pandas.DataFrame) -> dict[str, list]:
    """Returns the columns of a frame, which has its own values for null and strips zeroes at the end of fixed bytes."""
    columns = {name: frame[name].astype(object) for name in frame.columns}
    values = {name: column.where(column.notna(), None).tolist() for name, column in columns.items()}
    return values | {"request_id": [value.ljust(16, b"\0") for value in values["request_id"]]}


def naive(path: str) -> dict:
    with pathlib.Path(path).open(newline="", encoding="cp1252") as file:
        rows = csv.reader(file)
        width = len(next(rows))
        kept = lost = 0
        for row in rows:
            if len(row) == width:
                kept += 1
            else:
                lost += 1
    return {"kept": kept, "lost": lost}


def warehouse(path: str) -> dict:
    with duckdb.connect(path, read_only=True) as database:
        database.execute("set TimeZone = 'UTC'")
        tables = database.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_type = 'BASE TABLE' order by all"
        ).fetchall()
        result = {}
        for schema, table in tables:
            if table in TABLES_LEFT_OUT:
                continue
            rows = database.execute(f'from "{schema}"."{table}"')
            names = [name for name, *_ in rows.description]
            result[f"{schema}.{table}"] = table_digest(names, iter(rows.fetchone, None))
        return result


def query(path: str, sql: str) -> dict:
    with duckdb.connect(path, read_only=path != ":memory:") as database:
        database.execute("set TimeZone = 'UTC'")
        return {"rows": database.execute(sql).fetchall()}


def digest(path: str, sql: str) -> dict:
    with duckdb.connect(path, read_only=True) as database:
        database.execute("set TimeZone = 'UTC'")
        rows = database.execute(sql)
        names = [name for name, *_ in rows.description]
        return {"digest": table_digest(names, iter(rows.fetchone, None))}


def search(directory: str, pattern: str) -> dict:
    root = pathlib.Path(directory)
    expression = re.compile(pattern)
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {"files": [str(path.relative_to(root)) for path in files if any(map(expression.search, texts(path)))]}


def texts(path: pathlib.Path) -> Iterable[str]:
    content = path.read_bytes()
    yield content.decode("latin-1")
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content).decode("latin-1")
    if content.startswith(b"PAR1"):
        table = pyarrow.parquet.read_table(path)
        yield str(table.schema.metadata)
        for column in table.columns:
            yield "\n".join(map(str, column.to_pylist()))


def skipped(csv_file: str, published: str) -> dict:
    with pathlib.Path(csv_file).open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, quoting=csv.QUOTE_NONE)
        width = len(next(rows))
        usable = {rows.line_num for row in rows if len(row) == width}
    ours = pyarrow.parquet.read_table(published, columns=["source_row", "repaired"]).to_pylist()
    lines = {row["source_row"] for row in ours}
    return {
        "lost": sorted(lines - usable),
        "only_theirs": sorted(usable - lines),
        "repaired": sorted(row["source_row"] for row in ours if row["repaired"]),
    }


def checksums(directory: str) -> dict:
    root = pathlib.Path(directory)
    stated = dict(reversed(line.split("  ", 1)) for line in (root / "SHA256SUMS").read_text().splitlines())
    files = (path for path in root.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    found = {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {"wrong": sorted({path for path, _ in found.items() ^ stated.items()})}


AGES = [0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365]


def closing(path: str) -> dict:
    """Computes every curve and its quartiles from the requests by age of the three latest years."""
    counts = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    with duckdb.connect(path, read_only=True) as database:
        recent = "where source_year > (select max(source_year) - 3 from marts.open_by_age_type)"
        numbers = "age_days, requests, open_requests"
        of_types = f"select type_group, type_name, {numbers} from marts.open_by_age_type {recent}"  # noqa: S608, constants
        for group, kind, *row in database.execute(of_types).fetchall():
            for key in ((group, kind, None, None), (group, None, None, None)):
                add(counts[key], row)
        of_wards = (
            f"select type_group, ward_model, ward_id, {numbers} "  # noqa: S608, constants
            f"from marts.open_by_age_group_ward {recent} and ward_id is not null"
        )
        for group, model, ward, *row in database.execute(of_wards).fetchall():
            add(counts[group, None, model, ward], row)
        shares = database.execute(
            "select type_group, type_name, ward_model, ward_id, age_days, done_share, lower_share, upper_share "
            "from marts.time_to_close_curve"
        ).fetchall()
        times = database.execute("select * exclude (requests, open_share_90_days) from marts.time_to_close").fetchall()

    found = {tuple(row[:5]): row[5:] for row in shares}
    expected, bounds = {}, set()
    for key, of_ages in counts.items():
        by_age = {age: count for age, count in sorted(of_ages.items()) if count[0]}
        requests = [count[0] for count in by_age.values()]
        if sum(requests) < 30:
            continue
        done = [every - still_open for every, still_open in by_age.values()]
        curve = isotonic_regression(numpy.divide(done, requests), weights=requests).x
        lower, upper = limits(numpy.array(done), numpy.array(requests), curve)
        expected |= {(*key, age): shares for age, *shares in zip(by_age, curve, lower, upper)}
        quartiles = [quartile(list(by_age), lower, upper, share) for share in (0.25, 0.5, 0.75)]
        bounds.add((*key, *(bound for pair in quartiles for bound in pair)))
    return {
        "curves": len(bounds),
        "other_points": len(found.keys() ^ expected.keys()),
        "greatest_difference": max(
            float(abs(one - other))
            for point in found.keys() & expected.keys()
            for one, other in zip(found[point], expected[point])
        ),
        "other_bounds": sorted(map(str, bounds ^ set(times))),
    }


def add(by_age: dict, row: list) -> None:
    age, requests, still_open = row
    by_age[age][0] += requests
    by_age[age][1] += still_open


def limits(done: numpy.ndarray, requests: numpy.ndarray, curve: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Returns the limits of a curve by Wilson's of every run of ages: the roots of quadratic equations.

    They are three standard deviations wide, and half a request corrects for counts being whole.
    """
    lower, upper = numpy.zeros(len(curve)), numpy.ones(len(curve))
    for youngest in range(len(curve)):
        for oldest in range(youngest, len(curve)):
            every = requests[youngest : oldest + 1].sum()
            of_run = done[youngest : oldest + 1].sum()
            less, more = max(of_run - 0.5, 0) / every, min(of_run + 0.5, every) / every
            least, most = (
                numpy.roots([1 + 9 / every, -(2 * share + 9 / every), share**2]).real for share in (less, more)
            )
            lower[oldest:] = numpy.maximum(lower[oldest:], least.min().round(4))
            upper[: youngest + 1] = numpy.minimum(upper[: youngest + 1], most.max().round(4))
    return numpy.minimum(lower, curve), numpy.maximum(upper, curve)


def quartile(ages: list[int], lower: numpy.ndarray, upper: numpy.ndarray, share: float) -> tuple[int, int | None]:
    """Returns the last age that is below the share for certain, and the end of the first age group that reaches it."""
    # SciPy's sums differ from exact ones in their last bits.
    below = [age for age, most in zip(ages, upper) if most < share - 1e-12]
    reached = [AGES.index(age) + 1 for age, least in zip(ages, lower) if least >= share - 1e-12]
    return max(below, default=0), AGES[min(reached)] if reached and min(reached) < len(AGES) else None


COMMANDS = {
    "parquet": parquet,
    "values": lambda arguments: values(arguments[0]),
    "naive": lambda arguments: naive(arguments[0]),
    "warehouse": lambda arguments: warehouse(arguments[0]),
    "query": lambda arguments: query(arguments[0], arguments[1]),
    "digest": lambda arguments: digest(arguments[0], arguments[1]),
    "search": lambda arguments: search(arguments[0], arguments[1]),
    "skipped": lambda arguments: skipped(arguments[0], arguments[1]),
    "checksums": lambda arguments: checksums(arguments[0]),
    "closing": lambda arguments: closing(arguments[0]),
}

if __name__ == "__main__":
    run(COMMANDS, sys.argv[1:])
