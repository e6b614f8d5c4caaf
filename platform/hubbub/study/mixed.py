"""
Repeated measures: slopes over rounds of two arms, by a mixed model.

``y = a + b arm + (c + d arm) round + u + v round + e``, with an intercept ``u`` and a slope
``v`` of its own for each population, which may go together, by restricted maximum
likelihood (Laird and Ware 1982).  Intervals are by Student's t with as many degrees of
freedom as populations less two, for it is populations that differ.

Rounds that overlap, as rolling windows do, have residuals that go together, which this
model does not know.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from math import sqrt
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import stats

Rounds = Mapping[int, float | None]


class Slope(msgspec.Struct, frozen=True, kw_only=True):
    """A change per round with its two-sided interval, and the p of there being none."""

    value: float
    low: float
    high: float
    p: float


class Slopes(msgspec.Struct, frozen=True, kw_only=True):
    """
    The *first* arm's slope, the *second*'s, and by how much that is larger.

    All None where no model could be fitted.  *converged* is whether the search for the
    likeliest one came to an end; *notes* is what was said on the way.
    """

    first: Slope | None
    second: Slope | None
    difference: Slope | None
    populations: tuple[int, int]
    values: int
    level: float
    converged: bool
    notes: tuple[str, ...]


def slopes(
    first: Sequence[Rounds], second: Sequence[Rounds], *, level: float = 0.95
) -> Slopes:
    """
    Fit the model to two arms, a mapping of rounds to values for each population.

    Values that are None are left out, and populations without any other.
    """
    rows = np.array(list(_rows(first, second)), np.float64).reshape(-1, 4)
    counts = tuple(len(set(rows[rows[:, 1] == arm][:, 0])) for arm in (0, 1))
    fitted, notes = None, list[str]()
    if min(counts) < 2 or len(set(rows[:, 2])) < 2:
        notes.append("a mixed model needs two populations an arm, and two rounds")
    else:
        fitted = _fit(rows, notes)
    estimates: list[Slope | None] = [None] * 3
    if fitted is not None:
        freedom = sum(counts) - 2
        estimates = [
            _slope(fitted, weights, freedom, level)
            for weights in ([0, 0, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1])
        ]
    return Slopes(
        first=estimates[0],
        second=estimates[1],
        difference=estimates[2],
        populations=(counts[0], counts[1]),
        values=len(rows),
        level=level,
        converged=fitted is not None and bool(fitted.converged),
        notes=tuple(notes),
    )


def _rows(
    first: Sequence[Rounds], second: Sequence[Rounds]
) -> Iterator[tuple[float, float, float, float]]:
    """Population, arm, round and value."""
    for number, rounds in enumerate([*first, *second]):
        for place, value in sorted(rounds.items()):
            if value is not None:
                yield number, number >= len(first), place, value


def _fit(rows: npt.NDArray[np.float64], notes: list[str]) -> Any:
    """The fitted model, None where there is none; what it says goes to *notes*."""
    _, arm, place, value = rows.T
    # Of about one: the search stops at differences of a fixed size.
    scale, spread = float(place.std()), float(value.std())
    if spread <= 1e-12 * float(np.abs(value).max()):
        notes.append("the values do not differ")
        return None
    x = (place - place.mean()) / scale
    fixed = np.column_stack([np.ones_like(x), arm, x, arm * x])
    random = np.column_stack([np.ones_like(x), x])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        # As slow to import as the rest of a command together.
        mixed: Any = import_module("statsmodels.regression.mixed_linear_model")
        try:
            model = mixed.MixedLM(value / spread, fixed, rows[:, 0], exog_re=random)
            found = model.fit(reml=True)
        except (np.linalg.LinAlgError, ValueError) as error:
            notes.append(f"no model could be fitted: {error}")
            return None
        finally:
            notes += dict.fromkeys(str(w.message) for w in told)
    return _Fitted(found, spread / scale)


class _Fitted:
    """What a model has found, in the units of the values."""

    def __init__(self, found: Any, scale: float) -> None:
        self.converged = bool(found.converged)
        self.effects = np.asarray(found.fe_params, np.float64) * scale
        self.covariance = np.asarray(found.cov_params(), np.float64)[:4, :4] * scale**2


def _slope(
    fitted: _Fitted, weights: Sequence[int], freedom: int, level: float
) -> Slope | None:
    w = np.array(weights, np.float64)
    value, variance = float(w @ fitted.effects), float(w @ fitted.covariance @ w)
    if not variance > 0:
        return None
    error = sqrt(variance)
    reach = float(stats.t.isf((1 - level) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, freedom))
    return Slope(value=value, low=value - reach, high=value + reach, p=p)
