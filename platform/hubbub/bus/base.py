"""The contract: what carries messages, in one order, to everybody who may hear them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec

from hubbub.messages import Body, Draft, Message, decode_line
from hubbub.names import inbox


class Receipt(msgspec.Struct, frozen=True):
    """Where a draft stands in the log; *dup* when it stood there already."""

    seq: int
    n: int
    at: int
    dup: bool = False


class Claim(msgspec.Struct, frozen=True):
    """A seat is ours: its new incarnation and the last number its sender used."""

    inc: int
    no: int


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A living process's part in a run: *kind* is worker, conductor, logger."""

    kind: str
    host: str
    pid: int
    draining: bool = False


def concerns(message: Message, rooms: Mapping[str, object] | set[str]) -> bool:
    """
    Whether a subscription to *rooms* hears *message*.

    It hears its rooms, every join and leave, and the contributions of those whose
    inbox is among its rooms, so that a seat hears its own sealed answers.
    """
    if message.room in rooms or message.kind in ("join", "leave"):
        return True
    return message.kind == "contribution" and inbox(message.sender) in rooms


class Subscription(ABC):
    """
    A live view of some rooms: every message that `concerns` them, once, in ``seq``
    order, whatever happens to the connection.
    """

    #: The ``seq`` up to which everything has been returned by `next`.
    cursor: int

    @abstractmethod
    async def next(self) -> Sequence[Message]:
        """
        Wait for the next messages; may return none.

        Can be cancelled at any time without losing a message.  Raises
        `BusUnavailable` when the server stays away longer than the bus's patience.
        """

    @abstractmethod
    async def add(self, rooms: Iterable[str], after: int) -> None:
        """
        Hear *rooms* too, and everything again from *after* on.

        Going back is what keeps the order over all rooms.
        """

    @abstractmethod
    async def discard(self, rooms: Iterable[str]) -> None:
        """Hear *rooms* no longer."""


class Bus(ABC):
    """One run's log, its rooms and the leases on its seats."""

    run: str

    @abstractmethod
    async def post(self, drafts: Sequence[Draft]) -> list[Receipt]:
        """
        Append *drafts* to the log in this order, each one atomically and once.

        Returns when all are durable.  Raises `Fenced`, `RunOver`, `BusRefused`,
        or `BusUnavailable`: then it is unknown which are in the log, and the same
        drafts may be posted again.
        """

    @abstractmethod
    async def lines(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[tuple[int, bytes]]:
        """
        At most *limit* lines of the log after ``seq`` *after*, in order.

        Waits up to *wait* seconds for the first one.
        """

    async def read(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[Message]:
        """As `lines`, decoded."""
        lines = await self.lines(after, limit=limit, wait=wait)
        return [decode_line(line) for _, line in lines]

    @abstractmethod
    def subscribe(self, after: int) -> AbstractAsyncContextManager[Subscription]:
        """Open a subscription that hears only joins and leaves at first."""

    @abstractmethod
    async def claim(self, holder: str, seats: Sequence[str]) -> dict[str, Claim]:
        """Take those of *seats* that no other living holder has."""

    @abstractmethod
    async def release(self, holder: str, seats: Sequence[str]) -> None:
        """Give back those of *seats* that *holder* has."""

    @abstractmethod
    async def held(self) -> dict[str, str]:
        """Each claimed seat's holder, living or not; empty when given back."""

    @abstractmethod
    async def beat(self, holder: str, role: Role, ttl: float) -> None:
        """Be alive as *holder* for *ttl* seconds from now."""

    @abstractmethod
    async def rest(self, holder: str) -> None:
        """Be alive no longer; what *holder* has may be taken at once."""

    @abstractmethod
    async def living(self) -> dict[str, Role]:
        """All living holders."""

    @abstractmethod
    async def meta(self) -> dict[str, str]:
        """Facts about the run: ``seq``, ``logged``, ``ended`` and what `note` set."""

    @abstractmethod
    async def note(self, **facts: str) -> None:
        """Set *facts* about the run."""


class Voice:
    """
    One incarnation of a seat speaking: numbers its messages, one at a time.

    After an error other than `MessageTooLarge` the voice must not be used again.
    """

    def __init__(self, bus: Bus, seat: str, claim: Claim) -> None:
        self._bus = bus
        self.seat = seat
        self.inc = claim.inc
        self._no = claim.no

    async def say(self, room: str, body: Body, *, seen: int) -> Receipt:
        """Post *body* to *room*; see `Bus.post` for what is raised."""
        return (await self.say_all([(room, body)], seen=seen))[0]

    async def say_all(
        self, posts: Sequence[tuple[str, Body]], *, seen: int
    ) -> list[Receipt]:
        """Post all, in order and without waiting in between."""
        drafts = [
            Draft(
                room=room,
                sender=self.seat,
                inc=self.inc,
                no=self._no + 1 + i,
                seen=seen,
                body=body,
            )
            for i, (room, body) in enumerate(posts)
        ]
        self._no += len(drafts)
        return await self._bus.post(drafts)
