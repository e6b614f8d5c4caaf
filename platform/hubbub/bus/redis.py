"""The bus on Redis or Valkey: one script writes the log, so its order is everybody's."""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec

from hubbub.bus.base import Bus, Claim, Receipt, Role, Subscription
from hubbub.bus.hearing import RedisSubscription
from hubbub.bus.link import Link, Script
from hubbub.bus.outbox import Outbox, Reply
from hubbub.errors import BusError
from hubbub.messages import Draft, Message
from hubbub.names import check_run

#: Seats in one call of the script.
SEATS = 1000

_POST = Script("post.lua")
_CLAIM = Script("claim.lua")
_RESTORE = Script("restore.lua")
_PURSE = Script("purse.lua")
_role = msgspec.json.Decoder(Role).decode


class RedisBus(Bus):
    """One run on one server; made by `open_bus`."""

    def __init__(self, link: Link, run: str) -> None:
        self.run = check_run(run)
        self._link = link
        self._prefix = f"hub:{{{run}.0}}:"
        self._keys = [self._prefix + key for key in ("log", "rooms", "seats", "meta")]
        self._log, _, self._seats, self._meta = self._keys
        self._lease = self._prefix + "lease:"
        self._roles = self._prefix + "roles"
        self._purse = [self._prefix + "spent", self._prefix + "reserved"]
        self._outbox = Outbox(run, self._send)

    # -- writing

    async def post(self, drafts: Sequence[Draft]) -> list[Receipt]:
        return await self._outbox.post(drafts)

    async def _send(self, arguments: list[str | int | bytes]) -> list[Reply]:
        arguments.insert(0, self._prefix)
        replies: list[Reply] = await self._link.run(_POST, self._keys, arguments)
        return replies

    async def restore(self, lines: Sequence[bytes]) -> None:
        """
        Append *lines* as they once stood in this run's log; those it has are passed over.

        For a server that has lost them, while no role is at work.  Raises `BusRefused`
        where a line in between is missing.
        """
        await self._link.run(_RESTORE, self._keys, list(lines))

    # -- reading

    async def lines(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[tuple[int, bytes]]:
        if wait:
            entries = await self._wait_for_entries(after, limit, wait)
        else:
            entries = await self._link.ask(
                "XRANGE", self._log, f"({after}-0", "+", "COUNT", limit
            )
        page = [(int(place[:-2]), line) for place, (_, line) in entries]
        if page and (page[0][0] != after + 1 or page[-1][0] != after + len(page)):
            raise BusError(f"the log of run {self.run} has a hole after {after}")
        return page

    async def _wait_for_entries(self, after: int, limit: int, wait: float) -> Any:
        block = max(1, int(wait * 1000))
        command = ("XREAD", "COUNT", limit, "BLOCK", block, "STREAMS", self._log)
        found = await self._link.await_answer(wait, *command, f"{after}-0")
        return found[0][1] if found else ()

    @asynccontextmanager
    async def subscribe(self, after: int) -> AsyncGenerator[Subscription]:
        subscription = RedisSubscription(self._link, self._prefix, self._page, after)
        try:
            yield subscription
        finally:
            with anyio.CancelScope(shield=True):
                await subscription.aclose()

    async def _page(self, after: int, limit: int) -> list[Message]:
        return await self.read(after, limit=limit)

    # -- hosting

    async def claim(self, holder: str, seats: Sequence[str]) -> dict[str, Claim]:
        claims: dict[str, Claim] = {}
        for seat, reply in await self._decide("claim", holder, seats):
            if reply:
                inc, no = reply.split()
                claims[seat] = Claim(int(inc), int(no))
        return claims

    async def release(self, holder: str, seats: Sequence[str]) -> None:
        await self._decide("release", holder, seats)

    async def _decide(
        self, deed: str, holder: str, seats: Sequence[str]
    ) -> list[tuple[str, bytes]]:
        replies: list[bytes] = []
        for start in range(0, len(seats), SEATS):
            page = seats[start : start + SEATS]
            arguments = [self._lease, holder, deed, *page]
            replies += await self._link.run(_CLAIM, [self._seats], arguments)
        return list(zip(seats, replies, strict=True))

    async def held(self) -> dict[str, str]:
        seats = await self._hash(self._seats)
        return {seat: entry.split(" ", 3)[3] for seat, entry in seats.items()}

    async def beat(self, holder: str, role: Role, ttl: float) -> None:
        known = msgspec.json.encode(role)
        await self._link.ask("SET", self._lease + holder, known, "PX", int(ttl * 1000))
        await self._link.ask("HSET", self._roles, holder, "1")

    async def rest(self, holder: str) -> None:
        await self._link.ask("DEL", self._lease + holder)
        await self._link.ask("HDEL", self._roles, holder)

    async def living(self) -> dict[str, Role]:
        holders = list(await self._hash(self._roles))
        if not holders:
            return {}
        leases = await self._link.ask("MGET", *(self._lease + h for h in holders))
        pairs = zip(holders, leases, strict=True)
        return {holder: _role(lease) for holder, lease in pairs if lease is not None}

    async def meta(self) -> dict[str, str]:
        return {"seq": "0"} | await self._hash(self._meta)

    async def note(self, **facts: str) -> None:
        await self._link.ask(
            "HSET", self._meta, *(part for fact in facts.items() for part in fact)
        )

    # -- the purse

    async def reserve(
        self, id: str, amounts: Mapping[str, int], limits: Mapping[str, int]
    ) -> str:
        short: bytes = await self._pay("reserve", id, amounts, limits)
        return short.decode()

    async def settle(self, id: str, amounts: Mapping[str, int]) -> None:
        await self._pay("settle", id, amounts, {})

    async def count(self, amounts: Mapping[str, int]) -> None:
        await self._pay("count", "", amounts, {})

    async def _pay(
        self, deed: str, id: str, amounts: Mapping[str, int], limits: Mapping[str, int]
    ) -> Any:
        arguments: list[str | int] = [deed, id]
        for name, amount in amounts.items():
            arguments += (name, amount, limits.get(name, 0))
        return await self._link.run(_PURSE, self._purse, arguments)

    async def spent(self) -> dict[str, int]:
        spent = await self._hash(self._purse[0])
        return {name: int(amount) for name, amount in spent.items() if amount != "0"}

    async def reserved(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for amounts in (await self._hash(self._purse[1])).values():
            parts = amounts.split()
            total.update(dict(zip(parts[::2], map(int, parts[1::2]), strict=True)))
        return dict(total)

    async def _hash(self, key: str) -> dict[str, str]:
        flat = [part.decode() for part in await self._link.ask("HGETALL", key)]
        return dict(zip(flat[::2], flat[1::2], strict=True))


@asynccontextmanager
async def open_bus(
    url: str, run: str, *, patience: float = 60.0
) -> AsyncGenerator[RedisBus]:
    """
    Open *run* on the server at *url* (``redis://``, ``rediss://`` or ``unix://``).

    A server that is gone is asked again for *patience* seconds before anything
    raises `BusUnavailable`.
    """
    link = Link(url, patience)
    try:
        yield RedisBus(link, run)
    finally:
        with anyio.CancelScope(shield=True):
            await link.aclose()
