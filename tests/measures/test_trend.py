"""Trends: a line through each run, an interval over runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.measures.trend import mean_of_runs, slopes

_number = st.floats(-10, 10)


@given(curve=st.lists(_number, min_size=2, max_size=30))
def test_a_slope_is_that_of_least_squares(curve: list[float]) -> None:
    """As numpy's own fit has it."""
    wanted = np.polyfit(range(len(curve)), curve, 1)[0]

    assert slopes(np.array(curve)) == pytest.approx(wanted, abs=1e-9)


def test_undefined_points_are_left_out() -> None:
    """The others keep their rounds."""
    curve = np.array([1.0, np.nan, 3.0, np.nan, np.nan, 6.0])

    assert slopes(curve) == pytest.approx(1.0)


def test_fewer_than_two_points_have_no_slope() -> None:
    """None, and not 0."""
    assert np.isnan(slopes(np.array([1.0])))
    assert np.isnan(slopes(np.array([np.nan, 1.0, np.nan])))
    assert np.isnan(slopes(np.zeros(0)))


def test_many_curves_have_a_slope_each() -> None:
    """Along the last axis."""
    curves = np.array([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0], [1.0, 0.0, np.nan]])

    assert slopes(curves).tolist() == [1.0, 0.0, -1.0]


def test_the_interval_is_students() -> None:
    """Three runs: mean 2, deviation 1, and t(2) at 97.5 % is 4.303."""
    found = mean_of_runs([1.0, 2.0, None, 3.0])

    assert (found.mean, found.sd, found.runs) == (2.0, 1.0, 3)
    assert found.high == pytest.approx(2 + 4.30265 / 3**0.5, abs=1e-4)
    assert found.low == pytest.approx(2 - 4.30265 / 3**0.5, abs=1e-4)


@pytest.mark.parametrize(("values", "mean"), [([], None), ([None], None), ([0.5], 0.5)])
def test_one_run_has_no_interval(values: list[float | None], mean: float) -> None:
    """How runs differ cannot be seen in one."""
    found = mean_of_runs(values)

    assert found.mean == mean
    assert (found.low, found.high, found.sd) == (None, None, None)


def test_the_interval_covers_as_it_says() -> None:
    """95 % of studies of 8 runs have the true mean in it."""
    studies = np.random.default_rng(1).normal(0.3, 2.0, size=(2_000, 8))
    found = [mean_of_runs(study.tolist()) for study in studies]
    covered = [f.low <= 0.3 <= f.high for f in found if f.low is not None and f.high]

    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)
