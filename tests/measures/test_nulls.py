"""Nulls: what chance gives, by formula and by drawing."""

from itertools import product

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import UsageError
from hubbub.measures import nulls
from hubbub.measures.arrays import Contacts, Floats, contacts, windows
from hubbub.measures.nulls import band, expected_distinct, occupancy, shuffled, uniform
from hubbub.measures.party import Party
from hubbub.measures.ratios import distinct

from .hosting import party

#: Everybody invites the next one in every round; every other invitation is accepted.
RING = party("abcd", *[["ab!", "bc", "cd!", "da"]] * 6)


def draw(party: Party, draws: int = 500) -> Contacts:
    """All draws of uniform partners at once."""
    parts = list(uniform(party, draws, seed=1))
    return Contacts(
        np.concatenate([part.invitations for part in parts]),
        np.concatenate([part.conversations for part in parts]),
    )


def test_ten_even_invitations_of_nine_are_distinct_by_62_percent() -> None:
    """The chance level that the paper's curves lack."""
    mean, _ = occupancy(np.array([10.0]), 9)

    assert mean[0] / 10 == pytest.approx(9 * (1 - (8 / 9) ** 10) / 10)
    assert round(mean[0] / 10, 2) == 0.62


@pytest.mark.parametrize(("sent", "others"), [(0, 3), (1, 1), (4, 1), (3, 2), (5, 3)])
def test_occupancy_is_what_counting_all_cases_gives(sent: int, others: int) -> None:
    """Mean and variance over every way of inviting."""
    cases = [len(set(case)) for case in product(range(others), repeat=sent)]
    mean, variance = occupancy(np.array([float(sent)]), others)

    assert mean[0] == pytest.approx(np.mean(cases))
    assert variance[0] == pytest.approx(np.var(cases))


@given(sent=st.integers(0, 60), others=st.integers(1, 60))
def test_occupancy_stays_in_its_bounds(sent: int, others: int) -> None:
    """No more are met than there are, nor than were invited."""
    mean, variance = occupancy(np.array([float(sent)]), others)

    assert 0 <= mean[0] <= min(sent, others) + 1e-9
    assert 0 <= variance[0] <= min(sent, others) ** 2 / 4 + 1e-9


def test_drawing_and_formula_agree() -> None:
    """Mean, deviation and limits, for both readings and unequal seats."""
    guests = party("abcd", ["ab!", "bc"], ["ab!", "bc", "ca"], ["ab"], ["ab", "bd!"])
    drawn = windows(draw(guests, 20_000), 4).invitations
    sent = windows(contacts(guests), 4).invitations
    for width, reading in ((None, "total"), (4, "window")):
        exact = expected_distinct(sent, guests, width)
        assert exact is not None
        values = distinct(drawn, "window" if width else "total", 4).value[:, 0]

        assert exact.draws == 0
        assert exact.mean[0] == pytest.approx(values.mean(), abs=0.005), reading
        assert exact.sd[0] == pytest.approx(values.std(), rel=0.02), reading
        inside = (values >= exact.low[0]) & (values <= exact.high[0])
        assert inside.mean() > 0.9, reading


def test_the_formula_is_undefined_where_the_ratio_is() -> None:
    """Nobody invited anybody: there is no mean, by either way of seeing it."""
    silent = party("abc", [], [])
    sent = windows(contacts(silent), 2).invitations
    exact = expected_distinct(sent, silent, None)

    assert exact is not None
    assert np.isnan(exact.mean).all()
    assert np.isnan(exact.low).all()


def test_there_is_no_formula_where_not_everybody_could_be_invited() -> None:
    """A circle or a hierarchy has its own chance, which is drawn."""
    some = RING.invited[0]
    fewer = Party(
        seats=RING.seats,
        rounds=1,
        invited=(
            type(some)(round=1, inviter="a", outcome="answered", others=("b", "c")),
        ),
    )
    sent = windows(contacts(fewer), 1).invitations

    assert expected_distinct(sent, fewer, None) is None


def test_uniform_draws_keep_who_invites_when() -> None:
    """As many invitations in each round by each seat, none to oneself."""
    drawn, seen = draw(RING), contacts(RING)
    sums = drawn.invitations.sum(axis=-1)

    assert (sums == seen.invitations.sum(axis=-1)).all()
    assert not np.einsum("drii->dri", drawn.invitations).any()
    assert not np.einsum("drii->dri", drawn.conversations).any()


def test_uniform_draws_are_even() -> None:
    """Each of the others gets a third of a seat's invitations."""
    share = draw(RING, 2_000).invitations.mean(axis=(0, 1))

    assert share[~np.eye(4, dtype=bool)] == pytest.approx(1 / 3, abs=0.02)


def test_uniform_draws_keep_what_led_to_conversations() -> None:
    """Two seats invite to a conversation each: two, or one if they meet each other."""
    drawn = draw(RING)
    both_ways = drawn.conversations.sum(axis=(-2, -1))

    assert set(both_ways.ravel().tolist()) == {2, 4}
    assert (drawn.conversations == np.swapaxes(drawn.conversations, -1, -2)).all()
    assert np.mean(both_ways == 2) == pytest.approx(1 / 9, abs=0.02)


def test_uniform_draws_know_conversations_that_nobody_invited_to() -> None:
    """The one who opened it gets another partner."""
    opened = Party(
        seats=("a", "b", "c"), rounds=1, conversations=party("abc", ["ab!"]).held
    )
    drawn = draw(opened, 300)

    assert not drawn.invitations.any()
    assert (drawn.conversations[:, 0, 0].sum(axis=-1) == 1).all()
    assert drawn.conversations[:, 0, 0, 1].mean() == pytest.approx(0.5, abs=0.1)


def test_a_conversation_without_words_led_nowhere() -> None:
    """It was accepted and not held, and so it is in the draws."""
    guests = party("abc", ["ab!"])
    silent = msgspec.structs.replace(
        guests,
        conversations=(msgspec.structs.replace(guests.held[0], utterances=()),),
    )

    assert draw(silent, 40).invitations.any()
    assert not draw(silent, 40).conversations.any()


def test_shuffled_draws_only_move_rounds() -> None:
    """Each draw has all rounds of the party, none changed."""
    seen = contacts(party("abc", ["ab!"], ["bc", "ca!"], []))
    (drawn,) = shuffled(seen, 50, seed=1)
    rounds = sorted(round.tolist() for round in seen.invitations)

    assert all(sorted(r.tolist() for r in d) == rounds for d in drawn.invitations)
    assert len({d.tobytes() for d in drawn.invitations}) == 6


def test_draws_depend_on_their_seed_alone() -> None:
    """The same seed gives the same draws, in whatever batches."""
    whole = draw(RING, 40)
    again = draw(RING, 40)
    other = next(uniform(RING, 40, seed=2))

    assert (whole.invitations == again.invitations).all()
    assert (whole.invitations != other.invitations).any()


def test_batches_hold_no_more_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large party is drawn a few at a time, and comes out the same."""
    whole = draw(RING, 40)
    monkeypatch.setattr(nulls, "_BATCH", 1_000)

    assert len(list(uniform(RING, 40, seed=1))) == 4
    assert (draw(RING, 40).conversations == whole.conversations).all()


def test_shuffled_batches_go_on_where_the_last_one_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No order of rounds is used once more in each batch."""
    seen = contacts(party("abc", ["ab!"], ["bc", "ca!"], []))
    (whole,) = shuffled(seen, 50, seed=1)
    monkeypatch.setattr(nulls, "_BATCH", 200)
    parts = [part.invitations for part in shuffled(seen, 50, seed=1)]

    assert len(parts) == 8
    assert (np.concatenate(parts) == whole.invitations).all()


def test_a_band_is_of_ranks() -> None:
    """Of 39 draws the lowest and the highest; of 199 the fifth from either end."""
    for draws, rank in ((39, 1), (199, 5), (999, 25)):
        column = np.random.default_rng(1).permutation(draws).astype(float)[:, None]
        found = band(column)

        assert (found.low[0], found.high[0]) == (rank - 1, draws - rank)
        assert found.draws == draws


def test_a_band_holds_95_percent_of_further_draws() -> None:
    """However many draws it is made of."""
    chance = np.random.default_rng(1)
    for draws in (39, 150, 199):
        inside: list[bool] = []
        for _ in range(2_000):
            values: Floats = chance.normal(size=draws + 1)
            found = band(values[1:, None])
            inside.append(bool(found.low[0] <= values[0] <= found.high[0]))

        assert np.mean(inside) == pytest.approx(0.955, abs=0.015)


def test_undefined_draws_do_not_count() -> None:
    """A point that few draws define has a mean and no limits, or nothing at all."""
    draws = np.full((50, 2), np.nan)
    draws[:3, 0] = 0.5
    found = band(draws)

    assert found.mean[0] == 0.5
    assert np.isnan([found.low[0], found.mean[1], found.sd[1]]).all()


def test_too_few_draws_are_refused() -> None:
    """The message says how many it takes."""
    with pytest.raises(UsageError, match="39 draws or more, not 38"):
        nulls.check_draws(38)
