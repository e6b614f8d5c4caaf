"""
The rows of tidy tables: one row says one thing.

A `Value` is a measure of the population in one window; a `Chance` is what a null gives for
it, joined by run, round and measure.  All of them encode to JSON and to plain values, which
pandas, polars, DuckDB and R read as they are.
"""

from typing import Any

import msgspec

from hubbub.measures.curves import Settings
from hubbub.measures.pairs import Pair
from hubbub.measures.party import Invited


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """
    A measure of a population in the window of *rounds* that ends with *round*.

    *round* is None for the run as a whole, and for a ``….slope``, the trend over all
    windows, per round.  *value* is *numerator* / *denominator*, None where that is 0;
    a slope has neither.  *instrument* is the embedder or lexicon it depends on.
    """

    round: int | None
    rounds: int
    measure: str
    value: float | None
    numerator: float | None = None
    denominator: float | None = None
    instrument: str = ""


class Chance(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a *null* gives for the measure with the same *round* and name.

    From *draws* Monte Carlo draws, or exact if that is 0; see `hubbub.measures.nulls`.
    """

    round: int | None
    rounds: int
    measure: str
    null: str
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    draws: int


class SeatValue(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of one *seat* in a window; see `Value`."""

    round: int | None
    rounds: int
    measure: str
    seat: str
    value: float | None
    numerator: float | None = None
    denominator: float | None = None


class PairDistance(msgspec.Struct, frozen=True, kw_only=True):
    """How far what a pair said in a window is from the mean; None if it was silent."""

    round: int
    rounds: int
    one: str
    other: str
    tight: bool
    distance: float | None
    embedder: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation; *utterances* is 0 where nobody said anything."""

    round: int
    room: str
    inviter: str
    partner: str
    utterances: int
    characters: int
    first_to_leave: str | None


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """
    All that is measured of one *run*; each of the tables is a tuple of rows.

    *embedder* is empty where nothing was embedded; then there are no *distances*.
    """

    run: str
    seats: tuple[str, ...]
    rounds: int
    settings: Settings
    embedder: str
    values: tuple[Value, ...]
    chances: tuple[Chance, ...]
    seat_values: tuple[SeatValue, ...]
    pairs: tuple[Pair, ...]
    distances: tuple[PairDistance, ...]
    invitations: tuple[Invited, ...]
    conversations: tuple[Held, ...]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each table as plain values, the run's name in every row."""
        return {
            name: [
                {"run": self.run} | msgspec.to_builtins(row)
                for row in getattr(self, name)
            ]
            for name in TABLES
        }


#: The tables of `Measures`, each of which is a tuple of rows.
TABLES = (
    "values",
    "chances",
    "seat_values",
    "pairs",
    "distances",
    "invitations",
    "conversations",
)
