"""What goes wrong on the way: lost replies, scripts, messages, senders."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketStream

from hubbub.bus import Bus, Receipt, RedisBus, Voice, open_bus
from hubbub.bus.server import Server
from hubbub.messages import MAX_BODY, Said

from .bus_talk import HELLO, chatter, hear, places, speaker, whole, words
from .servers import KINDS, binary_of, connect, hung, open_test_server


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    """A server of this test's own."""
    async with open_test_server(binary_of(request.param)) as server:
        yield server


@pytest.fixture
async def bus(server: Server) -> AsyncGenerator[RedisBus]:
    """An empty run on it."""
    async with open_bus(server.url, "faults") as bus:
        yield bus


class Proxy:
    """Stands between a bus and its server, and breaks what it is told to."""

    def __init__(self, server: Server) -> None:
        self.subscriptions = 0
        #: Script calls, by number, whose reply is lost together with the connection.
        self.lost: set[int] = set()
        #: Whether subscriptions are confirmed and then hear nothing.
        self.deaf = False
        self.swallowed = anyio.Event()
        self._path = server.folder / "proxy"
        self._target = server.socket
        self._url = server.url.replace(str(server.socket), str(self._path))
        self._calls = 0

    @asynccontextmanager
    async def open_bus(self) -> AsyncGenerator[Bus]:
        """A bus whose server is this."""
        listener = await anyio.create_unix_listener(self._path)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._pass)
            async with open_bus(self._url, "faults") as bus:
                yield bus
            tasks.cancel_scope.cancel()

    async def _pass(self, client: SocketStream) -> None:
        async with client, await anyio.connect_unix(self._target) as server:
            try:
                async for request in client:
                    await server.send(request)
                    if b"SUBSCRIBE" in request:
                        await self._follow(client, server)
                    reply = await server.receive()
                    if b"EVALSHA" in request:
                        self._calls += 1
                        if self._calls in self.lost:
                            return
                    await client.send(reply)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return

    async def _follow(self, client: SocketStream, server: SocketStream) -> None:
        self.subscriptions += 1
        await client.send(await server.receive())
        async for frames in server:
            if self.deaf:
                self.swallowed.set()
            else:
                await client.send(frames)


@pytest.fixture
def proxy(server: Server) -> Proxy:
    """A proxy before the server, to be served by the test."""
    return Proxy(server)


# -- replies and connections that get lost


async def test_a_lost_reply_makes_no_second_message(
    bus: RedisBus, proxy: Proxy
) -> None:
    """The call was done and nobody heard so: the same numbers are sent again."""
    proxy.lost = {1, 3, 4, 9}
    receipts: list[Receipt] = []

    async def speak(voice: Voice) -> None:
        for _ in range(10):
            receipts.extend(await voice.say_all([("hall", HELLO)] * 3, seen=0))

    seats = [f"s{i}" for i in range(16)]
    claims = await bus.claim("host", seats)
    async with proxy.open_bus() as far, anyio.create_task_group() as tasks:
        for seat in seats:
            tasks.start_soon(speak, Voice(far, seat, claims[seat]))

    assert Counter(m.sender for m in await whole(bus)) == dict.fromkeys(seats, 30)
    assert sorted(r.seq for r in receipts) == list(range(1, 481))
    assert sum(r.dup for r in receipts) >= 4


async def test_a_long_post_survives_a_lost_reply(bus: RedisBus, proxy: Proxy) -> None:
    """It goes in several calls, each as safe as one."""
    proxy.lost = {1, 2, 4}
    claims = await bus.claim("host", ["ann"])
    posts = [("hall", Said(text=str(i))) for i in range(1000)]
    async with proxy.open_bus() as far:
        receipts = await Voice(far, "ann", claims["ann"]).say_all(posts, seen=0)

    assert [r.seq for r in receipts] == list(range(1, 1001))
    assert words(await whole(bus)) == [body.text for _, body in posts]


async def test_large_bodies_are_spread_over_calls(
    bus: RedisBus, server: Server
) -> None:
    """A call holds a few megabytes, however many drafts wait."""
    large = Said(text="x" * (MAX_BODY - len('{"text":""}')))
    ann = await speaker(bus, "ann")
    async with connect(server.url) as client:
        await client.config_resetstat()
        receipts = await ann.say_all([("hall", large)] * 20, seen=0)
        calls = (await client.info("commandstats"))["cmdstat_evalsha"]["calls"]

    assert [r.seq for r in receipts] == list(range(1, 21))
    assert calls >= 4


async def test_a_hole_is_filled_from_the_log(bus: RedisBus, proxy: Proxy) -> None:
    """Something got lost on a connection that lives: the room's next message shows."""
    ann = await speaker(bus, "ann")
    async with proxy.open_bus() as far, far.subscribe(0) as subscription:
        await subscription.add(["hall"], after=0)
        await ann.say("hall", HELLO, seen=0)
        await hear(subscription, 1)
        proxy.deaf = True
        await ann.say("hall", HELLO, seen=0)
        await proxy.swallowed.wait()
        proxy.deaf = False
        await ann.say("hall", HELLO, seen=0)
        assert places(await hear(subscription, 2)) == [2, 3]

    assert proxy.subscriptions == 1


async def test_a_connection_that_hears_nothing_is_replaced(
    bus: RedisBus, proxy: Proxy
) -> None:
    """What it missed is in the log, and what comes then is heard live again."""
    ann = await speaker(bus, "ann")
    async with proxy.open_bus() as far, far.subscribe(0) as subscription:
        await subscription.add(["hall"], after=0)
        await ann.say("hall", HELLO, seen=0)
        await hear(subscription, 1)
        proxy.deaf = True
        await ann.say("hall", HELLO, seen=0)
        assert places(await hear(subscription, 1)) == [2]

        proxy.deaf = False
        await ann.say("hall", HELLO, seen=0)
        assert places(await hear(subscription, 1)) == [3]
    assert proxy.subscriptions == 2


async def test_rooms_change_on_a_connection_that_is_gone(
    bus: RedisBus, server: Server
) -> None:
    """Whoever adds and discards need not know; a new connection does."""
    ann = await speaker(bus, "ann")
    async with connect(server.url) as client, bus.subscribe(0) as subscription:
        await subscription.add(["a", "b", "c"], after=0)
        await ann.say_all([(room, HELLO) for room in "abc"], seen=0)
        await hear(subscription, 3)
        await client.client_kill_filter(_type="pubsub")
        for room in "abc":
            await subscription.discard([room])
        for room in "de":
            await subscription.add([room], after=3)
        await ann.say_all([(room, HELLO) for room in "abcde"], seen=0)
        assert [m.room for m in await hear(subscription, 2)] == ["d", "e"]


async def test_a_forgotten_script_is_told_again(bus: RedisBus, server: Server) -> None:
    """A server that starts anew knows none; those who speak do not notice."""
    async with connect(server.url) as client, anyio.create_task_group() as tasks:
        for i in range(8):
            tasks.start_soon(chatter, await speaker(bus, f"s{i}"), ["hall"], 50)
        while len(await bus.lines(0)) < 400:
            await client.script_flush()

    assert len(await whole(bus)) == 400


# -- posters that are gone


async def test_a_sender_that_is_cut_off_takes_nobody_along(
    bus: RedisBus, server: Server
) -> None:
    """Asyncio's own timeouts know no shield: others send what it was sending."""
    ann, bob = await speaker(bus, "ann"), await speaker(bus, "bob")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(chatter, bob, ["hall"], 1)
        with hung(server), pytest.raises(TimeoutError):
            await say_in_vain(ann)
    await ann.say("hall", Said(text="ann again"), seen=0)

    assert sorted(words(await whole(bus))) == ["0", "ann", "ann again"]


async def say_in_vain(voice: Voice) -> None:
    """Give up before the server can answer."""
    async with asyncio.timeout(0.05):
        await voice.say("hall", Said(text="ann"), seen=0)
