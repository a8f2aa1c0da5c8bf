"""Google's own analyser and evaluator of GoogleSQL, the SQL of BigQuery, compiled to WebAssembly.

https://github.com/google/googlesql, https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax
"""

import ctypes
import functools
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from wasmtime import Linker, Module, Store, WasiConfig
from zetasql import types
from zetasql.core import ServerError, WasmClient, ZetaSqlLocalService
from zetasql.core.wasm_client import get_tzinfo_dir
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as messages

import compiled
from values import Cell, cell_of, value_of

# A table's project, dataset and name; of a temporary table its name.
Path = tuple[str, ...]
# The type of each column of a table, or of each parameter of a query.
Columns = dict[str, types.Type]

# BigQuery's other names of INT64.
# https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#integer_types
INTEGERS = ("INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT")
# In BigQuery, quotes may be around a path as a whole or around its parts: `project.dataset.table`.
# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#table_names
QUOTED = re.compile("`[^`]*`")
QUOTED_PATH = re.compile(r"`[^`]*`(?:\.`[^`]*`)+")


class SqlError(Exception):
    """A statement that Google's analyser or evaluator refuses."""

    def __init__(self, sql: str, error: ServerError) -> None:
        super().__init__(f"{error.raw_error}\n{sql.strip()}")


@dataclass(frozen=True)
class Table:
    """The columns and rows of a table."""

    columns: Columns
    rows: list[tuple[Cell, ...]]


@dataclass
class Catalogue:
    """The tables that statements see, and the variables of a script."""

    project: str
    dataset: str | None = None
    tables: dict[Path, Columns] = field(default_factory=dict)
    variables: Columns = field(default_factory=dict)
    # Whether it differs from what the engine last saw.
    changed: bool = True

    def copy(self) -> "Catalogue":
        """Returns a catalogue that does not change with this one."""
        return Catalogue(self.project, self.dataset, dict(self.tables), dict(self.variables))

    def use(self, dataset: str | None) -> None:
        """Sets the dataset that a statement may leave out."""
        self.changed |= dataset != self.dataset
        self.dataset = dataset

    def put(self, path: Sequence[str], columns: Columns) -> None:
        """Creates or replaces a table."""
        self.tables[self.full(path)] = columns
        self.changed = True

    def drop(self, path: Sequence[str]) -> None:
        """Removes a table, if it exists."""
        self.tables.pop(self.full(path), None)
        self.changed = True

    def declare(self, variable: str, kind: types.Type) -> None:
        """Declares a variable."""
        self.variables[variable] = kind
        self.changed = True

    def columns(self, path: Sequence[str]) -> Columns:
        """Returns the columns of a table that exists."""
        return self.tables[self.full(path)]

    def full(self, path: Sequence[str]) -> Path:
        """Returns the path with the project, which a statement may leave out."""
        return (self.project, *path) if len(path) == len(("dataset", "table")) else tuple(path)


class GoogleSql:
    """The analyser and the evaluator, of the language that BigQuery's users have."""

    def __init__(self) -> None:
        self._service = _Service()
        self._language = self._service.get_language_options(maximum_features=True)
        self._language.product_mode = types.ProductMode.PRODUCT_EXTERNAL
        # None listed means all.
        self._language.supported_statement_kinds = []
        self._catalogue, self._registered = Catalogue(""), 0
        self.type_of = functools.cache(self._type_of)

    def parse(self, script: str) -> types.ASTScript:
        """Returns the syntax of a script."""
        try:
            return self._service.parse(sql_statement=script, options=self._language, allow_script=True).parsed_script
        except ServerError as error:
            raise SqlError(script, error) from None

    def analyse(self, sql: str, catalogue: Catalogue, parameters: Columns | None = None) -> types.ResolvedStatement:
        """Returns a statement with its names, functions and types resolved."""
        if catalogue is not self._catalogue or catalogue.changed:
            if self._registered:
                self._service.unregister_catalog(registered_id=self._registered)
            registered = self._service.register_catalog(simple_catalog=self._message(catalogue))
            self._catalogue, self._registered, catalogue.changed = catalogue, registered.registered_id, False
        try:
            return self._service.analyze(
                sql_statement=in_parts(sql), options=self._options(parameters), registered_catalog_id=self._registered
            ).resolved_statement
        except ServerError as error:
            raise SqlError(sql, error) from None

    def tables_of(self, query: str) -> list[Path]:
        """Returns the tables that a query reads, as it names them."""
        names = self._service.extract_table_names_from_statement(sql_statement=in_parts(query), options=self._language)
        return [tuple(name.table_name_segment) for name in names.table_name]

    def evaluate(self, sql: str, tables: Mapping[Path, Table]) -> Table:
        """Returns the rows of a query on these tables, as Google's reference implementation computes them."""
        # The evaluator takes rows only of tables that are in no dataset.
        named = {".".join(path): table for path, table in tables.items()}
        joined = QUOTED_PATH.sub(lambda path: _joined(path[0], named), in_parts(sql))
        catalogue = Catalogue("", tables={(name,): table.columns for name, table in named.items()})
        request = messages.EvaluateQueryRequest(
            sql=joined, options=self._options().to_proto(), simple_catalog=self._message(catalogue).to_proto()
        )
        for name, table in named.items():
            kinds = [kind.type_kind for kind in table.columns.values()]
            data = request.table_content[name].table_data
            for row in table.rows:
                data.row.add().cell.extend(map(value_of, row, kinds))
        try:
            response = self._service.wasm_client.call_grpc_func(
                "ZetaSqlLocalService_EvaluateQuery", request, messages.EvaluateQueryResponse
            )
        except ServerError as error:
            raise SqlError(sql, error) from None
        columns = {column.name: types.parse_proto(column.type) for column in response.prepared.columns}
        kinds = [kind.type_kind for kind in columns.values()]
        return Table(columns, [tuple(map(cell_of, row.cell, kinds)) for row in response.content.table_data.row])

    def _type_of(self, name: str) -> types.Type:
        """Returns the type that SQL calls so."""
        query = self._service.analyze(
            sql_statement=f"SELECT CAST(NULL AS {name})",
            options=self._options(),
            simple_catalog=self._message(Catalogue("")),
        )
        return query.resolved_statement.output_column_list[0].column.type

    def _options(self, parameters: Columns | None = None) -> types.AnalyzerOptions:
        declared = [
            types.AnalyzerOptions.QueryParameter(name=name, type=kind) for name, kind in (parameters or {}).items()
        ]
        # https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#time_zones
        return types.AnalyzerOptions(language_options=self._language, query_parameters=declared, default_timezone="UTC")

    def _message(self, catalogue: Catalogue) -> types.SimpleCatalog:
        """Returns the catalogue, in which a statement may leave out the project and the default dataset."""
        functions = types.ZetaSQLBuiltinFunctionOptions(language_options=self._language)
        int64 = types.Type(type_kind=types.TypeKind.TYPE_INT64)
        integers = [types.SimpleCatalog.NamedType(name=name, type=int64) for name in INTEGERS]
        root = types.SimpleCatalog(name="root", builtin_function_options=functions, named_type=integers)
        for name, kind in catalogue.variables.items():
            root.constant.append(types.SimpleConstant(name_path=[name], type=kind, value=types.Value()))
        datasets: dict[str, types.SimpleCatalog] = {}
        for (*above, name), columns in catalogue.tables.items():
            described = [
                types.SimpleColumn(name=column, type=kind, is_writable_column=True) for column, kind in columns.items()
            ]
            table = types.SimpleTable(name=name, column=described)
            if above:
                datasets.setdefault(above[-1], types.SimpleCatalog(name=above[-1])).table.append(table)
            if not above or above[-1] == catalogue.dataset:
                root.table.append(table)
        root.catalog = [types.SimpleCatalog(name=catalogue.project, catalog=[*datasets.values()]), *datasets.values()]
        return root


def _joined(path: str, tables: Container[str]) -> str:
    """Returns the path of a table as one name, and another path as it is."""
    name = path.replace("`.`", ".")
    return name if name.strip("`") in tables else path


def in_parts(sql: str) -> str:
    """Returns the statement with each quoted path in its parts."""
    return QUOTED.sub(lambda name: name[0].replace(".", "`.`"), sql)


class _Service(ZetaSqlLocalService):
    def __init__(self) -> None:
        self.wasm_client = _Client()


class _Client(WasmClient):
    """Starts from a compiled module, and copies memory in one piece: its parent compiles, and copies byte by byte."""

    def __init__(self) -> None:
        wasi = WasiConfig()
        wasi.inherit_stderr()
        wasi.preopen_dir(get_tzinfo_dir(), "/usr/share/zoneinfo")
        engine = compiled.engine()
        self.store = Store(engine)
        self.store.set_wasi(wasi)
        linker = Linker(engine)
        linker.define_wasi()
        instance = linker.instantiate(self.store, Module.deserialize_file(engine, str(compiled.PATH)))
        self.exports = instance.exports(self.store)
        self.exports["_initialize"](self.store)
        self.memory = self.exports["memory"]

    def write_bytes(self, ptr: int, data: bytes) -> None:
        ctypes.memmove(self._address(ptr), data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        return ctypes.string_at(self._address(ptr), size)

    def _address(self, ptr: int) -> int:
        return ctypes.addressof(self.memory.data_ptr().contents) + ptr
