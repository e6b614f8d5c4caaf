"""An act whose host dies is done again where it was begun, on what is recorded of it."""

from collections import Counter
from collections.abc import Sequence

import anyio
import msgspec
import pytest

from hubbub.bus import MemoryBus
from hubbub.messages import (
    Called,
    Contributed,
    Faulted,
    Left,
    Message,
    Passed,
    Remembered,
    Said,
)
from hubbub.mind import Ask, Unparsed
from hubbub.models.base import Call, Model, Prompt, Reply, Request
from hubbub.questions import Speech, Turn
from hubbub.scenario import scenario
from hubbub.seat import MAILBOX
from hubbub.stage import Stage

from .house import STUCK, House
from .leaping import in_no_time
from .playing import (
    Act,
    Guess,
    Number,
    Player,
    Troupe,
    always,
    bus_with,
    contributions,
    play,
    read_all,
    remember,
    seats,
    views,
)


@scenario(asks=[Guess])
async def gathering(stage: Stage) -> None:
    """Five talk in an open room, then guess."""
    await stage.chat("hall", stage.seats, turns=3)
    await stage.collect(Guess(), budget=1000)


class Paid(Model):
    """Takes its time, different for each request, and counts what was asked and cut."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.cut = 0

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        words = request.prompts[-1].content
        self.asked[f"{words}#{request.draw}"] += 1
        try:
            await anyio.sleep(0.1 + len(self.asked) % 7 / 10)
        except anyio.get_cancelled_exc_class():
            self.cut += 1
            raise
        return Reply(text=f"{words[-6:]} {request.draw}")


async def consult(player: Player, ask: Ask) -> object:
    """Ask a model twice about all that was heard, and remember what it said first."""
    words = f"{ask.id} {player.memory}"
    request = Request(model="fake/m", prompts=(Prompt("user", words),))
    first = await ask.complete(request)
    note = Remembered(memory=f"{ask.id}/m1", form="note", text=first.text)
    await ask.remember(note)
    second = await ask.complete(request)
    await anyio.sleep(0.05)
    if isinstance(ask.question, Guess):
        return Number(len(second.text))
    return Speech(f"{first.text}, {second.text}")


def calls(messages: Sequence[Message]) -> list[str]:
    """The ids of the calls on record."""
    return [m.body.call for m in messages if isinstance(m.body, Called)]


def records(messages: Sequence[Message]) -> list[Call]:
    """The calls on record, whole."""
    return [
        msgspec.json.decode(m.body.record, type=Call)
        for m in messages
        if isinstance(m.body, Called)
    ]


def acts(messages: Sequence[Message]) -> dict[str, set[int]]:
    """Each ask's or turn's points: what its messages say that was seen."""
    points: dict[str, set[int]] = {}
    for m in messages:
        match m.body:
            case Called(call=id) | Remembered(memory=id):
                name = id.rpartition("/")[0]
            case Contributed(ask=name):
                pass
            case Said(turn=name) | Passed(turn=name) | Left(turn=name) if name:
                pass
            case _:
                continue
        points.setdefault(name, set()).add(m.seen)
    return points


async def killed_after(seconds: float, model: Model, act: Act) -> list[Message]:
    """Play the gathering, kill its only worker after *seconds*, and let another go on."""
    bus = MemoryBus()
    troupe = Troupe(gathering, seats(5, act))
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(troupe, tasks, bus, models={"fake/m": model})
            worker = house.worker()
            house.conductor()
            await anyio.sleep(seconds)
            worker.kill()
            house.worker()
    return await read_all(bus)


@pytest.mark.parametrize("tenths", range(0, 80, 2))
@in_no_time
async def test_nothing_on_record_is_paid_for_again(tenths: int) -> None:
    """
    Killed at any moment of an open room: only calls in flight are made again.

    Whatever others have said meanwhile, each act is one act, taken at one point.
    """
    model = Paid()
    messages = await killed_after(tenths / 10 + 0.025, model, consult)

    recorded = calls(messages)
    assert len(recorded) == len(set(recorded)) == 40
    assert model.asked.total() - model.cut == 40
    assert {len(points) for points in acts(messages).values()} == {1}
    notes = Counter(m.body.memory for m in messages if isinstance(m.body, Remembered))
    assert set(notes.values()) == {1}


@in_no_time
async def test_a_host_that_is_stopped_leaves_nothing_behind() -> None:
    """Its calls in flight are made again, and no ask ends otherwise for it."""
    bus, model = MemoryBus(), Paid()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            troupe = Troupe(gathering, seats(5, consult))
            house = House(troupe, tasks, bus, models={"fake/m": model})
            worker = house.worker()
            house.conductor()
            for _ in range(3):
                await anyio.sleep(1.025)
                worker.stop()
                worker = house.worker()

    messages = await read_all(bus)
    assert model.cut > 5
    assert {call.error for call in records(messages)} == {None}
    assert len(calls(messages)) == model.asked.total() - model.cut == 40
    assert {m.kind for m in messages if m.room == "hall"} >= {"say", "leave"}
    assert not [m for m in messages if m.kind == "pass"]


@in_no_time
async def test_a_turn_is_over_with_its_chat() -> None:
    """Taken over after its chat has closed, a turn that was begun ends as late."""

    async def linger(player: Player, ask: Ask) -> object:
        if player.seat == "L1" and isinstance(ask.question, Turn):
            await ask.remember(Remembered(memory=f"{ask.id}/m1", form="note", text=""))
            await anyio.sleep(20)
        return Speech("hm")

    @scenario()
    async def brief(stage: Stage) -> None:
        await stage.chat("hall", ["L1", "L2"], turns=1, limit=1)
        await stage.chat("yard", ["L1", "L2"], turns=1)

    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(Troupe(brief, seats(2, linger)), tasks, bus)
            worker = house.worker()
            house.conductor()
            await anyio.sleep(5)
            worker.kill()
            await anyio.sleep(15)
            house.worker()

    messages = await read_all(bus)
    begun = next(m for m in messages if isinstance(m.body, Remembered))
    passed = next(m for m in messages if isinstance(m.body, Passed))
    assert passed.body == Passed(turn="1/L1/1", outcome="late")
    assert passed.seen == begun.seen < passed.seq - 3


@in_no_time
async def test_a_complaint_is_made_once() -> None:
    """A host that dies between a turn's raw text and its end leaves that to say."""
    troupe = Troupe(gathering, seats(2, always(Unparsed("nonsense"))))
    begun = await play(troupe)
    fault = next(m.seq for m in begun if isinstance(m.body, Faulted))
    messages = await play(troupe, await bus_with(begun[:fault]))

    turns = Counter(m.body.ask for m in messages if isinstance(m.body, Faulted))
    assert set(turns.values()) == {1}
    assert {len(points) for points in acts(messages).values()} == {1}


@in_no_time
async def test_a_memory_is_of_its_act() -> None:
    """Else a host that takes over could not tell which act to do again."""

    async def stray(player: Player, ask: Ask) -> object:
        await ask.remember(Remembered(memory="m1", form="note", text=""))
        return Number(1)

    messages = await play(Troupe(gathering, seats(1, stray)))

    assert "called 'm1'" in next(
        m.body.note for m in messages if isinstance(m.body, Contributed)
    )


@in_no_time
async def test_a_full_mailbox_does_not_hurt_an_act_that_is_done_again() -> None:
    """What was said since the act was begun is read again afterwards, in order."""

    @scenario(asks=[Guess])
    async def crowded(stage: Stage) -> None:
        await stage.open_room("hall", stage.seats)
        await stage.collect(Guess(), ["L1"], budget=1000)
        for number in range(MAILBOX + 10):
            await stage.post("hall", str(number))
        await stage.collect(Guess(), budget=1000)

    async def note(player: Player, ask: Ask) -> object:
        await ask.remember(Remembered(memory=f"{ask.id}/m1", form="note", text=""))
        return await remember(player, ask)

    begun = await play(Troupe(crowded, seats(2, note)))
    last = max(m.seq for m in begun if isinstance(m.body, Remembered))
    kept = [m for m in begun if m.seq <= last]
    troupe = Troupe(crowded, seats(2, note))
    messages = await play(troupe, await bus_with(kept))

    assert contributions(messages) == contributions(begun)
    heard = views(messages)
    for seat in troupe.names:
        events = troupe.player(seat).events
        assert events == heard[seat][: len(events)]
