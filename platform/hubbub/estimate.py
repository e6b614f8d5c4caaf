"""
What a run will come to, before it is paid for.

The run is rehearsed with stand-ins for its models, which counts calls and the bytes of
their prompts.  A pilot sends some of the rehearsal's requests to the models themselves:
it says how many tokens those bytes have and how long the replies are.  Then the run is
rehearsed again and again, each time with stand-ins that reply as the pilot's models did,
the pilot's calls weighted anew: how much these rehearsals differ gives the interval.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from math import exp, log
from statistics import variance
from time import process_time
from typing import NamedTuple

import msgspec

from hubbub.chance import generator
from hubbub.dryrun import Kind, Rehearsal, Tally, prompt_bytes, rehearse
from hubbub.intervals import Range, interval, weights
from hubbub.models.base import Reply
from hubbub.models.prices import cost
from hubbub.pilot import Trial
from hubbub.population import Cast
from hubbub.standins import Guide, Say, StandIn, imagined
from hubbub.terms import NANO, Price
from hubbub.verdict import REPAIRS

#: Seconds of computing that a rehearsal may take.
PATIENCE = 60.0
#: Seconds of computing after which, with a pilot, no further one begins.
ENOUGH = 20.0
#: Rehearsals after a pilot: so many in any case, and no more than so many.
FEWEST, MOST = 4, 20
#: Degrees of freedom from which one more makes no difference.
MANY = 100.0
#: Tokens of a byte where no server has counted them: at least, usually, at most.
TOKENS = (0.15, 0.25, 0.5)
#: Characters of a free text of which the pilot has no example: at least, at most.
TEXT = (20, 1_000)
#: What an interval covers, and what it does not.
COVERED = (
    "The interval has 95 %: it covers what the models choose and how long they speak, as "
    "far as the pilot has seen it. It does not cover that the pilot's prompts quote "
    "made-up talk, so that in the run models may speak longer, leave or decline "
    "otherwise; calls that are made again after an error; replies from a cache; prices "
    "that have changed."
)
BOUNDED = (
    "The interval goes from replies of a letter and company that nobody seeks to "
    "replies as long as they may be and company that everybody seeks. It does not cover "
    "calls that are made again after an error or a reply that is no answer; replies "
    "from a cache; prices that have changed."
)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What one model comes to; *cost* is in US dollars, None where it has no price."""

    calls: Range
    tokens_in: Range
    tokens_out: Range
    cost: Range | None


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a run comes to, by model; *cost* is of all, None if one has no price.

    *interval* says in words what the intervals are.
    """

    models: dict[str, Line]
    cost: Range | None
    rehearsals: int
    interval: str


#: That of a run without models.
NOTHING = Estimate(
    models={}, cost=Range(0.0, 0.0, 0.0), rehearsals=0, interval="no model is called"
)


class Sums(NamedTuple):
    """What calls come to in one rehearsal; *cost* is in US dollars."""

    calls: float = 0.0
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    cost: float = 0.0

    @property
    def weight(self) -> float:
        """How much they matter: what they cost, or their tokens where they are free."""
        return self.cost or self.tokens_in + self.tokens_out


class Rates(NamedTuple):
    """Tokens of a byte."""

    prompt: float
    reply: float


class Weighted(NamedTuple):
    """A call of a pilot's that brought a *reply*, and how much it counts."""

    trial: Trial
    reply: Reply
    weight: float


#: The range of the values that calls of some kinds have in each rehearsal.
Between = Callable[[Collection[Kind], Sequence[float]], Range]


def first_rehearsal(cast: Cast) -> Rehearsal:
    """*cast*'s run with made-up replies, from which a pilot is chosen; as `rehearse`."""
    return rehearse(cast, {}, StandIn(cast.names), 0, PATIENCE)


# -- with a pilot


def estimate(
    cast: Cast,
    first: Rehearsal,
    trials: Sequence[Trial],
    prices: Mapping[str, Price],
    *,
    most: int = MOST,
    tell: Callable[[int], None] = lambda number: None,
) -> Estimate:
    """
    What *cast*'s run comes to if its models go on as in the *trials*.

    They are of requests of the *first* rehearsal.  No interval goes beyond `limits`; see
    `COVERED` for what may be otherwise.  There are *most* rehearsals, or as few as
    `FEWEST` where they take long; *tell* is told the number of each one that begins.
    Raises as `rehearse`.
    """
    within = limits(cast, first, prices)
    found: list[dict[Kind, Sums]] = []
    until = process_time() + ENOUGH
    while len(found) < FEWEST or (len(found) < most and process_time() < until):
        tell(len(found) + 1)
        found.append(_replicate(cast, trials, prices, len(found) + 1))
    tried = Counter(t.sample.kind for t in trials if t.call.reply is not None)

    def between(kinds: Collection[Kind], values: Sequence[float]) -> Range:
        return interval(values, _freedom(found, kinds, tried))

    lines = _lines(found, prices, between)
    whole = between(tried.keys(), _totals(found))
    return Estimate(
        models={m: _clipped(line, within.models.get(m)) for m, line in lines.items()},
        cost=_clip(whole, within.cost) if prices.keys() >= lines.keys() else None,
        rehearsals=len(found),
        interval=COVERED,
    )


def _clipped(line: Line, within: Line | None) -> Line:
    if within is None:
        return line
    return Line(
        calls=_clip(line.calls, within.calls),
        tokens_in=_clip(line.tokens_in, within.tokens_in),
        tokens_out=_clip(line.tokens_out, within.tokens_out),
        cost=None if line.cost is None else _clip(line.cost, within.cost),
    )


def _clip(found: Range, within: Range | None) -> Range:
    """*found* without what is beyond *within*, unless its middle is beyond that."""
    if within is None:
        return found
    # There, every answer is one at the first try.
    low, high = within.low, within.high * (1 + REPAIRS)
    if not low <= found.middle <= high:
        return found
    return Range(max(found.low, low), found.middle, min(found.high, high))


def _freedom(
    found: Sequence[Mapping[Kind, Sums]],
    kinds: Collection[Kind],
    tried: Mapping[Kind, int],
) -> float:
    """
    The degrees of freedom that what *kinds* come to has together.

    After Welch and Satterthwaite, from those of each kind: its calls *tried* but one.
    """
    whole = weighed = 0.0
    for kind in kinds:
        part = variance([sums.get(kind, Sums()).weight for sums in found])
        whole += part
        # What nobody has tried is drawn from a range that is given.
        weighed += part**2 / max(1, tried[kind] - 1) if kind in tried else 0.0
    return max(1.0, min(whole**2 / weighed, MANY)) if weighed else MANY


def _replicate(
    cast: Cast, trials: Sequence[Trial], prices: Mapping[str, Price], number: int
) -> dict[Kind, Sums]:
    """One rehearsal with the *trials* weighted anew."""
    rng = generator(cast.population.seed, "estimate", number)
    by_kind = _weighted(trials, rng)
    by_model: defaultdict[str, list[Weighted]] = defaultdict(list)
    for kind, some in by_kind.items():
        by_model[kind.model] += some
    says = {kind: _stand_in(cast, some, rng) for kind, some in by_kind.items()}
    usual = StandIn(cast.names, length=round(_between(*TEXT, rng)))
    tallies = rehearse(cast, says, usual, number, PATIENCE).tallies
    rates = {
        kind: _rates(by_kind.get(kind) or by_model[kind.model], rng) for kind in tallies
    }
    return _sums(tallies, rates, prices)


def _weighted(
    trials: Sequence[Trial], rng: random.Random
) -> dict[Kind, list[Weighted]]:
    """*trials* that brought a reply, those of each kind with weights that sum to 1."""
    kinds: defaultdict[Kind, list[tuple[Trial, Reply]]] = defaultdict(list)
    for trial in trials:
        if trial.call.reply is not None:
            kinds[trial.sample.kind].append((trial, trial.call.reply))
    return {
        kind: [
            Weighted(*one, weight)
            for one, weight in zip(some, weights(len(some), rng), strict=True)
        ]
        for kind, some in kinds.items()
    }


def _stand_in(cast: Cast, some: Sequence[Weighted], rng: random.Random) -> Say:
    """
    Says what *some* calls brought, and what an imagined one might have.

    Its weight is drawn: of what a model never chose in so many calls, we know that it
    does so seldom, and not that it never does.
    """
    guides = [Guide(w.reply.text, w.reply.tokens_out, w.trial.legal) for w in some]
    weights = [w.weight for w in some]
    one = rng.randrange(len(some))
    request = some[one].trial.sample.request
    guides.append(imagined(guides[one], request, cast.names, rng))
    unseen = rng.betavariate(1, len(some))
    weights = [*(weight * (1 - unseen) for weight in weights), unseen]
    return StandIn(cast.names, guides, weights)


def _rates(some: Sequence[Weighted], rng: random.Random) -> Rates:
    """The tokens of a byte in *some* calls, or drawn where no server has counted."""
    read = [(w.weight, w.reply.tokens_in, _asked(w)) for w in some]
    said = [(w.weight, w.reply.tokens_out, len(w.reply.text.encode())) for w in some]
    drawn = _between(TOKENS[0], TOKENS[-1], rng)
    return Rates(_rate(read) or drawn, _rate(said) or drawn)


def _asked(one: Weighted) -> int:
    return prompt_bytes(one.trial.sample.request)


def _rate(counts: Iterable[tuple[float, int | None, int]]) -> float:
    """The tokens of a byte in weighted *counts* of both; 0 where there are none."""
    known = [(weight, tokens, size) for weight, tokens, size in counts if tokens]
    whole = sum(weight * size for weight, _, size in known)
    return sum(weight * tokens for weight, tokens, _ in known) / whole if whole else 0.0


def _between(low: float, high: float, rng: random.Random) -> float:
    """A number from *low* to *high*, each ratio as likely."""
    return exp(rng.uniform(log(low), log(high)))


# -- without one


def limits(cast: Cast, first: Rehearsal, prices: Mapping[str, Price]) -> Estimate:
    """
    What *cast*'s run may come to, where nobody asks its models anything.

    From replies of a letter and company that nobody seeks to replies of all the tokens
    that they may have and company that everybody seeks, with `TOKENS` of a byte; every
    answer is taken to be one at the first try.  *first* is the first rehearsal.  Raises
    as `rehearse`.
    """
    terse = StandIn(cast.names, length=1, company=0.0)
    eager = StandIn(cast.names, length=None, company=1.0)
    short = rehearse(cast, {}, terse, 1, PATIENCE).tallies
    long = rehearse(cast, {}, eager, 2, PATIENCE).tallies
    full = {k: replace(t, tokens=t.most, unmetered=0) for k, t in long.items()}
    found = [
        _sums(tallies, dict.fromkeys(tallies, Rates(rate, rate)), prices)
        for tallies, rate in zip((short, first.tallies, full), TOKENS, strict=True)
    ]

    def between(kinds: Collection[Kind], values: Sequence[float]) -> Range:
        return Range(min(values), values[1], max(values))

    lines = _lines(found, prices, between)
    whole = between((), _totals(found))
    return Estimate(
        models=lines,
        cost=whole if prices.keys() >= lines.keys() else None,
        rehearsals=len(found),
        interval=BOUNDED,
    )


# -- sums


def _sums(
    tallies: Mapping[Kind, Tally],
    rates: Mapping[Kind, Rates],
    prices: Mapping[str, Price],
) -> dict[Kind, Sums]:
    found: dict[Kind, Sums] = {}
    for kind, tally in tallies.items():
        tokens_in = tally.prompt * rates[kind].prompt
        tokens_out = tally.tokens + tally.unmetered * rates[kind].reply
        price = prices.get(kind.model, Price(input=0, output=0))
        paid = cost(price, round(tokens_in), round(tokens_out)) / NANO
        found[kind] = Sums(tally.calls, tokens_in, tokens_out, paid)
    return found


def _totals(found: Sequence[Mapping[Kind, Sums]]) -> list[float]:
    """What each of the rehearsals *found* would have cost."""
    return [sum(sums.cost for sums in each.values()) for each in found]


def _lines(
    found: Sequence[Mapping[Kind, Sums]], prices: Mapping[str, Price], between: Between
) -> dict[str, Line]:
    """What the rehearsals *found*, by model."""
    every = {kind for each in found for kind in each}
    lines: dict[str, Line] = {}
    for model in sorted({kind.model for kind in every}):
        kinds = [kind for kind in every if kind.model == model]
        rows = [[each.get(kind, Sums()) for kind in kinds] for each in found]
        sums = [map(sum, zip(*row, strict=True)) for row in rows]
        calls, read, said, paid = (between(kinds, c) for c in zip(*sums, strict=True))
        known = paid if model in prices else None
        lines[model] = Line(calls=calls, tokens_in=read, tokens_out=said, cost=known)
    return lines
