"""Strips: a row for each of several groups, with dots, a mean and its interval."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from hubbub.report.axes import WIDTH, Scale, drawing, span, text, tick_label, ticks
from hubbub.report.html import Html, el

#: Dots of a row; of more the first ones are drawn.
MOST = 1_000
_EDGE = 12.0
#: Units that a row takes, and one whose note has a line of its own.
_TALL, _TALLER = 52.0, 66.0
#: Characters that fit on one line.
_LINE = 52


class Strip(NamedTuple):
    """
    A row called *label*, with a *note* at its end.

    *dots* are single values; *low* and *high* are the interval around *value*.  *kind*
    is ``measured``, or ``unusable`` for what must not be compared.
    """

    label: str
    note: str = ""
    dots: Sequence[float] = ()
    value: float | None = None
    low: float | None = None
    high: float | None = None
    kind: str = "measured"


def strips(
    label: str,
    rows: Sequence[Strip],
    *,
    x_title: str,
    zero: bool = False,
    x: tuple[float, float] | None = None,
) -> Html:
    """The *rows* over one axis; with *zero*, no difference is marked on it."""
    known = [v for row in rows for v in _values(row)]
    around = span(known, zero=zero) if any(known) or not zero else (-1.0, 1.0)
    scale = Scale(*(x or around), _EDGE, WIDTH - _EDGE)
    tops = [0.0, *accumulate(map(_height, rows))]
    bottom = tops[-1] + 4
    parts = _axis(scale, bottom, x_title, zero=zero)
    for row, top in zip(rows, tops, strict=False):
        parts += _row(row, top, scale)
    return drawing(label, WIDTH, bottom + 42, parts)


def _height(row: Strip) -> float:
    return _TALL if len(row.label) + len(row.note) < _LINE else _TALLER


def _values(row: Strip) -> list[float]:
    ends = [row.value, row.low, row.high]
    return [*row.dots, *(end for end in ends if end is not None)]


def _axis(scale: Scale, bottom: float, title: str, *, zero: bool) -> list[Html]:
    across = ticks(scale.low, scale.high)
    parts: list[Html] = []
    for tick in across:
        at = {"x1": scale(tick), "x2": scale(tick), "y1": 4.0, "y2": bottom}
        parts.append(el("line", **at, class_="grid"))
        name = tick_label(tick, across).replace("-", "\N{MINUS SIGN}")
        parts.append(text(scale(tick), bottom + 15, name, "tick middle"))
    if zero and scale.low <= 0 <= scale.high:
        at = {"x1": scale(0), "x2": scale(0), "y1": 4.0, "y2": bottom}
        parts.append(el("line", **at, class_="zero"))
    return [*parts, text(WIDTH / 2, bottom + 34, title, "axis middle")]


def _row(row: Strip, top: float, scale: Scale) -> list[Html]:
    y = top + _height(row) - 13
    parts = [text(_EDGE, top + 14, row.label, "label under-text")]
    if _height(row) > _TALL:
        parts.append(text(_EDGE, top + 28, row.note, "tick under-text"))
    else:
        parts.append(text(WIDTH - _EDGE, top + 14, row.note, "tick end under-text"))
    for place, value in enumerate(row.dots[:MOST]):
        # Dots beside each other can be told apart; where is by turns, not by lot.
        at = {"cx": scale(value), "cy": y - 8 - (place % 3) * 4}
        parts.append(el("circle", **at, r=2.8, class_=f"unit {row.kind}"))
    if row.low is not None and row.high is not None:
        ends = {"x1": scale(row.low), "x2": scale(row.high), "y1": y, "y2": y}
        parts.append(el("line", **ends, class_=f"interval {row.kind}"))
    if row.value is not None:
        at = {"cx": scale(row.value), "cy": y}
        parts.append(el("circle", **at, r=4.5, class_=f"mean {row.kind}"))
    return parts
