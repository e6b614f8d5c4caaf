"""Real servers for tests: each is private, in a folder with a short name."""

import os
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis import asyncio as redis

from hubbub.bus.server import Server, find_binary, open_server

#: What tests call the servers that the bus must run on.
KINDS = ("valkey", "redis")


def binary_of(kind: str) -> Path:
    """The bundled Valkey, or the system's Redis."""
    return find_binary(None if kind == "valkey" else Path("redis-server"))


@asynccontextmanager
async def open_test_server(binary: Path | None = None) -> AsyncGenerator[Server]:
    """A server to stop, kill and restart."""
    with TemporaryDirectory(prefix="hub-") as folder:
        async with open_server(Path(folder) / "s", binary=binary) as server:
            yield server


@asynccontextmanager
async def running_server(binary: Path | None = None) -> AsyncGenerator[str]:
    """The url of a server that just runs."""
    async with open_test_server(binary) as server:
        yield server.url


@asynccontextmanager
async def connect(url: str) -> AsyncGenerator[Any]:
    """A client that speaks text; untyped, as tests ask for whatever they like."""
    kind: Any = redis.Redis
    async with kind.from_url(url, decode_responses=True) as client:
        yield client


@contextmanager
def hung(server: Server) -> Generator[None]:
    """The server does nothing meanwhile."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
