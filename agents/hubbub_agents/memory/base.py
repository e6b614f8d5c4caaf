"""
The seam of memories: each folds what its seat hears, and shows a part of it.

What a memory finds out with model calls comes back to it as an event, so that a memory
is a fold of the log.  Until it does, the ask that made it has it in hand.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from itertools import takewhile
from typing import NamedTuple

import msgspec

from hubbub.errors import ModelError
from hubbub.messages import Message, Remembered, RoundBegan
from hubbub.mind import Ask, Part
from hubbub.models.base import View
from hubbub_agents.desk import Desk
from hubbub_agents.lines import line_of, longest
from hubbub_agents.tokens import tokens


class Line(msgspec.Struct, frozen=True, gc=False):
    """One thing heard: *place* counts a seat's lines from 1, *round* the rounds."""

    seq: int
    place: int
    round: int
    text: str
    tokens: int


class Made(NamedTuple):
    """A memory, and how many lines had been heard when it was made."""

    memory: Remembered
    place: int


class Recalled(NamedTuple):
    """The lines that a prompt shows, and the record of where they are from."""

    lines: tuple[str, ...]
    view: View


class Memory(ABC):
    """
    What a seat remembers: a fold of events, and of what it has made of them.

    `observe` never waits; `keep` may call the seat's model before an answer; `recall`
    gives the lines to show.  Acts leave it as it is.
    """

    def __init__(self, part: Part, bound: int) -> None:
        """Lines of *bound* tokens, estimated, are held; the oldest go first."""
        self.part = part
        self.lines: deque[Line] = deque()
        #: How many lines were heard at all.
        self.total = 0
        self.round = 0
        self._longest = longest(part.context)
        self._bound = bound
        self._size = 0
        # What the present ask has made and is not observed yet.
        self._maker = ""
        self._fresh: list[Made] = []

    def observe(self, event: Message) -> None:
        """Fold *event*."""
        match event.body:
            case Remembered() as memory:
                self.settle(Made(memory, self.total))
            case RoundBegan(round=number):
                self.round = number
            case _:
                text = line_of(event, self.part.seat, self._longest)
                if text is not None:
                    self._hear(event, text)

    def _hear(self, event: Message, text: str) -> None:
        self.total += 1
        # One token more for the line break.
        line = Line(event.seq, self.total, self.round, text, tokens(text) + 1)
        self.lines.append(line)
        self._size += line.tokens
        self.heard(event, line)
        while self._size > self._bound and len(self.lines) > 1:
            self.forget()

    def forget(self) -> Line:
        """Let go of the oldest line."""
        line = self.lines.popleft()
        self._size -= line.tokens
        return line

    def heard(self, event: Message, line: Line) -> None:
        """*line* has been heard; a memory that wants more of *event* takes it here."""
        return

    def settle(self, made: Made) -> None:
        """What an earlier ask has made has come back: fold it."""
        return

    def fresh(self, ask: str) -> list[Made]:
        """What *ask* itself has made so far."""
        return self._fresh if self._maker == ask else []

    async def make(self, ask: Ask, memory: Remembered) -> None:
        """Remember *memory* under the next id of *ask*; its own is disregarded."""
        if self._maker != ask.id:
            self._maker, self._fresh = ask.id, []
        id = f"{ask.id}/m{len(self._fresh) + 1}"
        memory = msgspec.structs.replace(memory, memory=id)
        await ask.remember(memory)
        self._fresh.append(Made(memory, self.total))

    async def keep(self, desk: Desk) -> None:
        """Make of what was heard what the policy wants made, before an answer."""
        return

    @abstractmethod
    def recall(self, ask: Ask, limit: int) -> Recalled:
        """The lines that *ask* is to see, in at most *limit* tokens."""


def newest(lines: Iterable[Line], limit: int) -> list[Line]:
    """The last of *lines* that have *limit* tokens together, in order."""
    found: list[Line] = []
    for line in reversed([*lines]):
        limit -= line.tokens
        if limit < 0:
            break
        found.append(line)
    return found[::-1]


def oldest(lines: Iterable[Line], limit: int) -> list[Line]:
    """The first of *lines* that have *limit* tokens together, at least one."""
    lines = [*lines]
    total = 0
    sizes = ((total := total + line.tokens) for line in lines)
    return lines[: max(1, sum(1 for _ in takewhile(lambda size: size <= limit, sizes)))]


async def shrinking(
    limit: int, attempt: Callable[[int], Awaitable[str]], times: int = 2
) -> str:
    """
    What *attempt* gives with *limit* tokens of lines.

    Where its server finds that too long, it is tried with half, *times* at most; after
    that, and for all else, the `ModelError` is raised.
    """
    try:
        return await attempt(limit)
    except ModelError as error:
        if error.kind != "context_length" or not times or limit < 1:
            raise
    return await shrinking(limit // 2, attempt, times - 1)
