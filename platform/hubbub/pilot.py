"""A pilot: some of a rehearsal's requests, sent to the models themselves."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import anyio
import msgspec

from hubbub.dryrun import Kind, Rehearsal, Sample
from hubbub.errors import ModelError, UsageError
from hubbub.models.base import Call, Model
from hubbub.models.prices import cost, tokens_of
from hubbub.standins import is_legal
from hubbub.terms import NANO, Price

#: Calls of a pilot of which nobody says how large it is to be: in all, and of a model.
USUAL, EACH = 8, 4
#: The fewest of a model: one alone does not say how much they differ.
LEAST = 2
#: Calls that are made at once.
AT_ONCE = 4

_EQUAL = Price(input=1.0, output=4.0)


class Trial(NamedTuple):
    """A call of the pilot's; *legal* says whether its reply was an answer."""

    sample: Sample
    call: Call
    legal: bool


def size_of(rehearsal: Rehearsal, wanted: int | None) -> int:
    """How many calls to try; `UsageError` if *wanted* are too few to learn from."""
    models = len({kind.model for kind in rehearsal.tallies})
    least = LEAST * models
    if wanted is not None and 0 < wanted < least:
        raise UsageError(
            f"a pilot of {wanted} does not tell how much the replies of this run's "
            f"models differ: use --pilot {least} or more, or --pilot 0 for none"
        )
    return max(USUAL, EACH * models) if wanted is None else wanted


def choose(
    rehearsal: Rehearsal, prices: Mapping[str, Price], count: int, rng: random.Random
) -> list[Sample]:
    """
    *count* requests of *rehearsal* to try, if it has kept so many.

    As many of each kind; where that cannot be, more of the dearest kinds, but some for
    every model.  Of a kind, they are those of many seats.
    """
    kept = {kind: _spread(some, rng) for kind, some in rehearsal.samples.items()}
    worth = _worth(rehearsal, prices)
    kinds = sorted(kept, key=lambda kind: -worth[kind])
    dearest = {kind.model: kind for kind in reversed(kinds)}
    kinds.sort(key=lambda kind: dearest[kind.model] != kind)
    # One alone does not say how much calls of a kind differ.
    taken = Counter([kind for kind in kinds for _ in range(LEAST)][:count])
    while taken.total() < count and (
        more := [kind for kind in kinds if taken[kind] < len(kept[kind])]
    ):
        taken[min(more, key=taken.__getitem__)] += 1
    return [sample for kind in kinds for sample in kept[kind][: taken[kind]]]


def _spread(samples: Sequence[Sample], rng: random.Random) -> list[Sample]:
    """*samples* in random order, but no seat's second one before every seat's first."""
    seen = Counter[str]()
    places: list[int] = []
    mixed = rng.sample(samples, len(samples))
    for sample in mixed:
        places.append(seen[sample.ask.seat])
        seen[sample.ask.seat] += 1
    return [mixed[i] for i in sorted(range(len(mixed)), key=places.__getitem__)]


def _worth(rehearsal: Rehearsal, prices: Mapping[str, Price]) -> dict[Kind, float]:
    """How dear each kind is, roughly; what has no price is taken to have `_EQUAL`."""
    worth: dict[Kind, float] = {}
    for kind, tally in rehearsal.tallies.items():
        price = prices.get(kind.model, _EQUAL)
        paid = tally.prompt * price.input + tally.reply * price.output
        # What is free is still to be tried.
        worth[kind] = paid + tally.calls * 1e-6
    return worth


async def try_out(
    samples: Sequence[Sample],
    models: Mapping[str, Model],
    prices: Mapping[str, Price],
) -> list[Trial]:
    """
    Send *samples* to *models*, and say what came of each.

    Raises `ModelError` for a model that replied to none.
    """
    trials: list[Trial] = []
    limit = anyio.CapacityLimiter(AT_ONCE)

    async def attempt(number: int, sample: Sample) -> None:
        async with limit:
            call = await _call(f"pilot/{number}", sample, models)
        legal = call.reply is not None and is_legal(call.reply.text, sample.ask)
        trials.append(Trial(sample, _priced(call, prices), legal))

    async with anyio.create_task_group() as tasks:
        for number, sample in enumerate(samples, 1):
            tasks.start_soon(attempt, number, sample)
    speaking = {t.sample.kind.model for t in trials if t.call.reply is not None}
    for trial in trials:
        if trial.call.error is not None and trial.sample.kind.model not in speaking:
            raise ModelError(trial.call.error, trial.call.detail)
    return trials


async def _call(id: str, sample: Sample, models: Mapping[str, Model]) -> Call:
    request = sample.request
    call = Call(call=id, seat=sample.ask.seat, request=request)
    start = anyio.current_time()
    try:
        reply = await models[request.model].complete(
            request, deadline=sample.ask.budget
        )
    except ModelError as error:
        failed = {"error": error.kind, "detail": f"{request.model}: {error.detail}"}
        return msgspec.structs.replace(call, **failed)
    took = round(anyio.current_time() - start, 4)
    return msgspec.structs.replace(call, reply=reply, took=took)


def _priced(call: Call, prices: Mapping[str, Price]) -> Call:
    price = prices.get(call.request.model)
    if call.reply is None or price is None:
        return call
    tokens_in, tokens_out, reckoned = tokens_of(call.request, call.reply)
    paid = cost(price, tokens_in, tokens_out) / NANO
    return msgspec.structs.replace(call, cost=paid, estimated=reckoned)
