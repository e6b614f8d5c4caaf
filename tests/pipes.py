"""HTTP without a network: what a server says to bytes that come at given times."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.abc
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from hubbub.gateway.http import Handle, Limits, Refuse, serve

#: A step of a client: bytes to send, or seconds to wait.
Step = bytes | float


class Pipe(anyio.abc.ByteStream):
    """One end of a connection."""

    def __init__(
        self,
        send: MemoryObjectSendStream[bytes],
        receive: MemoryObjectReceiveStream[bytes],
    ) -> None:
        self._send = send
        self._receive = receive
        self._rest = b""

    async def send(self, item: bytes) -> None:
        await self._send.send(item)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        data = self._rest or await self._receive.receive()
        self._rest = data[max_bytes:]
        return data[:max_bytes]

    async def send_eof(self) -> None:
        self._send.close()

    async def aclose(self) -> None:
        self._send.close()
        self._receive.close()


class Door(anyio.abc.Listener[anyio.abc.ByteStream]):
    """A listener to which clients come by `open`."""

    def __init__(self) -> None:
        self._knock, self._open = anyio.create_memory_object_stream[Pipe](64)

    def open(self) -> Pipe:
        """A new connection; the client's end."""
        there, back = anyio.create_memory_object_stream[bytes](1000)
        here, forth = anyio.create_memory_object_stream[bytes](1000)
        self._knock.send_nowait(Pipe(here, back))
        return Pipe(there, forth)

    async def serve(
        self,
        handler: Callable[[anyio.abc.ByteStream], Any],
        task_group: anyio.abc.TaskGroup | None = None,
    ) -> None:
        async with anyio.create_task_group() as tasks:
            async for pipe in self._open:
                tasks.start_soon(handler, pipe)

    async def aclose(self) -> None:
        self._knock.close()
        self._open.close()


@asynccontextmanager
async def serving(
    handle: Handle, refuse: Refuse, limits: Limits | None = None
) -> AsyncGenerator[Door]:
    """A server at a door."""
    async with Door() as door, anyio.create_task_group() as tasks:
        tasks.start_soon(serve, door, handle, refuse, limits or Limits())
        yield door
        tasks.cancel_scope.cancel()


async def exchange(door: Door, *steps: Step, end: bool = True) -> bytes:
    """All that is said to a client that does *steps*, and then no more if it is the *end*."""
    pipe = door.open()
    said = bytearray()

    async def do() -> None:
        for step in steps:
            if isinstance(step, bytes):
                await pipe.send(step)
            else:
                await anyio.sleep(step)
        if end:
            await pipe.send_eof()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_quietly, do)
        try:
            while True:
                said += await pipe.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            tasks.cancel_scope.cancel()
    await pipe.aclose()
    return bytes(said)


async def _quietly(do: Callable[[], Awaitable[None]]) -> None:
    try:
        await do()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        # The server has closed the connection.
        return
