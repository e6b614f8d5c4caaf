"""Who talked with whom, as a picture: places that are drawn by lot and then settle."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import cos, hypot, pi, sin, sqrt

from hubbub.chance import generator
from hubbub.report.axes import drawing, text
from hubbub.report.html import Html, el

Pair = tuple[str, str]
Place = tuple[float, float]

#: Seats that one picture shows: those that talked most.
MOST = 60
#: Ties that one picture shows, the most frequent ones.
TIES = 400
SIZE = 400.0
_STEPS = 240
_EDGE = 40.0


def busiest(ties: Mapping[Pair, int], most: int = MOST) -> list[str]:
    """The seats of *ties* that talked most, at most so many, by name."""
    talked = strengths(ties)
    ranked = sorted(talked, key=lambda seat: (-talked[seat], in_order(seat)))
    return sorted(ranked[:most], key=in_order)


def strengths(ties: Mapping[Pair, int]) -> Counter[str]:
    """How often each seat talked."""
    talked: Counter[str] = Counter()
    for pair, times in ties.items():
        for seat in pair:
            talked[seat] += times
    return talked


def layout(
    seats: Sequence[str], ties: Mapping[Pair, int], seed: int
) -> dict[str, Place]:
    """
    A place for each of *seats*, in a picture that is `SIZE` wide and no higher.

    Who talk more are closer (Fruchterman and Reingold 1991).  They begin on a circle, in
    an order drawn from *seed*.
    """
    count = len(seats)
    lot = list(seats)
    generator(seed, "layout").shuffle(lot)
    angle = {seat: 2 * pi * i / max(1, count) for i, seat in enumerate(lot)}
    at = {seat: (cos(angle[seat]), sin(angle[seat])) for seat in seats}
    drawn = [(*p, n) for p, n in ties.items() if p[0] in at and p[1] in at]
    heaviest = max((n for *_, n in drawn), default=1)
    pull = [(one, other, sqrt(n / heaviest)) for one, other, n in drawn]
    reach = 2.4 / sqrt(max(1, count))
    for step in range(_STEPS):
        at = _settle(at, pull, reach, 0.15 * (1 - step / _STEPS))
    return _fitted(at)


def _settle(
    at: dict[str, Place],
    pull: Sequence[tuple[str, str, float]],
    reach: float,
    heat: float,
) -> dict[str, Place]:
    """Every place after one step, which is at most *heat* long."""
    force = {seat: [-0.4 * x, -0.4 * y] for seat, (x, y) in at.items()}
    seats = list(at)
    for place, one in enumerate(seats):
        x, y = at[one]
        for other in seats[place + 1 :]:
            dx, dy = x - at[other][0], y - at[other][1]
            near = max(dx * dx + dy * dy, 1e-6)
            push = reach * reach / near
            force[one][0] += dx * push
            force[one][1] += dy * push
            force[other][0] -= dx * push
            force[other][1] -= dy * push
    for one, other, strength in pull:
        dx, dy = at[one][0] - at[other][0], at[one][1] - at[other][1]
        draw = strength * hypot(dx, dy) / reach / 2
        force[one][0] -= dx * draw
        force[one][1] -= dy * draw
        force[other][0] += dx * draw
        force[other][1] += dy * draw
    moved: dict[str, Place] = {}
    for seat, (fx, fy) in force.items():
        length = max(hypot(fx, fy), 1e-9)
        share = min(length, heat) / length
        moved[seat] = at[seat][0] + fx * share, at[seat][1] + fy * share
    return moved


def _fitted(at: dict[str, Place]) -> dict[str, Place]:
    """The places scaled to `SIZE` and moved to the middle, with room for names."""
    xs, ys = [x for x, _ in at.values()], [y for _, y in at.values()]
    if not xs:
        return {}
    wide = max(max(xs) - min(xs), max(ys) - min(ys), 1e-9)
    middle = (max(xs) + min(xs)) / 2
    scale = (SIZE - 2 * _EDGE) / wide
    return {
        seat: (SIZE / 2 + (x - middle) * scale, _EDGE + (y - min(ys)) * scale)
        for seat, (x, y) in at.items()
    }


def picture(
    label: str, places: Mapping[str, Place], ties: Mapping[Pair, int], most: int
) -> Html:
    """
    *ties* between *places*: a disc's area is with how many a seat talked, its shade how
    often, a line's width how often two did; *most* is the width's and shade's full measure.
    """
    shown = {p: n for p, n in ties.items() if p[0] in places and p[1] in places}
    talked, met = strengths(shown), Counter[str]()
    for pair in shown:
        met.update(pair)
    busiest = max(talked.values(), default=1)
    ranked = sorted(shown.items(), key=lambda tie: (tie[1], tie[0]))[-TIES:]
    lines = [_tie(places, pair, times / max(1, most)) for pair, times in ranked]
    discs: list[Html] = []
    for seat, (x, y) in places.items():
        radius = 4 + 10 * sqrt(met[seat] / max(1, len(places) - 1))
        shade = talked[seat] / busiest
        # Ties are not to be seen through a disc, however light its shade.
        discs.append(el("circle", cx=x, cy=y, r=radius, class_="under"))
        discs.append(
            el(
                "circle",
                el("title", f"{seat}: {talked[seat]} with {met[seat]} others"),
                cx=x,
                cy=y,
                r=radius,
                class_="seat" if talked[seat] else "seat none",
                fill_opacity=f"{0.25 + 0.75 * shade:.2f}" if talked[seat] else None,
            )
        )
        if len(places) <= 40:
            discs.append(text(x, y - radius - 4, seat[:12], "name middle"))
    lowest = max((y for _, y in places.values()), default=SIZE)
    return drawing(label, SIZE, lowest + _EDGE, lines, discs)


def _tie(places: Mapping[str, Place], pair: Pair, share: float) -> Html:
    (x1, y1), (x2, y2) = places[pair[0]], places[pair[1]]
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    width, ink = f"{0.6 + 6 * share:.1f}", f"{0.25 + 0.55 * share:.2f}"
    return el("line", **ends, class_="tie", stroke_width=width, stroke_opacity=ink)


def in_order(seat: str) -> tuple[str, int, str]:
    """Where *seat* stands in a list: L2 comes before L10."""
    head = seat.rstrip("0123456789")
    tail = seat[len(head) :]
    return head, int(tail[-18:] or 0), seat
