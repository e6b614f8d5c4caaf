"""
An event loop whose time leaps: nothing in it waits.

As soon as nobody has anything to do, it is as late as the next thing is due.  What other
threads, processes or hosts do takes no time here, so nothing may wait for them, but
with `landed`.
"""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from math import inf
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


#: Seconds; what is due so soon is due now.
RESOLUTION = 1e-7


class EverybodyWaits(RuntimeError):
    """Nobody has anything to do, now or ever."""

    def __init__(self) -> None:
        super().__init__("everybody waits and nobody will ever come")


class _Leaps(selectors.DefaultSelector):
    """Where a loop would wait for *timeout*, it is *timeout* later."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        #: What is waited for from outside, in order, and who here is told of it.
        self.landing: deque[tuple[Future[Any], asyncio.Future[None]]] = deque()

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:
            return []
        if ready := super().select(0):
            return ready
        while self.landing and self.landing[0][1].done():
            self.landing.popleft()
        if self.landing:
            return self._stand_still(*self.landing[0])
        if timeout is None:
            raise EverybodyWaits
        self.now += timeout
        return []

    def _stand_still(
        self, future: Future[Any], here: asyncio.Future[None]
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """No time passes, and nothing else is done, until *future* has come."""
        if not future.done():
            return super().select(None)
        here.set_result(None)
        return []


class LeapingLoop(asyncio.SelectorEventLoop):
    """The loop; its time begins at 0."""

    def __init__(self) -> None:
        self._leaps = _Leaps()
        super().__init__(self._leaps)
        # After years, times are coarser than asyncio's own bound for what is due now.
        self._clock_resolution = RESOLUTION

    def time(self) -> float:
        """Seconds since the loop was made, most of them leapt over."""
        return self._leaps.now

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As ever; but what is never due is nothing that anybody could leap to."""
        if when == inf:
            return asyncio.TimerHandle(when, callback, args, self, context)
        return super().call_at(when, callback, *args, context=context)

    async def land(self, future: Future[Any]) -> None:
        """Stand still until *future* of another thread is done; see `landed`."""
        here = self.create_future()
        self._leaps.landing.append((future, here))
        future.add_done_callback(self._wake)
        await here

    def _wake(self, _: object) -> None:
        # The loop may be closed by then, and nobody waits any more.
        with suppress(RuntimeError):
            self.call_soon_threadsafe(lambda: None)


async def landed(future: "Future[T]") -> T:
    """
    What *future* of another thread comes to, at this very moment of a loop that leaps.

    It is told when all else of the moment has been done, whenever it came; futures
    that are waited for at once are told in the order in which they were waited for.  So
    the order of what happens does not depend on other threads.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LeapingLoop)
    await loop.land(future)
    return future.result()


def run_in_no_time(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """
    What *main* returns, on a loop of its own that leaps.

    Ctrl-C cancels it and raises `KeyboardInterrupt`.
    """
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(main())
