"""The models as Google's reference implementation computes them, from the loaded tables on."""

import duckdb

from analysis import Analysis
from engine import Columns, GoogleSql, Path, Table
from record import Record
from values import comparable


class Evaluation:
    """The tables of a run: sources and seeds as DuckDB has them, models as Google evaluates them."""

    def __init__(self, record: Record, engine: GoogleSql, analysis: Analysis) -> None:
        self._engine, self._analysis = engine, analysis
        self._warehouse = duckdb.connect(record.warehouse, read_only=True)
        self._warehouse.execute("set TimeZone = 'UTC'")
        models = record.nodes("model")
        self._paths = {node: (model["database"], model["schema"], model["alias"]) for node, model in models.items()}
        self._nodes = {path: node for node, path in self._paths.items()}
        self._models: dict[str, Table] = {}

    def model(self, node: str) -> Table:
        """Returns what Google makes of a model."""
        if node not in self._models:
            query = self._analysis.created[node].query
            inputs = {path: self._input(path) for path in self._engine.tables_of(query)}
            self._models[node] = self._engine.evaluate(query, inputs)
        return self._models[node]

    def in_duckdb(self, node: str) -> Table:
        """Returns what DuckDB made of the same model."""
        return self._read(self._paths[node], self._analysis.created[node].columns)

    def _input(self, path: Path) -> Table:
        if path in self._nodes:
            return self.model(self._nodes[path])
        return self._read(path, self._analysis.catalogue.columns(path))

    def _read(self, path: Path, columns: Columns) -> Table:
        names = ", ".join(f'"{name}"' for name in columns)
        query = f'select {names} from "{path[-2]}"."{path[-1]}"'  # noqa: S608, the names are dbt's
        rows = self._warehouse.execute(query).fetchall()
        kinds = [kind.type_kind for kind in columns.values()]
        return Table(columns, [tuple(map(comparable, row, kinds)) for row in rows])
