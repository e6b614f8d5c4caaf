"""
What a client may ask of the gateway, and who may.

Whatever a client does it may do again: the same comes to the same.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping

import anyio
import msgspec

from hubbub.bus.base import Bus
from hubbub.errors import BusError, GatewayRefused
from hubbub.gateway.asks import Answer, Ending
from hubbub.gateway.desk import Desk
from hubbub.gateway.host import Host
from hubbub.gateway.http import Request, Response
from hubbub.gateway.tokens import Bucket, Tokens
from hubbub.gateway.wire import (
    Asking,
    Given,
    Heard,
    Me,
    Pass,
    Words,
    body_of,
    event_of,
    query_of,
    refusal,
    text_of,
    to_json,
)

#: Seconds that a request may wait for something to happen, and for its answer's end.
WAIT, SETTLE = 30.0, 20.0
#: Requests of one seat that may wait at the same time.
WAITING = 8
#: Events in one answer.
PAGE = 500


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
            return to_json(200, await self._do(request))
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
        query_of(request)
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
        query = query_of(request, after=1 << 53, limit=PAGE, wait=int(WAIT))
        after, desk = query.get("after", 0), self._desk(seat)
        await self._wait(seat, desk, query, lambda: desk.heard > after)
        page = desk.events(after, query.get("limit", PAGE))
        events = tuple(map(event_of, page))
        return Heard(events=events, next=after + len(events), over=self.over)

    async def _ask(self, seat: str, request: Request) -> Asking:
        query, desk = query_of(request, wait=int(WAIT)), self._desk(seat)
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
        given = body_of(request, Given)
        desk = self._desk(seat)
        raw = desk.in_words(given.ask)
        text = text_of(given.answer) if raw else bytes(given.answer).decode()
        return await self._submit(desk, given, Answer(text))

    async def _say(self, seat: str, request: Request) -> Ending:
        return await self._speak(seat, request, leave=False)

    async def _leave(self, seat: str, request: Request) -> Ending:
        return await self._speak(seat, request, leave=True)

    async def _speak(self, seat: str, request: Request, *, leave: bool) -> Ending:
        words = body_of(request, Words)
        speech = msgspec.json.encode({"text": words.text, "leave": leave})
        return await self._submit(self._desk(seat), words, Answer(speech.decode()))

    async def _pass(self, seat: str, request: Request) -> Ending:
        return await self._submit(
            self._desk(seat), body_of(request, Pass), Answer(None)
        )

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
