"""A seat at work: it hears, it is asked, it acts, and every ask gets one ending."""

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import structlog

from hubbub.bus.base import Bus, Voice
from hubbub.calling import Calls
from hubbub.chance import generator
from hubbub.chat import Chat
from hubbub.errors import Fenced, RunOver
from hubbub.messages import (
    Asked,
    Body,
    Contributed,
    Faulted,
    Left,
    Passed,
    Remembered,
    Said,
)
from hubbub.mind import Ask, Mind, Question
from hubbub.models.base import Model
from hubbub.names import CONDUCTOR, LEDGER, inbox
from hubbub.questions import Speech, Turn
from hubbub.scenario import Scenario
from hubbub.seat import Seat
from hubbub.verdict import Verdict, judge

if TYPE_CHECKING:
    from hubbub.hub import Hub

log = structlog.get_logger()


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """What all actors of a worker share."""

    bus: Bus
    hub: "Hub"
    scenario: Scenario
    seed: int
    models: Mapping[str, Model]


class Actor:
    """
    One incarnation of a seat, alive on this worker.

    It observes everything up to a definite ``seq`` before each act and has heard its
    own last word, so an act is a function of the log up to its ``seen``.
    """

    def __init__(self, stand: Stand, seat: Seat, mind: Mind, voice: Voice) -> None:
        self.seat = seat
        self.resigning = False
        #: Set when the seat has heard the log so far and may act.
        self.ready = anyio.Event()
        self._stand = stand
        self._mind = mind
        self._voice = voice
        self._calls = Calls(seat, stand.models, self._say)
        self._seen = 0
        # Its last word's ``seq``, and the room from which that comes back.
        self._spoken = (0, "")
        # Events that the mind could not observe, and the last error's name.
        self._faults, self._fault = 0, ""
        # Chats whose silence has moved the seat to speak.
        self._moved: set[str] = set()

    async def live(self) -> None:
        """Act until the run ends, the seat is taken over, or it has resigned."""
        with structlog.contextvars.bound_contextvars(seat=self.seat.name):
            try:
                await self.ready.wait()
                while not self.resigning:
                    await self._hear()
                    await self._do_next()
            except Fenced:
                log.warning("taken over", inc=self._voice.inc)
            except RunOver:
                log.debug("the run is over")

    async def _do_next(self) -> None:
        if self.seat.pending:
            await self._answer(next(iter(self.seat.pending.values())))
        elif chat := self._due():
            await self._speak(chat)
        else:
            await self._wait()

    # -- hearing

    def absorb(self) -> None:
        """Let the mind observe what is in the mailbox."""
        box = self.seat.box
        if box:
            events = list(box)
            box.clear()
            observe = self._mind.observe
            for event in events:
                try:
                    observe(event)
                except (Exception, SystemExit) as error:
                    self._fault = type(error).__name__
                    if not self._faults:
                        log.exception("observe failed", seq=event.seq)
                    self._faults += 1
        self._seen = self._stand.hub.cursor

    async def _hear(self) -> None:
        seq, room = self._spoken
        # What crossed the close of a chat does not come back from a room it has left.
        while self._stand.hub.cursor < seq and self.seat.inside(room):
            await self.seat.wait()
        if self.seat.overflowed:
            await self._reread()
        self.absorb()
        if self._faults:
            what = f"{self._faults} events could not be observed: {self._fault}"
            self._faults = 0
            await self._say(inbox(CONDUCTOR), Faulted(what=what))

    async def _reread(self) -> None:
        """Read what fell out of the mailbox from the log, at this seat's own pace."""
        hub = self._stand.hub
        behind = self._seen
        log.info("mailbox overflowed", behind=hub.cursor - behind)
        while behind < (cursor := hub.cursor):
            page = await self._stand.bus.read(behind)
            # What the hub has not heard yet will come through the mailbox.
            page = [message for message in page if message.seq <= cursor]
            self.seat.box.clear()
            self.seat.box.extend(m for m in page if self.seat.heard(m))
            if behind < (behind := page[-1].seq) < hub.cursor:
                self.absorb()

    # -- sealed asks and ordered turns

    async def _answer(self, asked: Asked) -> None:
        question = self._stand.scenario.question(asked.question)
        verdict = (
            Verdict(outcome="late", tries=0)
            if asked.step in self.seat.closed
            else await self._act(
                asked.ask, asked.step, asked.reply, question, asked.budget
            )
        )
        await self._say(
            asked.reply,
            Contributed(
                ask=asked.ask,
                step=asked.step,
                outcome=verdict.outcome,
                answer=msgspec.Raw(verdict.encoded),
                raw=verdict.raw,
                raw_size=verdict.raw_size,
                note=verdict.note,
                tries=verdict.tries,
            ),
        )

    async def _act(
        self, id: str, step: int, room: str, question: Question[Any], budget: float
    ) -> Verdict:
        """Act within *budget* seconds; what is cut off is ``late``."""
        deadline = anyio.current_time() + budget

        async def remember(memory: Remembered) -> None:
            if memory.memory not in self.seat.memories and id not in self.seat.probes:
                await self._say(inbox(self.seat.name), memory)

        ask = Ask(
            id=id,
            seat=self.seat.name,
            seed=self._stand.seed,
            question=question,
            budget=budget,
            complete=self._calls.within(id, deadline),
            remember=remember,
        )
        bound = structlog.contextvars.bound_contextvars(
            ask=id, room=room, seq=self._seen
        )
        with anyio.move_on_at(deadline) as scope, bound:
            self.seat.begin(step, scope)
            try:
                verdict = await judge(self._mind, ask)
            finally:
                self.seat.end()
            # A mind that does not let itself be cut off gains nothing by it.
            if not scope.cancel_called:
                return verdict
        return Verdict(outcome="late", note=f"no answer in {budget:g} s")

    # -- chats

    def _due(self) -> Chat | None:
        name = self.seat.name
        for room, chat in self.seat.chats.items():
            if chat.due(name) or (room in self._moved and chat.restless(name)):
                return chat
        return None

    async def _speak(self, chat: Chat) -> None:
        name = self.seat.name
        self._moved.discard(chat.room)
        turn = chat.next_turn(name)
        others = chat.others(name)
        question = Turn(
            room=chat.room,
            others=others or chat.company(name),
            turn=chat.taken(name) + 1,
            turns=chat.turns,
            parting=not others,
        )
        verdict = await self._act(turn, chat.step, chat.room, question, chat.budget)
        if verdict.raw:
            fault = Faulted(
                what=verdict.note,
                ask=turn,
                raw=verdict.raw,
                raw_size=verdict.raw_size,
            )
            await self._say(inbox(CONDUCTOR), fault)
        if chat.may_speak(name):
            await self._say(chat.room, _turn_taken(name, turn, verdict))
        else:
            # The chat closed meanwhile; its members no longer hear the room.
            await self._say(inbox(CONDUCTOR), Passed(turn=turn, outcome="late"))

    # -- waiting

    async def _wait(self) -> None:
        shortest, restless = inf, ""
        for room, chat in self.seat.chats.items():
            self._stand.hub.floor.rooms[room].waiting.add(self.seat)
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
        turn = chat.next_turn(self.seat.name)
        return generator(self._stand.seed, turn, "pause").expovariate(1 / chat.pause)

    # -- speaking

    async def _say(self, room: str, body: Body) -> None:
        receipt = await self._voice.say(room, body, seen=self._seen)
        if isinstance(body, Contributed):
            self._spoken = (receipt.seq, inbox(self.seat.name))
        elif room not in (LEDGER, inbox(CONDUCTOR)):
            self._spoken = (receipt.seq, room)


def _turn_taken(name: str, turn: str, verdict: Verdict) -> Body:
    """The message that ends a chat turn."""
    if verdict.outcome != "answered":
        return Passed(turn=turn, outcome=verdict.outcome, note=verdict.note)
    speech: Speech = verdict.value
    if speech.leave:
        return Left(seats=(name,), text=speech.text, turn=turn)
    return Said(text=speech.text, turn=turn)
