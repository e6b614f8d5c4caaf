"""Servers that keep no protocol, on real sockets."""

from asyncio import StreamReader, StreamWriter, start_server
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

import anyio
import pytest

from hubbub.errors import ModelError
from hubbub.models.openai import TRIES, OpenAIModel

from .contract import say
from .fake import CANARY, Still

Deed = Callable[[StreamWriter], Awaitable[None]]


class HostileServer:
    """Reads each request and then does its deed."""

    def __init__(self, deed: Deed) -> None:
        self._deed = deed
        self.requests = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        await reader.readexactly(length)
        self.requests += 1
        try:
            await self._deed(writer)
        except ConnectionError:
            pass
        writer.close()


@asynccontextmanager
async def attacked(deed: Deed) -> AsyncGenerator[tuple[OpenAIModel, HostileServer]]:
    hostile = HostileServer(deed)
    server = await start_server(hostile.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    model = OpenAIModel(f"http://127.0.0.1:{port}/v1", rng=Still(), api_key=CANARY)
    try:
        yield model, hostile
    finally:
        await model.aclose()
        server.close()
