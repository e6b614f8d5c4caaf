"""Who hears what, and with which event: a fold of the log, for whoever was not there."""

from collections.abc import Iterable, Sequence

from hubbub.links import Links
from hubbub.messages import (
    Asked,
    Contributed,
    Joined,
    Left,
    Lifted,
    Message,
    Muted,
    Onset,
    RoundBegan,
    Started,
    Toggled,
)
from hubbub.names import CONDUCTOR, inbox

#: A seat, and a message that its mind hears.
Heard = tuple[str, Message]


class Hearers:
    """
    Whom each message is for: the members of its room.

    The beginning of a round is for everybody, an answer for the seat that gives it, and a
    probe for nobody.  Memory grows with the memberships of one moment.
    """

    def __init__(self) -> None:
        #: Everybody that has been there.
        self.seats: dict[str, None] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._probes: set[str] = set()

    def apply(self, message: Message) -> Sequence[str]:
        """Fold the next message; whom it is for, its sender too."""
        match message.body:
            case Started(seats=seats):
                self._enter(seats)
            case Joined(seats=seats):
                self._enter(seats)
                room = self._members.setdefault(message.room, {})
                room.update(dict.fromkeys(seats))
            case _:
                pass
        hearers = self._hearers(message)
        if isinstance(message.body, Left):
            self._leave(message.room, message.body.seats)
        return hearers

    def _enter(self, seats: Iterable[str]) -> None:
        for seat in seats:
            if seat != CONDUCTOR:
                self.seats[seat] = None
                self._members[inbox(seat)] = {seat: None}

    def _leave(self, room: str, seats: Iterable[str]) -> None:
        if members := self._members.get(room):
            for seat in seats:
                members.pop(seat, None)
            if not members:
                del self._members[room]

    def _hearers(self, message: Message) -> Sequence[str]:
        members = self._members.get(message.room, {})
        match message.body:
            case RoundBegan():
                return tuple(self.seats)
            case Asked(probe=True, ask=ask):
                self._probes.add(ask)
                return ()
            case Contributed(ask=ask) if ask in self._probes:
                self._probes.remove(ask)
                return ()
            case Contributed() if message.sender not in members:
                return (*members, message.sender)
            case _:
                return tuple(members)


class Hearing:
    """What all minds hear, as mutes and impaired links leave it; see `hubbub.links`."""

    def __init__(self) -> None:
        self._hearers = Hearers()
        self._seed = 0
        #: The links of those for whom they are not, or have not been, as they should be.
        self._links: dict[str, Links] = {}
        #: What has been done to everybody's links, for those who come later.
        self._turns: list[Message] = []

    def apply(self, message: Message) -> Sequence[Heard]:
        """
        Fold the next message; what is heard with this event, and by whom.

        That is the message itself, for all whom it reaches at once, and what has been on its
        way to somebody until now.
        """
        hearers = self._hearers.apply(message)
        match message.body:
            case Started(seed=seed):
                self._seed = seed
            case Onset(what=what) if what.surface == "impair":
                return self._turn(message)
            case Toggled(surface="impair") | Lifted(surface="impair"):
                return self._turn(message)
            case _:
                pass
        mutes = isinstance(message.body, Muted)
        heard: list[Heard] = []
        for seat in hearers:
            links = self._of(seat) if mutes or self._turns else self._links.get(seat)
            if links is None or (links.clear and not mutes):
                heard.append((seat, message))
            else:
                heard += ((seat, each) for each in links.hear(message))
        return heard

    def _turn(self, message: Message) -> Sequence[Heard]:
        found = [
            (seat, each)
            for seat in self._hearers.seats
            for each in self._of(seat).turn(message)
        ]
        self._turns.append(message)
        return found

    def _of(self, seat: str) -> Links:
        if seat not in self._links:
            self._links[seat] = Links(seat, self._seed)
            for turn in self._turns:
                self._links[seat].turn(turn)
        return self._links[seat]
