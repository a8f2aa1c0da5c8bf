"""Runs the SQL that dbt compiled for a whole build straight through DuckDB, one statement after another: every model,
then every test. Arguments: dbt's target directory, the warehouse, and a directory to build in.

What dbt-runner needs beyond it is dbt itself, and the publication.
"""

import json
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

# generated: settings of DuckDB
SETTINGS = {"memory_limit": "400MB", "disabled_compression_methods": "fsst"}
# end


def main() -> None:
    target, warehouse, directory = map(Path, sys.argv[1:])
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    directory.mkdir(parents=True)
    # The name is that of dbt-runner's candidate, and so part of the compiled SQL.
    connection = duckdb.connect(directory / "warehouse.duckdb", config={"threads": 2})
    for name, value in SETTINGS.items():
        connection.execute(f"set {name} = '{value}'")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{warehouse}' as published (read_only)")
    needs = {name: [need for need in node["depends_on"].get("nodes", []) if need in nodes]
             for name, node in nodes.items()}  # fmt: skip
    for name in TopologicalSorter(needs).static_order():
        node = nodes[name]
        kind = node["resource_type"]
        if kind == "test":
            failure = connection.execute(node["compiled_code"]).fetchone()
            if failure and node["config"]["severity"].lower() == "error":
                sys.exit(f"the test {name} fails on {failure}")
            continue
        connection.execute(f'create schema if not exists "{node["schema"]}"')
        query = f'from published."{node["schema"]}"."{node["alias"]}"' if kind == "seed" else node["compiled_code"]
        form = "view" if node["config"]["materialized"] == "view" else "table"
        connection.execute(f"create {form} {node['relation_name']} as {query}")


main()
