"""Cells of tables: Python's values, as DuckDB returns them, and Google's messages."""

import datetime
import json

from zetasql.types import TypeKind
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

Cell = bool | int | float | str | bytes | datetime.date | datetime.datetime | None

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
# The fields that hold a Python value as it is.
PLAIN = {
    TypeKind.TYPE_INT64: "int64_value",
    TypeKind.TYPE_BOOL: "bool_value",
    TypeKind.TYPE_DOUBLE: "double_value",
    TypeKind.TYPE_STRING: "string_value",
    TypeKind.TYPE_BYTES: "bytes_value",
    TypeKind.TYPE_JSON: "json_value",
}
# The bits of a DATETIME below each of its parts.
# https://github.com/google/googlesql/blob/master/googlesql/public/value.proto
DATETIME_BITS = {"year": 26, "month": 22, "day": 17, "hour": 12, "minute": 6, "second": 0}


def value_of(cell: Cell, kind: TypeKind) -> ValueProto:
    """Returns the message of a cell of a column of this type; a NULL is an empty one."""
    value = ValueProto()
    if cell is None:
        return value
    match kind:
        case TypeKind.TYPE_DATE:
            value.date_value = (cell - EPOCH.date()).days
        case TypeKind.TYPE_TIMESTAMP:
            microseconds = (cell - EPOCH) // MICROSECOND
            value.timestamp_value.FromMicroseconds(microseconds)
        case TypeKind.TYPE_DATETIME:
            bits = sum(getattr(cell, part) << shift for part, shift in DATETIME_BITS.items())
            value.datetime_value.bit_field_datetime_seconds = bits
            value.datetime_value.nanos = cell.microsecond * 1000
        case _:
            setattr(value, PLAIN[kind], cell)
    return value


def cell_of(value: ValueProto, kind: TypeKind) -> Cell:
    """Returns the cell that a message of a column of this type holds."""
    if value.WhichOneof("value") is None:
        return None
    match kind:
        case TypeKind.TYPE_DATE:
            return EPOCH.date() + datetime.timedelta(days=value.date_value)
        case TypeKind.TYPE_TIMESTAMP:
            return EPOCH + value.timestamp_value.ToMicroseconds() * MICROSECOND
        case TypeKind.TYPE_DATETIME:
            bits, parts, end = value.datetime_value.bit_field_datetime_seconds, {}, 40
            for part, shift in DATETIME_BITS.items():
                parts[part] = bits >> shift & (1 << end - shift) - 1
                end = shift
            return datetime.datetime(**parts, microsecond=value.datetime_value.nanos // 1000)
        case _:
            return getattr(value, PLAIN[kind])


def comparable(cell: Cell, kind: TypeKind) -> Cell:
    """Returns a cell of DuckDB as Google's evaluator has it."""
    if kind == TypeKind.TYPE_GEOGRAPHY:
        # The evaluator has no values of this type: `test_models.py` notices when it does.
        return None
    if kind == TypeKind.TYPE_JSON and cell is not None:
        return json.dumps(json.loads(cell), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return cell
