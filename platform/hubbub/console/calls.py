"""Model calls as people count them: how many, how good, how many tokens, how dear."""

from collections import Counter
from dataclasses import dataclass, field
from math import floor, log10

import msgspec

from hubbub.errors import ModelErrorKind
from hubbub.messages import Budgeted, Called
from hubbub.models.base import Call

_decode = msgspec.json.Decoder(Call).decode

#: US dollars below which an amount is only said to be below it.
LEAST = 1e-6


def record_of(called: Called) -> Call | None:
    """
    The record that *called* holds; None where only its digest is left.

    ``log.jsonl`` keeps digests; the records are in ``calls.jsonl``.  Raises
    `msgspec.DecodeError` or `msgspec.ValidationError` for what is no record.
    """
    return None if bytes(called.record) == b"null" else _decode(called.record)


@dataclass(slots=True)
class Usage:
    """
    Some of a run's calls: *seconds*, tokens and *cost*, in US dollars, are sums.

    *again* counts the calls for an ask or turn that had had a reply before.  What was
    *cached* was asked of nobody, so it adds neither tokens nor cost; tokens that a server
    did not report count as none.  *unpriced* calls are missing in the cost, *estimated*
    ones are in it by estimate.  From *cut* requests some of what the seat had heard was
    left out to make room, *dropped* messages in all.  *said* is what the first error of
    each kind said.
    """

    calls: int = 0
    replies: int = 0
    again: int = 0
    cached: int = 0
    errors: Counter[ModelErrorKind] = field(default_factory=Counter[ModelErrorKind])
    said: dict[ModelErrorKind, str] = field(default_factory=dict[ModelErrorKind, str])
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    unpriced: int = 0
    estimated: int = 0
    cut: int = 0
    dropped: int = 0
    seconds: float = 0.0

    @property
    def known_cost(self) -> float | None:
        """The *cost*, None where a part of it is not known."""
        return None if self.unpriced else self.cost

    def add(self, call: Call) -> None:
        """Count *call*."""
        self.calls += 1
        self.seconds += call.took
        self.cut += call.view.dropped > 0
        self.dropped += call.view.dropped
        if call.error is not None:
            self.errors[call.error] += 1
            self.said.setdefault(call.error, call.detail)
        if call.reply is not None:
            self.replies += 1
            self.cached += call.reply.cached
        if call.reply is None or not call.reply.cached:
            self._charge(call)

    def _charge(self, call: Call) -> None:
        self.estimated += call.estimated
        self.cost += call.cost or 0.0
        if call.reply is not None:
            self.tokens_in += call.reply.tokens_in or 0
            self.tokens_out += call.reply.tokens_out or 0
        if call.cost is None:
            # A call that was refused has cost nothing, whatever the price.
            self.unpriced += call.reply is not None or call.estimated


def money(amount: float) -> str:
    """*amount* in US dollars with two digits that mean something, or cents from 1 on."""
    if not amount:
        return "$0"
    if amount < LEAST:
        return "< $0.000001"
    digits = 2 if amount >= 1 else max(2, 1 - floor(log10(amount)))
    return f"${amount:,.{digits}f}"


def bounds(budget: Budgeted) -> str:
    """What *budget* allows, in words; none where it has no bound."""
    words = [] if budget.money is None else [money(budget.money)]
    if budget.tokens is not None:
        words.append(f"{budget.tokens:,} tokens")
    return " and ".join(words)


def price(usage: Usage) -> str:
    """What *usage* cost, in words; ``~`` marks what is estimated in part."""
    about = "~" if usage.estimated and usage.cost else ""
    if not usage.unpriced:
        return about + money(usage.cost)
    return f"{about}{money(usage.cost)} + unknown" if usage.cost else "unknown"
