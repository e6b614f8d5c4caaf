"""Which runs a server has, for roles that are started without being told."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
from redis import exceptions
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hubbub.bus.redis import open_bus
from hubbub.errors import BusRefused, BusUnavailable, UsageError
from hubbub.text import safe_text

_CURRENT = "hub:current"
_RUNS = "hub:runs"

#: One step, so that of all who would follow the same run one does.
_SUCCEED = """
local current = redis.call('GET', KEYS[1]) or ''
if current ~= ARGV[1] then
  return current
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
"""


def check_url(url: str) -> str:
    """Return *url*; raise `UsageError` unless it is the address of a server."""
    try:
        parse_url(url)
    except ValueError:
        # The words of that error, and what stands before the @, may be a password.
        public = safe_text(url.rpartition("@")[2], 100)
        raise UsageError(
            f"{public!r} is no server's address: write redis://HOST:PORT, "
            "rediss://HOST:PORT or unix:///PATH"
        ) from None
    return url


@asynccontextmanager
async def open_client(url: str) -> AsyncGenerator[Any]:
    """
    A plain client for the edges of a run: nothing is retried behind our back.

    Raises `UsageError` for an address that is none, `BusUnavailable` when what is done
    with the client finds the server gone, and `BusRefused` when it is refused.
    """
    plain: Any = redis.asyncio.Redis
    client: Any = plain.from_url(
        check_url(url),
        protocol=2,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=5.0,
        socket_timeout=10.0,
    )
    async with client:
        try:
            yield client
        except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
            said = safe_text(str(error), 200)
            raise BusUnavailable(f"the server does not answer: {said}") from error
        except exceptions.ResponseError as error:
            raise BusRefused(safe_text(str(error), 200)) from error


async def announce(client: Any, run: str, created: str) -> None:
    """Make *run* the server's current one."""
    await client.hset(_RUNS, run, created)
    await client.set(_CURRENT, run)


async def succeed(client: Any, last: str, run: str, created: str) -> str:
    """
    Make *run* the current one if *last* still is, empty for none.

    Returns the run that is current then: *run*, or that of whoever was faster.
    """
    current: str = await client.eval(_SUCCEED, 2, _CURRENT, _RUNS, last, run, created)
    return current


def is_unfinished(facts: Mapping[str, str]) -> bool:
    """Whether a role has something left to do in a run with these *facts*."""
    over = "ended" in facts or bool(facts.get("stopped"))
    # A logger may come only when the others have gone.
    over = over and facts.get("logged") == facts["seq"]
    return "population" in facts and (not over or facts.get("filed") == "no")


async def facts_of(url: str, run: str) -> dict[str, str]:
    """What the server knows of *run*, which is empty for none; then it is nothing."""
    if not run:
        return {}
    async with open_bus(url, run) as bus:
        return await bus.meta()


async def current_run(client: Any) -> str:
    """The run announced last; empty if there is none."""
    return await client.get(_CURRENT) or ""


async def all_runs(client: Any) -> dict[str, str]:
    """Every announced run and when it was."""
    runs: dict[str, str] = await client.hgetall(_RUNS)
    return runs
