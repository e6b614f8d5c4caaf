"""Servers of chat completions that do as told, and keep what they were sent."""

import json
import random
from asyncio import StreamReader, StreamWriter, start_server
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from hubbub.models.openai import OpenAIModel

URL = "http://models.test/v1"
#: A secret whose appearance anywhere is a failure.
CANARY = "sk-canary-0123456789abcdef"


class Still(random.Random):
    """Draws nothing but 0, so that retries do not wait."""

    def random(self) -> float:
        return 0.0


def completion(text: str | None, **choice: Any) -> httpx.Response:
    """A server's reply that says *text*, with more fields in its choice."""
    message = {"role": "assistant", "content": text} | choice.pop("message", {})
    return httpx.Response(
        200,
        json={
            "choices": [{"message": message, "finish_reason": "stop"} | choice],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        },
    )


def complaint(status: int, message: str, **error: Any) -> httpx.Response:
    """A server's refusal in the form that OpenAI gives it."""
    return httpx.Response(status, json={"error": {"message": message} | error})


class FakeServer:
    """Answers by a list, whose last item answers for ever, or by a function."""

    def __init__(
        self, *answers: httpx.Response | Callable[[httpx.Request], httpx.Response]
    ) -> None:
        self._answers = answers
        self.requests: list[httpx.Request] = []

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was asked, request by request."""
        return [json.loads(request.content) for request in self.requests]

    def model(self, api_key: str = CANARY) -> OpenAIModel:
        """A client of this server."""
        transport = httpx.MockTransport(self.answer)
        return OpenAIModel(URL, rng=Still(), api_key=api_key, transport=transport)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The next answer."""
        answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(request)
        return answer(request) if callable(answer) else answer


Deed = Callable[[StreamWriter], Awaitable[None]]


class SocketServer:
    """A server on a real socket: reads each request whole, and then does its deed."""

    def __init__(self, deed: Deed) -> None:
        self._deed = deed
        self.heads: list[str] = []
        self.url = ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        await reader.readexactly(int(headers_of(head).get("content-length", "0")))
        self.heads.append(head)
        # The client may go away while we are at it; that is what is tested.
        try:
            with suppress(ConnectionError):
                await self._deed(writer)
        finally:
            writer.close()


def headers_of(head: str) -> httpx.Headers:
    """The headers in the *head* of a request."""
    lines = head.strip().split("\r\n")[1:]
    return httpx.Headers(
        [(line.partition(": ")[0], line.partition(": ")[2]) for line in lines]
    )


@asynccontextmanager
async def listening(deed: Deed) -> AsyncGenerator[SocketServer]:
    """A `SocketServer` on a free port of this machine."""
    fake = SocketServer(deed)
    server = await start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield fake
    finally:
        server.close()
