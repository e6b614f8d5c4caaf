"""Seats and processes that die or stand still on purpose: once each, and nothing is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from hubbub.bus import MemoryBus
from hubbub.bus.base import Voice
from hubbub.chaos import Chaos, Kill, Pause, aim, chaos_of
from hubbub.conductor import Conductor
from hubbub.errors import UsageError
from hubbub.injecting import eject, inject, pause, read_truth, resume
from hubbub.injections import request
from hubbub.leases import TTL, owner, role_of
from hubbub.logger import Logger
from hubbub.messages import (
    Asked,
    Contributed,
    Ended,
    Lifted,
    Message,
    Onset,
    Passed,
    PhaseClosed,
    RoundBegan,
)
from hubbub.mind import Ask
from hubbub.names import CONDUCTOR, PHASES, TRUTH
from hubbub.population import Injection
from hubbub.replay import replay
from hubbub.scenario import Scenario, scenario
from hubbub.stage import Stage
from hubbub.tape import MemoryTape
from hubbub.worker import Worker

from .house import STUCK, House
from .leaping import in_no_time
from .playing import (
    Guess,
    Number,
    Player,
    Scribe,
    Troupe,
    bus_with,
    contributions,
    conversations,
    read_all,
    remember,
    seats,
)

Deed = Callable[[House], Coroutine[Any, Any, None]]


def game(budget: float = 1000) -> Scenario:
    """Three rounds of questions and conversations of two."""

    @scenario(asks=[Guess])
    async def game(stage: Stage) -> None:
        await stage.open_room("hall", stage.seats)
        async for _ in stage.rounds(3):
            await stage.collect(Guess(), budget=budget)
            await stage.chats([("L1", "L2"), ("L2", "L3")], turns=3, budget=budget)
            await stage.turns(Guess(), ["L2", "L1"], room="hall", budget=budget)

    return game


async def slowly(player: Player, ask: Ask) -> object:
    """Remember, after two seconds."""
    await anyio.sleep(2)
    return await remember(player, ask)


def chaos(kind: str, *names: str, **said: Any) -> Injection:
    """What comes over *names*, or over a process."""
    return Injection(surface="chaos", kind=kind, names=names, **said)


async def live(
    troupe: Troupe, *deeds: Deed, workers: int = 2, bus: MemoryBus | None = None
) -> tuple[list[Message], list[Chaos]]:
    """The log of *troupe*'s run, in which *deeds* are done; it is its own replay."""
    bus, struck = bus or MemoryBus(), list[Chaos]()
    async with anyio.create_task_group() as tasks:
        tasks.cancel_scope.deadline = anyio.current_time() + STUCK
        house = House(troupe, tasks, bus, struck=struck)
        for deed in deeds:
            tasks.start_soon(deed, house)
        for _ in range(workers):
            house.worker()
        house.conductor()
    assert not tasks.cancel_scope.cancel_called
    messages = await read_all(bus)
    await replay(troupe, MemoryTape(messages))
    return messages, struck


def once(found: Callable[[Message], bool], injection: Injection, cast: Troupe) -> Deed:
    """Inject it when a message is one of those *found*."""

    async def deed(house: House) -> None:
        await house.until(found)
        await inject(house.bus, injection, cast)

    return deed


def asked(seat: str) -> Callable[[Message], bool]:
    """Whether a message asks *seat*."""
    return lambda m: isinstance(m.body, Asked) and m.room == f"@{seat}"


def place(messages: list[Message], kind: type[Onset] | type[Lifted]) -> int:
    """Where the first injection began or ended."""
    return next(m.seq for m in messages if isinstance(m.body, kind))


# -- seats


@pytest.mark.parametrize("names", [("L1",), ("L1", "L2", "L3")])
@in_no_time
async def test_a_killed_seat_goes_on_as_if_nothing_had_happened(
    names: tuple[str, ...],
) -> None:
    """In the middle of an act its mind is dropped, and a new one folds the log."""
    quiet, _ = await live(Troupe(game(), seats(3, slowly)))
    troupe = Troupe(game(), seats(3, slowly))
    messages, _ = await live(troupe, once(asked("L1"), chaos("kill", *names), troupe))

    assert contributions(messages) == contributions(quiet)
    assert conversations(messages) == conversations(quiet)
    for name in troupe.names:
        incs = {m.inc for m in messages if m.sender == name}
        assert max(incs) == (2 if name in names else 1)
    assert messages[place(messages, Onset)].body == Lifted(
        id="i1", surface="chaos", seats=names
    )


class Slow(MemoryBus):
    """A bus that takes its time to read what was said, and to give a seat back."""

    async def lines(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[tuple[int, bytes]]:
        await anyio.sleep(0 if wait else 3)
        return await super().lines(after, limit=limit, wait=wait)

    async def release(self, holder: str, seats: Sequence[str]) -> None:
        await anyio.sleep(int(seats[0][1:]))
        await super().release(holder, seats)


@in_no_time
async def test_a_seat_that_dies_while_another_comes_back_comes_back_too() -> None:
    """Also where nothing more is said until it does."""

    async def long(player: Player, ask: Ask) -> object:
        await anyio.sleep(30)
        return Number(1)

    @scenario(asks=[Guess])
    async def guess(stage: Stage) -> None:
        await stage.collect(Guess(), ["L2"], budget=1000)

    troupe = Troupe(guess, seats(2, long))

    async def kill(house: House) -> None:
        await house.until(asked("L2"))
        await inject(house.bus, chaos("kill", "L1", "L2"), troupe)

    messages, _ = await live(troupe, kill, workers=1, bus=Slow())

    closed = [m.body.why for m in messages if isinstance(m.body, PhaseClosed)]
    assert closed == ["all"]


@in_no_time
async def test_a_death_of_the_past_kills_nobody() -> None:
    """A host that comes later finds it in the log, and its seats live on."""
    troupe = Troupe(game(), seats(3, slowly))

    async def come(house: House) -> None:
        await house.until(lambda m: isinstance(m.body, Lifted))
        for _ in range(2):
            house.worker()

    killed = once(asked("L1"), chaos("kill", "L1"), troupe)
    messages, _ = await live(troupe, killed, come, workers=1)

    # One death, and one move to another host at most.
    assert max(m.inc for m in messages if m.sender == "L1") <= 3
    assert max(m.inc for m in messages if m.sender in ("L2", "L3")) <= 2


@in_no_time
async def test_who_stands_still_answers_too_late() -> None:
    """Whatever it is asked meanwhile runs out; then it has heard all, and acts again."""
    troupe = Troupe(game(budget=10), seats(3, slowly))
    still = chaos("pause", "L1", options={"seconds": 15})
    messages, _ = await live(troupe, once(asked("L2"), still, troupe))

    start, end = place(messages, Onset), place(messages, Lifted)
    acts = [m for m in messages if m.sender == "L1" and m.kind != "leave"]
    late = [getattr(m.body, "outcome", "") for m in acts if start <= m.seen < end]
    after = [getattr(m.body, "outcome", "") for m in acts if m.seen >= end]
    assert set(late) == {"late"}
    assert "answered" in after
    notes = {m.body.note for m in acts if isinstance(m.body, Passed | Contributed)}
    assert notes == {"", "no answer in 10 s"}


@in_no_time
async def test_who_stands_still_for_less_than_it_has_time_comes_to_the_same() -> None:
    """It acts when it goes on; what was begun before is ended."""
    quiet, _ = await live(Troupe(game(), seats(3, slowly)))
    troupe = Troupe(game(), seats(3, slowly))
    still = chaos("pause", "L1", "L3", options={"seconds": 100})
    messages, _ = await live(troupe, once(asked("L1"), still, troupe))

    assert contributions(messages) == contributions(quiet)
    assert conversations(messages) == conversations(quiet)


@in_no_time
async def test_a_pause_ends_with_its_trigger_or_when_it_is_ejected() -> None:
    """Without seconds it does not end by itself."""

    async def release(house: House) -> None:
        await house.until(lambda m: isinstance(m.body, Onset))
        await eject(house.bus, "i1", "phase:chat")

    for until, deeds in (("phase:chat", ()), ("", (release,))):
        troupe = Troupe(game(budget=10), seats(3, slowly))
        still = once(asked("L1"), chaos("pause", "L1", until=until), troupe)
        messages, _ = await live(troupe, still, *deeds)

        [lifted] = [m for m in messages if isinstance(m.body, Lifted)]
        chats = (m for m in messages if m.room.startswith("chat-"))
        assert lifted.seen >= next(m.seq for m in chats)


@in_no_time
async def test_a_death_that_is_paused_waits() -> None:
    """And comes when it goes on."""
    troupe = Troupe(game(), seats(3, slowly))

    async def hold(house: House) -> None:
        await house.until(asked("L1"))
        await inject(house.bus, chaos("kill", "L1", at="round:2"), troupe)
        await pause(house.bus, "i1")
        await resume(house.bus, "i1", "round:3")

    messages, _ = await live(troupe, hold)

    third = [m.seq for m in messages if isinstance(m.body, RoundBegan)][2]
    assert place(messages, Onset) > third


@in_no_time
async def test_a_timed_pause_is_no_longer_under_a_new_conductor() -> None:
    """It reckons from when the log says that it began."""
    troupe = Troupe(game(), seats(3, slowly))

    async def replace(house: House) -> None:
        await house.until(lambda m: isinstance(m.body, Onset))
        await inject(house.bus, chaos("kill", role="conductor"), troupe)

    still = once(asked("L1"), chaos("pause", "L1", options={"seconds": 60}), troupe)
    messages, struck = await live(troupe, still, replace)

    assert [type(blow) for blow in struck] == [Kill]
    ends = [m.body.id for m in messages if isinstance(m.body, Lifted)]
    assert sorted(ends) == ["i1", "i2"]


# -- processes


@pytest.mark.parametrize("role", ["worker", "conductor"])
@pytest.mark.parametrize("kind", ["kill", "pause"])
@in_no_time
async def test_one_process_is_struck_once(role: str, kind: str) -> None:
    """Whoever takes its place is not, and the game comes to the same."""
    quiet, _ = await live(Troupe(game(), seats(3, slowly)))
    troupe = Troupe(game(), seats(3, slowly))
    options = {"seconds": 20} if kind == "pause" else {}
    strikes = chaos(kind, role=role, options=options)
    messages, struck = await live(troupe, once(asked("L1"), strikes, troupe))

    assert [type(blow) for blow in struck] == [Pause if kind == "pause" else Kill]
    assert contributions(messages) == contributions(quiet)
    assert conversations(messages) == conversations(quiet)


@in_no_time
async def test_the_worker_that_hosts_a_seat_is_meant() -> None:
    """The log says which one that is when it begins."""
    troupe = Troupe(game(), seats(3, slowly))
    held: list[str] = []

    async def strike(house: House) -> None:
        await house.until(asked("L2"))
        held.append((await house.bus.held())["L2"])
        await inject(house.bus, chaos("kill", "L2", role="worker"), troupe)

    messages, struck = await live(troupe, strike)

    assert [blow.holder for blow in struck] == held
    assert max(m.inc for m in messages if m.sender == "L2") == 2


async def test_of_a_seat_that_changes_hands_the_next_host_is_meant() -> None:
    """It is free for a moment, or still another's who is dead."""
    bus = MemoryBus()
    what = request(chaos("kill", "L2", role="worker"), {"L2": True}, ())
    for holder in ("one", "two"):
        await bus.beat(holder, role_of("worker", alone=True), TTL)
    await bus.beat("three", role_of("conductor", alone=True), TTL)
    for host in ("", "dead"):
        if host:
            await bus.claim(host, ["L2"])
        chosen = chaos_of(await aim(what, bus))
        assert chosen.holder == owner("L2", ["one", "two"])


@in_no_time
async def test_a_run_that_is_one_process_is_not_killed() -> None:
    """It is refused, and says what would do."""
    troupe, bus = Troupe(game(), seats(3, slowly)), MemoryBus()

    async def ask(role: str) -> None:
        with pytest.raises(UsageError, match=f"the {role} of this run is no process"):
            await inject(bus, chaos("kill", role=role), troupe)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Worker(bus, troupe, {}).run)
        tasks.start_soon(Conductor(bus, troupe).run)
        await bus.grown(10)
        for role in ("worker", "conductor", "logger"):
            await ask(role)

    assert not (await read_truth(bus)).entries


def onset(injection: Injection) -> Onset:
    """Where *injection* begins."""
    return Onset(what=request(injection, {"L1": True}, ()))


async def test_a_logger_is_struck_once(tmp_path: Path) -> None:
    """By what comes while it logs; what it has been told of is on the disk."""
    scribe = Scribe()
    scribe.write(onset(chaos("kill", role="logger")), room=TRUTH)
    bus, struck = await bus_with(scribe.messages), list[Chaos]()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Logger(bus, tmp_path, strike=struck.append).run)
        while (await bus.meta()).get("logged") != "1":
            await anyio.lowlevel.checkpoint()
        claim = (await bus.claim("x", [CONDUCTOR]))[CONDUCTOR]
        voice = Voice(bus, CONDUCTOR, claim)
        for role in ("conductor", "logger"):
            await voice.say(TRUTH, onset(chaos("kill", role=role)), seen=1)
        await voice.say(PHASES, Ended(steps=0), seen=1)

    assert struck == [Kill(role="logger")]
    assert (tmp_path / "log.jsonl").read_text().count("\n") == 4


# -- the process itself


def striking(chaos: str) -> "subprocess.Popen[bytes]":
    """A process that does to itself what *chaos* is, and then ends."""
    script = f"from hubbub.chaos import *; strike({chaos})"
    words = [sys.executable, "-c", script]
    return subprocess.Popen(words, start_new_session=True)


def change(pid: int) -> int:
    """The status of *pid* when it has stopped, goes on, or has ended."""
    return os.waitpid(pid, os.WUNTRACED | os.WCONTINUED)[1]


def test_a_process_kills_itself() -> None:
    """As nobody else could be asked to: without a last word."""
    assert striking("Kill()").wait() == -signal.SIGKILL


def test_a_process_stands_still_for_a_while_and_goes_on() -> None:
    """It cannot wake by itself: what it has started beforehand wakes it."""
    child = striking("Pause(seconds=0.2)")

    assert os.WIFSTOPPED(change(child.pid))
    assert os.WIFCONTINUED(change(child.pid))
    assert child.wait() == 0


def test_a_process_that_stands_still_can_be_told_to_end() -> None:
    """It is woken for that."""
    child = striking("Pause(seconds=600)")
    assert os.WIFSTOPPED(change(child.pid))
    os.killpg(child.pid, signal.SIGTERM)
    while os.WIFCONTINUED(status := change(child.pid)):
        pass
    child.wait()

    assert os.WTERMSIG(status) == signal.SIGTERM
