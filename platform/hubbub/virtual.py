"""
The virtual clock: a run in one process, in the order of drawn latencies.

A conservative simulation of discrete events (Chandy & Misra, CACM 24(4), 1981): every act
and call has its end drawn when it begins, so nothing needs to be waited for before then,
and nothing that comes after is done before.  So the order of all messages hangs on the
seed alone, and not on who was quick.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import inf

import anyio
import msgspec

from hubbub.bus.base import Receipt
from hubbub.bus.memory import MemoryBus
from hubbub.chance import generator
from hubbub.clock import Clock, completed
from hubbub.conductor import Conductor
from hubbub.errors import (
    BudgetSpent,
    BusError,
    Fenced,
    HubbubError,
    RunFailed,
    first_error,
)
from hubbub.leaping import EverybodyWaits, LeapingLoop
from hubbub.messages import Body, Draft, Injected, Message, Stopped
from hubbub.models.base import Call, Model
from hubbub.models.shelf import Shelf
from hubbub.names import OPERATOR, TRUTH
from hubbub.population import Cast
from hubbub.terms import Terms, on_terms
from hubbub.worker import UNBOUNDED, Worker

#: Seconds of real time that a model call may take; on the virtual clock they are none.
PATIENCE = 3_600.0

#: Takes in each message when it has been appended, with its line.
Keep = Callable[[Message, bytes], None]


class Pending(ABC):
    """A model call that has begun."""

    @abstractmethod
    async def come(self) -> Call:
        """The call as it ended; on the virtual clock, to wait for it takes no time."""

    @abstractmethod
    def drop(self) -> None:
        """Nobody will ask for it any more; it may be over."""


#: Begins a call.
Begin = Callable[[Call], Pending]


class VirtualClock(Clock):
    """
    Has acts and calls of *cast*'s seats last as long as is drawn for them.

    An act without a call lasts one latency, the k-th call of an act its k-th.  What is
    drawn depends on the run's seed, the seat, the act and k alone, so that twins have
    the same.  *begin* makes the calls.
    """

    def __init__(self, cast: Cast, begin: Begin) -> None:
        self._cast = cast
        self._begin = begin

    async def think(self, seat: str, act: str, since: float) -> None:
        await anyio.sleep_until(since + self._drawn(seat, act, 1))

    async def call(self, call: Call, limit: float) -> Call:
        act, _, number = call.call.rpartition("/")
        lasts = self._drawn(call.seat, act, int(number))
        pending = self._begin(call)
        try:
            await anyio.sleep(min(lasts, limit))
            if lasts <= limit:
                return await pending.come()
        finally:
            pending.drop()
        late = f"no reply within {limit:g} s"
        return msgspec.structs.replace(
            call, error="timeout", detail=late, estimated=True
        )

    def _drawn(self, seat: str, act: str, number: int) -> float:
        seed = self._cast.population.seed
        rng = generator(seed, seat, act, "latency", number)
        return self._cast.latency(seat).draw(rng)


class VirtualBus(MemoryBus):
    """
    The bus of a run on the virtual clock, whose times are those since the run began.

    What is *said* from outside after a ``seq`` is in the log before anything else is.
    *keep* is given every message; where it fails, or after `halt`, nothing more is said.
    What was spent up to ``seq`` *paid* was another run's to pay.
    """

    def __init__(
        self,
        run: str,
        said: Mapping[int, Sequence[Body]] = {},
        *,
        keep: Keep | None = None,
        paid: int = 0,
    ) -> None:
        super().__init__(run, clock=anyio.current_time)
        #: Everything that is played goes on in here.
        self.scope: anyio.CancelScope | None = None
        #: Why nothing more is said.
        self.failure: Exception | None = None
        self.halted = False
        #: Whether the run has stopped at its budget.
        self.resting = False
        self._said = said
        self._keep = keep
        self._paid = paid
        self._asked = 0

    def halt(self, failure: Exception | None = None) -> None:
        """Let nothing more be said and cancel what is played."""
        self.halted = True
        self.failure = self.failure or failure
        if self.scope is not None:
            self.scope.cancel()

    @property
    def messages(self) -> list[Message]:
        """The log so far."""
        return self._messages

    async def lines(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[tuple[int, bytes]]:
        # Who waits for a while would keep time going when nobody else does.
        return await super().lines(after, limit=limit, wait=wait and inf)

    async def read(
        self, after: int, *, limit: int = 512, wait: float = 0.0
    ) -> list[Message]:
        return await super().read(after, limit=limit, wait=wait and inf)

    async def meta(self) -> dict[str, str]:
        facts = await super().meta()
        return facts | {"logged": facts["seq"]}

    def _post(self, draft: Draft) -> Receipt | BusError:
        if self.halted or (self.resting and draft.sender != OPERATOR):
            return Fenced(draft.sender, draft.inc)
        found = super()._post(draft)
        if isinstance(found, Receipt) and not found.dup:
            self._appended(found.seq)
        return found

    def _appended(self, seq: int) -> None:
        message = self._messages[-1]
        self.resting = self.resting or isinstance(message.body, Stopped)
        if seq == self._paid:
            self._spent = sum(map(Counter, self._reserved.values()), Counter[str]())
        if self._keep is not None:
            try:
                self._keep(message, self._lines[-1])
            except (HubbubError, OSError) as error:
                self.halt(error)
        for body in self._said.get(seq, ()):
            self._ask(body, seq)

    def _ask(self, body: Body, seen: int) -> None:
        self._asked += 1
        self._post(
            Draft(
                room=TRUTH,
                sender=OPERATOR,
                inc=1,
                no=self._asked,
                seen=seen,
                body=body,
            )
        )


async def play(cast: Cast, bus: VirtualBus, clock: Clock, *sittings: Terms) -> None:
    """
    Play *cast*'s run on *bus* to its end, on a loop that leaps, or until *bus* halts.

    Every one of the *sittings* but the last, which are known by their terms, has ended
    at its budget.  Raises what ends a run early, alone.
    """
    with anyio.CancelScope() as bus.scope:
        if bus.halted:
            bus.scope.cancel()
        await bus.claim(OPERATOR, [OPERATOR])
        try:
            for terms in sittings[:-1]:
                try:
                    await _sit(cast, bus, clock, terms)
                except* BudgetSpent:
                    pass
            await _sit(cast, bus, clock, sittings[-1])
        except BaseExceptionGroup as group:
            if not bus.halted:
                raise first_error(group) from None
    if bus.failure is not None:
        raise bus.failure


async def _sit(cast: Cast, bus: VirtualBus, clock: Clock, terms: Terms) -> None:
    """One sitting; nobody's lease ever lapses in it."""
    bus.resting = False
    await bus.note(**on_terms(terms))
    async with anyio.create_task_group() as roles:
        worker = Worker(bus, cast, {}, terms=terms, clock=clock, ttl=inf)
        roles.start_soon(worker.run)
        roles.start_soon(Conductor(bus, cast, ttl=inf, grace=0.0).run)


def run_virtually(
    cast: Cast,
    bus: VirtualBus,
    clock: Clock,
    *sittings: Terms,
    loop: Callable[[], LeapingLoop] = LeapingLoop,
) -> None:
    """`play` on a *loop* of its own; `RunFailed` where it comes to nothing."""
    with asyncio.Runner(loop_factory=loop) as runner:
        try:
            runner.run(play(cast, bus, clock, *sittings))
        except EverybodyWaits as stuck:
            # The loop has stopped; it goes on for a moment, to be closed.
            bus.halted = True
            raise RunFailed(
                f"run {bus.run} is stuck: everybody waits for what nobody will say, or "
                "for something outside of the run, for which the virtual clock does not "
                "wait"
            ) from stuck


class _Here(Pending):
    """A call of a model that takes no time, made when its reply is due."""

    def __init__(self, shelf: Shelf, call: Call) -> None:
        self._shelf = shelf
        self._call = call

    async def come(self) -> Call:
        return await completed(self._shelf, self._call, PATIENCE)

    def drop(self) -> None:
        return


def simulate(
    cast: Cast,
    *,
    interventions: Mapping[int, Sequence[Body]] = {},
    models: Mapping[str, Model] = {},
    terms: Terms = UNBOUNDED,
) -> list[Message]:
    """
    Play *cast*'s run in memory, on the virtual clock, and return its whole log.

    *interventions* are what an operator says right after the message with that ``seq``:
    `Injected` and `Ejected`.  *models* must take no time, as a `ScriptedModel` does.  The
    same arguments give the same bytes.  Raises `UsageError` for an injection that cannot
    be, and what ends a run early.
    """
    for body in (body for bodies in interventions.values() for body in bodies):
        if isinstance(body, Injected):
            cast.check(body)
    bus, shelf = VirtualBus("simulation", interventions), Shelf(models)
    clock = VirtualClock(cast, lambda call: _Here(shelf, call))
    run_virtually(cast, bus, clock, terms)
    return bus.messages
