"""A server of chat completions in a thread, for commands that run in this process."""

import json
import random
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from hubbub.models.base import Request
from hubbub.models.scripted import legal


class Completions(ThreadingHTTPServer):
    """Answers as its requests' schemas allow, and counts the tokens that it sells."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sold: list[tuple[int, int]] = []

    def hold(self) -> None:
        """Wait before a reply; for subclasses."""

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send({"data": [{"id": "gpt-5-nano"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self.send_error(404)
            return
        schema = body["response_format"]["json_schema"]["schema"]
        seed = random.Random(body.get("seed")).getrandbits(31)
        text = legal(Request(model="x", prompts=(), schema=schema, seed=seed))
        asked = sum(len(message["content"]) for message in body["messages"]) // 4
        assert isinstance(self.server, Completions)
        self.server.hold()
        self.server.sold.append((asked, len(text) // 4))
        message = {"role": "assistant", "content": text}
        self._send(
            {
                "choices": [{"message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": asked, "completion_tokens": len(text) // 4},
            }
        )

    def _send(self, body: dict[str, Any]) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(given: Completions | None = None) -> Generator[Completions]:
    """A server that answers while this is open, by default a plain one."""
    with given or Completions() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
