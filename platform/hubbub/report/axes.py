"""From values to places on a drawing: scales, ticks, and the frame around a plot."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, log10
from typing import NamedTuple

from hubbub.report.html import Html, el, join

#: Units of a drawing, which are about a pixel on a small screen.
WIDTH = 440
#: A share of their size by which numbers differ no more than rounding makes them.
_SAME = 1e-9
#: What is larger, or closer together, is out of the picture.
_MOST, _LEAST = 1e15, 1e-200


class Scale(NamedTuple):
    """
    Values from *low* to *high* on places from *start* to *end*.

    What lies far outside is put just outside, so that every place is a number.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of *value*."""
        share = (value - self.low) / ((self.high - self.low) or 1)
        share = max(-0.2, min(1.2, share))
        return self.start + share * (self.end - self.start)


class Frame(NamedTuple):
    """A plot's scales; *top* and *left* are where it begins, *height* is the drawing's."""

    x: Scale
    y: Scale
    height: float
    width: float = WIDTH

    def grid(
        self, ticks: Sequence[float], labels: Sequence[str] | None = None
    ) -> list[Html]:
        """Lines across at *ticks* of y, with what they are."""
        names = labels or [tick_label(tick, ticks) for tick in ticks]
        parts: list[Html] = []
        for tick, name in zip(ticks, names, strict=True):
            y = self.y(tick)
            ends = {"x1": self.x.start, "x2": self.x.end, "y1": y, "y2": y}
            parts.append(el("line", **ends, class_="grid"))
            parts.append(text(self.x.start - 7, y + 4, name, "tick end"))
        return parts

    def below(self, marks: Sequence[tuple[float, str]], title: str) -> list[Html]:
        """Labels under the plot at *marks* of x, and what x is."""
        y = self.y.start
        parts = [text(self.x(at), y + 17, name, "tick middle") for at, name in marks]
        middle = (self.x.start + self.x.end) / 2
        return [*parts, text(middle, y + 36, title, "axis middle")]

    def drawing(self, label: str, *parts: Html | list[Html]) -> Html:
        """The whole, for those who cannot see it called *label*."""
        return drawing(label, self.width, self.height, *parts)


def frame(
    x: tuple[float, float],
    y: tuple[float, float],
    *,
    height: float = 270,
    left: float = 44,
    pad: float = 8,
) -> Frame:
    """A plot of *x* and *y* from their lowest to their highest values."""
    return Frame(
        x=Scale(*x, left + pad, WIDTH - 10 - pad),
        y=Scale(*y, height - 46, 12),
        height=height,
    )


def drawing(label: str, width: float, height: float, *parts: Html | list[Html]) -> Html:
    """A drawing of *width* and *height*, for those who cannot see it called *label*."""
    inner = [part if isinstance(part, Html) else join(part) for part in parts]
    return el(
        "svg",
        el("title", label),
        *inner,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
    )


def text(x: float, y: float, words: str, kind: str) -> Html:
    """*words* at a place; *kind* says how large and on which side of it."""
    return el("text", words, x=x, y=y, class_=kind)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from *low* to *high*, *about* so many."""
    if high <= low:
        return [low]
    step = _step((high - low) / about)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [_short(place * step) for place in range(first, last + 1)]


def span(values: Sequence[float], *, zero: bool = False) -> tuple[float, float]:
    """Round limits around *values*; with *zero*, 0 is within them."""
    found = [max(-_MOST, min(_MOST, value)) for value in values] or [0.0, 1.0]
    low, high = min(found), max(found)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= max(_LEAST, _SAME * max(abs(low), abs(high))):
        reach = abs(high) / 2 if abs(high) > _LEAST else 1.0
        low, high = (low if zero and low == 0 else low - reach), high + reach
    step = _step((high - low) / 4)
    first, last = floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step
    return _short(first), _short(last)


def _step(rough: float) -> float:
    """The round number next to *rough*."""
    power = 10.0 ** floor(log10(rough))
    return next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)


def _short(value: float) -> float:
    """*value* without what rounding has added."""
    return float(f"{value:.12g}")


def tick_label(tick: float, among: Sequence[float]) -> str:
    """*tick* with as many digits as the *among* need to be told apart."""
    step = min((b - a for a, b in pairwise(among)), default=tick)
    digits = 0 if step == 0 else max(0, -floor(log10(abs(step)) + 1e-9))
    if round(step * 10**digits, 6) % 1:
        digits += 1
    return f"{tick:,.{digits}f}"
