"""A worker: hosts seats, says that it lives, takes over from those that do not."""

import os
import socket
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from uuid import uuid4

import anyio
import structlog

from hubbub.actor import Actor, Stand
from hubbub.bus.base import Bus, Claim, Role, Voice
from hubbub.hub import Hub
from hubbub.models.base import Model
from hubbub.models.shelf import Opening, Shelf
from hubbub.population import Cast
from hubbub.purse import Purse
from hubbub.seat import Seat
from hubbub.terms import Terms

log = structlog.get_logger()

#: Seconds after which a holder that says nothing is taken for dead.
TTL = 3.0
#: Thresholds for the garbage collector of a process that hosts seats: mailboxes hold
#: millions of references, which it would walk again and again for hardly a cycle.
COLLECTION = (100_000, 50, 50)
#: The terms of a run that has no budget and no prices.
UNBOUNDED = Terms()


def role_of(kind: str) -> Role:
    """This process's role in a run."""
    return Role(kind=kind, host=socket.gethostname(), pid=os.getpid())


def new_holder(kind: str) -> str:
    """A name that no other process has."""
    return f"{kind}-{uuid4().hex[:12]}"


def owner(seat: str, workers: Iterable[str]) -> str:
    """Who of *workers* should host *seat*: rendezvous hashing, the same everywhere."""
    return max(
        workers, key=lambda worker: blake2b(f"{seat}|{worker}".encode()).digest()
    )


class Worker:
    """
    Hosts the seats that rendezvous hashing gives it among the living workers.

    It takes a seat nobody living holds, and gives one back, between two acts, when a
    new worker is to have it.  Its seats call *models* on *terms*, and those that only
    an injection names as *opening* opens them.
    """

    def __init__(
        self,
        bus: Bus,
        cast: Cast,
        models: Mapping[str, Model],
        *,
        terms: Terms = UNBOUNDED,
        opening: Opening | None = None,
        ttl: float = TTL,
    ) -> None:
        self.holder = new_holder("worker")
        self.hub = Hub(bus)
        self._bus = bus
        self._cast = cast
        self._ttl = ttl
        self._hosted: dict[str, Actor] = {}
        self._purse = Purse(bus, terms)
        self._shelf = Shelf(models, opening)
        self._stand = Stand(
            bus=bus, hub=self.hub, cast=cast, models=self._shelf, purse=self._purse
        )

    async def run(self) -> None:
        """
        Work until the run ends, or stops at its budget.

        When cancelled, give the seats back at once.
        """
        log.info("working", holder=self.holder)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._shelf.run)
                tasks.start_soon(self._keep_house, tasks)
                await self.hub.run()
                tasks.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(2, shield=True):
                await self._bus.rest(self.holder)

    async def _keep_house(self, tasks: anyio.abc.TaskGroup) -> None:
        while True:
            await self._bus.beat(self.holder, role_of("worker"), self._ttl)
            if self._purse.limits and (await self._bus.meta()).get("stopped"):
                tasks.cancel_scope.cancel()
                return
            living = await self._bus.living()
            # Ourselves in any case: a stall may have cost us the lease just taken.
            workers = {h for h, role in living.items() if role.kind == "worker"}
            workers.add(self.holder)
            for model in self._stand.models.values():
                model.share(len(workers))
            mine = {
                name for name in self._names() if owner(name, workers) == self.holder
            }
            await self._take(mine - self._hosted.keys(), set(living), tasks)
            for name in self._hosted.keys() - mine:
                actor = self._hosted[name]
                actor.resigning = True
                actor.seat.nudge()
            with anyio.move_on_after(self._ttl / 3):
                await self.hub.change()

    def _names(self) -> list[str]:
        """All seats of the run, as far as it has been heard."""
        return [*self._cast.names, *self.hub.newcomers]

    async def _take(
        self, wanted: set[str], living: set[str], tasks: anyio.abc.TaskGroup
    ) -> None:
        if not wanted:
            return
        held = await self._bus.held()
        free = [n for n in self._names() if n in wanted and held.get(n) not in living]
        claims = await self._bus.claim(self.holder, free)
        if not claims:
            return
        log.info(
            "hosting",
            seats=len(claims),
            taken_over=sum(c.inc > 1 for c in claims.values()),
        )
        actors = [self._actor(name, claim) for name, claim in claims.items()]
        self.hub.admit(actors, int((await self._bus.meta())["seq"]))
        for actor in actors:
            self._hosted[actor.seat.name] = actor
            tasks.start_soon(self._host, actor)

    def _actor(self, name: str, claim: Claim) -> Actor:
        voice = Voice(self._bus, name, claim)
        what, since = self.hub.newcomers.get(name, (None, 0))
        if what is not None:
            self._cast.welcome(what)
        return Actor(self._stand, Seat(name, since), voice)

    async def _host(self, actor: Actor) -> None:
        name = actor.seat.name
        try:
            await actor.live()
        finally:
            self.hub.dismiss(actor.seat)
            del self._hosted[name]
        if actor.resigning:
            await self._bus.release(self.holder, [name])
