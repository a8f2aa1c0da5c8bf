"""Readers that share no code with the pipeline, for its tests. Each command prints one JSON object.

parquet FILE...   columns, types and row count as DuckDB, pyarrow and Polars see them
naive CSV         the rows that a loader keeps if it skips lines with another number of fields
values FILE       by reader and column, a digest of the column's values
warehouse FILE    every table of a DuckDB file: its row count and a digest of its rows in any order
query FILE SQL    the rows of a query; of none of a file's tables, on :memory:
digest FILE SQL   their count and a digest of them in any order
"""

import csv
import datetime
import hashlib
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterable

import duckdb
import fastparquet
import pandas
import polars
import pyarrow.parquet
from digests import table_digest


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
    with open(path, newline="", encoding="cp1252") as file:
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
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' order by all"
        ).fetchall()
        result = {}
        for schema, table in tables:
            rows = database.execute(f'select * from "{schema}"."{table}"')
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


COMMANDS = {
    "parquet": lambda arguments: parquet(arguments),
    "values": lambda arguments: values(arguments[0]),
    "naive": lambda arguments: naive(arguments[0]),
    "warehouse": lambda arguments: warehouse(arguments[0]),
    "query": lambda arguments: query(arguments[0], arguments[1]),
    "digest": lambda arguments: digest(arguments[0], arguments[1]),
}

if __name__ == "__main__":
    json.dump(COMMANDS[sys.argv[1]](sys.argv[2:]), sys.stdout, default=str)
