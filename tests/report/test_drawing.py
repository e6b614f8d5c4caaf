"""Scales, ticks and pictures: each value is where it belongs."""

from hypothesis import given
from hypothesis import strategies as st

from hubbub.report.axes import Scale, span, tick_label, ticks
from hubbub.report.charts import Area, Line, columns, curves, heat, shares
from hubbub.report.network import MOST, SIZE, busiest, in_order, layout, picture
from hubbub.report.strips import Strip, strips

from .filing import Parsed

Numbers = st.floats(-1e12, 1e12, allow_nan=False)


@given(st.lists(Numbers, min_size=1))
def test_limits_are_around_all_values(values: list[float]) -> None:
    """And apart, so that a scale has a length."""
    low, high = span(values, zero=True)
    reach = 1e-9 * max(1.0, *map(abs, values))

    assert low < high
    assert low <= min(*values, 0) + reach
    assert high >= max(*values, 0) - reach


@given(Numbers, st.floats(1e-6, 1e12))
def test_ticks_are_few_and_within(low: float, reach: float) -> None:
    """Whatever the limits are."""
    found = ticks(low, low + reach)
    slack = 1e-6 * max(abs(low), reach)

    assert len(found) <= 12
    assert all(low - slack <= tick <= low + reach + slack for tick in found)


def test_ticks_are_told_apart_by_as_few_digits_as_do() -> None:
    """Neither 0.30000000000000004 nor three times 0."""
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert [tick_label(t, [0, 0.25, 0.5]) for t in (0, 0.25, 0.5)] == [
        "0.00",
        "0.25",
        "0.50",
    ]
    assert tick_label(1_000, [0, 1_000]) == "1,000"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_any_number_has_a_place(values: list[float]) -> None:
    """Also one that no picture is large enough for, and numbers next to each other."""
    points = [(float(place), value) for place, value in enumerate(values)]
    page = curves("x", [Line("measured", points, dots=True)], x_title="x")

    assert "inf" not in page
    assert "nan" not in page
    assert len(page) < 20_000


def test_a_scale_places_its_ends() -> None:
    """And a scale without a length places everything at its start."""
    scale = Scale(0, 10, 100, 200)

    assert (scale(0), scale(5), scale(10)) == (100, 150, 200)
    assert Scale(3, 3, 100, 200)(3) == 100


def test_a_curve_is_broken_where_it_is_undefined() -> None:
    """A single point between two holes is a dot."""
    points = [(1.0, 0.5), (2.0, 0.6), (3.0, None), (4.0, 0.7), (5.0, None)]
    page = Parsed(curves("x", [Line("measured", points)], x_title="round"))

    assert len(page.found("polyline")) == 1
    assert len(page.found("circle")) == 1


def test_drawings_of_nothing_are_drawings() -> None:
    """An empty run must not fail."""
    empty = [
        curves("x", [Line("a", [])], [Area("b", [(1.0, None, None)])], x_title="x"),
        columns("x", [], x_title="x"),
        heat("x", {}, [], x_title="x"),
        shares("x", {"nothing": {"a": 0.0}}),
        strips("x", [], x_title="x"),
        strips("x", [Strip("none")], x_title="x", zero=True),
        picture("x", layout([], {}, 1), {}, 0),
    ]

    for drawing in empty:
        assert Parsed(drawing).found("svg")


def test_bars_of_shares_have_the_same_length() -> None:
    """Whatever they are shares of."""
    rows = {"one": {"a": 1.0, "b": 3.0}, "other": {"a": 30.0}}
    bars = Parsed(shares("x", rows)).found("rect")
    widths = [float(bar["width"] or 0) for bar in bars]

    assert widths[0] + widths[1] == widths[2] - 0.8
    assert abs(3 * widths[0] - widths[1]) < 3


# -- networks


def test_places_depend_on_the_seed_alone() -> None:
    """The same network is the same picture."""
    ties = dict.fromkeys(zip("abcdefg", "bcdefga", strict=True), 1)
    seats = busiest(ties)

    assert layout(seats, ties, 1) == layout(seats, ties, 1)
    assert layout(seats, ties, 1) != layout(seats, ties, 2)


def test_who_talk_much_are_close() -> None:
    """Two circles that hardly meet lie apart."""
    circle = [("a", "b"), ("b", "c"), ("a", "c"), ("x", "y"), ("y", "z"), ("x", "z")]
    ties = dict.fromkeys(circle, 9) | {("a", "x"): 1}
    at = layout(busiest(ties), ties, 1)

    def apart(one: str, other: str) -> float:
        (x, y), (u, v) = at[one], at[other]
        return (x - u) ** 2 + (y - v) ** 2

    assert max(apart("b", "c"), apart("y", "z")) < min(apart("b", "y"), apart("c", "z"))


def test_places_are_within_the_picture() -> None:
    """Of any number of seats, which is bounded."""
    ties = {(f"L{i}", f"L{i + 1}"): i for i in range(1, 200)}
    seats = busiest(ties)
    at = layout(seats, ties, 1)

    assert len(seats) == MOST
    assert all(0 <= x <= SIZE and 0 <= y <= SIZE for x, y in at.values())


def test_seats_are_in_the_order_of_their_numbers() -> None:
    """L2 is before L10."""
    assert sorted(["L10", "L2", "ann"], key=in_order) == ["L2", "L10", "ann"]


# -- strips


def test_every_population_is_a_dot() -> None:
    """With the mean and its interval beside them."""
    rows = [Strip("arm", "0.5", [0.1, 0.5, 0.9], 0.5, 0.2, 0.8)]
    page = Parsed(strips("x", rows, x_title="ratio"))
    kinds = [circle["class"] for circle in page.found("circle")]

    assert kinds == ["unit measured"] * 3 + ["mean measured"]
    assert (
        len([n for n in page.found("line") if n["class"] == "interval measured"]) == 1
    )
