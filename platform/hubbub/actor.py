"""A seat at work: it hears, it is asked, it acts, and every ask gets one ending."""

from collections import deque
from math import inf
from typing import TYPE_CHECKING

import anyio
import msgspec
import structlog

from hubbub.acts import Act, answer, find, turn
from hubbub.bus.base import Bus, Voice
from hubbub.calling import Calls
from hubbub.chance import generator
from hubbub.chat import Chat
from hubbub.clock import Clock
from hubbub.errors import Fenced, RunOver
from hubbub.filling import Filling
from hubbub.messages import Body, Contributed, Faulted, Message, Remembered
from hubbub.names import CONDUCTOR, LEDGER, inbox
from hubbub.population import Cast
from hubbub.purse import Purse
from hubbub.seat import Seat
from hubbub.verdict import Verdict

if TYPE_CHECKING:
    from hubbub.hub import Hub

log = structlog.get_logger()

#: What is not done because its phase has closed.
LATE = Verdict(outcome="late", tries=0)


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """What all actors of a worker share."""

    bus: Bus
    hub: "Hub"
    cast: Cast
    clock: Clock
    purse: Purse


class Actor:
    """
    One incarnation of a seat, alive on this worker.

    It observes everything up to a definite ``seq`` before each act and has heard its
    own last word, so an act is a function of the log up to its ``seen``.
    """

    def __init__(self, stand: Stand, seat: Seat, voice: Voice) -> None:
        self.seat = seat
        self.resigning = False
        self._life = anyio.CancelScope()
        #: Set when the seat has heard the log so far and may act.
        self.ready = anyio.Event()
        self._stand = stand
        self._filling = Filling(stand.cast, seat.name)
        self._voice = voice
        self._calls = Calls(seat, stand.clock, stand.purse, self._say)
        self._seen = 0
        # Whether the log has more for the seat than its mailbox.
        self._behind = False
        # Its last word's ``seq``, and the room from which that comes back.
        self._spoken = (0, "")
        # Events that the mind could not observe, and the last error's name.
        self._faults, self._fault = 0, ""
        # Chats whose silence has moved the seat to speak.
        self._moved: set[str] = set()
        # While it is rewound, the seat as it was; then the act to be done again there.
        self._past = seat
        self._begun: Act | None = None

    async def live(self) -> None:
        """Act until the run ends, the seat is taken over or killed, or has resigned."""
        bound = structlog.contextvars.bound_contextvars(seat=self.seat.name)
        with self._life, bound:
            try:
                await self.ready.wait()
                if self._begun is not None and not self.resigning:
                    await self._do(self._begun)
                while not self.resigning:
                    await self._hear()
                    await self._do_next()
            except Fenced:
                log.warning("taken over", inc=self._voice.inc)
            except RunOver:
                log.debug("the run is over")

    def kill(self) -> None:
        """End at once, in the middle of whatever is done; nothing said is lost."""
        self._life.cancel()

    @property
    def killed(self) -> bool:
        """Whether it was to end so."""
        return self._life.cancel_called

    async def _do_next(self) -> None:
        if self.seat.pending:
            asked = next(iter(self.seat.pending.values()))
            await self._take(answer(asked, self.seat, self._stand.cast.scenario))
        elif chat := self._due():
            self._moved.discard(chat.room)
            await self._take(turn(chat, self.seat))
        else:
            await self._wait()

    async def _take(self, act: Act) -> None:
        """Act; where the seat stands still, wait with that for as long as it may take."""
        if not self._filling.still or not self._open(act):
            await self._do(act)
            return
        deadline = anyio.current_time() + act.budget
        while self._filling.still and self._open(act) and not self.resigning:
            with anyio.CancelScope(deadline=deadline) as scope:
                await self.seat.wait()
            await self._hear()
            if scope.cancelled_caught:
                await self._end(act, _late(act))
                return

    # -- hearing

    def absorb(self) -> None:
        """Let the mind observe what is in the mailbox."""
        self._observe(self.seat.box)
        self._seen = self._stand.hub.cursor

    def _observe(self, box: deque[Message]) -> None:
        if not box:
            return
        events = list(box)
        box.clear()
        observe = self._filling.observe
        for event in events:
            try:
                observe(event)
            except (Exception, SystemExit) as error:
                self._fault = type(error).__name__
                if not self._faults:
                    log.exception("observe failed", seq=event.seq)
                self._faults += 1

    async def _hear(self) -> None:
        seq, room = self._spoken
        # What crossed the close of a chat does not come back from a room it has left.
        while self._stand.hub.cursor < seq and self.seat.inside(room):
            await self.seat.wait()
        while True:
            if self._behind or self.seat.overflowed:
                await self._reread()
            self.absorb()
            self.seat.forget(self._seen)
            if not self._faults:
                return
            what = f"{self._faults} events could not be observed: {self._fault}"
            self._faults = 0
            # While this is posted others speak, and an act is taken at a definite place.
            await self._say(inbox(CONDUCTOR), Faulted(what=what))

    async def _reread(self) -> None:
        """Read what fell out of the mailbox from the log, at this seat's own pace."""
        hub = self._stand.hub
        behind, self._behind = self._seen, False
        log.info("reading the log again", behind=hub.cursor - behind)
        while behind < (cursor := hub.cursor):
            page = await self._stand.bus.read(behind)
            # What the hub has not heard yet will come through the mailbox.
            page = [message for message in page if message.seq <= cursor]
            self.seat.box.clear()
            self.seat.box.extend(m for m in page if self.seat.heard(m))
            if behind < (behind := page[-1].seq) < hub.cursor:
                self.absorb()

    # -- an act that an earlier host has begun

    def rewind(self) -> Seat:
        """Begin again with a new mind; the seat that is to fold the log again for it."""
        self._filling = Filling(self._stand.cast, self.seat.name)
        self._faults = 0
        self._past = Seat(self.seat.name, self.seat.since)
        return self._past

    def relive(self, seq: int) -> None:
        """Let the mind observe again what the seat had heard up to *seq*."""
        self._observe(self._past.box)
        self._seen = seq

    def stay(self, seq: int) -> Seat:
        """Stay at *seq* for the act that was begun there; the seat as it was."""
        self.relive(seq)
        past, self._past = self._past, self.seat
        if self.seat.begun is not None:
            scenario = self._stand.cast.scenario
            self._begun = find(self.seat.begun.ask, past, scenario)
        self._behind = True
        return past

    # -- acting

    async def _do(self, act: Act) -> None:
        """Act, and say how it ended."""
        if act.turn or act.id in self.seat.pending:
            verdict = await self._act(act) if self._open(act) else LATE
            await self._end(act, verdict)

    async def _end(self, act: Act, verdict: Verdict) -> None:
        """Say how *act* ended."""
        if not act.turn:
            await self._say(act.room, act.ending(verdict))
            return
        complaint = act.complaint(verdict)
        if complaint is not None and self.seat.complained != act.id:
            await self._say(inbox(CONDUCTOR), complaint)
        if self._open(act):
            await self._say(act.room, act.ending(verdict))
        else:
            # The chat closed meanwhile; its members no longer hear the room.
            await self._say(inbox(CONDUCTOR), act.ending(LATE))

    def _open(self, act: Act) -> bool:
        """Whether it is not too late for *act*."""
        if not act.turn:
            waiting = act.id in self.seat.pending
            return waiting and act.step not in self.seat.closed
        chat = self.seat.chats.get(act.room)
        return (
            chat is not None
            and chat.step == act.step
            and chat.may_speak(self.seat.name)
        )

    async def _act(self, act: Act) -> Verdict:
        """Act within the act's budget; what is cut off is ``late``."""
        scope, since = anyio.move_on_after(act.budget), anyio.current_time()

        async def remember(memory: Remembered) -> None:
            if memory.memory not in self.seat.memories:
                self.seat.memories.add(memory.memory)
                await self._say(inbox(self.seat.name), memory)

        complete = self._calls.within(act.id, scope.deadline)
        ask = act.ask(self._filling.seed, complete, remember)
        bound = structlog.contextvars.bound_contextvars(
            ask=act.id, room=act.room, seq=self._seen
        )
        verdict = _late(act)
        with scope, bound:
            self.seat.begin(act.step, scope)
            try:
                given = await self._filling.judge(ask)
                if not complete.made:
                    await self._stand.clock.think(self.seat.name, act.id, since)
            finally:
                self.seat.end()
            # A mind that does not let itself be cut off gains nothing by it.
            if not scope.cancel_called:
                verdict = given
        await self._calls.record_cut()
        return verdict

    def _due(self) -> Chat | None:
        name = self.seat.name
        for room, chat in self.seat.chats.items():
            if chat.due(name) or (room in self._moved and chat.restless(name)):
                return chat
        return None

    # -- waiting

    async def _wait(self) -> None:
        shortest, restless = inf, ""
        for room, chat in self.seat.chats.items():
            self._stand.hub.floor.rooms[room].waiting[self.seat] = None
            if (
                chat.restless(self.seat.name)
                and (pause := self._pause(chat)) < shortest
            ):
                shortest, restless = pause, room
        with anyio.move_on_after(shortest) as scope:
            await self.seat.wait()
        if scope.cancelled_caught:
            self._moved.add(restless)

    def _pause(self, chat: Chat) -> float:
        if not chat.pause:
            return 0.0
        place = (self._stand.cast.population.seed, chat.next_turn(self.seat.name))
        return generator(*place, "pause").expovariate(1 / chat.pause)

    # -- speaking

    async def _say(self, room: str, body: Body) -> None:
        receipt = await self._voice.say(room, body, seen=self._seen)
        if isinstance(body, Contributed):
            self._spoken = (receipt.seq, inbox(self.seat.name))
        elif room not in (LEDGER, inbox(CONDUCTOR)):
            self._spoken = (receipt.seq, room)


def _late(act: Act) -> Verdict:
    return Verdict(outcome="late", note=f"no answer in {act.budget:g} s")
