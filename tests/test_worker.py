"""Workers: who hosts which seat, and what becomes of it when its host is gone."""

import random
from collections import Counter

import anyio
import pytest

from hubbub.bus import MemoryBus
from hubbub.leases import TTL, owner
from hubbub.messages import Message
from hubbub.mind import Ask
from hubbub.questions import Speech, Turn
from hubbub.scenario import Scenario, scenario
from hubbub.stage import Stage

from .house import STUCK, House
from .leaping import in_no_time
from .playing import (
    Guess,
    Number,
    Player,
    Troupe,
    bus_with,
    contributions,
    conversations,
    play,
    read_all,
    remember,
    seats,
    views,
)

WORKERS = ["worker-1", "worker-2", "worker-3"]


async def slowly(player: Player, ask: Ask) -> object:
    """Remember, and take a second over it."""
    await anyio.sleep(1)
    return await remember(player, ask)


def meeting() -> Scenario:
    """A game long enough that hosts can die in it, the same however often they do."""

    @scenario(asks=[Guess])
    async def meeting(stage: Stage) -> None:
        names = list(stage.seats)
        await stage.open_room("hall", names)
        async for number in stage.rounds(3):
            await stage.collect(Guess(), budget=1000)
            await stage.tick("hall", "round", number)
            stage.rng.shuffle(names)
            pairs = list(zip(names[::2], names[1::2], strict=True))
            await stage.chats(pairs, turns=3)
            await stage.turns(Guess(), names[:2], room="hall", budget=1000)

    return meeting


def same(messages: list[Message], others: list[Message]) -> None:
    """Both runs have come to the same."""
    assert contributions(messages) == contributions(others)
    assert conversations(messages) == conversations(others)


# -- who hosts what


def test_a_seat_moves_only_when_its_host_goes() -> None:
    """Rendezvous hashing: with a host less, the seats of the others stay."""
    names = [f"L{i}" for i in range(1000)]
    three = {name: owner(name, WORKERS) for name in names}
    two = {name: owner(name, WORKERS[:2]) for name in names}

    assert all(three[name] in (two[name], "worker-3") for name in names)
    assert all(250 < count < 420 for count in Counter(three.values()).values())


def test_the_order_of_hosts_does_not_matter() -> None:
    """Every worker comes to the same owner by itself."""
    assert owner("L1", WORKERS) == owner("L1", reversed(WORKERS))


@in_no_time
async def test_workers_share_the_seats() -> None:
    """Once all are at work, each seat is with the one that should have it."""
    bus = MemoryBus()
    async with anyio.create_task_group() as tasks:
        house = House(Troupe(meeting(), seats(20)), tasks, bus)
        for _ in WORKERS:
            house.worker()
        await anyio.sleep(2 * TTL)

        held = await bus.held()
        assert held == {f"L{i}": owner(f"L{i}", WORKERS) for i in range(1, 21)}
        tasks.cancel_scope.cancel()


@in_no_time
async def test_a_worker_that_comes_late_gets_its_share() -> None:
    """Seats change hosts between two acts, and the game does not notice."""
    undisturbed = await play(Troupe(meeting(), seats(6, slowly)))
    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(Troupe(meeting(), seats(6, slowly)), tasks, bus)
            house.worker()
            house.conductor()
            await bus.grown(20)
            house.worker()
            house.worker()

    messages = await read_all(bus)
    same(messages, undisturbed)
    assert {m.inc for m in messages} >= {1, 2}
    assert not [m for m in messages if m.kind == "pass"]


@in_no_time
async def test_a_worker_that_is_stopped_gives_its_seats_back() -> None:
    """In good order no lease has to lapse before others take over."""
    bus = MemoryBus()
    async with anyio.create_task_group() as tasks:
        house = House(Troupe(meeting(), seats(6)), tasks, bus)
        worker = house.worker()
        await anyio.sleep(TTL)
        worker.stop()
        await worker.over.wait()

        assert not await bus.living()
        assert set(await bus.claim("another", ["L1", "L2"])) == {"L1", "L2"}
        tasks.cancel_scope.cancel()


# -- when a host dies


@pytest.mark.parametrize("seed", range(12))
@in_no_time
async def test_others_take_over_from_a_worker_that_dies(seed: int) -> None:
    """Killed at any moment, its seats go on elsewhere as if nothing had happened."""
    undisturbed = await play(Troupe(meeting(), seats(6)))
    rng = random.Random(seed)
    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(Troupe(meeting(), seats(6)), tasks, bus, rng=rng)
            workers = [house.worker() for _ in range(3)]
            house.conductor()
            for _ in range(3):
                await bus.grown(rng.randrange(len(undisturbed) - 5))
                workers.pop(rng.randrange(3)).kill()
                workers.append(house.worker())

    same(await read_all(bus), undisturbed)


@pytest.mark.parametrize("seed", range(8))
@in_no_time
async def test_a_worker_that_wakes_up_is_fenced(seed: int) -> None:
    """What it was about to say while it slept through its lease is refused."""
    undisturbed = await play(Troupe(meeting(), seats(6)))
    rng = random.Random(seed)
    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(Troupe(meeting(), seats(6)), tasks, bus, rng=rng)
            sleeper = house.worker()
            house.conductor()
            await bus.grown(rng.randrange(5, len(undisturbed) - 20))
            sleeper.wire.freeze()
            house.worker()
            await house.until(lambda m: m.inc == 2)
            sleeper.wire.thaw()

    same(await read_all(bus), undisturbed)


@in_no_time
async def test_a_worker_that_is_taken_for_dead_gets_its_seats_again() -> None:
    """Two who both think they host a seat do not both speak for it."""
    undisturbed = await play(Troupe(meeting(), seats(6, slowly)))
    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(Troupe(meeting(), seats(6, slowly)), tasks, bus)
            mute = house.worker()
            house.conductor()
            house.worker()
            await bus.grown(20)
            mute.wire.mute = True
            await house.until(lambda m: m.inc == 2)
            mute.wire.mute = False

    same(await read_all(bus), undisturbed)


@in_no_time
async def test_a_seat_that_moves_has_observed_the_same() -> None:
    """The mind at a new host has heard what the one before had, and then goes on."""
    troupe = Troupe(meeting(), seats(4))
    messages = await play(troupe)
    moved = Troupe(meeting(), seats(4))
    await play(moved, await bus_with(messages[:-3]))

    for seat, view in views(messages).items():
        if seat in troupe.names:
            events = moved.player(seat).events
            assert [m.body for m in events] == [m.body for m in view[: len(events)]]
            assert len(events) >= len(view) - 3


# -- a mailbox that overflows


@pytest.mark.parametrize("form", ["collect", "probe"])
@in_no_time
async def test_a_full_mailbox_loses_nothing(form: str) -> None:
    """A seat that thinks while thousands speak has heard all, once and in order."""

    async def talk(player: Player, ask: Ask) -> object:
        if isinstance(ask.question, Turn):
            return Speech(str(ask.question.turn))
        if player.seat == "slow":
            await anyio.sleep(50)
        return Number(1)

    @scenario(asks=[Guess])
    async def flood(stage: Stage) -> None:
        await stage.open_room("hall", ["slow"])
        async with anyio.create_task_group() as tasks:
            ask = stage.probe if form == "probe" else stage.collect
            tasks.start_soon(ask, Guess(), ["slow"])
            await stage.chat("hall", ["quick", "loud"], turns=2_500)
        await stage.collect(Guess())

    troupe = Troupe(flood, dict.fromkeys(("slow", "quick", "loud"), talk))
    messages = await play(troupe)

    for seat, view in views(messages).items():
        if seat in troupe.names:
            events = troupe.player(seat).events
            assert events == view[: len(events)]
            assert len(events) > 5_000
