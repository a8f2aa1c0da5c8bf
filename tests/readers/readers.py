"""Readers that share no code with the pipeline, for its tests. Each command prints one JSON object.

parquet FILE...   columns, types and row count as DuckDB, pyarrow and Polars see them
naive CSV         the rows that a loader keeps if it skips lines with another number of fields
warehouse FILE    every table of a DuckDB file: its row count and a digest of its rows in any order
query FILE SQL    the rows of a query; of none of a file's tables, on :memory:
digest FILE SQL   their count and a digest of them in any order
"""

import csv
import json
import sys

import duckdb
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
        },
        "polars": {
            "rows": sum(frame.height for frame in frames),
            "columns": [[name, str(kind)] for name, kind in frames[0].schema.items()],
        },
    }


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
    "naive": lambda arguments: naive(arguments[0]),
    "warehouse": lambda arguments: warehouse(arguments[0]),
    "query": lambda arguments: query(arguments[0], arguments[1]),
    "digest": lambda arguments: digest(arguments[0], arguments[1]),
}

if __name__ == "__main__":
    json.dump(COMMANDS[sys.argv[1]](sys.argv[2:]), sys.stdout, default=str)
