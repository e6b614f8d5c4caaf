"""
Nothing that a seat hears tells who is an adversary.

Each seat's view is read from the log by the letter of the rule: the names it learns, the
order in which they come, the fields of the messages.  A run with an injected participant
is compared with one in which an ordinary seat comes late, the scenario's own doing.
"""

from collections.abc import Callable, Sequence
from typing import cast

import anyio
import msgspec
import pytest

from hubbub.bus import MemoryBus
from hubbub.injecting import inject, pause, resume
from hubbub.links import Links
from hubbub.messages import (
    Body,
    Joined,
    Message,
    Onset,
    RoundBegan,
    Toggled,
    encode_body,
)
from hubbub.mind import Ask
from hubbub.names import CONDUCTOR, OPERATOR, PHASES, TRUTH, inbox
from hubbub.population import Injection
from hubbub.scenario import Scenario, scenario
from hubbub.stage import Stage

from .house import STUCK, House
from .leaping import in_no_time
from .playing import (
    Guess,
    Number,
    Player,
    Scribe,
    Troupe,
    read_all,
    seats,
    views,
)

#: What nobody but the operator and the conductor is to know.
SECRETS = (
    *("i1", "i2", "inject", "onset", "switch", "toggle", "lift", "eject"),
    *("participant", "compromise", "impair", "chaos", "pause", OPERATOR, TRUTH),
)
#: The seat that comes late in both runs.
LATE = "L4"
HERE = ("L1", "L2", "L3")
#: A view: what a seat could tell of each message, but for the clock and what is said.
View = list[tuple[object, ...]]


def ordinary() -> Scenario:
    """A game to which L4 is let in after the first round, by the scenario itself."""

    @scenario(asks=[Guess])
    async def game(stage: Stage) -> None:
        await stage.open_room("hall", HERE)
        async for number in stage.rounds(3):
            here = HERE if number == 1 else stage.seats
            await stage.turns(Guess(), here, room="hall", budget=1000)
            if number == 1:
                await stage.open_room("hall", [LATE])
                await stage.probe(Guess(), ["L1"], budget=1000)

    return game


def receiving() -> Scenario:
    """The same game, which takes in whoever comes while L1 is probed."""

    @scenario(asks=[Guess], newcomers=True)
    async def game(stage: Stage) -> None:
        await stage.open_room("hall", HERE)
        async for number in stage.rounds(3):
            await stage.turns(Guess(), stage.seats, room="hall", budget=1000)
            if number == 1:
                await stage.probe(Guess(), ["L1"], budget=1000)

    return game


async def ponder_probes(player: Player, ask: Ask) -> object:
    """Answer, a probe after a while; the mind remembers nothing of it."""
    await anyio.sleep(10 if ask.probe else 0)
    return Number(1)


async def late() -> list[Message]:
    """The log of the run in which an ordinary seat comes late."""
    return await _play(Troupe(ordinary(), seats(4, ponder_probes)), injected=False)


async def injected() -> list[Message]:
    """The log of the run into which an adversary is injected instead."""
    troupe = Troupe(receiving(), seats(3, ponder_probes))
    troupe.newcomer = ponder_probes
    return await _play(troupe, injected=True)


async def beset(troupe: Troupe | None = None) -> list[Message]:
    """The log of that run with everything else that does not stop anybody's mouth."""
    troupe = troupe or Troupe(receiving(), seats(3, ponder_probes))
    troupe.newcomer = ponder_probes
    return await _play(troupe, injected=True, more=DISTURBANCES)


#: Late, twice and out of order, lost, and all but at once.
DISTURBANCES = (
    Injection(surface="impair", kind="delay", count=2, options={"mean": 3.0}),
    Injection(surface="impair", kind="duplicate", count=2, options={"p": 0.5}),
    Injection(surface="impair", kind="reorder", count=2, options={"window": 3}),
    Injection(surface="impair", kind="partition", names=("L1",), until="round:3"),
    Injection(surface="chaos", kind="pause", count=2, options={"seconds": 1.0}),
)


async def _play(
    troupe: Troupe, *, injected: bool, more: Sequence[Injection] = ()
) -> list[Message]:
    bus = MemoryBus()

    async def come(house: House) -> None:
        guest = Injection(mind="silent", id="i1", at="phase:probe")
        await house.until(lambda m: isinstance(m.body, RoundBegan))
        await inject(bus, guest, troupe)
        for what in more:
            await inject(bus, what, troupe)
            await pause(bus, "i2", "round:2")
            await resume(bus, "i2", "phase:turns")

    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(troupe, tasks, bus)
            if injected:
                tasks.start_soon(come, house)
            house.worker()
            house.conductor()
    return await read_all(bus)


def shape(body: Body) -> object:
    """Which fields a body has that are not left out, and of what types."""
    return _shape(msgspec.json.decode(encode_body(body)))


def _shape(value: object) -> object:
    match value:
        case dict():
            parts = cast("dict[str, object]", value)
            return tuple((name, _shape(part)) for name, part in parts.items())
        case list():
            items = cast("Sequence[object]", value)
            return ("list", *{_shape(part) for part in items})
        case _:
            return type(value).__name__


def seen_by(seat: str, messages: Sequence[Message]) -> View:
    """
    What *seat* could tell of each message it hears, in the order of its hearing.

    Whoever comes late knows it; that one's view begins with its coming.
    """
    view: View = []
    heard = views(messages).get(seat, [])
    while seat == LATE and heard and heard[0].room != "hall":
        heard.pop(0)
    for m in heard:
        company = m.body.seats if isinstance(m.body, Joined) else ()
        view.append((m.room, m.sender, m.inc, m.kind, company, shape(m.body)))
    return view


def learnt(seat: str, messages: Sequence[Message]) -> list[str]:
    """The names that *seat* learns from what it hears, in their order."""
    names: list[str] = []
    for m in views(messages).get(seat, ()):
        company = m.body.seats if isinstance(m.body, Joined) else ()
        names += [n for n in (m.sender, *company) if n not in names]
    return names


def leaks(run: Sequence[Message], other: Sequence[Message]) -> list[str]:
    """By what a seat could tell the runs apart; empty if by nothing."""
    found: list[str] = []
    for seat in (*HERE, LATE):
        if learnt(seat, run) != learnt(seat, other):
            found.append(f"{seat} learns other names")
        if seen_by(seat, run) != seen_by(seat, other):
            found.append(f"{seat} sees other messages")
        for m in views(run).get(seat, ()):
            told = f"{m.room} {m.sender} {m.kind} {encode_body(m.body).decode()}"
            found += [f"{seat} hears of {word}" for word in SECRETS if word in told]
    return found


@in_no_time
async def test_no_seat_can_tell_an_adversary_from_whoever_comes_late() -> None:
    """By nothing that it hears, and nor can the adversary."""
    assert leaks(await injected(), await late()) == []


@in_no_time
async def test_no_seat_can_tell_from_the_log_that_links_or_seats_are_disturbed() -> (
    None
):
    """What is done to them is in a room that nobody is in, and nothing else is said."""
    run = await beset()

    assert leaks(run, await late()) == []
    assert len([m for m in run if isinstance(m.body, Onset)]) == 6
    assert [m for m in run if isinstance(m.body, Toggled)]


def overheard(troupe: Troupe) -> list[str]:
    """What minds have observed that is nothing for them."""
    return [
        f"{seat} observes {m.kind} in {m.room}"
        for seat, players in troupe.players.items()
        for player in players
        for m in player.events
        if m.room not in ("hall", PHASES, inbox(CONDUCTOR), inbox(seat))
    ]


@in_no_time
async def test_no_mind_is_told_what_is_done_to_it() -> None:
    """Its host hears of it among what the seat hears, and keeps it to itself."""
    troupe = Troupe(receiving(), seats(3, ponder_probes))
    await beset(troupe)

    assert overheard(troupe) == []


def test_a_host_that_tells_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: links that pass on what turns them."""
    turn = Links.turn

    def tell(links: Links, event: Message) -> list[Message]:
        return [event, *turn(links, event)]

    monkeypatch.setattr(Links, "turn", tell)

    @in_no_time
    async def run() -> None:
        troupe = Troupe(receiving(), seats(3, ponder_probes))
        await beset(troupe)
        assert "L2 observes onset in @truth" in overheard(troupe)

    run()


@in_no_time
async def test_the_views_are_not_empty() -> None:
    """A control: the late one hears of its coming, is asked, and the others hear it."""
    run = await injected()

    assert any(isinstance(m.body, Onset) for m in run)
    assert learnt("L1", run) == ["conductor", *HERE, LATE]
    assert [told[3] for told in seen_by(LATE, run)].count("contribution") >= 6


def _named(m: Message) -> Message:
    if isinstance(m.body, Joined) and LATE in m.body.seats:
        return msgspec.structs.replace(m, sender=OPERATOR)
    return m


def _stepless(m: Message) -> Message:
    if isinstance(m.body, Joined) and LATE in m.body.seats:
        return msgspec.structs.replace(m, body=Joined(seats=m.body.seats))
    return m


def _in_the_open(m: Message) -> Message:
    return msgspec.structs.replace(m, room="hall") if m.room == TRUTH else m


def _renamed(m: Message) -> Message:
    return msgspec.structs.replace(m, sender="mallory") if m.sender == LATE else m


def _reborn(m: Message) -> Message:
    return msgspec.structs.replace(m, inc=2) if m.sender == LATE else m


@pytest.mark.parametrize(
    "plant",
    [_named, _stepless, _in_the_open, _renamed, _reborn],
    ids=lambda p: p.__name__,
)
def test_a_leak_that_is_planted_is_found(plant: Callable[[Message], Message]) -> None:
    """By who says it, by a field, by the room, by a name, by an incarnation."""

    @in_no_time
    async def run() -> None:
        assert leaks([plant(m) for m in await injected()], await late())

    run()


def test_a_message_more_is_found() -> None:
    """A word to everybody when somebody comes is one too many."""
    scribe = Scribe()
    scribe.write(Joined(seats=HERE, step=1), room="hall")
    plain = list(scribe.messages)
    scribe.write(Joined(seats=(), step=1), room="hall")

    assert leaks(scribe.messages, plain)
