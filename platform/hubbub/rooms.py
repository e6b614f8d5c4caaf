"""Who is in which room, and which rooms are everybody's: a fold of joins and leaves."""

from collections.abc import Iterable

from hubbub.messages import Joined, Left, Message, Started


class Rooms:
    """
    The rooms of a run that somebody is in.

    A room is *public* when all of the population have come into it, whoever has left,
    unless it is the conversation of two.
    """

    def __init__(self) -> None:
        #: Who is in each room now.
        self.members: dict[str, dict[str, None]] = {}
        #: The step that brought a room's last members.
        self.steps: dict[str, int] = {}
        #: The seats of the population, once the run has started.
        self.everybody: frozenset[str] = frozenset()
        # Who of the population has not been in a room.
        self._missing: dict[str, set[str]] = {}

    def apply(self, message: Message) -> None:
        """Fold the next message."""
        match message.body:
            case Started(seats=seats):
                self.everybody = frozenset(seats)
            case Joined(seats=seats, step=step):
                self._join(message.room, seats, step)
            case Left(seats=seats):
                self._leave(message.room, seats)
            case _:
                pass

    def _join(self, room: str, seats: tuple[str, ...], step: int) -> None:
        self.members.setdefault(room, {}).update(dict.fromkeys(seats))
        self.steps[room] = step
        if room not in self._missing:
            self._missing[room] = set(self.everybody)
        self._missing[room].difference_update(seats)

    def _leave(self, room: str, seats: Iterable[str]) -> None:
        members = self.members.get(room, {})
        for seat in seats:
            members.pop(seat, None)
        if not members:
            for known in (self.members, self.steps, self._missing):
                known.pop(room, None)

    def public(self) -> list[str]:
        """The public rooms, in the order in which they were opened."""
        return [
            room
            for room, missing in self._missing.items()
            if not missing and not room.startswith(f"chat-{self.steps[room]}-")
        ]

    def of(self, seat: str) -> list[str]:
        """The rooms that *seat* is in, but for its inbox."""
        return [room for room, members in self.members.items() if seat in members]
