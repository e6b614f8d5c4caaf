"""The network between a role and its server, which breaks as it is told to."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import anyio

#: Where a connection that serves a request is cut.
Cut = Literal["before", "after"]

#: Seconds that everything takes each way: a network, and time for faults in a game.
LATENCY = 0.004
_CHUNK = 1 << 16


class _Line:
    """One connection, with the one behind it."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        #: Whether the next reply is lost together with the connection.
        self.doomed = False
        #: Whether nothing comes through any more, for good.
        self.silent = False


class Proxy:
    """Listens at *path* for one role's connections and passes them on to *target*."""

    def __init__(self, path: Path, target: Path) -> None:
        #: Seconds that everything takes to come through, each way.
        self.delay = LATENCY
        #: Whether bytes come one at a time.
        self.drips = False
        self.cuts = 0
        self._path = path
        self._target = target
        self._lines: set[_Line] = set()
        self._flow = anyio.Event()
        self._flow.set()
        self._armed: Cut | None = None
        self._due: Callable[[bytes], bool] = bool
        self._fired = anyio.Event()

    async def serve(self) -> None:
        """Listen until cancelled."""
        listener = await asyncio.start_unix_server(self._carry, self._path)
        async with listener:
            await listener.serve_forever()

    # -- faults

    async def cut_next(self, how: Cut, due: Callable[[bytes], bool] = bool) -> None:
        """Cut the connection of the next request that is *due*, and return then."""
        self._armed, self._due, self._fired = how, due, anyio.Event()
        await self._fired.wait()

    def cut_all(self) -> None:
        """Cut every connection now."""
        for line in self._lines:
            self.cuts += 1
            line.scope.cancel()

    def hold(self) -> None:
        """Let nothing through, and say nothing, until `release`."""
        self._flow = anyio.Event()

    def release(self) -> None:
        """Let through what was held."""
        self._flow.set()

    def silence(self) -> None:
        """The connections there are say nothing any more; new ones are well."""
        for line in self._lines:
            line.silent = True

    # -- passing on

    async def _carry(self, client: StreamReader, back: StreamWriter) -> None:
        line = _Line()
        try:
            with suppress(OSError):
                server, forth = await asyncio.open_unix_connection(self._target)
                self._lines.add(line)
                try:
                    await self._join(line, client, back, server, forth)
                finally:
                    self._lines.remove(line)
                    forth.close()
        finally:
            back.close()

    async def _join(
        self,
        line: _Line,
        client: StreamReader,
        back: StreamWriter,
        server: StreamReader,
        forth: StreamWriter,
    ) -> None:
        with line.scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._up, line, client, forth)
                tasks.start_soon(self._down, line, server, back)

    async def _up(self, line: _Line, client: StreamReader, to: StreamWriter) -> None:
        with suppress(OSError):
            while request := await client.read(_CHUNK):
                fate = self._fate(request)
                if fate == "before":
                    break
                line.doomed |= fate == "after"
                await self._send(line, to, request)
        line.scope.cancel()

    async def _down(self, line: _Line, server: StreamReader, to: StreamWriter) -> None:
        with suppress(OSError):
            while (reply := await server.read(_CHUNK)) and not line.doomed:
                await self._send(line, to, reply)
        line.scope.cancel()

    def _fate(self, request: bytes) -> Cut | None:
        armed = self._armed
        if armed is None or not self._due(request):
            return None
        self._armed = None
        self.cuts += 1
        self._fired.set()
        return armed

    async def _send(self, line: _Line, to: StreamWriter, data: bytes) -> None:
        if line.silent:
            await anyio.sleep_forever()
        await self._flow.wait()
        if self.delay:
            await anyio.sleep(self.delay)
        for start in range(0, len(data), size := 1 if self.drips else len(data)):
            to.write(data[start : start + size])
            await to.drain()


def is_post(request: bytes) -> bool:
    """Whether *request* calls a script, which every post does."""
    return b"\r\nEVAL" in request
