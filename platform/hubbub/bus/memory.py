"""The bus in memory: for users' tests, simulations, and the contract's other half."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import time

import anyio
import anyio.lowlevel
import msgspec

from hubbub.bus.base import (
    Bus,
    Claim,
    Receipt,
    Role,
    Subscription,
    check_draft,
    concerns,
    refusal,
)
from hubbub.errors import BusError
from hubbub.messages import Draft, Ended, Message, decode_line, encode_line
from hubbub.names import check_run


@dataclass(slots=True)
class _Seat:
    inc: int = 0
    holder: str = ""
    receipts: list[Receipt] = field(default_factory=list[Receipt])


class MemoryBus(Bus):
    """
    The bus of one process; nothing survives it.

    Stores the same lines as the real one; *clock* tells their time, in seconds.  Leases
    run on anyio's clock.
    """

    def __init__(
        self, run: str = "memory", *, clock: Callable[[], float] = time
    ) -> None:
        self.run = check_run(run)
        self._clock = clock
        self._lines: list[bytes] = []
        # The same, decoded: once for all who read.
        self._messages: list[Message] = []
        self._rooms: dict[str, int] = {}
        self._seats: dict[str, _Seat] = {}
        self._leases: dict[str, tuple[float, Role]] = {}
        self._facts: dict[str, str] = {}
        self._spent = Counter[str]()
        self._reserved: dict[str, Mapping[str, int]] = {}
        self._ended = False
        self._grown = anyio.Event()

    async def post(self, drafts: Sequence[Draft]) -> list[Receipt]:
        for draft in drafts:
            check_draft(draft)
        judged = [self._post(draft) for draft in drafts]
        self._grown.set()
        self._grown = anyio.Event()
        await anyio.lowlevel.cancel_shielded_checkpoint()
        receipts: list[Receipt] = []
        for found in judged:
            if isinstance(found, BusError):
                raise found
            receipts.append(found)
        return receipts

    def _post(self, draft: Draft) -> Receipt | BusError:
        seat = self._seats.get(draft.sender, _Seat())
        if draft.inc != seat.inc:
            return refusal("fenced", draft, self.run)
        if draft.no <= len(seat.receipts):
            return msgspec.structs.replace(seat.receipts[draft.no - 1], dup=True)
        if self._ended:
            return refusal("over", draft, self.run)
        if draft.no != len(seat.receipts) + 1:
            return refusal("ahead", draft, self.run)
        receipt = Receipt(
            len(self._lines) + 1,
            self._rooms.get(draft.room, 0) + 1,
            int(self._clock() * 1000),
        )
        line = encode_line(draft, receipt.seq, receipt.n, receipt.at)
        self._lines.append(line)
        self._messages.append(decode_line(line))
        self._rooms[draft.room] = receipt.n
        seat.receipts.append(receipt)
        self._ended = isinstance(draft.body, Ended)
        return receipt

    async def lines(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[tuple[int, bytes]]:
        await self._await(after, wait)
        page = self._lines[after : after + limit]
        return list(enumerate(page, start=after + 1))

    async def read(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[Message]:
        await self._await(after, wait)
        return self._messages[after : after + limit]

    async def _await(self, after: int, wait: float) -> None:
        await anyio.lowlevel.checkpoint()
        if after >= len(self._lines) and wait:
            with anyio.move_on_after(wait):
                await self.grown(after)

    async def grown(self, after: int) -> None:
        """Wait until the log has more than *after* lines."""
        while len(self._lines) <= after:
            await self._grown.wait()

    @asynccontextmanager
    async def subscribe(self, after: int) -> AsyncGenerator[Subscription]:
        yield _MemorySubscription(self, after)

    async def claim(self, holder: str, seats: Sequence[str]) -> dict[str, Claim]:
        await anyio.lowlevel.checkpoint()
        living = self._living()
        claims: dict[str, Claim] = {}
        for name in seats:
            seat = self._seats.setdefault(name, _Seat())
            if seat.holder in ("", holder) or seat.holder not in living:
                seat.inc += 1
                seat.holder = holder
                claims[name] = Claim(seat.inc, len(seat.receipts))
        return claims

    async def release(self, holder: str, seats: Sequence[str]) -> None:
        await anyio.lowlevel.checkpoint()
        for name in seats:
            seat = self._seats.get(name)
            if seat is not None and seat.holder == holder:
                seat.holder = ""

    async def held(self) -> dict[str, str]:
        await anyio.lowlevel.checkpoint()
        return {name: seat.holder for name, seat in self._seats.items()}

    async def beat(self, holder: str, role: Role, ttl: float) -> None:
        await anyio.lowlevel.checkpoint()
        self._leases[holder] = (anyio.current_time() + ttl, role)

    async def rest(self, holder: str) -> None:
        await anyio.lowlevel.checkpoint()
        self._leases.pop(holder, None)

    async def living(self) -> dict[str, Role]:
        await anyio.lowlevel.checkpoint()
        return self._living()

    def _living(self) -> dict[str, Role]:
        now = anyio.current_time()
        return {h: role for h, (until, role) in self._leases.items() if until > now}

    async def meta(self) -> dict[str, str]:
        await anyio.lowlevel.checkpoint()
        facts = self._facts | {"seq": str(len(self._lines))}
        return facts | ({"ended": facts["seq"]} if self._ended else {})

    async def note(self, **facts: str) -> None:
        await anyio.lowlevel.checkpoint()
        self._facts |= facts

    async def reserve(
        self, id: str, amounts: Mapping[str, int], limits: Mapping[str, int]
    ) -> str:
        await anyio.lowlevel.checkpoint()
        if id in self._reserved:
            return ""
        for name, amount in amounts.items():
            if self._spent[name] + amount > limits[name]:
                return name
        self._reserved[id] = dict(amounts)
        self._spent.update(amounts)
        return ""

    async def settle(self, id: str, amounts: Mapping[str, int]) -> None:
        await anyio.lowlevel.checkpoint()
        if id in self._reserved:
            self._spent.subtract(self._reserved.pop(id))
            self._spent.update(amounts)

    async def count(self, amounts: Mapping[str, int]) -> None:
        await anyio.lowlevel.checkpoint()
        self._spent |= Counter(amounts)

    async def spent(self) -> dict[str, int]:
        await anyio.lowlevel.checkpoint()
        return {name: amount for name, amount in self._spent.items() if amount}

    async def reserved(self) -> dict[str, int]:
        await anyio.lowlevel.checkpoint()
        return dict(sum(map(Counter, self._reserved.values()), Counter[str]()))


class _MemorySubscription(Subscription):
    def __init__(self, bus: MemoryBus, after: int) -> None:
        self._bus = bus
        self._rooms: set[str] = set()
        self.cursor = after

    async def next(self) -> Sequence[Message]:
        await self._bus.grown(self.cursor)
        page = await self._bus.read(self.cursor)
        self.cursor = page[-1].seq
        return [m for m in page if concerns(m, self._rooms)]

    async def add(self, rooms: Iterable[str], after: int) -> None:
        self._rooms.update(rooms)
        self.cursor = min(self.cursor, after)

    async def discard(self, rooms: Iterable[str]) -> None:
        self._rooms.difference_update(rooms)
