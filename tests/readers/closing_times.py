"""How often the bounds of `time_to_close` are wrong, on simulated requests of which one share is done at every age.

closing_times.py CURVE TIMES    prints one JSON object; the arguments are the files with the compiled queries of
                                `time_to_close_curve` and `time_to_close`

Just below a half there is no median, and just above it the median is under one day; quarters are alike. Such curves are
among the hardest: at every age their share is near the one that is looked for, so that each run of ages is another
chance to be wrong.
"""

import json
import sys
from pathlib import Path

import duckdb
import numpy
import pyarrow

from readers import AGES

QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}
DISTANCE = 0.01
"""How far the share that is done is from that of the quartile, on either side."""
SIZES = (30, 100, 1000)
"""The numbers of requests of a curve."""
CURVES = 1000
"""The number of simulated curves of each quartile, side and size."""


def fill(database: duckdb.DuckDBPyConnection) -> None:
    """Writes simulated requests as the marts that the queries read, one group for each quartile, side and size."""
    random = numpy.random.default_rng(1)
    simulated = []
    for quartile, share in QUARTILES.items():
        for side, done in (("below", share - DISTANCE), ("above", share + DISTANCE)):
            for size in SIZES:
                requests = random.multinomial(size, [1 / len(AGES)] * len(AGES), CURVES)
                curve, age = (index.ravel() for index in numpy.indices(requests.shape))
                counts = {
                    "type_group": [f"{quartile} {side} {size}"] * requests.size,
                    "type_name": curve.astype(str),
                    "age_days": numpy.take(AGES, age),
                    "requests": requests.ravel(),
                    "open_requests": random.binomial(requests, 1 - done).ravel(),
                }
                simulated.append(pyarrow.table(counts))
    database.register("simulated", pyarrow.concat_tables(simulated))
    database.execute(
        "create table warehouse.marts.open_by_age_type as "
        "select 2025 as source_year, * replace (age_days::int as age_days) from simulated"
    )
    database.execute(
        "create table warehouse.marts.open_by_age_group_ward as "
        "select *, null::int as ward_model, null::int as ward_id from warehouse.marts.open_by_age_type limit 0"
    )


def rates(curve: str, times: str) -> dict:
    """Returns the share of curves with a wrong bound, by quartile, side and number of requests."""
    found = {}
    with duckdb.connect() as database:
        database.execute("attach ':memory:' as warehouse; create schema warehouse.marts")
        fill(database)
        database.execute(f"create table warehouse.marts.time_to_close_curve as {curve}")
        database.execute(f"create table times as {times}")
        for quartile in QUARTILES:
            # Below it no upper bound is right, above it only 0 is a right lower bound.
            for side, wrong in (("below", "upper_days_{} is not null"), ("above", "lower_days_{} > 0")):
                for size in SIZES:
                    group = f"{quartile} {side} {size}"
                    found[group] = database.execute(
                        f"select count(*) filter ({wrong.format(quartile)}) / count(*) "  # noqa: S608, constants
                        "from times where type_group = $1 and type_name is not null",
                        [group],
                    ).fetchone()[0]
    return found


if __name__ == "__main__":
    json.dump(rates(*(Path(path).read_text() for path in sys.argv[1:])), sys.stdout)
