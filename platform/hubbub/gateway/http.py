"""
HTTP/1.1 for a few small requests, each bounded in bytes and in seconds.

h11 reads and writes the protocol.  The rest is here and not another server's, because
those bound how long a body may take and not the head of a request: who sends one byte a
minute must not hold a place.
"""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

import anyio
import h11
import msgspec
import structlog
from anyio.abc import ByteStream, Listener

log = structlog.get_logger()

#: Bytes read at once, and bytes that are read of what nobody wants any more.
CHUNK, DREGS = 1 << 16, 1 << 20
#: Seconds for which they are.
DRAIN = 1.0

_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one client may take.

    Bytes of a request's *head* and *body*; seconds until it has *arrived* from its first
    byte on, that a connection may be *idle*, and that an answer may take to *leave*.
    More *connections* at once are closed at the door.
    """

    head: int = 1 << 14
    body: int = 1 << 17
    arrive: float = 10.0
    idle: float = 15.0
    leave: float = 10.0
    connections: int = 512


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request; of a header that came twice, the values are joined with commas."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A response, whose *body* is JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class Unread(Exception):
    """What came is no request that can be read; *status* says why."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


#: Answers a request; `Unread` is answered by what *refuse* makes of it.
Handle = Callable[[Request], Awaitable[Response]]
Refuse = Callable[[int, str], Response]


async def serve(
    listener: Listener[ByteStream], handle: Handle, refuse: Refuse, limits: Limits
) -> None:
    """Answer requests that come to *listener*, until cancelled."""
    open_ = 0

    async def attend(stream: ByteStream) -> None:
        nonlocal open_
        async with stream:
            if open_ >= limits.connections:
                return
            open_ += 1
            try:
                await _Connection(stream, handle, refuse, limits).run()
            except* (*_GONE, TimeoutError, h11.ProtocolError):
                # The other side has gone, or is too slow for the answer.
                pass
            finally:
                open_ -= 1

    await listener.serve(attend)


class _Connection:
    def __init__(
        self, stream: ByteStream, handle: Handle, refuse: Refuse, limits: Limits
    ) -> None:
        self._stream = stream
        self._handle = handle
        self._refuse = refuse
        self._limits = limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head)

    async def run(self) -> None:
        """Answer one request after the other."""
        while await self._await_request():
            try:
                with anyio.fail_after(self._limits.arrive):
                    request = await self._read()
            except h11.RemoteProtocolError as error:
                return await self._part(error.error_status_hint, "this is no request")
            except Unread as error:
                return await self._part(error.status, str(error))
            except TimeoutError:
                return await self._part(408, "the request took too long to arrive")
            if request is None:
                return None
            await self._send(request.method, await self._handle(request))
            if self._http.our_state is not h11.DONE:
                return None
            self._http.start_next_cycle()
        return None

    async def _await_request(self) -> bool:
        """Whether something comes."""
        if self._http.trailing_data[0]:
            return True
        with anyio.move_on_after(self._limits.idle):
            self._http.receive_data(await self._stream.receive(CHUNK))
            return True
        return False

    async def _read(self) -> Request | None:
        """The next request, None where there is none."""
        head: h11.Request | None = None
        body = bytearray()
        while True:
            match await self._event():
                case h11.Request() as head:
                    await self._encourage(head)
                case h11.Data(data=data):
                    body += data
                    if len(body) > self._limits.body:
                        raise self._too_large()
                case h11.EndOfMessage() if head is not None:
                    return _request(head, bytes(body))
                case _:
                    return None

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            try:
                self._http.receive_data(await self._stream.receive(CHUNK))
            except anyio.EndOfStream:
                self._http.receive_data(b"")
        return event

    async def _encourage(self, head: h11.Request) -> None:
        """Say at once of a body whether it may come."""
        sizes = [value for name, value in head.headers if name == b"content-length"]
        if any(len(size) > 9 or int(size) > self._limits.body for size in sizes):
            raise self._too_large()
        if self._http.they_are_waiting_for_100_continue:
            informal = h11.InformationalResponse(status_code=100, headers=[])
            await self._stream.send(self._http.send(informal) or b"")

    def _too_large(self) -> Unread:
        return Unread(413, f"the limit of a body is {self._limits.body:,} bytes")

    async def _send(self, method: str, response: Response) -> None:
        headers = {
            "content-type": "application/json",
            "content-length": str(len(response.body)),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            **response.headers,
        }
        head = h11.Response(status_code=response.status, headers=[*headers.items()])
        data = self._http.send(head) or b""
        if method != "HEAD":
            data += self._http.send(h11.Data(data=response.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        with anyio.fail_after(self._limits.leave):
            await self._stream.send(data)

    async def _part(self, status: int, words: str) -> None:
        """Say why, and let the other side read it before the connection is closed."""
        if (
            self._http.our_state is h11.IDLE
            or self._http.our_state is h11.SEND_RESPONSE
        ):
            refusal = self._refuse(status, words)
            closing = {**refusal.headers, "connection": "close"}
            await self._send("", msgspec.structs.replace(refusal, headers=closing))
            await self._stream.send_eof()
            with anyio.move_on_after(DRAIN):
                read = 0
                while read < DREGS:
                    read += len(await self._stream.receive(CHUNK))


def _request(head: h11.Request, body: bytes) -> Request:
    path, _, query = head.target.decode("latin-1").partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=8)
    except ValueError:
        raise Unread(400, "there is too much after the question mark") from None
    headers: dict[str, str] = {}
    for name, value in head.headers:
        known, given = headers.get(name.decode()), value.decode("latin-1")
        headers[name.decode()] = given if known is None else f"{known}, {given}"
    return Request(
        method=head.method.decode(),
        path=path,
        query=dict(pairs),
        headers=headers,
        body=body,
    )
