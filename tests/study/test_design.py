"""How many populations, and when to stop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.study.design import Looks, Precise, power, units_at, units_for


def test_power_is_cohens() -> None:
    """The textbook's: an effect of 0.5 needs 64 an arm, or 34 pairs, for 80 %."""
    assert units_for(0.5, paired=False) == 64
    assert units_for(0.5, paired=True) == 34
    assert power(0.5, 64, paired=False) == pytest.approx(0.8015, abs=0.001)


def test_power_is_the_share_of_studies_that_find_it() -> None:
    """Simulated t tests of twenty an arm, with an effect of 0.9."""
    drawn = np.random.default_rng(1)
    first, second = drawn.normal(0, 1, (2, 4_000, 20))
    shift = second.mean(1) + 0.9 - first.mean(1)
    error = np.sqrt((first.var(1, ddof=1) + second.var(1, ddof=1)) / 20)
    found = (np.abs(shift / error) > 2.0244).mean()

    assert found == pytest.approx(power(0.9, 20, paired=False), abs=0.02)


@given(effect=st.floats(0.1, 3), wanted=st.floats(0.3, 0.99))
def test_units_are_the_fewest_that_do(effect: float, wanted: float) -> None:
    """One less would not."""
    units = units_for(effect, paired=False, wanted=wanted)

    assert power(effect, units, paired=False) >= wanted
    assert units == 2 or power(effect, units - 1, paired=False) < wanted


def test_nothing_is_not_found_with_any_number() -> None:
    """An effect of zero has no sample size."""
    with pytest.raises(ValueError, match="not found"):
        units_for(0.0, paired=False)


def test_a_precise_study_looks_at_widths_alone() -> None:
    """From its least populations on, until all intervals are narrow or it has its most."""
    stop = Precise(width=0.1, least=5, most=9)

    assert not stop.enough(4, [0.01])
    assert not stop.enough(5, [0.01, 0.2])
    assert not stop.enough(5, [None])
    assert stop.enough(5, [0.01, 0.1])
    assert stop.enough(9, [0.5])


def test_looks_share_the_false_alarms() -> None:
    """Four looks at 5 % in all are 1.25 % each."""
    stop = Looks(at=(5, 10, 15, 20))

    assert stop.level(0.95) == pytest.approx(0.9875)
    assert not stop.enough(5, [0.02], 0.95)
    assert not stop.enough(6, [0.001], 0.95)
    assert stop.enough(5, [0.01], 0.95)
    assert stop.enough(20, [0.9], 0.95)


def test_looks_are_at_rising_numbers() -> None:
    """Twice the same look, or none, is a mistake."""
    for at in ((), (5, 5), (10, 5)):
        with pytest.raises(ValueError, match="rising"):
            Looks(at=at)


def test_the_next_look_is_further_on() -> None:
    """And never beyond the last."""
    assert [units_at(Looks(at=(5, 10)), units) for units in (0, 5, 10)] == [5, 10, 10]
    assert [units_at(Precise(width=1), units) for units in (0, 5, 40)] == [5, 8, 50]
