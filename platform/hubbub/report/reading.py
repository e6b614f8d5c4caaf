"""Results of shapes that a report can draw, read from what the scenario declared."""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from hubbub.report.record import Record

T = TypeVar("T")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A result ``page``: what a seat wrote, and what is wrong with each sentence."""

    number: int
    seat: str
    sentences: tuple[str, ...]
    faults: tuple[str, ...]
    judged: bool = False


class Game(msgspec.Struct, frozen=True, kw_only=True):
    """A result ``game``: what each player gave."""

    game: str
    gave: dict[str, float]
    payoffs: dict[str, float] = {}
    outcomes: dict[str, str] = {}


class Infection(msgspec.Struct, frozen=True, kw_only=True):
    """A result ``infection``: a player's gift before and after it met what infects."""

    order: int
    seat: str
    before: float | None
    after: float | None
    change: float | None


def read(record: Record, name: str, shape: type[T]) -> list[T]:
    """The results called *name* that have this *shape*; another game's are left out."""
    return list(_read(record, name, shape))


def _read(record: Record, name: str, shape: type[T]) -> Iterator[T]:
    decode = msgspec.json.Decoder(shape).decode
    for raw in record.results.get(name, ()):
        try:
            yield decode(raw)
        except msgspec.ValidationError:
            # Some other scenario's, which happens to have the same name.
            continue
