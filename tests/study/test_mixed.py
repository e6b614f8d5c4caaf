"""Slopes over rounds: what is planted is found, and what cannot be is told."""

import numpy as np
import pytest

from hubbub.study.mixed import Rounds, slopes


def arm(
    slope: float, rng: np.random.Generator, *, populations: int = 8, rounds: int = 10
) -> list[Rounds]:
    """Populations with a mean *slope*, and their own intercepts and slopes."""
    found: list[Rounds] = []
    for _ in range(populations):
        own, start = slope + rng.normal(0, 0.1), rng.normal(5, 1)
        noise = rng.normal(0, 0.3, rounds)
        found.append({t: start + own * t + noise[t - 1] for t in range(1, rounds + 1)})
    return found


def test_planted_slopes_are_found() -> None:
    """In their units, with the difference of the second less the first."""
    rng = np.random.default_rng(1)
    found = slopes(arm(0.0, rng, populations=20), arm(-0.5, rng, populations=20))

    assert found.converged
    assert found.populations == (20, 20)
    for slope, planted in ((found.first, 0.0), (found.second, -0.5)):
        assert slope is not None
        assert slope.value == pytest.approx(planted, abs=0.1)
    assert found.difference is not None
    assert found.difference.low < -0.5 < found.difference.high
    assert found.difference.p < 0.001


def test_intervals_cover_and_alarms_are_few() -> None:
    """Of a hundred studies with no difference: 95 % cover 0, give or take three errors."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(100):
        found = slopes(arm(0.2, rng), arm(0.2, rng)).difference
        assert found is not None
        covered += found.low <= 0 <= found.high

    assert 88 <= covered <= 100


def test_missing_values_are_left_out() -> None:
    """A round without a value is no zero."""
    rng = np.random.default_rng(3)
    first, second = arm(0.0, rng), arm(-0.5, rng)
    holes = [{t: v if t != 4 else None for t, v in rounds.items()} for rounds in second]
    found = slopes(first, holes)

    assert found.values == 8 * 10 + 8 * 9
    assert found.second is not None
    assert found.second.value == pytest.approx(-0.5, abs=0.15)


def test_too_little_is_told() -> None:
    """One population, or one round, has no slope to compare."""
    rng = np.random.default_rng(4)
    for few in (slopes(arm(0, rng)[:1], arm(0, rng)), slopes([{1: 1.0}] * 3, [])):
        assert few.difference is None
        assert not few.converged
        assert "two populations" in few.notes[0]


def test_what_does_not_converge_is_told() -> None:
    """Values without any noise: whatever is found, it is not called converged."""
    line: Rounds = {t: float(t) for t in range(5)}
    found = slopes([line] * 3, [dict.fromkeys(range(5), 0.0)] * 3)

    assert not found.converged
    assert found.notes


def test_equal_values_have_no_slope() -> None:
    """Where nothing varies there is no model."""
    found = slopes([{1: 2.0, 2: 2.0}] * 3, [{1: 2.0, 2: 2.0}] * 3)

    assert (found.difference, found.notes) == (None, ("the values do not differ",))
