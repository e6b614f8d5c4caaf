"""
How much is asked of a server at once, and how fast: by feel, or by fixed limits.

`Window` and `Pace` decide and know no clock; `Pressure` waits for what they decide.
"""

from math import inf
from typing import NamedTuple

import anyio

from hubbub.models.limits import UNLIMITED, Limits

#: Calls at once: at the beginning, and what adaptation stays within.
START, LEAST, MOST = 20, 1, 200
#: Statuses by which servers say that they are asked too much.
REFUSALS = frozenset({429, 503, 529})
#: Of so many calls that were among as many at once, this share, and one alone, may be
#: refused for another reason than that number.
LATEST, TOLERATED, ALONE = 64, 0.1, 1
#: What the limit grows by in the first generation of calls beyond its last ceiling,
#: doubled with each; a generation is as many calls as the limit, and so many at least.
GAIN, GENERATION = 0.05, 4
#: A call hangs that takes so many times what is usual, and that many seconds at least;
#: where nothing is usual yet, the seconds of `UNKNOWN`.
TIMES, PATIENCE, UNKNOWN = 8.0, 3.0, 60.0


class Ticket(NamedTuple):
    """A call under way: number *place* of all, among *flight* at once, since *sent*."""

    place: int
    flight: int
    sent: float


class Window:
    """
    How many calls may be under way at once.

    A fold of what was sent and answered.  With *fixed* the limit is that.  Otherwise it
    starts at `START`, grows as long as it is what holds calls back, and is halved when
    the server refuses; from there it climbs by one with each success to just under where
    it was refused, and beyond that hesitantly, then faster and faster.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self.fixed = fixed
        self.limit = float(START)
        self.latency: float | None = None
        self._ceiling = float(MOST)
        self._gain = GAIN
        self._sent = 0
        self._crowded = False
        # In the order they were sent; those that hang are no longer among them.
        self._flying: dict[int, float] = {}
        # The latest since the limit was lowered: place and flight; and those refused.
        self._latest: dict[int, int] = {}
        self._refused: set[int] = set()

    @property
    def most(self) -> int:
        """Calls that may be under way now."""
        return self.fixed or int(self.limit)

    def wait(self, now: float) -> float:
        """Seconds until there is room even if no call ends; 0 if there is."""
        until = self._forget(now)
        self._crowded = len(self._flying) >= self.most
        return until - now if self._crowded else 0.0

    def send(self, now: float, *, again: bool = False) -> Ticket:
        """A call sets out; *again* if it was refused before."""
        self._sent += 1
        self._flying[self._sent] = now
        ticket = Ticket(self._sent, len(self._flying), now)
        if not again:
            self._latest[ticket.place] = ticket.flight
            if len(self._latest) > LATEST:
                oldest = next(iter(self._latest))
                del self._latest[oldest]
                self._refused.discard(oldest)
        return ticket

    def succeed(self, ticket: Ticket, now: float) -> None:
        """The call was served."""
        self._flying.pop(ticket.place, None)
        took = now - ticket.sent
        self.latency = took if self.latency is None else self.latency * 7 / 8 + took / 8
        if self._crowded:
            self._grow()

    def refuse(self, ticket: Ticket) -> None:
        """
        The server was asked too much.

        Counts once for calls that were under way together, and not where most calls
        among as many were not refused, nor where the same call was refused before: then
        something else than their number is the reason.
        """
        self._flying.pop(ticket.place, None)
        if ticket.place not in self._latest:
            return
        self._refused.add(ticket.place)
        if level := self._too_many(ticket.flight):
            most = min(self.limit, max(self._latest.values()))
            self.limit = max(LEAST, most / 2)
            self._ceiling = max(self.limit, min(level, most) - 1)
            self._gain = GAIN
            self._latest.clear()
            self._refused.clear()

    def _too_many(self, flight: int) -> int:
        """From how many calls at once on the server refuses, up to *flight*; or 0."""
        refused = [self._latest[place] for place in self._refused]
        for level in sorted({f for f in refused if f <= flight}):
            alike = sum(f >= level for f in self._latest.values())
            if sum(f >= level for f in refused) > ALONE + TOLERATED * alike:
                return level
        return 0

    def fail(self, ticket: Ticket) -> None:
        """The call ended in another way, which says nothing about the limit."""
        self._flying.pop(ticket.place, None)

    def _grow(self) -> None:
        if self.limit < self._ceiling:
            self.limit = min(self._ceiling, self.limit + 1)
            return
        generation = max(GENERATION, self.limit)
        self.limit = min(MOST, self.limit + min(1, self._gain / generation))
        self._gain *= 2 ** (1 / generation)

    def _forget(self, now: float) -> float:
        """Count the calls that hang no longer; returns when the next one will."""
        usual = self.latency
        patience = UNKNOWN if usual is None else max(PATIENCE, TIMES * usual)
        while self._flying:
            place, sent = next(iter(self._flying.items()))
            if (until := sent + patience) > now:
                return until
            del self._flying[place]
        return inf


class Pace:
    """
    So many units *a minute*, evenly: a bucket that holds one call.

    Evenly because providers count by the second; what a call costs more or less than was
    foreseen moves the next one.
    """

    def __init__(self, a_minute: float | None) -> None:
        self.a_minute = a_minute
        self._next = -inf

    def wait(self, now: float) -> float:
        """Seconds until the next call may be sent."""
        return max(0.0, self._next - now)

    def send(self, now: float, units: float) -> None:
        """A call sets out that is to cost *units*."""
        if self.a_minute is not None:
            self._next = max(self._next, now) + 60 * units / self.a_minute

    def settle(self, units: float) -> None:
        """A call has cost so many *units* more than was foreseen."""
        if self.a_minute is not None:
            self._next += 60 * units / self.a_minute


class Pressure:
    """
    One server's calls: each waits for its turn, first come, first served.

    *limits* are those of the account; with none, the number of calls at once adapts.
    """

    def __init__(self, limits: Limits = UNLIMITED) -> None:
        self.limits = limits
        self.window = Window(limits.concurrency)
        self._requests = Pace(limits.rpm)
        self._tokens = Pace(limits.tpm)
        self._turn = anyio.Lock(fast_acquire=True)
        self._changed = anyio.Event()

    async def take(self, weight: int, *, again: bool = False) -> Ticket:
        """
        Wait until a call of *weight* tokens may be sent; `give` the ticket back.

        *again* if the call was refused before.
        """
        async with self._turn:
            while wait := self._wait(anyio.current_time()):
                self._changed = anyio.Event()
                with anyio.move_on_after(wait):
                    await self._changed.wait()
            now = anyio.current_time()
            self._requests.send(now, 1)
            self._tokens.send(now, weight)
            return self.window.send(now, again=again)

    def give(self, ticket: Ticket, status: int) -> bool:
        """The call has ended with *status*, 0 if without one; whether it was refused."""
        if refused := status in REFUSALS:
            self.window.refuse(ticket)
        elif 200 <= status < 300:
            self.window.succeed(ticket, anyio.current_time())
        else:
            self.window.fail(ticket)
        self._changed.set()
        return refused

    def settle(self, foreseen: int, tokens: int) -> None:
        """A call has cost *tokens*, where *foreseen* were taken."""
        self._tokens.settle(tokens - foreseen)
        self._changed.set()

    def share(self, workers: int) -> None:
        """So many processes use the account: each has its part of the fixed limits."""
        limits, workers = self.limits, max(1, workers)
        if limits.concurrency is not None:
            self.window.fixed = max(1, limits.concurrency // workers)
        self._requests.a_minute = limits.rpm and limits.rpm / workers
        self._tokens.a_minute = limits.tpm and limits.tpm / workers
        self._changed.set()

    def queue(self) -> str:
        """What calls wait for here, and what would shorten it, for an error's detail."""
        limits, calls = self.limits, f"{self.window.most} calls at once"
        found = limits.concurrency is None
        bounds = [calls + (" that it takes" if found else self._name("CONCURRENCY"))]
        if limits.rpm is not None:
            bounds.append(f"{limits.rpm:g} requests a minute" + self._name("RPM"))
        if limits.tpm is not None:
            bounds.append(f"{limits.tpm:g} tokens a minute" + self._name("TPM"))
        return (
            f"in the queue for a server with {', '.join(bounds)}: "
            "give asks more time, seat fewer at it, or raise its limits"
        )

    def _name(self, variable: str) -> str:
        return f" ({self.limits.prefix}_{variable})" if self.limits.prefix else ""

    def _wait(self, now: float) -> float:
        return max(
            self.window.wait(now), self._requests.wait(now), self._tokens.wait(now)
        )
