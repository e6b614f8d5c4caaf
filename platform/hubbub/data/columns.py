"""What a column of a table is: its type, its unit and its meaning, said once."""

from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import msgspec

Type = Literal["int64", "float64", "bool", "string", "json"]

_TYPES: dict[Any, Type] = {
    int: "int64",
    float: "float64",
    bool: "bool",
    str: "string",
}


class Of(NamedTuple):
    """What stands in a field of a row; JSON is text that holds any JSON value."""

    meaning: str
    unit: str = ""
    json: bool = False


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column; *null* says whether a value may be missing."""

    name: str
    type: Type
    null: bool
    unit: str
    meaning: str


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    One row of a table: each subclass is one table, its docstring says of what.

    Every field is ``Annotated[type, Of(meaning)]``.
    """


class Ids(Row, frozen=True, kw_only=True):
    """What stands before the columns of every table."""

    run: Annotated[str, Of("The run's id.")]


class StudyIds(Ids, frozen=True, kw_only=True):
    """The same in the tables of a study."""

    arm: Annotated[str, Of("The study's arm.")]
    replicate: Annotated[int, Of("The replicate of the arm, from 1.")]


@cache
def columns(row: type[Row]) -> tuple[Column, ...]:
    """The columns of *row*'s table, in order."""
    return tuple(_column(field) for field in msgspec.structs.fields(row))


def _column(field: msgspec.structs.FieldInfo) -> Column:
    annotated, of = get_args(field.type)
    null = get_origin(annotated) is not None
    plain = get_args(annotated)[0] if null else annotated
    return Column(
        name=field.name,
        type="json" if of.json else _TYPES[plain],
        null=null,
        unit=of.unit,
        meaning=of.meaning,
    )
