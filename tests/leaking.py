"""A server of models that lets out the key it was sent, in every way it has."""

import json
from asyncio import IncompleteReadError, StreamReader, StreamWriter, start_server
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from .models.fake import headers_of

#: The models: what each does with the key.
DEEDS = ("refuses", "echoes", "breaks", "redirects", "says", "garbles", "waits")


class Leaking:
    """
    Answers by the model's name, and keeps the heads of what it was sent.

    Before ``waits`` answers it waits for *pause*, the first time.
    """

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.pause: Callable[[], Awaitable[None]] | None = None
        self.url = ""
        #: Where it sends people: a host that no key is for.
        self.elsewhere = ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        # Who is killed asks no further and hears no more.
        with suppress(ConnectionError, IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = headers_of(head)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.heads.append(head)
        deed = json.loads(body)["model"] if body else "refuses"
        if deed == "waits" and (pause := self.pause):
            self.pause = None
            await pause()
        writer.write(self._answer(deed, headers.get("authorization", ""), head))
        await writer.drain()

    def _answer(self, deed: str, secret: str, head: str) -> bytes:
        match deed:
            case "refuses":
                words = {"message": f"Incorrect key: {secret}", "code": secret}
                return _http(401, json.dumps({"error": words}), secret)
            case "echoes":
                return _http(400, head, secret)
            case "breaks":
                return f"HTTP/1.1 200 OK\r\nthe key {secret}\r\n\r\n".encode()
            case "redirects":
                where = f"Location: {self.elsewhere}/chat/completions?key={secret}"
                return _http(307, "", secret, where)
            case "garbles":
                return _http(200, f"<html>{secret}", secret)
            case _:
                answer = json.dumps({"number": 1, "why": secret})
                message = {"message": {"content": answer}}
                return _http(200, json.dumps({"choices": [message]}), secret)


def _http(status: int, body: str, secret: str, *headers: str) -> bytes:
    content = body.encode()
    lines = (
        f"HTTP/1.1 {status} {secret}",
        f"Content-Length: {len(content)}",
        f"X-Key: {secret}",
        f"Retry-After: {secret}",
        "Connection: close",
        *headers,
    )
    return "\r\n".join([*lines, "", ""]).encode() + content


@asynccontextmanager
async def leaking() -> AsyncGenerator[Leaking]:
    """A `Leaking` server on a free port of this machine."""
    fake = Leaking()
    server = await start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield fake
    finally:
        server.close()
