"""Play a scenario in process with minds of one's own, and read what came of it."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from hashlib import sha256

import anyio
import msgspec

from hubbub.bus import MemoryBus
from hubbub.bus.base import Bus
from hubbub.latency import Latency
from hubbub.log import GENESIS, Audit, chain, with_hash
from hubbub.messages import (
    KIND_OF,
    Asked,
    Body,
    Contributed,
    Draft,
    Injected,
    Joined,
    Left,
    Message,
    Onset,
    Passed,
    RoundBegan,
    Said,
    Started,
    decode_line,
    encode_body,
)
from hubbub.mind import Ask, Mind, Part, Question, Wrapper
from hubbub.models.base import Model
from hubbub.names import CONDUCTOR, PHASES
from hubbub.population import Cast, Population
from hubbub.questions import Speech, Turn
from hubbub.scenario import Scenario
from hubbub.terms import Terms, on_terms
from hubbub.worker import UNBOUNDED

from .house import STUCK, House

Act = Callable[["Player", Ask], Awaitable[object]]

# -- minds


class Number(msgspec.Struct, frozen=True):
    """An answer."""

    value: int


class Guess(Question[Number], frozen=True, kw_only=True, tag="guess"):
    """Guess a number *about* something."""

    about: str = ""


class Player(Mind):
    """Does as *act* says and keeps what it has observed."""

    def __init__(self, part: Part, act: Act) -> None:
        super().__init__(part)
        self.seat = part.seat
        self.events: list[Message] = []
        self._act = act
        self._digest = b""

    def observe(self, event: Message) -> None:
        self.events.append(event)
        head = f"{event.room} {event.sender} {event.kind} ".encode()
        self._digest = sha256(self._digest + head + encode_body(event.body)).digest()

    @property
    def memory(self) -> str:
        """A digest of everything observed, in its order, but for numbers and times."""
        return self._digest.hex()[:12]

    async def act(self, ask: Ask) -> object:
        return await self._act(self, ask)


class Dumb(Wrapper):
    """Has heard everything, and passes whatever is asked."""

    async def act(self, ask: Ask) -> object:
        return None


async def remember(player: Player, ask: Ask) -> object:
    """
    Answer with all that was observed, so that nothing lost or doubled stays unseen.

    In conversations, leave one time in five.
    """
    if isinstance(ask.question, Turn):
        return Speech(player.memory, leave=ask.rng.random() < 0.2)
    return Number(int(player.memory or "0", 16) ^ ask.rng.getrandbits(32))


async def decline(player: Player, ask: Ask) -> object:
    """Pass whatever is asked."""
    return None


async def ponder(player: Player, ask: Ask) -> object:
    """Never answer."""
    await anyio.sleep_forever()
    raise AssertionError


def always(answer: object) -> Act:
    """Give one *answer* to everything."""

    async def act(player: Player, ask: Ask) -> object:
        return answer

    return act


def chatter(turns: int = 100) -> Act:
    """Say who speaks for the how-manieth time, and leave at turn number *turns*."""

    async def act(player: Player, ask: Ask) -> object:
        assert isinstance(ask.question, Turn)
        turn = ask.question.turn
        return Speech(f"{player.seat} {turn}", leave=turn == turns)

    return act


class Troupe(Cast):
    """A cast of objects: a scenario, and for each seat what its mind does."""

    def __init__(
        self,
        scenario: Scenario,
        acts: Mapping[str, Act],
        seed: int = 1,
        **parameters: object,
    ) -> None:
        self.scenario = scenario
        self.population = Population(scenario=scenario.name, seed=seed)
        self.parameters = scenario.bind(parameters)
        self.names = tuple(acts)
        #: Every mind that was made for a seat, one for each of its hosts.
        self.players: defaultdict[str, list[Player]] = defaultdict(list)
        self.declared: tuple[Injected, ...] = ()
        self._newcomers: dict[str, Injected] = {}
        self._acts = dict(acts)
        #: What the minds of those do who come into the run.
        self.newcomer: Act = remember

    def welcome(self, what: Injected) -> None:
        self._newcomers |= dict.fromkeys(what.seats, what)
        for seat in what.seats:
            self._acts.setdefault(seat, self.newcomer)

    def is_remote(self, seat: str) -> bool:
        """Nobody's mind is outside."""
        return False

    def check(self, what: Injected) -> None:
        """Whatever is injected can be."""

    def latency(self, seat: str) -> Latency:
        return Latency()

    def wrap(self, what: Injected, seat: str, inner: Mind) -> Wrapper:
        return Dumb(inner.part, inner)

    def mind(self, seat: str) -> Player:
        part = Part(seat=seat, seats=self.names, seed=self.population.seed)
        self.players[seat].append(Player(part, self._acts[seat]))
        return self.players[seat][-1]

    def player(self, seat: str) -> Player:
        """The newest mind of *seat*."""
        return self.players[seat][-1]


def seats(count: int, act: Act = remember) -> dict[str, Act]:
    """*count* seats that all do as *act* says."""
    return {f"L{i}": act for i in range(1, count + 1)}


async def play(
    cast: Cast,
    bus: Bus | None = None,
    *,
    workers: int = 1,
    models: Mapping[str, Model] | None = None,
    terms: Terms = UNBOUNDED,
) -> list[Message]:
    """Play *cast*'s run to its end, or on from where *bus* has it; the audited log."""
    bus = bus or MemoryBus()
    await bus.note(**on_terms(terms))
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            house = House(cast, tasks, bus, models=models, terms=terms)
            for _ in range(workers):
                house.worker()
            house.conductor()
    return await read_all(bus)


# -- logs


class Scribe:
    """Writes a log by hand, numbered as a bus would number it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._n: Counter[str] = Counter()
        self._no: Counter[str] = Counter()

    def write(
        self, body: Body, sender: str = CONDUCTOR, room: str = PHASES, *, seen: int = -1
    ) -> Message:
        """The next message; its sender has read everything, or up to *seen*."""
        seq = len(self.messages) + 1
        self._n[room] += 1
        self._no[sender] += 1
        message = Message(
            seq=seq,
            room=room,
            n=self._n[room],
            at=0,
            sender=sender,
            no=self._no[sender],
            inc=1,
            seen=seq - 1 if seen < 0 else seen,
            kind=KIND_OF[type(body)],
            body=body,
        )
        self.messages.append(message)
        return message


async def read_all(bus: Bus) -> list[Message]:
    """The whole log, of which everything holds that must."""
    audit, digest = Audit(), GENESIS
    messages: list[Message] = []
    for _, line in await bus.lines(0, limit=1_000_000):
        digest = chain(digest, line)
        audit.check(with_hash(line, digest))
        messages.append(decode_line(line))
    return messages


async def bus_with(messages: Sequence[Message]) -> MemoryBus:
    """A bus that holds *messages* of a run whose processes have all died."""
    bus = MemoryBus()
    inc: dict[str, int] = defaultdict(int)
    for m in messages:
        while inc[m.sender] < m.inc:
            await bus.claim("dead", [m.sender])
            inc[m.sender] += 1
        await bus.post(
            [
                Draft(
                    room=m.room,
                    sender=m.sender,
                    inc=m.inc,
                    no=m.no,
                    seen=m.seen,
                    body=m.body,
                )
            ]
        )
    return bus


def contributions(messages: Iterable[Message]) -> dict[str, tuple[str, str]]:
    """How each ask ended, and with which answer."""
    return {
        body.ask: (body.outcome, bytes(body.answer).decode())
        for m in messages
        if isinstance(body := m.body, Contributed)
    }


def conversations(messages: Iterable[Message]) -> dict[str, list[tuple[str, str]]]:
    """What was said in each room, by whom, in order; a pass is said as nothing."""
    rooms: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for m in messages:
        match m.body:
            case Said(text=text) | Left(text=text, turn=str()) if text:
                rooms[m.room].append((m.sender, text))
            case Passed(outcome=outcome):
                rooms[m.room].append((m.sender, outcome))
            case _:
                pass
    return rooms


def views(messages: Iterable[Message]) -> dict[str, list[Message]]:
    """What each seat hears, by membership: the log read by the letter of the rule."""
    heard: defaultdict[str, list[Message]] = defaultdict(list)
    members: defaultdict[str, set[str]] = defaultdict(set)
    probes: set[str] = set()
    started: set[str] = set()
    for m in messages:
        here = set(members[m.room])
        if m.room.startswith("@"):
            here.add(m.room[1:])
        match m.body:
            case Joined(seats=names):
                members[m.room].update(names)
                here |= set(names)
            case Left(seats=names):
                members[m.room].difference_update(names)
            case Asked(probe=True, ask=ask):
                probes.add(ask)
                continue
            case Contributed(ask=ask) if ask in probes:
                continue
            case Contributed():
                here |= {m.sender}
            case RoundBegan():
                here |= started
            case Started(seats=names):
                started.update(names)
            case Onset(what=what) if what.surface == "participant":
                started.update(what.seats)
            case _:
                pass
        for seat in here:
            heard[seat].append(m)
    return heard


def asked(messages: Iterable[Message], step: int) -> list[str]:
    """Who was asked in *step*, in order."""
    return [
        m.room.removeprefix("@")
        for m in messages
        if isinstance(m.body, Asked) and m.body.step == step
    ]
