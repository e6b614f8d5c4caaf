"""
A model server in a process of its own that counts what it would be paid for.

    python -m tests.seller

It prints its base URL.  It honours ``Idempotency-Key``: a call that it knows is answered
as it was, at the same time if need be, and not charged again.  ``GET counts`` says what
was charged and how often it was asked for the same again; ``DELETE counts`` forgets.
"""

import asyncio
import json
from asyncio import Future, StreamReader, StreamWriter
from typing import Any

import anyio
import click

from hubbub.models.base import Request
from hubbub.models.scripted import legal

from .models.fake import headers_of

#: Seconds that a reply takes.
TAKES = 0.15


class Seller:
    """Sells replies that depend on nothing but a request's seed and schema."""

    def __init__(self) -> None:
        self._sold: dict[str, Future[bytes]] = {}
        self._again = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer one client until it leaves."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = headers_of(head)
                size = int(headers.get("content-length", "0"))
                content = await reader.readexactly(size)
                key = headers.get("idempotency-key", "")
                body = await self._answer(head.split(" ")[0], key, content)
                length = f"Content-Length: {len(body)}\r\n\r\n"
                writer.write(b"HTTP/1.1 200 OK\r\n" + length.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, method: str, key: str, content: bytes) -> bytes:
        if method == "GET":
            counts = {"paid": len(self._sold), "again": self._again}
            return json.dumps(counts).encode()
        if method == "DELETE":
            self._sold.clear()
            self._again = 0
            return b"{}"
        assert key, "a call without its key"
        if key in self._sold:
            self._again += 1
        else:
            # It is charged when it comes, and goes on whether its client waits or not.
            reply = self._sold[key] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(
                TAKES, reply.set_result, _completion(json.loads(content))
            )
        return await asyncio.shield(self._sold[key])


def _completion(body: dict[str, Any]) -> bytes:
    schema = body["response_format"]["json_schema"]["schema"]
    request = Request(model="x", prompts=(), schema=schema, seed=body["seed"])
    message = {"role": "assistant", "content": legal(request)}
    choices = [{"message": message, "finish_reason": "stop"}]
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return json.dumps({"choices": choices, "usage": usage}).encode()


async def sell() -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(Seller().serve, "127.0.0.1", 0)
    async with server:
        click.echo(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        await server.serve_forever()


if __name__ == "__main__":
    anyio.run(sell)
