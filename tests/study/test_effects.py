"""Effects: the right numbers on small data, and the right errors over many studies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hubbub.study.effects import benjamini_hochberg, contrast, holm, mean

SAMPLE = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8)


def rng(seed: int = 1) -> np.random.Generator:
    """A generator for one analysis."""
    return np.random.default_rng(seed)


@given(first=SAMPLE, second=SAMPLE, seed=st.integers(0, 99))
def test_any_samples_have_a_contrast(
    first: list[float], second: list[float], seed: int
) -> None:
    """The interval holds the difference, p is a probability, and nothing is NaN."""
    found = contrast(first, second, rng=rng(seed), draws=200)
    difference = found.difference

    assert difference.value == pytest.approx(np.mean(second) - np.mean(first))
    assert found.p is not None
    assert 0 < found.p <= 1
    if difference.low is not None and difference.high is not None:
        assert difference.low <= difference.high


def test_a_small_permutation_test_is_exact() -> None:
    """Three against three that do not overlap: 2 of the 20 arrangements."""
    found = contrast([1, 2, 3], [7, 8, 9], rng=rng())

    assert found.exact
    assert found.p == pytest.approx(2 / 20)


def test_a_small_paired_test_is_exact() -> None:
    """Five differences above zero: all or none of the 32 sign patterns."""
    found = contrast([1, 2, 3, 4, 5], [2, 4, 5, 7, 9], rng=rng(), paired=True)

    assert found.exact
    assert found.p == pytest.approx(2 / 32)
    assert found.difference.value == pytest.approx(2.4)


def test_few_units_get_students_interval() -> None:
    """Welch's, as scipy has it."""
    first, second = [1.0, 2.0, 4.0], [3.0, 7.0, 8.0, 9.0]
    found = contrast(first, second, rng=rng()).difference
    wanted = stats.ttest_ind(second, first, equal_var=False).confidence_interval(0.95)

    assert found.method == "Student's t"
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_the_drawn_p_agrees_with_students() -> None:
    """On normal samples of thirty the two are near each other."""
    first, second = rng(3).normal(0, 1, 30), rng(4).normal(0.5, 1, 30)
    found = contrast(list(first), list(second), rng=rng())
    wanted = stats.ttest_ind(first, second, equal_var=False).pvalue

    assert not found.exact
    assert found.p == pytest.approx(wanted, rel=0.3)


def test_hedges_g_is_corrected_for_small_samples() -> None:
    """By hand: the difference is 2, the pooled deviation 1, the correction 1 - 3/15."""
    found = contrast([1, 2, 3], [3, 4, 5], rng=rng())

    assert found.size == pytest.approx(2 * (1 - 3 / 15))


@pytest.mark.parametrize("paired", [True, False])
def test_equal_numbers_have_no_interval(paired: bool) -> None:
    """Without variance there is no error to speak of, and that is said."""
    found = contrast([2.0] * 7, [3.0] * 7, rng=rng(), paired=paired)

    assert (found.difference.value, found.difference.low) == (1.0, None)
    assert found.difference.method == "none: no variance"
    assert found.size is None


def test_one_unit_has_no_interval() -> None:
    """One population tells nothing of how populations differ."""
    found = contrast([2.0], [3.0, 4.0], rng=rng())

    assert (found.p, found.difference.high) == (None, None)
    assert found.difference.method == "none: too few units"


@pytest.mark.parametrize("bad", [[], [float("nan")], [float("inf"), 1.0]])
def test_what_is_no_number_is_refused(bad: list[float]) -> None:
    """An outcome that is missing is missing; it is no zero."""
    with pytest.raises(ValueError, match="finite numbers"):
        contrast(bad, [1.0, 2.0], rng=rng())


def test_pairs_must_match() -> None:
    """Unequal numbers are no pairs."""
    with pytest.raises(ValueError, match="no pairs"):
        contrast([1.0, 2.0], [1.0], rng=rng(), paired=True)


def test_the_same_generator_gives_the_same_interval() -> None:
    """A table is the same bytes whenever it is made."""
    one, two = (mean(range(9), rng=rng(5)) for _ in range(2))

    assert one == two


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_corrections_only_raise_p(values: list[float]) -> None:
    """In the same order, never above 1, and Holm's never below the other's."""
    first, second = holm(values), benjamini_hochberg(values)

    for p, strict, mild in zip(values, first, second, strict=True):
        assert p <= mild + 1e-12
        assert mild <= strict + 1e-12
        assert strict <= 1


def test_corrections_by_hand() -> None:
    """Three p values: times 3, 2 and 1; or times 3/1, 3/2 and 3/3."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])


@pytest.mark.parametrize("paired", [False, True])
def test_the_error_of_a_thousand_studies_is_what_it_says(paired: bool) -> None:
    """
    Ten populations an arm: 95 % intervals cover a planted effect in 93 to 97 %, and with
    no effect 5 ± 1.5 % of the tests are significant.
    """
    drawn, covered, alarms = rng(7), 0, 0
    for _ in range(1_000):
        shared = drawn.normal(0, 1, 10) if paired else 0.0
        first = list(drawn.normal(0, 1, 10) + shared)
        second = drawn.normal(0, 1, 10) + shared
        planted = contrast(
            first, list(second + 0.7), rng=drawn, paired=paired, draws=1_000
        ).difference
        assert planted.low is not None
        assert planted.high is not None
        covered += planted.low <= 0.7 <= planted.high
        p = contrast(first, list(second), rng=drawn, paired=paired, draws=1_000).p
        assert p is not None
        alarms += p <= 0.05

    assert 930 <= covered <= 970
    assert 35 <= alarms <= 65
