"""The processes of a run, each of which can be stopped in every way a process can."""

import random
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import anyio
import anyio.abc

from hubbub.bus import MemoryBus
from hubbub.bus.base import Bus, Claim, Receipt, Role, Subscription
from hubbub.chaos import Chaos, Kill, Strike
from hubbub.conductor import Conductor
from hubbub.messages import Draft, Message
from hubbub.models.base import Model
from hubbub.population import Cast
from hubbub.terms import Terms
from hubbub.worker import UNBOUNDED, Worker

#: Seconds on the leaping clock after which a run counts as stuck.
STUCK = 50_000.0


class Wire(Bus):
    """
    One process's connection to *bus*, as slow as *rng* makes it.

    Cut, nothing goes through any more, as when a process is killed.  Frozen, nothing
    goes through until it is thawed.  Mute, all does but that the process lives.
    """

    def __init__(self, bus: Bus, rng: random.Random | None = None) -> None:
        self.run = bus.run
        self.mute = False
        #: Seconds after which it hears what is said.
        self.lag = 0.0
        self._bus = bus
        self._rng = rng
        # Mean seconds of a way; some processes are slow.
        self._pace = rng.choice([0.001, 0.01, 0.5]) if rng else 0.0
        self._cut = False
        self._thawed = anyio.Event()
        self._thawed.set()
        self._queue = anyio.Lock()
        self._posting: set[anyio.CancelScope] = set()

    def cut(self) -> None:
        """Let nothing through any more."""
        self._cut = True
        for scope in self._posting:
            scope.cancel()

    def freeze(self) -> None:
        """Let nothing through until `thaw`."""
        if self._thawed.is_set():
            self._thawed = anyio.Event()

    def thaw(self) -> None:
        """Let everything through again that has waited."""
        self._thawed.set()

    async def delay(self) -> None:
        """Take as long as the way takes."""
        if self._cut:
            await anyio.sleep_forever()
        await self._thawed.wait()
        if self._rng is not None:
            await anyio.sleep(self._rng.expovariate(1 / self._pace))

    async def post(self, drafts: Sequence[Draft]) -> list[Receipt]:
        if self._cut:
            await anyio.sleep_forever()
        with anyio.CancelScope(shield=True) as scope:
            self._posting.add(scope)
            try:
                async with self._queue:
                    await self.delay()
                    receipts = await self._bus.post(drafts)
                await self.delay()
                return receipts
            finally:
                self._posting.remove(scope)
        await anyio.sleep_forever()
        raise AssertionError

    async def lines(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[tuple[int, bytes]]:
        await self.delay()
        return await self._bus.lines(after, limit=limit, wait=wait)

    @asynccontextmanager
    async def subscribe(self, after: int) -> AsyncGenerator[Subscription]:
        async with self._bus.subscribe(after) as subscription:
            yield _WireSubscription(self, subscription)

    async def claim(self, holder: str, seats: Sequence[str]) -> dict[str, Claim]:
        await self.delay()
        return await self._bus.claim(holder, seats)

    async def release(self, holder: str, seats: Sequence[str]) -> None:
        if not self._cut:
            await self._bus.release(holder, seats)

    async def held(self) -> dict[str, str]:
        await self.delay()
        return await self._bus.held()

    async def beat(self, holder: str, role: Role, ttl: float) -> None:
        await self.delay()
        if not self.mute:
            await self._bus.beat(holder, role, ttl)

    async def rest(self, holder: str) -> None:
        if not self._cut:
            await self._bus.rest(holder)

    async def living(self) -> dict[str, Role]:
        await self.delay()
        return await self._bus.living()

    async def meta(self) -> dict[str, str]:
        await self.delay()
        return await self._bus.meta()

    async def note(self, **facts: str) -> None:
        await self.delay()
        await self._bus.note(**facts)

    async def reserve(
        self, id: str, amounts: Mapping[str, int], limits: Mapping[str, int]
    ) -> str:
        await self.delay()
        return await self._bus.reserve(id, amounts, limits)

    async def settle(self, id: str, amounts: Mapping[str, int]) -> None:
        if not self._cut:
            await self._bus.settle(id, amounts)

    async def count(self, amounts: Mapping[str, int]) -> None:
        await self.delay()
        await self._bus.count(amounts)

    async def spent(self) -> dict[str, int]:
        await self.delay()
        return await self._bus.spent()

    async def reserved(self) -> dict[str, int]:
        await self.delay()
        return await self._bus.reserved()


class _WireSubscription(Subscription):
    def __init__(self, wire: Wire, subscription: Subscription) -> None:
        self.cursor = subscription.cursor
        self._wire = wire
        self._subscription = subscription

    async def next(self) -> Sequence[Message]:
        await self._wire.delay()
        page = await self._subscription.next()
        with anyio.CancelScope(shield=True):
            await anyio.sleep(self._wire.lag)
        self.cursor = self._subscription.cursor
        return page

    async def add(self, rooms: Iterable[str], after: int) -> None:
        await self._subscription.add(rooms, after)
        self.cursor = self._subscription.cursor

    async def discard(self, rooms: Iterable[str]) -> None:
        await self._subscription.discard(rooms)


class Process:
    """One role of a run, which can be killed, frozen, and made mute."""

    def __init__(self, role: Worker | Conductor, wire: Wire) -> None:
        self.role = role
        self.wire = wire
        self.over = anyio.Event()
        self._scope = anyio.CancelScope()

    async def run(self) -> None:
        """Until the run ends or this process does."""
        with self._scope:
            await self.role.run()
        self.over.set()

    def kill(self) -> None:
        """End at once, without a word; the lease is left to lapse."""
        self.wire.cut()
        self._scope.cancel()

    def stop(self) -> None:
        """End in good order."""
        self._scope.cancel()


class House:
    """
    The processes of one run, all on *bus*.

    What is injected to kill or stop a process does so, and another one is started in
    the place of one that was killed.
    """

    def __init__(
        self,
        cast: Cast,
        tasks: anyio.abc.TaskGroup,
        bus: Bus | None = None,
        *,
        models: Mapping[str, Model] | None = None,
        terms: Terms = UNBOUNDED,
        rng: random.Random | None = None,
        struck: list[Chaos] | None = None,
    ) -> None:
        """What comes over processes is added to *struck*, in order."""
        self.bus = bus or MemoryBus()
        self._cast = cast
        self._tasks = tasks
        self._models = models or {}
        self._terms = terms
        self._rng = rng
        self._count = 0
        self._struck = [] if struck is None else struck

    def worker(self) -> Process:
        """One more worker, at work."""
        wire = Wire(self.bus, self._rng)
        strike = self._striking(lambda: process, self.worker)
        worker = Worker(
            wire, self._cast, self._models, terms=self._terms, strike=strike
        )
        # Which seats it hosts must not depend on a name that is new in every run.
        worker.holder = self._name("worker")
        process = Process(worker, wire)
        return self._start(process)

    def conductor(self) -> Process:
        """One more conductor, at work or standing by."""
        wire = Wire(self.bus, self._rng)
        strike = self._striking(lambda: process, self.conductor)
        conductor = Conductor(wire, self._cast, strike=strike)
        conductor.holder = self._name("conductor")
        process = Process(conductor, wire)
        return self._start(process)

    def _striking(
        self, victim: Callable[[], Process], again: Callable[[], Process]
    ) -> Strike:
        """How chaos comes over a process."""

        def strike(chaos: Chaos) -> None:
            self._struck.append(chaos)
            if isinstance(chaos, Kill):
                victim().kill()
                again()
            else:
                victim().wire.freeze()
                self._tasks.start_soon(self._wake, victim(), chaos.seconds or 0.0)

        return strike

    async def _wake(self, process: Process, seconds: float) -> None:
        await anyio.sleep(seconds)
        process.wire.thaw()

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    def _start(self, process: Process) -> Process:
        self._tasks.start_soon(process.run)
        return process

    async def until(
        self, found: Callable[[Message], bool], after: int | None = None
    ) -> Message:
        """Wait for the first message of those *found* after *after*, by default now."""
        cursor = int((await self.bus.meta())["seq"]) if after is None else after
        while True:
            for message in await self.bus.read(cursor, wait=STUCK):
                cursor = message.seq
                if found(message):
                    return message
