"""Whoever is injected into a run that goes on sits in it, once, and for good or until."""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from hubbub.bus import MemoryBus
from hubbub.errors import BadPopulation, RunOver, UnknownName, UsageError
from hubbub.filling import Filling
from hubbub.injecting import eject, inject, pause, read_truth, resume
from hubbub.injections import requests
from hubbub.messages import (
    Asked,
    Contributed,
    Injected,
    Joined,
    Left,
    Lifted,
    Message,
    Noted,
    Onset,
    PhaseOpened,
    RoundBegan,
    Said,
    Switched,
    Ticked,
    Toggled,
)
from hubbub.mind import Ask, Mind, Part, Wrapper
from hubbub.names import CONDUCTOR, OPERATOR, TRUTH
from hubbub.population import Cast, Group, Injection, Population
from hubbub.questions import Speech, Turn
from hubbub.replay import replay
from hubbub.scenario import scenario
from hubbub.stage import Stage
from hubbub.tape import MemoryTape
from hubbub.truth import Truth

from .house import STUCK, House, Process
from .leaping import in_no_time
from .playing import (
    Guess,
    Number,
    Player,
    Scribe,
    Troupe,
    bus_with,
    play,
    read_all,
    remember,
    seats,
    views,
)
from .simulation import check_minds

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


@in_no_time
async def test_who_is_ejected_while_it_comes_in_does_not_stay() -> None:
    """Its conductor died between its coming into a room and its onset."""
    cast = hall()
    stays = Injection(mind="uniform", options={"leaves": 0.0})
    messages = await live(cast, when_said(injecting(cast, stays)))
    bus = await bus_with(messages[: onsets(messages)[0].seq - 1])
    await eject(bus, "i1")
    async with anyio.create_task_group() as tasks:
        house = House(cast, tasks, bus)
        house.worker()
        house.conductor()

    found = await read_all(bus)
    left = [m.body.seats for m in found if isinstance(m.body, Left)]
    assert not onsets(found)
    assert [seats for seats in left if "L4" in seats] == [("L4",)]


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


# -- pauses


def switching(*switches: tuple[bool, str]) -> Deed:
    """Have i1 be on or not, each from its trigger on."""

    async def deed(house: House) -> None:
        for on, at in switches:
            await (resume if on else pause)(house.bus, "i1", at)

    return deed


def both(*deeds: Deed) -> Deed:
    """Do *deeds* one after the other."""

    async def all_(house: House) -> None:
        for deed in deeds:
            await deed(house)

    return all_


def acts(messages: list[Message], seat: str, start: int, end: int) -> set[str]:
    """How the acts of *seat* ended that were taken from *start* on, before *end*."""
    ends = Contributed, Said, Left
    return {
        getattr(m.body, "outcome", "answered")
        for m in messages
        if m.sender == seat and start <= m.seen < end and isinstance(m.body, ends)
    }


def toggles(messages: list[Message]) -> list[int]:
    """Where an injection was paused and went on."""
    return [m.seq for m in messages if isinstance(m.body, Toggled)]


@in_no_time
async def test_a_paused_participant_is_there_and_does_nothing() -> None:
    """It is asked, and nobody answers; it stays in its rooms, and then goes on."""
    cast = party(rounds=8)
    guest = injecting(cast, Injection(mind="uniform"))
    pauses = switching((False, "round:4"), (True, "round:6"))
    messages = await live(cast, in_round(1, both(guest, pauses)))

    off, on = toggles(messages)
    assert acts(messages, "L5", off, on) == {"absent"}
    assert "answered" in acts(messages, "L5", on, len(messages))
    assert "L5" in invited(messages)[5]
    assert not [m for m in messages if isinstance(m.body, Left) and m.room == "hall"]


@in_no_time
async def test_a_paused_wrapper_stands_aside() -> None:
    """The member is itself; the wrapper hears all the same, and then acts again."""
    cast = party(rounds=8)
    turned = Injection(surface="compromise", names=("L1",), mind="silence")
    pauses = switching((False, "round:4"), (True, "round:6"))
    messages = await live(cast, in_round(1, both(injecting(cast, turned), pauses)))

    off, on = toggles(messages)
    [onset] = onsets(messages)
    assert "answered" in acts(messages, "L1", off, on)
    assert acts(messages, "L1", onset.seq, off) == {"passed"}
    assert acts(messages, "L1", on, len(messages)) == {"passed"}


class Changing(Wrapper):
    """Has changed its inner mind, as long as it is on it."""

    def __init__(self, part: Part, inner: Mind) -> None:
        super().__init__(part, inner)
        self.resume()

    def resume(self) -> None:
        assert isinstance(self.inner, Player)
        self.inner.seat = "changed"

    def lift(self) -> None:
        assert isinstance(self.inner, Player)
        self.inner.seat = "itself"


def test_what_a_wrapper_has_changed_is_put_back_for_as_long_as_it_is_paused() -> None:
    """Once each time, also when it is ejected then."""

    class Changed(Troupe):
        def wrap(self, what: Injected, seat: str, inner: Mind) -> Wrapper:
            return Changing(inner.part, inner)

    scribe, cast = Scribe(), Changed(meeting, seats(1))
    filling = Filling(cast, "L1")
    what = Injected(id="i1", surface="compromise", seats=("L1",))
    on = Toggled(id="i1", surface="compromise", seats=("L1",), on=True)
    off = Toggled(id="i1", surface="compromise", seats=("L1",), on=False)
    over = Lifted(id="i1", surface="compromise", seats=("L1",))
    seen: list[str] = []
    for body in (Onset(what=what), off, Noted(text="heard"), on, off, over):
        filling.observe(scribe.write(body))
        seen.append(cast.player("L1").seat)

    assert seen == ["changed", "itself", "itself", "changed", "itself", "itself"]
    assert [m.kind for m in cast.player("L1").events] == ["note"]


@in_no_time
async def test_what_is_paused_before_it_begins_waits() -> None:
    """It begins when it goes on; and a second pause is no second one."""
    cast = party(rounds=6)
    guest = injecting(cast, Injection(mind="uniform", at="round:3"))
    pauses = switching((False, ""), (False, ""), (True, "round:5"), (True, "round:5"))
    messages = await live(cast, in_round(1, both(guest, pauses)))

    assert len([m for m in messages if isinstance(m.body, Switched)]) == 2
    assert len(toggles(messages)) == 2
    assert round_of(messages, 5) < toggles(messages)[1] < onsets(messages)[0].seq


@in_no_time
async def test_what_is_paused_can_be_ejected() -> None:
    """Begun or not; what is over can be paused no more."""
    cast = party(rounds=6)

    async def end(house: House) -> None:
        await inject(house.bus, Injection(mind="uniform"), cast)
        await inject(house.bus, Injection(mind="uniform", at="seq:9999999"), cast)
        await house.until(lambda m: isinstance(m.body, Onset), after=0)
        for id in ("i1", "i2"):
            await pause(house.bus, id)
        await house.until(lambda m: isinstance(m.body, Toggled), after=0)
        states = [e.state for e in (await read_truth(house.bus)).entries.values()]
        assert "paused" in states
        for id in ("i1", "i2"):
            await eject(house.bus, id)
        await house.until(lambda m: isinstance(m.body, Lifted), after=0)
        with pytest.raises(UsageError, match="is over"):
            await pause(house.bus, "i2")
        with pytest.raises(UnknownName):
            await resume(house.bus, "i3")

    messages = await live(cast, in_round(1, end))

    assert [m.body.what.id for m in onsets(messages)] == ["i1"]  # type: ignore[attr-defined]
    gone = [m.body.id for m in messages if isinstance(m.body, Lifted)]
    assert gone == ["i1"]


def test_a_conductor_that_dies_between_a_pause_and_its_end_leaves_the_rest() -> None:
    """The next one finds in the log what has been said, and says what has not."""
    scribe, truth = Scribe(), Truth()
    what = Injected(id="i1", surface="impair", seats=("a",))
    scribe.write(what)
    scribe.write(Onset(what=what))
    for on in (False, True, False):
        scribe.write(Switched(id="i1", on=on))
    for message in scribe.messages:
        truth.apply(message)
    assert truth.turning() == [(what, False), (what, True), (what, False)]

    off = Toggled(id="i1", surface="impair", on=False)
    truth.apply(scribe.write(off))
    assert truth.turning() == [(what, True), (what, False)]
    assert truth.entries["i1"].state == "paused"


# -- impairments


async def talk(player: Player, ask: Ask) -> object:
    """Say what is remembered; never leave."""
    given = await remember(player, ask)
    return Speech(given.text) if isinstance(given, Speech) else given


@scenario(asks=[Guess])
async def meeting(stage: Stage) -> None:
    """All talk in the hall, three times, and in twos."""
    await stage.open_room("hall", stage.seats)
    async for number in stage.rounds(3):
        await stage.chat("hall", stage.seats, turns=3)
        await stage.tick("hall", "round", number)
        await stage.chats([("L1", "L2"), ("L2", "L3")], turns=2)
        await stage.turns(Guess(), ["L1", "L3"], room="hall", budget=1000)


IMPAIRMENTS = [
    Injection(surface="impair", kind="drop", names=("L1",), options={"p": 0.4}),
    Injection(surface="impair", kind="reorder", count=2, options={"window": 4}),
    Injection(surface="impair", kind="delay", count=3, options={"mean": 2.0}),
    Injection(surface="impair", kind="duplicate", count=1, options={"p": 0.5}),
]


@pytest.mark.parametrize("kills", [0, 3])
@in_no_time
async def test_all_hosts_of_a_seat_agree_on_what_it_hears(kills: int) -> None:
    """Whoever takes it over, in the middle of all of it, and whoever replays it."""
    troupe, bus = Troupe(meeting, seats(3, talk)), MemoryBus()

    workers: list[Process] = []

    async def trouble(house: House) -> None:
        for what in IMPAIRMENTS:
            await inject(bus, what, troupe)
        for _ in range(kills):
            await house.until(lambda m: isinstance(m.body, Ticked | PhaseOpened))
            workers.append(house.worker())
            workers.pop(0).kill()

    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(troupe, tasks, bus)
            tasks.start_soon(in_round(1, trouble), house)
            workers.append(house.worker())
            house.conductor()

    messages = await read_all(bus)
    await replay(troupe, MemoryTape(messages))
    check_minds(troupe, messages)
    assert len(troupe.players["L1"]) > kills
    heard = [m.seq for m in troupe.player("L1").events]
    said = [m.seq for m in views(messages)["L1"]]
    assert heard != said
    assert set(heard) < set(said)


@in_no_time
async def test_a_full_mailbox_changes_nothing_of_what_is_heard() -> None:
    """What falls out of it is read from the log again, and comes over the same links."""

    async def act(player: Player, ask: Ask) -> object:
        if isinstance(ask.question, Turn):
            return Speech(str(ask.question.turn))
        await anyio.sleep(50 if player.seat == "slow" else 0)
        return Number(1)

    @scenario(asks=[Guess])
    async def flood(stage: Stage) -> None:
        await stage.open_room("hall", ["slow"])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stage.collect, Guess(), ["slow"])
            await stage.chat("hall", ["quick", "loud"], turns=2_200)
        await stage.collect(Guess())

    troupe = Troupe(flood, dict.fromkeys(("slow", "quick", "loud"), act))
    names = {"names": ("slow",), "surface": "impair", "rooms": ("hall",)}
    drop = Injection(kind="drop", options={"p": 0.9}, **names)  # type: ignore[arg-type]
    late = Injection(kind="reorder", options={"window": 50}, **names)  # type: ignore[arg-type]
    troupe.declared = requests([drop, late], dict.fromkeys(troupe.names, True), ())
    messages = await play(troupe)

    check_minds(troupe, messages)
    assert 300 < len(troupe.player("slow").events) < 700


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
