"""An effect that was planted is found again; the many studies are made by `tests.planted`."""

import pytest

from ..planted import ADVERSARIES, ONSET, Report, repeat


@pytest.fixture(scope="module")
def report() -> Report:
    """Six studies of eight pairs, with a persuader of known strength."""
    return repeat(ADVERSARIES["persuader"], 6, 8)


def test_the_planted_effect_is_recovered(report: Report) -> None:
    """
    Most intervals hold it, and the mean of all pairs lies near: 48 pairs have a standard
    error of 0.0028.
    """
    assert report.covered >= 5 / 6
    assert report.unpaired_covered >= 5 / 6
    assert abs(report.estimate - 0.07) < 0.0084
    assert report.true == pytest.approx(0.07)


def test_twins_are_worth_many_populations(report: Report) -> None:
    """Their intervals are three times narrower, or more, for as many runs."""
    assert report.narrower >= 3


def test_the_slope_is_what_one_contact_does(report: Report) -> None:
    """A shift of 0.05 of which 7 in 10 count."""
    assert report.slope_covered >= 5 / 6
    assert abs(report.slope - 0.035) < 0.006


def test_twins_are_the_same_where_no_adversary_is(report: Report) -> None:
    """Before it comes, and for whom it never talks to: to the last digit."""
    assert ONSET == 2
    assert (report.before, report.unreached) == (0.0, 0.0)


def test_an_adversary_without_strength_alarms_nobody() -> None:
    """It talks as much, and nothing comes of it: every difference is 0."""
    report = repeat(ADVERSARIES["without strength"], 2, 6)

    assert (report.estimate, report.alarms, report.covered) == (0.0, 0.0, 1.0)
