"""Measures the jobs against alternatives, and the dashboard; writes docs/performance.md. Run it with `make bench`.

Lower ROUNDS (5) and LARGEST (30000000 rows) for a shorter run. PART runs one part alone, and writes nothing.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from harness import floors, inputs, verify
from harness.process import Cost, Failed, bytes_below, measure, median_cost, seconds_to_first_line

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = ROOT / "target/release"
PEERS = HERE / "peers"
WORK = ROOT / ".bench"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
LARGEST = int(os.environ.get("LARGEST", "30000000"))
YEAR_ROWS = 500_269
SIZES = [YEAR_ROWS, 6_000_000]
GROWTH = [100_000, 1_000_000, 6_000_000, LARGEST]
SMALL_ROWS = 50_000
OURS = "transform-job"


class Transform:
    """A program that transforms the year of an input."""

    def __init__(self, name: str, script: str | None = None, program: str | None = None) -> None:
        self.name, self.script, self.program = name, script, program

    def output(self, data: inputs.Input) -> Path:
        return WORK / "out" / f"{data.rows}-{self.name.replace(' ', '-')}"

    def run(self, data: inputs.Input) -> Cost:
        output = self.output(data)
        shutil.rmtree(output, ignore_errors=True)
        if self.script:
            return measure([sys.executable, PEERS / self.script, data.csv, output])
        if self.program:
            return measure([BIN / self.program, data.csv, output])
        lake = inputs.raw_copy(data.lake, output)
        return measure([BIN / OURS], inputs.one_year(lake))

    def clean(self, data: inputs.Input) -> Path:
        """The directory of its Parquet files."""
        output = self.output(data)
        return output if self.script or self.program else output / "clean/service-requests"


WAYS = [
    Transform(OURS),
    Transform("DuckDB", script="duckdb_plain.py"),
    Transform("DuckDB tuned", script="duckdb_tuned.py"),
    Transform("Polars", script="polars_streaming.py"),
    Transform("pyarrow", script="pyarrow_tables.py"),
    Transform("usual Rust", program="usual-way"),
]
ORIGINAL = Transform("original pandas", script="pandas_original.py")


def say(text: str) -> None:
    print(text, flush=True)


def verified(data: inputs.Input, ways: list[Transform]) -> None:
    """Runs each program once, and ends the bench if one writes other rows than ours."""
    contents = {}
    for way in ways:
        way.run(data)
        contents[way.name] = verify.content(way.clean(data))
        if problem := verify.difference(contents[OURS], contents[way.name]):
            sys.exit(f"{way.name} on {data.rows} rows differs from {OURS}: {problem}")
    say(f"{data.rows:>10,} rows: {len(ways)} outputs contain the same {contents[OURS][0]:,} rows")


def paired(data: inputs.Input, ways: list[Transform], reference: list[tuple[str, list]] = ()) -> dict:
    """Runs every program once per round. Returns the medians, also of the ratios to ours within a round."""
    costs = {way.name: [] for way in ways} | {name: [] for name, _ in reference}
    for _ in range(ROUNDS):
        for way in ways:
            costs[way.name].append(way.run(data))
        for name, command in reference:
            costs[name].append(measure(command))
    sizes = {way.name: bytes_below(way.clean(data)) for way in ways}
    result = {}
    for name, runs in costs.items():
        middle = median_cost(runs)
        cpu_ratio = median_ratio("cpu", runs, costs[ways[0].name])
        result[name] = {
            "cpu": middle.cpu,
            "wall": middle.wall,
            "memory": middle.memory,
            "cpu_ratio": cpu_ratio,
            "wall_ratio": median_ratio("wall", runs, costs[ways[0].name]),
            "bytes": sizes.get(name),
        }
        measured = f"{middle.cpu:>8.3f} s CPU {middle.wall:>8.3f} s {middle.memory:>7.0f} MiB"
        say(f"    {name:<16} {measured}  x{cpu_ratio:.2f}")
    return result


def median_ratio(figure: str, runs: list[Cost], ours: list[Cost]) -> float:
    """Returns the median of the ratios of a figure to ours, within each round."""
    return median(getattr(run, figure) / getattr(our, figure) for run, our in zip(runs, ours, strict=True))


def transforms() -> dict:
    """Returns the tables of the transform, by number of rows."""
    tables = {}
    for rows in SIZES:
        data = inputs.year(BIN, WORK, rows)
        verified(data, WAYS)
        zstd = ["zstd", "-3", "--single-thread", "-q", "-c", str(data.csv)]
        tables[rows] = paired(data, WAYS, [("zstd -3", zstd)])
    return tables


def original() -> dict:
    """Measures the original pipeline on a small file, and the rows that it loses."""
    data = inputs.year(BIN, WORK, SMALL_ROWS)
    table = paired(data, [WAYS[0], ORIGINAL])
    kept = int((ORIGINAL.output(data) / "rows").read_text())
    return {"rows": SMALL_ROWS, "kept": kept, "table": table}


def all_years() -> dict:
    """Measures ours on all years as the City publishes them, one file each, in one process."""
    lake = WORK / "years/lake"
    if not lake.exists():
        lake.mkdir(parents=True)
        with inputs.portal(BIN, SAMPLE_YEARS=",".join(map(str, range(2010, 2026)))) as published:
            inputs.extract(BIN, lake, published, years="all")
    files = sorted(lake.glob("raw/service-requests/*/*/*.csv"))
    costs = {OURS: [], "zstd -3": []}
    for _ in range(ROUNDS):
        copy = inputs.raw_copy(lake, WORK / "out/years")
        costs[OURS].append(measure([BIN / OURS], {"LAKE_URL": f"file://{copy}", "RUN_ID": "bench", "YEARS": "all"}))
        costs["zstd -3"].append(measure(["zstd", "-3", "--single-thread", "-q", "-c", *files]))
    lines = sum(json.loads(path.read_text())["lines"] for path in lake.glob("raw/service-requests/*/*/manifest.json"))
    medians = {name: vars(median_cost(runs)) for name, runs in costs.items()}
    return {"files": len(files), "rows": lines - len(files)} | medians


def growth() -> list[dict]:
    """Measures the time and memory of ours by number of rows."""
    points = []
    for rows in GROWTH:
        data = inputs.year(BIN, WORK, rows)
        cost = median_cost([WAYS[0].run(data) for _ in range(3 if rows > SIZES[-1] else ROUNDS)])
        points.append({"rows": rows, "cpu": cost.cpu, "wall": cost.wall, "memory": cost.memory})
        say(f"    {rows:>10,} rows {cost.cpu:.2f} s CPU {cost.wall:.2f} s {cost.memory:.0f} MiB")
        shutil.rmtree(WAYS[0].output(data), ignore_errors=True)
    return points


def extract() -> dict:
    """Measures extract-job on the large year's ZIP, and inflating and hashing it."""
    data = inputs.year(BIN, WORK, SIZES[-1])
    costs = {"extract-job": [], "unzip -p": [], "sha256sum": []}
    with inputs.portal(BIN, SAMPLE_YEARS=inputs.YEAR, SAMPLE_ROWS=str(data.rows)) as published:
        # The portal generates its files on the first request.
        for round in range(ROUNDS + 1):
            lake = WORK / "out/extract"
            shutil.rmtree(lake, ignore_errors=True)
            lake.mkdir(parents=True)
            cost = inputs.extract(BIN, lake, published)
            if round:
                costs["extract-job"].append(cost)
                costs["unzip -p"].append(measure(["unzip", "-p", data.archive]))
                costs["sha256sum"].append(measure(["sha256sum", data.archive]))
    return {name: vars(median_cost(runs)) for name, runs in costs.items()} | {"zip_bytes": data.archive.stat().st_size}


def unchanged() -> dict:
    """Measures all four stages when none of 17 years has changed."""
    years = ",".join(str(year) for year in range(2009, 2026))
    root = WORK / "unchanged"
    shutil.rmtree(root, ignore_errors=True)
    lake = root / "lake"
    lake.mkdir(parents=True)
    stages = ["extract-job", "transform-job", "load-job", "dbt-runner"]
    with inputs.portal(BIN, SAMPLE_YEARS=years, SAMPLE_ROWS="5000") as published:
        environment = {
            "LAKE_URL": f"file://{lake}",
            "WAREHOUSE_URL": f"duckdb://{root}/warehouse.duckdb",
            "DBT_TARGET_DIR": f"{root}/dbt",
            **published.variables,
        }
        for stage in stages:
            measure([BIN / stage], environment | {"RUN_ID": "first"})
        asked = published.requests()
        costs = {stage: measure([BIN / stage], environment | {"RUN_ID": "second"}) for stage in stages}
        asked = published.requests() - asked
    return {"stages": {stage: vars(cost) for stage, cost in costs.items()}, "requests": asked}


def reach() -> dict:
    """Measures a first run and a month's run, with one corrected year, over all years as the City publishes them, and
    what each publishes.
    """
    root = WORK / "reach"
    shutil.rmtree(root, ignore_errors=True)
    lake = root / "lake"
    lake.mkdir(parents=True)
    stages = ["extract-job", "transform-job", "load-job", "dbt-runner"]
    site = root / "site"
    costs, publications = {}, {}
    with inputs.portal(BIN, SAMPLE_YEARS=",".join(map(str, range(2010, 2026)))) as published:
        environment = {
            "LAKE_URL": f"file://{lake}",
            "WAREHOUSE_URL": f"duckdb://{root}/warehouse.duckdb",
            "DBT_TARGET_DIR": f"{root}/dbt",
            "SITE_URL": f"file://{site}",
            "MAX_CSV_BYTES": str(16 << 30),
            **published.variables,
        }
        for run in ("first", "month"):
            if run == "month":
                published.correct(2025)
            for stage in stages:
                log = root / f"{run}-{stage}.jsonl"
                cost = measure([BIN / stage], environment | {"RUN_ID": run}, log)
                costs[f"{run}: {stage}"] = vars(cost)
                say(f"    {run:<6} {stage:<14} {cost.cpu:>8.2f} s CPU {cost.wall:>8.2f} s {cost.memory:>7.0f} MiB")
            publications[run] = event(root / f"{run}-dbt-runner.jsonl", "site published")
            say(f"    {run:<6} published {json.dumps(publications[run])}")
        log = root / "again-dbt-runner.jsonl"
        cost = measure([BIN / "dbt-runner"], environment | {"RUN_ID": "month", "FORCE": "1"}, log)
        costs["everything again: dbt-runner"] = vars(cost)
        say(f"    again  dbt-runner     {cost.cpu:>8.2f} s CPU {cost.wall:>8.2f} s {cost.memory:>7.0f} MiB")
    program = [sys.executable, PEERS / "compiled_sql.py", root / "dbt", root / "warehouse.duckdb", root / "straight"]
    straight = vars(measure(program))
    logs = {run: root / f"{run}-dbt-runner.jsonl" for run in ("again", "month")}
    steps = {run: steps_of_build(log) for run, log in logs.items()}
    nodes = {run: event(log, "marts built")["nodes"] for run, log in logs.items()}
    parts = {
        "requests, Parquet": "data/v1/requests/*.parquet",
        "requests, CSV with gzip": "data/v1/requests/*.csv.gz",
        "quarantined requests, both": "data/v1/quarantined_requests/*",
        "marts": "data/v1/marts/*.parquet",
        "boundaries": "data/v1/boundaries/*",
    }
    found = {name: [file.stat().st_size for file in site.glob(pattern)] for name, pattern in parts.items()}
    if empty := [name for name, sizes in found.items() if not sizes]:
        sys.exit(f"the site in {site} has no files of: {', '.join(empty)}")
    sizes = {name: {"files": len(files), "bytes": sum(files)} for name, files in found.items()}
    return {
        "costs": costs,
        "straight": straight,
        "steps": steps,
        "nodes": nodes,
        "publications": publications,
        "sizes": sizes,
    }


def steps_of_build(log: Path) -> dict[str, float]:
    """Returns the seconds of each step of dbt-runner, by its log."""
    begins = {
        "stage started": "dbt starts, reads the project and writes its docs",
        "build started": "models and tests",
        "dbt node finished": "publication in the warehouse",
        "marts built": "publication of the site",
    }
    at = {}
    for line in events(log):
        if line.get("message") in (*begins, "site published"):
            # The last node counts.
            at[line["message"]] = datetime.fromisoformat(line["time"])
    return {begins[name]: (end - begin).total_seconds() for (name, begin), (_, end) in pairwise(at.items())}


def event(log: Path, message: str) -> dict:
    """Returns the event with a message in the log of a job."""
    return next(line for line in events(log) if line.get("message") == message)


def events(log: Path) -> Iterator[dict]:
    """Returns the events in the log of a job, in order."""
    return map(json.loads, log.read_text().splitlines())


def starts() -> dict:
    """Measures the time from exec to the first log line of each job."""
    nowhere = WORK / "out/start"
    nowhere.mkdir(parents=True, exist_ok=True)
    environment = {
        "LAKE_URL": f"file://{nowhere}",
        "RUN_ID": "start",
        "WAREHOUSE_URL": f"duckdb://{nowhere}/warehouse.duckdb",
        "PORTAL_URL": "http://127.0.0.1:1",
        "FSA_URL": "http://127.0.0.1:1",
        "DOWNLOAD_TIMEOUT_SECONDS": "1",
    }
    stages = ["extract-job", "transform-job", "load-job", "dbt-runner"]
    return {stage: median(seconds_to_first_line([BIN / stage], environment) for _ in range(ROUNDS)) for stage in stages}


def tasks() -> dict:
    """Measures four years in one task on one core, and in two tasks on one core each."""
    root = WORK / "tasks"
    lake = root / "lake"
    if not lake.exists():
        lake.mkdir(parents=True)
        with inputs.portal(BIN, SAMPLE_YEARS="2022,2023,2024,2025") as published:
            inputs.extract(BIN, lake, published, years="all")
    ratios = []
    for _ in range(ROUNDS):
        walls = []
        for count in (1, 2):
            copy = inputs.raw_copy(lake, WORK / "out/tasks")
            walls.append(floors.run_concurrently([
                (
                    [BIN / OURS],
                    {"LAKE_URL": f"file://{copy}", "RUN_ID": "bench", "CLOUD_RUN_TASK_INDEX": str(task),
                     "CLOUD_RUN_TASK_COUNT": str(count)},
                    {task},
                )
                for task in range(count)
            ]))  # fmt: skip
        ratios.append(walls[0] / walls[1])
    return {"speedup": median(ratios)}


def dashboard() -> dict:
    """Measures the dashboard in a browser, on the marts of all years."""
    root = WORK / "dashboard"
    years = ",".join(map(str, range(2010, 2026)))
    run = {
        "LOCAL_DIR": str(root),
        "SAMPLE_YEARS": years,
        "SAMPLE_ROWS": "",
        "SAMPLE_PORT": "0",
        "SOURCE": "",
        "YEARS": "",
        "DASHBOARD_DIR": str(ROOT / "dashboard/dist"),
    }
    npm = ["npm", "run", "--silent", "--prefix", ROOT / "dashboard"]
    subprocess.run([*npm, "build", "--", "--logLevel", "warn"], check=True)
    subprocess.run([BIN / "local-workflow"], env=os.environ | run, stdout=subprocess.DEVNULL, check=True)
    environment = os.environ | {"SITE_DIR": str(root / "site")}
    measured = subprocess.run([*npm, "bench"], env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(measured.stdout)


def main() -> None:
    missing = [tool for tool in ("zstd", "unzip", "sha256sum") if not shutil.which(tool)]
    if missing:
        sys.exit(f"the bench compares with {', '.join(missing)}: install {'it' if len(missing) == 1 else 'them'}")
    WORK.mkdir(exist_ok=True)
    figures = {"machine": floors.machine(), "rounds": ROUNDS}
    parts = {
        "transforms": transforms,
        "original": original,
        "all_years": all_years,
        "floors": lambda: floors.of(inputs.year(BIN, WORK, YEAR_ROWS), ROUNDS),
        "phases": lambda: floors.phases(BIN / OURS, inputs.year(BIN, WORK, YEAR_ROWS), WORK / "out/phases", ROUNDS),
        "extract": extract,
        "unchanged": unchanged,
        "starts": starts,
        "tasks": tasks,
        "growth": growth,
        "reach": reach,
        "dashboard": dashboard,
    }
    if only := os.environ.get("PART"):
        say(json.dumps(parts[only](), indent=2))
        return
    for name, part in parts.items():
        say(name)
        figures[name] = part()
        (WORK / "figures.json").write_text(json.dumps(figures, indent=2))
    subprocess.run([sys.executable, "-m", "harness.report", WORK / "figures.json", ROOT / "docs"], cwd=HERE, check=True)
    say(f"\n{(ROOT / 'docs/performance.md').read_text()}")


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(str(failed))
