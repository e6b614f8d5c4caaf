"""The host of remote seats: a worker whose minds are outside."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

import anyio

from hubbub.actor import Actor
from hubbub.bus.base import Bus, Claim, Receipt, Voice
from hubbub.errors import ModelError
from hubbub.floor import Floor
from hubbub.gateway.desk import Desk
from hubbub.gateway.remote import Line, Remote
from hubbub.groups import REMOTE
from hubbub.leases import TTL
from hubbub.messages import Body, Message
from hubbub.mind import Mind
from hubbub.models.base import Model
from hubbub.models.shelf import Opening
from hubbub.population import Cast, Population
from hubbub.terms import Terms
from hubbub.worker import UNBOUNDED, Worker


class Host(Worker):
    """
    Hosts all remote seats of a run; when there are two, one does and one stands by.

    Other models than clients, which an injection may bring, are opened by *opening*.
    """

    kind = "gateway"

    def __init__(
        self,
        bus: Bus,
        population: Population,
        *,
        terms: Terms = UNBOUNDED,
        opening: Opening | None = None,
        ttl: float = TTL,
    ) -> None:
        self._desks: dict[str, Desk] = {}
        self._others = opening
        #: Who plays what; its remote minds are at their desks.
        self.cast: Cast = _Company(population, self._desk)
        super().__init__(bus, self.cast, {}, terms=terms, opening=self._open, ttl=ttl)
        self.hub.floor = _Attentive()

    def desk(self, seat: str) -> Desk | None:
        """The desk of *seat*, once it has been hosted here."""
        return self._desks.get(seat)

    def ring(self) -> None:
        """Wake whoever waits at a desk."""
        for desk in self._desks.values():
            desk.ring()

    def wanted(self, workers: Iterable[str]) -> set[str]:
        return {name for name in self._names() if self.is_remote(name)}

    def voice(self, seat: str, claim: Claim) -> Voice:
        return _Voice(self._bus, seat, claim, self._desk(seat))

    async def _host(self, actor: Actor) -> None:
        desk = self._desk(actor.seat.name)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_serve, desk, actor)
                await super()._host(actor)
                tasks.cancel_scope.cancel()
        finally:
            desk.serve(on=False)

    def _desk(self, seat: str) -> Desk:
        return self._desks.setdefault(seat, Desk(seat))

    @asynccontextmanager
    async def _open(self, name: str) -> AsyncGenerator[Mapping[str, Model]]:
        provider, _, seat = name.partition("/")
        if provider == REMOTE:
            yield {name: Line(self._desk(seat))}
        elif self._others is not None:
            async with self._others(name) as models:
                yield models
        else:
            raise ModelError("bad_request", f"the model {name} is not open here")


async def _serve(desk: Desk, actor: Actor) -> None:
    # Before that it has heard half of the run.
    await actor.ready.wait()
    desk.serve(on=True)


class _Company(Cast):
    """A cast whose remote minds sit at their desks."""

    def __init__(self, population: Population, desk: Callable[[str], Desk]) -> None:
        self._desk = desk
        super().__init__(population)

    def mind(self, seat: str) -> Mind:
        if self._groups[seat].mind == REMOTE:
            return Remote(self.part(seat), self._desk(seat))
        return super().mind(seat)


class _Voice(Voice):
    """A voice that tells the desk what it has said: not all of it comes back."""

    def __init__(self, bus: Bus, seat: str, claim: Claim, desk: Desk) -> None:
        super().__init__(bus, seat, claim)
        self._desk = desk

    async def say(self, room: str, body: Body, *, seen: int) -> Receipt:
        receipt = await super().say(room, body, seen=seen)
        self._desk.end(body, receipt.seq)
        return receipt


class _Attentive(Floor):
    """A floor on which seats hear at once what is said; others hear when they act."""

    def apply(self, message: Message) -> None:
        super().apply(message)
        for seat in self.seats.values():
            if seat.box:
                seat.nudge()
