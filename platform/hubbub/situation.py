"""A run as an operator finds it, who would ask it for something from outside."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from hubbub.bus.base import Bus, Voice
from hubbub.errors import RunFailed
from hubbub.leases import new_holder
from hubbub.messages import Message
from hubbub.names import OPERATOR
from hubbub.population import Cast
from hubbub.rooms import Rooms
from hubbub.truth import Truth

#: Messages of the log that are read at once.
PAGE = 4096


class Situation:
    """A fold of the log, as far as an operator must know it."""

    def __init__(self) -> None:
        self.truth = Truth()
        self.rooms = Rooms()
        self.cursor = 0

    def apply(self, message: Message) -> None:
        """Fold the next message."""
        self.truth.apply(message)
        self.rooms.apply(message)
        self.cursor = message.seq

    async def read(self, bus: Bus) -> None:
        """Read on to the log's end."""
        while page := await bus.read(self.cursor, limit=PAGE):
            for message in page:
                self.apply(message)

    def seats(self, cast: Cast) -> dict[str, bool]:
        """
        All seats of the run, which *cast* knows then, and whether each sits or is to come.

        Whoever was ejected has had a name, and sits no longer.
        """
        seats = dict.fromkeys(cast.names, True)
        for entry in self.truth.entries.values():
            if entry.what.surface == "participant":
                cast.welcome(entry.what)
                seats |= dict.fromkeys(entry.what.seats, entry.state != "over")
        return seats


@asynccontextmanager
async def operating(bus: Bus) -> AsyncGenerator[tuple[Situation, Voice]]:
    """
    Be the operator: whoever was it before can ask for nothing any more.

    So nothing is asked for that was checked against an older log.  Raises `RunFailed`
    where no run has begun.
    """
    holder = new_holder("operator")
    claim = (await bus.claim(holder, [OPERATOR]))[OPERATOR]
    situation = Situation()
    await situation.read(bus)
    if not situation.rooms.everybody:
        raise RunFailed(f"run {bus.run} has not begun, or is not on this server")
    yield situation, Voice(bus, OPERATOR, claim)
