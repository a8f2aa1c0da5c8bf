"""Validates contracts against the Open Data Contract Standard: python contracts/validate.py FILE..."""

import sys
from pathlib import Path

import pyodcs


def main(paths: list[str]) -> int:
    failed = 0
    for path in paths:
        report = pyodcs.parse_and_validate(Path(path).read_text("utf-8"))
        if pyodcs.is_valid(report):
            print(f"{path}: valid")
            continue
        failed += 1
        for diagnostic in report["diagnostics"]:
            print(f"{path}: {diagnostic}", file=sys.stderr)
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
