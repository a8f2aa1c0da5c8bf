"""The inputs: synthetic years, published by the sample portal and extracted by extract-job, kept between runs."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from harness.process import Cost, measure

YEAR = "2025"


@dataclass(frozen=True)
class Portal:
    """A running sample portal."""

    variables: dict[str, str]
    """The environment variables of extract-job with its addresses."""

    def requests(self) -> int:
        """Returns the number of requests so far."""
        with urlopen(f"{self.variables['PORTAL_URL']}/_sample/requests") as answer:
            return len(json.load(answer))

    def correct(self, year: int) -> None:
        """Publishes a correction of the year."""
        with urlopen(f"{self.variables['PORTAL_URL']}/_sample/years/{year}/correct", data=b""):
            pass


@dataclass(frozen=True)
class Input:
    """A lake with one extracted year."""

    rows: int
    lake: Path
    csv: Path
    archive: Path
    """The year's ZIP, as the portal publishes it."""


@contextmanager
def portal(bin: Path, **settings: str) -> Iterator[Portal]:
    """Starts a sample portal with these settings."""
    process = subprocess.Popen(
        [bin / "sample-portal"], env=os.environ | settings, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        line = process.stdout.readline()
        yield Portal(dict(pair.split("=", 1) for pair in line.split()))
    finally:
        process.terminate()
        process.wait()


def year(bin: Path, directory: Path, rows: int) -> Input:
    """Returns a synthetic 2025 with this many rows."""
    root = directory / str(rows)
    lake, archive = root / "lake", root / "SR2025.zip"
    if not archive.exists():
        shutil.rmtree(root, ignore_errors=True)
        lake.mkdir(parents=True)
        with portal(bin, SAMPLE_YEARS=YEAR, SAMPLE_ROWS=str(rows)) as published:
            extract(bin, lake, published)
            raw = json.loads(raw_manifest(lake).read_text())
            with urlopen(raw["source"]["url"]) as answer, (root / "partial").open("wb") as file:
                shutil.copyfileobj(answer, file)
        (root / "partial").rename(archive)
    raw = json.loads(raw_manifest(lake).read_text())
    return Input(rows, lake, lake / raw["object"]["key"], archive)


def extract(bin: Path, lake: Path, published: Portal, years: str = YEAR, **settings: str) -> Cost:
    """Executes extract-job."""
    environment = {
        "LAKE_URL": f"file://{lake}",
        "RUN_ID": "bench",
        "YEARS": years,
        "MAX_DOWNLOAD_BYTES": str(1 << 30),
        "MAX_CSV_BYTES": str(16 << 30),
        "DOWNLOAD_TIMEOUT_SECONDS": "3600",
        **published.variables,
        **settings,
    }
    return measure([bin / "extract-job"], environment)


def raw_manifest(lake: Path) -> Path:
    """Returns the only manifest of the year."""
    (path,) = lake.glob(f"raw/service-requests/{YEAR}/*/manifest.json")
    return path


def one_year(lake: Path) -> dict[str, str]:
    """Returns the environment for transform-job to work only on the year in `lake`."""
    manifest = raw_manifest(lake).relative_to(lake)
    return {"LAKE_URL": f"file://{lake}", "RUN_ID": "bench", "MANIFESTS": str(manifest)}


def raw_copy(source: Path, target: Path) -> Path:
    """Creates a lake with links to the raw objects of another one."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source / "raw", target / "raw", copy_function=os.link)
    shutil.copytree(source / "runs", target / "runs", copy_function=os.link)
    return target
