"""
What a client may ask of the gateway, version 1: requests, answers, refusals.

All of it is JSON, and whatever a client does it may do again: the same comes to the same.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Annotated, Any

import anyio
import msgspec

from hubbub.bus.base import Bus
from hubbub.errors import BusError, GatewayRefused
from hubbub.gateway.desk import Answer, Desk, Ending, Open
from hubbub.gateway.host import Host
from hubbub.gateway.http import Request, Response
from hubbub.gateway.tokens import Bucket, Tokens
from hubbub.messages import Message, encode_body
from hubbub.text import escape_json

#: The HTTP status of each refusal.
STATUS = {
    "bad_request": 400,
    "no_token": 401,
    "not_found": 404,
    "bad_method": 405,
    "too_slow": 408,
    "ended": 409,
    "not_open": 409,
    "taken": 409,
    "forgotten": 410,
    "over": 410,
    "too_large": 413,
    "bad_type": 415,
    "bad_host": 421,
    "unfit": 422,
    "slow_down": 429,
    "head_too_large": 431,
    "not_hosted": 503,
    "unknown": 504,
}
#: Seconds that a request may wait for something to happen, and for its answer's end.
WAIT, SETTLE = 30.0, 20.0
#: Requests of one seat that may wait at the same time.
WAITING = 8
#: Events in one answer.
PAGE = 500


class Given(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An answer to *ask*, asked for the *attempt*-th time: JSON, or text for words."""

    ask: Annotated[str, msgspec.Meta(max_length=200)]
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    answer: msgspec.Raw


class Words(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to say in a turn."""

    ask: Annotated[str, msgspec.Meta(max_length=200)]
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    text: str


class Pass(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """To give no answer, or say nothing in a turn."""

    ask: Annotated[str, msgspec.Meta(max_length=200)]
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A message as its hearers know it."""

    seq: int
    room: str
    at: int
    sender: str
    kind: str
    body: msgspec.Raw


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who a client is: its *seat* in *run*, in the company of *seats*."""

    seat: str
    run: str
    scenario: str
    rules: str
    persona: str
    seats: tuple[str, ...]
    over: bool


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Events; those after them come *after* ``next``."""

    events: tuple[Event, ...]
    next: int
    over: bool


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, None for nothing; nothing more comes when the run is *over*."""

    ask: Open | None
    over: bool


class Api:
    """
    Answers requests for the seats that *host* hosts.

    *names* are the hosts that clients may call this by, with their ports.
    """

    def __init__(self, bus: Bus, host: Host, names: Collection[str]) -> None:
        self.over = False
        self._run = bus.run
        self._host = host
        self._cast = host.cast
        self._names = frozenset(name.lower() for name in names)
        self._tokens = Tokens(bus)
        self._buckets = defaultdict[str, Bucket](Bucket)
        self._waiting = defaultdict[str, int](int)
        self._routes: Mapping[str, tuple[str, _Route]] = {
            "/v1/me": ("GET", self._me),
            "/v1/events": ("GET", self._events),
            "/v1/ask": ("GET", self._ask),
            "/v1/answer": ("POST", self._answer),
            "/v1/say": ("POST", self._say),
            "/v1/leave": ("POST", self._leave),
            "/v1/pass": ("POST", self._pass),
        }

    def end(self) -> None:
        """The run is over: nobody need wait any longer."""
        self.over = True
        self._tokens.keep()
        self._host.ring()

    async def handle(self, request: Request) -> Response:
        """The answer to *request*."""
        try:
            return _json(200, await self._do(request))
        except GatewayRefused as refused:
            return refusal(refused)
        except BusError:
            return refusal(GatewayRefused("not_hosted", "the run's server is away"))

    async def _do(self, request: Request) -> object:
        host = request.headers.get("host", "").lower()
        if host not in self._names:
            words = "this is no name of the gateway: allow it with --name"
            raise GatewayRefused("bad_host", words)
        seat = await self._seat(request)
        if wait := self._buckets[seat].wait():
            raise GatewayRefused("slow_down", f"wait for {wait:.2f} s", seconds=wait)
        method, route = self._routes.get(request.path, ("", None))
        if route is None:
            raise GatewayRefused("not_found", f"there are {', '.join(self._routes)}")
        if request.method != method:
            raise GatewayRefused("bad_method", f"use {method}", allow=method)
        return await route(seat, request)

    async def _seat(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        seat = await self._tokens.seat_of(token.strip())
        if scheme.lower() != "bearer" or not seat:
            raise GatewayRefused("no_token", "send Authorization: Bearer TOKEN")
        return seat

    def _desk(self, seat: str) -> Desk:
        desk = self._host.desk(seat)
        if desk is None or not (desk.served or self.over):
            raise GatewayRefused("not_hosted", "the seat is not hosted here now")
        return desk

    # -- reading

    async def _me(self, seat: str, request: Request) -> Me:
        _query(request)
        self._desk(seat)
        part = self._cast.part(seat)
        return Me(
            seat=seat,
            run=self._run,
            scenario=self._cast.scenario.name,
            rules=part.rules,
            persona=part.persona,
            seats=part.seats,
            over=self.over,
        )

    async def _events(self, seat: str, request: Request) -> Heard:
        query = _query(request, after=1 << 53, limit=PAGE, wait=int(WAIT))
        after, desk = query.get("after", 0), self._desk(seat)
        await self._wait(seat, desk, query, lambda: desk.heard > after)
        page = desk.events(after, query.get("limit", PAGE))
        events = tuple(map(_event, page))
        return Heard(events=events, next=after + len(events), over=self.over)

    async def _ask(self, seat: str, request: Request) -> Asking:
        query, desk = _query(request, wait=int(WAIT)), self._desk(seat)
        await self._wait(seat, desk, query, lambda: desk.open() is not None)
        return Asking(ask=desk.open(), over=self.over)

    async def _wait(
        self,
        seat: str,
        desk: Desk,
        query: Mapping[str, int],
        come: Callable[[], bool],
    ) -> None:
        """Wait until *come* says that it has, for as long as the client would."""
        if self._waiting[seat] >= WAITING:
            words = f"{WAITING} requests of the seat wait already"
            raise GatewayRefused("slow_down", words, seconds=1.0)
        self._waiting[seat] += 1
        try:
            with anyio.move_on_after(query.get("wait", 0)):
                while not (self.over or come()):
                    await desk.change()
                    self._desk(seat)
        finally:
            self._waiting[seat] -= 1

    # -- answering

    async def _answer(self, seat: str, request: Request) -> Ending:
        given = _body(request, Given)
        desk = self._desk(seat)
        raw = desk.in_words(given.ask)
        text = _text(given.answer) if raw else bytes(given.answer).decode()
        return await self._submit(desk, given, Answer(text))

    async def _say(self, seat: str, request: Request) -> Ending:
        return await self._speak(seat, request, leave=False)

    async def _leave(self, seat: str, request: Request) -> Ending:
        return await self._speak(seat, request, leave=True)

    async def _speak(self, seat: str, request: Request, *, leave: bool) -> Ending:
        words = _body(request, Words)
        speech = msgspec.json.encode({"text": words.text, "leave": leave})
        return await self._submit(self._desk(seat), words, Answer(speech.decode()))

    async def _pass(self, seat: str, request: Request) -> Ending:
        return await self._submit(self._desk(seat), _body(request, Pass), Answer(None))

    async def _submit(
        self, desk: Desk, given: Given | Words | Pass, answer: Answer
    ) -> Ending:
        with anyio.move_on_after(SETTLE):
            try:
                return await desk.submit(given.ask, given.attempt, answer)
            except GatewayRefused as refused:
                if refused.code == "not_hosted" and self.over:
                    raise GatewayRefused("over", "the run is over") from None
                raise
        words = "it has been given, and what came of it is not known yet: send it again"
        raise GatewayRefused("unknown", words)


_Route = Callable[[str, Request], Awaitable[object]]


def refusal(refused: GatewayRefused) -> Response:
    """What a client is told of *refused*."""
    headers: dict[str, str] = {}
    match refused.code:
        case "no_token":
            headers["www-authenticate"] = "Bearer"
        case "bad_method":
            headers["allow"] = str(refused.facts["allow"])
        case "slow_down" | "not_hosted":
            headers["retry-after"] = "1"
        case _:
            pass
    told = {"error": refused.code, "words": str(refused), **refused.facts}
    return _json(STATUS[refused.code], told, headers)


def unread(status: int, words: str) -> Response:
    """What is told of that which could not be read as a request at all."""
    code = {408: "too_slow", 413: "too_large", 431: "head_too_large"}.get(status)
    return refusal(GatewayRefused(code or "bad_request", words))


def _json(
    status: int, value: object, headers: Mapping[str, str] | None = None
) -> Response:
    body = escape_json(msgspec.json.encode(value)) + b"\n"
    return Response(status=status, body=body, headers=headers or {})


def _event(message: Message) -> Event:
    return Event(
        seq=message.seq,
        room=message.room,
        at=message.at,
        sender=message.sender,
        kind=message.kind,
        body=msgspec.Raw(encode_body(message.body)),
    )


def _query(request: Request, **most: int) -> dict[str, int]:
    """The whole numbers after the question mark, each *most* so large."""
    found: dict[str, int] = {}
    for name, value in request.query.items():
        if name not in most or not (value.isascii() and value.isdigit()):
            known = ", ".join(most) or "nothing"
            raise GatewayRefused("bad_request", f"after the ? may be {known}: numbers")
        if len(value) > 16 or int(value) > most[name]:
            raise GatewayRefused("bad_request", f"{name} is {most[name]} at most")
        found[name] = int(value)
    return found


def _body(request: Request, type_: type[Any]) -> Any:
    """The body as a *type_*."""
    _query(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise GatewayRefused("bad_type", "send Content-Type: application/json")
    try:
        return msgspec.json.decode(request.body, type=type_)
    except (ValueError, RecursionError) as error:
        words = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise GatewayRefused("bad_request", words) from None


def _text(answer: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(answer, type=str)
    except (ValueError, RecursionError):
        raise GatewayRefused("bad_request", "this is answered by a text") from None
