"""Random published files: every layout in which the City, or software that it uses, publishes a year. For oracle.py."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from contract import Contract

ROWS = 2500
COLUMNS = (
    "Creation Date",
    "Status",
    "First 3 Chars of Postal Code",
    "Intersection Street 1",
    "Intersection Street 2",
    "Ward",
    "Service Request Type",
    "Division",
    "Section",
)
WIDTHS = (27, 11, 28, 32, 35, 29, 62, 31, 0)
STREETS = ["", "", "Leslie St", "Finch Ave E", "Montréal Ave", 'Pipe 5" Rd', "Rue  à  l’Est", "O'Connor Dr "]
TYPES = ["Noise", "Graffiti", "Sidewalk Icy|| Needs Sand/Salt", "Litter / Bin / Overflow", "Fruit|Veg", " Zoning"]
SECTIONS = [
    "District Ops",
    "Bylaw Enforcement",
    "",
    "Transfer, Disposal & Operations",
    "transfer ,DISPOSAL & operations",
]
UNKNOWN_DIVISIONS = ["Department of Silence", "", "Roads, Rails & Rivers", " parks ,Forestry &  Recreation "]
STATUSES = ["In-progress ", "IN PROGRESS", "Canceled", "complete", "Paused", "closed", ""]
AREAS = ["Intersection", "Unknown", "", "L4J", "M5", "m4c", "INTERSECTION"]
ANOTHER_YEAR = "another year"
# Each replaces one field, by its position, with a text that is refused, or that is not but looks odd.
ODD = [
    (0, "2024-02-30 10:00:00"),
    (0, "yesterday"),
    (0, ""),
    (0, ANOTHER_YEAR),
    (3, "a\x1fb"),
    (4, "\0\0\0"),
    (1, "Ne\x7fw"),
    (6, ""),
    (6, "  "),
    (7, "Known, not"),
    (8, "Known, not"),
    (5, "Downtown (99)"),
    (5, "Davenport"),
    (5, "Etobicoke Centre (05)"),
]


@dataclass(frozen=True)
class Layout:
    name: str
    year: int
    style: str = "plain"
    time: str = "%Y-%m-%d %H:%M:%S.0000000"
    encoding: str = "utf-8"
    names: Callable[[str], str] = str
    has_row_numbers: bool = False
    has_times_apart: bool = False


def underscored(name: str) -> str:
    return name.replace(" ", "_")


LAYOUTS = [
    Layout("quoted", 2010, "quoted"),
    Layout("quoted-windows-1252", 2013, "quoted", encoding="cp1252"),
    Layout("plain-of-44-wards", 2014),
    Layout("times-apart", 2014, has_times_apart=True, time="%Y-%m-%d 00:00:00.0000000|%I:%M:%S %p"),
    Layout("underscores", 2017, names=underscored),
    Layout("both-ward-models", 2018, encoding="cp1252"),
    Layout("without-fractions", 2019, time="%Y-%m-%d %H:%M:%S"),
    Layout("padded", 2021, "padded"),
    Layout("commas", 2022),
    Layout("mixed-encodings", 2023, encoding="mixed"),
    Layout("commas-quoted", 2024, "quoted", time="%Y/%m/%d %I:%M:%S %p"),
    Layout("month-first", 2025, time="%m/%d/%Y %I:%M:%S %p"),
    Layout("day-first", 2025, time="%d/%m/%Y %H:%M"),
    Layout("dump", 2026, "quoted", time="%Y-%m-%dT%H:%M:%S.%f", has_row_numbers=True),
]


def published(layout: Layout, contract: Contract, random: Random) -> bytes:
    """Returns a random file: its rows are in the order of their times, as the City's are."""
    moments = sorted(moment(layout.year, random) for _ in range(ROWS))
    header = [layout.names(name) for name in COLUMNS]
    if layout.has_times_apart:
        header.insert(1, "Creation Time")
    if layout.has_row_numbers:
        header.insert(0, "_id")
    lines = [line(layout, header, random)]
    for number, created in enumerate(moments, 1):
        fields = row(layout, contract, created, random)
        lines.append(line(layout, [str(number), *fields] if layout.has_row_numbers else fields, random))
        if random.random() < 0.02:
            lines.append(lines[-1])
        if random.random() < 0.01:
            lines.append(random.choice(["", "   "]).encode())
    mark = b"\xef\xbb\xbf" if layout.has_row_numbers else b""
    return mark + b"\r\n".join(lines) + random.choice([b"", b"\r\n"])


def moment(year: int, random: Random) -> datetime.datetime:
    """Returns a wall-clock time, often within the hours when the clocks or the ward models change."""
    if random.random() < 0.7:
        return datetime.datetime(year, 1, 1) + datetime.timedelta(
            seconds=random.randrange(365 * 86400), microseconds=random.randrange(10**6)
        )
    changes = [sunday(year, 3, 2), sunday(year, 11, 1), datetime.datetime(year, 11, 30, 22)]
    return random.choice(changes) + datetime.timedelta(seconds=random.randrange(4 * 3600))


def sunday(year: int, month: int, number: int) -> datetime.datetime:
    """Returns the start of the first, second, ... Sunday of a month: the clocks change on such days since 2007."""
    first = datetime.datetime(year, month, 1)
    return first + datetime.timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))


def row(layout: Layout, contract: Contract, created: datetime.datetime, random: Random) -> list[str]:
    fields = [
        created.strftime(layout.time),
        random.choice(contract.statuses if random.random() < 0.8 else STATUSES),
        area(random),
        random.choice(STREETS),
        random.choice(STREETS),
        ward(contract, random),
        random.choice(TYPES),
        random.choice(contract.divisions if random.random() < 0.9 else UNKNOWN_DIVISIONS),
        random.choice(SECTIONS if random.random() < 0.5 else SECTIONS[:3]),
    ]
    if random.random() < 0.04:
        position, text = random.choice(ODD)
        fields[position] = created.replace(year=1996).strftime(layout.time) if text is ANOTHER_YEAR else text
    elif random.random() < 0.01:
        del fields[random.randrange(3, 9) :]
    elif random.random() < 0.02:
        fields += [""] * random.randrange(1, 3)
    if layout.has_times_apart:
        fields[:1] = fields[0].split("|") if "|" in fields[0] else [fields[0], "01:00:00 AM"]
    return fields


def area(random: Random) -> str:
    if random.random() < 0.2:
        return random.choice(AREAS)
    return f"M{random.randrange(10)}{random.choice('ABCEGHJKLMNPRSTVWXYZ')}"


def ward(contract: Contract, random: Random) -> str:
    """Returns a ward of either model, in one of the spellings that occur."""
    if random.random() < 0.1:
        return random.choice(["Unknown", "", "UNKNOWN "])
    wards = random.choice(contract.ward_models).wards
    number = random.choice(list(wards))
    name = wards[number]
    if random.random() < 0.2:
        name = random.choice([name.replace("'", "’"), name.replace("-", " "), name.upper(), f" {name}"])
    return f"{name} ({number:02})"


def line(layout: Layout, fields: list[str], random: Random) -> bytes:
    match layout.style:
        case "quoted":
            doubled = (field.replace('"', '""') for field in fields)
            fields = [f'"{field}"' for field in doubled]
        case "padded":
            fields = [field.ljust(width) for field, width in zip(fields, [*WIDTHS, 0, 0])]
    separator = ", " if layout.style == "padded" else ","
    return encoded(separator.join(fields), layout, random)


def encoded(text: str, layout: Layout, random: Random) -> bytes:
    encoding = layout.encoding
    if encoding == "mixed":
        encoding = random.choice(["utf-8", "cp1252"])
    return text.encode(encoding)


def files(contract: Contract, seed: int) -> Iterable[tuple[Layout, bytes]]:
    for layout in LAYOUTS:
        yield layout, published(layout, contract, Random(f"{seed} {layout.name}"))  # noqa: S311, test data
