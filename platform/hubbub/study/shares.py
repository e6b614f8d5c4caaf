"""
What priors, contexts and their interaction contribute to how populations differ.

Populations are crossed over two factors: the prior (a model, a persona) and the context
(partners, topology, history, size), with replicates in each cell.  For levels that are
chosen, not drawn, each factor's part is the mean square of its effects over those levels.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Draws of the bootstrap.
DRAWS = 5_000


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """
    One source's variance and its share, each with an interval.

    *variance* is unbiased and may fall below 0 where there is nothing; *share* is of the
    sum of all sources and the residual, each at least 0.
    """

    source: str
    variance: float
    share: float
    low: float
    high: float


class Decomposition(msgspec.Struct, frozen=True, kw_only=True):
    """
    The parts: ``prior``, ``context``, ``interaction`` and ``residual``, in this order.

    *units* are the populations in each cell, at least and at most.
    """

    parts: tuple[Part, ...]
    units: tuple[int, int]
    level: float


def decompose(
    cells: Mapping[tuple[str, str], Sequence[float]],
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = DRAWS,
) -> Decomposition:
    """
    Split the variance of *cells*: by (prior, context), one number a population.

    With ``m`` the cells' means, ``s2`` the variance within them and ``n`` their harmonic
    mean size, the prior's part is ``mean_i(alpha_i ** 2) - (a - 1) / (a b n) s2`` where
    ``alpha_i`` is the mean of row i less the mean of all; so for the others.  Intervals
    are percentiles over resamples of populations within cells.

    Raises `ValueError` unless there are two levels of each, and two populations in every
    cell.
    """
    samples = _crossed(cells)
    found = _parts(samples, times=1.0)
    # Resampled means vary around the sample's, which vary around the true ones.
    drawn = _parts([[_drawn(x, rng, draws) for x in row] for row in samples], times=2.0)
    shares = _shares(found)[0]
    low, high = np.quantile(_shares(drawn), [(1 - level) / 2, (1 + level) / 2], axis=0)
    sizes = [x.shape[1] for row in samples for x in row]
    names = ("prior", "context", "interaction", "residual")
    return Decomposition(
        parts=tuple(
            Part(
                source=name,
                variance=float(found[0, place]),
                share=float(shares[place]),
                low=float(low[place]),
                high=float(high[place]),
            )
            for place, name in enumerate(names)
        ),
        units=(min(sizes), max(sizes)),
        level=level,
    )


def _crossed(cells: Mapping[tuple[str, str], Sequence[float]]) -> list[list[Floats]]:
    priors = list(dict.fromkeys(prior for prior, _ in cells))
    contexts = list(dict.fromkeys(context for _, context in cells))
    if len(priors) < 2 or len(contexts) < 2:
        raise ValueError("a decomposition needs two priors and two contexts, or more")
    for prior in priors:
        for context in contexts:
            if len(cells.get((prior, context), ())) < 2:
                raise ValueError(
                    f"prior {prior} in context {context} has not two populations"
                )
    return [[np.asarray([cells[p, c]], np.float64) for c in contexts] for p in priors]


def _drawn(x: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """*draws* resamples of a cell, a row each."""
    resampled: Floats = x[0, rng.integers(0, x.shape[1], (draws, x.shape[1]))]
    return resampled


def _parts(samples: list[list[Floats]], *, times: float) -> Floats:
    """
    The four variances, a row for each draw of the cells.

    *times* is how often the noise of the cells' means is taken off.
    """
    means = np.array([[x.mean(axis=1) for x in row] for row in samples])
    rows, columns, _ = means.shape
    sizes = [x.shape[1] for row in samples for x in row]
    squares = sum(x.var(axis=1) * x.shape[1] for row in samples for x in row)
    within = squares / (sum(sizes) - len(sizes))
    noise = times * within * sum(1 / size for size in sizes) / (rows * columns) ** 2
    centre = means.mean(axis=(0, 1))
    prior = means.mean(axis=1) - centre
    context = means.mean(axis=0) - centre
    rest = means - centre - prior[:, None] - context[None, :]
    parts = [
        (prior**2).mean(axis=0) - (rows - 1) * noise,
        (context**2).mean(axis=0) - (columns - 1) * noise,
        (rest**2).mean(axis=(0, 1)) - (rows - 1) * (columns - 1) * noise,
        within,
    ]
    return np.stack(parts, axis=1)


def _shares(parts: Floats) -> Floats:
    """Each row's parts as shares of their sum; all 0 where nothing varies."""
    kept = np.clip(parts, 0, None)
    total = kept.sum(axis=1, keepdims=True)
    shares: Floats = kept / np.where(total > 0, total, 1.0)
    return shares
