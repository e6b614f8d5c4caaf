"""A worker: hosts seats, says that it lives, takes over from those that do not."""

from collections.abc import Iterable, Mapping

import anyio
import structlog

from hubbub.actor import Actor, Stand
from hubbub.bus.base import Bus, Claim, Voice
from hubbub.chaos import Kill, Strike, chaos_of
from hubbub.clock import Clock, WallClock
from hubbub.groups import REMOTE
from hubbub.hub import Hub
from hubbub.injections import group_of
from hubbub.leases import TTL, new_holder, owner, role_of
from hubbub.messages import Injected
from hubbub.models.base import Model
from hubbub.models.shelf import Opening, Shelf
from hubbub.population import Cast
from hubbub.purse import Purse
from hubbub.seat import Seat
from hubbub.terms import Terms

log = structlog.get_logger()

#: The terms of a run that has no budget and no prices.
UNBOUNDED = Terms()


class Worker:
    """
    Hosts the seats that rendezvous hashing gives it among the living workers.

    It takes a seat nobody living holds, and gives one back, between two acts, when a
    new worker is to have it.  Its seats call *models* on *terms*, and those that only
    an injection names as *opening* opens them; unless *clock* has models of its own.
    What is to come over its process comes by *strike*, None where that plays other
    roles too.  Seats whose minds are outside are a gateway's.
    """

    #: The kind of its role; those of one kind share the seats.
    kind = "worker"

    def __init__(
        self,
        bus: Bus,
        cast: Cast,
        models: Mapping[str, Model],
        *,
        terms: Terms = UNBOUNDED,
        opening: Opening | None = None,
        clock: Clock | None = None,
        ttl: float = TTL,
        strike: Strike | None = None,
    ) -> None:
        self.holder = new_holder(self.kind)
        self.hub = Hub(bus, self._suffer)
        self._strike = strike
        self._bus = bus
        self._cast = cast
        self._ttl = ttl
        self._hosted: dict[str, Actor] = {}
        self._purse = Purse(bus, terms)
        self._shelf = Shelf(models, opening)
        self._stand = Stand(
            bus=bus,
            hub=self.hub,
            cast=cast,
            clock=clock or WallClock(self._shelf),
            purse=self._purse,
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
            role = role_of(self.kind, alone=self._strike is not None)
            await self._bus.beat(self.holder, role, self._ttl)
            if self._purse.limits and (await self._bus.meta()).get("stopped"):
                tasks.cancel_scope.cancel()
                return
            changes = self.hub.changes
            living = await self._bus.living()
            # Ourselves in any case: a stall may have cost us the lease just taken.
            workers = {h for h, role in living.items() if role.kind == self.kind}
            workers.add(self.holder)
            for model in self._shelf.values():
                model.share(len(workers))
            mine = self.wanted(workers)
            await self._take(mine - self._hosted.keys(), set(living), tasks)
            for name, actor in self._hosted.items():
                if name not in mine:
                    actor.resigning = True
                    actor.seat.nudge()
            with anyio.move_on_after(self._ttl / 3):
                await self.hub.change(changes)

    def wanted(self, workers: Iterable[str]) -> set[str]:
        """The seats that this one of *workers* should host."""
        names = (name for name in self._names() if not self.is_remote(name))
        return {name for name in names if owner(name, workers) == self.holder}

    def is_remote(self, seat: str) -> bool:
        """Whether the mind of *seat* is outside."""
        what, _ = self.hub.newcomers.get(seat, (None, 0))
        if what is not None:
            return group_of(what).mind == REMOTE
        return self._cast.is_remote(seat)

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
        what, since = self.hub.newcomers.get(name, (None, 0))
        if what is not None:
            self._cast.welcome(what)
        return Actor(self._stand, Seat(name, since), self.voice(name, claim))

    def voice(self, seat: str, claim: Claim) -> Voice:
        """With what *seat* speaks."""
        return Voice(self._bus, seat, claim)

    def _suffer(self, what: Injected) -> None:
        """Chaos comes over seats that are hosted here now, or over this process."""
        chaos = chaos_of(what)
        if chaos.role:
            if self._strike is not None and chaos.holder == self.holder:
                self._strike(chaos)
        elif isinstance(chaos, Kill):
            # Who is still being brought up to date has not lived yet.
            for name in what.seats:
                if name in self.hub.floor.seats:
                    self._hosted[name].kill()

    async def _host(self, actor: Actor) -> None:
        name = actor.seat.name
        try:
            await actor.live()
        finally:
            self.hub.dismiss(actor.seat)
            del self._hosted[name]
        if actor.resigning or actor.killed:
            await self._bus.release(self.holder, [name])
        if actor.killed:
            self.hub.touch()
