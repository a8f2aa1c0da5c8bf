"""Checks whether two outputs contain the same rows.

DuckDB reads them in its own process: the bench has to stay small, because its child processes start with its memory's
size as the largest so far.
"""

import json
import subprocess
import sys
from pathlib import Path


def content(output: Path) -> tuple:
    """The row count, an order-independent checksum, and the number of distinct request ids, if any."""
    read = subprocess.run([sys.executable, __file__, output], check=True, capture_output=True, text=True)
    return tuple(json.loads(read.stdout))


def read(output: Path) -> tuple:
    """Returns the result of [`content`], read in this process."""
    import duckdb  # noqa: PLC0415, not in the process of the bench

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    files = sorted(str(path) for path in output.rglob("*.parquet") if path.name != "quarantine.parquet")
    parquet = f"read_parquet({files}, hive_partitioning = false)"
    connection.execute(f"CREATE VIEW clean AS SELECT * FROM {parquet}")  # noqa: S608, the bench's own files
    names = {name for name, *_ in connection.execute("DESCRIBE clean").fetchall()}
    renamed = "intersection_street_1 AS street_1, intersection_street_2 AS street_2,"
    streets = renamed if "intersection_street_1" in names else ""
    (rows, checksum) = connection.execute(f"""
        SELECT count(*), sum(hash(epoch_us(created_at), utc_offset_hours::INTEGER, status, source_status, fsa,
            street_1, street_2, ward_id::INTEGER, ward_name, ward_model::INTEGER, service_request_type, division,
            section, season, repaired, source_year::INTEGER, source_row::INTEGER)::HUGEINT)
        FROM (SELECT {streets} * FROM clean)
    """).fetchone()  # noqa: S608, the names are those above
    if "request_id" in names:
        distinct = "SELECT count(DISTINCT request_id) FROM clean"
    elif "request_id_high" in names:
        distinct = "SELECT count(DISTINCT (request_id_high, request_id_low)) FROM clean"
    else:
        return rows, checksum, None
    return rows, checksum, *connection.execute(distinct).fetchone()


def difference(one: tuple, other: tuple) -> str | None:
    """Returns the difference, if any. Ids are compared only if both outputs have them."""
    if one[:2] != other[:2]:
        return f"rows and checksum {one[:2]} against {other[:2]}"
    if None not in (one[2], other[2]) and one[2] != other[2]:
        return f"distinct request ids {one[2]} against {other[2]}"
    return None


if __name__ == "__main__":
    print(json.dumps(read(Path(sys.argv[1]))))
