"""
Links: what comes to a seat of what the others say, and when.

The log has everything, and everybody goes by it: what is impaired is what a mind hears.
All of it follows from the events that the seat's host is told of, in their order, and
from the ``at`` they have in the log, so every host and every replay agree.
"""

from collections.abc import Sequence

import msgspec

from hubbub.chance import generator
from hubbub.impairments import Fate, impairment_of
from hubbub.messages import (
    Contributed,
    Injected,
    Left,
    Lifted,
    Message,
    Muted,
    Onset,
    Passed,
    Said,
    Ticked,
    Toggled,
)

#: Messages that one seat's links hold back; of more the oldest comes before its time.
HELD = 4096


class _Impaired:
    """An impairment in force, unless it is not *on* for a while."""

    def __init__(self, what: Injected, seed: int) -> None:
        self.on = True
        self._id = what.id
        self._seed = seed if what.seed is None else what.seed
        self._kind = impairment_of(what)
        self._seats = frozenset(what.seats)
        self._rooms = what.rooms

    def concerns(self, message: Message, hearer: str) -> bool:
        """Whether it is on the link on which *hearer* gets *message*."""
        if not self.on or (self._rooms and message.room not in self._rooms):
            return False
        kind, seats, sender = self._kind, self._seats, message.sender
        heard = hearer in seats and kind.between(seats, sender)
        hears = sender in seats and kind.between(seats, hearer)
        return (heard and kind.direction != "out") or (hears and kind.direction != "in")

    def fates(self, message: Message, hearer: str, copy: int) -> Sequence[Fate]:
        """What becomes of *message* number *copy* on its way to *hearer*."""
        rng = generator(self._seed, self._id, hearer, message.seq, copy)
        return self._kind.fates(rng)


class _Copy:
    """A message on its way since the event number *count*; *waits* by impairment."""

    def __init__(self, message: Message, count: int, waits: dict[str, Fate]) -> None:
        self.message = message
        self.waits = waits
        self._count = count

    @property
    def at(self) -> float:
        """When it is due, in ms, as far as time goes."""
        return self.message.at + 1000 * sum(f.seconds for f in self.waits.values())

    def due(self, at: int, count: int) -> bool:
        """Whether it comes with event number *count*, which was said *at*."""
        if not self.waits:
            # Not even a clock that has been set back holds it.
            return True
        wanted = self._count + sum(fate.events for fate in self.waits.values())
        return count >= wanted and at >= self.at


class Links:
    """
    All links on which one *seat* hears, in a run with *seed*.

    Asks, phases, rounds, memberships and the seat's own words always come.  What others
    say may not, or late: it comes right after the first event that is late enough, by
    its ``at`` and by how many were heard before, and never if none is.  Several
    impairments add up; at the end of one, what it alone still holds back is heard.
    """

    def __init__(self, seat: str, seed: int) -> None:
        self._seat = seat
        self._seed = seed
        self._impaired: dict[str, _Impaired] = {}
        self._muted: set[str] = set()
        self._count = 0
        self._held: list[_Copy] = []

    @property
    def clear(self) -> bool:
        """Whether everything comes as it is said."""
        return not (self._impaired or self._muted or self._held)

    def turn(self, event: Message) -> list[Message]:
        """An impairment begins, ends, or does for a while; what is heard with that."""
        match event.body:
            case Onset(what=what):
                self._impaired[what.id] = _Impaired(what, self._seed)
            case Lifted(id=id):
                self._impaired.pop(id, None)
                self._let_go(id)
            case Toggled(id=id, on=on) if id in self._impaired:
                self._impaired[id].on = on
                if not on:
                    self._let_go(id)
            case _:
                pass
        return self._due(event)

    def hear(self, event: Message) -> list[Message]:
        """What the seat hears with *event*, which is the next one for it."""
        self._count += 1
        if isinstance(event.body, Muted):
            self._mute(event.body)
        said = event.sender != self._seat and is_said(event)
        heard = self._admit(event) if said else [event]
        return heard + self._due(event)

    def _mute(self, muted: Muted) -> None:
        if muted.on:
            self._muted.discard(muted.seat)
        else:
            self._muted.add(muted.seat)
            self._held = [c for c in self._held if c.message.sender != muted.seat]

    def _admit(self, event: Message) -> list[Message]:
        """What is heard of *event* now; the rest is held back."""
        words = _words(event)
        copies = [_Copy(words, self._count, waits) for waits in self._ways(event)]
        late = [copy for copy in copies if not copy.due(event.at, self._count)]
        self._held += late
        heard = [words] * (len(copies) - len(late))
        if isinstance(event.body, Left):
            # Who has left has left, whatever is heard of its last words.
            heard[:1] = [event] if heard else [_without_words(event, event.body)]
        while len(self._held) > HELD:
            heard.append(self._held.pop(0).message)
        return heard

    def _ways(self, event: Message) -> list[dict[str, Fate]]:
        """For each copy of *event* that will come, what it waits for."""
        if event.sender in self._muted:
            return []
        ways: list[dict[str, Fate]] = [{}]
        for id, impaired in self._impaired.items():
            if impaired.concerns(event, self._seat):
                ways = [
                    {**way, id: fate}
                    for copy, way in enumerate(ways)
                    for fate in impaired.fates(event, self._seat, copy)
                ]
        return ways

    def _let_go(self, id: str) -> None:
        for copy in self._held:
            copy.waits.pop(id, None)

    def _due(self, event: Message) -> list[Message]:
        if not self._held:
            return []
        held, due = list[_Copy](), list[_Copy]()
        for copy in self._held:
            (due if copy.due(event.at, self._count) else held).append(copy)
        self._held = held
        due.sort(key=lambda copy: copy.at)
        return [copy.message for copy in due]


def is_said(message: Message) -> bool:
    """Whether *message* is what somebody says, and no matter of the run's course."""
    match message.body:
        case Said() | Passed() | Contributed() | Ticked():
            return True
        case Left(text=text):
            return text != ""
        case _:
            return False


def _words(message: Message) -> Message:
    """*message*, as what was said in it alone."""
    if not isinstance(message.body, Left):
        return message
    said = Said(text=message.body.text, turn=message.body.turn)
    return msgspec.structs.replace(message, kind="say", body=said)


def _without_words(message: Message, left: Left) -> Message:
    body = msgspec.structs.replace(left, text="")
    return msgspec.structs.replace(message, body=body)
