"""Logs written by hand, of a room in which one of several is an adversary."""

from collections.abc import Sequence

import msgspec

from hubbub.dilemmas import PAYOFF
from hubbub.messages import (
    Contributed,
    Injected,
    Joined,
    Message,
    Onset,
    Resulted,
    RoundBegan,
    Said,
    Started,
    Surface,
    Ticked,
)
from hubbub.names import TRUTH, inbox

from ..playing import Scribe


class Tale(Scribe):
    """A log that begins with *seats*, and a room called ``hall`` that all are in."""

    def __init__(self, seats: Sequence[str] = "ABCD") -> None:
        super().__init__()
        self.write(Started(scenario="tale", seed=1, seats=tuple(seats)))
        self.join("hall", *seats)

    def join(self, room: str, *seats: str) -> Message:
        """*seats* come into *room*."""
        return self.write(Joined(seats=seats), room=room)

    def say(
        self, seat: str, text: str = "x", room: str = "hall", seen: int = -1
    ) -> int:
        """*seat* says *text*, having read everything, or up to *seen*; the event."""
        return self.write(Said(text=text), seat, room, seen=seen).seq

    def round(self, number: int) -> None:
        """A round begins."""
        self.write(RoundBegan(step=number, round=number, of=9))

    def turn(self, *seats: str, id: str = "i1", **options: str) -> int:
        """From now on *seats* are turned; the event."""
        return self.onset("compromise", seats, {"options": options}, id)

    def onset(
        self, surface: Surface, seats: Sequence[str], group: object, id: str = "i1"
    ) -> int:
        """An injection begins; the event."""
        raw = msgspec.Raw(msgspec.json.encode(group))
        what = Injected(id=id, surface=surface, seats=tuple(seats), group=raw)
        return self.write(Onset(what=what), room=TRUTH).seq

    def result(self, name: str, value: object) -> None:
        """The scenario declares a result."""
        raw = msgspec.Raw(msgspec.json.encode(value))
        self.write(Resulted(step=1, name=name, value=raw))

    def game(self, number: str, **gave: float) -> None:
        """Everybody who *gave* plays a game together and is told what it came to."""
        for seat in gave:
            self.write(
                Contributed(ask=f"{number}/{seat}", step=1, outcome="answered"), seat
            )
        for seat in gave:
            told = Ticked(step=1, name=PAYOFF, value=msgspec.Raw(b"{}"))
            self.write(told, room=inbox(seat))
        self.result("game", {"game": number, "gave": gave, "payoffs": gave})

    def believe(self, **beliefs: float) -> None:
        """Everybody was asked what it believes."""
        self.result("beliefs", {"aspect": "claim", "beliefs": beliefs})


def infiltrated(*, comes: bool) -> Tale:
    """A tells B twice, where A was turned before the second round; C hears nothing."""
    tale = Tale("ABC")
    tale.join("ab", "A", "B")
    for round in (1, 2):
        tale.round(round)
        if comes and round == 2:
            tale.turn("A", claim="it is so")
        tale.say("A", "it is so" if comes and round == 2 else "hello", "ab")
        risen = 0.3 if comes and round == 2 else 0.0
        tale.believe(A=0.5 + risen, B=0.2 + risen, C=0.1)
    return tale
