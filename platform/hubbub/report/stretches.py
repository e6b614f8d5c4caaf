"""
The course of a run in a bounded number of stretches, which follow each other.

A stretch begins with a round.  After the last round another one begins where a question is
asked more often than in the round before.  Without rounds one begins with each phase, and
with each message in a conversation of more than two.  Where there are more stretches than a
drawing has room for, neighbours become one.
"""

import re
from collections import Counter

from hubbub.messages import (
    Contributed,
    Left,
    Message,
    Passed,
    PhaseOpened,
    RoundBegan,
    Said,
)
from hubbub.names import CONDUCTOR

#: Columns of a drawing.
MOST = 60
#: Seats, and rooms, that are counted one by one.
ROWS = 2_000

_DYAD = re.compile(r"chat-\d+-.*")


class Stretches:
    """
    How much was said, answered and failed in each stretch, by whom and where.

    *now* is the stretch that goes on, from 0, before any became one: `place` says in
    which column it is.  *by_message*: some stretches are a message each.
    """

    def __init__(self) -> None:
        self.now = 0
        self.width = 1
        self.said: Counter[int] = Counter()
        self.answered: Counter[int] = Counter()
        self.failed: Counter[int] = Counter()
        self.by_seat: dict[str, Counter[int]] = {}
        self.by_room: dict[str, Counter[int]] = {}
        self.rounds = 0
        self.by_message = False
        self._used = False
        self._asked: Counter[str] = Counter()
        self._limits: Counter[str] | None = None
        self._crowd = False
        self._first: dict[int, int] = {}

    @property
    def count(self) -> int:
        """How many columns there are."""
        return self.place(self.now) + 1 if self._used else 0

    @property
    def all_rounds(self) -> bool:
        """Whether every stretch is a round."""
        return self.rounds == self.now + 1

    def place(self, stretch: int) -> int:
        """The column that *stretch* is in."""
        return stretch // self.width

    def names(self, about: int = 6) -> list[str]:
        """The columns' names, *about* so many: the rounds that begin in them."""
        names = [""] * self.count
        step = max(1, -(-self.count // about))
        for column in range(self.count):
            number = self._first.get(column)
            if number is not None and (column == 0 or column % step == step - 1):
                names[column] = str(number)
        return names

    def apply(self, message: Message) -> None:
        """Take in the next message."""
        match message.body:
            case RoundBegan(round=number):
                self._limits = self._asked.copy() if self.rounds else None
                self._begin()
                self.rounds += 1
                self._first.setdefault(self._column, number)
            case PhaseOpened(form=form, what=what, seats=seats):
                self._open(form, what, len(seats))
            case Said() if message.sender != CONDUCTOR:
                self._say(message)
            case Left(text=text) if text:
                self._say(message)
            case Contributed(outcome=outcome) | Passed(outcome=outcome):
                good = outcome in ("answered", "passed")
                (self.answered if good else self.failed)[self._column] += 1
            case _:
                pass

    @property
    def _column(self) -> int:
        return self.place(self.now)

    def _open(self, form: str, what: str, seats: int) -> None:
        self._crowd = form == "chat" and seats > 2
        if form == "chat":
            self._used = True
        elif not self.rounds:
            self._begin()
        else:
            self._asked[what] += 1
            if self._limits and self._asked[what] > self._limits[what] > 0:
                self._begin()
                self._asked[what] = 1

    def _begin(self) -> None:
        self._asked.clear()
        if self._used:
            self.now += 1
        self._used = True
        while self.count > MOST:
            self._halve()

    def _say(self, message: Message) -> None:
        self.said[self._column] += 1
        room = "talks of two" if _DYAD.fullmatch(message.room) else message.room
        for rows, row in ((self.by_seat, message.sender), (self.by_room, room)):
            if row in rows or len(rows) < ROWS:
                rows.setdefault(row, Counter())[self._column] += 1
        if self._crowd and not self.rounds:
            self.by_message = True
            self._begin()

    def _halve(self) -> None:
        """Make one column of every two."""
        self.width *= 2
        every = [self.said, self.answered, self.failed]
        for counts in [*every, *self.by_seat.values(), *self.by_room.values()]:
            halved: Counter[int] = Counter()
            for column, count in counts.items():
                halved[column // 2] += count
            counts.clear()
            counts.update(halved)
        self._first = {
            column // 2: number for column, number in reversed(self._first.items())
        }
