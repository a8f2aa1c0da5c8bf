"""The models as Google's reference implementation computes them, from the loaded tables on."""

import re

import duckdb

from analysis import Analysis
from engine import Columns, GoogleSql, Path, Table
from record import Record
from values import comparable

# The name of a build's own table begins so: dbt-runner/src/candidate.rs.
CANDIDATE = re.compile("^c[0-9a-f]{12}_")


class Evaluation:
    """The tables of a run: sources and seeds as DuckDB has them, models as Google evaluates them."""

    def __init__(self, record: Record, engine: GoogleSql, analysis: Analysis) -> None:
        self._engine, self._analysis = engine, analysis
        self._warehouse = duckdb.connect(record.warehouse, read_only=True)
        self._warehouse.execute("set TimeZone = 'UTC'")
        self._nodes = {created.path: node for node, created in analysis.created.items()}
        self._schemas = {node["name"]: node["config"]["schema"] for node in record.nodes("model", "seed").values()}
        self._models: dict[str, Table] = {}

    def model(self, node: str) -> Table:
        """Returns what Google makes of a model."""
        if node not in self._models:
            query = self._analysis.created[node].query
            inputs = {path: self._input(path) for path in self._engine.tables_of(query)}
            self._models[node] = self._engine.evaluate(query, inputs)
        return self._models[node]

    def in_duckdb(self, mart: str) -> Table:
        """Returns what DuckDB made of a model that is published."""
        created = self._analysis.created[mart]
        return self._read(created.path, created.columns)

    def _input(self, path: Path) -> Table:
        if path in self._nodes:
            return self.model(self._nodes[path])
        return self._read(path, self._analysis.columns[path])

    def _read(self, path: Path, columns: Columns) -> Table:
        names = ", ".join(f'"{name}"' for name in columns)
        schema, name = path[-2:]
        if CANDIDATE.match(name):
            name = CANDIDATE.sub("", name)
            schema = self._schemas[name]
        query = f'select {names} from "{schema}"."{name}"'  # noqa: S608, the names are dbt's
        if name == "stage_runs":
            # The build recorded itself after the marts.
            query += " where handed_over_at < (select max(handed_over_at) from stage_runs)"
        rows = self._warehouse.execute(query).fetchall()
        kinds = [kind.type_kind for kind in columns.values()]
        return Table(columns, [tuple(map(comparable, row, kinds)) for row in rows])
