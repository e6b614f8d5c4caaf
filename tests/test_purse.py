"""What calls are paid from: set aside before, settled after, priced in any case."""

from collections.abc import Mapping, Sequence

import anyio
import anyio.lowlevel
import httpx
import msgspec
import pytest

from hubbub.bus import MemoryBus
from hubbub.calling import Calls
from hubbub.clock import WallClock
from hubbub.errors import BudgetSpent, ModelError, ModelErrorKind
from hubbub.messages import Body, Called
from hubbub.models.base import Call, Model, Prompt, Reply, Request, Sampling, View
from hubbub.models.scripted import ScriptedModel
from hubbub.purse import Purse, count_spent, may_be_charged, spent_by
from hubbub.seat import Seat
from hubbub.terms import NANO, Price, Terms, dollars

from .leaping import in_no_time
from .playing import Scribe, bus_with

#: A call of ours is 10 + 20 tokens at most, by its bytes, and each of them costs a dollar.
PRICE = Price(input=1_000_000, output=1_000_000)
REQUEST = Request(
    model="a/b",
    prompts=(Prompt("user", "xxxxxx"),),
    sampling=Sampling(max_tokens=20),
)
MOST = 30


class Counting(MemoryBus):
    """A bus that counts what is asked of its purse."""

    trips = 0

    async def reserve(
        self, id: str, amounts: Mapping[str, int], limits: Mapping[str, int]
    ) -> str:
        self.trips += 1
        return await super().reserve(id, amounts, limits)

    async def settle(self, id: str, amounts: Mapping[str, int]) -> None:
        self.trips += 1
        await super().settle(id, amounts)


class Giving(Model):
    """Gives one reply, or fails in one way."""

    def __init__(self, gives: Reply | Exception) -> None:
        self._gives = gives

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        await anyio.lowlevel.checkpoint()
        if isinstance(self._gives, Exception):
            raise self._gives
        return self._gives


class Hanging(Model):
    """Gives nothing, ever."""

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        await anyio.sleep_forever()
        raise AssertionError


class Till:
    """A seat's calls of one model, on terms, and what was recorded of them."""

    def __init__(self, model: Model, terms: Terms) -> None:
        self.bus = Counting()
        self.records: list[Call] = []
        purse = Purse(self.bus, terms)
        self.calls = Calls(Seat("L1"), WallClock({"a/b": model}), purse, self._say)
        self._complete = self.calls.within("1/L1", anyio.current_time() + 60)

    async def _say(self, room: str, body: Body) -> None:
        assert isinstance(body, Called)
        self.records.append(msgspec.json.decode(body.record, type=Call))

    async def call(self) -> None:
        """Make a call, however it ends."""
        try:
            await self._complete(REQUEST, View())
        except ModelError:
            return


def terms(money: float | None = None, tokens: int | None = None) -> Terms:
    """Terms on which our model has a price."""
    return Terms(money=money, tokens=tokens, prices={"a/b": PRICE})


async def paid(gives: Reply | Exception) -> tuple[float | None, bool, dict[str, int]]:
    """What a call costs that comes to what it *gives*, and what is spent then."""
    till = Till(Giving(gives), terms(money=1000, tokens=1000))
    await till.call()
    (record,) = till.records
    return record.cost, record.estimated, await till.bus.spent()


def failed(kind: ModelErrorKind, cause: Exception | None = None) -> ModelError:
    """A call's failure."""
    error = ModelError(kind, "x")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("gives", "cost", "estimated", "tokens"),
    [
        (Reply(text="x", tokens_in=5, tokens_out=3), 8.0, False, 8),
        (Reply(text="x" * 9, tokens_in=5), 8.0, True, 8),
        (Reply(text="x", tokens_in=500, tokens_out=400), 900.0, False, 900),
        (Reply(text="x", tokens_in=5, tokens_out=3, cached=True), 0.0, False, 0),
        (failed("timeout"), 30.0, True, MOST),
        (failed("bad_reply"), 30.0, True, MOST),
        (failed("refused"), 30.0, True, MOST),
        (failed("network", httpx.ReadError("cut")), 30.0, True, MOST),
        (failed("network", httpx.ConnectError("no")), 0.0, False, 0),
        (failed("rate_limit"), 0.0, False, 0),
        (failed("server"), 0.0, False, 0),
        (failed("auth"), 0.0, False, 0),
        (failed("context_length"), 0.0, False, 0),
        (failed("not_cached"), 0.0, False, 0),
    ],
)
async def test_a_call_costs_what_it_came_to(
    gives: Reply | Exception, cost: float, estimated: bool, tokens: int
) -> None:
    """In the record and in the purse: what was charged, or may have been."""
    money = {"money": round(cost * NANO)} if cost else {}
    counted = {"tokens": tokens} if tokens else {}

    assert await paid(gives) == (cost, estimated, money | counted)


def test_what_never_left_is_not_charged() -> None:
    """Nor what a server has refused; all else may be."""
    assert not may_be_charged(failed("network", httpx.PoolTimeout("full")))
    assert not may_be_charged(failed("bad_request"))
    assert may_be_charged(failed("network"))


@in_no_time
async def test_a_call_that_is_cut_off_may_have_been_charged() -> None:
    """It is in the record with all it might have cost, and counts as that."""
    till = Till(Hanging(), terms(money=1000))
    with anyio.move_on_after(5):
        await till.call()
    await till.calls.record_cut()

    (record,) = till.records
    assert (record.cost, record.estimated, record.detail) == (30.0, True, "cut off")
    assert await till.bus.spent() == {"money": 30 * NANO}


async def test_without_a_budget_nobody_is_asked() -> None:
    """The purse is on a server; the cost is known without it."""
    till = Till(ScriptedModel(["xxx"]), terms())
    await till.call()

    assert till.bus.trips == 0
    assert till.records[0].cost == 11.0


async def test_what_is_free_needs_no_purse() -> None:
    """However little there is in it."""
    till = Till(ScriptedModel(["xxx"]), Terms(money=0.0))
    free = Terms(money=0.0, prices={"a/b": Price(input=0, output=0)})
    priced = Till(ScriptedModel(["xxx"]), free)
    await till.call()
    await priced.call()

    assert till.bus.trips == priced.bus.trips == 0
    assert (till.records[0].cost, priced.records[0].cost) == (None, 0.0)


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ({"money": 29.0}, r"may cost \$30\.00, and the budget of \$29\.00 does not"),
        ({"tokens": 29}, "may take 30 tokens, and the budget of 29 does not"),
        ({"money": 1000.0, "tokens": 29}, "may take 30 tokens"),
    ],
)
async def test_what_the_budget_does_not_have_is_not_called(
    bound: Mapping[str, float], words: str
) -> None:
    """Nothing is sent, recorded or spent, and it is noted what there is too little of."""
    model = ScriptedModel(["xxx"])
    till = Till(model, msgspec.structs.replace(terms(), **bound))
    with pytest.raises(BudgetSpent, match=words):
        await till.call()

    assert (model.calls, till.records, await till.bus.spent()) == (0, [], {})
    assert (await till.bus.meta())["short"] == (
        "tokens" if "tokens" in bound else "money"
    )


@in_no_time
async def test_calls_in_flight_count() -> None:
    """Two that would fit one after the other do not fit at the same time."""
    till = Till(Hanging(), terms(tokens=2 * MOST - 1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(till.call)
        await anyio.sleep(1)
        with pytest.raises(BudgetSpent):
            await till.call()
        assert await till.bus.spent() == {"tokens": MOST}
        tasks.cancel_scope.cancel()


@in_no_time
async def test_who_is_cut_off_while_paying_has_not_paid() -> None:
    """What was set aside for a call that was not made is given back."""

    class Slow(MemoryBus):
        async def reserve(
            self, id: str, amounts: Mapping[str, int], limits: Mapping[str, int]
        ) -> str:
            short = await super().reserve(id, amounts, limits)
            await anyio.sleep(60)
            return short

    bus = Slow()
    with anyio.move_on_after(5):
        await Purse(bus, terms(tokens=1000)).hold(REQUEST)

    assert await bus.spent() == {}


@in_no_time
async def test_who_is_short_waits_for_calls_that_may_cost_less() -> None:
    """What they do not come to is there for others; what they do is not."""
    bus = MemoryBus()
    purse = Purse(bus, terms(tokens=MOST + 10))
    first = await purse.hold(REQUEST)
    paid = msgspec.structs.replace(
        Call(call="1/L1/1", seat="L1", request=REQUEST),
        reply=Reply(text="x", tokens_in=6, tokens_out=4),
    )

    async def settle_later() -> None:
        await anyio.sleep(5)
        await purse.settle(first, paid)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(settle_later)
        await purse.hold(REQUEST, patience=60)

    assert anyio.current_time() >= 5
    assert await bus.spent() == {"tokens": MOST + 10}


@in_no_time
async def test_nobody_waits_for_a_budget_that_is_spent() -> None:
    """Nor longer than its patience for what may never be settled."""
    bus = MemoryBus()
    purse = Purse(bus, terms(tokens=MOST + 10))
    await bus.reserve("dead", {"tokens": MOST}, {"tokens": 100})
    before = anyio.current_time()
    with pytest.raises(BudgetSpent):
        await purse.hold(REQUEST, patience=7)
    assert anyio.current_time() - before <= 7

    await bus.settle("dead", {"tokens": MOST})
    before = anyio.current_time()
    with pytest.raises(BudgetSpent):
        await purse.hold(REQUEST, patience=7)
    assert anyio.current_time() == before


# -- counting again


def recorded(calls: Sequence[Call]) -> Scribe:
    """A log with *calls*."""
    scribe = Scribe()
    for call in calls:
        record = msgspec.Raw(msgspec.json.encode(call))
        scribe.write(Called(call=call.call, record=record), "L1", "@ledger")
    return scribe


async def test_what_the_log_says_is_counted_again() -> None:
    """Each call as it was settled, so that both ways come to the same."""
    cached = Reply(text="", tokens_in=9, tokens_out=9, cached=True)
    base = Call(call="1/L1/1", seat="L1", request=REQUEST)
    replace = msgspec.structs.replace
    calls = [
        replace(base, reply=Reply(text="x", tokens_in=5, tokens_out=3), cost=8.0),
        replace(base, reply=cached, cost=0.0),
        replace(base, error="timeout", cost=30.0, estimated=True),
        replace(base, error="server", cost=0.0),
        replace(base, reply=Reply(text="xxx"), estimated=True),
    ]
    bus = await bus_with(recorded(calls).messages)
    await count_spent(bus)

    assert [spent_by(c)[1] for c in calls] == [8, 0, MOST, 0, 11]
    assert await bus.spent() == {"money": 38 * NANO, "tokens": 49}


async def test_counting_again_forgets_no_reservation() -> None:
    """What a dead worker has set aside is in no log and may have been charged."""
    bus = MemoryBus()
    await bus.reserve("dead", {"tokens": MOST}, {"tokens": 100})
    await count_spent(bus)

    assert await bus.spent() == {"tokens": MOST}


@pytest.mark.parametrize(
    ("nanos", "words"),
    [
        (0, "$0.00"),
        (5 * NANO, "$5.00"),
        (1234567 * NANO, "$1,234,567.00"),
        (NANO // 200, "$0.005"),
        (4_987_654_321, "$4.987654"),
    ],
)
def test_money_in_words(nanos: int, words: str) -> None:
    """To the cent, or as exactly as it takes."""
    assert dollars(nanos) == words
