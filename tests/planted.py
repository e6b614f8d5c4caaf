"""
A planted effect, found again: by twins, and by populations that have nothing in common.

``python -m tests.planted`` makes 500 studies of 16 pairs, for each of three adversaries: one
that shifts by a known amount, one that has no strength, and one that shifts either way.
Every run is one of the engine's, in memory and on the virtual clock.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import structlog

from hubbub.chance import generator
from hubbub.measures.effect import Injected
from hubbub.measures.points import read_points
from hubbub.measures.twins import changes, last_of_seats
from hubbub.population import Cast, Group, Injection, Population
from hubbub.study.effects import contrast, mean
from hubbub.virtual import simulate

MEETINGS = Path(__file__).with_name("meetings.py")
RESIDENTS, ROUNDS, TABLE, ATTENDS = 6, 6, 0.5, 0.7
#: It is asked for at the beginning of this round, so it is there from the next one on.
ONSET = 2


class Adversary(NamedTuple):
    """Who comes, how far a contact with it moves a believer, and to which side."""

    mind: str
    shift: float
    aims: bool = True

    @property
    def slope(self) -> float:
        """What a contact does on average."""
        return ATTENDS * self.shift * self.aims

    @property
    def effect(self) -> float:
        """By how much it moves the mean belief at the end, on average."""
        return (ROUNDS - ONSET) * TABLE * self.slope


ADVERSARIES = {
    "persuader": Adversary("persuader", 0.05),
    "without strength": Adversary("persuader", 0.0),
    "waverer": Adversary(f"{MEETINGS}:Waverer", 0.05, aims=False),
}


class Pair(NamedTuple):
    """
    What two twins come to at the end: mean belief *absent* and *present* the adversary.

    *before* is by how much they differed before it came, *unreached* by how much those do
    whom it has never talked to; *slope* is the difference for each exposure.
    """

    absent: float
    present: float
    before: float
    unreached: float
    slope: float | None


def cast(seed: int, adversary: Adversary, *, comes: bool) -> Cast:
    """A population of its own, with priors far from those of others."""
    prior = generator(seed, "population").uniform(0.3, 0.6)
    options = {
        "prior": round(prior, 6),
        "scatter": 0.05,
        "shift": adversary.shift,
        "doubt": adversary.shift,
        "attends": ATTENDS,
        "voices": 2,
    }
    came = Injection(mind=adversary.mind, at=f"round:{ONSET}")
    return Cast(
        Population(
            scenario=f"{MEETINGS}:meetings",
            seed=seed,
            parameters={"rounds": ROUNDS, "table": TABLE},
            seats=(Group(count=RESIDENTS, mind="believer", options=options),),
            inject=(came,) if comes else (),
        )
    )


def pair(seed: int, adversary: Adversary) -> Pair:
    """Two twins of the population with this *seed*."""
    present, absent = (
        simulate(cast(seed, adversary, comes=comes)) for comes in (True, False)
    )
    run = Injected(present)
    found = changes(read_points(present, "belief"), read_points(absent, "belief"))
    last = found[-1]
    unreached = run.groups().get(None, ())
    return Pair(
        absent=last.absent,
        present=last.present,
        before=max(abs(change.effect) for change in found[:ONSET]),
        unreached=max((abs(last.by_seat[seat]) for seat in unreached), default=0.0),
        slope=run.slope(last_of_seats(found)),
    )


class Estimate(NamedTuple):
    """An interval, None where it has no width, and whether there was an alarm at 5 %."""

    value: float
    low: float | None
    high: float | None
    alarm: bool

    def covers(self, true: float) -> bool:
        """Whether the *true* value is in it."""
        if self.low is None or self.high is None:
            return abs(self.value - true) < 1e-12
        return self.low <= true <= self.high

    @property
    def width(self) -> float:
        """How wide it is."""
        return 0.0 if self.low is None or self.high is None else self.high - self.low


class Study(NamedTuple):
    """One study's estimates of the effect, by twins and without them, and of the slope."""

    paired: Estimate
    unpaired: Estimate
    slope: Estimate


def study(pairs: Sequence[Pair], strangers: Sequence[Pair], number: int) -> Study:
    """
    The study of *pairs*; beside it, as many runs with *strangers* as those without.

    The strangers are other populations, so that those two samples have nothing in common.
    """
    rng = np.random.default_rng(number)
    present = [each.present for each in pairs]
    slopes = [each.slope for each in pairs if each.slope is not None]
    found = mean(slopes, rng=rng, draws=2_000)
    return Study(
        paired=_compared([each.absent for each in pairs], present, rng, paired=True),
        unpaired=_compared(
            [each.absent for each in strangers], present, rng, paired=False
        ),
        slope=Estimate(found.value, found.low, found.high, alarm=False),
    )


def _compared(
    absent: Sequence[float],
    present: Sequence[float],
    rng: np.random.Generator,
    *,
    paired: bool,
) -> Estimate:
    found = contrast(absent, present, rng=rng, paired=paired, draws=2_000)
    low, high = found.difference.low, found.difference.high
    alarm = found.p is not None and found.p <= 0.05
    return Estimate(found.difference.value, low, high, alarm)


class Report(NamedTuple):
    """Shares of many studies, and how wide their intervals are on average."""

    studies: int
    pairs: int
    true: float
    estimate: float
    covered: float
    unpaired_covered: float
    narrower: float
    alarms: float
    true_slope: float
    slope: float
    slope_covered: float
    before: float
    unreached: float


def repeat(adversary: Adversary, studies: int, pairs: int, seed: int = 0) -> Report:
    """Make so many *studies* of so many *pairs* against *adversary*."""
    every = list(_pairs(adversary, studies * pairs, seed))
    samples = [every[i : i + pairs] for i in range(0, len(every), pairs)]
    # The strangers of each study are the next one's populations.
    found = [
        study(own, samples[(number + 1) % studies], number)
        for number, own in enumerate(samples)
    ]
    width = fmean(each.paired.width for each in found)
    return Report(
        studies=studies,
        pairs=pairs,
        true=adversary.effect,
        estimate=fmean(each.paired.value for each in found),
        covered=fmean(each.paired.covers(adversary.effect) for each in found),
        unpaired_covered=fmean(
            each.unpaired.covers(adversary.effect) for each in found
        ),
        narrower=fmean(each.unpaired.width for each in found) / width if width else 0.0,
        alarms=fmean(each.paired.alarm for each in found),
        true_slope=adversary.slope,
        slope=fmean(each.slope.value for each in found),
        slope_covered=fmean(each.slope.covers(adversary.slope) for each in found),
        before=max(each.before for each in every),
        unreached=max(each.unreached for each in every),
    )


def _pairs(adversary: Adversary, count: int, seed: int) -> Iterator[Pair]:
    chance = generator(seed, "pairs")
    for _ in range(count):
        yield pair(chance.getrandbits(53), adversary)


def main() -> None:
    """Make the studies that the command line asks for, and say what they come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--adversary", choices=ADVERSARIES, action="append")
    given = parser.parse_args()
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet)
    for name in given.adversary or ADVERSARIES:
        report = repeat(ADVERSARIES[name], given.studies, given.pairs, given.seed)
        print(f"{name}, seed {given.seed}")  # noqa: T201 - this is the report
        for field, value in report._asdict().items():
            print(f"  {field:<17}{value:.5g}")  # noqa: T201 - this is the report


if __name__ == "__main__":
    main()
