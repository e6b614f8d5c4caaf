"""A worker's one ear: follows the rooms of its seats and keeps its floor."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import chain

import anyio

from hubbub.actor import Actor
from hubbub.bus.base import Bus, Subscription
from hubbub.floor import Floor
from hubbub.messages import Injected, Message, Onset
from hubbub.names import PHASES, TRUTH
from hubbub.seat import MAILBOX, Seat

#: Messages of the log that are read at once.
PAGE = 512


class Hub:
    """
    Reads for all seats of a worker over one subscription.

    Messages are applied in ``seq`` order with no wait in between; `cursor` is how far.
    *suffer* is given each chaos that begins, before anybody hears of it.
    """

    def __init__(self, bus: Bus, suffer: Callable[[Injected], None]) -> None:
        self.floor = Floor()
        self.cursor = 0
        #: Who has come into the run: each seat's injection, and its onset's ``seq``.
        self.newcomers: dict[str, tuple[Injected, int]] = {}
        self._bus = bus
        self._suffer = suffer
        #: How often seats have come into the run, or were killed in it.
        self.changes = 0
        self._changed = anyio.Event()
        self._arriving: list[Actor] = []
        self._known = 0
        self._reading = anyio.CancelScope()
        self._swept = 0

    def admit(self, actors: Sequence[Actor], known: int) -> None:
        """
        Have *actors* brought up to date with the log; each is then `ready`.

        *known* is how far the log was after their seats had been claimed: nothing that
        an earlier host said may be missed, or it would be said again.
        """
        self._arriving.extend(actors)
        self._known = max(self._known, known)
        self._reading.cancel()

    def dismiss(self, seat: Seat) -> None:
        """Stop hearing for *seat*."""
        if self.floor.seats.get(seat.name) is seat:
            self.floor.remove(seat)

    async def change(self, since: int) -> None:
        """Wait until there are more `changes` than *since*."""
        while self.changes <= since:
            await self._changed.wait()

    def touch(self) -> None:
        """Some seat is to be hosted that was not."""
        self.changes += 1
        self._changed.set()
        self._changed = anyio.Event()

    def _note(self, message: Message) -> None:
        match message.body:
            case Onset(what=what) if what.surface == "participant":
                known = dict.fromkeys(what.seats, (what, message.seq))
                self.newcomers |= known
                self.touch()
            case Onset(what=what) if what.surface == "chaos":
                self._suffer(what)
            case _:
                pass

    async def run(self) -> None:
        """Follow the run to its end."""
        async with self._bus.subscribe(0) as subscription:
            await subscription.add([PHASES, TRUTH], after=0)
            while not self.floor.ended:
                if self._arriving and self.cursor >= self._known:
                    await self._welcome(subscription)
                    # Others may have come meanwhile, for whom nothing more is said.
                    continue
                if self._arriving:
                    # What is not heard here does not move the cursor: read the log.
                    await subscription.add((), after=self.cursor)
                page: Sequence[Message] = ()
                with anyio.CancelScope() as self._reading:
                    page = await subscription.next()
                await self._apply(page, subscription)

    async def _apply(self, page: Sequence[Message], subscription: Subscription) -> None:
        new = self.floor.unknown(page)
        if new:
            # Back to before the page, so that nothing of the new rooms is missed and
            # nothing of the old ones overtakes it.
            await subscription.add(new, after=self.cursor)
            self.floor.expect(new)
            return
        for message in page:
            self._note(message)
            self.floor.apply(message)
        self.cursor = subscription.cursor
        if any(message.kind == "leave" for message in page):
            await subscription.discard(self.floor.empty_rooms())
        if self.cursor - self._swept > MAILBOX // 4:
            self._sweep()

    def _sweep(self) -> None:
        """Have idle seats empty their mailboxes before they overflow."""
        self._swept = self.cursor
        for seat in self.floor.seats.values():
            if len(seat.box) > MAILBOX // 4:
                seat.nudge()

    async def _welcome(self, subscription: Subscription) -> None:
        """Fold the log so far for the arriving, and only for them."""
        actors, self._arriving = self._arriving, []
        floor = Floor(actor.seat for actor in actors)
        async for page in self._log(self.cursor):
            for message in page:
                floor.apply(message)
            for actor in actors:
                actor.absorb()
        await self._rewind(actors)
        new = [
            name
            for name, room in floor.rooms.items()
            if room.boxes and name not in self.floor.rooms
        ]
        self.floor.merge(floor)
        await subscription.add(new, after=self.cursor)
        for actor in actors:
            actor.ready.set()

    async def _rewind(self, actors: Sequence[Actor]) -> None:
        """
        Take *actors* back to where the acts began that earlier hosts left undone.

        The log has moved on since, but what was called and remembered for such an act
        fits no other place in it.
        """
        begun: defaultdict[int, list[Actor]] = defaultdict(list)
        for actor in actors:
            if actor.seat.begun is not None:
                begun[actor.seat.begun.seen].append(actor)
        if not begun:
            return
        floor = Floor(actor.rewind() for group in begun.values() for actor in group)
        async for page in self._log(max(begun)):
            for message in page:
                floor.apply(message)
                for actor in begun.pop(message.seq, ()):
                    floor.remove(actor.stay(message.seq))
            for actor in chain(*begun.values()):
                actor.relive(page[-1].seq)

    async def _log(self, upto: int) -> AsyncIterator[Sequence[Message]]:
        """The log up to *upto*, in pages."""
        read = 0
        while read < upto:
            page = await self._bus.read(read, limit=min(PAGE, upto - read))
            yield page
            read = page[-1].seq
