"""Builds the marts with dbt-bigquery on crucible, contracts enforced, from the tables of a DuckDB warehouse.

crucible_build.py WAREHOUSE WORK    prints one JSON object: every mart, its row count and a digest; dbt works in WORK

crucible has neither GEOGRAPHY, which is text here, nor DELETE, so that everything is rebuilt; dbt's seeds are too
large for it in one statement, and are loaded with the tables.
"""

import csv
import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import uvicorn
from bigquery_tables import tables
from crucible.engine import Engine
from crucible.server.app import create_app
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

PROFILES = Path(__file__).parent / "crucible"
PROJECT, DATASET, LOCATION = "second-opinion", "toronto_311", "northamerica-northeast2"
# By DuckDB type: the BigQuery type, and the expression that parses it from text.
TYPES = {
    "BIGINT": ("INT64", "cast({} as int64)"),
    "BLOB": ("BYTES", "from_hex({})"),
    "BOOLEAN": ("BOOL", "cast({} as bool)"),
    "INTEGER": ("INT64", "cast({} as int64)"),
    "JSON": ("JSON", "parse_json({})"),
    "TIMESTAMP": ("DATETIME", "cast({} as datetime)"),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMP", "cast({} as timestamp)"),
    "VARCHAR": ("STRING", "{}"),
}


@contextmanager
def emulator() -> Iterator[str]:
    """Starts crucible and returns its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app("bigquery", Engine(None)), log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def copy(warehouse: duckdb.DuckDBPyConnection, table: str, client: bigquery.Client, target: str) -> None:
    """Copies a table by CSV, the only format that crucible loads. It lacks some types, so every column is text at first."""
    columns = [(name, *TYPES[kind]) for name, kind, *_ in warehouse.execute(f"describe {table}").fetchall()]
    client.create_table(bigquery.Table(target, schema=[bigquery.SchemaField(name, kind) for name, kind, _ in columns]))
    # A letter before each value distinguishes an empty string from null.
    texts = [f'hex("{name}")' if kind == "BYTES" else f'"{name}"::varchar' for name, kind, _ in columns]
    cells = [f"'=' || {text}" for text in texts]
    rows = warehouse.execute(f"select {', '.join(cells)} from {table}").fetchall()
    if not rows:
        return
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    schema = [bigquery.SchemaField(name, "STRING") for name, *_ in columns]
    config = bigquery.LoadJobConfig(schema=schema, source_format=bigquery.SourceFormat.CSV)
    client.load_table_from_file(io.BytesIO(text.getvalue().encode()), f"{target}_text", job_config=config).result()
    names = ", ".join(f"`{name}`" for name, *_ in columns)
    values = ", ".join(read.format(f"substr(`{name}`, 2)") for name, _, read in columns)
    client.query(f"insert into `{target}` ({names}) select {values} from `{target}_text`").result()
    client.delete_table(f"{target}_text")


def build(url: str, work: str) -> None:
    command = [os.environ["DBT_EXECUTABLE"], "build", "--exclude", "resource_type:seed"]
    command += ["--project-dir", os.environ["DBT_PROJECT_DIR"], "--profiles-dir", PROFILES]
    command += ["--target-path", f"{work}/target", "--log-path", f"{work}/logs", "--quiet"]
    project = {"BIGQUERY_PROJECT": PROJECT, "BIGQUERY_DATASET": DATASET, "BIGQUERY_LOCATION": LOCATION}
    environment = os.environ | project | {"BIGQUERY_EMULATOR_HOST": url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\n{done.stderr}")


def main(warehouse: str, work: str) -> None:
    with emulator() as url, duckdb.connect(warehouse, read_only=True) as source:
        client = bigquery.Client(
            project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": url}, location=LOCATION
        )
        for dataset in (DATASET, "reference", "staging", "marts"):
            client.create_dataset(dataset)
        source.execute("set TimeZone = 'UTC'")
        for schema, dataset in (("main", DATASET), ("reference", "reference")):
            found = source.execute("select table_name from duckdb_tables() where schema_name = ?", [schema])
            for (table,) in found.fetchall():
                copy(source, f'{schema}."{table}"', client, f"{PROJECT}.{dataset}.{table}")
        build(url, work)
        json.dump(tables(client, ["marts"]), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
