"""Figures of an estimate: where another value lies, and how much calls may weigh."""

import random
from collections.abc import Sequence
from math import exp, log, sqrt
from statistics import fmean, stdev

import msgspec


class Range(msgspec.Struct, frozen=True):
    """An estimate and its interval."""

    low: float
    middle: float
    high: float


def interval(values: Sequence[float], freedom: float) -> Range:
    """
    The mean of *values* and where another one lies with 95 %.

    By Student's t with *freedom* degrees, or as many as the values have if those are
    fewer; on the values or on their logarithms, whichever end is nearer, for sums of
    lengths are skewed and numbers of calls are bounded.
    """
    middle = fmean(values)
    if min(values) <= 0:
        return Range(min(values), middle, max(values))
    reach = student(min(freedom, len(values) - 1)) * sqrt(1 + 1 / len(values))
    plain, ratio = reach * stdev(values), exp(reach * stdev(map(log, values)))
    return Range(
        max(middle - plain, middle / ratio), middle, min(middle + plain, middle * ratio)
    )


def student(freedom: float) -> float:
    """The 97.5 % quantile of Student's t with *freedom* degrees, rounded down."""
    exact = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
    if freedom < len(exact) + 1:
        return exact[int(freedom) - 1]
    # The first terms of its expansion about the normal distribution's.
    return 1.96 + 2.37 / freedom + 2.82 / freedom**2


def weights(count: int, rng: random.Random) -> list[float]:
    """
    *count* weights that sum to 1, from a Dirichlet distribution.

    Its parameter is the one with which a weighted mean of *count* values varies as much
    as, estimated without bias, their mean does; for two it is 0.
    """
    drawn = [0.0] * count
    if count > 2:
        drawn = [rng.gammavariate((count - 2) / count, 1.0) for _ in drawn]
    if not sum(drawn):
        drawn[rng.randrange(count)] = 1.0
    return [one / sum(drawn) for one in drawn]
