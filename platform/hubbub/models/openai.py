"""
Any server that speaks OpenAI's chat completions, through one client.

A call ends in a `Reply` or a `ModelError`, within its deadline and in bounded memory,
whatever the server does.
"""

import random
import zlib
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeVar

import anyio
import httpx

from hubbub.errors import ModelError, UsageError
from hubbub.models import wire
from hubbub.models.base import Model, Reply, Request
from hubbub.text import safe_text

T = TypeVar("T")

#: Bytes of one reply, decompressed.
MAX_REPLY = 4 << 20
#: HTTP requests that one call may cost a server that fails.
TRIES = 5
#: Seconds; pauses are drawn below the first, doubled with each try up to the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
#: Seconds until a server that does not even take the connection counts as unreachable.
CONNECT = 10.0
#: Calls in flight from one client; more of them wait, within their deadlines.
CONNECTIONS = 100

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _Setback(NamedTuple):
    """A failure that may pass, and the seconds the server asks us to wait."""

    error: ModelError
    after: float = 0.0


class OpenAIModel(Model):
    """
    The models of one OpenAI-compatible server.

    *base_url* ends where ``/chat/completions`` begins; *api_key* is sent to that server
    and appears nowhere else; *rng* spreads retries; *transport* is for tests.

    A server that says no to ``seed``, ``max_tokens`` or ``response_format`` is from then
    on asked without a seed, for ``max_completion_tokens``, or with the schema in words.
    Raises `UsageError` for a URL or a key that cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        rng: random.Random,
        api_key: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        url = _checked_url(base_url)
        key = _checked_key(api_key)
        self._rng = rng
        self._key = key.encode()
        self._unknown: defaultdict[str, set[wire.Field]] = defaultdict(set)
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
        try:
            self._http = httpx.AsyncClient(
                base_url=url,
                headers=headers | ({"Authorization": f"Bearer {key}"} if key else {}),
                transport=transport,
                # A call's deadline is its bound; these would start anew at every byte.
                timeout=httpx.Timeout(None, connect=CONNECT),
                limits=httpx.Limits(
                    max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS
                ),
                # A proxy named in the environment does not lead back to this machine.
                trust_env=url.host not in _LOOPBACK,
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            raise UsageError(
                f"the environment's proxy or certificates cannot be used: {error}"
            ) from error

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        """
        As `Model.complete`; network errors, 429 and 5xx are tried up to `TRIES` times.

        Where the next try would come after the *deadline*, its error is raised at once.
        """
        with _within(deadline):
            tried = 1
            while not isinstance(outcome := await self._try(request), Reply):
                await self._pause(outcome, tried)
                tried += 1
            return outcome

    async def names(self, *, deadline: float) -> tuple[str, ...]:
        """The models that the server offers; one try, and errors as of `complete`."""
        with _within(deadline):
            try:
                response, body = await self._send("GET", "models")
            except httpx.HTTPError as error:
                raise self._unreachable(error) from error
        if not response.is_success:
            raise wire.failure(response.status_code, self._complaint(body))
        return self._decode(wire.decode_listing, body)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _pause(self, setback: _Setback, tried: int) -> None:
        """Wait before the next try; raise the error if there is to be none."""
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tried - 1))
        pause = setback.after + self._rng.random() * longest
        left = anyio.current_effective_deadline() - anyio.current_time()
        if tried == TRIES or pause > left:
            raise setback.error
        await anyio.sleep(pause)

    async def _try(self, request: Request) -> Reply | _Setback:
        _, _, model = request.model.partition("/")
        # As it is now: other calls may learn more while this one is on its way.
        unknown = frozenset(self._unknown[model])
        content = wire.encode_request(request, model, unknown)
        try:
            response, body = await self._send("POST", "chat/completions", content)
        except httpx.HTTPError as error:
            return _Setback(self._unreachable(error))
        if response.is_success:
            return self._decode(wire.decode_reply, body)
        complaint = self._complaint(body)
        failure = wire.failure(response.status_code, complaint)
        if wire.may_pass(response.status_code, complaint):
            after = response.headers.get("retry-after", "")
            return _Setback(failure, wire.retry_after(after))
        if field := wire.objection(request, unknown, response.status_code, complaint):
            self._unknown[model].add(field)
            return await self._try(request)
        raise failure

    async def _send(
        self, method: str, path: str, content: bytes | None = None
    ) -> tuple[httpx.Response, bytes]:
        """One exchange: its head, and its whole body."""
        if self._http.is_closed:
            raise ModelError("network", "this model has been closed")
        async with self._http.stream(method, path, content=content) as response:
            return response, await _read(response)

    def _decode(self, decode: Callable[[bytes], T], body: bytes) -> T:
        with suppress(ModelError):
            return decode(body)
        # Once more for the sake of the error: it quotes what it cannot read.
        return decode(self._without_key(body))

    def _complaint(self, body: bytes) -> str:
        return wire.read_complaint(self._without_key(body))

    def _without_key(self, body: bytes) -> bytes:
        """*body* as it may be quoted: some servers send back what they were sent."""
        return body.replace(self._key, b"[key]") if self._key else body

    def _unreachable(self, error: httpx.HTTPError) -> ModelError:
        url = self._http.base_url
        where = f"{url.scheme}://{url.netloc.decode('ascii')}"
        unreachable = ModelError("network", f"{where}: {type(error).__name__} {error}")
        unreachable.__cause__ = error
        return unreachable


@contextmanager
def _within(deadline: float) -> Generator[None]:
    try:
        with anyio.fail_after(deadline):
            yield
    except TimeoutError:
        raise ModelError("timeout", f"no reply within {deadline:g} s") from None


async def _read(response: httpx.Response) -> bytes:
    """The body, decompressed; `MAX_REPLY` bounds it before and after."""
    unpack = _decompression(response.headers.get("content-encoding") or "identity")
    body, received = bytearray(), 0
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    # The raw bytes, for httpx would decompress a chunk however large it becomes.
    async for chunk in stream:
        received += len(chunk)
        body += unpack(chunk, MAX_REPLY + 1 - len(body))
        if max(received, len(body)) > MAX_REPLY:
            raise ModelError("bad_reply", f"more than {MAX_REPLY:,} bytes")
    return bytes(body)


def _decompression(encoding: str) -> Callable[[bytes, int], bytes]:
    """What turns a chunk into at most so many bytes, or the chunk itself."""
    if encoding.lower() == "identity":
        return lambda chunk, most: chunk
    if encoding.lower() not in ("gzip", "deflate"):
        raise ModelError("bad_reply", f"compressed, unasked, as {encoding}")
    inflater = zlib.decompressobj(wbits=47)

    def inflate(chunk: bytes, most: int) -> bytes:
        try:
            return inflater.decompress(chunk, most)
        except zlib.error as error:
            raise ModelError("bad_reply", f"damaged {encoding}: {error}") from None

    return inflate


def _checked_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(
            f"{safe_text(text, 100)!r} is no base URL of a model server: "
            "one looks like http://localhost:11434/v1"
        )
    return url


def _checked_key(text: str) -> str:
    """*text* without spaces around it, refused here: httpx's refusal would quote it."""
    key = text.strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError("the API key has characters that no HTTP header can carry")
    return key
