"""Validates contracts against the Open Data Contract Standard: python contracts/validate.py FILE..."""

import sys

import pyodcs


def main(paths: list[str]) -> int:
    failed = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            report = pyodcs.parse_and_validate(file.read())
        if pyodcs.is_valid(report):
            print(f"{path}: valid")
            continue
        failed += 1
        for diagnostic in report["diagnostics"]:
            print(f"{path}: {diagnostic}", file=sys.stderr)
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
