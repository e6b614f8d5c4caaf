"""The conductor: goes on from any place in the log, alone, and only with its own game."""

import random
from collections import Counter
from collections.abc import Callable

import anyio
import pytest

from hubbub.bus import MemoryBus
from hubbub.conductor import Conductor
from hubbub.errors import HubbubError, ScenarioChanged, ScenarioFailed, first_error
from hubbub.messages import (
    Ended,
    Message,
    PhaseClosed,
    PhaseOpened,
    Resulted,
    RoundBegan,
    Ticked,
)
from hubbub.mind import Ask
from hubbub.names import CONDUCTOR
from hubbub.questions import Speech, Turn
from hubbub.scenario import Scenario, scenario
from hubbub.stage import Stage

from .house import STUCK, House, Wire
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
    seats,
)


def party(rounds: int = 2) -> Scenario:
    """A game of every phase whose course depends on nothing but its seed."""

    @scenario(asks=[Guess])
    async def party(stage: Stage) -> None:
        names = list(stage.seats)
        await stage.open_room("hall", names[:3])
        async for number in stage.rounds(rounds):
            await stage.tick("hall", "round", number)
            found = await stage.collect(Guess(about="all"))
            stage.rng.shuffle(names)
            await stage.turns(Guess(about="turns"), names[:2], room="hall")
            await stage.probe(Guess(about="probe"), names[1:])
            await stage.chats(
                [(names[0], names[1]), (names[2], names[3]), (names[1], names[2])],
                turns=2,
            )
            await stage.dismiss("hall", names[:1])
            await stage.chat("corner", names[:2], turns=2, opener=names[0])
            await stage.open_room("hall", names[:1])
            await stage.post("hall", f"{sum(n.value for n in found.values())}")
        await stage.result("names", names)

    return party


def steps(messages: list[Message]) -> Counter[tuple[str, int]]:
    """How often each step of the conductor's has begun and closed."""
    made: Counter[tuple[str, int]] = Counter()
    for m in messages:
        match m.body:
            case (
                PhaseOpened(step=step)
                | PhaseClosed(step=step)
                | RoundBegan(step=step)
                | Ticked(step=step)
                | Resulted(step=step)
            ):
                made[m.kind, step] += 1
            case _:
                if m.sender == CONDUCTOR and m.kind in ("join", "leave", "say"):
                    made[m.kind, getattr(m.body, "step", 0)] += 1
    return made


def same(messages: list[Message], others: list[Message]) -> None:
    """Both runs have come to the same, and none of their steps was made twice."""
    assert contributions(messages) == contributions(others)
    assert conversations(messages) == conversations(others)
    assert steps(messages) == steps(others)
    assert set(steps(messages).values()) == {1}


async def fails(troupe: Troupe, bus: MemoryBus) -> HubbubError:
    """Play what must fail; with what it did."""
    with pytest.raises(ExceptionGroup) as raised:
        await play(troupe, bus)
    error = first_error(raised.value)
    assert isinstance(error, HubbubError)
    return error


# -- durable by replay


@in_no_time
async def test_a_run_goes_on_from_any_prefix_of_its_log() -> None:
    """Wherever everything died, a new conductor and new hosts end with the same run."""
    whole = await play(Troupe(party(), seats(4)))

    for cut in range(len(whole) + 1):
        same(await play(Troupe(party(), seats(4)), await bus_with(whole[:cut])), whole)


@in_no_time
async def test_who_left_a_chat_is_not_led_out_of_a_later_one() -> None:
    """A replay leaves a room's members as they are now, whoever was to leave before."""

    @scenario(asks=[Guess])
    async def again(stage: Stage) -> None:
        await stage.chat("hall", stage.seats, turns=3, opener="L1")
        await stage.open_room("hall", stage.seats)
        await stage.post("hall", "welcome back")
        await stage.collect(Guess())

    whole = await play(Troupe(again, seats(2, leave_at_once)))
    assert [m.sender for m in whole if m.kind == "leave"] == ["L1", "L2"]

    for cut in range(len(whole)):
        messages = await play(
            Troupe(again, seats(2, leave_at_once)), await bus_with(whole[:cut])
        )
        assert [m.sender for m in messages if m.kind == "leave"] == ["L1", "L2"]


async def leave_at_once(player: Player, ask: Ask) -> object:
    """Leave with the first word; guess one."""
    turn = isinstance(ask.question, Turn)
    return Speech("bye", leave=True) if turn else Number(1)


@in_no_time
async def test_a_whole_run_is_not_played_again() -> None:
    """On a log that has its end, nobody says anything more."""
    whole = await play(Troupe(party(), seats(4)))
    bus = await bus_with(whole)

    assert len(await play(Troupe(party(), seats(4)), bus)) == len(whole)


class Belated(Wire):
    """A wire whose first look at a run is from just before its end."""

    looked = False

    async def meta(self) -> dict[str, str]:
        facts = await super().meta()
        if not self.looked:
            del facts["ended"]
            self.looked = True
        return facts


@in_no_time
async def test_the_last_conductor_may_have_died_just_before_the_end() -> None:
    """A standby that replays a run to find it ended is content."""
    whole = await play(Troupe(party(), seats(4)))
    bus = await bus_with(whole)

    await Conductor(Belated(bus), Troupe(party(), seats(4))).run()

    assert int((await bus.meta())["seq"]) == len(whole)


# -- a game that has changed


def guessing(
    *,
    about: str = "fish",
    rounds: int = 2,
    turned: bool = False,
    room: str = "hall",
    words: str = "begin",
    extra: int = 2,
) -> Scenario:
    """A game of which any detail can be another one."""

    @scenario(asks=[Guess])
    async def guessing(stage: Stage) -> None:
        await stage.post(room, words)
        async for _ in stage.rounds(rounds):
            if turned:
                await stage.chat("hall", stage.seats, turns=1, opener="L1")
            await stage.collect(Guess(about=about))
            if not turned:
                await stage.chat("hall", stage.seats, turns=1, opener="L1")
        for number in range(extra):
            await stage.result("extra", number)

    return guessing


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda: guessing(about="fowl"), "step 3 is recorded as collect Guess"),
        (lambda: guessing(rounds=3), "round 1 of 2"),
        (lambda: guessing(turned=True), "now chat of 2 seats in hall"),
        (lambda: guessing(room="yard"), "now post 'begin' in yard"),
        (lambda: guessing(words="begin!"), "now post 'begin!' in hall"),
        (lambda: guessing(extra=1), "is now the end"),
        (lambda: guessing(extra=0), "step 8 is recorded as result extra"),
    ],
)
@in_no_time
async def test_a_changed_game_is_an_error(
    changed: Callable[[], Scenario], words: str
) -> None:
    """A step that is not the recorded one stops the play and says what it found."""
    whole = await play(Troupe(guessing(), seats(2)))
    bus = await bus_with(whole[:-1])

    error = await fails(Troupe(changed(), seats(2)), bus)

    assert isinstance(error, ScenarioChanged)
    assert words in str(error)
    assert int((await bus.meta())["seq"]) == len(whole) - 1


@in_no_time
async def test_another_seed_or_cast_is_an_error() -> None:
    """A log goes on with the seed and the seats it began with."""
    whole = await play(Troupe(guessing(), seats(2), seed=1))

    for troupe in (Troupe(guessing(), seats(2), seed=2), Troupe(guessing(), seats(3))):
        error = await fails(troupe, await bus_with(whole[:5]))
        assert isinstance(error, ScenarioChanged)
        assert "step 0 is recorded as start of guessing with 2 seats" in str(error)


@in_no_time
async def test_a_scenario_that_raises_can_be_mended() -> None:
    """Its error ends the play and not the run, which goes on once it is mended."""

    def halving(divisor: int) -> Scenario:
        @scenario(asks=[Guess])
        async def halving(stage: Stage) -> None:
            found = await stage.collect(Guess())
            await stage.result("half", found["L1"].value // divisor)

        return halving

    bus = MemoryBus()
    error = await fails(Troupe(halving(0), seats(1)), bus)
    assert isinstance(error, ScenarioFailed)
    assert "halving raised ZeroDivisionError after step 1" in str(error)

    messages = await play(Troupe(halving(2), seats(1)), bus)
    assert len(contributions(messages)) == 1
    assert isinstance(messages[-1].body, Ended)


# -- standing by


@pytest.mark.parametrize("seed", range(12))
@in_no_time
async def test_a_standby_goes_on_when_the_conductor_dies(seed: int) -> None:
    """Killed at any moment, a conductor is succeeded, and nothing happens twice."""
    undisturbed = await play(Troupe(party(), seats(4)))
    rng = random.Random(seed)
    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(Troupe(party(), seats(4)), tasks, bus, rng=rng)
            house.worker()
            playing, standby = house.conductor(), house.conductor()
            for _ in range(3):
                await bus.grown(rng.randrange(len(undisturbed) - 5))
                playing.kill()
                playing, standby = standby, house.conductor()

    same(await _read(bus), undisturbed)


async def _read(bus: MemoryBus) -> list[Message]:
    """The log of a run that is over."""
    return await play(Troupe(party(), seats(4)), bus)


@pytest.mark.parametrize("seed", range(6))
@in_no_time
async def test_a_conductor_that_wakes_up_is_fenced(seed: int) -> None:
    """One that slept through its lease finds its place taken and stands by."""
    undisturbed = await play(Troupe(party(), seats(4)))
    rng = random.Random(seed)
    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(Troupe(party(), seats(4)), tasks, bus, rng=rng)
            house.worker()
            sleeper = house.conductor()
            await bus.grown(rng.randrange(1, len(undisturbed) - 20))
            sleeper.wire.freeze()
            house.conductor()
            await house.until(lambda m: m.sender == CONDUCTOR and m.inc == 2)
            sleeper.wire.thaw()

    same(await _read(bus), undisturbed)


@in_no_time
async def test_two_who_think_they_lead_do_not_both() -> None:
    """A conductor whose lease has lapsed unnoticed is refused its next word."""

    async def wait(player: Player, ask: Ask) -> object:
        await anyio.sleep(100)
        return Number(1)

    @scenario(asks=[Guess])
    async def guess(stage: Stage) -> None:
        await stage.collect(Guess(), budget=1000)
        await stage.collect(Guess(), budget=1000)

    bus = MemoryBus()
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(Troupe(guess, seats(2, wait)), tasks, bus)
            house.worker()
            first = house.conductor()
            await bus.grown(3)
            first.wire.mute = True
            house.conductor()

    messages = await play(Troupe(guess, seats(2)), bus)
    assert set(steps(messages).values()) == {1}
    assert contributions(messages).keys() == {"1/L1", "1/L2", "2/L1", "2/L2"}
