"""Whoever is injected into a run that goes on sits in it, once, and for good or until."""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from hubbub.bus import MemoryBus
from hubbub.errors import BadPopulation, RunOver, UnknownName, UsageError
from hubbub.injecting import eject, inject, read_truth
from hubbub.messages import (
    Asked,
    Contributed,
    Injected,
    Joined,
    Left,
    Lifted,
    Message,
    Onset,
    PhaseOpened,
    RoundBegan,
    Said,
)
from hubbub.names import CONDUCTOR, OPERATOR, TRUTH
from hubbub.population import Cast, Group, Injection, Population
from hubbub.replay import replay
from hubbub.tape import MemoryTape

from .house import STUCK, House
from .leaping import in_no_time
from .playing import read_all

Deed = Callable[[House], Coroutine[Any, Any, None]]


def party(count: int = 4, rounds: int = 4, **fields: object) -> Cast:
    """A cast for a party of rule minds."""
    parameters = {"rounds": rounds, "turns": 3, "budget": 1000}
    seats = (Group(count=count, mind="uniform"),)
    return Cast(
        Population(
            scenario="cocktail-party",
            seed=3,
            parameters=parameters,
            seats=seats,
            **fields,  # type: ignore[arg-type]
        )
    )


def hall(**fields: object) -> Cast:
    """A cast for one room that everybody is in."""
    return Cast(
        Population(
            scenario="open-room",
            seed=3,
            parameters={"acts": 4, "pause": 5.0},
            seats=(Group(count=3, mind="uniform", options={"leaves": 0.0}),),
            **fields,  # type: ignore[arg-type]
        )
    )


async def live(cast: Cast, *deeds: Deed, workers: int = 2) -> list[Message]:
    """The log of *cast*'s run, in which *deeds* are done; it is its own replay."""
    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(cast, tasks, bus)
            for deed in deeds:
                tasks.start_soon(deed, house)
            for _ in range(workers):
                house.worker()
            house.conductor()
    messages = await read_all(bus)
    await replay(Cast(cast.population), MemoryTape(messages))
    return messages


def in_round(number: int, deed: Deed) -> Deed:
    """Do *deed* when round *number* begins."""

    async def wait(house: House) -> None:
        await house.until(
            lambda m: isinstance(m.body, RoundBegan) and m.body.round == number
        )
        await deed(house)

    return wait


def when_said(deed: Deed) -> Deed:
    """Do *deed* once somebody has said something."""

    async def wait(house: House) -> None:
        await house.until(lambda m: isinstance(m.body, Said))
        await deed(house)

    return wait


def injecting(cast: Cast, injection: Injection) -> Deed:
    """Inject *injection*."""

    async def deed(house: House) -> None:
        await inject(house.bus, injection, cast)

    return deed


def onsets(messages: list[Message]) -> list[Message]:
    """Where injections began."""
    return [m for m in messages if isinstance(m.body, Onset)]


def round_of(messages: list[Message], number: int) -> int:
    """The ``seq`` at which round *number* begins."""
    return next(
        m.seq
        for m in messages
        if isinstance(m.body, RoundBegan) and m.body.round == number
    )


def invited(messages: list[Message]) -> dict[int, tuple[str, ...]]:
    """Who is asked in the first phase of each round."""
    found: dict[int, tuple[str, ...]] = {}
    number = 0
    for m in messages:
        match m.body:
            case RoundBegan(round=number):
                pass
            case PhaseOpened(seats=seats) if number:
                found.setdefault(number, seats)
            case _:
                pass
    return found


# -- participants


@in_no_time
async def test_a_participant_plays_from_the_next_round_on() -> None:
    """It is asked as everybody is, under the population's next name."""
    cast = party()
    guest = Injection(mind="uniform")
    messages = await live(cast, in_round(2, injecting(cast, guest)))

    [onset] = onsets(messages)
    late = {n for n in range(1, 5) if round_of(messages, n) > onset.seq}
    everybody = ("L1", "L2", "L3", "L4")
    assert late
    assert invited(messages) == {
        n: (*everybody, "L5") if n in late else everybody for n in range(1, 5)
    }
    assert any(m.sender == "L5" and isinstance(m.body, Said) for m in messages)


@in_no_time
async def test_a_participant_comes_into_the_room_that_everybody_is_in() -> None:
    """Also in the middle of a chat, where it then has turns like the others."""
    cast = hall()
    guest = Injection(mind="uniform", count=2)
    messages = await live(cast, when_said(injecting(cast, guest)))

    join = next(m for m in messages if isinstance(m.body, Joined) and m.seq > 5)
    assert join.room == "hall"
    assert join.body == Joined(seats=("L4", "L5"), step=1)
    said = [m for m in messages if m.sender == "L4" and isinstance(m.body, Said)]
    assert 0 < len(said) <= 4
    gone = [m.body.seats for m in messages if isinstance(m.body, Left)]
    assert any("L4" in seats for seats in gone)


@in_no_time
async def test_an_ejected_participant_is_asked_no_more() -> None:
    """From the next round on; what it is still asked ends at once."""
    cast = party(rounds=5)

    async def throw_out(house: House) -> None:
        await eject(house.bus, "i1")

    guest = injecting(cast, Injection(mind="uniform", until="round:9"))
    messages = await live(cast, in_round(1, guest), in_round(4, throw_out))

    lifted = next(m for m in messages if isinstance(m.body, Lifted))
    last = round_of(messages, 5)
    assert lifted.seq < last
    assert "L5" in invited(messages)[4]
    assert "L5" not in invited(messages)[5]
    ends = [
        m.body.outcome
        for m in messages
        if m.sender == "L5" and m.seen >= lifted.seq and isinstance(m.body, Contributed)
    ]
    assert set(ends) <= {"absent"}
    asks = [m for m in messages if isinstance(m.body, Asked) and m.room == "@L5"]
    given = [
        m for m in messages if m.sender == "L5" and isinstance(m.body, Contributed)
    ]
    assert len(asks) == len(given)


@in_no_time
async def test_an_ejected_participant_leaves_its_rooms() -> None:
    """Whoever is in them sees it go."""
    cast = hall()

    async def throw_out(house: House) -> None:
        await house.until(lambda m: m.sender == "L4" and isinstance(m.body, Said))
        await eject(house.bus, "i1")

    stays = Injection(mind="uniform", options={"leaves": 0.0})
    messages = await live(cast, when_said(injecting(cast, stays)), throw_out)

    lifted = next(m for m in messages if isinstance(m.body, Lifted))
    assert not [m for m in messages if m.sender == "L4" and m.seen >= lifted.seq]
    left = [m for m in messages if isinstance(m.body, Left) and "L4" in m.body.seats]
    assert len(left) == 1


# -- triggers


@pytest.mark.parametrize("at", ["round:3", "seq:40", "phase:Accept", "phase:chat"])
def test_an_injection_begins_with_the_first_event_that_meets_its_trigger(
    at: str,
) -> None:
    """And not before."""

    def meets(m: Message) -> bool:
        match at.split(":")[0], m.body:
            case "round", RoundBegan(round=round):
                return round == 3
            case "seq", _:
                return m.seq == 40
            case "phase", PhaseOpened(form=form, what=what):
                return at[6:] in (form, what)
            case _:
                return False

    @in_no_time
    async def run() -> None:
        cast = party()
        guest = injecting(cast, Injection(mind="uniform", at=at))
        messages = await live(cast, in_round(1, guest))

        [onset] = onsets(messages)
        met = next(m.seq for m in messages if meets(m))
        assert met < onset.seq <= met + 40
        assert onset.seen >= met

    run()


@in_no_time
async def test_an_injection_ends_with_the_event_that_it_lasts_until() -> None:
    """As if it had been ejected then."""
    cast = party()
    guest = injecting(cast, Injection(mind="uniform", until="round:3"))
    messages = await live(cast, in_round(1, guest))

    lifted = next(m for m in messages if isinstance(m.body, Lifted))
    assert lifted.seen >= round_of(messages, 3)
    assert "L5" in invited(messages)[2]
    assert "L5" not in invited(messages)[4]


@in_no_time
async def test_a_population_injects_by_itself() -> None:
    """What its file says is asked for when the run begins."""
    cast = party(inject=(Injection(mind="uniform", at="round:2", count=2),))
    messages = await live(cast)

    [what] = [m for m in messages if isinstance(m.body, Injected)]
    assert (what.sender, what.room) == (CONDUCTOR, TRUTH)
    assert invited(messages)[4] == ("L1", "L2", "L3", "L4", "L5", "L6")


# -- requests


@in_no_time
async def test_an_injection_with_an_id_is_asked_for_once() -> None:
    """Whoever does not know whether it was heard may ask again."""
    cast = party()
    guest = Injection(id="mallory", mind="uniform")

    async def twice(house: House) -> None:
        await inject(house.bus, guest, cast)
        await inject(house.bus, guest, cast)
        with pytest.raises(BadPopulation, match="another injection mallory"):
            await inject(house.bus, Injection(id="mallory", mind="silent"), cast)

    messages = await live(cast, in_round(1, twice))

    assert [m.sender for m in messages if isinstance(m.body, Injected)] == [OPERATOR]
    assert len(onsets(messages)) == 1


@in_no_time
async def test_operators_at_once_do_not_take_each_others_names() -> None:
    """Whoever comes second asks again, knowing of the first."""
    cast = party()
    guest = injecting(cast, Injection(mind="uniform"))
    messages = await live(cast, *[in_round(1, guest)] * 5)

    assert invited(messages)[4] == tuple(f"L{i}" for i in range(1, 10))


@in_no_time
async def test_what_cannot_be_injected_is_refused_before_it_is_said() -> None:
    """Nothing of it is in the log."""
    cast = party()

    async def ask(house: House) -> None:
        for wrong in (
            Injection(mind="uniform", names=("l1",)),
            Injection(mind="uniform", names=("operator",)),
            Injection(mind="nobody"),
            Injection(mind="uniform", at="noon"),
            Injection(surface="compromise", names=("L9",), mind="silent"),
            Injection(surface="compromise", names=("L1",)),
            Injection(surface="chaos", names=("L1",)),
        ):
            with pytest.raises(UsageError):
                await inject(house.bus, wrong, cast)
        with pytest.raises(UnknownName):
            await eject(house.bus, "i1")

    messages = await live(cast, in_round(1, ask))

    assert not [m for m in messages if m.room == TRUTH]


@in_no_time
async def test_a_run_that_is_over_takes_nobody() -> None:
    """The request is refused as any message is."""
    cast, bus = party(rounds=1), MemoryBus()
    async with anyio.create_task_group() as tasks:
        house = House(cast, tasks, bus)
        house.worker()
        house.conductor()

    with pytest.raises(RunOver):
        await inject(bus, Injection(mind="uniform"), cast)
    assert not (await read_truth(bus)).entries
