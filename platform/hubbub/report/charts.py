"""Charts as inline SVG: curves with bands, columns, heat, bars of shares, dots."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hubbub.report.axes import (
    WIDTH,
    Frame,
    Scale,
    drawing,
    frame,
    span,
    text,
    tick_label,
    ticks,
)
from hubbub.report.html import Html, el, number

Point = tuple[float, float | None]


class Line(NamedTuple):
    """*points* joined by a line of a *kind*; where one is undefined it is broken."""

    kind: str
    points: Sequence[Point]
    dots: bool = False


class Area(NamedTuple):
    """What lies between a low and a high value at each x."""

    kind: str
    points: Sequence[tuple[float, float | None, float | None]]


def curves(
    label: str,
    lines: Sequence[Line],
    areas: Sequence[Area] = (),
    *,
    x_title: str,
    y: tuple[float, float] | None = None,
    height: float = 270,
) -> Html:
    """Lines over *areas*, all over the same x."""
    xs = [x for line in lines for x, _ in line.points] or [0.0, 1.0]
    values = [v for line in lines for _, v in line.points if v is not None]
    values += [v for a in areas for _, *ends in a.points for v in ends if v is not None]
    plot = frame((min(xs), max(xs)), y or span(values), height=height)
    across = [tick for tick in ticks(min(xs), max(xs)) if tick % 1 == 0]
    marks = [(tick, tick_label(tick, across)) for tick in across]
    return plot.drawing(
        label,
        plot.grid(ticks(plot.y.low, plot.y.high)),
        [_area(plot, area) for area in areas],
        [part for line in lines for part in _line(plot, line)],
        plot.below(marks, x_title),
    )


def _line(plot: Frame, line: Line) -> list[Html]:
    parts: list[Html] = []
    for piece in _unbroken(line.points):
        if len(piece) > 1:
            places = (f"{number(plot.x(x))},{number(plot.y(y))}" for x, y in piece)
            parts.append(el("polyline", points=" ".join(places), class_=line.kind))
        if line.dots or len(piece) == 1:
            kind = f"dot {line.kind}"
            for x, y in piece:
                at = {"cx": plot.x(x), "cy": plot.y(y)}
                parts.append(el("circle", **at, r=2.6, class_=kind))
    return parts


def _unbroken(points: Sequence[Point]) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append((x, y))
    return [piece for piece in pieces if piece]


def _area(plot: Frame, area: Area) -> Html:
    known = [(x, a, b) for x, a, b in area.points if a is not None and b is not None]
    there = [f"{number(plot.x(x))},{number(plot.y(b))}" for x, _, b in known]
    back = [f"{number(plot.x(x))},{number(plot.y(a))}" for x, a, _ in reversed(known)]
    return el("polygon", points=" ".join([*there, *back]), class_=area.kind)


class Column(NamedTuple):
    """A column: its parts from the bottom up, by kind, and what stands under it."""

    parts: Mapping[str, float]
    name: str = ""


def columns(
    label: str,
    bars: Sequence[Column],
    *,
    x_title: str,
    height: float = 220,
) -> Html:
    """Stacked columns, side by side."""
    top = max((sum(bar.parts.values()) for bar in bars), default=0) or 1
    plot = frame((0, max(1, len(bars))), span([0, top]), height=height, pad=0)
    wide = (plot.x.end - plot.x.start) / max(1, len(bars))
    gap = min(2.0, wide / 5)
    drawn: list[Html] = []
    for place, bar in enumerate(bars):
        base = 0.0
        for kind, value in bar.parts.items():
            if not value:
                continue
            low, high = plot.y(base), plot.y(base + value)
            drawn.append(
                el(
                    "rect",
                    x=plot.x(place) + gap / 2,
                    y=high,
                    width=max(0.5, wide - gap),
                    height=low - high,
                    class_=kind,
                )
            )
            base += value
    marks = [(i + 0.5, bar.name) for i, bar in enumerate(bars) if bar.name]
    grid = [t for t in ticks(plot.y.low, plot.y.high, 4) if t % 1 == 0 or top < 2]
    return plot.drawing(label, plot.grid(grid), drawn, plot.below(marks, x_title))


def heat(
    label: str,
    rows: Mapping[str, Sequence[float]],
    names: Sequence[str],
    *,
    x_title: str,
) -> Html:
    """A row of cells for each of *rows*, the darker the more; *names* are the columns'."""
    high = max((v for row in rows.values() for v in row), default=0) or 1
    left = min(130, 16 + 7 * max(map(len, rows), default=0))
    tall, kind = (15.0, "tick end") if len(rows) <= 20 else (11.0, "tick end small")
    x = Scale(0, max(1, len(names)), left, WIDTH - 10)
    wide = (x.end - x.start) / max(1, len(names))
    parts: list[Html] = []
    for place, (row, cells) in enumerate(rows.items()):
        y = 4 + place * tall
        parts.append(text(left - 6, y + tall - 4 + (tall < 15), _short(row), kind))
        for at, value in enumerate(cells):
            parts.append(
                el(
                    "rect",
                    x=x(at),
                    y=y,
                    width=max(0.5, wide - 1),
                    height=tall - 1,
                    class_="cell" if value else "cell none",
                    fill_opacity=f"{0.15 + 0.85 * value / high:.2f}" if value else None,
                )
            )
    bottom = 4 + len(rows) * tall
    marks = [
        text(x(at + 0.5), bottom + 15, name, "tick middle")
        for at, name in enumerate(names)
        if name
    ]
    title = text((x.start + x.end) / 2, bottom + 33, x_title, "axis middle")
    return drawing(label, WIDTH, bottom + 42, parts, marks, title)


def _short(name: str) -> str:
    return name if len(name) <= 16 else name[:15] + "…"


def shares(
    label: str,
    rows: Mapping[str, Mapping[str, float]],
    notes: Mapping[str, str] | None = None,
) -> Html:
    """A bar for each of *rows*, all of the same length, split by kind."""
    parts: list[Html] = []
    notes = notes or {}
    start, end, tall = 4.0, WIDTH - 4.0, 42.0
    for place, (name, split) in enumerate(rows.items()):
        y, total = place * tall, sum(split.values()) or 1
        parts.append(text(start, y + 13, name, "label"))
        parts.append(text(end, y + 13, notes.get(name, ""), "tick end"))
        base = start
        for kind, value in split.items():
            wide = (end - start) * value / total
            if wide > 0:
                size = {"width": max(0.8, wide - 0.8), "height": 15}
                parts.append(el("rect", x=base, y=y + 19, **size, class_=kind))
            base += wide
    return drawing(label, WIDTH, max(1, len(rows)) * tall, parts)


def changes(label: str, rows: Mapping[str, tuple[float | None, float | None]]) -> Html:
    """For each of *rows* where it was, as a ring, and where it came to, as a disc."""
    known = [v for pair in rows.values() for v in pair if v is not None]
    low, high = span(known, zero=True)
    x, tall = Scale(low, high, 20, WIDTH - 20), 44.0
    bottom = len(rows) * tall + 6
    parts: list[Html] = []
    for tick in ticks(low, high):
        ends = {"x1": x(tick), "x2": x(tick), "y1": 4.0, "y2": bottom}
        parts.append(el("line", **ends, class_="grid"))
        name = tick_label(tick, ticks(low, high))
        parts.append(text(x(tick), bottom + 15, name, "tick middle"))
    for place, (name, (before, after)) in enumerate(rows.items()):
        y = place * tall + 30
        parts.append(text(20, y - 13, name, "label"))
        if before is None or after is None:
            parts.append(text(20, y + 4, "not answered", "tick"))
            continue
        ends = {"x1": x(before), "x2": x(after), "y1": y, "y2": y}
        parts.append(el("line", **ends, class_="measured"))
        parts.append(el("circle", cx=x(before), cy=y, r=5, class_="ring measured"))
        parts.append(el("circle", cx=x(after), cy=y, r=5, class_="dot measured"))
    return drawing(label, WIDTH, bottom + 24, parts)
