"""
Play random games while random processes die, and check what must hold all the same.

    python -m tests.simulation --first 0 --count 1000

Time leaps, so a run takes as long as its computing does; the seed is the whole run.
Exits 1 when anything was wrong, and names the seeds.
"""

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import combinations
from math import inf
from typing import Any, NamedTuple

import anyio
import anyio.abc
import click
import msgspec
import structlog

from hubbub import injecting
from hubbub.bus import MemoryBus
from hubbub.bus.base import Bus
from hubbub.chance import generator
from hubbub.chaos import stops
from hubbub.errors import ModelError, RunFailed, RunOver, UsageError
from hubbub.impairments import DIRECTIONS
from hubbub.links import Links
from hubbub.messages import (
    Asked,
    Body,
    Called,
    Contributed,
    Ejected,
    Injected,
    Joined,
    Left,
    Lifted,
    Message,
    Onset,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Remembered,
    Resulted,
    Said,
    Surface,
    Switched,
    Toggled,
)
from hubbub.mind import Ask
from hubbub.models.base import Model, Prompt, Reply, Request
from hubbub.names import CONDUCTOR
from hubbub.population import Injection
from hubbub.questions import Speech, Turn
from hubbub.replay import replay
from hubbub.scenario import Scenario, scenario
from hubbub.seat import ask_of
from hubbub.stage import Stage
from hubbub.tape import MemoryTape

from .house import STUCK, House, Process
from .leaping import in_no_time
from .playing import (
    Guess,
    Number,
    Player,
    Troupe,
    contributions,
    conversations,
    play,
    read_all,
    remember,
    seats,
    views,
)

Deed = Callable[[Stage], Awaitable[None]]

SEATS = [f"L{i}" for i in range(1, 6)]
ROOMS = ["hall", "yard"]
SURFACES: Sequence[Surface] = ("participant", "compromise", "impair", "chaos")
#: Seconds a seat has where nobody is to be late, however often hosts die.
AMPLE = 2_000.0
#: How often at most something is done to a process in one run.
BLOWS = 8


# -- games


def some(rng: random.Random, least: int = 1) -> list[str]:
    """At least *least* seats, in any order."""
    return rng.sample(SEATS, rng.randint(least, len(SEATS)))


def calm_deed(rng: random.Random) -> Deed:
    """A deed whose course depends on nothing but what the minds have heard."""
    names, room, two = some(rng), rng.choice(ROOMS), some(rng, 2)[:2]
    pairs = rng.sample(list(combinations(SEATS, 2)), rng.randint(1, 6))
    turns = rng.randint(1, 4)

    async def collect(stage: Stage) -> None:
        await stage.collect(Guess(), names, budget=AMPLE)

    async def probe(stage: Stage) -> None:
        await stage.probe(Guess(), names, budget=AMPLE)

    async def take_turns(stage: Stage) -> None:
        await stage.turns(Guess(), names, room=room, budget=AMPLE)

    async def dyads(stage: Stage) -> None:
        await stage.chats(pairs, turns=turns)

    async def talk(stage: Stage) -> None:
        await stage.chat(room, two, turns=turns, opener=two[0])

    async def open_room(stage: Stage) -> None:
        await stage.open_room(room, names)

    async def dismiss(stage: Stage) -> None:
        await stage.dismiss(room, names)

    async def post(stage: Stage) -> None:
        await stage.post(room, f"{stage.rng.random()}")
        await stage.tick(f"@{names[0]}", "weather", stage.rng.random())
        await stage.result("drawn", stage.rng.random())

    deeds: list[Deed] = [collect, probe, take_turns, dyads, dyads, talk, post]
    return rng.choice([*deeds, open_room, dismiss])


def wild_deed(rng: random.Random) -> Deed:
    """A deed in which it matters who is quick: quorums, deadlines, crossing words."""
    names, room = some(rng, 2), rng.choice(ROOMS)
    quorum, budget = rng.choice([0.0, 0.3, 0.5, 1.0]), rng.choice([0.5, 2.0, 20.0])
    pause, turns = rng.choice([None, 0.0, 3.0]), rng.randint(1, 4)
    limit = rng.choice([0.5, 2.0, 20.0])
    opener = rng.choice(["", names[0]])

    async def collect(stage: Stage) -> None:
        found = await stage.collect(Guess(), names, budget=budget, quorum=quorum)
        await stage.result("collected", Told(dict(found.outcomes), dict(found)))

    async def talk(stage: Stage) -> None:
        said = await stage.chat(
            room,
            names,
            turns=turns,
            opener=opener,
            pause=pause,
            budget=budget,
            limit=limit,
        )
        await stage.result("said", said)

    return rng.choice([collect, talk])


def besieged_game(seed: int) -> Scenario:
    """A game that takes in whoever comes, with a room that everybody is in."""
    rng = random.Random(seed)
    rounds = rng.randint(2, 6)
    deeds = [rng.choice([calm_deed, wild_deed])(rng) for _ in range(rounds)]
    open_hall = rng.random() < 0.7

    @scenario(asks=[Guess], newcomers=True)
    async def game(stage: Stage) -> None:
        if open_hall:
            await stage.open_room("square", SEATS)
        async for number in stage.rounds(rounds):
            found = await stage.collect(Guess(), budget=AMPLE)
            await stage.result("collected", Told(dict(found.outcomes), dict(found)))
            await stage.turns(Guess(), stage.seats[-2:], room="square", budget=AMPLE)
            await stage.chat("park", stage.seats, turns=2, pause=2.0, limit=AMPLE)
            await deeds[number - 1](stage)

    return game


class Operator:
    """
    Injects, ejects, pauses and resumes at random moments, some of it twice.

    It injects what is of *surfaces*.
    """

    def __init__(
        self, bus: Bus, cast: Troupe, rng: random.Random, surfaces: Sequence[Surface]
    ) -> None:
        self._bus = bus
        self._cast = cast
        self._rng = rng
        self._surfaces = surfaces

    async def make(self) -> None:
        """Ask for something now and then, as long as the run goes on."""
        for number in range(self._rng.randint(1, 20)):
            await anyio.sleep(self._rng.expovariate(0.4))
            # It may also be over already, or nobody may be there to be struck.
            with suppress(RunOver, RunFailed, UsageError):
                await self._ask(f"x{number}")

    async def _ask(self, id: str) -> None:
        known = list((await injecting.read_truth(self._bus)).entries)
        if known and self._rng.random() < 0.5:
            deeds = [injecting.eject, injecting.pause, injecting.resume]
            deed, which = self._rng.choice(deeds), self._rng.choice(known)
            await deed(self._bus, which, self._when())
            return
        injection = Injection(
            id=id,
            at=self._when(),
            until=self._rng.choice(["", "", "round:4", "phase:collect"]),
            seed=self._rng.getrandbits(20),
            **self._what(),
        )
        for _ in range(self._rng.randint(1, 2)):
            await injecting.inject(self._bus, injection, self._cast)

    def _what(self) -> dict[str, Any]:
        """What is injected, and into whom."""
        match surface := self._rng.choice(self._surfaces):
            case "impair":
                said = impairment(self._rng)
            case "chaos":
                said = blow(self._rng)
            case _:
                said = {"mind": "silent", "count": self._rng.randint(1, 3)}
        return {"surface": surface, **said}

    def _when(self) -> str:
        seq = self._rng.randint(1, 300)
        return self._rng.choice(["", "", f"seq:{seq}", "round:3", "phase:chat"])


def impairment(rng: random.Random) -> dict[str, Any]:
    """Something on the links of some seats."""
    kind, options = rng.choice(
        [
            ("drop", {"p": rng.random()}),
            ("delay", {"mean": rng.choice([0.1, 5.0]), "law": "exponential"}),
            ("delay", {"mean": 2.0}),
            ("duplicate", {"p": rng.random(), "within": rng.randint(1, 9)}),
            ("reorder", {"window": rng.randint(1, 9)}),
            ("partition", {}),
            ("eclipse", {}),
        ]
    )
    peers = rng.sample([*SEATS, CONDUCTOR], rng.randint(kind == "eclipse", 3))
    return {
        "kind": kind,
        "options": options,
        "count": rng.randint(1, 3),
        "direction": rng.choice(["", *DIRECTIONS]),
        "peers": tuple(peers),
        "rooms": rng.choice([(), (), ("square", "park")]),
    }


def blow(rng: random.Random) -> dict[str, Any]:
    """A death or a pause, of seats or of a process."""
    role = rng.choice(["", "", "worker", "conductor"])
    kind = rng.choice(["kill", "pause"])
    return {
        "kind": kind,
        "role": role,
        "count": 0 if role else rng.randint(1, 3),
        "options": {"seconds": rng.uniform(0.1, 8)} if kind == "pause" else {},
    }


class Told(msgspec.Struct):
    """What a scenario was told that a phase brought in."""

    outcomes: dict[str, str]
    answers: dict[str, Number]


def game(seed: int, *, wild: bool) -> Scenario:
    """The game of *seed*; a *wild* one is not the same when it is disturbed."""
    rng = random.Random(seed)
    deeds = [calm_deed(rng) for _ in range(rng.randint(3, 9))]
    if wild:
        for _ in range(3):
            deeds.insert(rng.randrange(len(deeds)), wild_deed(rng))

    @scenario(asks=[Guess])
    async def game(stage: Stage) -> None:
        await stage.open_room("hall", SEATS[:3])
        for deed in deeds:
            await deed(stage)

    return game


async def think(player: Player, ask: Ask) -> object:
    """Remember, after a while."""
    await anyio.sleep(ask.rng.expovariate(2))
    return await remember(player, ask)


async def waver(player: Player, ask: Ask) -> object:
    """Think; now and then pass, or break down."""
    await anyio.sleep(ask.rng.expovariate(1))
    mood = ask.rng.random()
    if mood < 0.1:
        return None
    if mood < 0.15 and not isinstance(ask.question, Turn):
        raise RuntimeError("broken down")
    return await remember(player, ask)


class Muser(Model):
    """Takes its time, says something that depends on the request, sometimes fails."""

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        rng = generator(request.draw, request.prompts[0].content)
        await anyio.sleep(rng.expovariate(1))
        if rng.random() < 0.05:
            raise ModelError("server", "out of order")
        return Reply(text=f"{rng.getrandbits(32)}")


async def consult(player: Player, ask: Ask) -> object:
    """Ask a model once or more, patiently or not, remember what it says, and use it."""
    request = Request(model="fake/m", prompts=(Prompt("user", player.memory),))
    words = ""
    for draw in range(1, 1 + ask.rng.randint(1, 3)):
        with anyio.move_on_after(ask.rng.choice([1.5, 100])):
            words += (await ask.complete(request)).text
        if ask.rng.random() < 0.5:
            memory = f"{ask.id}/m{draw}"
            await ask.remember(Remembered(memory=memory, form="note", text=words))
        await anyio.sleep(ask.rng.expovariate(2))
    if isinstance(ask.question, Turn):
        return Speech(words, leave=ask.rng.random() < 0.1)
    return Number(len(words))


# -- disturbance


class Trouble:
    """Does to the processes of a house what can be done to processes."""

    def __init__(self, house: House, rng: random.Random) -> None:
        self._house = house
        self._rng = rng
        self._workers = [house.worker() for _ in range(rng.randint(1, 3))]
        self._conductors = [house.conductor() for _ in range(rng.randint(1, 2))]

    async def make(self, tasks: anyio.abc.TaskGroup) -> None:
        """Strike now and then."""
        for _ in range(self._rng.randint(0, BLOWS)):
            await anyio.sleep(self._rng.expovariate(0.4))
            kind = self._rng.choice(["worker", "worker", "conductor"])
            processes = self._workers if kind == "worker" else self._conductors
            victim = processes.pop(self._rng.randrange(len(processes)))
            tasks.start_soon(self._strike, victim)
            processes.append(
                self._house.worker() if kind == "worker" else self._house.conductor()
            )

    async def _strike(self, victim: Process) -> None:
        while_ = self._rng.uniform(0.1, 15)
        match self._rng.choice(["kill", "kill", "stop", "freeze", "mute"]):
            case "kill":
                victim.kill()
            case "stop":
                victim.stop()
            case "freeze":
                victim.wire.freeze()
                await anyio.sleep(while_)
                victim.wire.thaw()
            case _:
                victim.wire.mute = True
                await anyio.sleep(while_)
                victim.wire.mute = False


async def disturbed(cast: Troupe, rng: random.Random) -> list[Message]:
    """Play *cast*'s run while processes and seats die or stand still; the audited log."""
    bus, models = MemoryBus(clock=anyio.current_time), {"fake/m": Muser()}
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(cast, tasks, bus, models=models, rng=rng)
            tasks.start_soon(Operator(bus, cast, rng, ["chaos"]).make)
            await Trouble(house, rng).make(tasks)
    return await read_all(bus)


@in_no_time
async def besieged(seed: int) -> None:
    """Who is injected comes once and goes once, whoever dies meanwhile."""
    rng = random.Random(seed)
    cast = Troupe(besieged_game(seed), seats(5, waver), seed)
    # What is delayed goes by the time that leaps.
    bus = MemoryBus(clock=anyio.current_time)
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(cast, tasks, bus, rng=rng)
            tasks.start_soon(Operator(bus, cast, rng, SURFACES).make)
            await Trouble(house, rng).make(tasks)
    await check(cast, await read_all(bus))


# -- what must hold


async def check(cast: Troupe, messages: list[Message]) -> None:
    """What holds of every run, whatever was done to it."""
    await replay(cast, MemoryTape(messages))
    made = Counter(
        (m.kind, getattr(m.body, "step", 0))
        for m in messages
        if m.sender == CONDUCTOR and m.kind != "ask" and not ushered(m)
    )
    assert set(made.values()) <= {1}, "a step was made twice"
    check_deadlines(messages)
    check_minds(cast, messages)
    check_pauses(messages)
    check_chats(messages)
    check_collects(messages)
    check_calls(messages)
    check_injections(messages)


def ushered(message: Message) -> bool:
    """Whether *message* is of an injection, and of no step."""
    match message.body:
        case Injected() | Onset() | Toggled() | Lifted() | Left(step=0):
            return True
        case Joined(seats=names):
            return not set(names) & set(SEATS)
        case _:
            return False


def check_injections(messages: list[Message]) -> None:
    """Each one begins once and ends once, if it does; its seats sit from then on."""
    asked = {m.body.id: m for m in messages if isinstance(m.body, Injected)}
    began: Counter[str] = Counter()
    over: Counter[str] = Counter()
    joins: Counter[tuple[str, str]] = Counter()
    gone: dict[str, int] = {}
    for m in messages:
        match m.body:
            case Onset(what=what):
                began[what.id] += 1
                assert unaimed(what) == unaimed(asked[what.id].body)
                assert asked[what.id].seq < m.seq
            case Lifted(id=id, surface=surface, seats=names):
                over[id] += 1
                assert began[id], f"{id} ended before it began"
                if surface == "participant":
                    gone |= dict.fromkeys(names, m.seq)
            case Joined(seats=names) if ushered(m):
                joins.update((m.room, name) for name in names)
            case Contributed(outcome=outcome) if m.seen >= gone.get(m.sender, m.seq):
                assert outcome in ("absent", "late"), f"{m.sender} acts on"
            case Said() if m.seen >= gone.get(m.sender, m.seq):
                raise AssertionError(f"{m.sender} speaks on")
            case _:
                pass
    assert set(began.values()) <= {1}, "an injection began twice"
    assert set(over.values()) <= {1}, "an injection ended twice"
    assert set(joins.values()) <= {1}, "a seat came twice"
    at_once = {id for id, m in asked.items() if not m.body.at}  # type: ignore[attr-defined]
    assert not ended_run(messages) or at_once <= cancelled(messages) | began.keys()


class Spell(NamedTuple):
    """From one ``seq`` up to before another the injection *what* holds, or is paused."""

    what: Injected
    on: bool
    start: int
    end: float = inf


def spells(messages: list[Message]) -> list[Spell]:
    """When each injection held and when it was paused, from its onset to its end."""
    now: dict[str, Spell] = {}
    over: list[Spell] = []
    on: dict[str, bool] = {}
    for m in messages:
        match m.body:
            case Onset(what=what):
                assert on.get(what.id, True), f"{what.id} began while it was paused"
                now[what.id] = Spell(what, True, m.seq)
            case Toggled(id=id, on=wanted):
                assert on.get(id, True) != wanted, f"{id} was made what it was"
                on[id] = wanted
                if id in now:
                    over.append(now[id]._replace(end=m.seq))
                    now[id] = Spell(now[id].what, wanted, m.seq)
            case Lifted(id=id):
                over.append(now.pop(id)._replace(end=m.seq))
            case _:
                pass
    return [*over, *now.values()]


def check_pauses(messages: list[Message]) -> None:
    """Nothing is switched to what it was; who stands still or is paused does nothing."""
    found = spells(messages)
    for m in messages:
        if not isinstance(m.body, Contributed | Said | Passed | Left):
            continue
        outcome = getattr(m.body, "outcome", "answered")
        for what, on, start, end in found:
            if m.sender not in what.seats or not start <= m.seen < end:
                continue
            if what.surface == "participant":
                assert on or outcome in ("absent", "late"), f"{m.sender} is paused"
            elif what.surface == "compromise":
                dumb = outcome in ("passed", "absent", "late")
                assert dumb or not on, f"{m.sender} is itself"
            elif what.surface == "chaos" and stops(what) and on:
                assert outcome in ("absent", "late"), f"{m.sender} does not stand still"


def unaimed(body: Body) -> Body:
    """*body* as it was asked for: which process it meets is decided when it begins."""
    aimed = isinstance(body, Injected) and body.surface == "chaos"
    return msgspec.structs.replace(body, group=msgspec.Raw(b"")) if aimed else body


def ended_run(messages: list[Message]) -> bool:
    """Whether the run has had time to take in what was asked."""
    last = next((m.seq for m in reversed(messages) if m.kind == "inject"), 0)
    return any(m.kind == "round" and m.seq > last + 50 for m in messages)


def cancelled(messages: list[Message]) -> set[str]:
    """Injections whose end or pause was asked for."""
    return {m.body.id for m in messages if isinstance(m.body, Ejected | Switched)}


def check_calls(messages: list[Message]) -> None:
    """What is on record is never called or remembered again; each act has one place."""
    made: Counter[str] = Counter()
    places: defaultdict[str, set[int]] = defaultdict(set)
    for m in messages:
        match m.body:
            case Called(call=id) | Remembered(memory=id):
                made[id] += 1
                places[ask_of(id)].add(m.seen)
            case (
                Contributed(ask=act)
                | Said(turn=act)
                | Passed(turn=act)
                | Left(turn=act)
            ) if act in places:
                places[act].add(m.seen)
            case _:
                pass
    assert set(made.values()) <= {1}, "something was called or remembered twice"
    assert all(len(seen) == 1 for seen in places.values()), "an act has two places"


def check_deadlines(messages: list[Message]) -> None:
    """No phase waits for its deadline where there is ample time."""
    ample: set[int] = set()
    for m in messages:
        match m.body:
            case PhaseOpened(step=step) as opened if _time(opened) >= AMPLE:
                ample.add(step)
            case PhaseClosed(step=step, why="deadline"):
                assert step not in ample, f"step {step} was stuck"
            case _:
                pass


def _time(opened: PhaseOpened) -> float:
    return opened.limit if opened.form == "chat" else opened.budget


def check_minds(cast: Troupe, messages: list[Message]) -> None:
    """Every mind there ever was has observed what came to it, in order, once."""
    told = [m for m in messages if isinstance(m.body, Onset | Toggled | Lifted)]
    heard = views(messages)
    for seat in list(cast.players):
        wanted = over_links(seat, cast.population.seed, [*heard[seat], *told])
        for player in cast.players[seat]:
            events = player.events
            assert events == wanted[: len(events)], f"{seat} heard otherwise"


def over_links(seat: str, seed: int, messages: list[Message]) -> list[Message]:
    """What *seat* hears of *messages*, among which are those about all injections."""
    links, heard = Links(seat, seed), list[Message]()
    for m in sorted(messages, key=lambda m: m.seq):
        match m.body:
            case Onset(what=what) if what.surface != "impair":
                pass
            case Toggled(surface=surface) | Lifted(surface=surface) if (
                surface != "impair"
            ):
                pass
            case Onset() | Toggled() | Lifted():
                heard += links.turn(m)
            case _:
                heard += links.hear(m)
    return heard


def check_chats(messages: list[Message]) -> None:
    """Nobody takes more turns than there are; who talks in twos is in one room."""
    turns: dict[int, int] = {}
    taken: Counter[tuple[int, str]] = Counter()
    inside: defaultdict[str, set[str]] = defaultdict(set)
    for m in messages:
        match m.body:
            case PhaseOpened(step=step, turns=most, form="chat"):
                turns[step] = most
            case Said(turn=turn) | Passed(turn=turn) | Left(turn=turn) if turn:
                taken[int(turn.split("/")[0]), m.sender] += 1
            case _:
                pass
        match m.body:
            case Joined(seats=names) if m.room.startswith("chat-"):
                for seat in names:
                    inside[seat].add(m.room)
                    assert len(inside[seat]) == 1, f"{seat} is in two conversations"
            case Left(seats=names):
                for seat in names:
                    inside[seat].discard(m.room)
            case _:
                pass
    for (step, seat), count in taken.items():
        assert count <= turns[step], f"{seat} took {count} turns in step {step}"


def check_collects(messages: list[Message]) -> None:
    """What the scenario was given is what stands in the log before the close."""
    found: dict[int, Told] = {}
    closed: set[int] = set()
    for m in messages:
        match m.body:
            case PhaseOpened(step=step, form="collect", seats=names):
                found[step] = Told(dict.fromkeys(names, "absent"), {})
            case Contributed(step=step) as given if step in found.keys() - closed:
                found[step].outcomes[m.sender] = given.outcome
                if given.outcome == "answered":
                    answer = msgspec.json.decode(given.answer, type=Number)
                    found[step].answers[m.sender] = answer
            case PhaseClosed(step=step):
                closed.add(step)
            case Resulted(step=step, name="collected", value=value):
                told = msgspec.json.decode(value, type=Told)
                assert told == found[step - 1], f"step {step - 1} was told otherwise"
            case _:
                pass


def ended(messages: Iterable[Message]) -> bool:
    """Whether every ask has its end."""
    asks = {m.body.ask for m in messages if isinstance(m.body, Asked)}
    return asks == contributions(messages).keys()


@in_no_time
async def calm(seed: int) -> None:
    """The game of *seed* comes to the same, whatever is done to who plays it."""
    quiet = await play(Troupe(game(seed, wild=False), seats(5, think), seed))
    cast = Troupe(game(seed, wild=False), seats(5, think), seed)
    messages = await disturbed(cast, random.Random(seed))

    await check(cast, messages)
    assert contributions(messages) == contributions(quiet)
    assert conversations(messages) == conversations(quiet)
    assert ended(messages)


@in_no_time
async def wild(seed: int) -> None:
    """Where it matters who is quick, the record is still a record."""
    cast = Troupe(game(seed, wild=True), seats(5, waver), seed)
    await check(cast, await disturbed(cast, random.Random(seed)))


@in_no_time
async def musing(seed: int) -> None:
    """Minds that call models, in open rooms too: whatever is recorded is used."""
    cast = Troupe(game(seed, wild=True), seats(5, consult), seed)
    await check(cast, await disturbed(cast, random.Random(seed)))


@click.command()
@click.option("--first", default=0, help="The first seed.")
@click.option("--count", default=1000, help="How many seeds.")
def main(first: int, count: int) -> None:
    """Simulate, and name the seeds of the runs that went wrong."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    failed: list[str] = []
    for seed in range(first, first + count):
        for run in (calm, wild, musing, besieged):
            try:
                run(seed)
            except Exception as error:  # noqa: BLE001 - whatever went wrong is told
                failed.append(f"{run.__name__} {seed}: {error!r}")
    click.echo("\n".join([*failed, f"{4 * count} runs, {len(failed)} failed"]))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
