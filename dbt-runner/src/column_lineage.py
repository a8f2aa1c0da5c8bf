"""Finds the columns that each column of dbt's models is computed from, in their compiled SQL.

Standard input is a JSON object: the SQL `dialect`, the `tables` by `SCHEMA.NAME` with their `id` and `columns` (types
by name), and the `models`: SQL by id. Standard output is the result: for each model and each of its columns a list of
`[id, column]`; and `failed`, the message for each model whose SQL cannot be traced.
"""

import json
import sys

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

Columns = dict[str, list[list[str]]]


def traced(sql: str, request: dict, schema: dict) -> Columns:
    tables = request["tables"]

    def leaf(node: Node) -> list[str] | None:
        table = node.expression
        if node.downstream or not isinstance(table, exp.Table):
            return None
        known = tables.get(f"{table.db}.{table.name}".lower())
        column = exp.to_column(node.name).name.lower()
        return [known["id"], column] if known and column in known["columns"] else None

    found = lineage(None, sql, schema=schema, dialect=request["dialect"], trim_selects=False)
    return {
        column.lower(): sorted(set(map(tuple, filter(None, map(leaf, node.walk()))))) for column, node in found.items()
    }


def main() -> None:
    request = json.load(sys.stdin)
    schema: dict = {}
    for name, table in request["tables"].items():
        folder, _, own = name.partition(".")
        schema.setdefault(folder, {})[own] = table["columns"]
    models, failed = {}, {}
    for unique_id, sql in request["models"].items():
        try:
            models[unique_id] = traced(sql, request, schema)
        except (SqlglotError, ValueError) as error:
            failed[unique_id] = str(error)
    json.dump({"models": models, "failed": failed}, sys.stdout, sort_keys=True)


main()
