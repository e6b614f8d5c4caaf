"""
Outcomes of single seats, point by point: what a run has of each seat at a time.

A point is a round, a game or a moment at which everybody was asked.  Which outcomes there
are is known by what the scenario declares: beliefs, gifts, conversations, and any result
in which seats have numbers, as ``result:NAME.FIELD``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

import msgspec

from hubbub.errors import UnknownName
from hubbub.measures.reading import read_party
from hubbub.messages import Message, Resulted, RoundBegan

#: Names the result of a scenario: ``result:NAME.FIELD``.
RESULT = "result:"


class Point(NamedTuple):
    """
    The *values* of seats at one *place*, from 1, known at the event *seq*.

    *round* is the one that goes on then, 0 before the first.
    """

    place: int
    round: int
    seq: int
    values: Mapping[str, float]


def read_points(messages: Sequence[Message], outcome: str) -> tuple[Point, ...]:
    """
    The points of *outcome* in a run's *messages*, in order.

    It is one of `OUTCOMES` or ``result:NAME.FIELD``, whose points are the results called
    NAME, one after the other.  Raises `UnknownName` for another.
    """
    name, sign, path = outcome.removeprefix(RESULT).partition(".")
    if outcome.startswith(RESULT) and sign:
        return tuple(_declared(messages, name, path))
    if outcome not in OUTCOMES:
        raise UnknownName(
            "outcome of seats", outcome, [*OUTCOMES, f"{RESULT}NAME.FIELD"]
        )
    return tuple(OUTCOMES[outcome](messages))


def outcomes_in(messages: Sequence[Message]) -> list[str]:
    """The outcomes that *messages* have of seats: those we know, else all results'."""
    known = [name for name in OUTCOMES if read_points(messages, name)]
    others: dict[str, None] = {}
    for _, _, name, value in _results(messages):
        for field, inner in value.items() if _is_object(value) else ():
            if name not in _KNOWN and _numbers(inner):
                others[f"{RESULT}{name}.{field}"] = None
    return [*known, *others]


# -- outcomes that are known


class _Moment(msgspec.Struct):
    aspect: str
    beliefs: dict[str, float]


class _Game(msgspec.Struct):
    game: str
    gave: dict[str, float]


def _beliefs(messages: Sequence[Message]) -> Iterator[Point]:
    """What seats believe of the claim, from 0 to 1, each time that they are asked."""
    place = 0
    for seq, round, moment in _of_form(messages, "beliefs", _Moment):
        if moment.aspect == "claim":
            place += 1
            yield Point(place, round, seq, moment.beliefs)


def _gifts(messages: Sequence[Message]) -> Iterator[Point]:
    """What seats give, in dollars, by round or game."""
    found: dict[int, Point] = {}
    for seq, round, game in _of_form(messages, "game", _Game):
        number = game.game.partition(".")[0]
        place = int(number) if number.isdecimal() else len(found) + 1
        gave: dict[str, float] = dict(game.gave)
        if place in found:
            gave = {**found[place].values, **gave}
        found[place] = Point(place, round, seq, gave)
    yield from found.values()


def _talks(messages: Sequence[Message]) -> Iterator[Point]:
    """How many conversations of two each seat holds, by round of a party."""
    party = read_party(messages)
    ends = _round_ends(messages)
    held = [(talk.round, seat) for talk in party.held for seat in talk.pair]
    for round in range(1, party.rounds + 1) if held else ():
        values = {seat: float(held.count((round, seat))) for seat in party.seats}
        yield Point(round, round, ends[round], values)


def _round_ends(messages: Sequence[Message]) -> dict[int, int]:
    """The last event of each round of a party."""
    ends: dict[int, int] = {}
    number = 0
    for message in messages:
        if isinstance(message.body, RoundBegan):
            if message.body.round != number + 1:
                break
            number += 1
        ends[number] = message.seq
    return ends


#: What is known of seats without being told: how it is read, by name.
OUTCOMES: Mapping[str, Callable[[Sequence[Message]], Iterable[Point]]] = {
    "belief": _beliefs,
    "gift": _gifts,
    "talks": _talks,
}
#: The results that these are read from, and that are no outcomes besides.
_KNOWN = ("beliefs", "game")


# -- results


def _results(messages: Iterable[Message]) -> Iterator[tuple[int, int, str, Any]]:
    """The event, round, name and value of each result."""
    round = 0
    for message in messages:
        match message.body:
            case RoundBegan(round=round):
                pass
            case Resulted(name=name, value=value):
                yield message.seq, round, name, msgspec.json.decode(value)
            case _:
                pass


def _of_form(
    messages: Iterable[Message], name: str, form: Any
) -> Iterator[tuple[int, int, Any]]:
    """The results called *name* that have this *form*, with their event and round."""
    for seq, round, own, value in _results(messages):
        if own == name:
            try:
                yield seq, round, msgspec.convert(value, form)
            except msgspec.ValidationError:
                # Some other scenario's, which happens to have the same name.
                continue


def _declared(messages: Iterable[Message], name: str, path: str) -> Iterator[Point]:
    found = (row for row in _results(messages) if row[2] == name)
    for place, (seq, round, _, value) in enumerate(found, 1):
        for step in path.split("."):
            value = value.get(step) if _is_object(value) else None
        yield Point(place, round, seq, _numbers(value))


def _numbers(value: object) -> dict[str, float]:
    """The numbers and truths in the object *value*, by name."""
    if not _is_object(value):
        return {}
    return {
        name: float(each)
        for name, each in value.items()
        if isinstance(each, int | float)
    }


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
