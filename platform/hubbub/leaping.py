"""
An event loop whose time leaps: nothing in it waits.

As soon as nobody has anything to do, it is as late as the next thing is due.  What other
threads, processes or hosts do takes no time here, so nothing may wait for them.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Leaps(selectors.DefaultSelector):
    """Where a loop would wait for *timeout*, it is *timeout* later."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits and nobody will ever come")
            self.now += max(0.0, timeout)
        return ready


class LeapingLoop(asyncio.SelectorEventLoop):
    """The loop; its time begins at 0."""

    def __init__(self) -> None:
        self._leaps = _Leaps()
        super().__init__(self._leaps)

    def time(self) -> float:
        """Seconds since the loop was made, most of them leapt over."""
        return self._leaps.now


def run_in_no_time(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """
    What *main* returns, on a loop of its own that leaps.

    Ctrl-C cancels it and raises `KeyboardInterrupt`.
    """
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(main())
