"""Whatever seats say and whatever becomes of conductors: a phase counts what it must."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import anyio
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.bus import Bus, MemoryBus, Role, Voice
from hubbub.errors import RunOver
from hubbub.messages import (
    Asked,
    Contributed,
    Ended,
    Message,
    PhaseClosed,
    PhaseOpened,
    Resulted,
)
from hubbub.names import CONDUCTOR, inbox
from hubbub.replay import replay
from hubbub.scenario import Scenario, scenario
from hubbub.stage import Stage
from hubbub.tape import MemoryTape

from .house import STUCK, House, Process
from .leaping import in_no_time
from .playing import Guess, Number, Troupe, seats
from .simulation import Told

SEATS = ["L1", "L2", "L3", "L4"]
HOST = Role(kind="worker", host="here", pid=1)


@dataclass(frozen=True)
class Phase:
    """Who is asked, how many are enough, and in what time, in seconds."""

    seats: list[str]
    quorum: float
    budget: float


@dataclass(frozen=True)
class Answer:
    """A seat answers its ask number *back* from the last, be it over or none of its."""

    seat: str
    back: int
    value: int
    stolen: bool


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    seconds: float


@dataclass(frozen=True)
class Blow:
    """Something comes over one of the conductors, or another one comes."""

    deed: str
    which: int


Deed = Answer | Wait | Blow

PHASES = st.builds(
    Phase,
    seats=st.lists(st.sampled_from(SEATS), unique=True, min_size=1),
    quorum=st.sampled_from([0.0, 0.3, 0.5, 1.0, 1.0]),
    budget=st.sampled_from([0.5, 5.0, 60.0]),
)
ANSWERS = st.builds(
    Answer,
    seat=st.sampled_from(SEATS),
    back=st.sampled_from([0, 0, 0, 1, 2]),
    value=st.integers(0, 9),
    stolen=st.sampled_from([False] * 5 + [True]),
)
DEEDS: st.SearchStrategy[Deed] = st.one_of(
    ANSWERS,
    ANSWERS,
    st.builds(Wait, seconds=st.sampled_from([0.0, 0.001, 1.0, 4.0, 130.0])),
    st.builds(
        Blow,
        deed=st.sampled_from(["kill", "stop", "freeze", "thaw", "mute", "come"]),
        which=st.integers(0, 3),
    ),
)


def game(phases: Sequence[Phase]) -> Scenario:
    """One phase after the other; what each brought in is in the log."""

    @scenario(asks=[Guess])
    async def game(stage: Stage) -> None:
        for phase in phases:
            found = await stage.collect(
                Guess(), phase.seats, budget=phase.budget, quorum=phase.quorum
            )
            await stage.result("told", Told(dict(found.outcomes), dict(found)))

    return game


# -- what is done


async def answer(bus: Bus, voices: dict[str, Voice], deed: Answer) -> None:
    """Contribute as nobody who is well would: late, twice, or for somebody else."""
    asks = [m.body for m in await bus.read(0, limit=10_000) if m.kind == "ask"]
    mine = [
        ask
        for ask in asks
        if isinstance(ask, Asked)
        and deed.stolen != (ask.ask == f"{ask.step}/{deed.seat}")
    ]
    if deed.back < len(mine):
        ask = mine[-1 - deed.back]
        body = Contributed(
            ask=ask.ask,
            step=ask.step,
            outcome="answered",
            answer=msgspec.Raw(msgspec.json.encode(Number(deed.value))),
        )
        await voices[deed.seat].say(inbox(CONDUCTOR), body, seen=0)


def strike(house: House, conductors: list[Process], blow: Blow) -> None:
    """Do the blow to whom it meets."""
    if blow.deed == "come":
        conductors.append(house.conductor())
        return
    victim = conductors[blow.which % len(conductors)]
    match blow.deed:
        case "kill":
            victim.kill()
        case "stop":
            victim.stop()
        case "freeze":
            victim.wire.freeze()
        case "thaw":
            victim.wire.thaw()
        case _:
            victim.wire.mute = not victim.wire.mute


async def play(cast: Troupe, deeds: Sequence[Deed]) -> list[Message]:
    """The log of a run whose seats and conductors do all *deeds*, and then go on well."""
    bus = MemoryBus(clock=anyio.current_time)
    await bus.beat("host", HOST, STUCK)
    claims = await bus.claim("host", SEATS)
    voices = {seat: Voice(bus, seat, claim) for seat, claim in claims.items()}
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(cast, tasks, bus)
            conductors = [house.conductor()]
            for deed in deeds:
                match deed:
                    case Answer():
                        try:
                            await answer(bus, voices, deed)
                        except RunOver:
                            break
                    case Wait(seconds=seconds):
                        await anyio.sleep(seconds)
                    case Blow():
                        strike(house, conductors, deed)
            for process in conductors:
                process.wire.thaw()
            house.conductor()
    # Not audited: that would find what seats have said twice, or for others.
    return await bus.read(0, limit=100_000)


# -- what must come of it


def check(messages: Sequence[Message], phases: Sequence[Phase]) -> None:
    """Each phase opens once, closes once and for a reason, and tells what it had."""
    steps = [
        (m.kind, m.body.step)
        for m in messages
        if isinstance(m.body, PhaseOpened | PhaseClosed | Resulted)
    ]
    assert len(set(steps)) == len(steps)
    assert len(steps) == 3 * len(phases)
    for number, phase in enumerate(phases):
        # A phase is a step, and what it brought in the next one.
        check_phase(messages, 1 + 2 * number, phase)
    assert isinstance(messages[-1].body, Ended)


def check_phase(messages: Sequence[Message], step: int, phase: Phase) -> None:
    """What came first from who was asked, before the close, counts; nothing else does."""
    asked = Counter(
        m.body.ask
        for m in messages
        if isinstance(m.body, Asked) and m.body.step == step
    )
    assert asked == Counter(f"{step}/{seat}" for seat in phase.seats)
    first: dict[str, Contributed] = {}
    opened = 0
    for m in messages:
        match m.body:
            case PhaseOpened(step=found) if found == step:
                opened = m.at
            case Contributed(ask=ask) if ask == f"{step}/{m.sender}":
                first.setdefault(m.sender, m.body)
            case PhaseClosed(step=closed, why=why) if closed == step:
                check_close(why, len(first), phase, m.at - opened)
                break
            case _:
                pass
    [told] = [
        msgspec.json.decode(m.body.value, type=Told)
        for m in messages
        if isinstance(m.body, Resulted) and m.body.step == step + 1
    ]
    absent = dict.fromkeys(phase.seats, "absent")
    assert told.outcomes == absent | dict.fromkeys(first, "answered")
    assert {seat: n.value for seat, n in told.answers.items()} == {
        seat: msgspec.json.decode(given.answer, type=Number).value
        for seat, given in first.items()
    }


def check_close(why: str, came: int, phase: Phase, took: int) -> None:
    """A phase does not close before it may; *took* is in milliseconds."""
    match why:
        case "all":
            assert came == len(phase.seats)
        case "quorum":
            assert came >= ceil(phase.quorum * len(phase.seats))
        case _:
            assert took >= 2 * phase.budget * 1000


@given(
    phases=st.lists(PHASES, min_size=1, max_size=4),
    deeds=st.lists(DEEDS, min_size=5, max_size=40),
)
@settings(max_examples=200, deadline=None)
@in_no_time
async def test_a_phase_counts_what_it_must(
    phases: list[Phase], deeds: list[Deed]
) -> None:
    """Once, before the close, from who was asked; and every conductor agrees on it."""
    cast = Troupe(game(phases), seats(len(SEATS)))
    messages = await play(cast, deeds)

    check(messages, phases)
    await replay(cast, MemoryTape(messages))
