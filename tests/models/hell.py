"""
A server from hell, on a real socket: one call in five meets something that goes wrong.

Which call, and what, is in the seed of its request, so that a retry meets the same; a
request that says `WELL` meets nothing.
"""

import gzip
import json
from asyncio import StreamReader, StreamWriter, start_server
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio

from .fake import headers_of

#: What a request says that is to be served as it should be.
WELL = "Be good."
#: Of so many others, one is broken.
EVERY = 5
#: Seconds that a healthy reply takes.
THINKS = 0.05

Deed = Callable[[StreamReader, StreamWriter], Awaitable[None]]


def head(status: int, length: int, *lines: str) -> bytes:
    """The head of a reply whose body has *length* bytes."""
    told = (f"HTTP/1.1 {status} As Told", f"Content-Length: {length}", *lines)
    return "\r\n".join((*told, "Connection: close", "", "")).encode()


def saying(body: bytes, *lines: str, status: int = 200) -> Deed:
    """What replies with *body*, piece by piece."""

    async def say(reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(head(status, len(body), *lines))
        for start in range(0, len(body), 1 << 16):
            writer.write(body[start : start + (1 << 16)])
            await writer.drain()

    return say


def completion(text: str) -> bytes:
    """A reply that says *text*."""
    choice = {"message": {"role": "assistant", "content": text}}
    return json.dumps({"choices": [choice]}).encode()


async def think(reader: StreamReader, writer: StreamWriter) -> None:
    """As it should be."""
    await anyio.sleep(THINKS)
    await saying(completion('{"value": 7}'))(reader, writer)


async def keep_silent(reader: StreamReader, writer: StreamWriter) -> None:
    """Nothing, until the client has had enough."""
    await reader.read()


async def drip(reader: StreamReader, writer: StreamWriter) -> None:
    """One byte a second."""
    writer.write(head(200, 1_000_000))
    while not reader.at_eof():
        writer.write(b" ")
        with anyio.move_on_after(1):
            await reader.read()


async def cut(reader: StreamReader, writer: StreamWriter) -> None:
    """The first half of a reply."""
    writer.write(head(200, 900) + b'{"choices":')


async def bomb(reader: StreamReader, writer: StreamWriter) -> None:
    """A small body that becomes a gigabyte."""
    await saying(BOMB, "Content-Encoding: gzip")(reader, writer)


#: As it would be sent: a member of zeros, again and again.
BOMB = gzip.compress(bytes(16 << 20)) * 64

DEEDS: dict[str, Deed] = {
    "delay": keep_silent,
    "drip": drip,
    "bomb": bomb,
    "429, come back": saying(b"busy", "Retry-After: 1", status=429),
    "429": saying(b"busy", status=429),
    "500": saying(b"oh", status=500),
    "cut": cut,
    "html": saying(b"<html>Welcome</html>", "Content-Type: text/html"),
    "wrong json": saying(b'{"hello": [1, 2]}'),
    "no choices": saying(b'{"choices": []}'),
    "10 MB": saying(completion("x" * 10_000_000)),
    "nan": saying(b'{"choices": [{"message": {"content": NaN}}]}'),
    "surrogates": saying(completion('{"value": 7, "why": "\ud83d"}')),
    "leaked": saying(completion('{"value": 7}<|im_end|><|endoftext|>')),
}
#: Those that a client can make sense of.
HARMLESS = frozenset({"surrogates", "leaked"})


def deed_of(seed: int) -> str:
    """What the call with *seed* meets; empty if nothing."""
    return "" if seed % EVERY else tuple(DEEDS)[seed // EVERY % len(DEEDS)]


class Hell:
    """What the server has done, and the bytes of memory this process had at most."""

    def __init__(self) -> None:
        self.url = ""
        self.deeds: Counter[str] = Counter()
        self.memory = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One request, and what comes of it."""
        told = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(headers_of(told)["content-length"])
        asked = json.loads(await reader.readexactly(length))
        well = asked["messages"][-1]["content"] == WELL
        deed = "" if well else deed_of(asked["seed"])
        self.deeds[deed] += 1
        # The client goes away in the middle of some of them.
        try:
            with suppress(ConnectionError):
                await DEEDS.get(deed, think)(reader, writer)
                await writer.drain()
        finally:
            writer.close()
        self.memory = max(self.memory, resident())


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@asynccontextmanager
async def hell() -> AsyncGenerator[Hell]:
    """A server on a free port of this machine."""
    fiend = Hell()
    server = await start_server(fiend.serve, "127.0.0.1", 0, backlog=200)
    fiend.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield fiend
    finally:
        server.close()
