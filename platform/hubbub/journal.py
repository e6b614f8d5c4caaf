"""The conductor's reading of the log: what each step of the scenario has come to."""

from collections.abc import Iterable
from typing import NamedTuple

import anyio

from hubbub.chat import Chat
from hubbub.messages import (
    Asked,
    Budgeted,
    Contributed,
    Ended,
    Joined,
    Left,
    Message,
    Muted,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Resulted,
    RoundBegan,
    Said,
    Started,
    Stopped,
    Ticked,
)
from hubbub.names import CONDUCTOR
from hubbub.rooms import Rooms
from hubbub.truth import Truth


class Line(NamedTuple):
    """Something said in a chat."""

    seat: str
    text: str


class Step:
    """What the log says of one numbered step."""

    __slots__ = (
        "_changed",
        "asked",
        "came",
        "chat",
        "closed",
        "given",
        "joined",
        "leaving",
        "left",
        "lines",
        "made",
    )

    def __init__(self) -> None:
        #: The message that makes the step what it is; None until it is in the log.
        self.made: Message | None = None
        #: Who was asked, and what the ask is called.
        self.asked: dict[str, str] = {}
        #: Each seat's first contribution to its own ask before the close.
        self.given: dict[str, Contributed] = {}
        self.closed: PhaseClosed | None = None
        self.chat: Chat | None = None
        #: What was said in the chat, in order.
        self.lines: list[Line] = []
        #: Who came into the room for this chat; at its close, who has yet to leave it.
        self.joined: tuple[str, ...] = ()
        self.leaving: tuple[str, ...] = ()
        self.left = False
        #: Who had come into the run and not been ejected when this round began.
        self.came: tuple[str, ...] = ()
        self._changed = anyio.Event()

    @property
    def settled(self) -> bool:
        """Whether nothing more will come for this step."""
        return self.closed is not None and (self.left or not self.leaving)

    def touch(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()
        self._changed = anyio.Event()

    async def change(self) -> None:
        """Wait for the next message of this step."""
        await self._changed.wait()


class Journal:
    """
    A fold of the whole log by step.

    `cursor` is how far it has read.  A step is kept until `forget`.
    """

    def __init__(self) -> None:
        self.cursor = 0
        self.ended = False
        self.rooms = Rooms()
        self.truth = Truth()
        #: Asks, and turns cut off by a close, whose ends are not in the log yet.
        self.unanswered: set[str] = set()
        #: The budget said last, whether it has been too small for somebody since, and
        #: whether the run has stopped for that.
        self.budget: Budgeted | None = None
        self.short = False
        self.stopped = False
        self._steps: dict[int, Step] = {}
        self._chats: dict[str, Step] = {}
        self._moved = anyio.Event()

    def step(self, number: int) -> Step:
        """The record of step *number*, empty if the log does not know it yet."""
        return self._steps.setdefault(number, Step())

    def forget(self, number: int) -> None:
        """Let go of step *number*; the scenario has its result."""
        self._steps.pop(number, None)

    def beyond(self, number: int) -> Message | None:
        """The beginning of the first step after step *number* that the log knows."""
        further = [n for n, step in self._steps.items() if n > number and step.made]
        return self._steps[min(further)].made if further else None

    async def reach(self, seq: int) -> None:
        """Wait until everything up to *seq* has been read."""
        while self.cursor < seq:
            await self._moved.wait()

    async def move(self) -> None:
        """Wait for whatever is read next."""
        await self._moved.wait()

    def extend(self, page: Iterable[Message]) -> None:
        """Read on."""
        for message in page:
            self._apply(message)
            self.cursor = message.seq
        self._moved.set()
        self._moved = anyio.Event()

    @property
    def members(self) -> dict[str, dict[str, None]]:
        """Who is in each room now."""
        return self.rooms.members

    def _apply(self, message: Message) -> None:
        self.rooms.apply(message)
        self.truth.apply(message)
        match message.body:
            case Ended():
                self.ended = True
            case Budgeted() as budget:
                self.budget, self.short, self.stopped = budget, False, False
            case Stopped():
                self.stopped = True
            case Contributed(outcome="budget_stop") | Passed(outcome="budget_stop"):
                self.short = True
            case _:
                pass
        if message.sender == CONDUCTOR:
            self._apply_own(message)
        elif isinstance(message.body, Contributed):
            self._apply_contribution(message.sender, message.body)
        if isinstance(message.body, (Said, Passed, Left, Joined)):
            self._apply_turn(message, message.body)

    def _apply_own(self, message: Message) -> None:
        match message.body:
            case Started():
                number = 0
                self.step(number).made = message
            case PhaseOpened(step=number) as opened:
                self._open(message, opened)
            case Asked(step=number, ask=ask):
                self.step(number).asked[message.room.removeprefix("@")] = ask
                self.unanswered.add(ask)
            case PhaseClosed(step=number) as closed:
                self._close(message.room, closed)
            case Joined(step=number, seats=seats) if number:
                step = self.step(number)
                step.joined += seats
                step.made = step.made or message
            case Left(step=number) if number:
                step = self.step(number)
                step.left = True
                step.made = step.made or message
            case RoundBegan(step=number):
                self.step(number).made = message
                self.step(number).came = self.truth.present
            case Said(step=n) | Ticked(step=n) | Muted(step=n) | Resulted(step=n):
                number = n
                self.step(number).made = message
            case _:
                return
        self.step(number).touch()

    def _open(self, message: Message, opened: PhaseOpened) -> None:
        step = self.step(opened.step)
        step.made = message
        if opened.form == "chat":
            step.chat = Chat(opened, message.room)
            self._chats[message.room] = step

    def _close(self, room: str, closed: PhaseClosed) -> None:
        step = self.step(closed.step)
        step.closed = closed
        if step.chat is None:
            return
        self._chats.pop(room, None)
        members = self.members.get(room, {})
        came = set(step.joined)
        step.leaving = tuple(seat for seat in members if seat in came)
        due = filter(step.chat.due, step.chat.members)
        self.unanswered.update(map(step.chat.next_turn, due))

    def _apply_contribution(self, seat: str, given: Contributed) -> None:
        self.unanswered.discard(given.ask)
        step = self._steps.get(given.step)
        if step is None or step.closed is not None:
            return
        if step.asked.get(seat) == given.ask:
            step.given.setdefault(seat, given)
            step.touch()

    def _apply_turn(
        self, message: Message, body: Said | Passed | Left | Joined
    ) -> None:
        if not isinstance(body, Joined):
            self.unanswered.discard(body.turn)
        step = self._chats.get(message.room)
        if step is not None and step.chat is not None:
            said = step.chat.said
            step.chat.apply(message)
            if step.chat.said > said and isinstance(body, (Said, Left)):
                step.lines.append(Line(message.sender, body.text))
            if step.chat.over:
                step.touch()
