"""Runs a command and measures it with the kernel's accounting."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Cost:
    """The cost of one execution, including its children."""

    cpu: float
    """User and system time in seconds."""
    wall: float
    """Wall-clock time in seconds."""
    memory: float
    """Maximum resident set in MiB."""


class Failed(Exception):
    """A command that failed."""


def measure(command: list[str], environment: dict[str, str] | None = None, log: Path | None = None) -> Cost:
    """Runs `command` to completion. What it prints goes to the file `log`, if one is given."""
    start = time.monotonic()
    with (log or Path(os.devnull)).open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
        )
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if process.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{errors.decode()[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def median_cost(costs: list[Cost]) -> Cost:
    """Returns the median of each figure."""
    return Cost(
        median(cost.cpu for cost in costs),
        median(cost.wall for cost in costs),
        max(cost.memory for cost in costs),
    )


def seconds_to_first_line(command: list[str], environment: dict[str, str]) -> float:
    """Returns the seconds from exec to the first line on standard output."""
    start = time.monotonic()
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    process.stdout.readline()
    took = time.monotonic() - start
    process.stdout.read()
    process.wait()
    return took


def bytes_below(directory: Path) -> int:
    """Returns the size of the Parquet files below `directory`."""
    return sum(path.stat().st_size for path in directory.rglob("*.parquet"))
