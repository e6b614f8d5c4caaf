"""Servers that refuse, are busy, or are not there: each has its error, in its time."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream
from redis import exceptions

from hubbub.bus import Bus, RedisBus, Voice, open_bus
from hubbub.bus.server import Server
from hubbub.errors import BusRefused, BusUnavailable

from .bus_talk import HELLO, WORKER, chatter, draft, speaker, whole, words
from .servers import KINDS, binary_of, connect, hung, open_test_server


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    """A server of this test's own."""
    async with open_test_server(binary_of(request.param)) as server:
        yield server


@pytest.fixture
async def bus(server: Server) -> AsyncGenerator[RedisBus]:
    """An empty run on it."""
    async with open_bus(server.url, "refusals") as bus:
        yield bus


async def listen(bus: Bus) -> None:
    """Hear a room once."""
    async with bus.subscribe(0) as subscription:
        await subscription.add(["hall"], after=0)
        await subscription.next()


#: Everything that goes to the server, one of each way.
DEEDS: list[Callable[[Bus], Awaitable[object]]] = [
    lambda bus: bus.post([draft("ann", 1)]),
    lambda bus: bus.lines(0),
    lambda bus: bus.lines(0, wait=0.01),
    listen,
    lambda bus: bus.claim("host", ["ann"]),
    lambda bus: bus.beat("host", WORKER, 1),
    lambda bus: bus.meta(),
]


@asynccontextmanager
async def allowed(server: Server, *rights: str) -> AsyncGenerator[Bus]:
    """A bus whose user has *rights* and no other."""
    async with connect(server.url) as client:
        await client.execute_command(
            "ACL", "SETUSER", "weak", "reset", "on", ">pw", *rights
        )
    url = f"unix://weak:pw@{server.socket}"
    async with open_bus(url, "refusals") as bus:
        yield bus


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_a_wrong_password_is_refused_at_once(
    server: Server, password: str
) -> None:
    """However patient one is; the error does not give the password away."""
    url = f"unix://{server.socket}" + (f"?password={password}" if password else "")
    for deed in DEEDS:
        async with open_bus(url, "refusals") as bus:
            with anyio.fail_after(10), pytest.raises(BusRefused) as caught:
                await deed(bus)
        assert "password=" not in str(caught.value)


async def test_a_password_in_the_address_stays_there() -> None:
    """What cannot be reached is named without it."""
    url = "redis://someone:secret@127.0.0.1:1/0?client_name=secret"
    async with open_bus(url, "refusals", patience=0.05) as bus:
        with pytest.raises(BusUnavailable) as caught:
            await bus.meta()

    assert "redis://127.0.0.1:1/0 was gone" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_missing_right_is_refused_at_once(server: Server) -> None:
    """Whatever the user may not do, the server's words say so."""
    async with allowed(server, "+@connection") as bus:
        for deed in DEEDS:
            with anyio.fail_after(10), pytest.raises(BusRefused, match="permission"):
                await deed(bus)


async def test_a_room_that_is_refused_later_is_refused_at_once(server: Server) -> None:
    """Also when the connection is there already."""
    async with (
        allowed(server, "+@all", "~*", "&hub:{refusals.0}:members") as bus,
        bus.subscribe(0) as subscription,
    ):
        assert await subscription.next() == []
        await subscription.add(["hall"], after=0)
        with anyio.fail_after(10), pytest.raises(BusRefused, match="permission"):
            await subscription.next()


async def test_a_right_missing_half_way_leaves_the_log_whole(
    bus: RedisBus, server: Server
) -> None:
    """Who may not publish has stored all the same; it is there once, and dense."""
    await bus.claim("host", ["ann"])
    async with allowed(server, "+@all", "~*", "resetchannels") as weak:
        with pytest.raises(BusRefused):
            await weak.post([draft("ann", 1)])

    assert [r.seq for r in await bus.post([draft("ann", 1), draft("ann", 2)])] == [1, 2]
    assert len(await whole(bus)) == 2


async def test_a_full_server_refuses_at_once(bus: RedisBus, server: Server) -> None:
    """Nothing of the call is in the log, and it can be posted when there is room."""
    await bus.claim("host", ["ann"])
    async with connect(server.url) as client:
        await client.config_set("maxmemory", "1")
        with anyio.fail_after(10), pytest.raises(BusRefused, match="maxmemory"):
            await bus.post([draft("ann", 1), draft("ann", 2)])
        assert await whole(bus) == []
        await client.config_set("maxmemory", "0")

    assert not any(r.dup for r in await bus.post([draft("ann", 1), draft("ann", 2)]))


async def test_a_busy_server_is_waited_for(bus: RedisBus, server: Server) -> None:
    """It says so itself, and that is no refusal."""
    ann = await speaker(bus, "ann")
    async with connect(server.url) as client, connect(server.url) as busy:
        await client.config_set("lua-time-limit", "1")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_busy, busy)
            with pytest.raises(exceptions.ResponseError, match="BUSY"):
                await ping(client)
            tasks.start_soon(chatter, ann, ["hall"], 3)
            await anyio.wait_all_tasks_blocked()
            await client.script_kill()

    assert words(await whole(bus)) == ["0", "1", "2"]


async def ping(client: Any) -> None:
    """Ask for a sign of life, for ever."""
    while await client.ping():
        pass


async def keep_busy(client: Any) -> None:
    """Have the server do one thing until that is killed."""
    with pytest.raises(exceptions.ResponseError):
        await client.eval("while true do end", 0)


async def test_patience_with_a_dead_server_ends(server: Server) -> None:
    """Everything raises a typed error with a cause."""
    async with open_bus(server.url, "refusals", patience=0.05) as bus:
        await server.stop()
        await find_unavailable(bus)


async def test_patience_with_a_hung_server_ends(server: Server) -> None:
    """It takes what it is sent and says nothing."""
    async with open_bus(server.url, "refusals", patience=0.05) as bus:
        with hung(server):
            await find_unavailable(bus)


async def find_unavailable(bus: Bus) -> None:
    """Do everything in vain."""
    for deed in DEEDS:
        with anyio.fail_after(10), pytest.raises(BusUnavailable) as caught:
            await deed(bus)
        assert "was gone for 0.05 s" in str(caught.value)
        assert caught.value.__cause__ is not None


async def test_all_who_wait_are_told_that_the_server_is_gone(server: Server) -> None:
    """At once: those in the queue have been as patient as the one that sends."""
    told: list[str] = []

    async def speak(voice: Voice) -> None:
        with pytest.raises(BusUnavailable):
            await voice.say("hall", HELLO, seen=0)
        told.append(voice.seat)

    async with open_bus(server.url, "refusals", patience=0.2) as bus:
        seats = [f"s{i}" for i in range(5000)]
        claims = await bus.claim("host", seats)
        await server.stop()
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for seat in seats:
                    tasks.start_soon(speak, Voice(bus, seat, claims[seat]))

    assert len(told) == 5000


async def test_what_is_no_server_is_refused(tmp_path: Path) -> None:
    """Something answers, in no words that a server has."""

    async def greet(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    listener = await anyio.create_unix_listener(tmp_path / "s")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, greet)
        async with open_bus(f"unix://{tmp_path}/s", "refusals") as bus:
            with anyio.fail_after(10), pytest.raises(BusRefused):
                await bus.meta()
        tasks.cancel_scope.cancel()
