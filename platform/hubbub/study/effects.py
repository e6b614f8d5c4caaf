"""
Effects and their errors, where the unit is the population.

One number a population, whatever happened inside it: agents of one run have heard each
other and are no independent draws.  Arms are compared by the difference of their means,
with a studentised bootstrap interval and a permutation test.
"""

from collections.abc import Sequence
from itertools import combinations, product
from math import comb, sqrt

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

#: Arrangements up to which a permutation test looks at all of them.
EXACT = 20_000
#: Draws of a bootstrap, and of a permutation test that is not exact.
DRAWS = 10_000
#: Units of an arm below which a bootstrap has too little to draw from.
FEW = 6


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """
    A mean or a difference of means, with a two-sided interval at *level*.

    *low* and *high* are None where there are too few units, or where they do not differ.
    *units* are the populations behind it, and *method* says how it was made.
    """

    value: float
    low: float | None
    high: float | None
    level: float
    units: tuple[int, ...]
    method: str


class Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """
    By how much the second sample is larger than the first.

    *p* is that of the two-sided permutation test, which is *exact* or drawn.  *size* is
    the standardised difference, Hedges' g, or for *paired* samples the mean difference
    by its standard deviation with the same correction; None without any variance.
    """

    difference: Interval
    p: float | None
    exact: bool
    paired: bool
    size: float | None


def mean(
    sample: Sequence[float],
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = DRAWS,
) -> Interval:
    """
    The mean of *sample* with its interval.

    Studentised bootstrap (Efron and Tibshirani 1993, chapter 12); with fewer than `FEW`
    units Student's t.  Raises `ValueError` for an empty sample or what is no number.
    """
    x = _checked(sample)
    return _interval([x], rng, level, draws)


def contrast(
    first: Sequence[float],
    second: Sequence[float],
    *,
    rng: np.random.Generator,
    paired: bool = False,
    level: float = 0.95,
    draws: int = DRAWS,
) -> Contrast:
    """
    Compare *second* with *first*, pair by pair when they are *paired*.

    The test permutes labels under the hypothesis that arms are exchangeable, with
    Welch's t as its statistic; paired, it flips the signs of differences.  Raises
    `ValueError` for empty samples, for pairs that do not match, and for what is no number.
    """
    a, b = _checked(first), _checked(second)
    if not paired:
        p, exact = _permute(a, b, rng, draws)
        spread = _pooled(a, b)
        interval = _interval([a, b], rng, level, draws)
        size = _standardised(interval.value, spread, len(a) + len(b) - 2)
    else:
        if len(a) != len(b):
            raise ValueError(f"{len(a)} and {len(b)} units are no pairs")
        d = b - a
        p, exact = _flip(d, rng, draws)
        interval = _interval([d], rng, level, draws)
        spread = float(d.std(ddof=1)) if len(d) > 1 else 0.0
        size = _standardised(interval.value, spread, len(d) - 1)
    return Contrast(difference=interval, p=p, exact=exact, paired=paired, size=size)


def _checked(sample: Sequence[float]) -> Floats:
    x = np.asarray(sample, dtype=np.float64)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise ValueError("a sample is one or more finite numbers, one a population")
    return x


# -- intervals


def _interval(
    samples: list[Floats], rng: np.random.Generator, level: float, draws: int
) -> Interval:
    """For the mean of one sample, or of two for the second's mean less the first's."""
    value = _difference([x.mean() for x in samples])
    error = _error(samples)
    low = high = None
    method = (
        "none: too few units" if min(map(len, samples)) < 2 else "none: no variance"
    )
    if error > 0:
        small = min(map(len, samples)) < FEW
        method = "Student's t" if small else f"studentised bootstrap, {draws:,} draws"
        bounds = _student if small else _bootstrap
        below, above = bounds(samples, rng, (1 - level) / 2, draws)
        low, high = value - above * error, value - below * error
    return Interval(
        value=value,
        low=low,
        high=high,
        level=level,
        units=tuple(map(len, samples)),
        method=method,
    )


def _difference(means: Sequence[np.float64]) -> float:
    return float(means[-1] - means[0]) if len(means) == 2 else float(means[0])


def _error(samples: list[Floats]) -> float:
    """The standard error; 0 where it cannot be known."""
    if min(map(len, samples)) < 2:
        return 0.0
    error = sqrt(sum(float(x.var(ddof=1)) / len(x) for x in samples))
    # Equal numbers have a variance of rounding alone.
    scale = max(float(np.abs(x).max()) for x in samples)
    return error if error > 1e-12 * scale else 0.0


def _student(
    samples: list[Floats], rng: np.random.Generator, tail: float, draws: int
) -> tuple[float, float]:
    """Quantiles of t, with Welch's degrees of freedom."""
    parts = [float(x.var(ddof=1)) / len(x) for x in samples]
    # As shares of their sum: the square of a tiny variance may be nothing at all.
    shares = [part / sum(parts) for part in parts]
    below = sum(part**2 / (len(x) - 1) for part, x in zip(shares, samples, strict=True))
    bound = float(stats.t.isf(tail, 1 / below))
    return -bound, bound


def _bootstrap(
    samples: list[Floats], rng: np.random.Generator, tail: float, draws: int
) -> tuple[float, float]:
    """Quantiles of the studentised difference over resamples."""
    means: list[Floats] = []
    errors = np.zeros(draws)
    for x in samples:
        drawn = x[rng.integers(0, len(x), (draws, len(x)))]
        means.append(drawn.mean(axis=1) - x.mean())
        errors += drawn.var(axis=1, ddof=1) / len(x)
    shift = means[-1] - means[0] if len(means) == 2 else means[0]
    # A resample of one value again and again says nothing of the error.
    usable = errors > 1e-24
    ratios = shift[usable] / np.sqrt(errors[usable])
    below, above = np.quantile(ratios, [tail, 1 - tail])
    return float(below), float(above)


# -- tests


def _permute(
    a: Floats, b: Floats, rng: np.random.Generator, draws: int
) -> tuple[float | None, bool]:
    if min(len(a), len(b)) < 2:
        return None, False
    pool, size = np.concatenate([a, b]), len(a)
    exact = comb(len(pool), size) <= EXACT
    if exact:
        chosen = np.array(list(combinations(range(len(pool)), size)))
    else:
        chosen = rng.permuted(np.tile(np.arange(len(pool)), (draws, 1)), axis=1)
        chosen = chosen[:, :size]
    mask = np.zeros((len(chosen), len(pool)), dtype=bool)
    np.put_along_axis(mask, chosen, values=True, axis=1)
    observed = np.zeros((1, len(pool)), dtype=bool)
    observed[0, :size] = True
    return _share(_welch(pool, mask), _welch(pool, observed)[0], exact=exact), exact


def _welch(pool: Floats, mask: npt.NDArray[np.bool_]) -> Floats:
    """The absolute t of every arrangement; infinite where only the means differ."""
    count = mask.sum(axis=1)
    rest = pool.size - count
    pool = pool - pool.mean()
    total, squares = pool.sum(), (pool**2).sum()
    sums, own = mask @ pool, mask @ pool**2
    first, second = sums / count, (total - sums) / rest
    variance = np.clip(own - count * first**2, 0, None) / (count - 1) / count
    variance += np.clip(squares - own - rest * second**2, 0, None) / (rest - 1) / rest
    return _ratio(np.abs(second - first), variance, float(squares))


def _ratio(shift: Floats, variance: Floats, scale: float) -> Floats:
    shift = np.where(shift**2 > 1e-24 * scale, shift, 0.0)
    variance = np.where(variance > 1e-24 * scale, variance, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(shift / np.sqrt(variance), nan=0.0, posinf=np.inf)


def _flip(d: Floats, rng: np.random.Generator, draws: int) -> tuple[float | None, bool]:
    if len(d) < 2:
        return None, False
    exact = 2 ** len(d) <= EXACT
    if exact:
        signs = np.array(list(product((1.0, -1.0), repeat=len(d))))
    else:
        signs = rng.choice((1.0, -1.0), (draws, len(d)))
    # The squares do not change with the signs, so the sum is as good as t.
    found = np.abs(signs @ d)
    return _share(found, abs(float(d.sum())), exact=exact), exact


def _share(found: Floats, observed: float, *, exact: bool) -> float:
    """The share of arrangements at least as extreme; rounding does not decide."""
    extreme = int((found >= observed * (1 - 1e-9)).sum())
    return extreme / len(found) if exact else (extreme + 1) / (len(found) + 1)


# -- sizes


def _pooled(a: Floats, b: Floats) -> float:
    freedom = len(a) + len(b) - 2
    if min(len(a), len(b)) < 2:
        return 0.0
    squares = (len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)
    return sqrt(float(squares) / freedom)


def _standardised(value: float, spread: float, freedom: int) -> float | None:
    """Hedges' correction of the bias of small samples: 1 - 3 / (4 f - 1)."""
    if spread <= 1e-12 * abs(value) or freedom < 1:
        return None
    return value / spread * (1 - 3 / (4 * freedom - 1))


# -- several outcomes


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p values that keep the chance of any false alarm (Holm 1979)."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = highest
    return adjusted


def benjamini_hochberg(values: Sequence[float]) -> list[float]:
    """Adjusted p values that keep the share of false alarms (1995)."""
    order = sorted(range(len(values)), key=lambda place: -values[place])
    adjusted, lowest = [0.0] * len(values), 1.0
    for rank, place in enumerate(order):
        lowest = min(lowest, values[place] * len(values) / (len(values) - rank))
        adjusted[place] = lowest
    return adjusted
