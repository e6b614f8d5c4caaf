"""What prior, context and their interaction contribute."""

import numpy as np
import pytest

from hubbub.study.shares import Decomposition, decompose

Cells = dict[tuple[str, str], list[float]]

SOURCES = ("prior", "context", "interaction")


def society(
    prior: float = 0.0, context: float = 0.0, both: float = 0.0, *, seed: int = 1
) -> Cells:
    """Two priors in two contexts, twelve populations each, with effects of that size."""
    rng = np.random.default_rng(seed)
    return {
        (f"p{i}", f"c{j}"): list(
            rng.normal(prior * i + context * j + both * (i == j), 1.0, 12)
        )
        for i in (-1, 1)
        for j in (-1, 1)
    }


def shares(cells: Cells) -> Decomposition:
    """The decomposition of *cells*."""
    return decompose(cells, rng=np.random.default_rng(2), draws=1_000)


@pytest.mark.parametrize("source", SOURCES)
def test_a_planted_source_has_the_largest_share(source: str) -> None:
    """And the other two next to none."""
    parts = shares(society(*(2.0 * (source == s) for s in SOURCES))).parts
    largest = max(parts[:3], key=lambda part: part.share)

    assert largest.source == source
    assert largest.share > 0.4
    assert sum(part.share for part in parts) == pytest.approx(1.0)
    assert all(part.share < 0.1 for part in parts[:3] if part is not largest)


def test_means_without_noise_are_split_by_hand() -> None:
    """Rows -3 and 3, columns -1 and 1, no interaction: 9 and 1."""
    cells = {(f"p{i}", f"c{j}"): [i + j] * 2 for i in (-3.0, 3.0) for j in (-1.0, 1.0)}
    found = [part.variance for part in shares(cells).parts]

    assert found == pytest.approx([9.0, 1.0, 0.0, 0.0])


def test_intervals_cover_the_true_shares() -> None:
    """Over two hundred studies nine in ten or more, for each source."""
    true = np.array([0.36, 0.16, 0.0, 1.0]) / 1.52
    covered = np.zeros(4)
    for seed in range(200):
        parts = shares(society(0.6, 0.4, seed=seed)).parts
        covered += [
            p.low - 1e-9 <= t <= p.high for p, t in zip(parts, true, strict=True)
        ]

    assert (covered >= 180).all(), covered


def test_nothing_has_no_share() -> None:
    """Without any variance every share is 0."""
    cells = {(p, c): [1.0, 1.0] for p in "ab" for c in "xy"}

    assert [part.share for part in shares(cells).parts] == [0.0] * 4


def test_a_cell_without_two_populations_is_named() -> None:
    """What cannot be crossed is not decomposed."""
    cells = society()
    cells["p1", "c-1"] = [1.0]

    with pytest.raises(ValueError, match="prior p1 in context c-1"):
        shares(cells)


def test_one_prior_is_no_factor() -> None:
    """Two levels of each, or there is nothing to compare."""
    with pytest.raises(ValueError, match="two priors"):
        shares({("p", "x"): [1.0, 2.0], ("p", "y"): [1.0, 2.0]})
