"""The usher: sees in the log which injections are due, and has them begin and end."""

from collections.abc import Iterable, Sequence

from hubbub.bus.base import Voice
from hubbub.errors import RunOver
from hubbub.journal import Journal
from hubbub.messages import Body, Injected, Joined, Left, Lifted, Onset
from hubbub.names import TRUTH

Post = tuple[str, Body]


class Usher:
    """
    The conductor's second hand: what it does hangs on the log alone.

    *known* is how far the log went when this conductor took over; *declared* is what
    the population itself injects.  Whatever is cut off half-way, the next conductor's
    usher finds undone, and does.
    """

    def __init__(
        self,
        voice: Voice,
        journal: Journal,
        known: int,
        declared: Sequence[Injected],
    ) -> None:
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
                await journal.move()
                continue
            try:
                receipts = await self._voice.say_all(posts, seen=journal.cursor)
            except RunOver:
                return
            await journal.reach(receipts[-1].seq)

    def _due(self) -> Iterable[Post]:
        truth = self._journal.truth
        for what in self._declared:
            if what.id not in truth.entries:
                yield TRUTH, what
        for what in truth.beginning():
            yield from self._begin(what)
        for what in truth.ending():
            yield from self._end(what)

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
                for room in self._journal.rooms.of(seat):
                    yield room, Left(seats=(seat,))
        yield TRUTH, Lifted(id=what.id, surface=what.surface, seats=what.seats)
