"""Some of what was said, room by room: the first conversations of a run and the last."""

from collections import OrderedDict
from typing import NamedTuple

from hubbub.messages import Left, Message, Said

#: Rooms of which something is kept, from the beginning and from the end.
FIRST, LAST = 2, 2
#: Lines of one room, and characters of one line, that are kept.
LINES, CHARACTERS = 16, 1_000
#: A room whose first words come after so many messages has begun before.
_EARLY = 12


class Spoken(NamedTuple):
    """One line: its place in the run, who said it and what; *left* with it."""

    seq: int
    sender: str
    text: str
    left: bool


class Talk:
    """The first lines of a room, and how many there were."""

    def __init__(self) -> None:
        self.lines: list[Spoken] = []
        self.said = 0


class Excerpts:
    """Keeps the first rooms with words in them, and the last."""

    def __init__(self) -> None:
        self._first: dict[str, Talk] = {}
        self._last: OrderedDict[str, Talk] = OrderedDict()

    def apply(self, message: Message) -> None:
        """Take in the next message."""
        match message.body:
            case Said(text=text):
                self._add(message, text, left=False)
            case Left(text=text) if text:
                self._add(message, text, left=True)
            case _:
                pass

    def talks(self) -> dict[str, Talk]:
        """The kept rooms, in the order in which they began."""
        last = list(self._last.items())[-LAST:]
        return self._first | dict(last)

    def _add(self, message: Message, text: str, *, left: bool) -> None:
        talk = self._first.get(message.room) or self._last.get(message.room)
        if talk is None:
            if message.n > _EARLY or message.room.startswith("@"):
                return
            talk = self._begin(message.room)
        talk.said += 1
        if len(talk.lines) < LINES:
            spoken = Spoken(message.seq, message.sender, text[:CHARACTERS], left)
            talk.lines.append(spoken)

    def _begin(self, room: str) -> Talk:
        talk = Talk()
        if len(self._first) < FIRST:
            self._first[room] = talk
        else:
            self._last[room] = talk
            if len(self._last) > 16:
                self._last.popitem(last=False)
        return talk
