"""The tables of who heard what: stretches of membership, and every single hearing."""

from collections.abc import Iterable

from hubbub.data.columns import Row
from hubbub.data.course import Course
from hubbub.data.fold import Fold
from hubbub.data.rows import ExposureRow, MembershipRow
from hubbub.messages import (
    Asked,
    Contributed,
    Joined,
    Left,
    Message,
    RoundBegan,
    Started,
)
from hubbub.names import CONDUCTOR, inbox


class Memberships(Fold):
    """
    Every membership, in the order in which they end; then those that have not.

    A seat is in its own inbox all the time.  Memory grows with the memberships of one
    moment.
    """

    row = MembershipRow
    kinds = ("start", "join", "leave")

    def __init__(self) -> None:
        self._inside: dict[tuple[str, str], int] = {}

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        match message.body:
            case Started(seats=seats):
                for seat in seats:
                    self._inside[seat, inbox(seat)] = 1
            case Joined(seats=seats):
                for seat in seats:
                    self._inside.setdefault((seat, inbox(seat)), 1)
                    self._inside.setdefault((seat, message.room), message.seq)
            case Left(seats=seats):
                for seat in seats:
                    begun = self._inside.pop((seat, message.room), None)
                    if begun is not None:
                        yield _stretch(seat, message.room, begun, message.seq)
            case _:
                pass

    def end(self, course: Course) -> Iterable[Row]:
        for (seat, room), begun in self._inside.items():
            yield _stretch(seat, room, begun, None)


def _stretch(seat: str, room: str, begun: int, ended: int | None) -> MembershipRow:
    return MembershipRow(seat=seat, room=room, from_seq=begun, to_seq=ended)


class Exposures(Fold):
    """
    Every message with every seat that heard it.

    These are the room's members, everybody for the beginning of a round, and a seat for
    its own contribution; but nobody hears a probe.  The rows are as many as messages
    times members; memory grows with the memberships of one moment.
    """

    row = ExposureRow

    def __init__(self) -> None:
        self._seats: dict[str, None] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._probes: set[str] = set()

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        match message.body:
            case Started(seats=seats):
                self._enter(seats)
            case Joined(seats=seats):
                self._enter(seats)
                room = self._members.setdefault(message.room, {})
                room.update(dict.fromkeys(seats))
            case _:
                pass
        for seat in self._hearers(message):
            yield ExposureRow(
                seq=message.seq,
                seat=seat,
                sender=message.sender,
                room=message.room,
                kind=message.kind,
                own=seat == message.sender,
            )
        if isinstance(message.body, Left):
            self._leave(message.room, message.body.seats)

    def _enter(self, seats: Iterable[str]) -> None:
        for seat in seats:
            if seat != CONDUCTOR:
                self._seats[seat] = None
                self._members[inbox(seat)] = {seat: None}

    def _leave(self, room: str, seats: Iterable[str]) -> None:
        if members := self._members.get(room):
            for seat in seats:
                members.pop(seat, None)
            if not members:
                del self._members[room]

    def _hearers(self, message: Message) -> Iterable[str]:
        members = self._members.get(message.room, {})
        match message.body:
            case RoundBegan():
                return self._seats
            case Asked(probe=True, ask=ask):
                self._probes.add(ask)
                return ()
            case Contributed(ask=ask) if ask in self._probes:
                self._probes.remove(ask)
                return ()
            case Contributed() if message.sender not in members:
                return (*members, message.sender)
            case _:
                return members
