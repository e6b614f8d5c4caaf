"""How much sentences differ: planted vectors, and what the two measures owe each other."""

import random
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import UsageError
from hubbub.measures.arrays import Floats
from hubbub.measures.diversity import diversity, pairwise_distance, total_variance
from hubbub.models.embeddings import HashedNgrams
from hubbub_agents.topics import TOPICS, sentence

_rows = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).normal(size=(seed % 7 + 2, 5))
)


def test_equal_sentences_do_not_differ() -> None:
    """However long their vectors are."""
    assert total_variance([[1, 0], [2, 0]]) == 0
    assert pairwise_distance([[1, 0], [2, 0]]) == 0


def test_sentences_at_right_angles() -> None:
    """Of two, the variance is a half and the distance 1; of three, two thirds and 1."""
    assert total_variance(np.eye(2)) == pytest.approx(1 / 2)
    assert total_variance(np.eye(3)) == pytest.approx(2 / 3)
    assert pairwise_distance(np.eye(3)) == pytest.approx(1)


def test_opposite_sentences_differ_most() -> None:
    """The variance is 1, the distance 2."""
    assert total_variance([[1.0], [-1.0]]) == 1
    assert pairwise_distance([[1.0], [-1.0]]) == 2


@given(rows=_rows)
def test_total_variance_is_the_trace_of_the_covariance(rows: Floats) -> None:
    """Of unit vectors, with n and not n - 1."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)

    assert total_variance(rows) == pytest.approx(unit.var(axis=0).sum())


@given(rows=_rows)
def test_the_distance_is_the_mean_over_all_pairs(rows: Floats) -> None:
    """And the variance times n / (n - 1)."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    wanted = np.mean([1 - a @ b for a, b in combinations(unit, 2)])
    variance = total_variance(rows)

    assert variance is not None
    assert pairwise_distance(rows) == pytest.approx(wanted)
    assert pairwise_distance(rows) == pytest.approx(
        variance * len(rows) / (len(rows) - 1)
    )


def test_too_few_sentences_have_no_value() -> None:
    """None, and not 0: no valid sentence is not no diversity."""
    assert total_variance([]) is None
    assert total_variance([[1.0]]) == 0
    assert pairwise_distance([[1.0]]) is None


def test_questions_are_apart_pooled_and_averaged() -> None:
    """A question without sentences is in no mean."""
    found: dict[str, Any] = {
        row.question: (row.sentences, row.total_variance, row.pairwise_distance)
        for row in diversity(
            {"1": [[1, 0], [0, 1]], "2": [[1, 0], [1, 0]], "3": []}, "planted"
        )
    }

    assert found["1"] == (2, pytest.approx(0.5), pytest.approx(1))
    assert found["2"] == (2, 0, 0)
    assert found["3"] == (0, None, None)
    assert found["all"] == (
        4,
        pytest.approx(1 - (0.75**2 + 0.25**2)),
        pytest.approx(0.5),
    )
    assert found["mean"] == (4, pytest.approx(0.25), pytest.approx(0.5))


def test_every_row_names_its_embedder() -> None:
    """Numbers of two embedders cannot be compared."""
    assert {row.embedder for row in diversity({}, "local/minilm")} == {"local/minilm"}


def test_a_vector_of_nothing_is_refused() -> None:
    """It has no direction."""
    with pytest.raises(UsageError, match="no direction"):
        total_variance([[0.0, 0.0]])


async def test_disjoint_vocabularies_have_the_higher_variance() -> None:
    """Twelve sentences of eight topics vary more than twelve of any one of them."""
    rng = random.Random(3)

    async def spread(topics: Sequence[str]) -> float:
        texts = [sentence(rng.choice(topics), rng) for _ in range(12)]
        vectors = await HashedNgrams().embed(texts, deadline=10)
        found = total_variance(vectors)
        assert found is not None
        return found

    mixed = await spread(list(TOPICS))
    assert all([mixed > await spread([topic]) for topic in TOPICS])
