"""
One HTTP server of models, whatever dialect it speaks: bounds, retries, secrets.

A call ends within its deadline and in bounded memory, whatever the server does.  How
many calls are under way at once is for `pressure`.
"""

import json
import random
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple, NoReturn, TypeVar

import anyio
import httpx

from hubbub.errors import ModelError, UsageError
from hubbub.models.base import Request
from hubbub.models.body import MAX_REPLY, read_body
from hubbub.models.pressure import Pressure
from hubbub.models.retries import Setback, pause, retry_after, tries
from hubbub.text import safe_text

T = TypeVar("T")

#: Seconds until a server that does not even take the connection counts as unreachable.
CONNECT = 10.0
#: Characters; a shorter key is a placeholder like ``ollama``, which replies may contain.
SECRET = 10

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Response(NamedTuple):
    """
    What a server answered, whatever its *status*; our secret is masked in *body*.

    *after* is the seconds it asks us to wait before we come back.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    after: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the status says that the request was served."""
        return 200 <= self.status < 300


class Endpoint:
    """
    The server at *base_url*: a connection pool, and what all calls to it share.

    *headers* go with every request.  *secret* is what among them must not be seen: it is
    masked in whatever the server sends back.  *rng* spreads retries, *pressure* says
    when a request may be sent (by default adaptively), a reply may have *most* bytes,
    *transport* is for tests.  Raises `UsageError` for a URL that cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        rng: random.Random,
        headers: Mapping[str, str] = {},
        secret: str = "",
        pressure: Pressure | None = None,
        most: int = MAX_REPLY,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        url = _checked_url(base_url)
        self.pressure = pressure or Pressure()
        self.most = most
        self._rng = rng
        self._secrets = _spellings(secret)
        self._hides = len(secret) >= SECRET
        try:
            self.http = httpx.AsyncClient(
                base_url=url,
                headers={
                    "Accept-Encoding": "identity",
                    "Content-Type": "application/json",
                    **headers,
                },
                transport=transport,
                # A call's deadline is its bound; these would start anew at every byte.
                timeout=httpx.Timeout(None, connect=CONNECT),
                # Pressure bounds them: a pool's own limit would let hung calls hold others.
                limits=httpx.Limits(max_keepalive_connections=100),
                # A proxy named in the environment does not lead back to this machine.
                trust_env=url.host not in _LOOPBACK,
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            raise UsageError(
                f"the environment's proxy or certificates cannot be used: {error}"
            ) from error

    async def attempt(
        self,
        once: Callable[["Errand"], Awaitable[T | Setback]],
        *,
        deadline: float,
        again: bool = True,
    ) -> T:
        """
        What *once* returns, tried again within *deadline* seconds if *again* is true.

        A `Setback`, and a `ModelError` ``network`` that *once* raises, is tried again
        after a pause, as often as `retries` has it; all else that it raises ends the
        call.  Where the next try would come after the deadline, the error is raised at
        once; ``timeout`` at the deadline.
        """
        errand = Errand(self)
        with errand.within(deadline):
            tried = 1
            while isinstance(outcome := await self._try(once, errand), Setback):
                if not again or tried >= tries(outcome.error):
                    raise outcome.error
                await self._pause(outcome, tried)
                tried += 1
            return outcome

    def share(self, workers: int) -> None:
        """As `Model.share`."""
        self.pressure.share(workers)

    async def aclose(self) -> None:
        """As `Model.aclose`."""
        await self.http.aclose()

    async def _try(
        self, once: Callable[["Errand"], Awaitable[T | Setback]], errand: "Errand"
    ) -> T | Setback:
        try:
            return await once(errand)
        except ModelError as error:
            if error.kind != "network" or self.http.is_closed:
                raise
            return Setback(error)

    async def _pause(self, setback: Setback, tried: int) -> None:
        """Wait before the next try; raise the error if there is no time for one."""
        wait = pause(setback, tried, self._rng)
        left = anyio.current_effective_deadline() - anyio.current_time()
        if wait > left:
            raise setback.error
        await anyio.sleep(wait)

    def mask(self, body: bytes, *, served: bool = False) -> bytes:
        """*body* as it may be seen: some servers send back what they were sent."""
        for secret in self._secrets if self._hides or not served else ():
            body = body.replace(secret, b"[key]")
        return body

    def unreachable(self, error: httpx.HTTPError) -> NoReturn:
        """Raise what the transport's *error* amounts to; it may quote the server."""
        url = self.http.base_url
        where = f"{url.scheme}://{url.netloc.decode('ascii')}"
        said = f"{where}: {type(error).__name__} {error}"
        shown = self.mask(said.encode(errors="replace")).decode()
        raise ModelError("network", shown) from (error if shown == said else None)


class Errand:
    """One call's way to an endpoint and back: its exchanges, and how long it queued."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._refused = False
        self._queued = 0.0
        self._since: float | None = None
        self._weight = 0

    async def exchange(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        weight: int = 0,
        key: str = "",
    ) -> Response:
        """
        Send one request when its turn comes, and read the whole answer.

        *weight* is how many tokens the call may cost, prompt and reply together.  *key*
        is sent as ``Idempotency-Key``; see `call_key`.  Raises `ModelError`: ``network``
        where no whole answer comes back, ``bad_reply`` for one that is too large or
        damaged.
        """
        pressure = self._endpoint.pressure
        self._check_open()
        self._weight = weight
        self._since = anyio.current_time()
        ticket = await pressure.take(weight, again=self._refused)
        self._queued += anyio.current_time() - self._since
        self._since = None
        status = 0
        try:
            response = await self._send(method, path, content, key)
            status = response.status
        finally:
            refused = pressure.give(ticket, status)
        if refused:
            self._refused = True
            pressure.settle(weight, 0)
        return response

    def settle(self, tokens_in: int | None, tokens_out: int | None) -> None:
        """Say what the last exchange has cost; without counts, what was foreseen."""
        if tokens_in is not None and tokens_out is not None:
            self._endpoint.pressure.settle(self._weight, tokens_in + tokens_out)

    @contextmanager
    def within(self, deadline: float) -> Generator[None]:
        """Bound all of it by *deadline* seconds; the error says what they went into."""
        try:
            with anyio.fail_after(deadline):
                yield
        except TimeoutError:
            raise ModelError("timeout", self._late(deadline)) from None

    async def _send(
        self, method: str, path: str, content: bytes | None, key: str
    ) -> Response:
        # It may have been closed while the call was in the queue.
        self._check_open()
        endpoint = self._endpoint
        headers = {"Idempotency-Key": key} if key else {}
        try:
            async with endpoint.http.stream(
                method, path, content=content, headers=headers
            ) as response:
                body = await read_body(response, endpoint.most)
        except httpx.HTTPError as error:
            endpoint.unreachable(error)
        after = retry_after(response.headers, datetime.now(UTC))
        masked = endpoint.mask(body, served=response.is_success)
        return Response(response.status_code, response.headers, masked, after)

    def _check_open(self) -> None:
        if self._endpoint.http.is_closed:
            raise ModelError("network", "this model has been closed")

    def _late(self, deadline: float) -> str:
        late = f"no reply within {deadline:g} s"
        queued = self._queued
        if self._since is not None:
            queued += anyio.current_time() - self._since
        if queued < deadline / 10:
            return late
        return f"{late}, {queued:.1f} s of them {self._endpoint.pressure.queue()}"


def call_key(request: Request, content: bytes) -> str:
    """
    The name of a call: the same whoever makes it, however often.

    *content* is *request* as it is sent.
    """
    place = f"{request.model}\n{request.seed}\n{request.draw}\n"
    return sha256(place.encode(errors="replace") + content).hexdigest()


def foreseen(request: Request, content: bytes) -> int:
    """How many tokens *request*, sent as *content*, may cost: four bytes make one."""
    return len(content) // 4 + request.sampling.max_tokens


def checked_key(text: str) -> str:
    """*text* without spaces around it, refused here: httpx's refusal would quote it."""
    key = text.strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError("the API key has characters that no HTTP header can carry")
    return key


def _checked_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(
            f"{safe_text(text.rpartition('@')[2], 100)!r} is no base URL of a model server: "
            "one looks like http://localhost:11434/v1"
        )
    return url


def _spellings(secret: str) -> tuple[bytes, ...]:
    """How *secret* may be written where it is sent back, as it is or in JSON."""
    quoted = json.dumps(secret)[1:-1]
    forms = {secret, quoted, quoted.replace("/", "\\/")} - {""}
    return tuple(sorted((form.encode() for form in forms), reverse=True))
