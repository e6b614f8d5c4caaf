"""
Pressure: many seats at a model server that takes so many calls at once and refuses others.

Fixed limits and the adaptive one in the same run, against a server of its own on a socket.

    python benchmarks/pressure.py --seats 200 --capacity 20 --json
"""

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteStream

from hubbub.errors import ModelError
from hubbub.models.base import Prompt, Request
from hubbub.models.limits import Limits
from hubbub.models.openai import OpenAIModel
from hubbub.models.pressure import Pressure
from open_room import show

#: As shares of what the server takes at once.
FIXED = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
#: Seconds that a call may take; more than any does.
DEADLINE = 600.0


class Server:
    """Takes *capacity* calls at once, *latency* seconds each, and answers 429 above."""

    def __init__(self, capacity: int, latency: float) -> None:
        self.statuses: Counter[int] = Counter()
        self._capacity = capacity
        self._latency = latency
        self._busy = 0
        self._rng = random.Random(1)

    async def serve(self, client: anyio.abc.ByteStream) -> None:
        """Answer the requests of one connection."""
        stream = BufferedByteStream(client)
        async with client:
            with suppress(anyio.IncompleteRead, anyio.BrokenResourceError):
                while True:
                    head = (await stream.receive_until(b"\r\n\r\n", 1 << 16)).lower()
                    length = re.search(rb"content-length: (\d+)", head)
                    await stream.receive_exactly(int(length[1]) if length else 0)
                    status = await self._answer()
                    self.statuses[status] += 1
                    await stream.send(REPLIES[status])

    async def _answer(self) -> int:
        if self._busy >= self._capacity:
            return 429
        self._busy += 1
        try:
            await anyio.sleep(self._latency * self._rng.uniform(0.6, 1.4))
        finally:
            self._busy -= 1
        return 200


def _reply(status: int, body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} As Told\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


REPLIES = {
    200: _reply(200, {"choices": [{"message": {"content": "hello"}}]}),
    429: _reply(429, {"error": {"message": "slow down"}}),
}


@asynccontextmanager
async def serving(server: Server) -> AsyncGenerator[str]:
    """Serve on a free port of this machine; yields the base URL."""
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1", backlog=1_000) as here,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(here.serve, server.serve)
        port = here.extra(anyio.abc.SocketAttribute.local_port)
        yield f"http://127.0.0.1:{port}/v1"
        tasks.cancel_scope.cancel()


async def measure(limits: Limits, given: argparse.Namespace) -> dict[str, Any]:
    """Let all seats call for some seconds under *limits*."""
    server, failed = Server(given.capacity, given.latency), 0
    async with serving(server) as url:
        pressure = Pressure(limits)
        model = OpenAIModel(url, rng=random.Random(1), pressure=pressure)
        request = Request(model="bench/m", prompts=(Prompt("user", "Hello."),))

        async def seat() -> None:
            nonlocal failed
            while True:
                try:
                    await model.complete(request, deadline=DEADLINE)
                except ModelError:
                    failed += 1

        with anyio.move_on_after(given.seconds):
            async with anyio.create_task_group() as group:
                for _ in range(given.seats):
                    group.start_soon(seat)
        await model.aclose()
    return {
        "limit": limits.concurrency or "adaptive",
        "served_per_s": round(server.statuses[200] / given.seconds, 1),
        "refused": server.statuses[429],
        "refused_share": round(server.statuses[429] / server.statuses.total(), 3),
        "failed": failed,
    }


async def compare(given: argparse.Namespace) -> dict[str, Any]:
    """Fixed limits, the adaptive one, and its share of the best."""
    limits = [Limits(concurrency=max(1, round(s * given.capacity))) for s in FIXED]
    runs: list[dict[str, Any]] = []
    for limit in (*limits, Limits()):
        runs.append(await measure(limit, given))
        if not given.json:
            sys.stderr.write(f"{runs[-1]}\n")
    *fixed, adaptive = runs
    best = max(run["served_per_s"] for run in fixed)
    return {
        "seats": given.seats,
        "capacity": given.capacity,
        "served_per_s": {str(run["limit"]): run["served_per_s"] for run in runs},
        "refused_share": {str(run["limit"]): run["refused_share"] for run in runs},
        "failed": {str(run["limit"]): run["failed"] for run in runs},
        "adaptive_429": adaptive["refused"],
        "adaptive_over_best": round(adaptive["served_per_s"] / best, 3),
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seats", type=int, default=200)
    parser.add_argument("--capacity", type=int, default=20)
    parser.add_argument("--latency", type=float, default=0.25)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    show(anyio.run(compare, given), given.json)


if __name__ == "__main__":
    main()
