"""
Faults planted in the product, each of which the suite must catch.

They are planted in the processes of a tortured run alone; the product has no switch.
"""

import time
from collections.abc import Callable
from hashlib import sha1
from typing import Any, Literal, NamedTuple
from uuid import uuid4

import anyio
import redis.asyncio

from hubbub.bus import redis as bus_redis
from hubbub.bus import server, settings
from hubbub.bus.hearing import RedisSubscription
from hubbub.journal import Journal, Step
from hubbub.messages import Contributed, PhaseClosed, PhaseOpened
from hubbub.models import openai
from hubbub.phases import Phases

from .journals import replace

#: The script's answer to a number that it has seen.
_DEDUPE = """  if tonumber(no) <= tonumber(last) then
    return find(sender, no, place)
  end
"""
_FENCE = """  if inc ~= current then
    return {'fenced', '0', '0', '0'}
  end
"""


def _private(owner: Any, name: str) -> Any:
    return getattr(owner, name)


def _edit_script(old: str, new: str) -> None:
    script = _private(bus_redis, "_POST")
    source = script.source.decode()
    assert source.count(old) == 1, "the script is another: plant this anew"
    script.source = source.replace(old, new).encode()
    script.digest = sha1(script.source, usedforsecurity=False).hexdigest()


def everysec() -> None:
    """The server answers before its disk has what it answers for."""
    for known in (_private(server, "_SETTINGS"), _private(settings, "_REQUIRED")):
        known["appendfsync"] = "everysec"


def default_retries() -> None:
    """Posts go through the client's own pool and retries, and the server numbers them."""
    _edit_script(_DEDUPE, "  no = string.format('%d', last + 1)\n")

    async def send(self: Any, arguments: list[str | int | bytes]) -> Any:
        link = _private(self, "_link")
        if not hasattr(link, "client"):
            known = _private(link, "_pool").connection_kwargs
            plain: Any = redis.asyncio.Redis
            link.client = plain(
                unix_socket_path=known["path"],
                username=known.get("username"),
                password=known.get("password"),
            )
        script, keys = _private(bus_redis, "_POST"), _private(self, "_keys")
        prefix = _private(self, "_prefix")
        return await link.client.eval(
            script.source, len(keys), *keys, prefix, *arguments
        )

    replace(bus_redis.RedisBus, "_send", send)


def tail_only() -> None:
    """Who connects again reads on from the log's end, as ``XREAD ... $`` does."""
    tune_in = _private(RedisSubscription, "_tune_in")

    async def from_the_end(self: Any) -> None:
        again = hasattr(self, "was_tuned")
        await tune_in(self)
        if again:
            link, log = _private(self, "_link"), _private(self, "_prefix") + "log"
            last = await link.ask("XREVRANGE", log, "+", "-", "COUNT", 1)
            self.cursor = int(last[0][0].partition(b"-")[0])
            replace(self, "_rooms", dict.fromkeys(_private(self, "_rooms"), 0))
        self.was_tuned = True

    replace(RedisSubscription, "_tune_in", from_the_end)


def no_dedupe() -> None:
    """A number that comes again is another message."""
    _edit_script(_DEDUPE, "  last = string.format('%d', no - 1)\n")


def no_fencing() -> None:
    """Whoever once had a seat goes on speaking for it."""
    _edit_script(_FENCE, "")


def close_by_clock() -> None:
    """What came before the deadline on the clock counts, not what came before the end."""

    def deadline(step: Step, budget: float) -> float:
        assert step.made is not None
        return step.made.at / 1000 + budget

    async def gather(self: Phases, step: Step, opened: PhaseOpened) -> PhaseClosed:
        end = deadline(step, opened.budget)
        while len(step.given) < len(opened.seats) and time.time() < end:
            with anyio.move_on_after(0.05):
                await step.change()
        whole = len(step.given) == len(opened.seats)
        why: Literal["all", "deadline"] = "all" if whole else "deadline"
        return PhaseClosed(step=opened.step, why=why)

    def count(self: Journal, seat: str, given: Contributed) -> None:
        self.unanswered.discard(given.ask)
        step = self.step(given.step)
        made = step.made and step.made.body
        if not isinstance(made, PhaseOpened):
            return
        if time.time() <= deadline(step, made.budget):
            step.given.setdefault(seat, given)
            step.touch()

    replace(Phases, "_gather", gather)
    replace(Journal, "_apply_contribution", count)


def fresh_keys() -> None:
    """A model call that is made again is another call to whoever is paid for it."""

    def key(*_: object) -> str:
        return uuid4().hex

    replace(openai, "call_key", key)


class Plant(NamedTuple):
    """How it is planted, the *fault* under which it must show, and as what at least."""

    sow: Callable[[], None]
    fault: str
    shows: frozenset[str]


_LOST = frozenset({"ended", "reader", "missing", "phantom", "taken back"})
_TWICE = frozenset({"twice"})
#: Where the server numbers, what comes twice moves all that comes after it.
_MOVED = frozenset({"twice", "missing", "phantom", "order"})
_UNHEARD = frozenset({"stands still", "unheard", "changed"})

PLANTS = {
    "everysec": Plant(everysec, "power-server", _LOST),
    "default-retries": Plant(default_retries, "cut-after", _MOVED),
    "tail-only": Plant(tail_only, "cut-before", _UNHEARD),
    "no-dedupe": Plant(no_dedupe, "cut-after", _TWICE),
    "no-fencing": Plant(no_fencing, "wake-crowd", frozenset({"missing", "phantom"})),
    "close-by-clock": Plant(close_by_clock, "clock-server", frozenset({"changed"})),
    "fresh-keys": Plant(fresh_keys, "paid-kill-worker", frozenset({"paid twice"})),
}


def plant(name: str) -> None:
    """Plant the fault called *name* in this process; none for an empty one."""
    if name:
        PLANTS[name].sow()
