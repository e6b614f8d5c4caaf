"""The contract: what carries messages, in one order, to everybody who may hear them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec

from hubbub.errors import BadName, BusError, BusRefused, Fenced, RunOver
from hubbub.messages import KIND_OF, Body, Draft, Message, decode_line, encode_body
from hubbub.names import NAME, check_room, inbox

#: The largest whole number that the server's scripts and every reader read exactly.
LARGEST = (1 << 53) - 1


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
    """
    A living process's part in a run: *kind* is worker, conductor, logger.

    It is *alone* if the process has no other part in any run.
    """

    kind: str
    host: str
    pid: int
    draining: bool = False
    alone: bool = False


def check_draft(draft: Draft) -> tuple[str, bytes]:
    """
    The kind and the body of *draft*, as they will be stored.

    Names end up in lines, keys and channels, so this is every bus's door: raises
    `BadName` for a room or sender that is none, `MessageTooLarge`, and `BusRefused`
    for a number or incarnation below 1, a negative `Draft.seen`, or what is above
    `LARGEST`.
    """
    check_room(draft.room)
    if not NAME.fullmatch(draft.sender):
        raise BadName("seat", draft.sender)
    if draft.no < 1 or draft.inc < 1 or draft.seen < 0:
        raise BusRefused(f"{draft.sender}: a draft's numbers begin at 1, its seen at 0")
    if max(draft.no, draft.inc, draft.seen) > LARGEST:
        raise BusRefused(f"{draft.sender}: a draft's numbers end at {LARGEST}")
    return KIND_OF[type(draft.body)], encode_body(draft.body)


def refusal(status: str, draft: Draft, run: str) -> BusError:
    """Why *draft* is not in the log, for each *status* of ``post.lua`` that says so."""
    match status:
        case "fenced":
            return Fenced(draft.sender, draft.inc)
        case "over":
            return RunOver(f"run {run} has ended")
        case _:
            return BusRefused(f"{draft.sender} skipped a number before {draft.no}")


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
    """One run's log, its rooms, the leases on its seats, and its purse."""

    run: str

    @abstractmethod
    async def post(self, drafts: Sequence[Draft]) -> list[Receipt]:
        """
        Append *drafts* to the log in this order, each one atomically and once.

        Returns when all are durable.  A number that is in the log already gets the
        receipt it had, marked `Receipt.dup`.  A post is never cut off half-way: it can
        be cancelled before and after, not in between.

        Raises what `check_draft` raises before anything is posted.  After that each
        draft is judged by itself, and one that is refused stops none of the others:
        `Fenced` when its seat is not claimed or taken over, `RunOver`, `BusRefused`
        when a smaller number of its sender is missing.  The first such error is raised
        when all have been judged; every draft that was not refused is in the log.

        Raises `BusUnavailable`, or `BusRefused` with the server's words: then it is
        unknown which are in the log, and the same drafts may be posted again.
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

    @abstractmethod
    async def reserve(
        self, id: str, amounts: Mapping[str, int], limits: Mapping[str, int]
    ) -> str:
        """
        Count *amounts* as spent, all of them, unless one would pass its limit.

        Returns the first that would, empty for none: then they count until `settle`
        says of the same *id* what they came to, also when nobody does.  All is one
        atomic step for all processes, and an *id* that has reserved reserves no more.
        """

    @abstractmethod
    async def settle(self, id: str, amounts: Mapping[str, int]) -> None:
        """Count *amounts* in place of what *id* has reserved; nothing if it has not."""

    @abstractmethod
    async def count(self, amounts: Mapping[str, int]) -> None:
        """Count no less than *amounts* as spent."""

    @abstractmethod
    async def spent(self) -> dict[str, int]:
        """What counts as spent, by name; what is reserved is in it."""

    @abstractmethod
    async def reserved(self) -> dict[str, int]:
        """What is reserved and not settled, by name."""


class Voice:
    """
    One incarnation of a seat speaking: numbers its messages, one at a time.

    After a `BusError` the voice must not be used again.  Any other error was found
    before anything was posted.
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
        try:
            return await self._bus.post(drafts)
        except Exception as error:
            if not isinstance(error, BusError):
                self._no -= len(drafts)
            raise
