"""A mind may do what it likes: its asks end, the run goes on, and nobody else notices."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hubbub.messages import Contributed, Ended, Faulted, Left, Message, Passed, Said
from hubbub.population import Cast, Group, Population
from hubbub.verdict import MAX_RAW

from . import hostile
from .leaping import in_no_time
from .playing import play

HERE = Path(hostile.__file__)


def cast_with(*minds: str) -> Cast:
    """The trial, with two honest seats and one or more of *minds*, called E and so on."""
    honest = Group(names=("L1", "L2"), mind=f"{HERE}:Honest")
    others = [Group(count=2, prefix=name, mind=f"{HERE}:{name}") for name in minds]
    return Cast(Population(scenario=f"{HERE}:trial", seed=3, seats=(honest, *others)))


@cache
def played(*minds: str) -> list[Message]:
    """The log of a trial with *minds*, audited."""
    messages: list[Message] = []

    @in_no_time
    async def run() -> None:
        messages.extend(await play(cast_with(*minds)))

    run()
    return messages


def sealed(messages: list[Message], seat: str) -> list[Contributed]:
    """How *seat*'s asks ended, in their order."""
    return [
        m.body for m in messages if m.sender == seat and isinstance(m.body, Contributed)
    ]


def turns(messages: list[Message], seat: str) -> list[Any]:
    """How *seat*'s turns in the chat ended, in their order."""
    return [
        m.body
        for m in messages
        if m.sender == seat and isinstance(m.body, Said | Passed | Left)
    ]


@pytest.mark.parametrize("name", hostile.MINDS)
def test_every_ask_ends_as_it_must(name: str) -> None:
    """One typed outcome an ask, the run complete, the log whole."""
    mind: Any = hostile.MINDS[name]
    messages = played(name)

    assert isinstance(messages[-1].body, Ended)
    for seat in (f"{name}1", f"{name}2"):
        assert [given.ask for given in sealed(messages, seat)] == [
            f"2/{seat}",
            f"4/{seat}",
        ]
        assert {given.outcome for given in sealed(messages, seat)} == {mind.ends}


@pytest.mark.parametrize("name", hostile.MINDS)
def test_the_raw_text_is_kept(name: str) -> None:
    """As much as there is room for, and how much there was."""
    mind: Any = hostile.MINDS[name]
    for given in sealed(played(name), f"{name}1"):
        size = given.raw_size if mind.raw < 0 else mind.raw

        assert given.raw_size == size
        assert len(given.raw) == min(size, MAX_RAW)
        assert bool(given.raw) == (mind.ends == "unparsable")


@pytest.mark.parametrize("name", hostile.MINDS)
def test_every_turn_ends_as_it_must(name: str) -> None:
    """A turn that brings no words is passed, with the reason; its raw text is a fault."""
    mind: Any = hostile.MINDS[name]
    messages = played(name)
    taken = turns(messages, f"{name}1")
    faults = [m.body for m in messages if isinstance(m.body, Faulted) and m.body.raw]

    assert taken
    assert len({turn.turn for turn in taken}) == len(taken)
    if mind.ends != "answered":
        assert {turn.outcome for turn in taken} == {mind.ends}
    if mind.ends == "unparsable":
        assert {len(fault.raw) for fault in faults} == {len(faults[0].raw)}
        assert faults[0].raw_size == mind.raw or mind.raw < 0


def test_honest_seats_are_not_affected() -> None:
    """With every hostile mind there is, they answer what they answer without."""
    alone = played()
    together = played(*hostile.MINDS)

    for seat in ("L1", "L2"):
        assert sealed(together, seat) == sealed(alone, seat)
        assert turns(together, seat) == turns(alone, seat)
        assert {given.outcome for given in sealed(together, seat)} == {"answered"}


@pytest.mark.parametrize("name", ["ObserveRaises", "ObserveStops", "ObserveExits"])
def test_what_a_mind_cannot_observe_is_counted(name: str) -> None:
    """Every event it was given, not only the first one of a batch."""
    messages = played(name)
    kind = {"ObserveRaises": "ZeroDivisionError", "ObserveStops": "StopIteration"}
    counted = 0
    for message in messages:
        if message.sender == f"{name}1" and isinstance(message.body, Faulted):
            count, _, rest = message.body.what.partition(" ")
            counted += int(count)
            assert rest.endswith(f"observed: {kind.get(name, 'SystemExit')}")

    rooms = ("hall", f"@{name}1")
    heard = [m for m in messages if m.room in rooms or m.kind == "round"]
    assert 0 < counted <= len(heard) + len(sealed(messages, f"{name}1"))
    assert counted >= 8
