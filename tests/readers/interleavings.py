"""Runs two transactions on the warehouse side by side, statement by statement, in every order that may matter.

Standard input is {"tables": [DDL...], "loads": [QUERY, QUERY]}: the tables of the contracts in DuckDB's dialect, and
two recorded query configurations of BigQuery, each a first load of another version of one partition. The other
transactions are read from the jobs' files. An order is right if its result is that of one transaction after the other.

Both run on their own connections to one DuckDB database. It cancels a transaction that updates or deletes a row which
another one has changed since it began. BigQuery cancels one that mutates a *table* which another one mutates
(https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency), so it cancels at least as often, and
neither counts inserts. What is right under the weaker rule is right under the stronger one.
"""

import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import sqlglot

OVERTAKEN = "came first"
"""The end of a transaction's error if it was overtaken."""
LOCKS = re.compile(r"^UPDATE (load_lock|load_history SET last_observed_at = last_observed_at)\b")
"""The statements that change nothing, so that transactions conflict."""
UNSEEN = {"loaded_at", "refused_at"}
"""The columns that two correct results may differ in."""
SOURCES = Path(__file__).parents[2]


class Refused(Exception):
    """The script raised an error other than that another one came first."""


@dataclass(frozen=True)
class Script:
    """A transaction: its statements in DuckDB's dialect, each with its error message, and its parameters."""

    statements: list[tuple[str, str | None]]
    values: dict[str, object]

    @staticmethod
    def read(text: str, values: dict[str, object]) -> "Script":
        text = re.sub(r"--[^\n]*", "", text)
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
        return Script(statements, values)

    @staticmethod
    def of_job(query: dict) -> "Script":
        return Script.read(query["query"], {one["name"]: value_of(one) for one in query["queryParameters"]})

    @staticmethod
    def of_file(path: str, values: dict[str, object], **replaced: str) -> "Script":
        text = (SOURCES / path).read_text()
        for name, value in {"dataset": "p.d", **replaced}.items():
            text = text.replace(f"{{{name}}}", value)
        return Script.read(text, values)

    def having(self, **values: object) -> "Script":
        return replace(self, values=self.values | values)

    def without_locks(self) -> "Script":
        return replace(self, statements=[(sql, message) for sql, message in self.statements if not LOCKS.match(sql)])

    def tables(self, prefix: str) -> set[str]:
        return {name for sql, _ in self.statements for name in re.findall(rf"\b{prefix}_\w+", sql)}


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
        is_last = self.position + 1 == len(self.script.statements)
        try:
            rows = self.connection.execute(sql, {name: self.script.values[name] for name in names}).fetchall()
        except duckdb.TransactionException:
            # After an error at the commit, DuckDB has already rolled back.
            if not is_last:
                self.connection.execute("ROLLBACK")
            self.is_cancelled = True
            return
        if message and rows[0][0]:
            self.connection.execute("ROLLBACK")
            self.is_over = True
            if OVERTAKEN not in message:
                raise Refused(message)
            return
        self.position += 1
        self.is_over = is_last

    def finish(self) -> None:
        while not self.is_over and not self.is_cancelled:
            self.step()

    def retry(self) -> None:
        self.position, self.is_cancelled = 0, False
        self.finish()


class Race:
    """Two scripts, and a database in which they begin again and again."""

    def __init__(self, scripts: tuple[Script, Script], setup: list[str]) -> None:
        self.scripts = scripts
        self.database = duckdb.connect()
        for statement in setup:
            self.database.execute(statement)
        statements = " ".join(sql for script in scripts for sql, _ in script.statements)
        changed = set(re.findall(r"(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO) (?!SET\b)(\w+)", statements))
        self.changed = sorted(changed)
        for table in self.changed:
            self.database.execute(f"CREATE TABLE before_{table} AS FROM {table}")

    def outcome(self, scripts: list[Script], first_stops: int, second_stops: int) -> tuple[dict, int]:
        """Runs the first script up to a statement, the second up to one, then the rest of the first and of the second.

        Returns the tables, and how many transactions were cancelled.
        """
        for table in self.changed:
            self.database.execute(f"DELETE FROM {table}; INSERT INTO {table} FROM before_{table}")  # noqa: S608
        first, second = (Transaction(script, self.database) for script in scripts)
        for transaction, stops in [(first, first_stops), (second, second_stops)]:
            for _ in range(stops):
                transaction.step()
        first.finish()
        second.finish()
        cancelled = [transaction for transaction in (first, second) if transaction.is_cancelled]
        for transaction in cancelled:
            transaction.retry()
        return self.contents(), len(cancelled)

    def contents(self) -> dict[str, list]:
        found = {}
        for table in self.changed:
            rows = self.database.execute(f"FROM {table}")
            kept = [index for index, (name, *_) in enumerate(rows.description) if name not in UNSEEN]
            found[table] = sorted(str([row[index] for index in kept]) for row in rows.fetchall())
        return found

    def run(self) -> dict[str, int]:
        """Tries every order in which one transaction stops for a part of the other one, or for all of it."""
        allowed = [self.outcome(scripts, 0, 0)[0] for scripts in itertools.permutations(self.scripts)]
        cancelled = 0
        tried = right = 0
        for tables, times in self.outcomes(self.scripts):
            tried, right, cancelled = tried + 1, right + (tables in allowed), cancelled + times
        unlocked = [script.without_locks() for script in self.scripts]
        is_right = all(tables in allowed for tables, _ in self.outcomes(unlocked))
        return {"tried": tried, "right": right, "cancelled": cancelled, "right_without_locks": is_right}

    def outcomes(self, scripts: Iterable[Script]) -> Iterator[tuple[dict, int]]:
        for first, second in itertools.permutations(scripts):
            whole = len(second.statements)
            for stops in itertools.product(range(1, len(first.statements)), sorted({max(whole // 2, 1), whole})):
                yield self.outcome([first, second], *stops)


NAMES = ("days", "wards")
"""The marts of a publication."""
LOCK = ["CREATE TABLE load_lock (run_id VARCHAR)", "INSERT INTO load_lock VALUES (NULL)"]


def staged(tables: list[str], script: Script) -> list[str]:
    """Returns statements that make the staging tables of a load, with as many rows as its manifest has."""
    columns = duckdb.connect()
    for ddl in tables:
        columns.execute(ddl)
    version = script.values["fingerprint"]
    statements = []
    for name in sorted(script.tables("staged")):
        table = name.removeprefix("staged_").removesuffix(f"_{version}")
        rows = script.values["rows_kept" if table == "service_requests" else "rows_quarantined"]
        described = columns.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_name = $1 ORDER BY ordinal_position",
            [table],
        ).fetchall()
        values = ", ".join(f"{staged_value(*column, script)} AS {column[0]}" for column in described)
        statements.append(f"CREATE TABLE {name} AS SELECT {values} FROM range({rows}) AS rows (number)")  # noqa: S608
    return statements


def staged_value(name: str, kind: str, script: Script) -> str:
    version = str(script.values["fingerprint"])
    match kind:
        case _ if name == "source_year":
            return str(script.values["year"])
        case "BLOB":
            return f"encode('{version[:8]}' || number)"
        case "VARCHAR":
            return f"'{version}'"
        case "BOOLEAN":
            return "false"
        case _ if kind.startswith("TIMESTAMP"):
            return f"CAST('{script.values['year']}-06-01 12:00:00' AS {kind})"
        case _:
            return f"CAST(number AS {kind})"


def loaded(partition: str, sha256: str) -> str:
    """Returns the statement that records a first load."""
    return (
        "INSERT INTO load_history BY NAME SELECT "
        f"'{partition}' AS partition, 1 AS load_number, 'held' AS fingerprint, 'k' AS clean_manifest, "
        f"'k' AS raw_manifest, '{sha256}' AS source_sha256, '1' AS contract_version, '1' AS logic_version, "
        "0 AS raw_lines, 0 AS blank_lines, 0 AS rows_read, 0 AS rows_kept, 0 AS rows_repaired, 0 AS rows_quarantined, "
        "'{}' AS quarantined_by_reason, '[]' AS drift, now() AS loaded_at, 'run' AS run_id"
    )


def publication(build: str, prefix: str, loads: int) -> Script:
    """Returns the transaction that publishes two marts of a build, whose history had so many loads."""
    statements = ";\n".join(
        f"DELETE FROM mart_{name} WHERE TRUE;\nINSERT INTO mart_{name} (build) SELECT build FROM {prefix}_{name}"  # noqa: S608
        for name in NAMES
    )
    values = {"before": "before", "unfinished": "none", "loads": loads}
    values |= {"fingerprint": build, "project": "p", "years": "{}", "layouts": "{}"}
    return Script.of_file(
        "dbt-runner/src/warehouse/bigquery/publish.sql",
        values,
        record="published_marts",
        statements=statements,
        overtaken="another build or load came first",
    )


def publications(tables: list[str], builds: dict[str, str]) -> list[str]:
    """Returns statements that make published marts, and the candidates of builds by their prefixes."""
    statements = [
        *tables,
        loaded("2025", "a"),
        "CREATE TABLE published_marts (fingerprint VARCHAR, project VARCHAR, years VARCHAR, layouts VARCHAR)",
        "INSERT INTO published_marts VALUES ('before', 'p', '{}', '{}')",
    ]
    for prefix, build in {"mart": "before", **builds}.items():
        statements += [f"CREATE TABLE {prefix}_{name} AS SELECT '{build}' AS build" for name in NAMES]
    return statements


def races(tables: list[str], loads: list[Script]) -> dict[str, Race]:
    old, new = loads
    staging = [*tables, *LOCK, *staged(tables, old), *staged(tables, new)]
    year = str(old.values["partition"])
    later = new.having(current_number=1, load_number=2, current_fingerprint="held", current_last_observed_us=0)
    seen = [{"partition": year, "sha256": "a", "observed_at": "2026-06-01T00:00:00Z"}]
    observation = Script.of_file("load-job/src/warehouse/bigquery/observe.sql", {"observed": json.dumps(seen)})
    refused = [{**seen[0], "stage": "transform", "exit_code": 20, "cause": "no column", "partition": "2012"}]
    judgement = Script.of_file(
        "load-job/src/warehouse/bigquery/judge.sql", {"verdicts": json.dumps(refused), "run_id": "run"}
    )
    spent = {"stage": "load", "task": 0, "attempt": 0, "handed_over_at": "2026-06-01T00:00:00Z"}
    spent |= dict.fromkeys(["milliseconds", "row_count", "bytes_written", "bytes_billed"], 1)
    costs = Script.of_file("shared/src/stage_runs/bigquery.sql", {"stage_runs": json.dumps([spent]), "run_id": "run"})
    return {
        "first loads of two versions": Race((old, new), staging),
        "a load and its retry": Race((new, new), staging),
        "a load and an observation of what it replaces": Race((later, observation), [*staging, loaded(year, "a")]),
        "refusals and their retry": Race((judgement, judgement), [*tables, *LOCK]),
        "costs and their retry": Race((costs, costs), [*tables, *LOCK]),
        "marts and their retry": Race(
            (publication("build", "one", 1), publication("build", "other", 1)),
            publications(tables, {"one": "build", "other": "build"}),
        ),
        "marts and a build of fewer loads": Race(
            (publication("build", "one", 1), publication("old", "other", 0)),
            publications(tables, {"one": "build", "other": "old"}),
        ),
    }


def main() -> None:
    given = json.load(sys.stdin)
    loads = [Script.of_job(query).having(rows_kept=3, rows_quarantined=1) for query in given["loads"]]
    json.dump({name: race.run() for name, race in races(given["tables"], loads).items()}, sys.stdout)


if __name__ == "__main__":
    main()
