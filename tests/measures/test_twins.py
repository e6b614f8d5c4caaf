"""A run less its twin: seat by seat, place by place, and nothing before they part."""

import pytest

from hubbub.errors import UnknownName, UsageError
from hubbub.measures.effect import effect, treated
from hubbub.measures.points import Point, outcomes_in, read_points
from hubbub.measures.twins import Spill, changes, parted

from .telling import Tale, infiltrated

# -- points


def test_beliefs_are_those_of_the_claim() -> None:
    """Other statements are other outcomes."""
    tale = Tale("AB")
    tale.round(1)
    tale.result("beliefs", {"aspect": "nearby", "beliefs": {"A": 0.9}})
    tale.believe(A=0.1, B=0.2)

    assert read_points(tale.messages, "belief") == (
        Point(1, 1, 5, {"A": 0.1, "B": 0.2}),
    )


def test_gifts_of_one_round_are_one_point() -> None:
    """Whichever games they were in."""
    tale = Tale("ABCD")
    tale.game("1.1", A=1, B=2)
    tale.game("1.2", C=3, D=4)
    tale.game("2.1", A=5, C=6)

    found = read_points(tale.messages, "gift")
    assert [point.place for point in found] == [1, 2]
    assert found[0].values == {"A": 1, "B": 2, "C": 3, "D": 4}


def test_any_result_with_numbers_of_seats_is_an_outcome() -> None:
    """By its name and field; what is no number is left out."""
    tale = Tale("AB")
    tale.result("score", {"points": {"A": 3, "B": None}, "name": "x"})
    tale.result("score", {"name": "y"})

    assert outcomes_in(tale.messages) == ["result:score.points"]
    found = read_points(tale.messages, "result:score.points")
    assert [point.values for point in found] == [{"A": 3.0}, {}]


def test_an_outcome_that_there_is_not_is_named() -> None:
    """With those that there are."""
    with pytest.raises(UnknownName, match="belief"):
        read_points([], "beleif")


# -- differences


def test_only_what_both_have_is_compared() -> None:
    """The same places, the same seats, but for those that are left out."""
    present = [
        Point(1, 1, 5, {"A": 2.0, "B": 3.0, "M": 9.0}),
        Point(3, 3, 9, {"A": 1.0}),
    ]
    absent = [
        Point(1, 1, 4, {"A": 1.0, "B": 1.0, "X": 7.0}),
        Point(2, 2, 6, {"A": 0.0}),
    ]

    (found,) = changes(present, absent, apart=("B",))
    assert (found.place, found.seq, found.by_seat) == (1, 5, {"A": 1.0})
    assert (found.present, found.absent, found.effect) == (2.0, 1.0, 1.0)


def test_twins_part_with_what_the_adversary_does() -> None:
    """Its onset is heard by nobody, and places shift with it: neither parts them."""
    present, absent = (infiltrated(comes=c).messages for c in (True, False))
    word = next(m.seq for m in present if m.kind == "say" and m.seq > 8)

    assert parted(present, absent) == word
    assert parted(absent, absent) == 0
    assert parted(present, absent[:3]) > 0


def test_an_effect_is_told_by_distance_and_dose() -> None:
    """B was told once and rose by 0.3, C was not; before that nothing differs."""
    present, absent = (infiltrated(comes=c).messages for c in (True, False))
    found = effect(present, absent)
    (belief,) = found.outcomes

    assert [round(change.effect, 9) for change in belief.changes] == [0.0, 0.15]
    assert belief.spill == (
        Spill(distance=0, seats=("A",), effect=None),
        Spill(distance=1, seats=("B",), effect=0.3),
        Spill(distance=None, seats=("C",), effect=0.0),
    )
    assert belief.slope == pytest.approx(0.3)
    assert [(e.seat, e.heard) for e in found.seats] == [("A", 0), ("B", 1), ("C", 0)]


def test_the_claim_that_an_injection_names_is_traced() -> None:
    """Unless another text is asked for."""
    present = infiltrated(comes=True).messages

    (own,) = effect(present).lineages
    assert [carrier.seat for carrier in own.carriers] == ["A"]
    assert effect(present, carried=["hello"]).lineages[0].text == "hello"


def test_what_both_twins_have_is_no_difference_between_them() -> None:
    """An earlier injection goes on in both; the later one is the adversary."""
    present, absent = infiltrated(comes=True), infiltrated(comes=False)
    for tale in (present, absent):
        tale.turn("C", id="i2")

    found = effect(present.messages, absent.messages)
    assert [adversary.id for adversary in found.adversaries] == ["i1"]


def test_which_of_two_has_the_adversary_is_read_from_them() -> None:
    """And refused where that is neither, or each another one."""
    present, absent = infiltrated(comes=True), infiltrated(comes=False)
    other = infiltrated(comes=False)
    other.turn("B", id="i2")

    assert treated(present.messages, absent.messages)
    assert not treated(absent.messages, present.messages)
    with pytest.raises(UsageError, match="the same injections"):
        treated(absent.messages, absent.messages)
    with pytest.raises(UsageError, match="each of the two"):
        treated(present.messages, other.messages)
