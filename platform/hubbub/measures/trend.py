"""
Trends with the population as the unit: one slope a run, then a mean over runs.

The paper (arXiv 2402.12590, section 2) reports a slope and p of points that are agents in
overlapping windows of one run.  Such points depend on each other, so their errors are too
small.  Here the line through one run's curve only sums that run up, without an error; the
error of a mean slope comes from how runs differ.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from scipy import stats

from hubbub.measures.arrays import Floats, add, divide, number


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """
    A mean over *runs* populations, and the interval that holds the true one.

    *sd* is between runs.  The interval is Student's at *level*; it is None, as *sd* is,
    for fewer than two runs.
    """

    mean: float | None
    low: float | None
    high: float | None
    sd: float | None
    runs: int
    level: float


def slopes(curves: Floats) -> Floats:
    """
    The least-squares slope of each curve, ``[…, points]``, in its unit per round.

    The points are a round apart; undefined ones are left out.  NaN for fewer than two.
    """
    defined = ~np.isnan(curves)
    count = add(defined)[..., None]
    x = np.broadcast_to(np.arange(curves.shape[-1], dtype=float), curves.shape)
    x = np.where(defined, x, 0.0)
    y = np.where(defined, curves, 0.0)
    x = np.where(defined, x - divide(add(x)[..., None], count), 0.0)
    y = np.where(defined, y - divide(add(y)[..., None], count), 0.0)
    return divide(add(x * y), add(x * x))


def mean_of_runs(values: Sequence[float | None], level: float = 0.95) -> Estimate:
    """The mean of one value a run, such as its slope; runs without one are left out."""
    found = np.array([value for value in values if value is not None], float)
    runs = len(found)
    if runs < 2:
        mean = number(found[0]) if runs else None
        return Estimate(mean=mean, low=None, high=None, sd=None, runs=runs, level=level)
    mean, sd = float(found.mean()), float(found.std(ddof=1))
    reach = float(stats.t.ppf((1 + level) / 2, runs - 1)) * sd / runs**0.5
    return Estimate(
        mean=mean, low=mean - reach, high=mean + reach, sd=sd, runs=runs, level=level
    )
