"""Words for tests of buses: who speaks, who hears, and what the log then is."""

import re
from collections import Counter
from collections.abc import Sequence
from math import inf
from random import Random

import anyio

from hubbub.bus import Bus, Role, Subscription, Voice
from hubbub.messages import Body, Draft, Ended, Message, Said

WORKER = Role(kind="worker", host="here", pid=1)
HELLO = Said(text="hello")
END = Ended(steps=1)

#: What a terminal, a line reader or a parser of JSON might trip over, and all of ASCII.
NASTY = [
    "".join(map(chr, range(0x20))),
    "".join(map(chr, range(0x20, 0x100))),
    "\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e",
    "\u2060\u2066\u2067\u2068\u2069\ufeff\ufff9\ufffe\uffff",
    "\U0001f600\U000e0041\U0010ffff",
    '"}\n{"seq":1,"room":"hall","n":1,"at":1,"sender":"a","no":1,',
    "\x1b]0;title\x07\x1b[31m",
]


async def speaker(bus: Bus, seat: str, holder: str = "host") -> Voice:
    """The voice of *seat*, which *holder* claims."""
    return Voice(bus, seat, (await bus.claim(holder, [seat]))[seat])


def draft(
    sender: str, no: int, body: Body = HELLO, *, room: str = "hall", inc: int = 1
) -> Draft:
    """A draft of an incarnation's own numbering."""
    return Draft(room=room, sender=sender, inc=inc, no=no, seen=0, body=body)


async def hear(subscription: Subscription, count: int) -> list[Message]:
    """The next *count* messages that *subscription* hears."""
    heard: list[Message] = []
    with anyio.fail_after(60):
        while len(heard) < count:
            heard += await subscription.next()
    return heard


def places(messages: Sequence[Message]) -> list[int]:
    """Where *messages* stand in the run."""
    return [message.seq for message in messages]


def words(messages: Sequence[Message]) -> list[str]:
    """What *messages* say."""
    return [m.body.text for m in messages if isinstance(m.body, Said)]


async def whole(bus: Bus) -> list[Message]:
    """The whole log, found dense in the run and in each room."""
    log: list[Message] = []
    while page := await bus.read(len(log)):
        log += page
    counts: Counter[str] = Counter()
    for seq, message in enumerate(log, start=1):
        counts[message.room] += 1
        assert (message.seq, message.n) == (seq, counts[message.room])
    return log


async def chatter(voice: Voice, rooms: Sequence[str], times: int) -> None:
    """Speak *times* times, in the *rooms* by turns."""
    for i in range(times):
        await voice.say(rooms[i % len(rooms)], Said(text=str(i)), seen=0)


def without_time(line: bytes) -> bytes:
    """*line* with its time blanked: the only thing that two buses may differ in."""
    return re.sub(rb'"at":\d+', b'"at":0', line, count=1)


class Wanderer:
    """Adds and discards rooms as chance has it; knows what is then to be heard."""

    def __init__(self, subscription: Subscription, rooms: Sequence[str]) -> None:
        self.heard: list[Message] = []
        self._subscription = subscription
        self._rooms = rooms
        self._chance = Random(7)
        self._inside: dict[str, int] = {}
        self._spells: list[tuple[str, int, float]] = []

    async def wander(self, last: int) -> None:
        """Wander until everything up to *last* has been heard."""
        with anyio.fail_after(60):
            while self._subscription.cursor < last:
                await self._step(self._chance.choice(self._rooms))
                for _ in range(self._chance.randrange(20)):
                    if self._subscription.cursor < last:
                        self.heard += await self._subscription.next()

    async def _step(self, room: str) -> None:
        cursor = self._subscription.cursor
        if room in self._inside:
            await self._subscription.discard([room])
            self._spells.append((room, self._inside.pop(room), cursor))
        else:
            await self._subscription.add([room], after=cursor)
            self._inside[room] = cursor

    def due(self, log: Sequence[Message]) -> list[Message]:
        """What of *log* had to be heard."""
        inside = [(room, start, inf) for room, start in self._inside.items()]
        spells = self._spells + inside
        return [
            m for m in log if any(r == m.room and a < m.seq <= b for r, a, b in spells)
        ]
