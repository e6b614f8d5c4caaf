"""The floor of a worker: which of its seats hear what, folded from the log."""

from collections.abc import Callable, Iterable

import msgspec

from hubbub.chat import Chat
from hubbub.messages import (
    Asked,
    Called,
    Contributed,
    Ended,
    Faulted,
    Joined,
    Left,
    Lifted,
    Message,
    Onset,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Remembered,
    RoundBegan,
    Said,
    Toggled,
)
from hubbub.models.base import Call
from hubbub.names import inbox
from hubbub.seat import Seat, ask_of, concerns

_call = msgspec.json.Decoder(Call).decode


class Room:
    """A room's local members, its open chat, and who waits for it to move."""

    __slots__ = ("boxes", "chat", "waiting")

    def __init__(self) -> None:
        self.boxes: dict[str, Callable[[Message], None]] = {}
        self.chat: Chat | None = None
        # In order, as all here is: in what order seats act must not hang on hashes.
        self.waiting: dict[Seat, None] = {}

    def wake(self) -> None:
        """Wake whoever waits for this room."""
        for seat in self.waiting:
            seat.nudge()
        self.waiting.clear()


class Floor:
    """A fold of the log, as far as it concerns *seats*."""

    def __init__(self, seats: Iterable[Seat] = ()) -> None:
        self.seats: dict[str, Seat] = {}
        self.rooms: dict[str, Room] = {}
        self.ended = False
        self._asked: dict[int, dict[Seat, None]] = {}
        #: Open chats of rooms that none of ours is in, as far as they are heard.
        self._elsewhere: dict[str, Chat] = {}
        for seat in seats:
            self.seats[seat.name] = seat
            self._enter(inbox(seat.name), seat)

    def unknown(self, page: Iterable[Message]) -> dict[str, None]:
        """Rooms that seats of ours join in *page* and that nobody here is in yet."""
        return {
            message.room: None
            for message in page
            if isinstance(message.body, Joined)
            and message.room not in self.rooms
            and not self.seats.keys().isdisjoint(message.body.seats)
        }

    def expect(self, rooms: Iterable[str]) -> None:
        """Know *rooms* from now on; their joins are about to come."""
        for room in rooms:
            self.rooms.setdefault(room, Room())

    def apply(self, message: Message) -> None:
        """Fold *message*: into mailboxes, memberships, open asks and chats."""
        body = message.body
        if isinstance(body, Joined):
            for name in body.seats:
                if (seat := self.seats.get(name)) and not seat.inside(message.room):
                    seat.enter(message.room, message.seq)
                    self._enter(message.room, seat)
        room = self.rooms.get(message.room)
        if room is not None:
            self._deliver(message, room)
        else:
            self._follow(message)
        match body:
            case RoundBegan():
                for seat in self.seats.values():
                    if message.seq > seat.since:
                        seat.box.append(message)
            case Asked():
                self._ask(message, body)
            case Contributed(ask=ask):
                self._contribute(message, ask)
            case PhaseClosed(step=step):
                for seat in self._asked.pop(step, ()):
                    seat.close(step)
            case Left(seats=names):
                for name in names:
                    self._leave(message, name)
            case Called(call=call, record=record):
                if seat := self.seats.get(message.sender):
                    seat.calls[call] = _call(record)
                    seat.see_begun(ask_of(call), message.seen)
            case Remembered(memory=memory):
                if seat := self.seats.get(message.sender):
                    seat.memories.add(memory)
                    seat.see_begun(ask_of(memory), message.seen)
            case Faulted(ask=turn) if turn:
                if seat := self.seats.get(message.sender):
                    seat.complained = turn
                    seat.see_begun(turn, message.seen)
            case Onset() | Toggled() | Lifted():
                self._turn(message, body)
            case Ended():
                self.ended = True
            case _:
                pass
        if sender := self.seats.get(message.sender):
            if isinstance(body, (Said, Passed, Left)):
                sender.see_ended()
            sender.nudge()

    def _deliver(self, message: Message, room: Room) -> None:
        if not (isinstance(message.body, Asked) and message.body.probe):
            for append in room.boxes.values():
                append(message)
        if isinstance(message.body, PhaseOpened) and message.body.form == "chat":
            self._open_chat(message, message.body, room)
        elif room.chat is not None:
            room.chat.apply(message)
            if isinstance(message.body, Joined):
                self._join_chat(message, message.body, room.chat)
            if not room.chat.open:
                self._close_chat(message.room, room.chat.step, room)
        if room.waiting:
            room.wake()

    def _follow(self, message: Message) -> None:
        """Keep the chat of a room that one of ours may yet come into."""
        if isinstance(message.body, PhaseOpened) and message.body.form == "chat":
            self._elsewhere[message.room] = Chat(message.body, message.room)
        elif chat := self._elsewhere.get(message.room):
            chat.apply(message)
            if not chat.open:
                del self._elsewhere[message.room]

    def _open_chat(self, message: Message, body: PhaseOpened, room: Room) -> None:
        room.chat = Chat(body, message.room)
        for name in body.seats:
            # One that left at the last moment is in the chat's list and not in the room.
            if (seat := self.seats.get(name)) and seat.inside(message.room):
                seat.chats[message.room] = room.chat
                seat.nudge()

    def _join_chat(self, message: Message, body: Joined, chat: Chat) -> None:
        for name in body.seats:
            if (seat := self.seats.get(name)) and name in chat.members:
                seat.chats[message.room] = chat
                seat.nudge()

    def _turn(self, message: Message, body: Onset | Toggled | Lifted) -> None:
        """Tell the hosts whom it concerns, at this place among what their seats hear."""
        for seat in self.seats.values():
            if concerns(body, seat.name):
                seat.box.append(message)
                seat.nudge()

    def _close_chat(self, name: str, step: int, room: Room) -> None:
        room.chat = None
        for member in room.boxes:
            seat = self.seats[member]
            seat.chats.pop(name, None)
            seat.close(step)

    def _ask(self, message: Message, body: Asked) -> None:
        if seat := self.seats.get(message.room.removeprefix("@")):
            seat.pending[body.ask] = body
            if body.probe:
                seat.probes.add(body.ask)
            self._asked.setdefault(body.step, {})[seat] = None
            seat.nudge()

    def _contribute(self, message: Message, ask: str) -> None:
        seat = self.seats.get(message.sender)
        if seat is None:
            return
        asked = seat.pending.pop(ask, None)
        seat.see_ended()
        if asked is not None:
            seat.closed.discard(asked.step)
        # Its own answer comes back to a seat from rooms it is not in; a probe's does not.
        if not seat.inside(message.room) and ask not in seat.probes:
            seat.box.append(message)

    def _enter(self, name: str, seat: Seat) -> None:
        room = self.rooms.setdefault(name, Room())
        room.chat = room.chat or self._elsewhere.pop(name, None)
        room.boxes[seat.name] = seat.box.append

    def _leave(self, message: Message, name: str) -> None:
        seat = self.seats.get(name)
        if seat is None or not seat.inside(message.room):
            return
        seat.exit(message.room, message.seq)
        seat.chats.pop(message.room, None)
        room = self.rooms[message.room]
        del room.boxes[name]
        room.waiting.pop(seat, None)
        seat.nudge()

    def empty_rooms(self) -> list[str]:
        """Forget the rooms that nobody here is in any more and name them."""
        empty = [name for name, room in self.rooms.items() if not room.boxes]
        for name in empty:
            del self.rooms[name]
        return empty

    def merge(self, other: "Floor") -> None:
        """Take in the seats of a floor that has folded the log up to the same place."""
        self.seats |= other.seats
        for name, room in other.rooms.items():
            if not room.boxes:
                continue
            mine = self.rooms.setdefault(name, room)
            mine.boxes |= room.boxes
            # A room that ours came into late is only here as they have heard it.
            mine.chat = mine.chat or room.chat
            if mine.chat is not None:
                for member in room.boxes:
                    if member in mine.chat.members:
                        other.seats[member].chats[name] = mine.chat
        for step, seats in other._asked.items():
            self._asked.setdefault(step, {}).update(seats)

    def remove(self, seat: Seat) -> None:
        """Let go of *seat*, which somebody else hosts from now on."""
        del self.seats[seat.name]
        for name in seat.spells:
            if room := self.rooms.get(name):
                room.boxes.pop(seat.name, None)
                room.waiting.pop(seat, None)
        for seats in self._asked.values():
            seats.pop(seat, None)
