"""A crowd at a server that takes so many calls at once and refuses the others."""

import random
from collections import Counter

import anyio

from hubbub.models.pressure import Pressure
from hubbub.models.retries import FIRST_PAUSE, LONGEST_PAUSE, PATIENT_TRIES


class Crowd:
    """
    Seats that call without end, each through *pressure*, and the server they call.

    The server takes *capacity* calls at once, for about *latency* seconds each, and
    refuses the others at once; and *broken* of all calls, whatever their number.
    """

    def __init__(
        self,
        pressure: Pressure,
        *,
        capacity: int = 20,
        latency: float = 1.0,
        broken: float = 0.0,
    ) -> None:
        self.capacity = capacity
        self.statuses: Counter[int] = Counter()
        self.failed = 0
        self._pressure = pressure
        self._latency = latency
        self._broken = broken
        self._busy = 0
        self._rng = random.Random(1)

    async def live(self, seats: int, seconds: float) -> None:
        """Let *seats* call for so many *seconds*."""
        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as group:
                for _ in range(seats):
                    group.start_soon(self._call_on)

    async def _call_on(self) -> None:
        while True:
            self.failed += not await self._call()

    async def _call(self) -> bool:
        """One call with the tries and pauses of an endpoint."""
        refused = False
        for tried in range(PATIENT_TRIES):
            ticket = await self._pressure.take(100, again=refused)
            status = 0
            try:
                status = await self._serve()
            finally:
                refused |= self._pressure.give(ticket, status)
            if status == 200:
                return True
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**tried)
            await anyio.sleep(self._rng.random() * longest)
        return False

    async def _serve(self) -> int:
        full = self._busy >= self.capacity or self._rng.random() < self._broken
        if not full:
            self._busy += 1
            try:
                await anyio.sleep(self._latency * self._rng.uniform(0.6, 1.4))
            finally:
                self._busy -= 1
        else:
            await anyio.sleep(0.01)
        status = 429 if full else 200
        self.statuses[status] += 1
        return status
