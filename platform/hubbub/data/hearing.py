"""The tables of who heard what: stretches of membership, and every single hearing."""

from collections.abc import Iterable

from hubbub.data.columns import Row
from hubbub.data.course import Course
from hubbub.data.fold import Fold
from hubbub.data.rows import ExposureRow, MembershipRow
from hubbub.hearers import Hearing
from hubbub.messages import Joined, Left, Message, Started
from hubbub.names import inbox


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

    See `hubbub.hearers.Hearing` for who that is; who hears it late has its row when it
    does.  The rows are as many as messages times members; memory grows with the
    memberships of one moment.
    """

    row = ExposureRow

    def __init__(self) -> None:
        self._hearing = Hearing()

    def apply(self, message: Message, course: Course) -> Iterable[Row]:
        for seat, heard in self._hearing.apply(message):
            yield ExposureRow(
                seq=heard.seq,
                seat=seat,
                sender=heard.sender,
                room=heard.room,
                kind=heard.kind,
                own=seat == heard.sender,
            )
