"""The limits of the hardware and of the simplest tools, and the time of the job's own phases."""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from harness.inputs import Input, one_year, raw_copy
from harness.process import Failed, measure

NEWLINES = """
import sys
buffer, lines = bytearray(1 << 20), 0
with open(sys.argv[1], 'rb', buffering=0) as file:
    while size := file.readinto(buffer):
        lines += buffer.count(10, 0, size)
"""


def machine() -> str:
    """The processor, the cores and the memory of this machine."""
    model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model.split(':')[1].strip()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def of(data: Input, rounds: int) -> dict:
    """Returns the CPU seconds of each elementary part of the work."""
    size = data.csv.stat().st_size
    copied = data.csv.with_suffix(".copy")
    commands = {
        "read": ["cat", data.csv],
        "newline scan": ["wc", "-l", data.csv],
        "inflate": ["unzip", "-p", data.archive],
        "zstd -3 of the CSV": ["zstd", "-3", "--single-thread", "-q", "-c", data.csv],
        "write": ["cp", "--reflink=never", data.csv, copied],
    }
    costs = {name: median(measure(command).cpu for _ in range(rounds)) for name, command in commands.items()}
    copied.unlink()
    return {name: {"cpu": cpu, "bytes": size} for name, cpu in costs.items()}


def phases(executable: Path, data: Input, lake: Path, rounds: int) -> dict:
    """Returns the median seconds of each phase, from the job's log."""
    runs = []
    for _ in range(rounds):
        environment = one_year(raw_copy(data.lake, lake)) | {"LOG_FORMAT": "json"}
        done = subprocess.run([executable], env=os.environ | environment, capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if "partition transformed" in line]
        if done.returncode or not lines:
            raise Failed(f"{executable} ended with {done.returncode}: {done.stdout[-2000:]}")
        runs.append({name: value / 1000 for name, value in lines[0].items() if name.endswith("Milliseconds")})
    return {name.removesuffix("Milliseconds"): median(run[name] for run in runs) for name in runs[0]}


def run_concurrently(commands: list[tuple[list, dict, set]]) -> float:
    """Runs commands concurrently, each on its cores. Returns the seconds until the last one ends."""
    start = time.monotonic()
    running = []
    usable = os.sched_getaffinity(0)
    for command, environment, cores in commands:
        # A process inherits the cores of the one that starts it.
        os.sched_setaffinity(0, cores)
        running.append(
            subprocess.Popen(
                command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )
    os.sched_setaffinity(0, usable)
    codes = [process.wait() for process in running]
    if any(codes):
        sys.exit(f"{commands[0][0]} ended with {codes}")
    return time.monotonic() - start
