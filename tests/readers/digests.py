"""An order-independent digest of a table's rows that does not depend on the warehouse."""

import datetime
import hashlib
import json
from collections.abc import Iterable

# Only times and run ids may differ between two correct histories; polygons have another
# type in each warehouse.
LEFT_OUT = {
    "first_loaded_at",
    "geometry",
    "held_loaded_at",
    "held_observed_at",
    "last_loaded_at",
    "last_observed_at",
    "loaded_at",
    "new_observed_at",
    "observed_at",
    "old_observed_at",
    "refused_at",
    "run_id",
    "dollars",
    # What each stage of a run spent.
    *(
        f"{stage}_{measure}"
        for stage in ("extract", "transform", "load", "dbt")
        for measure in ("seconds", "rows", "bytes_written", "bytes_billed", "dollars")
    ),
}
# DuckDB, with which BigQuery is compared, needs no lock; and each attempt of a stage has spent its own.
TABLES_LEFT_OUT = {"load_lock", "stage_runs"}


def canonical(value: object) -> object:
    match value:
        case bytes() | bytearray():
            return bytes(value).hex()
        case datetime.datetime():
            utc = value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value
            return utc.isoformat(timespec="microseconds")
        case datetime.date():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value, sort_keys=True)
        case str() if value[:1] in "[{":
            try:
                return json.dumps(json.loads(value), sort_keys=True)
            except ValueError:
                return value
        case _:
            return value


def table_digest(names: list[str], rows: Iterable[tuple]) -> list:
    count = total = 0
    order = sorted((name, index) for index, name in enumerate(names) if name not in LEFT_OUT)
    for row in rows:
        text = json.dumps([[name, canonical(row[index])] for name, index in order])
        total += int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])
        count += 1
    return [count, str(total % 2**128)]
