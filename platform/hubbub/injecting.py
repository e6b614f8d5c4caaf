"""Injecting into a run that goes on: requests from outside, each in the log once."""

from collections.abc import Callable

import msgspec

from hubbub.bus.base import Bus, Voice
from hubbub.chaos import check_target
from hubbub.errors import BadPopulation, Fenced, UnknownName, UsageError
from hubbub.groups import Group
from hubbub.injections import Injection, request
from hubbub.launch import read_cast, read_terms
from hubbub.messages import Body, Ejected, Injected, Switched
from hubbub.names import TRUTH
from hubbub.population import Cast
from hubbub.situation import Situation, operating
from hubbub.truth import Entry, Truth, check_trigger


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
            async with operating(bus) as (situation, voice):
                if known := situation.truth.entries.get(injection.id):
                    return _same(injection, known.what)
                ids = situation.truth.entries
                what = request(injection, situation.seats(cast), ids)
                cast.check(what)
                await check_target(what, bus)
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

    def wish(entry: Entry) -> Body | None:
        sooner = entry.eject is None or (entry.eject and not at)
        return Ejected(id=id, at=at) if sooner and entry.state != "over" else None

    await _ask(bus, id, wish)


async def pause(bus: Bus, id: str, at: str = "") -> None:
    """
    Ask the run on *bus* that injection *id* holds no longer, from the trigger *at* on.

    It has not ended, and goes on with `resume`.  One that is yet to begin does so no
    sooner.  Asked again it changes nothing.  Raises `UsageError` for what is over, and
    what `inject` raises.
    """
    await _switch(bus, Switched(id=id, on=False, at=check_trigger(at)))


async def resume(bus: Bus, id: str, at: str = "") -> None:
    """Ask that injection *id* holds again, from the trigger *at* on; as `pause`."""
    await _switch(bus, Switched(id=id, on=True, at=check_trigger(at)))


async def _switch(bus: Bus, switch: Switched) -> None:
    def wish(entry: Entry) -> Body | None:
        if entry.state == "over":
            raise UsageError(f"injection {switch.id} is over")
        done = not switch.at and entry.wanted == switch.on
        return None if done or switch in entry.switches else switch

    await _ask(bus, switch.id, wish)


async def _ask(bus: Bus, id: str, wish: Callable[[Entry], Body | None]) -> None:
    """Say what is to be said of injection *id* as it is, if anything."""
    while True:
        try:
            async with operating(bus) as (situation, voice):
                entries = situation.truth.entries
                if id not in entries:
                    raise UnknownName("injection", id, list(entries))
                if body := wish(entries[id]):
                    await _say(voice, situation, body)
                return
        except Fenced:
            continue


async def read_truth(bus: Bus) -> Truth:
    """All injections of the run on *bus*, as its log has them now."""
    situation = Situation()
    await situation.read(bus)
    return situation.truth


async def _say(voice: Voice, situation: Situation, body: Body) -> None:
    await voice.say(TRUTH, body, seen=situation.cursor)


def _same(injection: Injection, known: Injected) -> Injected:
    """*known*, if that is what *injection* asks for."""
    names = injection.names or known.seats
    new = injection.surface == "participant"
    sitting = dict.fromkeys((*(() if new else names), *injection.peers), True)
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
