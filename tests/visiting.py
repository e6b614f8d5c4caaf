"""A gateway in process, and visitors who come to it without a network."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import msgspec

from hubbub.bus import MemoryBus
from hubbub.bus.base import Bus
from hubbub.conductor import Conductor
from hubbub.gateway.api import Api
from hubbub.gateway.host import Host
from hubbub.gateway.http import Request
from hubbub.gateway.tokens import issue_tokens
from hubbub.groups import Group
from hubbub.population import Cast, Population
from hubbub.terms import Terms, on_terms
from hubbub.worker import UNBOUNDED

from .house import STUCK, Wire

GUESTS = ("Ann", "Bob")
#: By which name visitors call the gateway.
NAME = "gate:80"


def population(**parameters: Any) -> Population:
    """Two guests from outside."""
    return Population(
        scenario=str(Path(__file__).with_name("visit.py")),
        seats=(Group(names=GUESTS, mind="remote"),),
        parameters=parameters,
    )


class Gate:
    """One gateway process, which can be killed."""

    def __init__(self, bus: Bus, played: Population, terms: Terms) -> None:
        self.wire = Wire(bus)
        self.host = Host(self.wire, played, terms=terms)
        self.api = Api(self.wire, self.host, [NAME])
        self._scope = anyio.CancelScope()

    async def run(self) -> None:
        """Until the run ends or the process does."""
        with self._scope:
            await self.host.run()
            self.api.end()

    def kill(self) -> None:
        """End at once, without a word."""
        self.wire.cut()
        self._scope.cancel()


class Visit:
    """A run with its conductor, its gates, and the tokens of its guests."""

    def __init__(
        self, tasks: anyio.abc.TaskGroup, played: Population, terms: Terms
    ) -> None:
        self.bus = MemoryBus()
        self.tokens: dict[str, str] = {}
        self.population = played
        self._terms = terms
        self._tasks = tasks

    async def begin(self) -> None:
        """Guests have their tokens; somebody conducts."""
        await self.bus.note(**on_terms(self._terms))
        self.tokens = await issue_tokens(self.bus, GUESTS)
        self._tasks.start_soon(Conductor(self.bus, Cast(self.population)).run)

    def gate(self) -> Gate:
        """One more gateway."""
        gate = Gate(self.bus, self.population, self._terms)
        self._tasks.start_soon(gate.run)
        return gate

    async def over(self) -> None:
        """Wait until the run has ended."""
        while "ended" not in await self.bus.meta():
            await anyio.sleep(0.1)


@asynccontextmanager
async def visiting(
    terms: Terms = UNBOUNDED, **parameters: Any
) -> AsyncGenerator[tuple[Visit, Gate]]:
    """A visit with a gate; both end with this."""
    with anyio.fail_after(STUCK):
        async with anyio.create_task_group() as tasks:
            visit = Visit(tasks, population(**parameters), terms)
            gate = visit.gate()
            await visit.begin()
            yield visit, gate
            tasks.cancel_scope.cancel()


class Guest:
    """Whoever has the token of *seat*, at *gate*."""

    def __init__(self, visit: Visit, gate: Gate, seat: str) -> None:
        self.gate = gate
        self.seat = seat
        self._visit = visit

    async def do(
        self, method: str, path: str, body: object = None, **query: int
    ) -> tuple[int, dict[str, Any]]:
        """The status and what is told; a gate that does not host yet is asked again."""
        request = Request(
            method=method,
            path=path,
            query={name: str(value) for name, value in query.items()},
            headers={
                "host": NAME,
                "authorization": f"Bearer {self._visit.tokens[self.seat]}",
                "content-type": "application/json",
            },
            body=body if isinstance(body, bytes) else msgspec.json.encode(body),
        )
        while True:
            response = await self.gate.api.handle(request)
            if response.status not in (429, 503):
                return response.status, msgspec.json.decode(response.body)
            await anyio.sleep(1)

    async def asked(self) -> dict[str, Any]:
        """What the seat is asked, once it is."""
        while True:
            _, told = await self.do("GET", "/v1/ask", wait=30)
            assert "error" not in told, told
            if told["over"] or told["ask"]:
                return told["ask"] or {}

    async def heard(self, after: int = 0, **query: int) -> dict[str, Any]:
        """The events after the first *after*."""
        return (await self.do("GET", "/v1/events", after=after, **query))[1]

    async def answer(
        self, ask: dict[str, Any], answer: object
    ) -> tuple[int, dict[str, Any]]:
        """Answer *ask*."""
        return await self.do("POST", "/v1/answer", place(ask) | {"answer": answer})

    async def speak(
        self, ask: dict[str, Any], text: str, how: str = "say"
    ) -> tuple[int, dict[str, Any]]:
        """Say *text* in the turn *ask*."""
        return await self.do("POST", f"/v1/{how}", place(ask) | {"text": text})

    async def skip(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Pass."""
        return await self.do("POST", "/v1/pass", place(ask))

    async def stay(self) -> None:
        """Answer whatever is asked until the run is over."""
        while ask := await self.asked():
            match ask["kind"]:
                case "guess":
                    await self.answer(ask, {"value": 2})
                case "paint":
                    await self.answer(ask, "I like blue")
                case _:
                    await self.speak(ask, f"{self.seat} says so")


def place(ask: dict[str, Any]) -> dict[str, Any]:
    """What names *ask* in an answer."""
    return {"ask": ask["ask"], "attempt": ask["attempt"]}


def guests(visit: Visit, gate: Gate) -> tuple[Guest, Guest]:
    """Ann and Bob at *gate*."""
    ann, bob = (Guest(visit, gate, seat) for seat in GUESTS)
    return ann, bob
