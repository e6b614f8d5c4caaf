"""
The way to a server: its connections, and the patience with it.

redis-py connects, authenticates and reads; its pools and retries are not used.  They
would write twice, hide gaps, and lose a connection for each unlucky cancellation.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha1
from importlib import resources
from typing import Any, TypeVar, cast

import anyio
import hiredis
from redis import exceptions
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hubbub.errors import BusRefused, BusUnavailable
from hubbub.text import safe_text

T = TypeVar("T")

#: Plain commands under way at the same time; the others wait for a connection.
PLACES = 4
#: Seconds without an answer after which a connection is given up for lost, at most.
SILENCE = 30.0

#: What the client raises when the server, or the way to it, is gone.
GONE = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)
#: Errors of a server that will answer again: it is busy, or waits for its disk.
_PASSING = ("BUSY ", "MISCONF ")

# hiredis's own types know commands of one word only.
_pack = cast(
    "Callable[[tuple[Any, ...]], bytes]",
    hiredis.pack_command,  # pyright: ignore[reportUnknownMemberType]
)


class Script:
    """A script of this package; the server knows it by its digest."""

    def __init__(self, name: str) -> None:
        self.source = (resources.files("hubbub.bus") / name).read_bytes()
        self.digest = sha1(self.source, usedforsecurity=False).hexdigest()


class Link:
    """
    The connections to the server at *url*.

    Every method repeats what it does until the server has answered, so it must be
    something that may be done twice.  Raises `BusUnavailable` when the server has been
    gone for *patience* seconds, and `BusRefused` when it says no, at once unless it
    says that this will pass.
    """

    def __init__(self, url: str, patience: float) -> None:
        self._name = _public(url)
        self._patience = patience
        self._silence = min(SILENCE, patience)
        pool: Any = ConnectionPool
        self._pool = pool.from_url(
            url,
            protocol=2,
            driver_info=None,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=5.0,
            **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        )
        self._connections: list[Any] = []
        self._idle: list[Any] = []
        self._places = anyio.Semaphore(PLACES, fast_acquire=True)

    async def aclose(self) -> None:
        """Close every connection that was not made for somebody else."""
        for connection in self._connections:
            await connection.disconnect()

    def make_connection(self) -> Any:
        """A connection for the caller, who connects and closes it."""
        return self._pool.make_connection()

    async def ask(self, *command: Any) -> Any:
        """The answer to *command*."""
        packed = _pack(command)

        async def deed() -> Any:
            async with self._places:
                return await self._talk(packed)

        return await self.insist(deed)

    async def await_answer(self, wait: float, *command: Any) -> Any:
        """The answer to *command*, which the server may take *wait* seconds to give."""
        packed = _pack(command)
        return await self.insist(lambda: self._talk(packed), wait)

    async def run(self, script: Script, keys: list[str], arguments: list[Any]) -> Any:
        """What *script* returns."""
        rest = (len(keys), *keys, *arguments)
        packed = _pack(("EVALSHA", script.digest, *rest))

        async def deed() -> Any:
            try:
                return await self._talk(packed)
            except exceptions.NoScriptError:
                # A server that has started anew has to be told the script again.
                return await self._talk(_pack(("EVAL", script.source, *rest)))

        return await self.insist(deed)

    async def _talk(self, packed: bytes) -> Any:
        connection = self._idle.pop() if self._idle else self._new()
        try:
            await connection.send_packed_command(packed)
            return await connection.read_response()
        finally:
            # One that failed, or was cut off in between, is closed by now and
            # connects anew when it is used.
            self._idle.append(connection)

    def _new(self) -> Any:
        connection = self._pool.make_connection()
        self._connections.append(connection)
        return connection

    async def insist(
        self, deed: Callable[[], Awaitable[T]], slowness: float = 0.0
    ) -> T:
        """Do *deed*, which may take *slowness* seconds longer than others."""
        wait, deadline = 0.01, 0.0
        while True:
            try:
                with anyio.fail_after(self._silence + slowness):
                    return await deed()
            except (exceptions.RedisError, OSError) as error:
                deadline = deadline or anyio.current_time() + self._patience
                if _final(error) or anyio.current_time() > deadline:
                    raise self._failure(error) from error
            await anyio.sleep(wait)
            wait = min(wait * 2, 0.5)

    def _failure(self, error: Exception) -> BusRefused | BusUnavailable:
        words = safe_text(str(error) or "no answer", 300)
        if isinstance(error, GONE) and not _final(error):
            return BusUnavailable(
                f"{self._name} was gone for {self._patience:g} s: {words}"
            )
        return BusRefused(f"{self._name} refused: {words}")


def _final(error: Exception) -> bool:
    """Whether asking again would give the same *error*."""
    if isinstance(error.__cause__ or error, exceptions.AuthenticationError):
        return True
    passing = (*GONE, exceptions.ClusterDownError, exceptions.TryAgainError)
    return not isinstance(error, passing) and not str(error).startswith(_PASSING)


def _public(url: str) -> str:
    """*url* without its user, password and options."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    return safe_text(f"{scheme}://{rest.rpartition('@')[2]}", 200)
