"""Which runs a server has, for roles that are started without being told."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

_CURRENT = "hub:current"
_RUNS = "hub:runs"


@asynccontextmanager
async def open_client(url: str) -> AsyncGenerator[Any]:
    """A plain client for the edges of a run: nothing is retried behind our back."""
    plain: Any = redis.asyncio.Redis
    client: Any = plain.from_url(
        url,
        protocol=2,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=5.0,
        socket_timeout=10.0,
    )
    async with client:
        yield client


async def announce(client: Any, run: str, created: str) -> None:
    """Make *run* the server's current one."""
    await client.hset(_RUNS, run, created)
    await client.set(_CURRENT, run)


async def current_run(client: Any) -> str:
    """The run announced last; empty if there is none."""
    return await client.get(_CURRENT) or ""


async def all_runs(client: Any) -> dict[str, str]:
    """Every announced run and when it was."""
    runs: dict[str, str] = await client.hgetall(_RUNS)
    return runs
