"""Injecting into a run that goes on: requests from outside, each in the log once."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from hubbub.bus.base import Bus, Voice
from hubbub.errors import BadPopulation, Fenced, RunFailed, UnknownName, UsageError
from hubbub.groups import Group
from hubbub.injections import Injection, request
from hubbub.launch import read_cast, read_terms
from hubbub.messages import Body, Ejected, Injected
from hubbub.names import OPERATOR, TRUTH
from hubbub.population import Cast
from hubbub.rooms import Rooms
from hubbub.truth import Truth, check_trigger
from hubbub.worker import new_holder

#: Messages of the log that are read at once.
PAGE = 4096


class Situation:
    """A run as somebody finds it who would inject something: a fold of its log."""

    def __init__(self) -> None:
        self.truth = Truth()
        self.rooms = Rooms()
        self.cursor = 0

    async def read(self, bus: Bus) -> None:
        """Read on to the log's end."""
        while page := await bus.read(self.cursor, limit=PAGE):
            for message in page:
                self.truth.apply(message)
                self.rooms.apply(message)
            self.cursor = page[-1].seq

    def seats(self, cast: Cast) -> dict[str, bool]:
        """
        All seats of the run, which *cast* knows then, and whether each sits or is to come.

        Whoever was ejected has had a name, and sits no longer.
        """
        seats = dict.fromkeys(cast.names, True)
        for entry in self.truth.entries.values():
            if entry.what.surface == "participant":
                cast.welcome(entry.what)
                seats |= dict.fromkeys(entry.what.seats, entry.state != "over")
        return seats


async def inject(bus: Bus, injection: Injection, cast: Cast | None = None) -> Injected:
    """
    Ask the run on *bus* for *injection*; what it has become in the log.

    An injection with an id is asked for once: the same again changes nothing.  *cast* is
    the run's, read from *bus* if it is not given.  Raises `UsageError` for what cannot
    be, `RunFailed` where no run has begun, and `RunOver` where it has ended.
    """
    cast = cast or await read_cast(bus)
    await _check_price(bus, injection)
    while True:
        try:
            async with _operator(bus) as (situation, voice):
                if known := situation.truth.entries.get(injection.id):
                    return _same(injection, known.what)
                ids = situation.truth.entries
                what = request(injection, situation.seats(cast), ids)
                cast.check(what)
                await _say(voice, situation, what)
                return what
        except Fenced:
            # Another operator was quicker, and what it asked for counts.
            continue


async def eject(bus: Bus, id: str, at: str = "") -> None:
    """
    Ask the run on *bus* to end injection *id*, at the trigger *at* or at once.

    Asked again it changes nothing.  Raises `UnknownName` and what `inject` raises.
    """
    check_trigger(at)
    while True:
        try:
            async with _operator(bus) as (situation, voice):
                entries = situation.truth.entries
                if id not in entries:
                    raise UnknownName("injection", id, list(entries))
                if entries[id].eject is None and entries[id].state != "over":
                    await _say(voice, situation, Ejected(id=id, at=at))
                return
        except Fenced:
            continue


async def read_truth(bus: Bus) -> Truth:
    """All injections of the run on *bus*, as its log has them now."""
    situation = Situation()
    await situation.read(bus)
    return situation.truth


@asynccontextmanager
async def _operator(bus: Bus) -> AsyncGenerator[tuple[Situation, Voice]]:
    """
    Be the operator: whoever was it before can ask for nothing any more.

    So nothing is asked for that was checked against an older log.
    """
    holder = new_holder("operator")
    claim = (await bus.claim(holder, [OPERATOR]))[OPERATOR]
    situation = Situation()
    await situation.read(bus)
    if not situation.rooms.everybody:
        raise RunFailed(f"run {bus.run} has not begun, or is not on this server")
    yield situation, Voice(bus, OPERATOR, claim)


async def _say(voice: Voice, situation: Situation, body: Body) -> None:
    await voice.say(TRUTH, body, seen=situation.cursor)


def _same(injection: Injection, known: Injected) -> Injected:
    """*known*, if that is what *injection* asks for."""
    names = injection.names or known.seats
    new = injection.surface == "participant"
    sitting = dict.fromkeys(() if new else names, True)
    again = msgspec.structs.replace(injection, names=names, count=0)
    if request(again, sitting, ()) != known:
        raise BadPopulation(f"there is another injection {known.id} already")
    return known


async def _check_price(bus: Bus, group: Group) -> None:
    """Raise `UsageError` where a budget could not be kept."""
    terms = await read_terms(bus)
    model = group.model
    if not model or terms.money is None or terms.allow_unknown:
        return
    if model not in terms.prices:
        raise UsageError(
            f"the run has a budget and does not know the price of {model}: inject it "
            "from the population file, or begin the run with --allow-unknown-price"
        )
