"""Writes docs/performance.md and its plot from the figures of one run: report.py FIGURES.json DIRECTORY."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
# It draws with the backend that is chosen above.
from matplotlib import pyplot

OURS = "transform-job"
MIB = 2**20

HEAD = """# Performance

Written by `make bench`; do not edit. {machine}. Medians of {rounds} rounds. In each round every contender runs once,
one after the other, and ratios are within a round. CPU is user and system time of the whole process and its children;
memory is the largest resident set. A timing counts only after all outputs were found to contain the same rows: equal
count, equal checksum of every column but the request id, equally many distinct ids.

The task: transform the raw CSV of a synthetic 2025, with its unquoted commas, with as many rows as the year and as all
years 2010-2025 together, to validated, repaired, typed and sorted Parquet, one Zstandard file per month; refused rows
in a quarantine with a reason; a request id with ordinals among exact duplicates; a SHA-256 of every file; a manifest.
`dev/bench/peers` has each peer's program.
"""

IDS = {"pyarrow": "has none: no hash of a row"}


def table(header: list[str], rows: list[list[str]]) -> str:
    """Returns a Markdown table whose first column is text."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *rows])


def transforms(tables: dict) -> str:
    parts = []
    for rows, results in tables.items():
        lines = []
        for name, result in results.items():
            ours = name == OURS
            lines.append([
                f"**{name}**" if ours else name,
                f"{result['cpu']:.3f}",
                "" if ours else f"{result['cpu_ratio']:.2f}",
                f"{result['wall']:.3f}",
                "" if ours else f"{result['wall_ratio']:.2f}",
                f"{result['memory']:.0f}",
                f"{result['bytes'] / 1e6:.2f}" if result["bytes"] else "",
                f"{result['bytes'] / int(rows):.1f}" if result["bytes"] else "",
            ])  # fmt: skip
        header = ["", "CPU s", "x ours", "wall s", "x ours", "MiB", "output MB", "bytes per row"]
        parts.append(f"### {int(rows):,} rows\n\n{table(header, lines)}")
    note = (
        "The CSV is in Windows-1252. DuckDB reads that only with an extension that it downloads, so its programs first "
        "write a copy in UTF-8; Polars reads it with replacement characters. pyarrow has no hash of a row, so its "
        "output has no request ids. zstd only compresses the same CSV."
    )
    return "\n\n".join(parts) + f"\n\n{note}"


def cost_of(cost: dict) -> list[str]:
    return [f"{cost['cpu']:.2f}", f"{cost['wall']:.2f}", f"{cost['memory']:.0f}"]


def original(figures: dict) -> str:
    ours, theirs = figures["table"][OURS], figures["table"]["original pandas"]
    lost = figures["rows"] - figures["kept"]
    return (
        f"On {figures['rows']:,} rows the original pipeline (pandas, one Python function call per row, bad lines "
        f"skipped) takes {theirs['cpu']:.1f} s of CPU against {ours['cpu']:.3f} s: {theirs['cpu_ratio']:.0f} times "
        f"ours. It keeps {figures['kept']:,} rows and silently loses {lost:,}; ours accounts for every one."
    )


def dashboard(figures: dict) -> str:
    first = figures["first_view"]
    slow = figures["slow"]
    times = [
        ("until the map can be used", figures["usable"]),
        ("until all sections are shown", figures["whole"]),
        ("until the first figure, on a slow phone", slow["first_figure"]),
        ("until the answer with its rates, on a slow phone", slow["first_answer"]),
    ]
    for name, spread in figures["filters"].items():
        times.append((f"from a filter to paint: {name}", spread))
        times.append(("of these, without fetching a file", spread["loaded"]))
    rows = [[name, f"{each['count']}", f"{each['median']:.0f}", f"{each['p95']:.0f}"] for name, each in times]
    browser, years = figures["browser"].split(".")[0], len(figures["years"])
    compressed, uncompressed = f"{first['gzip_bytes'] / 1000:.0f} kB", f"{first['bytes'] / 1000:.0f} kB"
    return f"""The page in headless Chromium {browser}, on the marts of {years} years, served on loopback. The first
view takes {first["requests"]} requests: {compressed} with gzip, including headers; {uncompressed} uncompressed. It
is loaded each time with an empty cache. A slow phone has 400 kbit/s, 400 ms for each response and a quarter of the CPU;
the layout shifts by {slow["shift"]:.3f} there. A filter is a season, status, division, year, measure, area or type,
with the years of the view loaded already; loading anything else is part of its time.

{table(["", "times", "median ms", "95 % within ms"], rows)}"""


# What is aimed for, on this machine: seconds of wall time.
REACH = {
    "dbt-runner, everything": ("everything again: dbt-runner", 15),
    "load-job, a first load of all years": ("first: load-job", 8),
    "load-job, one corrected year": ("month: load-job", 0.6),
    "dbt-runner, one corrected year": ("month: dbt-runner", None),
}


def reach(figures: dict) -> str:
    costs = figures["costs"]
    month = [cost for name, cost in costs.items() if name.startswith("month: ")]
    whole = {figure: sum(cost[figure] for cost in month) for figure in ("cpu", "wall")}
    whole["memory"] = max(cost["memory"] for cost in month)
    lines = [(name, costs[key], aim) for name, (key, aim) in REACH.items()]
    lines.append(("a month's run with one corrected year, all four jobs", whole, 8))
    rows = [[name, *cost_of(cost), "" if aim is None else f"{aim:g}"] for name, cost, aim in lines]
    straight = figures["straight"]
    times = costs["everything again: dbt-runner"]["cpu"] / straight["cpu"]
    peak = max(cost["memory"] for cost in costs.values())
    steps, nodes = figures["steps"], figures["nodes"]
    steps = [[name, *(f"{steps[run][name]:.2f}" for run in ("again", "month"))] for name in steps["month"]]
    runs = {"a first run": "first", "a month's run": "month"}
    publications = []
    for name, run in runs.items():
        of = figures["publications"][run]
        publications.append([name, f"{of['files']}", f"{of['bytes'] / 1e6:.1f}", f"{of['milliseconds'] / 1000:.2f}"])
    sizes = [[name, f"{of['files']}", f"{of['bytes'] / 1e3:,.0f}"] for name, of in figures["sizes"].items()]
    return f"""All four jobs on the sixteen years 2010-2025 as the City publishes them, in DuckDB: a first run, a run
after the portal corrected 2025, and all marts built again. The peak of memory is {peak:.0f} MiB; 700 are aimed for.

{table(["", "CPU s", "wall s", "MiB", "aim, wall s"], rows)}

Where dbt-runner's time goes, in seconds:

{table(["", "everything", "one corrected year"], steps)}

The SQL that dbt compiled for everything, run straight through DuckDB, takes {straight["cpu"]:.1f} s of CPU and
{straight["wall"]:.1f} s: dbt-runner takes {times:.1f} times its CPU, and 1.5 are aimed for.

What is left between the figures and the aims, which are of a project with 17 marts and a site without the files of the
requests:

- The SQL itself took 21.1 s of CPU then, and half of that was aimed for. Each mart since has added its own.
- dbt starts once, in about two seconds of Python: it imports its modules and reads the record of what was parsed.
- Models and tests are, beside that SQL, some 25 ms of Python on each node, of which a month's run has {nodes["month"]}
  and everything {nodes["again"]}. dbt's threads share one interpreter, so that more of them do not help.
- Publication in the warehouse: the fact table is a view until all tests have passed, and is then copied, in one
  transaction with all marts. That copy is most of it.
- Publication of the site: of a changed year, the requests are written as Parquet and as CSV.
- A load writes each row once, compares it with the version before, and digests the files that it reads.

What BigQuery reads in a month's run is not measured here, because the emulator counts no bytes. The aim is three times
the bytes of the changed year. On a project, the mart `pipeline_runs` has the bytes billed of each stage.

The publication of the site is a part of dbt-runner. Files that did not change are not written again:

{table(["", "files of the catalogue", "MB written", "s"], publications)}

Where the stable addresses lead:

{table(["", "files", "kB"], sizes)}"""


def plot(points: list[dict], path: Path) -> None:
    """Plots time and memory against rows."""
    matplotlib.rcParams["svg.hashsalt"] = "toronto-311"
    figure, (time, memory) = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    rows = [point["rows"] for point in points]
    time.plot(rows, [point["cpu"] for point in points], "o-", label="CPU")
    time.plot(rows, [point["wall"] for point in points], "s--", label="wall")
    time.set(title="time", xlabel="rows", ylabel="seconds", xscale="log", yscale="log")
    time.legend()
    memory.plot(rows, [point["memory"] for point in points], "o-", label="transform-job")
    memory.plot(rows, [48 + 48 * row / MIB for row in rows], ":", label="48 MiB + 48 bytes per row")
    memory.set(title="memory", xlabel="rows", ylabel="MiB", xscale="log", yscale="log")
    memory.legend()
    for axes in (time, memory):
        axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def write(figures: dict, directory: Path) -> None:
    """Writes `performance.md` and `performance.svg` in `directory`."""
    directory.mkdir(exist_ok=True)
    plot(figures["growth"], directory / "performance.svg")
    year = next(results for rows, results in figures["transforms"].items() if int(rows) == 500_269)
    ours = year[OURS]["cpu"]
    floors = [
        [name, f"{floor['cpu']:.3f}", f"{floor['bytes'] / MIB / floor['cpu']:,.0f}", f"{ours / floor['cpu']:.1f}"]
        for name, floor in figures["floors"].items()
    ]
    total = sum(figures["phases"].values())
    phases = [[name, f"{seconds * 1000:.0f}", f"{seconds / total:.0%}"] for name, seconds in figures["phases"].items()]
    extract = figures["extract"]
    tools = ("unzip -p", "sha256sum")
    slower = max(tools, key=lambda name: extract[name]["cpu"])
    extracted = [[name, *cost_of(cost)] for name, cost in extract.items() if name != "zip_bytes"]
    cpu, wall = (extract["extract-job"][figure] / extract[slower][figure] for figure in ("cpu", "wall"))
    years = figures["all_years"]
    unchanged = figures["unchanged"]
    stages = [[name, f"{cost['cpu']:.3f}", f"{cost['wall']:.3f}"] for name, cost in unchanged["stages"].items()]
    stages.append(
        ["all", *(f"{sum(cost[figure] for cost in unchanged['stages'].values()):.3f}" for figure in ("cpu", "wall"))]
    )
    starts = [[name, f"{seconds * 1000:.1f}"] for name, seconds in figures["starts"].items()]
    growth = [
        [f"{point['rows']:,}", f"{point['cpu']:.2f}", f"{point['wall']:.2f}", f"{point['memory']:.0f}",
         f"{48 + 48 * point['rows'] / MIB:,.0f}"]
        for point in figures["growth"]
    ]  # fmt: skip
    text = f"""{HEAD.format(**figures)}
## transform-job and its peers

{transforms(figures["transforms"])}

{original(figures["original"])}

## All years

The sixteen years 2010-2025 as the City publishes them, one file each, {years["rows"]:,} rows in one process: quoted and
unquoted, with wards of both models.

{table(["", "CPU s", "wall s", "MiB"], [[name, *cost_of(years[name])] for name in (OURS, "zstd -3")])}

## Near the limit

The cost of each part of the work on the CSV of 500,269 rows, and the cost of all of transform-job as a multiple
of it:

{table(["", "CPU s", "MiB per second", "transform-job is x"], floors)}

The time of its threads by phase:

{table(["phase", "ms", "share"], phases)}

## Growth

![Time and memory against rows](performance.svg)

{table(["rows", "CPU s", "wall s", "MiB", "48 MiB + 48 bytes per row"], growth)}

## extract-job

A ZIP of {extract["zip_bytes"] / 1e6:.0f} MB, from the sample portal on loopback to the lake: {cpu:.2f}
times the CPU of `{slower}`, {wall:.2f} times its wall time.

{table(["", "CPU s", "wall s", "MiB"], extracted)}

## A run without changes

All four stages when none of 17 years has changed. Requests to the portal: {unchanged["requests"]}.

{table(["stage", "CPU s", "wall s"], stages)}

## A month's run

{reach(figures["reach"])}

## Start

From exec to the first log line:

{table(["job", "ms"], starts)}

## Two tasks

Four years in two task processes, with one core each, take 1/{figures["tasks"]["speedup"]:.2f} of the time of one on
one core.

## Dashboard

{dashboard(figures["dashboard"])}
"""
    (directory / "performance.md").write_text(text)


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
