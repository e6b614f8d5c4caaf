"""
How much sentences differ: the measures of sentence construction.

Source: arXiv 2402.12590, section 3, "variance of sentence embeddings".  Its formula is not
given, but embeddings of length 1 in 3,072 dimensions cannot have a mean variance per
dimension near the reported 0.1; the total variance can, so that is what it must be.

For n vectors ``e`` of length 1 with mean ``m``:

* total variance ``V = 1 - ‖m‖²``, the trace of their covariance, from 0 to 1;
* mean pairwise cosine distance ``P``, over the ``n (n - 1) / 2`` pairs, from 0 to
  ``n / (n - 1)``.

They are tied: ``P = n / (n - 1) · V``.  So V of few sentences is too small by that factor,
and P is the one to compare where numbers differ.  Both are over the sentences that are
handed in, valid ones as a rule; V is undefined for none, P for fewer than two.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from hubbub.measures.arrays import Floats
from hubbub.measures.pairs import unit_vector

Rows = Sequence[Sequence[float]] | Floats


class Diversity(msgspec.Struct, frozen=True, kw_only=True):
    """
    How much *sentences* differ.

    *question* is ``all`` for all questions pooled, and ``mean`` for the mean over the
    questions that have a value, which is what the paper reports.
    """

    question: str
    sentences: int
    total_variance: float | None
    pairwise_distance: float | None
    embedder: str


def total_variance(vectors: Rows) -> float | None:
    """``1 - ‖mean‖²`` of *vectors*, scaled to length 1; None for none."""
    rows = _rows(vectors)
    if not len(rows):
        return None
    mean = rows.mean(axis=0)
    return max(0.0, 1.0 - float(mean @ mean))


def pairwise_distance(vectors: Rows) -> float | None:
    """The mean of ``1 - cos`` over all pairs of *vectors*; None for fewer than two."""
    rows = _rows(vectors)
    if len(rows) < 2:
        return None
    total = rows.sum(axis=0)
    pairs = len(rows) * (len(rows) - 1)
    # Of the sum over all ordered pairs, each vector with itself is 1.
    return max(0.0, 1.0 - float(total @ total - len(rows)) / pairs)


def diversity(questions: Mapping[str, Rows], embedder: str) -> list[Diversity]:
    """
    The diversity of each question's sentences, then of ``all`` and their ``mean``.

    *questions* has the vectors of the sentences that answer each, from *embedder*.
    """
    each = [_diversity(name, rows, embedder) for name, rows in questions.items()]
    pooled = [row for rows in questions.values() for row in _rows(rows)]
    mean = Diversity(
        question="mean",
        sentences=len(pooled),
        total_variance=_mean([one.total_variance for one in each]),
        pairwise_distance=_mean([one.pairwise_distance for one in each]),
        embedder=embedder,
    )
    return [*each, _diversity("all", np.array(pooled), embedder), mean]


def _diversity(question: str, vectors: Rows, embedder: str) -> Diversity:
    return Diversity(
        question=question,
        sentences=len(vectors),
        total_variance=total_variance(vectors),
        pairwise_distance=pairwise_distance(vectors),
        embedder=embedder,
    )


def _rows(vectors: Rows) -> Floats:
    return np.array([unit_vector(vector) for vector in vectors], float)


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None
