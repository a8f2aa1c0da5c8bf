"""Reads published files by the words of the contract, and compares every column with what the pipeline wrote.

write FOLDER                writes a random file per layout, and prints name, year and path of each
compare MANIFEST CSV ...    pairs of a clean manifest, below its lake, and its file: prints counts and differences

It shares no code with the pipeline. It splits quoted lines by Python's csv, and reads times by strptime and zoneinfo.
"""

import csv
import datetime
import functools
import json
import re
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet
import xxhash

from contract import Contract
from random_rows import files

SEED = 311
TORONTO = ZoneInfo("America/Toronto")
SEASONS = ["winter", "winter", *["spring"] * 3, *["summer"] * 3, *["fall"] * 3, "winter"]
YEAR_FIRST = tuple(
    f"%Y{dash}%m{dash}%d{between}{clock}"
    for dash in "-/"
    for between in " T"
    for clock in ("%H:%M:%S.%f", "%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
)
CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
MONTH_FIRST, DAY_FIRST = (tuple(f"{day} {clock}" for clock in CLOCKS) for day in ("%m/%d/%Y", "%d/%m/%Y"))
LAYOUTS = [YEAR_FIRST, MONTH_FIRST, DAY_FIRST]
UNASSIGNED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
DIFFERENCES_SHOWN = 5


class RefusedError(Exception):
    """The reasons for which a row may be in quarantine. Which of several it has is not in the contract."""


def is_utf8(field: bytes) -> bool:
    try:
        field.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def text_of(field: bytes) -> str:
    if is_utf8(field):
        text = field.decode("utf-8")
    elif UNASSIGNED.search(field):
        raise RefusedError("undecodable_text")
    else:
        text = field.decode("cp1252")
    if CONTROL.search(text):
        raise RefusedError("undecodable_text")
    return text


def words(text: str) -> str:
    """Returns a spelling for comparison: of case, white space, hyphens and apostrophes nothing is left."""
    return " ".join(re.split(r"[\s_-]+", text.lower().replace("’", "'").strip()))


def at_commas(text: str) -> str:
    return ",".join(" ".join(part.split()) for part in text.lower().split(","))


class File:
    """A published file, read as a whole."""

    def __init__(self, content: bytes, year: int, published: str, contract: Contract) -> None:
        self.year = year
        # A request may be dated a day after the publication.
        self.latest = datetime.datetime.fromisoformat(published).replace(tzinfo=datetime.UTC) + datetime.timedelta(
            days=1
        )
        self.contract = contract
        known = (contract.divisions, contract.sections)
        self.divisions, self.sections = ({at_commas(value): value for value in values} for values in known)
        self.lines = [line.removesuffix(b"\r") for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
        header = self.lines[0].decode()
        self.is_quoted = header.startswith('"')
        names = [words(name) for name in self.fields(self.lines[0])]
        # Only the portal's row numbers precede the columns.
        self.start = names.index("creation date")
        self.has_times_apart = "creation time" in names
        self.formats = self.layout()

    def fields(self, line: bytes) -> list[str]:
        """Splits a line. Latin-1 keeps every byte until the field is decoded."""
        text = line.decode("latin-1")
        parts = next(csv.reader([text], strict=True)) if self.is_quoted else text.split(",")
        return [text_of(part.encode("latin-1")) for part in parts]

    def text(self, number: int) -> str:
        """Returns a line as the quarantine keeps it: decoded field by field, with control characters as escapes."""
        parts = self.lines[number - 1].split(b",")
        text = ",".join(part.decode("utf-8" if is_utf8(part) else "cp1252") for part in parts)
        text = re.sub("\0{2,}", lambda run: f"[{len(run[0])} NUL bytes]", text)
        return CONTROL.sub(lambda control: f"\\u{{{ord(control[0]):x}}}", text)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        return ((number, line) for number, line in enumerate(self.lines[1:], 2) if line.strip())

    def times(self) -> Iterator[str]:
        for _, line in self.rows():
            try:
                yield self.time_text([text.strip() for text in self.fields(line)][self.start :])
            except RefusedError:
                continue

    def time_text(self, fields: list[str]) -> str:
        return f"{fields[0].split()[0] if fields[0] else ''} {fields[1]}" if self.has_times_apart else fields[0]

    def layout(self) -> tuple[str, ...]:
        """Returns the formats of the only layout that reads every time which any layout reads."""
        times = [text for text in self.times() if any(parsed(text, formats) for formats in LAYOUTS)]
        (formats,) = [formats for formats in LAYOUTS if all(parsed(text, formats) for text in times)]
        return formats

    def read(self, number: int, line: bytes) -> dict:
        """Returns the clean row of a line.

        Raises:
            RefusedError: its reasons.
        """
        fields = self.fields(line)[self.start :]
        apart = int(self.has_times_apart)
        reasons = []
        created = self.created(self.time_text([text.strip() for text in fields]), reasons)
        if len(fields) < 9 + apart:
            raise RefusedError("field_count", *reasons)
        status, area, street_1, street_2, ward = (text.strip() for text in fields[1 + apart : 6 + apart])
        kind, division, section, repaired = self.subject(fields[6 + apart :], reasons)
        if not kind:
            reasons.append("missing_service_request_type")
        ward_id, ward_name, ward_model, ward_identity = self.ward(ward, created.date())
        fsa = area.upper() if re.fullmatch(r"[Mm][0-9][A-Za-z]", area) else None
        if ward_id is None and fsa is None:
            reasons.append("no_ward_and_no_fsa")
        if reasons:
            raise RefusedError(*reasons)
        utc = in_utc(created)
        return {
            "request_id": identity(created, area, street_1, street_2, ward_identity, kind),
            "created_at": utc,
            "utc_offset_hours": created.replace(tzinfo=TORONTO).utcoffset() // datetime.timedelta(hours=1),
            "local_time_anomaly": anomaly(created, utc),
            "status": self.status(status),
            "source_status": status,
            "fsa": fsa,
            "intersection_street_1": street_1 or None,
            "intersection_street_2": street_2 or None,
            "ward_id": ward_id,
            "ward_name": ward_name,
            "ward_model": ward_model,
            "service_request_type": kind,
            "division": division or None,
            "section": section or None,
            "season": SEASONS[created.month - 1],
            "repaired": repaired,
            "source_year": self.year,
            "source_row": number,
        }

    def created(self, text: str, reasons: list[str]) -> datetime.datetime:
        created = parsed(text, self.formats)
        if created is None:
            reasons.append("invalid_created_at")
            return datetime.datetime.min
        if created.year != self.year:
            reasons.append("created_in_other_year")
        elif in_utc(created) > self.latest:
            reasons.append("created_after_publication")
        return created

    def subject(self, fields: list[str], reasons: list[str]) -> tuple[str, str, str, bool]:
        """Divides the fields from the type on. Of a surplus, as few empty fields at the end are dropped as possible."""
        count = len(fields)
        while True:
            ways = list(self.ways(fields))
            # An unknown comma before an empty section looks the same.
            if not self.is_quoted and len(fields) == 3 < count and all(text.strip() for text in fields[1:]):
                known = at_commas(fields[1]) in self.divisions or at_commas(fields[2]) in self.sections
                ways = ways if known else []
            if len(ways) == 1:
                return ways[0]
            if ways or fields[-1].strip() or len(fields) == 3:
                reasons.append("field_count")
                return "unknown", "", "", False
            fields = fields[:-1]

    def ways(self, fields: list[str]) -> Iterator[tuple[str, str, str, bool]]:
        kind, rest = fields[0].strip().replace("||", ","), fields[1:]
        if len(rest) == 2 and any(
            at_commas(",".join(run)) in self.divisions | self.sections for run in (fields, fields[:2], fields[1:])
        ):
            return
        for end in range(1, len(rest)):
            division, section = ",".join(rest[:end]), ",".join(rest[end:])
            known = [self.divisions.get(at_commas(division)), self.sections.get(at_commas(section))]
            lengths = [end, len(rest) - end]
            if all(value or length == 1 for value, length in zip(known, lengths)):
                spelled = [value or published.strip() for value, published in zip(known, (division, section))]
                yield kind, *spelled, len(rest) > 2

    def ward(self, text: str, day: datetime.date) -> tuple[int | None, str | None, int | None, str]:
        if text.lower() in ("", "unknown"):
            return None, None, None, "Unknown"
        found = re.fullmatch(r"(.*)\((\d+)\)", text)
        models = [
            model
            for model in self.contract.ward_models
            if found and words(model.wards.get(int(found[2]), "")) == words(found[1])
        ]
        if not models:
            return None, text, None, text
        model = ([model for model in models if model.in_force_from <= day] or models)[-1]
        number = int(found[2])
        name = model.wards[number]
        return number, name, model.size, f"{name} ({number:02})"

    def status(self, text: str) -> str:
        spellings = {status: status for status in self.contract.statuses} | self.contract.status_spellings
        return {words(spelling): status for spelling, status in spellings.items()}.get(words(text), "Unknown")


@functools.cache
def parsed(text: str, formats: tuple[str, ...]) -> datetime.datetime | None:
    # Digits below a microsecond are cut.
    text = re.sub(r"(\.\d{6})\d+$", r"\1", text)
    for pattern in formats:
        try:
            return datetime.datetime.strptime(text, pattern)
        except ValueError:
            continue
    return None


def in_utc(created: datetime.datetime) -> datetime.datetime:
    """Returns the moment of a wall-clock time: the earlier one of two, and one hour later of none."""
    return (created - created.replace(tzinfo=TORONTO).utcoffset()).replace(tzinfo=datetime.UTC)


def anomaly(created: datetime.datetime, utc: datetime.datetime) -> str | None:
    if utc.astimezone(TORONTO).replace(tzinfo=None) != created:
        return "gap"
    offsets = {created.replace(tzinfo=TORONTO, fold=fold).utcoffset() for fold in (0, 1)}
    return "fold" if len(offsets) == 2 else None


def identity(created: datetime.datetime, *texts: str) -> bytes:
    micros = (created - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
    parts = (struct.pack("<Q", len(text.encode())) + text.encode() for text in texts)
    return xxhash.xxh3_128_digest(struct.pack("<q", micros) + b"".join(parts))


def number_duplicates(rows: list[dict]) -> int:
    """Sets an id of its own for each repetition of a request. Returns their number."""
    by_id = defaultdict(list)
    for row in rows:
        by_id[row["request_id"]].append(row)
    duplicates = 0
    for first, *repeated in by_id.values():
        for ordinal, row in enumerate(repeated, 1):
            row["request_id"] = xxhash.xxh3_128_digest(first["request_id"] + struct.pack("<I", ordinal))
            duplicates += 1
    return duplicates


def compare(manifest_path: Path, csv_path: Path, contract: Contract) -> dict:
    manifest = json.loads(manifest_path.read_text())
    lake = manifest_path.parents[4]
    published = manifest["source"]["last_modified"]
    file = File(csv_path.read_bytes(), int(manifest["partition"]), published, contract)
    expected, refused = {}, {}
    for number, line in file.rows():
        try:
            expected[number] = file.read(number, line)
        except RefusedError as refusal:
            refused[number] = refusal.args
    tables = [pyarrow.parquet.read_table(lake / entry["key"]) for entry in manifest["files"]]
    clean = {row["source_row"]: row for table in tables for row in table.to_pylist()}
    quarantine = pyarrow.parquet.read_table(lake / manifest["quarantine"]["key"]).to_pylist()
    counts = {
        "kept": len(expected),
        "quarantined": len(refused),
        "quarantined_by_reason": dict(sorted(Counter(row["reason"] for row in quarantine).items())),
        "duplicates": number_duplicates(list(expected.values())),
        "repaired": sum(row["repaired"] for row in expected.values()),
        "in_fold": sum(row["local_time_anomaly"] == "fold" for row in expected.values()),
        "in_gap": sum(row["local_time_anomaly"] == "gap" for row in expected.values()),
    }
    differences = [
        f"{name}: {manifest['rows'][name]} instead of {count}"
        for name, count in counts.items()
        if manifest["rows"][name] != count
    ]
    found = {row["source_row"]: (row["reason"], row["raw_line"]) for row in quarantine}
    for number, reasons in refused.items():
        reason = found.get(number, ("not refused",))[0]
        refused[number] = (reason if reason in reasons else reasons, file.text(number))
    differences += unequal(refused, found, file)
    differences += unequal(expected, clean, file)
    return counts | {"columns": sorted(tables[0].column_names), "differences": differences[:DIFFERENCES_SHOWN]}


def unequal(expected: dict, found: dict, file: File) -> Iterator[str]:
    for number in sorted(expected.keys() | found.keys()):
        one, other = expected.get(number), found.get(number)
        if one != other:
            if isinstance(one, dict) and isinstance(other, dict):
                one, other = zip(*(pair for pair in zip(one.items(), other.items()) if pair[0] != pair[1]), strict=True)
            yield f"line {number}: {other} instead of {one}: {file.lines[number - 1]!r}"


def main(command: str, arguments: list[str]) -> object:
    contract = Contract()
    match command:
        case "write":
            written = []
            for layout, content in files(contract, SEED):
                path = Path(arguments[0]) / f"{layout.name}.csv"
                path.write_bytes(content)
                written.append({"name": layout.name, "year": layout.year, "path": str(path)})
            return written
        case "compare":
            paths = list(map(Path, arguments))
            pairs = zip(paths[::2], paths[1::2], strict=True)
            return {csv_path.stem: compare(manifest, csv_path, contract) for manifest, csv_path in pairs}
    raise ValueError(command)


if __name__ == "__main__":
    json.dump(main(sys.argv[1], sys.argv[2:]), sys.stdout, default=str)
