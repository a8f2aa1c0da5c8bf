"""Runs two of load-job's transactions side by side, statement by statement, in every order that may matter.

Standard input is {"tables": [DDL...], "scripts": [QUERY, QUERY]}: the tables of the contracts in DuckDB's dialect, and
two recorded query configurations of BigQuery, each a first load of another version of one partition.

The transactions run on two connections to one DuckDB database. It cancels a transaction that updates or deletes a row
which another one has changed since it began. BigQuery cancels one that mutates a *table* which another one mutates
(https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency), so it cancels at least as often, and
neither counts inserts. What is right under the weaker rule is right under the stronger one.
"""

import itertools
import json
import re
import sys
from dataclasses import dataclass

import duckdb
import sqlglot

OVERTAKEN = "another load of this partition came first"


class Refused(Exception):
    """The script raised an error other than that another load came first."""


@dataclass
class Script:
    """A transaction: its statements in DuckDB's dialect, and its parameters."""

    statements: list[tuple[str, str | None]]
    values: dict[str, object]

    @property
    def version(self) -> str:
        return str(self.values["fingerprint"])

    @staticmethod
    def read(query: dict) -> "Script":
        text = re.sub(r"--[^\n]*", "", query["query"])
        text = re.sub(r"`[\w-]+\.[\w-]+\.(\w+)`", r"\1", text)
        # `IF condition THEN SELECT ERROR('message'); END IF` becomes the query of its condition.
        text = re.sub(
            r"\bIF\s+(.*?)\s+THEN\s+SELECT ERROR\('([^']*)'\);\s+END IF;",
            lambda match: f"SELECT {match[1]} AS is_refused /*{match[2]}*/;",
            text,
            flags=re.DOTALL,
        )
        statements = []
        for statement in filter(None, map(str.strip, text.split(";"))):
            message = re.search(r"/\*(.*)\*/$", statement)
            sql = sqlglot.transpile(statement, read="bigquery", write="duckdb")[0]
            statements.append((sql, message[1] if message else None))
        values = {parameter["name"]: value_of(parameter) for parameter in query["queryParameters"]}
        return Script(statements, values)

    def without_lock(self) -> "Script":
        statements = [(sql, message) for sql, message in self.statements if "load_lock" not in sql]
        return Script(statements, self.values)

    def staging_tables(self) -> set[str]:
        return {name for sql, _ in self.statements for name in re.findall(r"\bstaged_\w+", sql)}


def value_of(parameter: dict) -> object:
    value = parameter["parameterValue"].get("value")
    match parameter["parameterType"]["type"]:
        case _ if value is None:
            return None
        case "INT64":
            return int(value)
        case "BOOL":
            return value == "true"
        case _:
            return value


class Transaction:
    """A script on its own connection. A cancelled one may be retried from the beginning."""

    def __init__(self, script: Script, database: duckdb.DuckDBPyConnection) -> None:
        self.script = script
        self.connection = database.cursor()
        self.position = 0
        self.is_over = False
        self.is_cancelled = False

    def step(self) -> None:
        if self.is_over or self.is_cancelled:
            return
        sql, message = self.script.statements[self.position]
        names = set(re.findall(r"\$(\w+)", sql))
        try:
            rows = self.connection.execute(sql, {name: self.script.values[name] for name in names}).fetchall()
        except duckdb.TransactionException:
            # After an error at the commit, DuckDB has already rolled back.
            if self.position + 1 < len(self.script.statements):
                self.connection.execute("ROLLBACK")
            self.is_cancelled = True
            return
        if message and rows[0][0]:
            self.connection.execute("ROLLBACK")
            self.is_over = True
            if message != OVERTAKEN:
                raise Refused(message)
            return
        self.position += 1
        self.is_over = self.position == len(self.script.statements)

    def finish(self) -> None:
        while not self.is_over and not self.is_cancelled:
            self.step()

    def retry(self) -> None:
        self.position, self.is_cancelled = 0, False
        self.finish()


def database_of(tables: list[str], scripts: list[Script]) -> duckdb.DuckDBPyConnection:
    """Returns empty tables, the lock, and the staged rows of each script's version."""
    database = duckdb.connect()
    for ddl in tables:
        database.execute(ddl)
    database.execute("CREATE TABLE load_lock (run_id VARCHAR)")
    database.execute("INSERT INTO load_lock VALUES (NULL)")
    for script in scripts:
        for staged in script.staging_tables():
            table = staged.removeprefix("staged_").removesuffix(f"_{script.version}")
            rows = script.values["rows_kept" if table == "service_requests" else "rows_quarantined"]
            columns = database.execute(
                "SELECT column_name, data_type FROM information_schema.columns "
                "WHERE table_name = $1 ORDER BY ordinal_position",
                [table],
            ).fetchall()
            values = ", ".join(f"{staged_value(*column, script)} AS {column[0]}" for column in columns)
            query = f"SELECT {values} FROM range({rows}) AS rows (number)"  # noqa: S608, the contracts' columns
            database.execute(f"CREATE TABLE {staged} AS {query}")
    return database


def staged_value(name: str, kind: str, script: Script) -> str:
    match kind:
        case _ if name == "source_year":
            return str(script.values["year"])
        case "BLOB":
            return f"encode('{script.version[:8]}' || number)"
        case "VARCHAR":
            return f"'{script.version}'"
        case "BOOLEAN":
            return "false"
        case _ if kind.startswith("TIMESTAMP"):
            return f"CAST('{script.values['year']}-06-01 12:00:00' AS {kind})"
        case _:
            return f"CAST(number AS {kind})"


def outcome(tables: list[str], scripts: list[Script], first_stops: int, second_stops: int) -> tuple[bool, int]:
    """Runs the first script up to a statement, the second up to one, and then the rest of the first and of the second.

    Returns whether one version is loaded once, completely, and how many transactions were cancelled.
    """
    database = database_of(tables, scripts)
    first, second = (Transaction(script, database) for script in scripts)
    for transaction, stops in [(first, first_stops), (second, second_stops)]:
        for _ in range(stops):
            transaction.step()
    first.finish()
    second.finish()
    cancelled = [transaction for transaction in (first, second) if transaction.is_cancelled]
    for transaction in cancelled:
        transaction.retry()
    loads = database.execute("SELECT fingerprint, rows_kept FROM load_history").fetchall()
    held = database.execute("SELECT status, count(*) FROM service_requests GROUP BY ALL").fetchall()
    return len(loads) == 1 and held == loads, len(cancelled)


def main() -> None:
    given = json.load(sys.stdin)
    scripts = [Script.read(query) for query in given["scripts"]]
    result = {}
    for name, transactions in [
        ("locked", scripts),
        ("unlocked", [script.without_lock() for script in scripts]),
    ]:
        tried = right = cancelled = 0
        for first, second in itertools.permutations(transactions):
            stops = itertools.product(
                range(len(first.statements) + 1), [0, len(second.statements) // 2, len(second.statements)]
            )
            for first_stops, second_stops in stops:
                is_right, times = outcome(given["tables"], [first, second], first_stops, second_stops)
                tried, right, cancelled = tried + 1, right + is_right, cancelled + times
        result[name] = {"tried": tried, "right": right, "cancelled": cancelled}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
