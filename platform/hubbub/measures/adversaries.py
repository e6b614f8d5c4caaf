"""Who is there, who of them is an adversary, and while which events: a fold of the log."""

from collections.abc import Iterable, Mapping

import msgspec

from hubbub.messages import (
    Injected,
    Joined,
    Lifted,
    Message,
    Onset,
    RoundBegan,
    Started,
    Surface,
    Toggled,
)
from hubbub.names import CONDUCTOR

#: The surfaces on which somebody speaks who means the others no good.
SPEAKING: tuple[Surface, ...] = ("participant", "compromise")


class Adversary(msgspec.Struct, kw_only=True):
    """
    An injection that has begun: *seats* are what it came with, or what it is on.

    It begins with the event *began*, a participant's first join or the *onset* itself, in
    *round*, 0 before the first.  It holds during *spans*, each from an event on up to
    another one, None for the log's end; *lifted* is the event of its end, 0 for none.
    *said* are its options that are words, such as a claim or a canary.
    """

    id: str
    surface: Surface
    seats: tuple[str, ...]
    began: int
    onset: int
    round: int
    lifted: int = 0
    spans: list[tuple[int, int | None]]
    said: dict[str, str] = {}

    def holds(self, seq: int) -> bool:
        """Whether an act that is taken at the event *seq* is this adversary's."""
        return any(
            first <= seq and (last is None or seq < last) for first, last in self.spans
        )


class Adversaries:
    """All of them, as far as the log has been read."""

    def __init__(self) -> None:
        #: By id, in the order in which they began.
        self.all: dict[str, Adversary] = {}
        #: Every seat, and the event with which it was there.
        self.everybody: dict[str, int] = {}
        self._round = 0

    @property
    def seats(self) -> frozenset[str]:
        """All seats that an injection came with, or was on."""
        return frozenset(seat for each in self.all.values() for seat in each.seats)

    def apply(self, message: Message) -> None:
        """Fold the next message."""
        match message.body:
            case RoundBegan(round=round):
                self._round = round
            case Started(seats=seats) | Joined(seats=seats):
                for seat in seats:
                    if seat != CONDUCTOR:
                        self.everybody.setdefault(seat, message.seq)
            case Onset(what=what):
                self.all[what.id] = self._begin(what, message.seq)
            case Toggled(id=id, on=on) if id in self.all:
                (_resume if on else _pause)(self.all[id], message.seq)
            case Lifted(id=id) if id in self.all:
                _pause(self.all[id], message.seq)
                self.all[id].lifted = message.seq
            case _:
                pass

    def _begin(self, what: Injected, seq: int) -> Adversary:
        began = seq
        if what.surface == "participant":
            came = (self.everybody.setdefault(seat, seq) for seat in what.seats)
            began = min([seq, *came])
        return Adversary(
            id=what.id,
            surface=what.surface,
            seats=what.seats,
            began=began,
            onset=seq,
            round=self._round,
            spans=[(seq, None)],
            said=_words(what),
        )

    def speaks(self, seat: str, seen: int) -> bool:
        """Whether what *seat* says, having read up to *seen*, is an adversary's."""
        return any(
            seat in each.seats and each.surface in SPEAKING and each.holds(seen)
            for each in self.all.values()
        )


def _pause(adversary: Adversary, seq: int) -> None:
    first, last = adversary.spans[-1]
    adversary.spans[-1] = first, seq if last is None else last


def _resume(adversary: Adversary, seq: int) -> None:
    if adversary.spans[-1][1] is not None:
        adversary.spans.append((seq, None))


class _Group(msgspec.Struct):
    options: dict[str, object] = {}


def _words(what: Injected) -> dict[str, str]:
    """The options of *what* that are words."""
    options: Mapping[str, object] = msgspec.json.decode(what.group, type=_Group).options
    return {name: value for name, value in options.items() if isinstance(value, str)}


def read_adversaries(messages: Iterable[Message]) -> Adversaries:
    """All adversaries of the run of *messages*."""
    found = Adversaries()
    for message in messages:
        found.apply(message)
    return found
