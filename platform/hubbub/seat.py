"""One seat's state on the worker that hosts it: mailbox, memberships, open asks."""

from collections import deque
from math import inf

import anyio
import msgspec

from hubbub.chat import Chat
from hubbub.messages import (
    Asked,
    Contributed,
    Lifted,
    Message,
    Onset,
    RoundBegan,
    Toggled,
)
from hubbub.models.base import Call
from hubbub.names import inbox

#: References a mailbox holds; past it the oldest fall out and the seat reads again.
MAILBOX = 4096


class Begun(msgspec.Struct, frozen=True):
    """An act of which the log has a call or a memory, and no end: taken at *seen*."""

    ask: str
    seen: int


def ask_of(id: str) -> str:
    """The ask or turn to whose act the call or memory called *id* belongs."""
    return id.rpartition("/")[0]


def concerns(body: Onset | Toggled | Lifted, seat: str) -> bool:
    """Whether the host of *seat* must know of *body*, which the mind does not hear."""
    what = body.what if isinstance(body, Onset) else body
    if what.surface == "impair":
        # What one seat says badly all the others hear badly.
        return True
    comes = isinstance(body, Onset) and what.surface == "participant"
    return seat in what.seats and not comes


class Seat:
    """
    What a host keeps of a seat.

    The mailbox holds references, so that a message to a room of a thousand costs one
    decode; when it is full, `overflowed` says so and nothing else is disturbed.
    """

    __slots__ = (
        "_acting",
        "_bell",
        "_ended",
        "begun",
        "box",
        "calls",
        "chats",
        "closed",
        "complained",
        "memories",
        "name",
        "pending",
        "probes",
        "since",
        "spells",
    )

    def __init__(self, name: str, since: int = 0) -> None:
        self.name = name
        #: The ``seq`` from which it sits; there were rounds before.
        self.since = since
        self.box: deque[Message] = deque(maxlen=MAILBOX)
        #: Room to its stretches of membership, each from and to a ``seq``, inclusive.
        self.spells: dict[str, list[tuple[int, float]]] = {inbox(name): [(0, inf)]}
        #: Asks without a contribution, in the order they came.
        self.pending: dict[str, Asked] = {}
        #: Asks that leave no trace in the mind.
        self.probes: set[str] = set()
        #: Steps that closed while an ask of theirs was pending.
        self.closed: set[int] = set()
        self.chats: dict[str, Chat] = {}
        #: Calls that an earlier host of this seat recorded and may not have used.
        self.calls: dict[str, Call] = {}
        #: Ids of what its memory has made; each is posted once.
        self.memories: set[str] = set()
        #: The turn whose raw text is in the log; it is posted once.
        self.complained = ""
        #: The act that an earlier host of this seat has left undone.
        self.begun: Begun | None = None
        self._bell: anyio.Event | None = None
        # Where its stretches of membership have ended, in order, and in which room.
        self._ended: deque[tuple[int, str]] = deque()
        self._acting: tuple[int, anyio.CancelScope] | None = None

    @property
    def overflowed(self) -> bool:
        """Whether messages may have fallen out of the mailbox."""
        return len(self.box) == MAILBOX

    def enter(self, room: str, seq: int) -> None:
        """Hear *room* from *seq* on."""
        self.spells.setdefault(room, []).append((seq, inf))

    def exit(self, room: str, seq: int) -> None:
        """Hear *room* up to *seq* and no further."""
        spells = self.spells[room]
        spells[-1] = (spells[-1][0], seq)
        self._ended.append((seq, room))

    def forget(self, seq: int) -> None:
        """Let go of the stretches that ended by *seq*; nothing is read again up to there."""
        while self._ended and self._ended[0][0] <= seq:
            _, room = self._ended.popleft()
            spells = self.spells[room]
            del spells[0]
            if not spells:
                del self.spells[room]

    def inside(self, room: str) -> bool:
        """Whether the seat is in *room* now."""
        spells = self.spells.get(room)
        return spells is not None and spells[-1][1] == inf

    def heard(self, message: Message) -> bool:
        """Whether *message* was for this seat: by room, as its own, or as a round's."""
        body = message.body
        if isinstance(body, RoundBegan):
            return message.seq > self.since
        if isinstance(body, Onset | Toggled | Lifted):
            return concerns(body, self.name)
        if isinstance(body, Asked) and body.probe:
            return False
        if isinstance(body, Contributed) and message.sender == self.name:
            return body.ask not in self.probes
        spells = self.spells.get(message.room, ())
        return any(start <= message.seq <= end for start, end in spells)

    def nudge(self) -> None:
        """Wake the seat if it waits."""
        if self._bell is not None:
            self._bell.set()

    async def wait(self) -> None:
        """Wait for a nudge."""
        self._bell = anyio.Event()
        try:
            await self._bell.wait()
        finally:
            self._bell = None

    def see_begun(self, ask: str, seen: int) -> None:
        """The log has something of the act that ends *ask*, taken at *seen*."""
        if self.begun is None:
            self.begun = Begun(ask, seen)

    def see_ended(self) -> None:
        """The log has the end of the seat's last act."""
        self.begun = None
        self.calls.clear()

    def begin(self, step: int, scope: anyio.CancelScope) -> None:
        """An act for *step* is under way in *scope*."""
        self._acting = (step, scope)

    def end(self) -> None:
        """The act is over."""
        self._acting = None

    def close(self, step: int) -> None:
        """*step* has closed: whatever the seat still does for it comes too late."""
        if any(asked.step == step for asked in self.pending.values()):
            self.closed.add(step)
        if self._acting is not None and self._acting[0] == step:
            self._acting[1].cancel()
        self.nudge()
