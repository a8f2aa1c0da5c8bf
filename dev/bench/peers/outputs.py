"""What all peers share: the arguments, and a manifest with the digest of each file written."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

COLUMNS = (
    "created",
    "source_status",
    "fsa",
    "street_1",
    "street_2",
    "ward",
    "type",
    "division",
    "section",
)
"""The published columns, in the order of the file."""

DIVISIONS_WITH_COMMAS = (
    "Environment, Climate & Forestry",
    "Parks, Forestry & Recreation",
)
SECTION_WITH_COMMA = "Transfer, Disposal & Operations"
"""A row with ten fields is valid if its division is one of the former or its section is the latter."""

THREADS = 2


def arguments() -> tuple[str, Path]:
    """Returns the CSV and the emptied output directory."""
    source, directory = sys.argv[1:]
    shutil.rmtree(directory, ignore_errors=True)
    output = Path(directory)
    output.mkdir(parents=True)
    return source, output


def in_utf_8(source: str, output: Path) -> Path:
    """Returns a UTF-8 copy of a file in Windows-1252, which DuckDB reads only with an extension that it downloads."""
    copy = utf_8_copy(output)
    copy.write_bytes(Path(source).read_bytes().decode("cp1252").encode())
    return copy


def utf_8_copy(output: Path) -> Path:
    return output.with_name(f"{output.name}.utf-8.csv")


def write_manifest(output: Path) -> None:
    """Writes the size and SHA-256 of every Parquet file below `output`. The UTF-8 copy, if it exists, is removed."""
    utf_8_copy(output).unlink(missing_ok=True)
    files = {}
    for path in sorted(output.rglob("*.parquet")):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files[str(path.relative_to(output))] = {"bytes": path.stat().st_size, "sha256": digest}
    (output / "manifest.json").write_text(json.dumps(files, indent=2))
