"""How often the mart of unusual months lists a month of simulated numbers, as usual ones or with a planted rise.

unusual_months.py SQL    prints one JSON object; SQL is the file with the compiled query of the mart

Numbers of requests are Poisson, with the same mean every year but for two things: a group's mean differs between years
by 10 %, alike in all areas, and that of each area by another 10 %. Every twentieth area and group of the latest month
has three times as many, twice as many or half as many again.
"""

import json
import sys
from pathlib import Path

import duckdb
import numpy
import pyarrow

WARDS, FSAS, GROUPS = 25, 96, 40
LATEST = 2025
RISES = (1.5, 2.0, 3.0)
SIZES = (20, 40, 80, 160)
"""The lower bounds of the expected numbers by which rises are counted."""


def simulate(random: numpy.random.Generator, years: int) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Returns numbers by group, area and year, the latest last; the means of the latest year, and its planted rises."""
    areas = WARDS + FSAS
    group = random.lognormal(3.0, 1.2, (GROUPS, 1, 1))
    area = random.lognormal(0.0, 0.4, (GROUPS, areas, 1))
    area[:, WARDS:] *= WARDS / FSAS
    usual = (
        group
        * area
        * random.lognormal(0.0, 0.1, (GROUPS, 1, years + 1))
        * random.gamma(100, 0.01, (GROUPS, areas, years + 1))
    )
    rises = numpy.where(random.random((GROUPS, areas)) < 0.05, random.choice(RISES, (GROUPS, areas)), 1.0)
    planted = usual.copy()
    planted[:, :, -1] *= rises
    return random.poisson(planted), (group * area)[:, :, 0], rises


def fill(database: duckdb.DuckDBPyConnection, numbers: numpy.ndarray) -> None:
    """Writes the numbers as the cubes that the mart reads."""
    group, area, year = (index.ravel() for index in numpy.indices(numbers.shape))
    numbers = pyarrow.table(
        {"type_group": group, "area": area, "year": LATEST - year.max() + year, "requests": numbers.ravel()}
    )
    database.register("numbers", numbers)
    counted = f"""
        select year::int as source_year, make_date(year, 6, 1) as created_month, 'Group ' || type_group as type_group,
               requests, case when area < {WARDS} then 25 end as ward_model,
               case when area < {WARDS} then area::int end as ward_id,
               case when area >= {WARDS} then 'M' || area end as fsa
        from numbers where requests > 0
    """  # noqa: S608, a constant
    for mart in ("requests_by_month_group_ward", "requests_by_month_group_fsa"):
        database.execute(f"create or replace table warehouse.marts.{mart} as {counted}")
    database.execute(
        "create or replace table warehouse.marts.requests_by_day as "
        "select distinct year::int as source_year, make_date(year, 6, 30) as created_on from numbers"
    )
    database.unregister("numbers")


def listed(database: duckdb.DuckDBPyConnection, sql: str) -> numpy.ndarray:
    """Returns, by group and area, the score of what the mart lists, or else zero."""
    scores = numpy.zeros((GROUPS, WARDS + FSAS))
    query = f"select type_group, ward_id, fsa, score from ({sql})"  # noqa: S608, the project's own query
    for group, ward, fsa, score in database.execute(query).fetchall():
        area = ward if fsa is None else int(fsa.removeprefix("M"))
        scores[int(group.removeprefix("Group ")), area] = score
    return scores


def rates(sql: str, years: int, months: int) -> dict:
    """Returns how much is compared and listed by chance, and how much of each rise is found, by its expected number."""
    random = numpy.random.default_rng(years)
    usual = {"compared": 0, "listed": 0}
    found = {rise: {size: [0, 0] for size in SIZES} for rise in RISES}
    with duckdb.connect() as database:
        database.execute("attach ':memory:' as warehouse; create schema warehouse.marts")
        for _ in range(months):
            numbers, means, rises = simulate(random, years)
            fill(database, numbers)
            scores = listed(database, sql)
            compared = (numbers[:, :, -1] >= 30) & (rises == 1)
            usual["compared"] += int(compared.sum())
            usual["listed"] += int((compared & (scores != 0)).sum())
            for rise in RISES:
                for size, following in zip(SIZES, (*SIZES[1:], numpy.inf)):
                    cells = (rises == rise) & (means >= size) & (means < following)
                    found[rise][size][0] += int(cells.sum())
                    found[rise][size][1] += int((cells & (scores > 0)).sum())
    shares = {str(rise): {str(size): hit / every for size, (every, hit) in by.items()} for rise, by in found.items()}
    return {**usual, "found": shares}


if __name__ == "__main__":
    query = Path(sys.argv[1]).read_text()
    json.dump({str(years): rates(query, years, 30) for years in (2, 3, 5)}, sys.stdout)
