"""
Posts: how many messages a second the bus keeps, and how soon they are heard.

Against the limit, in the same run: the bare script, called once a message from plain
redis-py, by the same number of producers, each waiting for its reply.

    python benchmarks/post.py --producers 100 --messages 20000 --json
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import redis.asyncio
from redis.asyncio.connection import BlockingConnectionPool

from hubbub.bus import Bus, Role, Voice, open_bus
from hubbub.bus.server import open_server
from hubbub.messages import KIND_OF, Said, encode_body
from open_room import show

TEXT = "something worth saying out loud in a room full of others"


async def through_bus(bus: Bus, producers: int, each: int, holder: str) -> float:
    """Messages a second through `Voice.say`."""
    seats = [f"{holder}-{i}" for i in range(producers)]
    await bus.beat(holder, Role(kind="worker", host="here", pid=0), 600)
    claims = await bus.claim(holder, seats)

    async def produce(seat: str) -> None:
        voice = Voice(bus, seat, claims[seat])
        for _ in range(each):
            await voice.say("hall", Said(text=TEXT), seen=0)

    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for seat in seats:
            tasks.start_soon(produce, seat)
    return producers * each / (time.perf_counter() - began)


async def bare(url: str, bus: Bus, producers: int, each: int, holder: str) -> float:
    """Messages a second through the script alone, one call each."""
    source = (Path(__file__).parent / "../platform/hubbub/bus/post.lua").read_text()
    pool: Any = BlockingConnectionPool
    client: Any = redis.asyncio.Redis(
        connection_pool=pool.from_url(url, max_connections=producers, timeout=None)
    )
    prefix = f"hub:{{{bus.run}.0}}:"
    keys = [prefix + key for key in ("log", "rooms", "seats", "meta")]
    seats = [f"{holder}-{i}" for i in range(producers)]
    await bus.beat(holder, Role(kind="worker", host="here", pid=0), 600)
    claims = await bus.claim(holder, seats)
    body = Said(text=TEXT)

    async with client:
        sha = await client.script_load(source)

        async def produce(seat: str) -> None:
            inc = claims[seat].inc
            for no in range(1, each + 1):
                await client.evalsha(
                    sha, 4, *keys, prefix, seat, inc, no, "hall", 0,
                    KIND_OF[type(body)], encode_body(body),
                )  # fmt: skip

        began = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for seat in seats:
                tasks.start_soon(produce, seat)
        return producers * each / (time.perf_counter() - began)


async def delays(bus: Bus, messages: int) -> list[float]:
    """Milliseconds from before a post to its delivery, one message at a time."""
    await bus.beat("timer", Role(kind="worker", host="here", pid=0), 600)
    voice = Voice(bus, "timer-1", (await bus.claim("timer", ["timer-1"]))["timer-1"])
    found: list[float] = []
    start = int((await bus.meta())["seq"])
    async with bus.subscribe(start) as subscription, anyio.create_task_group() as tasks:
        await subscription.add(["delays"], after=start)
        for _ in range(messages):
            began = time.perf_counter()
            tasks.start_soon(_say, voice)
            while not await subscription.next():
                pass
            found.append((time.perf_counter() - began) * 1000)
    return found


async def _say(voice: Voice) -> None:
    draft = Said(text=TEXT)
    await voice.say("delays", draft, seen=0)


async def measure(producers: int, messages: int, rounds: int) -> dict[str, Any]:
    """Both ways in turn, *rounds* times, and the medians."""
    each = max(1, messages // producers)
    ours: list[float] = []
    limit: list[float] = []
    with tempfile.TemporaryDirectory(prefix="hubbub-") as folder:
        async with (
            open_server(Path(folder) / "server") as server,
            open_bus(server.url, "posts") as bus,
        ):
            for i in range(rounds):
                limit.append(await bare(server.url, bus, producers, each, f"bare{i}"))
                ours.append(await through_bus(bus, producers, each, f"ours{i}"))
            waits = sorted(await delays(bus, 1000))
    ratios = [a / b for a, b in zip(limit, ours, strict=True)]
    return {
        "producers": producers,
        "messages": each * producers,
        "rounds": rounds,
        "posts_per_s": round(statistics.median(ours)),
        "bare_posts_per_s": round(statistics.median(limit)),
        "bare_over_ours": round(statistics.median(ratios), 3),
        "delivery_p50_ms": round(waits[len(waits) // 2], 3),
        "delivery_p99_ms": round(waits[len(waits) * 99 // 100], 3),
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--producers", type=int, default=100)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    show(anyio.run(measure, given.producers, given.messages, given.rounds), given.json)


if __name__ == "__main__":
    main()
