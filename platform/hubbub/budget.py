"""The conductor's side of the budget: it is in the log, and ends where it is spent."""

from math import inf
from typing import Any

import anyio

from hubbub.bus.base import Bus
from hubbub.errors import BudgetSpent
from hubbub.journal import Journal
from hubbub.messages import Budgeted
from hubbub.names import PHASES
from hubbub.steps import Steps
from hubbub.terms import Terms, dollars


class Budget:
    """
    Lets phases begin until somebody's ask has ended as ``budget_stop``.

    Then those under way are closed as ever and no further one begins, until the run is
    gone on with on better *terms*.
    """

    def __init__(self, bus: Bus, steps: Steps, journal: Journal, terms: Terms) -> None:
        self._bus = bus
        self._steps = steps
        self._journal = journal
        self._terms = terms
        self._said = False
        self._saying = anyio.Lock()
        self._open: set[int] = set()
        self._closed = anyio.Event()

    async def check(self) -> None:
        """
        Return when a phase that the log does not know may begin.

        Raises `BudgetSpent` when none may and all that had begun have closed.
        """
        async with self._saying:
            if not self._said:
                await self._say()
                self._said = True
        if self._journal.short:
            while self._open:
                await self._closed.wait()
            raise BudgetSpent(await self._words())

    def enter(self, step: int) -> None:
        """A phase is under way."""
        self._open.add(step)

    def leave(self, step: int) -> None:
        """A phase has closed."""
        self._open.discard(step)
        self._closed.set()
        self._closed = anyio.Event()

    async def _say(self) -> None:
        """Have the log say what may be spent, unless that changes nothing."""
        had = self._journal.budget or Budgeted()
        wanted = Budgeted(money=self._terms.money, tokens=self._terms.tokens)
        if wanted == had:
            return
        if not self._journal.short or await self._is_more(had, wanted):
            await self._steps.say(PHASES, wanted)

    async def _is_more(self, had: Budgeted, wanted: Budgeted) -> bool:
        """Whether *wanted* is more than *had* of what there was too little of."""
        short = (await self._bus.meta()).get("short")
        names = [short] if short else ["money", "tokens"]
        return any(_bound(wanted, name) > _bound(had, name) for name in names)

    async def _words(self) -> str:
        spent, limits = await self._bus.spent(), self._terms.limits
        parts: list[str] = []
        if "money" in limits:
            money = dollars(spent.get("money", 0))
            parts.append(f"{money} of {dollars(limits['money'])}")
        if "tokens" in limits:
            parts.append(f"{spent.get('tokens', 0):,} of {limits['tokens']:,} tokens")
        return f"the run has stopped at its budget: {' and '.join(parts)} spent"


def _bound(budget: Budgeted, name: str) -> float:
    bound: Any = getattr(budget, name)
    return inf if bound is None else bound
