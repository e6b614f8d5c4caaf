"""The usher: sees in the log which injections are due, and has them begin and end."""

from collections.abc import Iterable, Sequence
from math import inf

import anyio

from hubbub.bus.base import Bus, Voice
from hubbub.chaos import Strike, aim, aimed_at, chaos_of, seconds_of
from hubbub.errors import RunOver
from hubbub.journal import Journal
from hubbub.messages import Body, Injected, Joined, Left, Lifted, Onset, Toggled
from hubbub.names import TRUTH

Post = tuple[str, Body]


class Usher:
    """
    The conductor's second hand: what it does hangs on the log alone.

    *known* is how far the log went when this conductor took over; *declared* is what
    the population itself injects.  Whatever is cut off half-way, the next conductor's
    usher finds undone, and does.  What comes over a conductor comes over the one that
    says so, by *strike*, which is None where the process plays other roles too.
    """

    def __init__(
        self,
        voice: Voice,
        journal: Journal,
        known: int,
        declared: Sequence[Injected],
        bus: Bus,
        strike: Strike | None,
    ) -> None:
        self._bus = bus
        self._strike = strike
        # When what lasts for a time is over, by injection.
        self._ends: dict[str, float] = {}
        self._voice = voice
        self._journal = journal
        self._known = known
        self._declared = declared

    async def run(self) -> None:
        """Work until the run ends."""
        journal = self._journal
        await journal.reach(self._known)
        while not journal.ended:
            posts = list(self._due()) if journal.rooms.everybody else []
            if not posts:
                with anyio.CancelScope(deadline=min(self._ends.values(), default=inf)):
                    await journal.move()
                continue
            posts = [(room, await self._aimed(body)) for room, body in posts]
            try:
                receipts = await self._voice.say_all(posts, seen=journal.cursor)
            except RunOver:
                return
            self._suffer(body for _, body in posts)
            await journal.reach(receipts[-1].seq)

    def _due(self) -> Iterable[Post]:
        truth = self._journal.truth
        for what in self._declared:
            if what.id not in truth.entries:
                yield TRUTH, what
        for what, on in truth.turning():
            yield TRUTH, _toggled(what, on=on)
        for what in truth.beginning():
            yield from self._begin(what)
        ending = {what.id: what for what in (*truth.ending(), *self._expired())}
        for what in ending.values():
            yield from self._end(what)
        for seat in truth.strays():
            yield from self._leave(seat)

    def _begin(self, what: Injected) -> Iterable[Post]:
        """A participant's joins come first: its onset says that all of it is done."""
        if what.surface == "participant":
            rooms = self._journal.rooms
            for room in dict.fromkeys((*rooms.public(), *what.rooms)):
                inside = rooms.members.get(room, {})
                new = tuple(seat for seat in what.seats if seat not in inside)
                if new:
                    yield room, Joined(seats=new, step=rooms.steps.get(room, 0))
        yield TRUTH, Onset(what=what)

    def _end(self, what: Injected) -> Iterable[Post]:
        if what.surface == "participant":
            for seat in what.seats:
                yield from self._leave(seat)
        yield TRUTH, Lifted(id=what.id, surface=what.surface, seats=what.seats)

    def _leave(self, seat: str) -> Iterable[Post]:
        for room in self._journal.rooms.of(seat):
            yield room, Left(seats=(seat,))

    def _expired(self) -> Iterable[Injected]:
        """What has lasted for as long as it was to last by itself."""
        truth, now = self._journal.truth, anyio.current_time()
        for id, entry in truth.entries.items():
            if not entry.begun:
                self._ends.pop(id, None)
            elif (seconds := seconds_of(entry.what)) is not None:
                # Of what an earlier conductor began, some of the time is over.
                left = seconds - (truth.at - entry.began) / 1000
                if now >= self._ends.setdefault(id, now + left):
                    yield entry.what

    async def _aimed(self, body: Body) -> Body:
        """*body*; of an onset that is for a worker's process it says which that is."""
        if not isinstance(body, Onset):
            return body
        return Onset(what=await aim(body.what, self._bus))

    def _suffer(self, said: Iterable[Body]) -> None:
        """Have come over this process what was *said* to."""
        for body in said:
            if not isinstance(body, Onset) or self._strike is None:
                continue
            if aimed_at(body.what) == "conductor":
                self._strike(chaos_of(body.what))


def _toggled(what: Injected, *, on: bool) -> Toggled:
    return Toggled(id=what.id, surface=what.surface, seats=what.seats, on=on)
