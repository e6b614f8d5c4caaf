"""What a study finds: means, differences with their errors, shares, and what is missing."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from hubbub.chance import generator
from hubbub.study.design import Looks, Precise, Stop, power
from hubbub.study.effects import (
    Contrast,
    Interval,
    benjamini_hochberg,
    contrast,
    holm,
    mean,
)
from hubbub.study.file import Compare, Correction, Outcome
from hubbub.study.mixed import Slopes, slopes
from hubbub.study.outcomes import told
from hubbub.study.plan import Arm, Plan
from hubbub.study.shares import Decomposition, decompose
from hubbub.study.table import Seen, completeness, cost_of, is_usable


class ArmFound(msgspec.Struct, frozen=True, kw_only=True):
    """
    An arm's *runs*, how complete they are, and what their model calls came to.

    An arm below its declared *complete* is not *usable*, and is compared with none.
    *twin* is the arm of whose runs these are forks, if they are.
    """

    arm: str
    prior: str
    context: str
    solitary: bool
    runs: int
    completeness: float | None
    complete: float
    usable: bool
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    twin: str = ""


class MeanFound(msgspec.Struct, frozen=True, kw_only=True):
    """An *outcome*'s mean over an arm's populations; *missing* have no value."""

    arm: str
    outcome: str
    missing: int
    mean: Interval | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """
    The *second* arm less the *first* in one *outcome*.

    *p* is the contrast's, corrected for all tests of the study.  *power* is that of as
    many populations for the planned *effect*.  *why* says what is not there, in words;
    *rounds* is the mixed model of a repeated outcome.
    """

    outcome: str
    first: str
    second: str
    contrast: Contrast | None = None
    p: float | None = None
    effect: float | None = None
    power: float | None = None
    rounds: Slopes | None = None
    why: str = ""


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """What prior, context and both together contribute to an *outcome*, or *why* not."""

    outcome: str
    decomposition: Decomposition | None = None
    why: str = ""


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """
    All that a study finds, from *replicates* populations an arm.

    *level* is that of the intervals.  *stop* is the rule that was declared, which looks
    at the first of the *outcomes*; *stopped* is whether it says enough.
    """

    study: str
    sha256: str
    replicates: int
    level: float
    correction: Correction
    stop: Stop | None
    stopped: bool
    outcomes: tuple[Outcome, ...]
    arms: tuple[ArmFound, ...]
    means: tuple[MeanFound, ...]
    comparisons: tuple[Comparison, ...]
    shares: tuple[Shared, ...]


class _Sample(NamedTuple):
    """An arm's runs by replicate."""

    arm: Arm
    seen: dict[int, Seen]
    usable: bool

    def values(self, outcome: str) -> dict[int, float]:
        """What there is of *outcome*, by replicate."""
        found = {number: s.values[outcome] for number, s in self.seen.items()}
        return {number: v for number, v in found.items() if v is not None}


def analyse(plan: Plan, seen: Sequence[Seen], units: int) -> Effects:
    """What *plan* finds in the runs *seen* of the first *units* replicates."""
    samples = {arm.name: _sample(arm, seen, units) for arm in plan.arms}
    names = [outcome.name for outcome in plan.study.outcomes]
    comparisons = _corrected(
        [
            _compare(plan, outcome, each, samples)
            for outcome in plan.study.outcomes
            for each in plan.compare
        ],
        plan.study.correction,
    )
    return Effects(
        study=plan.study.name,
        sha256=plan.digest,
        replicates=units,
        level=plan.study.tested,
        correction=plan.study.correction,
        stop=plan.study.stop,
        stopped=_stops(plan, comparisons, units),
        outcomes=tuple(told(plan.measures)),
        arms=tuple(_arm(sample) for sample in samples.values()),
        means=tuple(
            _mean(plan, name, sample) for name in names for sample in samples.values()
        ),
        comparisons=tuple(comparisons),
        shares=tuple(
            _shared(plan, name, samples) for name in names if plan.study.prior
        ),
    )


def _sample(arm: Arm, seen: Sequence[Seen], units: int) -> _Sample:
    own = {
        each.run.replicate: each
        for each in seen
        if each.run.arm.name == arm.name and each.run.replicate <= units
    }
    own = dict(sorted(own.items()))
    return _Sample(arm, own, is_usable(list(own.values()), arm.complete))


def _arm(sample: _Sample) -> ArmFound:
    arm, usages = sample.arm, [each.usage for each in sample.seen.values()]
    costs = [cost_of(usage) for usage in usages]
    known = [cost for cost in costs if cost is not None]
    return ArmFound(
        arm=arm.name,
        prior=arm.prior,
        context=arm.context,
        solitary=arm.solitary,
        runs=len(usages),
        completeness=completeness(sample.seen.values()),
        complete=arm.complete,
        usable=sample.usable,
        calls=sum(usage.calls for usage in usages),
        tokens_in=sum(usage.tokens_in for usage in usages),
        tokens_out=sum(usage.tokens_out for usage in usages),
        cost=round(sum(known), 9) if len(known) == len(costs) else None,
        twin=arm.twin,
    )


def _mean(plan: Plan, outcome: str, sample: _Sample) -> MeanFound:
    values = list(sample.values(outcome).values())
    rng = _rng(plan, "mean", outcome, sample.arm.name)
    return MeanFound(
        arm=sample.arm.name,
        outcome=outcome,
        missing=len(sample.seen) - len(values),
        mean=mean(values, rng=rng, level=plan.study.tested) if values else None,
    )


def _rng(plan: Plan, *place: str) -> np.random.Generator:
    """The generator of one number, which no other number moves."""
    return np.random.default_rng(generator(plan.study.seed, *place).getrandbits(64))


# -- comparisons


def _compare(
    plan: Plan, outcome: Outcome, compare: Compare, samples: dict[str, _Sample]
) -> Comparison:
    first, second = (samples[name] for name in compare.arms)
    bare = Comparison(
        outcome=outcome.name,
        first=first.arm.name,
        second=second.arm.name,
        effect=compare.effect,
    )
    replace = msgspec.structs.replace
    if unusable := [s for s in (first, second) if not s.usable]:
        return replace(bare, why=_unusable(unusable))
    a, b = first.values(outcome.name), second.values(outcome.name)
    if compare.paired:
        both = sorted(a.keys() & b.keys())
        a, b = {n: a[n] for n in both}, {n: b[n] for n in both}
    if not a or not b:
        return replace(bare, why="no values to compare")
    level = plan.study.tested
    found = contrast(
        list(a.values()),
        list(b.values()),
        rng=_rng(plan, "contrast", outcome.name, *compare.arms),
        paired=compare.paired,
        level=level,
    )
    units = min(len(a), len(b))
    chance = None
    if compare.effect is not None and units > 1:
        chance = power(compare.effect, units, paired=compare.paired, level=level)
    rounds = None
    if outcome.repeated:
        series = (
            [each.series[outcome.name] for each in sample.seen.values()]
            for sample in (first, second)
        )
        rounds = slopes(*series, level=level)
    return replace(bare, contrast=found, power=chance, rounds=rounds)


def _unusable(samples: Sequence[_Sample]) -> str:
    return "; ".join(
        f"{s.arm.name} is unusable: {completeness(s.seen.values()) or 0:.1%} complete, "
        f"{s.arm.complete:.1%} declared"
        for s in samples
    )


def _corrected(
    comparisons: list[Comparison], correction: Correction
) -> list[Comparison]:
    """With the p values of all tests together corrected for there being so many."""
    values = {
        place: each.contrast.p
        for place, each in enumerate(comparisons)
        if each.contrast is not None and each.contrast.p is not None
    }
    adjusted = list(values.values())
    if correction != "none":
        adjust = holm if correction == "holm" else benjamini_hochberg
        adjusted = adjust(adjusted)
    for place, p in zip(values, adjusted, strict=True):
        comparisons[place] = msgspec.structs.replace(comparisons[place], p=p)
    return comparisons


def _stops(plan: Plan, comparisons: Sequence[Comparison], units: int) -> bool:
    """Whether there are populations enough, by the rule that was declared."""
    primary = plan.study.outcomes[0].name
    found = [each.contrast for each in comparisons if each.outcome == primary]
    match plan.study.stop:
        case Precise() as stop:
            return stop.enough(units, [_width(each) for each in found])
        case Looks() as stop:
            values = [each.p if each else None for each in found]
            return stop.enough(units, values, plan.study.level)
        case None:
            return True


def _width(found: Contrast | None) -> float | None:
    if found is None or found.difference.low is None or found.difference.high is None:
        return None
    return found.difference.high - found.difference.low


# -- shares


def _shared(plan: Plan, outcome: str, samples: dict[str, _Sample]) -> Shared:
    crossed = [s for s in samples.values() if not s.arm.counterpart]
    if unusable := [s for s in crossed if not s.usable]:
        return Shared(outcome=outcome, why=_unusable(unusable))
    cells = {
        (s.arm.prior, s.arm.context): list(s.values(outcome).values()) for s in crossed
    }
    try:
        rng = _rng(plan, "shares", outcome)
        found = decompose(cells, rng=rng, level=plan.study.tested)
    except ValueError as error:
        return Shared(outcome=outcome, why=str(error))
    return Shared(outcome=outcome, decomposition=found)
