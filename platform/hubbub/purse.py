"""
What model calls are paid from: one purse for all processes of a run.

What a call may cost is set aside before it is made, and settled when it is over.  So the
budget is not passed, but by what servers charge above the estimates of the calls that
are in flight.
"""

from collections.abc import Mapping
from uuid import uuid4

import anyio
import msgspec

from hubbub.bus.base import Bus
from hubbub.errors import BudgetSpent, ModelError
from hubbub.groups import REMOTE
from hubbub.messages import Called
from hubbub.models.base import Call, Request
from hubbub.models.prices import cost, most_tokens, tokens_of
from hubbub.models.retries import UNREACHED
from hubbub.terms import NANO, Terms, dollars
from hubbub.text import safe_text

#: Errors of servers that have refused, or have not been asked at all.
_FREE = ("auth", "bad_request", "context_length", "not_cached", "rate_limit", "server")
#: Seconds between two looks whether a call in flight has come to less than was feared.
SHORTEST, LONGEST = 0.05, 1.0
_decode = msgspec.json.Decoder(Call).decode


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """What one call may come to: nano-dollars, None without a price, and tokens."""

    id: str
    money: int | None
    tokens: int


class Purse:
    """
    Pays calls on *terms*, over *bus*.

    Where no budget is set, it asks nobody and only says what a call has cost.
    """

    def __init__(self, bus: Bus, terms: Terms) -> None:
        #: The budgets, in nano-dollars and tokens.
        self.limits = terms.limits
        self._bus = bus
        self._prices = terms.prices

    async def hold(self, request: Request, *, patience: float = 0.0) -> Hold:
        """
        Set aside what *request* may cost; `BudgetSpent` if the budget does not allow.

        Where it is other calls in flight that hold the rest, they may come to less than
        was set aside for them: waits for that, *patience* seconds at most.
        """
        tokens_in, tokens_out = most_tokens(request)
        money = self._cost(request, tokens_in, tokens_out)
        hold = Hold(id=uuid4().hex, money=money, tokens=tokens_in + tokens_out)
        if amounts := self._bounded(hold.money, hold.tokens):
            try:
                short = await self._reserve(hold.id, amounts, patience)
            except anyio.get_cancelled_exc_class():
                await self._settle(hold.id, {})
                raise
            if short:
                await self._bus.note(short=short)
                raise BudgetSpent(self._refusal(short, request, amounts[short]))
        return hold

    async def _reserve(
        self, id: str, amounts: Mapping[str, int], patience: float
    ) -> str:
        """What of *amounts* the budget does not have, empty for nothing."""
        until = anyio.current_time() + patience
        pause = SHORTEST
        while short := await self._bus.reserve(id, amounts, self.limits):
            spent = (await self._bus.spent()).get(short, 0)
            spent -= (await self._bus.reserved()).get(short, 0)
            late = anyio.current_time() + pause > until
            if late or spent + amounts[short] > self.limits[short]:
                break
            await anyio.sleep(pause)
            pause = min(2 * pause, LONGEST)
        return short

    def charge(self, hold: Hold, call: Call) -> Call:
        """*call* with its cost; one that failed and is estimated may be charged in full."""
        request, reply = call.request, call.reply
        if reply is None and call.estimated:
            money, estimated = hold.money, True
        elif reply is None or reply.cached:
            money, estimated = self._cost(request, 0, 0), False
        else:
            tokens_in, tokens_out, estimated = tokens_of(request, reply)
            money = self._cost(request, tokens_in, tokens_out)
        cost = None if money is None else money / NANO
        return msgspec.structs.replace(call, cost=cost, estimated=estimated)

    async def settle(self, hold: Hold, call: Call) -> None:
        """Take what *call* has cost in place of what was set aside for it."""
        if self._bounded(hold.money, hold.tokens):
            await self._settle(hold.id, self._bounded(*spent_by(call)))

    async def _settle(self, id: str, amounts: Mapping[str, int]) -> None:
        # Also for who is cut off: it would count as spent for ever.
        with anyio.CancelScope(shield=True):
            await self._bus.settle(id, amounts)

    def _bounded(self, money: int | None, tokens: int) -> dict[str, int]:
        """What of this has a limit; what is nothing needs none."""
        whole = {"money": money or 0, "tokens": tokens}
        return {name: whole[name] for name in self.limits if whole[name]}

    def _cost(self, request: Request, tokens_in: int, tokens_out: int) -> int | None:
        if request.model.startswith(f"{REMOTE}/"):
            return 0
        price = self._prices.get(request.model)
        return None if price is None else cost(price, tokens_in, tokens_out)

    def _refusal(self, short: str, request: Request, amount: int) -> str:
        model, limit = safe_text(request.model, 60), self.limits[short]
        if short == "tokens":
            return (
                f"a call of {model} may take {amount:,} tokens, and the budget of "
                f"{limit:,} does not have them"
            )
        return (
            f"a call of {model} may cost {dollars(amount)}, and the budget of "
            f"{dollars(limit)} does not have it"
        )


def may_be_charged(error: ModelError) -> bool:
    """Whether a call that failed so may have cost something."""
    return error.kind not in _FREE and not isinstance(error.__cause__, UNREACHED)


def spent_by(call: Call) -> tuple[int, int]:
    """The nano-dollars and tokens that *call*, as it is in the record, has come to."""
    if call.reply is None:
        tokens = sum(most_tokens(call.request)) if call.estimated else 0
    else:
        tokens = sum(tokens_of(call.request, call.reply)[:2])
        tokens = 0 if call.reply.cached else tokens
    return round((call.cost or 0.0) * NANO), tokens


async def count_spent(bus: Bus, after: int = 0) -> None:
    """
    Have the purse count at least what the run's log says has been spent.

    For a server that is new to the run, and for a run that had no budget so far.  What
    a fork has up to ``seq`` *after* was paid by the run that it comes from.
    """
    money, tokens, seq = 0, 0, after
    while page := await bus.read(seq):
        seq = page[-1].seq
        for message in page:
            if isinstance(message.body, Called):
                spent = spent_by(_decode(message.body.record))
                money, tokens = money + spent[0], tokens + spent[1]
    await bus.count({"money": money, "tokens": tokens})
