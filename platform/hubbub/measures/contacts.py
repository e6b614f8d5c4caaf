"""
Who has had to do with whom: what one did that another could act on.

Words count, said where the other heard them, and games of giving, of whose pot a player
is told.  What a seat does to others by way of the scenario alone, such as an invitation
that it does not send, is no contact.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from hubbub.dilemmas import PAYOFF
from hubbub.hearers import Hearing
from hubbub.messages import Contributed, Message, Resulted, Ticked
from hubbub.names import CONDUCTOR
from hubbub.questions import spoken

How = Literal["words", "game"]

#: The result by which a scenario declares a game.
_GAME = "game"


class Contact(NamedTuple):
    """
    *hearer* can act on what *sender* did from the event *seq* on.

    *seen* is how far in the run the sender had read when it did it.
    """

    seq: int
    sender: str
    hearer: str
    seen: int
    how: How


def read_contacts(messages: Iterable[Message]) -> Iterator[Contact]:
    """
    All contacts in *messages*, a run's log from its beginning, in the order of `seq`.

    Who hears, and when, is as `hubbub.hearers.Hearing` has it; the conductor is nobody.
    They are as many as words times hearers, and none is kept.
    """
    fold = _Fold()
    for message in messages:
        fold.apply(message)
        if not fold.waits:
            yield from fold.take()
    yield from fold.take()


class _Game(msgspec.Struct):
    payoffs: dict[str, float]


class _Fold:
    def __init__(self) -> None:
        self._found: list[Contact] = []
        self._hearing = Hearing()
        #: How far each seat had read when it last answered.
        self._answered: dict[str, int] = {}
        #: The last message to each seat of what a game came to.
        self._paid: dict[str, int] = {}
        #: With which event such messages were heard, and the games of those that were not.
        self._heard: dict[int, int] = {}
        self._games: dict[int, Sequence[str]] = {}

    @property
    def waits(self) -> bool:
        """Whether somebody was told of a game, and who played it is yet to come."""
        return bool(self._paid)

    def take(self) -> list[Contact]:
        """What was found since, in order."""
        found, self._found = sorted(self._found), []
        return found

    def apply(self, message: Message) -> None:
        """Fold the next message."""
        match message.body:
            case Contributed(outcome="answered"):
                self._answered[message.sender] = message.seen
            case Ticked(name=name) if name == PAYOFF:
                self._paid[message.room.removeprefix("@")] = message.seq
            case Resulted(name=name, value=value) if name == _GAME:
                self._play(value)
            case _:
                pass
        words = spoken(message)
        for hearer, heard in self._hearing.apply(message):
            if isinstance(heard.body, Ticked):
                self._learn(message.seq, hearer, heard.seq)
            elif heard.sender not in (hearer, CONDUCTOR):
                said = words if heard is message else spoken(heard)
                if said.strip():
                    self._meet(message.seq, heard.sender, hearer, heard.seen, "words")

    def _meet(self, seq: int, sender: str, hearer: str, seen: int, how: How) -> None:
        self._found.append(Contact(seq, sender, hearer, seen, how))

    def _play(self, value: msgspec.Raw) -> None:
        try:
            players = msgspec.json.decode(value, type=_Game).payoffs
        except msgspec.ValidationError:
            # Some other scenario's, which happens to have the same name.
            return
        for hearer in players:
            if (tick := self._paid.pop(hearer, 0)) in self._heard:
                self._share(self._heard.pop(tick), hearer, [*players])
            elif tick:
                self._games[tick] = [*players]

    def _learn(self, seq: int, hearer: str, tick: int) -> None:
        """With event *seq*, *hearer* hears what it was told in *tick*."""
        if tick in self._games:
            self._share(seq, hearer, self._games.pop(tick))
        elif self._paid.get(hearer) == tick:
            self._heard.setdefault(tick, seq)

    def _share(self, seq: int, hearer: str, players: Sequence[str]) -> None:
        for sender in players:
            if sender != hearer and sender in self._answered:
                self._meet(seq, sender, hearer, self._answered[sender], "game")
