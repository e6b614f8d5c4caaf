"""The data dictionary: what every table and column of an export is."""

from inspect import getdoc

import msgspec

from hubbub.data.columns import Column, Ids, Row, columns


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A table: what a *row* is, its *columns*, and how many *rows* it has."""

    row: str
    rows: int
    columns: tuple[Column, ...]


class Dictionary(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an export is of, and what is in it.

    *unfinished* are the *runs* whose record goes on; *files* are all that were written.
    """

    runs: tuple[str, ...]
    unfinished: tuple[str, ...]
    files: tuple[str, ...]
    tables: dict[str, Described]


def describe(ids: type[Ids], row: type[Row], rows: int) -> Described:
    """The table with *rows* rows like *row*, which begin with *ids*."""
    return Described(
        row=getdoc(row) or "",
        rows=rows,
        columns=(*columns(ids), *columns(row)),
    )


def as_json(dictionary: Dictionary) -> bytes:
    """*dictionary* as its file has it, laid out for people."""
    return msgspec.json.format(msgspec.json.encode(dictionary), indent=2) + b"\n"
