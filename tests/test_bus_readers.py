"""Whatever happens to connections and servers, every reader sees everything once."""

import os
import signal
from collections.abc import AsyncGenerator

import anyio
import pytest

from hubbub.bus import Bus, Receipt, RedisBus, Voice, open_bus
from hubbub.bus.server import Server
from hubbub.messages import Message, Said

from .bus_talk import Wanderer, chatter, hear, places, speaker, whole
from .servers import KINDS, binary_of, connect, open_test_server

ROOMS = [f"r{i}" for i in range(5)]


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    """A server of this test's own."""
    async with open_test_server(binary_of(request.param)) as server:
        yield server


@pytest.fixture
async def bus(server: Server) -> AsyncGenerator[RedisBus]:
    """An empty run on it."""
    async with open_bus(server.url, "readers") as bus:
        yield bus


async def reach(bus: Bus, seq: int) -> None:
    """Wait until the log has *seq* messages."""
    assert await bus.lines(seq - 1, limit=1, wait=60)


async def post_many(bus: Bus, count: int) -> None:
    """Post *count* messages to the hall, from 16 seats, as fast as the server can."""
    async with anyio.create_task_group() as tasks:
        for i in range(16):
            posts = [("hall", Said(text=str(no))) for no in range(count // 16)]
            voice = await speaker(bus, f"s{i}")
            tasks.start_soon(lambda v, p: v.say_all(p, seen=0), voice, posts)


async def kill_readers(bus: Bus, url: str, times: int, every: int) -> None:
    """Cut all subscriptions, *times* times, whenever *every* messages have passed."""
    async with connect(url) as client:
        for turn in range(1, times + 1):
            await reach(bus, turn * every)
            while not await client.client_kill_filter(_type="pubsub"):
                pass


async def test_killed_connections_cost_no_reader_a_message(
    bus: RedisBus, server: Server
) -> None:
    """Twenty times in 20,000 messages: all is heard, once, in order, by everybody."""
    heard: dict[str, list[Message]] = {}

    async def follow(name: str, rooms: list[str], count: int) -> None:
        async with bus.subscribe(0) as subscription:
            await subscription.add(rooms, after=0)
            heard[name] = await hear(subscription, count)

    async with bus.subscribe(0) as subscription:
        wanderer = Wanderer(subscription, ROOMS)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wanderer.wander, 20_000)
            tasks.start_soon(follow, "all", ROOMS, 20_000)
            tasks.start_soon(follow, "some", ROOMS[1:3], 8_000)
            for i in range(16):
                tasks.start_soon(chatter, await speaker(bus, f"s{i}"), ROOMS, 1250)
            tasks.start_soon(kill_readers, bus, server.url, 20, 950)
            await reach(bus, 10_000)
            tasks.start_soon(follow, "late", ROOMS, 20_000)
        log = await whole(bus)
        assert wanderer.heard == wanderer.due(log)

    assert places(heard["all"]) == places(heard["late"]) == list(range(1, 20_001))
    assert heard["some"] == [m for m in log if m.room in ROOMS[1:3]]


async def test_a_slow_reader_is_slow_and_misses_nothing(
    bus: RedisBus, server: Server
) -> None:
    """Behind 100,000 messages: cut off for not reading, or come only afterwards."""
    async with connect(server.url) as client, bus.subscribe(0) as slow:
        await client.config_set("client-output-buffer-limit", "pubsub 256kb 0 0")
        await slow.add(["hall"], after=0)
        await (await speaker(bus, "first")).say("hall", Said(text="now"), seen=0)
        assert len(await hear(slow, 1)) == 1

        await post_many(bus, 100_000)
        assert await client.client_list(_type="pubsub") == []
        assert places(await hear(slow, 100_000)) == list(range(2, 100_002))

    async with bus.subscribe(0) as late:
        await late.add(["hall"], after=0)
        assert places(await hear(late, 100_001)) == list(range(1, 100_002))


async def test_a_killed_server_goes_on_where_it_was(
    bus: RedisBus, server: Server
) -> None:
    """Nothing acknowledged is lost, nothing is twice, and nobody need do anything."""
    receipts: dict[tuple[str, int], Receipt] = {}
    heard: list[Message] = []

    async def speak(voice: Voice) -> None:
        for no in range(1, 201):
            receipts[voice.seat, no] = await voice.say("hall", Said(text=""), seen=0)

    async with bus.subscribe(0) as subscription, anyio.create_task_group() as tasks:
        await subscription.add(["hall"], after=0)
        for i in range(16):
            tasks.start_soon(speak, await speaker(bus, f"s{i}"))
        for turn in range(1, 4):
            await reach(bus, turn * 800)
            os.kill(server.process.pid, signal.SIGKILL)
            await server.wait()
            await server.restart()
        heard += await hear(subscription, 3200)

    log = await whole(bus)
    assert heard == log
    assert {(m.sender, m.no): (m.seq, m.n, m.at) for m in log} == {
        key: (r.seq, r.n, r.at) for key, r in receipts.items()
    }
    assert len(log) == 3200
