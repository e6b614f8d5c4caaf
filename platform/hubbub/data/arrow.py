"""Rows as Arrow has them; every column's type stands whatever is in it."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from hubbub.data.columns import Column, Ids, Row, columns

if TYPE_CHECKING:
    from pyarrow import RecordBatch, Schema

# What its stubs say of columns of all types is of no use to a type checker.
_pa: Any = import_module("pyarrow")

_TYPES: dict[str, Any] = {
    "int64": _pa.int64(),
    "float64": _pa.float64(),
    "bool": _pa.bool_(),
    "string": _pa.string(),
    "json": _pa.string(),
}


def schema(ids: type[Ids], row: type[Row]) -> "Schema":
    """The schema of a table, in which every column says what it means."""
    made: Schema = _pa.schema([_field(c) for c in (*columns(ids), *columns(row))])
    return made


def _field(column: Column) -> Any:
    words = {"meaning": column.meaning, "unit": column.unit}
    return _pa.field(
        column.name,
        _TYPES[column.type],
        nullable=column.null,
        metadata={name: text for name, text in words.items() if text},
    )


def batch(schema: "Schema", ids: Ids, rows: Sequence[Row]) -> "RecordBatch":
    """*rows* of the run called *ids*, as a batch of the table with this *schema*."""
    known = msgspec.structs.astuple(ids)
    arrays = [_pa.repeat(_pa.scalar(value), len(rows)) for value in known]
    values = list(zip(*map(msgspec.structs.astuple, rows), strict=True))
    types: Any = schema.types
    for place, type in enumerate(types[len(known) :]):
        arrays.append(_pa.array(values[place] if values else [], type=type))
    made: RecordBatch = _pa.RecordBatch.from_arrays(arrays, schema=schema)
    return made
