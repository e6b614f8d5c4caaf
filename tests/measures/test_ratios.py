"""Distinct ratios of planted parties, to the fraction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.measures.arrays import contacts, rolling, windows
from hubbub.measures.party import Party
from hubbub.measures.ratios import Reading, distinct, distinct_by_seat

from .hosting import party

#: a invites b, b and c; b invites nobody; c invites a once.  Two of them are accepted.
THREE = party("abc", ["ab!", "ca"], ["ab!"], ["ac"])


def value(party: Party, half: str, reading: Reading, width: int) -> list[float]:
    counts = getattr(windows(contacts(party), width), half)
    found: list[float] = distinct(counts, reading, width).value.tolist()
    return found


def test_the_ratio_of_invitations_divides_by_invitations() -> None:
    """a: 2 of 3, c: 1 of 1; b sent none and has no ratio."""
    assert value(THREE, "invitations", "total", 3) == [pytest.approx((2 / 3 + 1) / 2)]


def test_the_other_reading_divides_by_rounds() -> None:
    """a: 2 of 3, c: 1 of 3, and b, who sent none, 0 of 3."""
    assert value(THREE, "invitations", "window", 3) == [pytest.approx((2 + 1 + 0) / 9)]


def test_a_conversation_counts_for_both() -> None:
    """a and b had two with each other: one in two each.  c had none."""
    assert value(THREE, "conversations", "total", 3) == [0.5]
    assert value(THREE, "conversations", "window", 3) == [pytest.approx(2 / 9)]


def test_numerators_and_denominators_are_kept() -> None:
    """For each seat its others and its invitations; over seats, how many have a ratio."""
    sent = windows(contacts(THREE), 3).invitations
    seats = distinct_by_seat(sent, "total", 3)
    all_of_them = distinct(sent, "total", 3)

    assert seats.numerator.tolist() == [[2, 0, 1]]
    assert seats.denominator.tolist() == [[3, 0, 1]]
    assert all_of_them.denominator.tolist() == [2]


def test_windows_roll_by_a_round() -> None:
    """Each holds as many rounds; a run that is shorter has none."""
    assert value(THREE, "invitations", "total", 2) == [0.75, 1.0]
    assert value(THREE, "invitations", "total", 4) == []


def test_nobody_interacting_is_undefined_and_not_zero() -> None:
    """By rounds it is zero, and so it says."""
    silent = party("ab", [], [])

    assert np.isnan(value(silent, "invitations", "total", 2)).all()
    assert value(silent, "invitations", "window", 2) == [0.0]


@given(
    counts=st.lists(
        st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=9
    ),
    width=st.integers(1, 9),
)
def test_a_rolling_sum_is_the_sum_of_its_rounds(
    counts: list[list[int]], width: int
) -> None:
    """Whatever the counts are."""
    rounds = np.array(counts).reshape(-1, 2, 2)
    found = rolling(rounds, width)
    last = range(width, len(rounds) + 1)

    assert len(found) == len(last)
    for t, window in zip(last, found, strict=True):
        assert (window == rounds[t - width : t].sum(axis=0)).all()
