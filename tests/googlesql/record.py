"""What a whole run on the emulators leaves: the requests to BigQuery, as their proxy recorded them, dbt's graph and the
DuckDB warehouse of the same run on one machine.
"""

import json
import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path as File

from zetasql import types

from engine import Catalogue, Columns, GoogleSql, Path

# Types that the REST interface names otherwise than SQL.
# https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema.FIELDS.type
REST_TYPES = {"BOOLEAN": "BOOL", "FLOAT": "FLOAT64", "INTEGER": "INT64"}
# The comment at the start of dbt's statements.
NODE = re.compile(r'"node_id": "([^"]+)"')
PROJECT = re.compile(r"/projects/([^/]+)/")
TABLE = re.compile(r"/projects/([^/]+)/datasets/([^/]+)/tables/([^/?$]+)")


@dataclass(frozen=True)
class Query:
    """A statement or script that was sent."""

    sql: str
    dataset: str | None
    parameters: Columns

    @property
    def job(self) -> str:
        """The job that sent it."""
        return "dbt" if '"app": "dbt"' in self.sql.split("*/")[0] else "load-job"

    @property
    def node(self) -> str | None:
        """The id of the dbt node that sent it, if one did."""
        node = NODE.search(self.sql.split("*/")[0])
        return node and node[1]


class Record:
    """The directory with all of it, which the scenario `equality` writes."""

    def __init__(self, directory: File) -> None:
        lines = (directory / "requests.jsonl").read_text(encoding="utf-8").split("\n")
        # Each has its method, target, status and body, in the order of the answers.
        self.requests = [json.loads(line) for line in lines]
        self.project = next(filter(None, (PROJECT.search(request["target"]) for request in self.requests)))[1]
        self.warehouse = directory / "warehouse.duckdb"
        # https://docs.getdbt.com/reference/artifacts/manifest-json
        self._manifest = json.loads((directory / "dbt/manifest.json").read_bytes())

    def nodes(self, *kinds: str) -> dict[str, dict]:
        """Returns dbt's nodes of these kinds by id, each after its inputs."""
        nodes = self._manifest["nodes"]
        inputs = {name: node["depends_on"].get("nodes", []) for name, node in nodes.items()}
        order = TopologicalSorter(inputs).static_order()
        return {name: nodes[name] for name in order if name in nodes and nodes[name]["resource_type"] in kinds}


def follow(request: dict, catalogue: Catalogue, engine: GoogleSql) -> Query | None:
    """Changes the catalogue as an answered request does, and returns the query that a request contains.

    https://cloud.google.com/bigquery/docs/reference/rest
    """
    method, body = request["method"], request["body"] or {}
    target = request["target"].split("?")[0]
    job = body.get("configuration", {})
    if method == "POST" and (target.endswith("/queries") or "query" in job):
        return _query(job.get("query", body), engine)
    if request["status"] not in range(200, 300):
        return None
    if method == "POST" and target.endswith("/tables"):
        catalogue.put(_path(body["tableReference"]), _columns(body, engine))
    elif method == "POST" and "schema" in job.get("load", {}):
        catalogue.put(_path(job["load"]["destinationTable"]), _columns(job["load"], engine))
    elif method == "POST" and "copy" in job:
        source = job["copy"].get("sourceTable") or job["copy"]["sourceTables"][0]
        catalogue.put(_path(job["copy"]["destinationTable"]), catalogue.columns(_path(source)))
    elif table := TABLE.search(target):
        if method == "DELETE":
            catalogue.drop(table.groups())
        elif method in ("PATCH", "PUT") and "schema" in body:
            catalogue.put(table.groups(), _columns(body, engine))
    return None


def _query(query: dict, engine: GoogleSql) -> Query:
    parameters = {given["name"]: _type(given["parameterType"], engine) for given in query.get("queryParameters", [])}
    return Query(query["query"], query.get("defaultDataset", {}).get("datasetId"), parameters)


def _path(reference: dict) -> Path:
    """Returns the path of a table, or of the table that a partition is of."""
    return reference["projectId"], reference["datasetId"], reference["tableId"].split("$")[0]


def _columns(described: dict, engine: GoogleSql) -> Columns:
    return {column["name"]: _type(column, engine) for column in described["schema"]["fields"]}


def _type(described: dict, engine: GoogleSql) -> types.Type:
    """Returns the type of a column or of a parameter."""
    name = REST_TYPES.get(described["type"].upper(), described["type"])
    if name == "ARRAY":
        return engine.type_of(f"ARRAY<{described['arrayType']['type']}>")
    return engine.type_of(f"ARRAY<{name}>" if described.get("mode") == "REPEATED" else name)
