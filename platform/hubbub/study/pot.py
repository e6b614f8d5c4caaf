"""What all runs of a study spend together, and how it is shared among them."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from hubbub.errors import BudgetSpent
from hubbub.folder import own_records
from hubbub.models.base import Call
from hubbub.purse import spent_by

_decode_call = msgspec.json.Decoder(Call).decode


class Pot:
    """
    What all runs of a study may spend together; amounts are nano-dollars and tokens.

    A run that begins gets an even share of what is left for those that may be under way
    at once, and what it has not spent returns.  So the shares that are out never come to
    more than what is left.
    """

    def __init__(self, limits: Mapping[str, int], spent: Mapping[str, int]) -> None:
        self._limits = limits
        self._spent = dict(spent)
        self._out: dict[str, dict[str, int]] = {}

    def take(self, name: str, had: Mapping[str, int], ways: int) -> dict[str, int]:
        """
        The limits for run *name*, which has spent *had*, when *ways* may still begin.

        Raises `BudgetSpent` when nothing is left.
        """
        share: dict[str, int] = {}
        for kind, limit in self._limits.items():
            out = sum(share[kind] for share in self._out.values())
            left = limit - self._spent.get(kind, 0) - out
            share[kind] = max(0, left) // max(1, ways)
            if limit and not share[kind]:
                raise BudgetSpent(f"the study's budget of {kind} is spent")
        self._out[name] = share
        return {kind: had.get(kind, 0) + amount for kind, amount in share.items()}

    def settle(self, name: str, had: Mapping[str, int], has: Mapping[str, int]) -> None:
        """Run *name* is over and has spent *has* in all, *had* of it before."""
        del self._out[name]
        for kind in self._limits:
            more = has.get(kind, 0) - had.get(kind, 0)
            self._spent[kind] = self._spent.get(kind, 0) + more


def spent_in(path: Path) -> dict[str, int]:
    """What the run's own model calls in the folder *path* have come to, by its record."""
    money = tokens = 0
    for record in own_records(path):
        spent = spent_by(_decode_call(record.call))
        money, tokens = money + spent[0], tokens + spent[1]
    return {"money": money, "tokens": tokens}
