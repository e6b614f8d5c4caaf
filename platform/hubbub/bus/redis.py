"""
The bus on Redis or Valkey.

One script writes the log, so its order is everybody's order.  redis-py's own retries
would write twice and its own reconnects would hide gaps: both are off, and each
repeated deed here is one that may be repeated.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any, TypeVar

import anyio
import msgspec
import redis.asyncio
from redis import exceptions
from redis.asyncio.connection import BlockingConnectionPool, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hubbub.bus.base import Bus, Claim, Receipt, Role, Subscription, concerns
from hubbub.errors import BusError, BusRefused, BusUnavailable, Fenced, RunOver
from hubbub.messages import KIND_OF, Draft, Message, decode_line, encode_body
from hubbub.names import check_run
from hubbub.text import safe_text

T = TypeVar("T")

#: Seconds without a frame after which the log is asked for what was missed.
PROBE = 1.0
#: Drafts in one call of the script: it holds the server for about 20 µs each.
BATCH = 128

_GONE = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)
#: Errors of a server that will answer again: it loads, is busy, or waits for disk.
_PASSING = ("LOADING", "BUSY ", "MISCONF", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN")

_role = msgspec.json.Decoder(Role).decode


def _script(name: str) -> str:
    return (resources.files("hubbub.bus") / name).read_text()


class _Ticket:
    """Drafts that wait for the script, and who waits for their receipts."""

    __slots__ = ("arguments", "drafts", "ready", "receipts")

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = drafts
        self.arguments = [
            (d.sender, d.inc, d.no, d.room, d.seen, KIND_OF[type(d.body)], body)
            for d, body in ((d, encode_body(d.body)) for d in drafts)
        ]
        self.receipts: list[Receipt] = []
        self.wait()

    def wait(self) -> None:
        # True: the receipts are there.  False: it is this ticket's turn to send.
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()


class RedisBus(Bus):
    """One run on one server; made by `open_bus`."""

    def __init__(self, url: str, run: str, patience: float) -> None:
        self.run = check_run(run)
        self.url = url
        self._patience = patience
        common: dict[str, Any] = {
            "protocol": 2,
            "socket_connect_timeout": 5.0,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
        }
        if url.startswith("unix:"):
            del common["socket_keepalive"]
        commands: Any = BlockingConnectionPool
        others: Any = ConnectionPool
        self._commands = redis.asyncio.Redis(
            connection_pool=commands.from_url(
                url, max_connections=4, timeout=None, socket_timeout=30.0, **common
            )
        )
        self._blocking = redis.asyncio.Redis(
            connection_pool=others.from_url(url, socket_timeout=None, **common)
        )
        self.hearing: Any = others.from_url(url, socket_timeout=None, **common)
        self.prefix = f"hub:{{{run}.0}}:"
        self._keys = [self.prefix + key for key in ("log", "rooms", "seats", "meta")]
        self._post_source, self._claim_source = (
            _script("post.lua"),
            _script("claim.lua"),
        )
        self._shas: dict[str, str] = {}
        self._queue: deque[_Ticket] = deque()
        self._sending = False

    async def aclose(self) -> None:
        """Close every connection."""
        await self._commands.aclose(close_connection_pool=True)
        await self._blocking.aclose(close_connection_pool=True)
        await self.hearing.disconnect()

    # -- writing

    async def post(self, drafts: Sequence[Draft]) -> list[Receipt]:
        ticket = _Ticket(drafts)
        # Whoever finds nobody sending sends for all who wait, then passes the turn on:
        # a batch shares one round trip, one script call and one fsync.
        with anyio.CancelScope(shield=True):
            self._queue.append(ticket)
            if self._sending and await ticket.ready:
                return ticket.receipts
            self._sending = True
            ticket.wait()
            try:
                await self._send_batch()
            finally:
                if self._queue:
                    self._queue[0].ready.set_result(False)
                else:
                    self._sending = False
            await ticket.ready
        return ticket.receipts

    async def _send_batch(self) -> None:
        tickets = [self._queue.popleft()]
        size = len(tickets[0].drafts)
        while self._queue and size + len(self._queue[0].drafts) <= BATCH:
            tickets.append(self._queue.popleft())
            size += len(tickets[-1].drafts)
        arguments = [
            a for ticket in tickets for draft in ticket.arguments for a in draft
        ]
        try:
            replies = await self.insist(
                lambda: self._evaluate(
                    self._post_source, self._keys, [self.prefix, *arguments]
                )
            )
        except BusError as error:
            for ticket in tickets:
                ticket.ready.set_exception(error)
            return
        answers = iter(replies)
        for ticket in tickets:
            _settle(ticket, [next(answers) for _ in ticket.drafts])

    async def _evaluate(
        self, source: str, keys: list[str], arguments: list[Any]
    ) -> Any:
        sha = self._shas.get(source)
        if sha is None:
            sha = self._shas[source] = str(await self._commands.script_load(source))
        try:
            return await _call(
                self._commands.evalsha(sha, len(keys), *keys, *arguments)
            )
        except exceptions.NoScriptError:
            # The server has started anew since: nothing was done, so say it again.
            del self._shas[source]
            return await self._evaluate(source, keys, arguments)

    async def insist(self, deed: Callable[[], Awaitable[T]]) -> T:
        """Repeat *deed* until the server has answered it or patience is at its end."""
        deadline = anyio.current_time() + self._patience
        wait = 0.01
        while True:
            try:
                return await deed()
            except (*_GONE, exceptions.ResponseError) as error:
                passing = str(error).startswith(_PASSING)
                if isinstance(
                    error.__cause__ or error, exceptions.AuthenticationError
                ) or (isinstance(error, exceptions.ResponseError) and not passing):
                    raise BusRefused(safe_text(str(error), 300)) from error
                if anyio.current_time() > deadline:
                    raise BusUnavailable(
                        f"no answer from {_public(self.url)} in {self._patience:g} s: "
                        f"{safe_text(str(error), 200)}"
                    ) from error
            await anyio.sleep(wait)
            wait = min(wait * 2, 0.5)

    # -- reading

    async def lines(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[tuple[int, bytes]]:
        log = self._keys[0]

        async def now() -> Any:
            return await self._commands.xrange(log, min=f"({after}-0", count=limit)

        async def later() -> Any:
            found: Any = await self._blocking.xread(
                {log: f"{after}-0"}, count=limit, block=max(1, int(wait * 1000))
            )
            return found[0][1] if found else []

        entries = await self.insist(later if wait else now)
        page = [(int(id_[:-2]), fields[b"m"]) for id_, fields in entries]
        if page and (page[0][0] != after + 1 or page[-1][0] != after + len(page)):
            raise BusError(f"the log of run {self.run} has a hole after {after}")
        return page

    @asynccontextmanager
    async def subscribe(self, after: int) -> AsyncGenerator[Subscription]:
        subscription = RedisSubscription(self, after)
        try:
            yield subscription
        finally:
            with anyio.CancelScope(shield=True):
                await subscription.aclose()

    # -- hosting

    async def claim(self, holder: str, seats: Sequence[str]) -> dict[str, Claim]:
        claims: dict[str, Claim] = {}
        for start in range(0, len(seats), 1000):
            page = seats[start : start + 1000]
            for seat, reply in zip(
                page, await self._claim(holder, "claim", page), strict=True
            ):
                if reply:
                    inc, no = reply.split()
                    claims[seat] = Claim(int(inc), int(no))
        return claims

    async def release(self, holder: str, seats: Sequence[str]) -> None:
        if seats:
            await self._claim(holder, "release", seats)

    async def _claim(self, holder: str, deed: str, seats: Sequence[str]) -> list[bytes]:
        arguments = [self.prefix + "lease:", holder, deed, *seats]
        replies: list[bytes] = await self.insist(
            lambda: self._evaluate(self._claim_source, [self._keys[2]], arguments)
        )
        return replies

    async def held(self) -> dict[str, str]:
        seats = await self.insist(lambda: _call(self._commands.hgetall(self._keys[2])))
        return {k.decode(): v.decode().split(" ", 3)[3] for k, v in seats.items()}

    async def beat(self, holder: str, role: Role, ttl: float) -> None:
        lease, roles = self.prefix + "lease:" + holder, self.prefix + "roles"
        known = msgspec.json.encode(role)

        async def deed() -> None:
            pipe = self._commands.pipeline(transaction=False)
            pipe.set(lease, known, px=int(ttl * 1000))
            pipe.hset(roles, holder, "1")
            await pipe.execute()

        await self.insist(deed)

    async def rest(self, holder: str) -> None:
        lease, roles = self.prefix + "lease:" + holder, self.prefix + "roles"
        await self.insist(lambda: _call(self._commands.delete(lease)))
        await self.insist(lambda: _call(self._commands.hdel(roles, holder)))

    async def living(self) -> dict[str, Role]:
        roles = await self.insist(
            lambda: _call(self._commands.hkeys(self.prefix + "roles"))
        )
        holders = [name.decode() for name in roles]
        if not holders:
            return {}
        keys = [self.prefix + "lease:" + holder for holder in holders]
        leases = await self.insist(lambda: _call(self._commands.mget(keys)))
        pairs = zip(holders, leases, strict=True)
        return {holder: _role(lease) for holder, lease in pairs if lease is not None}

    async def meta(self) -> dict[str, str]:
        facts = await self.insist(lambda: _call(self._commands.hgetall(self._keys[3])))
        return {"seq": "0"} | {k.decode(): v.decode() for k, v in facts.items()}

    async def note(self, **facts: str) -> None:
        await self.insist(
            lambda: _call(self._commands.hset(self._keys[3], items=_flat(facts)))
        )


def _settle(ticket: _Ticket, replies: list[list[bytes]]) -> None:
    """Give a ticket its receipts, or the first thing that went wrong."""
    for draft, (status, seq, n, at) in zip(ticket.drafts, replies, strict=True):
        match status:
            case b"ok" | b"dup":
                receipt = Receipt(int(seq), int(n), int(at), status == b"dup")
                ticket.receipts.append(receipt)
            case b"fenced":
                return ticket.ready.set_exception(Fenced(draft.sender, draft.inc))
            case b"over":
                return ticket.ready.set_exception(RunOver("the run has ended"))
            case _:
                error = BusRefused(f"{draft.sender} skipped a number before {draft.no}")
                return ticket.ready.set_exception(error)
    ticket.ready.set_result(True)


def _flat(facts: dict[str, str]) -> list[str]:
    return [part for pair in facts.items() for part in pair]


async def _call(reply: Any) -> Any:
    # redis-py types a command's result as a value or an awaitable of it.
    return await reply


def _public(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


class RedisSubscription(Subscription):
    """
    Subscribe, wait for the confirmation, read the log, then follow live.

    The log is read again after every subscription, reconnection, hole and idle second.
    One connection hears channels in the order of the log, so one cursor is enough.
    """

    def __init__(self, bus: RedisBus, after: int) -> None:
        self._bus = bus
        self._connection: Any = None
        self._members = bus.prefix + "members"
        #: Room to the last ``n`` heard in it; 0 before the first.
        self._rooms: dict[str, int] = {}
        self._behind = True
        self.cursor = after

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)

    async def next(self) -> Sequence[Message]:
        if self._connection is None:
            await self._connect()
        if self._behind:
            return await self._fill()
        frame = await self._frame(PROBE)
        if frame is None:
            self._behind = True
            return ()
        if frame[0] != b"message":
            return ()
        message = decode_line(frame[2])
        if message.seq <= self.cursor:
            return ()
        last = self._rooms.get(message.room)
        if last and message.n != last + 1:
            self._behind = True
            return ()
        self._advance(message)
        return (message,)

    def _advance(self, message: Message) -> None:
        if message.room in self._rooms:
            self._rooms[message.room] = message.n
        self.cursor = message.seq

    async def _fill(self) -> Sequence[Message]:
        page = await self._bus.read(self.cursor)
        self._behind = len(page) == 512
        heard = [m for m in page if concerns(m, self._rooms)]
        for message in page:
            self._advance(message)
        return heard

    async def add(self, rooms: Iterable[str], after: int) -> None:
        new = [room for room in rooms if room not in self._rooms]
        self._rooms.update(dict.fromkeys(new, 0))
        if after < self.cursor:
            self._rooms = dict.fromkeys(self._rooms, 0)
        self.cursor = min(self.cursor, after)
        self._behind = True
        if self._connection is not None and new:
            try:
                await self._hear([self._channel(room) for room in new])
            except _GONE:
                await self._drop()

    async def discard(self, rooms: Iterable[str]) -> None:
        gone = [room for room in rooms if self._rooms.pop(room, None) is not None]
        if self._connection is not None and gone:
            try:
                await self._connection.send_command(
                    "UNSUBSCRIBE", *map(self._channel, gone)
                )
            except _GONE:
                await self._drop()

    def _channel(self, room: str) -> str:
        return f"{self._bus.prefix}room:{room}"

    async def _connect(self) -> None:
        async def deed() -> None:
            self._connection = self._bus.hearing.make_connection()
            try:
                await self._connection.connect()
                await self._hear([self._members, *map(self._channel, self._rooms)])
            except BaseException:
                await self._drop()
                raise

        await self._bus.insist(deed)
        self._behind = True

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        with anyio.CancelScope(shield=True):
            await connection.disconnect(nowait=True)

    async def _hear(self, channels: list[str]) -> None:
        """Subscribe and wait for the confirmations; what comes between is in the log."""
        for start in range(0, len(channels), 512):
            page = channels[start : start + 512]
            await self._connection.send_command("SUBSCRIBE", *page)
            waiting = len(page)
            while waiting:
                frame = await self._read(math.inf)
                waiting -= frame[0] == b"subscribe"

    async def _frame(self, timeout: float) -> Any:
        try:
            return await self._read(timeout)
        except (*_GONE, exceptions.ResponseError):
            await self._drop()
            return None

    async def _read(self, timeout: float) -> Any:
        # A read that is cancelled has taken nothing off the connection.
        return await self._connection.read_response(
            timeout=timeout, disconnect_on_error=False
        )


@asynccontextmanager
async def open_bus(
    url: str, run: str, *, patience: float = 60.0
) -> AsyncGenerator[RedisBus]:
    """
    Open *run* on the server at *url* (``redis://``, ``rediss://`` or ``unix://``).

    A server that is gone is asked again for *patience* seconds before anything
    raises `BusUnavailable`.
    """
    bus = RedisBus(url, run, patience)
    try:
        yield bus
    finally:
        with anyio.CancelScope(shield=True):
            await bus.aclose()
